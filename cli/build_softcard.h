/* SPDX-License-Identifier: Apache-2.0 */
/* weft build --target softcard. Must not know about: compilers, containers (weft/softcard.h). */
#ifndef WEFT_CLI_BUILD_SOFTCARD_H
#define WEFT_CLI_BUILD_SOFTCARD_H

#include "cli/cli.h"

weft_status weft_cli_build_softcard(weft_cli *cli);

#endif
