/* SPDX-License-Identifier: Apache-2.0 */
/* weft verify over every schedule of a package: loaded once, a line each. Must not know about:
 * stored outputs, several backends at once. */
#ifndef WEFT_CLI_VERIFY_EVERY_H
#define WEFT_CLI_VERIFY_EVERY_H

#include "cli/cli.h"
#include "weft/package.h"

/* WEFT_MISMATCH when one does not pass. */
weft_status weft_cli_verify_every(weft_cli *cli, weft_package *package, double tolerance);

#endif
