/* SPDX-License-Identifier: Apache-2.0 */
/* weft verify: the same inputs on two backends (or against stored outputs), every value compared,
 * one verdict. Must not know about: measuring time. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/against.h"
#include "cli/cli.h"
#include "cli/compare.h"
#include "cli/divergence.h"
#include "cli/engine.h"
#include "cli/json.h"
#include "cli/load.h"
#include "cli/memory.h"
#include "cli/npy.h"
#include "cli/output.h"
#include "cli/report.h"
#include "cli/schedule.h"
#include "cli/text.h"
#include "cli/values.h"
#include "cli/verdict.h"
#include "cli/verify_every.h"

/* See `weft help verdict`: reordered f32 sums stay below 1e-5 over the depth of the reference
 * models, a wrong kernel does not. */
static const double default_tolerance = 1e-4;

static weft_status run_engine(weft_cli *cli, weft_package *package,
                              const weft_session_params *params, const weft_cli_inputs *inputs,
                              weft_cli_engine *engine)
{
    weft_status status = weft_cli_engine_create(cli, package, params, engine);
    weft_cli_report_flush(cli);
    if (status != WEFT_OK)
        return status;
    weft_cli_engine_set_inputs(engine, inputs);
    return weft_request_run(engine->request, 0, cli->diag);
}

static weft_status verify_backend(weft_cli *cli, weft_package *package,
                                  const weft_cli_inputs *inputs, weft_cli_verdict *verdict)
{
    const char *reference_name = weft_cli_args_text(&cli->args, "reference", "ref");
    weft_cli_engine actual = {0}, reference = {0};
    weft_session_params params = weft_cli_session_params(cli, inputs->schedule);
    params.keep_values = true;
    weft_cli_progress(cli, 1, 3, "run the package");
    weft_status status = run_engine(cli, package, &params, inputs, &actual);
    if (status == WEFT_OK) {
        params.backend = reference_name;
        params.device = 0;
        weft_cli_progress(cli, 2, 3, "run the reference");
        status = run_engine(cli, package, &params, inputs, &reference);
    }
    if (status == WEFT_OK) {
        weft_cli_progress(cli, 3, 3, "compare");
        status =
            weft_cli_compare_engines(cli, package, inputs->schedule, &actual, &reference, verdict);
        verdict->actual = weft_cli_engine_describe(&actual);
        verdict->reference = weft_cli_engine_describe(&reference);
    }
    weft_cli_progress_end(cli);
    weft_cli_engine_finish(&actual);
    weft_cli_engine_finish(&reference);
    return status;
}

static weft_status compare_file(weft_cli *cli, const weft_tensor_info *tensor, const char *file,
                                const void *actual, weft_cli_verdict *verdict)
{
    weft_npy npy;
    weft_status status = weft_npy_read(file, &cli->errors, &npy);
    if (status != WEFT_OK)
        return status;
    bool same_dtype = strcmp(npy.dtype, tensor->dtype) == 0;
    if (!same_dtype || npy.rank != tensor->rank ||
        memcmp(npy.dims, tensor->dims, (size_t)npy.rank * sizeof npy.dims[0]) != 0) {
        char expected[WEFT_CLI_SHAPE_TEXT], found[WEFT_CLI_SHAPE_TEXT];
        status =
            weft_cli_error(&cli->errors, same_dtype ? WEFT_CLI_E_NPY_SHAPE : WEFT_CLI_E_NPY_DTYPE,
                           "%s does not fit output %s", file, tensor->name);
        weft_cli_error_field(&cli->errors, WEFT_DIAG_EXPECTED, "%s %s", tensor->dtype,
                             weft_cli_format_shape(tensor->rank, tensor->dims, expected));
        weft_cli_error_field(&cli->errors, WEFT_DIAG_FOUND, "%s %s", npy.dtype,
                             weft_cli_format_shape(npy.rank, npy.dims, found));
    } else {
        weft_cli_compare_output(verdict, tensor, actual, npy.data);
    }
    weft_npy_finish(&npy);
    return status;
}

static weft_status verify_files(weft_cli *cli, weft_package *package, const weft_cli_inputs *inputs,
                                weft_cli_verdict *verdict)
{
    weft_cli_outputs expected;
    weft_cli_engine engine = {0};
    weft_session_params params = weft_cli_session_params(cli, inputs->schedule);
    weft_status status =
        weft_cli_outputs_parse(cli, "expected", package, inputs->schedule, &expected);
    if (status == WEFT_OK)
        status = run_engine(cli, package, &params, inputs, &engine);
    for (size_t i = 0; status == WEFT_OK && i < expected.count; i++) {
        weft_tensor_info tensor;
        weft_package_get_output(package, inputs->schedule, i, &tensor);
        if (expected.files[i] != NULL)
            status = compare_file(cli, &tensor, expected.files[i],
                                  weft_request_get_output(engine.request, i), verdict);
    }
    if (status == WEFT_OK) {
        verdict->actual = weft_cli_engine_describe(&engine);
        verdict->reference = weft_cli_strdup("stored outputs");
    }
    weft_cli_engine_finish(&engine);
    weft_cli_outputs_finish(&expected);
    return status;
}

/* The answer of --against for one schedule, with the first difference explained and, with --reduce,
 * cut out. Of several, title is the schedule's, and list the answer as JSON. */
static weft_status report_against(weft_cli *cli, const weft_cli_against *against, const char *title,
                                  json_t *list)
{
    const weft_cli_against_row *first = weft_cli_against_first(against);
    const char *path = weft_cli_args_text(&cli->args, "reduce", NULL);
    char *command = NULL;
    weft_status status = WEFT_OK;
    weft_explanation *explanation =
        first == NULL ? NULL : weft_cli_divergence_explain(cli, against, first);
    if (first != NULL && path != NULL)
        status = weft_cli_divergence_reduce(cli, against, first, path, &command);
    if (list != NULL)
        json_array_append_new(list, weft_cli_against_json(against, explanation, command));
    else if (cli->is_json)
        weft_cli_json_print(weft_cli_against_json(against, explanation, command), cli->out);
    else {
        if (title != NULL)
            fprintf(cli->out, "%sschedule %zu: %s\n", against->schedule == 0 ? "" : "\n",
                    against->schedule, title);
        weft_cli_against_print(cli->out, against, explanation, command);
    }
    weft_explanation_destroy(explanation);
    free(command);
    return status;
}

static weft_status verify_against(weft_cli *cli, weft_package *package,
                                  const weft_cli_inputs *inputs, const char *title, json_t *list)
{
    weft_cli_executors executors;
    weft_cli_against against = {0};
    weft_status status = weft_cli_executors_run(
        cli, package, weft_cli_args_text(&cli->args, "against", "all"), inputs, &executors);
    if (status == WEFT_OK)
        status = weft_cli_against_compare(
            cli, package, inputs->schedule, &executors,
            weft_cli_args_real(&cli->args, "tolerance", default_tolerance), &against);
    if (status == WEFT_OK)
        status = report_against(cli, &against, title, list);
    if (status == WEFT_OK && !weft_cli_against_passes(&against))
        status = WEFT_MISMATCH;
    weft_cli_against_finish(&against);
    weft_cli_executors_finish(&executors);
    return status;
}

/* One after the other; with --reduce, which writes one file, up to the first that differs. */
static weft_status every_against(weft_cli *cli, weft_package *package, size_t count)
{
    json_t *list = cli->is_json ? json_array() : NULL;
    bool reduces = weft_cli_args_has(&cli->args, "reduce");
    size_t different = 0;
    weft_status status = WEFT_OK;
    for (size_t s = 0; status == WEFT_OK && s < count && !(reduces && different > 0); s++) {
        weft_cli_inputs inputs = {0};
        char *title = weft_cli_schedule_title(package, s);
        status = weft_cli_inputs_load_for(cli, package, s, true, &inputs);
        if (status == WEFT_OK)
            status = verify_against(cli, package, &inputs, title, list);
        weft_cli_inputs_finish(&inputs);
        free(title);
        if (status != WEFT_MISMATCH)
            continue;
        different++;
        status = WEFT_OK;
    }
    if (status == WEFT_OK && list != NULL) {
        json_t *json = weft_cli_json_create("weft.against/1");
        json_object_set_new(json, "passed", json_boolean(different == 0));
        json_object_set(json, "schedules", list);
        weft_cli_json_print(json, cli->out);
    } else if (status == WEFT_OK && different == 0) {
        fprintf(cli->out, "\nPASSED: %zu schedules\n", count);
    } else if (status == WEFT_OK) {
        fprintf(cli->out, "\nFAILED: %zu of %zu schedules\n", different, count);
    }
    json_decref(list);
    return status == WEFT_OK && different > 0 ? WEFT_MISMATCH : status;
}

static weft_status run_against(weft_cli *cli)
{
    weft_package *package = NULL;
    weft_cli_inputs inputs = {0};
    weft_package_info info = {0};
    weft_status status = weft_cli_open_package(cli, &package);
    if (status == WEFT_OK)
        status = weft_cli_inputs_load(cli, package, true, &inputs);
    if (status == WEFT_OK)
        weft_package_get_info(package, &info);
    if (status == WEFT_OK && (inputs.is_chosen || info.schedule_count == 1))
        status = verify_against(cli, package, &inputs, NULL, NULL);
    else if (status == WEFT_OK)
        status = every_against(cli, package, info.schedule_count);
    if (status == WEFT_OK && weft_cli_args_has(&cli->args, "reduce"))
        weft_cli_note(&cli->errors, WEFT_SEVERITY_NOTE, "--reduce wrote nothing: no layer differs");
    weft_cli_inputs_finish(&inputs);
    weft_package_close(package);
    return status;
}

/* Two options of which one alone may be given. */
static weft_status check_conflict(weft_cli *cli, const char *one, const char *other)
{
    if (!weft_cli_args_has(&cli->args, one) || !weft_cli_args_has(&cli->args, other))
        return WEFT_OK;
    weft_status status = weft_cli_error(&cli->errors, WEFT_CLI_E_CONFLICT,
                                        "--%s and --%s exclude each other", one, other);
    weft_cli_error_field(&cli->errors, WEFT_DIAG_TRY, "two calls, one with each");
    return status;
}

static weft_status verify_one(weft_cli *cli, weft_package *package, const weft_cli_inputs *inputs,
                              double tolerance)
{
    bool has_files = weft_cli_args_has(&cli->args, "expected");
    weft_cli_verdict verdict = {.tolerance = tolerance};
    weft_status status = has_files ? verify_files(cli, package, inputs, &verdict)
                                   : verify_backend(cli, package, inputs, &verdict);
    if (status == WEFT_OK && verdict.count == 0) {
        status = weft_cli_error(&cli->errors, WEFT_CLI_E_REFERENCE, "nothing to compare with");
        weft_cli_error_field(&cli->errors, WEFT_DIAG_TRY,
                             "--reference ref, or --expected NAME=@file.npy");
    }
    if (status == WEFT_OK) {
        if (cli->is_json)
            weft_cli_json_print(weft_cli_verdict_json(&verdict, cli->args.operands[0], inputs),
                                cli->out);
        else
            weft_cli_verdict_print(cli->out, &verdict, weft_cli_args_has(&cli->args, "layers"));
        status = weft_cli_verdict_passes(&verdict) ? WEFT_OK : WEFT_MISMATCH;
    }
    weft_cli_verdict_finish(&verdict);
    return status;
}

static weft_status run(weft_cli *cli)
{
    static const char *const excluding[][2] = {{"reference", "expected"},
                                               {"against", "reference"},
                                               {"against", "expected"},
                                               {"against", "backend"}};
    weft_status conflict = WEFT_OK;
    for (size_t i = 0; conflict == WEFT_OK && i < sizeof excluding / sizeof excluding[0]; i++)
        conflict = check_conflict(cli, excluding[i][0], excluding[i][1]);
    if (conflict == WEFT_OK && weft_cli_args_has(&cli->args, "reduce") &&
        !weft_cli_args_has(&cli->args, "against")) {
        conflict =
            weft_cli_error(&cli->errors, WEFT_CLI_E_CONFLICT, "--reduce goes with --against alone");
        weft_cli_error_field(&cli->errors, WEFT_DIAG_TRY, "--against all --reduce FILE");
    }
    if (conflict != WEFT_OK)
        return conflict;
    if (weft_cli_args_has(&cli->args, "against"))
        return run_against(cli);
    bool has_files = weft_cli_args_has(&cli->args, "expected");
    double tolerance = weft_cli_args_real(&cli->args, "tolerance", default_tolerance);
    weft_package *package = NULL;
    weft_package_info info = {0};
    weft_cli_inputs inputs = {0};
    weft_status status = weft_cli_open_package(cli, &package);
    if (status == WEFT_OK)
        status = weft_cli_inputs_load(cli, package, !has_files, &inputs);
    if (status == WEFT_OK)
        weft_package_get_info(package, &info);
    bool is_every = !inputs.is_chosen && info.schedule_count > 1 && !has_files;
    if (status == WEFT_OK && is_every)
        status = weft_cli_verify_every(cli, package, tolerance);
    else if (status == WEFT_OK)
        status = verify_one(cli, package, &inputs, tolerance);
    weft_cli_inputs_finish(&inputs);
    weft_package_close(package);
    return status;
}

static const weft_cli_option options[] = {
    {"reference", 'r', WEFT_CLI_TEXT, "BACKEND", NULL, 0, 0,
     "backend to compare with; default ref"},
    {"against", 'a', WEFT_CLI_TEXT, "BACKENDS", NULL, 0, 0,
     "compare executors bit by bit: all, or names with commas"},
    {"expected", 0, WEFT_CLI_LIST, "NAME=@FILE", NULL, 0, 0,
     "compare an output with an npy file instead"},
    {"reduce", 0, WEFT_CLI_TEXT, "FILE", NULL, 0, 0,
     "with --against: write the first layer that differs as a package of its own"},
    {"tolerance", 't', WEFT_CLI_REAL, "T", NULL, 0, 1e9,
     "largest error / largest reference that passes; default 1e-4"},
    {"layers", 0, WEFT_CLI_FLAG, NULL, NULL, 0, 0,
     "show every step, not only outputs and the worst five"},
    WEFT_CLI_OPTIONS_END,
};

const weft_cli_verb weft_cli_verb_verify = {
    .name = "verify",
    .summary = "compare a package on several backends, step by step",
    .operands = "PACKAGE",
    .operand_min = 1,
    .operand_max = 1,
    .operand_words = ".weft",
    .groups = {options, weft_cli_input_options, weft_cli_image_options, weft_cli_schedule_options,
               weft_cli_running_options, weft_cli_common_options},
    .description =
        "Runs the package on its device and on the reference backend with the same inputs "
        "(seeded normal random ones unless --input says otherwise), and compares the outputs and "
        "the result of every step. The table shows the largest absolute error, the largest "
        "absolute reference value, their ratio, and the element that is worst with both values. "
        "The first step over the tolerance is named: that is where to look.\n\n"
        "Every compared tensor must be within the tolerance. The last line is PASSED or FAILED; "
        "`tolerance needed` says what would have passed. How the error is defined, and why 1e-4: "
        "weft help verdict.\n\n"
        "A package with several schedules is verified at each of them, with a line per schedule, "
        "unless --shape, --schedule or the shapes of npy inputs choose one.\n\n"
        "With --against the package runs on several backends at once: on all that this machine and "
        "the package have, or on those that are named. The table shows the XXH3-64 hash of each "
        "layer's result on the first backend, and `=` where another has the same bits. Integers "
        "must be equal, floats within the tolerance. A backend that `all` had to leave out is "
        "named with the reason in the last line; one that is asked for by name must run. Of the "
        "first layer that differs one element is shown with its operands, every stage of its "
        "arithmetic and both results; --reduce writes that layer as a package of its own, its "
        "inputs as npy files beside it, and prints the command that runs it.",
    .examples =
        "weft verify rs50.weft --reference ref\n"
        "weft verify rs50.weft --layers --seed 3\n"
        "weft verify rs50.weft --input input=@x.npy --expected output=@y.npy --tolerance 1e-4\n"
        "weft verify rs50.weft --json | jq .tolerance_needed\n"
        "weft verify rs50-int8.weft --against all\n"
        "weft verify rs50-int8.weft --against ref,opencl --reduce layer.weft",
    .run = run,
};
