/* SPDX-License-Identifier: Apache-2.0 */
/* --shape arguments: "input=1x3x160x160,4x3x160x160". Must not know about: models. */
#ifndef WEFT_CLI_SHAPE_H
#define WEFT_CLI_SHAPE_H

#include "cli/cli.h"
#include "weft/compiler.h"

typedef struct weft_cli_shapes {
    size_t schedule_count;   /* at least 1 */
    size_t input_count;      /* inputs named by --shape */
    weft_input_shape *items; /* schedule_count x input_count */
    char **names;            /* input_count, owned */
} weft_cli_shapes;

weft_status weft_cli_shapes_parse(weft_cli *cli, weft_cli_shapes *out_shapes);
/* The same for commands on packages: one shape per input, whose name may be left out. */
weft_status weft_cli_shapes_parse_one(weft_cli *cli, weft_cli_shapes *out_shapes);
void weft_cli_shapes_finish(weft_cli_shapes *shapes);

#endif
