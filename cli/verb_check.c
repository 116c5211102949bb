/* SPDX-License-Identifier: Apache-2.0 */
/* weft check: is a model supported? All problems at once, a summary, and what would fuse into how
 * many steps. Writes nothing. Must not know about: devices, package files. */
#include <string.h>

#include "cli/cli.h"
#include "cli/float_layers.h"
#include "cli/json.h"
#include "cli/load.h"
#include "cli/model_summary.h"
#include "cli/plan_summary.h"
#include "cli/report.h"

static json_t *diagnostics_json(const weft_cli *cli)
{
    json_t *list = json_array();
    for (size_t i = 0; i < weft_diag_count(cli->diag); i++)
        json_array_append_new(list, weft_cli_json_diag_entry(weft_diag_get(cli->diag, i)));
    for (size_t i = 0; i < cli->errors.count; i++)
        json_array_append_new(list, weft_cli_json_diag_entry(&cli->errors.entries[i]));
    return list;
}

static json_t *models_json(const weft_cli_models *models)
{
    json_t *list = json_array();
    for (size_t i = 0; i < models->count; i++)
        json_array_append_new(list, weft_cli_model_json(models->items[i]));
    return list;
}

static weft_status plan_models(weft_cli *cli, const weft_cli_models *models,
                               weft_compile_report **out_report)
{
    weft_compile_params params = WEFT_COMPILE_PARAMS_DEFAULT;
    params.target = weft_cli_args_text(&cli->args, "target", NULL);
    params.threads = (int32_t)weft_cli_args_int(&cli->args, "threads", 0);
    return weft_compile(models->items, models->count, &params, NULL, cli->diag, out_report);
}

static weft_status run(weft_cli *cli)
{
    weft_cli_models models;
    weft_compile_report *report = NULL;
    weft_status status = weft_cli_open_models(cli, &models);
    if (status == WEFT_OK)
        status = plan_models(cli, &models, &report);
    weft_cli_report_flush(cli);
    if (status == WEFT_USAGE) { /* the question was wrong: no answer */
        weft_cli_models_finish(&models);
        return status;
    }
    json_t *plan =
        report == NULL ? NULL : json_loads(weft_compile_report_plan_json(report), 0, NULL);
    if (cli->is_json) {
        json_t *json = weft_cli_json_create("weft.check/1");
        json_object_set_new(json, "supported", json_boolean(status == WEFT_OK));
        json_object_set_new(json, "exit_code", json_integer(weft_status_exit_code(status)));
        json_object_set_new(json, "model",
                            models.count > 0 ? weft_cli_model_json(models.items[0]) : json_null());
        if (models.count > 1)
            json_object_set_new(json, "models", models_json(&models));
        json_object_set_new(json, "placement", weft_cli_plan_summary_json(plan));
        json_object_set_new(json, "float_layers", weft_cli_float_layers_json(report));
        json_object_set_new(json, "diagnostics", diagnostics_json(cli));
        weft_cli_json_print(json, cli->out);
    } else {
        for (size_t i = 0; i < models.count; i++) {
            if (i > 0)
                fputc('\n', cli->out);
            weft_cli_model_print(cli->out, models.items[i]);
        }
        if (plan != NULL)
            weft_cli_plan_summary_print(cli->out, plan);
        if (report != NULL)
            weft_cli_float_layers_print(cli->out, report);
        if (status == WEFT_OK)
            fprintf(cli->out, "supported   yes\n");
        else
            fprintf(cli->out, "supported   no: %zu problem%s above%s\n",
                    weft_diag_error_count(cli->diag) + cli->errors.count,
                    weft_diag_error_count(cli->diag) + cli->errors.count == 1 ? "" : "s",
                    models.count > 0 ? "" : "; kernels are looked for once the model can be read");
    }
    json_decref(plan);
    weft_compile_report_destroy(report);
    weft_cli_models_finish(&models);
    return status;
}

static const weft_cli_option options[] = {
    {"target", 0, WEFT_CLI_TEXT, "NAME", NULL, 0, 0,
     "target to plan for; default: this machine (weft list targets)"},
    {"threads", 0, WEFT_CLI_INT, "N", NULL, 0, 4096,
     "compute threads to plan for; 0 (default) = all cores"},
    WEFT_CLI_OPTIONS_END,
};

const weft_cli_verb weft_cli_verb_check = {
    .name = "check",
    .summary = "say whether a model is supported, with all problems at once",
    .operands = "MODEL.onnx [MODEL.onnx ...]",
    .operand_min = 1,
    .operand_max = 64,
    .operand_words = ".onnx",
    .groups = {weft_cli_shape_options, options, weft_cli_common_options},
    .description =
        "Reads the model, infers every shape, rewrites and plans it as weft compile does, and "
        "writes nothing. Every problem of a stage is reported, not only the first, with the "
        "nodes that have it, the reason and what to try. For a supported model it prints the "
        "summary and a preview of the placement: how many nodes fuse into how many steps, by "
        "operator.\n\n"
        "Several files, or several shapes of one, are checked as schedules of one package: they must "
        "be the same network at other shapes (weft help shapes).\n\n"
        "The exit code is the verdict: 0 supported, 3 invalid, 4 not supported, 5 does not fit "
        "the target.",
    .examples = "weft check model.onnx\n"
                "weft check model.onnx --shape input=1x3x224x224\n"
                "weft check m_128.onnx m_224.onnx m_384.onnx\n"
                "weft check model.onnx --json | jq '.diagnostics[].summary'",
    .run = run,
};
