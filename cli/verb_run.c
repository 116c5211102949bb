/* SPDX-License-Identifier: Apache-2.0 */
/* weft run: one inference, from files to files. Must not know about: measuring, comparing. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/engine.h"
#include "cli/file.h"
#include "cli/json.h"
#include "cli/load.h"
#include "cli/memory.h"
#include "cli/name.h"
#include "cli/npy.h"
#include "cli/output.h"
#include "cli/report.h"
#include "cli/schedule.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/values.h"

enum { MAX_TOP = 1000 };

/* Lines of --labels; items[i] names class i. */
typedef struct labels {
    char *text;
    const char **items;
    size_t count;
} labels;

static weft_status labels_read(weft_cli *cli, labels *out)
{
    const char *path = weft_cli_args_text(&cli->args, "labels", NULL);
    uint8_t *bytes = NULL;
    size_t size = 0;
    *out = (labels){0};
    if (path == NULL)
        return WEFT_OK;
    weft_status status = weft_cli_file_read(path, &cli->errors, &bytes, &size);
    if (status != WEFT_OK)
        return status;
    out->text = weft_cli_strndup((const char *)bytes, size);
    free(bytes);
    for (char *at = out->text; *at != '\0';) {
        size_t length = strcspn(at, "\r\n");
        char *next = at + length + strspn(at + length, "\r");
        next += *next == '\n' ? 1 : 0;
        at[length] = '\0';
        out->items = weft_cli_realloc_array(out->items, out->count + 1, sizeof *out->items);
        out->items[out->count++] = at;
        at = next;
    }
    return WEFT_OK;
}

static void labels_finish(labels *list)
{
    free(list->items);
    free(list->text);
}

/* One image's row of scores with the best of them. */
typedef struct scores {
    const char *dtype;
    const void *data;
    size_t classes;
    double max, sum; /* of the softmax: largest value, sum of exponentials */
    size_t top[MAX_TOP], count;
} scores;

static void scores_find(scores *s, size_t top)
{
    s->count = weft_cli_values_top(s->dtype, s->data, s->classes, top, s->top);
    s->max = s->count > 0 ? weft_cli_value_get(s->dtype, s->data, s->top[0]) : 0;
    s->sum = 0;
    for (size_t i = 0; i < s->classes; i++)
        s->sum += exp(weft_cli_value_get(s->dtype, s->data, i) - s->max);
}

static double score_of(const scores *s, size_t index, bool softmax)
{
    double value = weft_cli_value_get(s->dtype, s->data, index);
    return softmax ? exp(value - s->max) / s->sum : value;
}

static void print_scores(weft_cli *cli, const scores *s, const labels *names)
{
    bool softmax = weft_cli_args_has(&cli->args, "softmax");
    weft_cli_table *table = weft_cli_table_create();
    weft_cli_table_add_column(table, "rank", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "class", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, softmax ? "probability" : "value", WEFT_CLI_RIGHT);
    if (names->count > 0)
        weft_cli_table_add_column(table, "label", WEFT_CLI_LEFT);
    for (size_t i = 0; i < s->count; i++) {
        weft_cli_table_add_row(table);
        weft_cli_table_add_cell(table, "%zu", i + 1);
        weft_cli_table_add_cell(table, "%zu", s->top[i]);
        weft_cli_table_add_cell(table, "%.6g", score_of(s, s->top[i], softmax));
        if (names->count > 0)
            weft_cli_table_add_cell(table, "%s",
                                    s->top[i] < names->count ? names->items[s->top[i]] : "");
    }
    weft_cli_table_print(table, cli->out);
}

static json_t *scores_json(weft_cli *cli, const scores *s, const labels *names)
{
    bool softmax = weft_cli_args_has(&cli->args, "softmax");
    json_t *list = json_array();
    for (size_t i = 0; i < s->count; i++) {
        json_t *json = json_object();
        json_object_set_new(json, "class", json_integer((json_int_t)s->top[i]));
        json_object_set_new(json, softmax ? "probability" : "value",
                            weft_cli_json_real(score_of(s, s->top[i], softmax)));
        if (s->top[i] < names->count)
            json_object_set_new(json, "label", weft_cli_json_text(names->items[s->top[i]]));
        json_array_append_new(list, json);
    }
    return list;
}

/* Smallest, largest and mean finite element, and how many are not finite. */
typedef struct range {
    double min, max, mean;
    size_t nonfinite;
} range;

static range range_of(const weft_tensor_info *tensor, const void *data, size_t count)
{
    range r = {INFINITY, -INFINITY, 0, 0};
    for (size_t i = 0; i < count; i++) {
        double value = weft_cli_value_get(tensor->dtype, data, i);
        if (!isfinite(value)) {
            r.nonfinite++;
            continue;
        }
        r.min = value < r.min ? value : r.min;
        r.max = value > r.max ? value : r.max;
        r.mean += value;
    }
    size_t finite = count - r.nonfinite;
    return finite == 0 ? (range){0, 0, 0, r.nonfinite}
                       : (range){r.min, r.max, r.mean / (double)finite, r.nonfinite};
}

static json_t *report_output(weft_cli *cli, const weft_tensor_info *tensor, const void *data,
                             const char *file, const labels *names)
{
    char shape[WEFT_CLI_SHAPE_TEXT], name[WEFT_CLI_NAME_TEXT];
    weft_cli_format_name(tensor->name, name);
    size_t count = (size_t)tensor->size_bytes / weft_cli_dtype_bytes(tensor->dtype);
    size_t images = tensor->rank == 2 ? (size_t)tensor->dims[0] : 1;
    size_t classes =
        tensor->rank == 1 || tensor->rank == 2 ? count / (images == 0 ? 1 : images) : 0;
    range r = range_of(tensor, data, count);
    json_t *json = weft_cli_json_tensor(tensor), *tops = json_array();
    json_object_set_new(json, "min", json_real(r.min));
    json_object_set_new(json, "max", json_real(r.max));
    json_object_set_new(json, "mean", json_real(r.mean));
    json_object_set_new(json, "nonfinite", json_integer((json_int_t)r.nonfinite));
    if (!cli->is_json)
        fprintf(cli->out, "%s  %s %s  min %.6g  max %.6g  mean %.6g\n", name, tensor->dtype,
                weft_cli_format_shape(tensor->rank, tensor->dims, shape), r.min, r.max, r.mean);
    if (r.nonfinite > 0)
        weft_cli_note(&cli->errors, WEFT_SEVERITY_WARNING,
                      "output %s holds %zu NaN or infinite elements", tensor->name, r.nonfinite);
    scores *s = weft_cli_alloc(sizeof *s);
    for (size_t image = 0; classes > 0 && image < images; image++) {
        *s = (scores){.dtype = tensor->dtype,
                      .data = (const uint8_t *)data +
                              image * classes * weft_cli_dtype_bytes(tensor->dtype),
                      .classes = classes};
        scores_find(s, (size_t)weft_cli_args_int(&cli->args, "top", 5));
        json_array_append_new(tops, scores_json(cli, s, names));
        if (!cli->is_json && s->count > 0) {
            if (images > 1)
                fprintf(cli->out, "image %zu\n", image);
            print_scores(cli, s, names);
        }
    }
    free(s);
    json_object_set_new(json, "top", tops);
    json_object_set_new(json, "file", weft_cli_json_text(file));
    if (!cli->is_json && file != NULL)
        fprintf(cli->out, "%s -> %s\n", name, file);
    return json;
}

static json_t *inputs_json(const weft_cli_inputs *inputs)
{
    json_t *list = json_array();
    for (size_t i = 0; i < inputs->count; i++) {
        json_t *json = weft_cli_json_tensor(&inputs->items[i].tensor);
        json_object_set_new(json, "from", weft_cli_json_text(inputs->items[i].origin));
        json_array_append_new(list, json);
    }
    return list;
}

static weft_status finish_run(weft_cli *cli, const weft_package *package,
                              const weft_cli_inputs *inputs, const weft_cli_outputs *outputs,
                              const weft_cli_engine *engine, uint64_t run_ns)
{
    labels names;
    weft_status status = labels_read(cli, &names);
    for (size_t i = 0; status == WEFT_OK && i < outputs->count; i++) {
        weft_tensor_info tensor;
        weft_package_get_output(package, inputs->schedule, i, &tensor);
        if (outputs->files[i] != NULL)
            status = weft_npy_write(outputs->files[i], tensor.dtype, tensor.rank, tensor.dims,
                                    weft_request_get_output(engine->request, i), &cli->errors);
    }
    if (status == WEFT_OK) {
        json_t *list = json_array();
        for (size_t i = 0; i < outputs->count; i++) {
            weft_tensor_info tensor;
            weft_package_get_output(package, inputs->schedule, i, &tensor);
            json_array_append_new(list, report_output(cli, &tensor,
                                                      weft_request_get_output(engine->request, i),
                                                      outputs->files[i], &names));
        }
        json_t *json = weft_cli_json_create("weft.run/1");
        json_object_set_new(json, "package", weft_cli_json_text(cli->args.operands[0]));
        json_object_set_new(json, "schedule", json_integer((json_int_t)inputs->schedule));
        json_object_set_new(json, "engine", weft_cli_engine_json(engine));
        json_object_set_new(json, "inputs", inputs_json(inputs));
        json_object_set_new(json, "outputs", list);
        json_object_set_new(json, "run_ms", json_real((double)run_ns / 1e6));
        if (cli->is_json)
            weft_cli_json_print(json, cli->out);
        else
            json_decref(json);
        if (!cli->is_quiet && !cli->is_json) {
            weft_load_info load;
            char *where = weft_cli_engine_describe(engine);
            weft_session_get_load_info(engine->session, &load);
            fprintf(stderr,
                    "%s: loaded in %.2f s (%zu programs built, %zu from cache), ran in %.2f ms\n",
                    where, (double)load.load_ns / 1e9, load.programs_built,
                    load.programs_from_cache, (double)run_ns / 1e6);
            free(where);
        }
    }
    labels_finish(&names);
    return status;
}

static weft_status run_package(weft_cli *cli, weft_package *package, const weft_cli_inputs *inputs)
{
    weft_cli_outputs outputs;
    weft_cli_engine engine = {0};
    weft_session_params params = weft_cli_session_params(cli, inputs->schedule);
    uint64_t run_ns = 0;
    weft_status status = weft_cli_outputs_parse(cli, "output", package, inputs->schedule, &outputs);
    if (status == WEFT_OK)
        status = weft_cli_engine_create(cli, package, &params, &engine);
    weft_cli_report_flush(cli);
    if (status == WEFT_OK) {
        weft_cli_engine_set_inputs(&engine, inputs);
        uint64_t begin_ns = weft_cli_now_ns();
        status = weft_request_run(engine.request, 0, cli->diag);
        run_ns = weft_cli_now_ns() - begin_ns;
    }
    if (status == WEFT_OK)
        status = finish_run(cli, package, inputs, &outputs, &engine, run_ns);
    weft_cli_engine_finish(&engine);
    weft_cli_outputs_finish(&outputs);
    return status;
}

static weft_status run(weft_cli *cli)
{
    weft_package *package = NULL;
    weft_cli_inputs inputs = {0};
    weft_status status = weft_cli_open_package(cli, &package);
    if (status == WEFT_OK)
        status = weft_cli_inputs_load(cli, package, false, &inputs);
    if (status == WEFT_OK && !inputs.is_chosen)
        weft_cli_schedule_note_first(cli, package);
    if (status == WEFT_OK)
        status = run_package(cli, package, &inputs);
    weft_cli_inputs_finish(&inputs);
    weft_package_close(package);
    return status;
}

static const weft_cli_option options[] = {
    {"output", 'o', WEFT_CLI_LIST, "NAME=@FILE", NULL, 0, 0,
     "write an output as npy; a plain file name for the only one"},
    {"top", 0, WEFT_CLI_INT, "K", NULL, 0, MAX_TOP,
     "largest elements to show of rank 1 and 2 outputs; default 5"},
    {"softmax", 0, WEFT_CLI_FLAG, NULL, NULL, 0, 0,
     "show probabilities instead of the values themselves"},
    {"labels", 0, WEFT_CLI_TEXT, "FILE", NULL, 0, 0,
     "class names, one a line, for the list of largest elements"},
    WEFT_CLI_OPTIONS_END,
};

const weft_cli_verb weft_cli_verb_run = {
    .name = "run",
    .summary = "run a package once on given inputs",
    .operands = "PACKAGE",
    .operand_min = 1,
    .operand_max = 1,
    .operand_words = ".weft",
    .groups = {weft_cli_input_options, weft_cli_image_options, options, weft_cli_schedule_options,
               weft_cli_running_options, weft_cli_common_options},
    .description =
        "Reads the inputs, runs the package once, writes the outputs that are asked for, and "
        "prints a summary of each, with the largest elements of those that look like class "
        "scores. The written values are the model's own; --softmax changes only what is "
        "printed.\n\n"
        "A package with several schedules runs the one whose input shape the npy files have; pictures "
        "and generated data fit every shape and get the first, unless --shape names another. How "
        "inputs are written: weft help inputs.",
    .examples = "weft run rs50.weft --input input=@x.npy --output y.npy\n"
                "weft run rs50.weft --input input=@cat.png --softmax --labels imagenet.txt\n"
                "weft run resformer.weft --input input=@cat.png --shape input=1x3x288x288\n"
                "weft run two.weft -i left=@l.npy -i right=random:3 -o sum=@s.npy -o diff=@d.npy\n"
                "weft run rs50.weft --input random:1 --backend ref --json",
    .run = run,
};
