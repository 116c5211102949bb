/* SPDX-License-Identifier: Apache-2.0 */
/* Opening packages and models; see load.h. Must not know about: what is done with them. */
#include <stdlib.h>
#include <string.h>

#include "cli/load.h"
#include "cli/memory.h"
#include "cli/shape.h"
#include "cli/text.h"

weft_status weft_cli_open_package(weft_cli *cli, weft_package **out_package)
{
    const char *path = cli->args.operands[0];
    *out_package = NULL;
    if (weft_cli_ends_with(path, ".onnx")) {
        char *package = weft_cli_with_ending(path, ".weft");
        weft_status status = weft_cli_error(
            &cli->errors, WEFT_CLI_E_NOT_A_PACKAGE,
            "%s is an ONNX model; weft %s works on compiled packages", path, cli->verb->name);
        weft_cli_error_field(&cli->errors, WEFT_DIAG_TRY, "weft compile %s -o %s && weft %s %s",
                             path, package, cli->verb->name, package);
        free(package);
        return status;
    }
    return weft_package_open(path, cli->diag, out_package);
}

weft_status weft_cli_open_models(weft_cli *cli, weft_cli_models *out_models)
{
    *out_models = (weft_cli_models){0};
    for (size_t i = 0; i < cli->args.operand_count; i++)
        if (weft_cli_ends_with(cli->args.operands[i], ".weft")) {
            weft_status status =
                weft_cli_error(&cli->errors, WEFT_CLI_E_NOT_A_MODEL,
                               "%s is a package; weft %s starts from an ONNX model",
                               cli->args.operands[i], cli->verb->name);
            weft_cli_error_field(&cli->errors, WEFT_DIAG_TRY, "weft inspect %s",
                                 cli->args.operands[i]);
            return status;
        }
    weft_cli_shapes shapes;
    weft_status status = weft_cli_shapes_parse(cli, &shapes);
    out_models->items =
        weft_cli_alloc_array(cli->args.operand_count * shapes.schedule_count, sizeof(weft_model *));
    for (size_t file = 0; status == WEFT_OK && file < cli->args.operand_count; file++)
        for (size_t schedule = 0; status == WEFT_OK && schedule < shapes.schedule_count;
             schedule++) {
            weft_model_params params = WEFT_MODEL_PARAMS_DEFAULT;
            params.path = cli->args.operands[file];
            params.shapes = shapes.items + schedule * shapes.input_count;
            params.shape_count = shapes.input_count;
            status = weft_model_open(&params, cli->diag, &out_models->items[out_models->count]);
            out_models->count += status == WEFT_OK ? 1 : 0;
        }
    weft_cli_shapes_finish(&shapes);
    return status;
}

void weft_cli_models_finish(weft_cli_models *models)
{
    for (size_t i = 0; i < models->count; i++)
        weft_model_close(models->items[i]);
    free(models->items);
    *models = (weft_cli_models){0};
}

weft_session_params weft_cli_session_params(const weft_cli *cli, size_t schedule)
{
    weft_session_params params = WEFT_SESSION_PARAMS_DEFAULT;
    params.backend = weft_cli_args_text(&cli->args, "backend", NULL);
    params.device = (int32_t)weft_cli_args_int(&cli->args, "device", 0);
    params.threads = (int32_t)weft_cli_args_int(&cli->args, "threads", 0);
    params.cache_dir = weft_cli_args_text(&cli->args, "cache-dir", NULL);
    params.bitstream = weft_cli_args_text(&cli->args, "xclbin", NULL);
    params.launch_timeout_ns =
        (uint64_t)(weft_cli_args_real(&cli->args, "launch-timeout", 0) * 1e9);
    params.schedule = schedule;
    return params;
}
