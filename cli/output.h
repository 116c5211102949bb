/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments that name outputs: --output y.npy, --output name=@y.npy, --expected name=@y.npy.
 * Must not know about: devices, what is done with them. */
#ifndef WEFT_CLI_OUTPUT_H
#define WEFT_CLI_OUTPUT_H

#include "cli/cli.h"
#include "weft/package.h"

typedef struct weft_cli_outputs {
    size_t count;
    const char **files; /* one per output of the schedule; NULL where none was asked for; inside the
                           arguments */
} weft_cli_outputs;

/* Reads the repeated option and checks the names against the schedule. */
weft_status weft_cli_outputs_parse(weft_cli *cli, const char *option, const weft_package *package,
                                   size_t schedule, weft_cli_outputs *out_outputs);
void weft_cli_outputs_finish(weft_cli_outputs *outputs);

#endif
