/* SPDX-License-Identifier: Apache-2.0 */
/* A model made for looking into, compiled and loaded: weft quantize runs two of them. Must not know
 * about: where data come from, what is done with the outputs. */
#ifndef WEFT_CLI_OBSERVER_H
#define WEFT_CLI_OBSERVER_H

#include "cli/engine.h"
#include "weft/compiler.h"

typedef struct weft_cli_observer {
    weft_package *package;
    weft_cli_engine engine;
} weft_cli_observer;

/* Compiles the model to a file beside `path`, which is gone once it is loaded. */
weft_status weft_cli_observer_open(weft_cli *cli, weft_model *model, const char *path,
                                   weft_cli_observer *out_observer);
void weft_cli_observer_close(weft_cli_observer *observer);
weft_status weft_cli_observer_run(weft_cli *cli, weft_cli_observer *observer);
const float *weft_cli_observer_output(const weft_cli_observer *observer, int index);
void *weft_cli_observer_input(const weft_cli_observer *observer, size_t index);

#endif
