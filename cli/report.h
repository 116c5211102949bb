/* SPDX-License-Identifier: Apache-2.0 */
/* Messages on stderr: diagnostics, progress. Must not know about: what the verbs do. */
#ifndef WEFT_CLI_REPORT_H
#define WEFT_CLI_REPORT_H

#include "cli/cli.h"

/* Decides colours and moving lines from --color, NO_COLOR and whether stderr is a terminal. */
void weft_cli_report_setup(weft_cli *cli);

/* Prints the diagnostics of the libraries and of the program that were not printed yet. -q leaves
 * out notes. */
void weft_cli_report_flush(weft_cli *cli);

/* "[3/9] title": a moving line on a terminal, otherwise a line each; nothing with -q. */
void weft_cli_progress(weft_cli *cli, int stage, int stage_count, const char *title);
/* Removes a moving line, so that other text can follow. */
void weft_cli_progress_end(weft_cli *cli);

#endif
