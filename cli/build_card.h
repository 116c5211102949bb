/* SPDX-License-Identifier: Apache-2.0 */
/* weft build for a card: the options of the vendor's tools, progress with the time of each step,
 * what came out of it. Must not know about: the tools themselves (weft/flow.h). */
#ifndef WEFT_CLI_BUILD_CARD_H
#define WEFT_CLI_BUILD_CARD_H

#include "cli/cli.h"

extern const weft_cli_option weft_cli_build_card_options[];

/* Whether --target names one of these targets. */
bool weft_cli_build_is_card(const char *target);
weft_status weft_cli_build_card(weft_cli *cli, const char *target);

#endif
