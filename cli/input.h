/* SPDX-License-Identifier: Apache-2.0 */
/* Data for the inputs of a package: --input arguments to bytes in the dtype and shape that a
 * schedule takes. Must not know about: devices, sessions. */
#ifndef WEFT_CLI_INPUT_H
#define WEFT_CLI_INPUT_H

#include "cli/cli.h"
#include "weft/package.h"

/* "NAME=@file" taken apart; name is NULL when it was left out. */
typedef struct weft_cli_binding {
    char *name;
    const char *value; /* "@file", "random:7", "zeros"; inside the argument */
} weft_cli_binding;
/* False when the text is neither. */
bool weft_cli_binding_parse(const char *text, weft_cli_binding *out_binding);

typedef struct weft_cli_inputs {
    size_t schedule;
    bool is_chosen; /* by --shape, --schedule or the shapes of npy files; otherwise it is the first
                     */
    size_t count;
    struct weft_cli_input {
        weft_tensor_info tensor;
        void *data;
        char *origin; /* "x.npy", "random:0" */
    } * items;
} weft_cli_inputs;

/* Reads the --input options. Inputs that none names get random data when fill_absent is set,
 * otherwise that is an error. */
weft_status weft_cli_inputs_load(weft_cli *cli, const weft_package *package, bool fill_absent,
                                 weft_cli_inputs *out_inputs);
/* The same for this schedule, whatever the options choose. */
weft_status weft_cli_inputs_load_for(weft_cli *cli, const weft_package *package, size_t schedule,
                                     bool fill_absent, weft_cli_inputs *out_inputs);
void weft_cli_inputs_finish(weft_cli_inputs *inputs);

#endif
