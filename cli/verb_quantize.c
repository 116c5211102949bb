/* SPDX-License-Identifier: Apache-2.0 */
/* weft quantize: a float ONNX model and example data to an ONNX model of 8 bits. Must not know
 * about: how ranges are chosen. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/calibrate.h"
#include "cli/cli.h"
#include "cli/file.h"
#include "cli/json.h"
#include "cli/load.h"
#include "cli/memory.h"
#include "cli/quantize_report.h"
#include "cli/report.h"

enum { DEFAULT_MEASURED = 8 };

/* What lives as long as the command. */
typedef struct quantization {
    weft_cli *cli;
    weft_cli_models models;
    weft_quant_params params;
    char **excluded, **statistics;
    size_t statistics_count;
    weft_tensor_info *inputs;
    size_t input_count;
    weft_cli_samples samples;
    weft_quant *quant;
    weft_model *observer_model, *checker_model;
    weft_cli_runner observer, checker;
    weft_compile_report *compiled;
    size_t measured, measured_first;
} quantization;

static bool is_on(const weft_cli *cli, const char *name)
{
    return strcmp(weft_cli_args_text(&cli->args, name, "on"), "on") == 0;
}

/* --exclude A,B --exclude C */
static char **read_list(const weft_cli *cli, const char *option, size_t *out_count)
{
    const char *text;
    char **list = NULL;
    *out_count = 0;
    for (size_t i = 0; (text = weft_cli_args_list(&cli->args, option, i)) != NULL; i++)
        while (*text != '\0') {
            size_t length = strcspn(text, ",");
            if (length > 0) {
                list = weft_cli_realloc_array(list, *out_count + 1, sizeof *list);
                list[(*out_count)++] = weft_cli_strndup(text, length);
            }
            text += length + (text[length] == ',' ? 1 : 0);
        }
    return list;
}

static void free_list(char **list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(list[i]);
    free(list);
}

static weft_status read_params(quantization *q)
{
    weft_cli *cli = q->cli;
    q->params = (weft_quant_params)WEFT_QUANT_PARAMS_DEFAULT;
    weft_quant_method_find(weft_cli_args_text(&cli->args, "method", "mse"), &q->params.method);
    q->params.percentile = weft_cli_args_real(&cli->args, "percentile", q->params.percentile);
    q->params.signed_values =
        strcmp(weft_cli_args_text(&cli->args, "activations", "u8"), "s8") == 0;
    q->params.per_channel = !weft_cli_args_has(&cli->args, "per-tensor");
    q->params.equalize = is_on(cli, "equalize");
    q->params.pair_limit =
        (int)weft_cli_args_int(&cli->args, "pair-limit", (long)q->params.pair_limit);
    q->params.bias_correction = is_on(cli, "bias-correction");
    q->excluded = read_list(cli, "exclude", &q->params.exclude_count);
    q->params.exclude = (const char *const *)q->excluded;
    q->statistics = read_list(cli, "statistics", &q->statistics_count);
    if (q->statistics_count > 0 && weft_cli_args_has(&cli->args, "resume"))
        return weft_cli_error(&cli->errors, WEFT_CLI_E_CONFLICT,
                              "--statistics and --resume exclude each other");
    if (!weft_cli_args_has(&cli->args, "per-tensor") ||
        !weft_cli_args_has(&cli->args, "per-channel"))
        return WEFT_OK;
    return weft_cli_error(&q->cli->errors, WEFT_CLI_E_CONFLICT,
                          "--per-channel and --per-tensor exclude each other");
}

static void read_inputs(quantization *q)
{
    weft_model_info info;
    weft_model_get_info(q->models.items[0], &info);
    q->input_count = info.input_count;
    q->inputs = weft_cli_alloc_array(info.input_count, sizeof *q->inputs);
    for (size_t i = 0; i < info.input_count; i++) {
        weft_model_tensor from;
        weft_model_get_input(q->models.items[0], i, &from);
        q->inputs[i] =
            (weft_tensor_info){.name = from.name, .dtype = from.dtype, .rank = from.rank};
        memcpy(q->inputs[i].dims, from.dims, sizeof from.dims);
    }
}

static weft_status open_all(quantization *q)
{
    weft_cli *cli = q->cli;
    weft_status status = read_params(q);
    if (status == WEFT_OK)
        status = weft_cli_open_models(cli, &q->models);
    weft_cli_report_flush(cli);
    if (status == WEFT_OK && q->models.count != 1) {
        status = weft_cli_error(&cli->errors, WEFT_CLI_E_SHAPE_SYNTAX,
                                "weft quantize takes one shape per input");
        weft_cli_error_field(&cli->errors, WEFT_DIAG_FOUND, "%zu", q->models.count);
    }
    if (status != WEFT_OK)
        return status;
    read_inputs(q);
    if (weft_cli_args_has(&cli->args, "data") || q->statistics_count == 0)
        status = weft_cli_samples_open(cli, q->inputs, q->input_count, &q->samples);
    if (status != WEFT_OK)
        return status;
    q->params.data = q->samples.name;
    weft_cli_progress(cli, WEFT_CLI_QUANTIZE_PREPARE, WEFT_CLI_QUANTIZE_STAGES,
                      "prepare the model that is observed");
    status = weft_quant_create(q->models.items[0], &q->params, cli->diag, &q->quant);
    if (status == WEFT_OK)
        status = weft_quant_observer(q->quant, cli->diag, &q->observer_model);
    if (status == WEFT_OK)
        status = weft_cli_runner_create(cli, q->observer_model, &q->observer);
    return status;
}

static weft_status calibrate(quantization *q)
{
    weft_cli *cli = q->cli;
    const char *resume = weft_cli_args_text(&cli->args, "resume", NULL);
    weft_status status = WEFT_OK;
    for (size_t i = 0; i < q->statistics_count && status == WEFT_OK; i++)
        status = weft_quant_add(q->quant, q->statistics[i], cli->diag);
    if (q->statistics_count > 0)
        return status;
    if (resume != NULL && access(resume, F_OK) == 0) {
        status = weft_quant_load(q->quant, resume, cli->diag);
        if (status == WEFT_OK)
            weft_cli_note(&cli->errors, WEFT_SEVERITY_NOTE,
                          "%s holds %zu samples already: calibration goes on from there", resume,
                          weft_quant_samples(q->quant));
        weft_cli_report_flush(cli);
    }
    return status == WEFT_OK ? weft_cli_calibrate(cli, q->quant, &q->observer, &q->samples, resume)
                             : status;
}

static weft_status choose(quantization *q, const char *path)
{
    weft_cli *cli = q->cli;
    weft_cli_progress(cli, WEFT_CLI_QUANTIZE_CHOOSE, WEFT_CLI_QUANTIZE_STAGES,
                      "choose scales and write the model");
    weft_status status = weft_quant_finish(q->quant, cli->diag);
    return status == WEFT_OK ? weft_quant_write(q->quant, path, cli->diag) : status;
}

/* Ratios from samples behind those of the calibration where there are any, else from the first. */
static weft_status measure(quantization *q)
{
    weft_cli *cli = q->cli;
    size_t left = q->samples.available - q->samples.count;
    q->measured = (size_t)weft_cli_args_int(&cli->args, "measure", DEFAULT_MEASURED);
    if (q->measured <= left)
        q->measured_first = q->samples.count;
    else if (q->measured > q->samples.available)
        q->measured = q->samples.available;
    if (q->measured == 0)
        return WEFT_OK;
    weft_status status = weft_quant_checker(q->quant, cli->diag, &q->checker_model);
    if (status == WEFT_OK)
        status = weft_cli_runner_create(cli, q->checker_model, &q->checker);
    if (status == WEFT_OK)
        status = weft_cli_measure(cli, q->quant, &q->observer, &q->checker, &q->samples,
                                  q->measured_first, q->measured);
    return status;
}

/* Reads the written model as its users will, and asks the compiler what of it stays in float. */
static weft_status check_written(quantization *q, const char *path)
{
    weft_model_params params = WEFT_MODEL_PARAMS_DEFAULT;
    weft_compile_params compile = WEFT_COMPILE_PARAMS_DEFAULT;
    weft_model *model = NULL;
    params.path = path;
    weft_status status = weft_model_open(&params, q->cli->diag, &model);
    if (status == WEFT_OK)
        status = weft_compile(&model, 1, &compile, NULL, q->cli->diag, &q->compiled);
    weft_model_close(model);
    return status;
}

static weft_status answer(quantization *q, const char *path, uint64_t begin_ns)
{
    weft_cli *cli = q->cli;
    const char *report = weft_cli_args_text(&cli->args, "report", NULL);
    weft_cli_quantize_result result = {.model = cli->args.operands[0],
                                       .path = path,
                                       .params = &q->params,
                                       .quant = q->quant,
                                       .samples = &q->samples,
                                       .measured = q->measured,
                                       .measured_first = q->measured_first,
                                       .compiled = q->compiled,
                                       .seconds = (double)(weft_cli_now_ns() - begin_ns) / 1e9};
    weft_cli_progress_end(cli);
    weft_status status = WEFT_OK;
    if (report != NULL) {
        json_t *json = weft_cli_quantize_json(&result);
        char *text = json_dumps(json, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
        status = weft_cli_file_write(report, text, strlen(text), "\n", 1, &cli->errors);
        free(text);
        json_decref(json);
    }
    if (cli->is_json)
        weft_cli_json_print(weft_cli_quantize_json(&result), cli->out);
    else
        weft_cli_quantize_print(cli->out, &result, cli->verbosity > 0);
    return status;
}

static void finish(quantization *q)
{
    weft_compile_report_destroy(q->compiled);
    weft_cli_runner_finish(&q->checker);
    weft_cli_runner_finish(&q->observer);
    weft_model_close(q->checker_model);
    weft_model_close(q->observer_model);
    weft_quant_destroy(q->quant);
    weft_cli_samples_finish(&q->samples);
    weft_cli_models_finish(&q->models);
    free_list(q->excluded, q->params.exclude_count);
    free_list(q->statistics, q->statistics_count);
    free(q->inputs);
}

static weft_status run(weft_cli *cli)
{
    quantization q = {.cli = cli};
    uint64_t begin_ns = weft_cli_now_ns();
    const char *path = weft_cli_args_text(&cli->args, "output", NULL);
    weft_status status = WEFT_OK;
    if (path == NULL) {
        status = weft_cli_error(&cli->errors, WEFT_CLI_E_OPERANDS, "there is no --output");
        weft_cli_error_field(&cli->errors, WEFT_DIAG_TRY, "-o model_q.onnx");
    }
    if (status == WEFT_OK && weft_cli_is_same_file(path, cli->args.operands[0]))
        status = weft_cli_error(&cli->errors, WEFT_CLI_E_CONFLICT, "%s would be overwritten", path);
    if (status == WEFT_OK)
        status = open_all(&q);
    if (status == WEFT_OK)
        status = calibrate(&q);
    if (status == WEFT_OK)
        status = choose(&q, path);
    if (status == WEFT_OK)
        status = measure(&q);
    if (status == WEFT_OK)
        status = check_written(&q, path);
    if (status == WEFT_OK)
        status = answer(&q, path, begin_ns);
    finish(&q);
    return status;
}

static const weft_cli_option options[] = {
    {"output", 'o', WEFT_CLI_TEXT, "FILE", NULL, 0, 0, "quantised model to write (ONNX)"},
    {"data", 0, WEFT_CLI_TEXT, "DATA", NULL, 0, 0,
     "DIR of pictures and npy files, FILE.npy of many samples, random or random:SEED"},
    {"count", 0, WEFT_CLI_INT, "N", NULL, 1, 1e9,
     "samples to calibrate with; default: all there are, 64 random ones"},
    {"method", 0, WEFT_CLI_TEXT, "METHOD", "mse|minmax|percentile|entropy", 0, 0,
     "how ranges of activations are chosen; default mse"},
    {"percentile", 0, WEFT_CLI_REAL, "P", NULL, 50, 100,
     "share of elements in range with --method percentile; default 99.99"},
    {"activations", 0, WEFT_CLI_TEXT, "TYPE", "u8|s8", 0, 0, "type of activations; default u8"},
    {"per-channel", 0, WEFT_CLI_FLAG, NULL, NULL, 0, 0,
     "a scale for each output channel of weights (default)"},
    {"per-tensor", 0, WEFT_CLI_FLAG, NULL, NULL, 0, 0, "one scale for all weights of a layer"},
    {"equalize", 0, WEFT_CLI_TEXT, "WHEN", "on|off", 0, 0,
     "cross-layer equalisation before anything else; default on"},
    {"bias-correction", 0, WEFT_CLI_TEXT, "WHEN", "on|off", 0, 0,
     "take the mean error of rounded weights off the biases; default on"},
    {"pair-limit", 0, WEFT_CLI_INT, "N", NULL, 128, 254,
     "most that two neighbouring weights add up to, for CPUs that sum in 16 bits; default 160"},
    {"exclude", 0, WEFT_CLI_LIST, "NODE,...", NULL, 0, 0, "nodes that stay in float; repeatable"},
    {"resume", 0, WEFT_CLI_TEXT, "FILE", NULL, 0, 0,
     "keep the statistics in this file, and go on from it when it is there"},
    {"statistics", 0, WEFT_CLI_LIST, "FILE,...", NULL, 0, 0,
     "files of --resume, of this model for any sizes, instead of a run over the data; repeatable"},
    {"measure", 0, WEFT_CLI_INT, "N", NULL, 0, 1e6,
     "samples for the signal-to-noise ratios; default 8, 0: none"},
    {"report", 0, WEFT_CLI_TEXT, "FILE", NULL, 0, 0, "write the answer of --json to a file, too"},
    WEFT_CLI_OPTIONS_END,
};

static const weft_cli_option running_options[] = {
    {"backend", 0, WEFT_CLI_TEXT, "NAME", NULL, 0, 0,
     "what runs the model: opencl (default) or ref"},
    {"device", 0, WEFT_CLI_INT, "N", NULL, 0, 1023,
     "device of the backend, as `weft devices` numbers them; default 0"},
    {"threads", 0, WEFT_CLI_INT, "N", NULL, 0, 4096, "compute threads; 0 (default) = all cores"},
    {"cache-dir", 0, WEFT_CLI_TEXT, "DIR", NULL, 0, 0,
     "compiled kernels; default ~/.cache/weft, empty = keep nothing"},
    WEFT_CLI_OPTIONS_END,
};

const weft_cli_verb weft_cli_verb_quantize = {
    .name = "quantize",
    .summary = "turn a float model into one of 8 bits, with example data",
    .operands = "MODEL.onnx",
    .operand_min = 1,
    .operand_max = 1,
    .operand_words = ".onnx",
    .groups = {options, weft_cli_image_options, running_options, weft_cli_shape_options,
               weft_cli_common_options},
    .description =
        "Folds batch normalisation, equalises layers, runs the float model over the data to see "
        "the range of every activation, chooses scales, and writes an ONNX model with "
        "QuantizeLinear and DequantizeLinear nodes (opset 21) that weft compile, ONNX Runtime and "
        "OpenVINO take. Nodes and tensors keep their names. Shapes are those the model has or "
        "--shape gives; an unbound batch becomes 1.\n\n"
        "Then it runs both models on the same inputs, samples beyond the calibration where there "
        "are any, and prints every quantised tensor with its scale and the ratio of signal to "
        "noise, worst first: that is where --exclude helps most. What stays in float is named "
        "with the reason.\n\n"
        "With --resume, statistics are saved every few seconds; a second run of the same command "
        "goes on where the first one ended, with the same result as an uninterrupted one. One "
        "calibration serves all methods: the same file with another --method needs no further "
        "run.\n\n"
        "A model for inputs of several sizes gets one set of scales from --statistics: calibrate it "
        "at each size with --resume, then quantise each with the files of all of them. Such models "
        "share weights, biases and multipliers in one package.\n\n"
        "CPUs without 8-bit dot products (AVX2) let ONNX Runtime add two products in 16 bits, with "
        "saturation. --pair-limit keeps neighbouring weights small enough: 128 rules saturation "
        "out, 160 leaves it to chance that is hardly ever met and costs next to nothing, 254 is no "
        "limit. weft itself never saturates.\n\n"
        "The methods and their sources: docs/quantize.md.",
    .examples = "weft quantize model.onnx -o model_q.onnx --data pictures/\n"
                "weft quantize model.onnx -o model_q.onnx --data calibration.npy --count 256\n"
                "weft quantize model.onnx -o model_q.onnx --data random:1 --activations s8\n"
                "weft quantize model.onnx -o model_q.onnx --data pictures/ --resume seen.stat\n"
                "weft quantize m224.onnx -o m224_q.onnx --statistics m160.stat,m224.stat\n"
                "weft quantize model.onnx -o model_q.onnx --data x.npy --exclude /stem/conv1,/fc",
    .run = run,
};
