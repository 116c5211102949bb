/* SPDX-License-Identifier: Apache-2.0 */
/* Opening what verbs work on: packages, models with --shape, sessions with the running options.
 * Must not know about: what is done with them. */
#ifndef WEFT_CLI_LOAD_H
#define WEFT_CLI_LOAD_H

#include "cli/cli.h"
#include "weft/compiler.h"
#include "weft/runtime.h"

/* Operand 0 as a package. An ONNX file is answered with the command that compiles it. */
weft_status weft_cli_open_package(weft_cli *cli, weft_package **out_package);

/* The operands as models: each file once for every shape of --shape. */
typedef struct weft_cli_models {
    weft_model **items;
    size_t count;
} weft_cli_models;
weft_status weft_cli_open_models(weft_cli *cli, weft_cli_models *out_models);
void weft_cli_models_finish(weft_cli_models *models);

/* Parameters from --backend, --device, --threads, --cache-dir, --xclbin and --launch-timeout. */
weft_session_params weft_cli_session_params(const weft_cli *cli, size_t schedule);

#endif
