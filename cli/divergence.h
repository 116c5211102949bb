/* SPDX-License-Identifier: Apache-2.0 */
/* The first layer on which executors differ: how the element comes about, and the package that
 * holds this step alone, with its inputs beside it. Must not know about: how layers are compared.
 */
#ifndef WEFT_CLI_DIVERGENCE_H
#define WEFT_CLI_DIVERGENCE_H

#include "cli/against.h"

/* The lines of weft_request_explain for a row that is DIFFERENT; NULL when there is none. Release
 * with weft_explanation_destroy. */
weft_explanation *weft_cli_divergence_explain(weft_cli *cli, const weft_cli_against *against,
                                              const weft_cli_against_row *row);
void weft_cli_divergence_print(FILE *out, const weft_explanation *explanation);

/* Cuts the row's step into `path` and writes each of its inputs to an npy file beside it
 * ("cut.weft", "cut.in0.npy"). *out_command: what runs it again; release with free. */
weft_status weft_cli_divergence_reduce(weft_cli *cli, const weft_cli_against *against,
                                       const weft_cli_against_row *row, const char *path,
                                       char **out_command);

#endif
