/* SPDX-License-Identifier: Apache-2.0 */
/* weft compile: ONNX to a package. Must not know about: devices. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "cli/file.h"
#include "cli/float_layers.h"
#include "cli/json.h"
#include "cli/load.h"
#include "cli/memory.h"
#include "cli/next.h"
#include "cli/package_engine.h"
#include "cli/plan_summary.h"
#include "cli/report.h"
#include "cli/schedule.h"
#include "cli/table.h"
#include "cli/text.h"

/* What the callbacks of a compilation need. */
typedef struct compilation {
    weft_cli *cli;
    json_t *dumps; /* NULL: print them */
} compilation;

static void on_progress(void *user, int stage, int stage_count, const char *title)
{
    const compilation *c = user;
    weft_cli_progress(c->cli, stage, stage_count, title);
}

static void on_dump(void *user, const char *pass, const char *text)
{
    const compilation *c = user;
    if (c->dumps != NULL) {
        json_t *one = json_object();
        json_object_set_new(one, "pass", json_string(pass));
        json_object_set_new(one, "text", weft_cli_json_text(text));
        json_array_append_new(c->dumps, one);
        return;
    }
    weft_cli_progress_end(c->cli);
    fprintf(c->cli->out, "// after %s\n%s\n", pass, text);
}

static void print_times(FILE *out, const weft_compile_report *report)
{
    weft_cli_table *table = weft_cli_table_create();
    uint64_t total_ns = 0;
    weft_cli_table_add_column(table, "pass or stage", WEFT_CLI_LEFT);
    weft_cli_table_add_column(table, "ms", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "nodes before", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "after", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "changes", WEFT_CLI_RIGHT);
    for (size_t i = 0; i < weft_compile_report_stage_count(report); i++) {
        const weft_stage_time *stage = weft_compile_report_stage(report, i);
        total_ns += stage->time_ns;
        weft_cli_table_add_row(table);
        weft_cli_table_add_cell(table, "%s", stage->name);
        weft_cli_table_add_cell(table, "%.2f", (double)stage->time_ns / 1e6);
        weft_cli_table_add_cell(table, "%zu", stage->nodes_before);
        weft_cli_table_add_cell(table, "%zu", stage->nodes_after);
        weft_cli_table_add_cell(table, "%zu", stage->changes);
    }
    weft_cli_table_add_row(table);
    weft_cli_table_add_cell(table, "sum");
    weft_cli_table_add_cell(table, "%.2f", (double)total_ns / 1e6);
    weft_cli_table_print(table, out);
}

enum { NAMED_MOVES = 2 }; /* of each operator */

/* Appends " (/a, /b and 3 more)": the model's nodes behind the steps of that operator. */
static char *with_names(char *text, const weft_package *package, size_t schedule, const char *op,
                        size_t count)
{
    weft_schedule_info info;
    weft_package_get_schedule(package, schedule, &info);
    size_t named = 0;
    for (size_t i = 0; i < info.step_count && named < NAMED_MOVES; i++) {
        weft_step_info step;
        weft_package_get_step(package, schedule, i, &step);
        if (strcmp(step.op, op) != 0)
            continue;
        char *longer = weft_cli_printf("%s%s%s", text, named == 0 ? " (" : ", ",
                                       step.source_count > 0 ? step.sources[0] : step.name);
        free(text);
        text = longer;
        named++;
    }
    char *closed = count > named ? weft_cli_printf("%s and %zu more)", text, count - named)
                                 : weft_cli_printf("%s)", text);
    free(text);
    return closed;
}

/* "2 Transpose (/a, /b), 1 Pad (/c)" of steps that only move data; "nothing" when there are none.
 */
static char *left_over(const weft_package *package, size_t schedule)
{
    weft_schedule_info info;
    weft_package_get_schedule(package, schedule, &info);
    char *text = weft_cli_strdup("");
    for (size_t i = 0; i < info.step_count; i++) {
        weft_step_info step, other;
        weft_package_get_step(package, schedule, i, &step);
        if (!weft_cli_op_only_moves(step.op))
            continue;
        size_t same = 0;
        bool is_first = true;
        for (size_t k = 0; k < info.step_count; k++) {
            weft_package_get_step(package, schedule, k, &other);
            same += strcmp(other.op, step.op) == 0 ? 1 : 0;
            is_first = is_first && !(k < i && strcmp(other.op, step.op) == 0);
        }
        if (!is_first)
            continue;
        char *longer =
            weft_cli_printf("%s%s%zu %s", text, text[0] == '\0' ? "" : ", ", same, step.op);
        free(text);
        text = with_names(longer, package, schedule, step.op, same);
    }
    if (text[0] == '\0') {
        free(text);
        text = weft_cli_strdup("nothing: no copies or transposes are left");
    }
    return text;
}

static void print_schedule(FILE *out, const weft_package *package, size_t index)
{
    weft_package_info info;
    weft_schedule_info schedule;
    char shared[WEFT_CLI_BYTES_TEXT], unshared[WEFT_CLI_BYTES_TEXT];
    weft_package_get_info(package, &info);
    weft_package_get_schedule(package, index, &schedule);
    char *left = left_over(package, index), *inputs = weft_cli_schedule_title(package, index);
    fprintf(out, "schedule %zu  %" PRId64 " nodes -> %zu steps, arena %s (%s without sharing)\n",
            index, info.source_nodes, schedule.step_count,
            weft_cli_format_bytes(schedule.arena_bytes, shared),
            weft_cli_format_bytes(schedule.arena_unshared_bytes, unshared));
    fprintf(out, "  inputs    %s\n  not fused %s\n", inputs, left);
    free(left);
    free(inputs);
    weft_cli_package_print_share(out, package, index);
}

/* A table, and what is left over: mostly the same in all of them. */
static void print_schedules(FILE *out, const weft_package *package, size_t count)
{
    weft_package_info info;
    weft_package_get_info(package, &info);
    char *first = left_over(package, 0);
    size_t largest = 0; /* what an engine is planned for */
    int64_t most = -1;
    fprintf(out, "%zu schedules over one set of weights, %" PRId64 " nodes\n", count,
            info.source_nodes);
    weft_cli_schedules_print(out, package);
    fprintf(out, "not fused %s\n", first);
    for (size_t s = 1; s < count; s++) {
        char *left = left_over(package, s);
        if (strcmp(left, first) != 0)
            fprintf(out, "  schedule %zu: %s\n", s, left);
        free(left);
    }
    free(first);
    for (size_t s = 0; s < count; s++) {
        weft_schedule_info schedule;
        weft_package_get_schedule(package, s, &schedule);
        largest = schedule.macs > most ? s : largest;
        most = schedule.macs > most ? schedule.macs : most;
    }
    weft_cli_package_print_share(out, package, largest);
}

static void print_result(FILE *out, const char *path, const weft_package *package)
{
    weft_package_info info;
    char weights[WEFT_CLI_BYTES_TEXT], file[WEFT_CLI_BYTES_TEXT], id[WEFT_CLI_HASH_TEXT];
    weft_package_get_info(package, &info);
    fprintf(out, "%s  %s, weights %s, target %s, id %s\n", path,
            weft_cli_format_bytes(info.file_bytes, file),
            weft_cli_format_bytes((uint64_t)info.weight_bytes, weights), info.target,
            weft_cli_format_hash(info.id, id));
    if (info.schedule_count > 1)
        print_schedules(out, package, info.schedule_count);
    else
        print_schedule(out, package, 0);
}

static json_t *result_json(const char *path, const weft_package *package,
                           const weft_compile_report *report)
{
    weft_package_info info;
    weft_package_get_info(package, &info);
    json_t *json = weft_cli_json_create("weft.compile/1"), *schedules = json_array(),
           *stages = json_array();
    json_object_set_new(json, "package", weft_cli_json_text(path));
    json_object_set_new(json, "id", weft_cli_json_hash(info.id));
    json_object_set_new(json, "target", weft_cli_json_text(info.target));
    json_object_set_new(json, "file_bytes", json_integer((json_int_t)info.file_bytes));
    json_object_set_new(json, "weight_bytes", json_integer(info.weight_bytes));
    json_object_set_new(json, "source_nodes", json_integer(info.source_nodes));
    for (size_t s = 0; s < info.schedule_count; s++) {
        weft_schedule_info schedule;
        weft_package_get_schedule(package, s, &schedule);
        json_t *one = json_object(), *inputs = json_array();
        for (size_t i = 0; i < schedule.input_count; i++) {
            weft_tensor_info tensor;
            weft_package_get_input(package, s, i, &tensor);
            json_array_append_new(inputs, weft_cli_json_tensor(&tensor));
        }
        json_object_set_new(one, "inputs", inputs);
        json_object_set_new(one, "steps", json_integer((json_int_t)schedule.step_count));
        json_object_set_new(one, "macs", json_integer((json_int_t)schedule.macs));
        json_object_set_new(one, "constant_bytes",
                            json_integer((json_int_t)schedule.constant_bytes));
        json_object_set_new(one, "own_constant_bytes",
                            json_integer((json_int_t)schedule.own_bytes));
        json_object_set_new(one, "arena_bytes", json_integer((json_int_t)schedule.arena_bytes));
        json_object_set_new(one, "arena_unshared_bytes",
                            json_integer((json_int_t)schedule.arena_unshared_bytes));
        json_array_append_new(schedules, one);
    }
    json_object_set_new(json, "schedules", schedules);
    json_object_set_new(json, "engine", weft_cli_package_engine_json(package));
    for (size_t i = 0; i < weft_compile_report_stage_count(report); i++) {
        const weft_stage_time *stage = weft_compile_report_stage(report, i);
        json_t *one = json_object();
        json_object_set_new(one, "name", weft_cli_json_text(stage->name));
        json_object_set_new(one, "time_ms", json_real((double)stage->time_ns / 1e6));
        json_object_set_new(one, "nodes_before", json_integer((json_int_t)stage->nodes_before));
        json_object_set_new(one, "nodes_after", json_integer((json_int_t)stage->nodes_after));
        json_object_set_new(one, "changes", json_integer((json_int_t)stage->changes));
        json_array_append_new(stages, one);
    }
    json_object_set_new(json, "stages", stages);
    json_object_set_new(json, "float_layers", weft_cli_float_layers_json(report));
    return json;
}

static weft_status compile_models(weft_cli *cli, const weft_cli_models *models, const char *path,
                                  FILE *answer)
{
    weft_compile_report *report = NULL;
    weft_package *package = NULL;
    weft_compile_params params = WEFT_COMPILE_PARAMS_DEFAULT;
    params.target = weft_cli_args_text(&cli->args, "target", NULL);
    params.engine = weft_cli_args_text(&cli->args, "engine", NULL);
    params.board = weft_cli_args_text(&cli->args, "board", NULL);
    params.for_latency =
        strcmp(weft_cli_args_text(&cli->args, "goal", "throughput"), "latency") == 0;
    params.threads = (int32_t)weft_cli_args_int(&cli->args, "threads", 0);
    params.level = (int32_t)weft_cli_args_int(&cli->args, "optimize", 1);
    params.verify_passes = weft_cli_args_has(&cli->args, "verify-passes");
    params.dump_after = weft_cli_args_text(&cli->args, "dump-after", NULL);
    params.dump = on_dump;
    params.progress = on_progress;
    compilation c = {.cli = cli};
    if (cli->is_json && params.dump_after != NULL)
        c.dumps = json_array();
    params.user = &c;
    weft_status status =
        weft_compile(models->items, models->count, &params, path, cli->diag, &report);
    weft_cli_progress_end(cli);
    weft_cli_report_flush(cli);
    const char *plan_path = weft_cli_args_text(&cli->args, "plan", NULL);
    if (status == WEFT_OK && plan_path != NULL) {
        const char *plan = weft_compile_report_plan_json(report);
        status = weft_cli_file_write(plan_path, plan, strlen(plan), "\n", 1, &cli->errors);
    }
    if (status == WEFT_OK)
        status = weft_package_open(path, cli->diag, &package);
    if (status == WEFT_OK && cli->is_json) {
        json_t *json = result_json(path, package, report);
        if (c.dumps != NULL)
            json_object_set(json, "dumps", c.dumps);
        weft_cli_json_print(json, cli->out);
    }
    json_decref(c.dumps);
    if (status == WEFT_OK && !cli->is_json) {
        if (weft_cli_args_has(&cli->args, "time-passes"))
            print_times(answer, report);
        print_result(answer, path, package);
        weft_cli_float_layers_print(answer, report);
        if (!cli->is_quiet)
            weft_cli_next_after_compile(path, package);
    }
    weft_package_close(package);
    weft_compile_report_destroy(report);
    return status;
}

/* Writing over a model would lose it. */
static weft_status check_paths(weft_cli *cli, const char *package_path)
{
    const char *plan_path = weft_cli_args_text(&cli->args, "plan", NULL), *lost = NULL;
    for (size_t i = 0; i < cli->args.operand_count; i++)
        if (weft_cli_is_same_file(cli->args.operands[i], package_path) ||
            (plan_path != NULL && weft_cli_is_same_file(cli->args.operands[i], plan_path)))
            lost = cli->args.operands[i];
    if (plan_path != NULL && weft_cli_is_same_file(plan_path, package_path))
        lost = package_path;
    return lost == NULL
               ? WEFT_OK
               : weft_cli_error(&cli->errors, WEFT_CLI_E_CONFLICT,
                                "%s would be overwritten by another file of this command", lost);
}

static weft_status run(weft_cli *cli)
{
    weft_cli_models models;
    char *derived = weft_cli_with_ending(cli->args.operands[0], ".weft");
    const char *path = weft_cli_args_text(&cli->args, "output", derived);
    FILE *answer = weft_cli_args_has(&cli->args, "dump-after") ? stderr : cli->out;
    weft_status status = weft_cli_open_models(cli, &models);
    weft_cli_report_flush(cli);
    if (status == WEFT_OK && weft_cli_args_has(&cli->args, "board") &&
        weft_cli_args_has(&cli->args, "engine"))
        status = weft_cli_error(&cli->errors, WEFT_CLI_E_CONFLICT,
                                "--board plans an engine of its own: it excludes --engine");
    if (status == WEFT_OK)
        status = check_paths(cli, path);
    if (status == WEFT_OK)
        status = compile_models(cli, &models, path, answer);
    weft_cli_models_finish(&models);
    free(derived);
    return status;
}

static const weft_cli_option options[] = {
    {"output", 'o', WEFT_CLI_TEXT, "FILE", NULL, 0, 0,
     "package to write; default: the model's name with .weft"},
    {"target", 0, WEFT_CLI_TEXT, "NAME", NULL, 0, 0,
     "target to plan for; default: this machine (weft list targets)"},
    {"engine", 0, WEFT_CLI_TEXT, "NAME", NULL, 0, 0,
     "engine for the 8-bit steps, or none; default: s (weft list engines)"},
    {"board", 0, WEFT_CLI_TEXT, "NAME", NULL, 0, 0,
     "card to plan the engine for, or a file ./mine.json (weft list boards)"},
    {"goal", 0, WEFT_CLI_TEXT, "GOAL", "throughput|latency", 0, 0,
     "with --board: most images per second (default), or the shortest time of one batch"},
    {"threads", 0, WEFT_CLI_INT, "N", NULL, 0, 4096,
     "compute threads the tiles are balanced for; 0 (default) = all cores"},
    {"optimize", 'O', WEFT_CLI_INT, "N", NULL, 0, 1,
     "0: only the passes that running needs; 1 (default): everything"},
    {"dump-after", 0, WEFT_CLI_TEXT, "PASS", NULL, 0, 0,
     "print the graph after a pass, or after `all` (weft list passes)"},
    {"time-passes", 0, WEFT_CLI_FLAG, NULL, NULL, 0, 0,
     "print a table of times and node counts per pass"},
    {"verify-passes", 0, WEFT_CLI_FLAG, NULL, NULL, 0, 0, "check the graph after every pass"},
    {"plan", 0, WEFT_CLI_TEXT, "FILE", NULL, 0, 0, "write the plan as JSON (schema weft.plan/1)"},
    WEFT_CLI_OPTIONS_END,
};

const weft_cli_verb weft_cli_verb_compile = {
    .name = "compile",
    .summary = "compile an ONNX model to a package",
    .operands = "MODEL.onnx [MODEL.onnx ...]",
    .operand_min = 1,
    .operand_max = 64,
    .operand_words = ".onnx",
    .groups = {weft_cli_shape_options, options, weft_cli_common_options},
    .description =
        "Reads the model, rewrites and fuses its graph, chooses kernels, tiles and memory for "
        "the target, and writes one package. Nothing is left behind when anything fails: the "
        "package appears under its name only when it is complete.\n\n"
        "Several shapes of one input, or several files of the same network, become several "
        "schedules over one set of weights: the files may differ in shapes, and in constants that "
        "follow from them, but not in the names, types and ranks of inputs and outputs. Equal weights "
        "are stored once. Where schedules would like different packed forms of the same weights, as "
        "many forms are stored as the schedule with the largest ones needs by itself. Symbolic dimensions are bound by --shape; an unbound "
        "batch becomes 1, with a note.\n\n"
        "The result line says how many ONNX nodes became how many steps, what the arena holds "
        "with and without sharing, and which steps only move data because nothing absorbed them. "
        "For a quantised model a table names the layers that compute in float, with the reason. "
        "With --board the engine is planned for a card: the package names its engines, their regions "
        "and banks, and the cycles predicted for each step; weft build makes the bitstream from it. "
        "The model must be quantised. The engine is planned for the batch that the model has; weft "
        "estimate shows which pays. With several schedules it is planned for the one with most "
        "multiply-accumulates, and the others run on the same engines.\n\n"
        "With --dump-after, the graph goes to standard output and the result to standard error; "
        "with --json, one document holds both.",
    .examples = "weft compile rs50.onnx -o rs50.weft\n"
                "weft compile rs50.onnx --shape input=1x3x160x160,4x3x160x160\n"
                "weft compile m_128.onnx m_224.onnx m_384.onnx -o resformer.weft\n"
                "weft compile rs50.onnx -o rs50.weft --time-passes --plan plan.json\n"
                "weft compile rs50-u8.onnx --shape input=8x3x160x160 --board u280\n"
                "weft compile rs50.onnx -O0 --dump-after all > passes.txt",
    .run = run,
};
