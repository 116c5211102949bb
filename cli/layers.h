/* SPDX-License-Identifier: Apache-2.0 */
/* The layer table: what each step is, what it should cost (a model's number) and, when known, what
 * it cost (measured). Must not know about: sessions, files. */
#ifndef WEFT_CLI_LAYERS_H
#define WEFT_CLI_LAYERS_H

#include <jansson.h>
#include <stdio.h>

#include "weft/package.h"

typedef enum weft_cli_layer_sort { WEFT_CLI_SORT_ORDER, WEFT_CLI_SORT_TIME } weft_cli_layer_sort;

typedef struct weft_cli_layers {
    const weft_package *package;
    size_t schedule;
    const double *measured_us; /* one per step; NULL when nothing was measured */
    const char *measured_by;   /* NULL: the device; else what the column source says of them */
    double clock_mhz;          /* of the card the package is planned for: predicted cycles become
                                  times; 0: none */
    double wall_us;            /* of one whole run, for the gap line */
    double peak_gflops;        /* of the target with the threads used; 0 when unknown */
    double peak_gops;          /* the same for products of 8-bit values */
    weft_cli_layer_sort sort;
    size_t node_limit; /* source nodes named per row, the rest counted; 0: all */
} weft_cli_layers;

void weft_cli_layers_print(FILE *out, const weft_cli_layers *layers);
json_t *weft_cli_layers_json(const weft_cli_layers *layers);

#endif
