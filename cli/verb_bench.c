/* SPDX-License-Identifier: Apache-2.0 */
/* weft bench: latency of whole inferences, by stage, with percentiles, load time and memory.
 * Must not know about: single steps (weft profile). */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/engine.h"
#include "cli/json.h"
#include "cli/load.h"
#include "cli/machine.h"
#include "cli/memory.h"
#include "cli/name.h"
#include "cli/report.h"
#include "cli/schedule.h"
#include "cli/stats.h"
#include "cli/table.h"
#include "cli/text.h"

#ifndef WEFT_COMMIT
#define WEFT_COMMIT "unknown"
#endif

enum { STAGE_INPUT, STAGE_RUN, STAGE_OUTPUT, STAGE_TOTAL, STAGE_COUNT, MAX_ITERATIONS = 1000000 };
static const char *const stage_names[STAGE_COUNT] = {"input copy", "run", "output copy", "latency"};
static const char *const stage_keys[STAGE_COUNT] = {"input_ms", "run_ms", "output_ms",
                                                    "latency_ms"};

typedef struct bench {
    weft_package *package;
    weft_cli_inputs inputs;
    weft_cli_engine engine;
    weft_load_info cold, load; /* cold: with --cold-load only */
    bool has_cold;
    double *samples[STAGE_COUNT]; /* ms */
    size_t count, warmup;
    weft_cli_stats stats[STAGE_COUNT];
    void *output; /* where outputs are copied to */
    weft_cli_process_memory memory;
} bench;

/* One inference as an application does it: copy in, run, copy out. times: STAGE_COUNT values in ms.
 */
static weft_status run_once(weft_cli *cli, bench *b, double *times)
{
    weft_schedule_info info;
    weft_package_get_schedule(b->package, b->inputs.schedule, &info);
    uint64_t at[4];
    at[0] = weft_cli_now_ns();
    weft_cli_engine_set_inputs(&b->engine, &b->inputs);
    at[1] = weft_cli_now_ns();
    weft_status status = weft_request_run(b->engine.request, 0, cli->diag);
    at[2] = weft_cli_now_ns();
    for (size_t i = 0; status == WEFT_OK && i < info.output_count; i++) {
        weft_tensor_info tensor;
        weft_package_get_output(b->package, b->inputs.schedule, i, &tensor);
        memcpy(b->output, weft_request_get_output(b->engine.request, i), (size_t)tensor.size_bytes);
    }
    at[3] = weft_cli_now_ns();
    for (int stage = 0; stage < STAGE_TOTAL; stage++)
        times[stage] = (double)(at[stage + 1] - at[stage]) / 1e6;
    times[STAGE_TOTAL] = (double)(at[3] - at[0]) / 1e6;
    return status;
}

static weft_status measure(weft_cli *cli, bench *b)
{
    size_t wanted = (size_t)weft_cli_args_int(&cli->args, "iterations", 100), capacity = wanted;
    double limit_ms = weft_cli_args_real(&cli->args, "duration", 0) * 1e3, spent_ms = 0;
    weft_status status = WEFT_OK;
    double times[STAGE_COUNT];
    if (limit_ms > 0 && !weft_cli_args_has(&cli->args, "iterations"))
        wanted = MAX_ITERATIONS;
    weft_cli_progress(cli, 2, 3, "warm up");
    b->warmup = (size_t)weft_cli_args_int(&cli->args, "warmup", 10);
    for (size_t i = 0; status == WEFT_OK && i < b->warmup; i++)
        status = run_once(cli, b, times);
    weft_cli_progress(cli, 3, 3, "measure");
    for (int stage = 0; stage < STAGE_COUNT; stage++)
        b->samples[stage] = weft_cli_alloc_array(capacity, sizeof(double));
    while (status == WEFT_OK && b->count < wanted && (limit_ms <= 0 || spent_ms < limit_ms)) {
        if (b->count == capacity) {
            capacity *= 2;
            for (int stage = 0; stage < STAGE_COUNT; stage++)
                b->samples[stage] =
                    weft_cli_realloc_array(b->samples[stage], capacity, sizeof(double));
        }
        status = run_once(cli, b, times);
        for (int stage = 0; stage < STAGE_COUNT; stage++)
            b->samples[stage][b->count] = times[stage];
        spent_ms += times[STAGE_TOTAL];
        b->count++;
    }
    for (int stage = 0; stage < STAGE_COUNT; stage++)
        b->stats[stage] = weft_cli_stats_of(b->samples[stage], b->count);
    b->memory = weft_cli_process_memory_get();
    weft_cli_progress_end(cli);
    return status;
}

/* Loads, with --cold-load a first time without any kept kernel. */
static weft_status load(weft_cli *cli, bench *b)
{
    weft_session_params params = weft_cli_session_params(cli, b->inputs.schedule);
    weft_status status = WEFT_OK;
    weft_cli_progress(cli, 1, 3, "load");
    if (weft_cli_args_has(&cli->args, "cold-load")) {
        weft_session_params cold = params;
        weft_session *session = NULL;
        cold.cache_dir = "";
        status = weft_session_create(b->package, &cold, cli->diag, &session);
        if (status == WEFT_OK) {
            weft_session_get_load_info(session, &b->cold);
            b->has_cold = true;
        }
        weft_session_destroy(session);
    }
    if (status == WEFT_OK)
        status = weft_cli_engine_create(cli, b->package, &params, &b->engine);
    weft_cli_report_flush(cli);
    if (status == WEFT_OK) {
        weft_session_get_load_info(b->engine.session, &b->load);
        weft_schedule_info info;
        uint64_t largest = 1;
        weft_package_get_schedule(b->package, b->inputs.schedule, &info);
        for (size_t i = 0; i < info.output_count; i++) {
            weft_tensor_info tensor;
            weft_package_get_output(b->package, b->inputs.schedule, i, &tensor);
            largest = tensor.size_bytes > largest ? tensor.size_bytes : largest;
        }
        b->output = weft_cli_try_alloc((size_t)largest);
        if (b->output == NULL)
            status =
                weft_cli_error(&cli->errors, WEFT_CLI_E_CLI_NO_MEMORY, "no memory for outputs");
    }
    return status;
}

static int64_t batch_of(const bench *b)
{
    const weft_tensor_info *tensor = b->inputs.count > 0 ? &b->inputs.items[0].tensor : NULL;
    return tensor == NULL || tensor->rank == 0 ? 1 : tensor->dims[0];
}

/* Sentences that say what the numbers mean; NULL-terminated, released one by one. */
static void advise(const bench *b, char *advice[8])
{
    const weft_cli_stats *total = &b->stats[STAGE_TOTAL];
    size_t count = 0;
    weft_schedule_info info;
    double launch_ns = 0;
    weft_package_get_schedule(b->package, b->inputs.schedule, &info);
    size_t launch_bound = 0;
    for (size_t i = 0; i < info.step_count; i++) {
        weft_step_info step;
        weft_package_get_step(b->package, b->inputs.schedule, i, &step);
        if (strcmp(step.bound, "launch") == 0) {
            launch_bound++;
            launch_ns += step.ideal_ns;
        }
    }
    if (total->count < 20)
        advice[count++] = weft_cli_printf(
            "only %zu runs: p95 and p99 lean on one or two of them; --iterations 100",
            total->count);
    if (total->spread > 0.05)
        advice[count++] = weft_cli_printf(
            "the middle half of the runs spreads over %.0f %% of the median: something else uses "
            "this machine, or its clock moves; compare minima, or measure longer with --duration",
            total->spread * 100);
    if (total->median > 0 && launch_ns / 1e6 > 0.25 * total->median)
        advice[count++] = weft_cli_printf(
            "launch-bound: %zu of %zu steps are shorter than their launch; a larger batch would "
            "cost little more",
            launch_bound, info.step_count);
    if (total->median > 0 &&
        (b->stats[STAGE_INPUT].median + b->stats[STAGE_OUTPUT].median) > 0.1 * total->median)
        advice[count++] =
            weft_cli_printf("copies of inputs and outputs take more than a tenth of the latency");
    if (b->load.note != NULL)
        advice[count++] = weft_cli_strdup(b->load.note);
    advice[count] = NULL;
}

static void print_load(FILE *out, const char *label, const weft_load_info *load)
{
    fprintf(out, "%-11s %.3f s, of it %.3f s building kernels (%zu built, %zu from cache)\n", label,
            (double)load->load_ns / 1e9, (double)load->compile_ns / 1e9, load->programs_built,
            load->programs_from_cache);
}

static void print_text(FILE *out, const bench *b, char *const advice[8])
{
    weft_package_info info;
    char id[WEFT_CLI_HASH_TEXT], now[WEFT_CLI_BYTES_TEXT], peak[WEFT_CLI_BYTES_TEXT],
        shape[WEFT_CLI_SHAPE_TEXT], name[WEFT_CLI_NAME_TEXT];
    const weft_cli_stats *total = &b->stats[STAGE_TOTAL];
    weft_package_get_info(b->package, &info);
    char *where = weft_cli_engine_describe(&b->engine);
    fprintf(out, "model %s  package %s  target %s  weft %s commit %s\n",
            weft_cli_format_name(info.model, name), weft_cli_format_hash(info.id, id), info.target,
            weft_version(), WEFT_COMMIT);
    fprintf(out, "%s", where);
    for (size_t i = 0; i < b->inputs.count; i++)
        fprintf(out, ", %s %s", weft_cli_format_name(b->inputs.items[i].tensor.name, name),
                weft_cli_format_shape(b->inputs.items[i].tensor.rank,
                                      b->inputs.items[i].tensor.dims, shape));
    fprintf(out, ", %zu runs after %zu warm-up, spread %.1f %%\n", total->count, b->warmup,
            total->spread * 100);
    weft_cli_table *table = weft_cli_table_create();
    static const char *const titles[] = {"ms", "median", "mean", "p90", "p95", "p99", "min", "max"};
    for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++)
        weft_cli_table_add_column(table, titles[i], i == 0 ? WEFT_CLI_LEFT : WEFT_CLI_RIGHT);
    static const int order[STAGE_COUNT] = {STAGE_TOTAL, STAGE_INPUT, STAGE_RUN, STAGE_OUTPUT};
    for (int i = 0; i < STAGE_COUNT; i++) {
        const weft_cli_stats *stats = &b->stats[order[i]];
        const double cells[] = {stats->median, stats->mean, stats->p90, stats->p95,
                                stats->p99,    stats->min,  stats->max};
        weft_cli_table_add_row(table);
        weft_cli_table_add_cell(table, "%s%s", order[i] == STAGE_TOTAL ? "" : "  ",
                                stage_names[order[i]]);
        for (size_t k = 0; k < sizeof cells / sizeof cells[0]; k++)
            weft_cli_table_add_cell(table, "%.3f", cells[k]);
    }
    weft_cli_table_print(table, out);
    fprintf(out, "%-11s %.1f /s (1 in flight, batch %" PRId64 ")\n", "throughput",
            total->median > 0 ? 1e3 / total->median * (double)batch_of(b) : 0, batch_of(b));
    if (b->has_cold)
        print_load(out, "cold load", &b->cold);
    print_load(out, "load", &b->load);
    fprintf(out, "%-11s %s now, %s at most\n", "memory",
            weft_cli_format_bytes(b->memory.now_bytes, now),
            weft_cli_format_bytes(b->memory.peak_bytes, peak));
    for (size_t i = 0; advice[i] != NULL; i++)
        fprintf(out, "%-11s %s\n", "note", advice[i]);
    free(where);
}

static json_t *stats_json(const weft_cli_stats *stats)
{
    json_t *json = json_object();
    json_object_set_new(json, "median", json_real(stats->median));
    json_object_set_new(json, "mean", json_real(stats->mean));
    json_object_set_new(json, "p90", json_real(stats->p90));
    json_object_set_new(json, "p95", json_real(stats->p95));
    json_object_set_new(json, "p99", json_real(stats->p99));
    json_object_set_new(json, "min", json_real(stats->min));
    json_object_set_new(json, "max", json_real(stats->max));
    json_object_set_new(json, "spread", json_real(stats->spread));
    return json;
}

static json_t *load_json(const weft_load_info *load)
{
    json_t *json = json_object();
    json_object_set_new(json, "load_ms", json_real((double)load->load_ns / 1e6));
    json_object_set_new(json, "compile_ms", json_real((double)load->compile_ns / 1e6));
    json_object_set_new(json, "programs_built", json_integer((json_int_t)load->programs_built));
    json_object_set_new(json, "programs_from_cache",
                        json_integer((json_int_t)load->programs_from_cache));
    return json;
}

static json_t *bench_json(const weft_cli *cli, const bench *b, char *const advice[8])
{
    weft_package_info info;
    weft_cli_machine machine;
    weft_package_get_info(b->package, &info);
    weft_cli_machine_get(&machine);
    json_t *json = weft_cli_json_create("weft.bench/1"), *inputs = json_array(),
           *notes = json_array();
    json_t *samples = json_array();
    json_object_set_new(json, "commit", json_string(WEFT_COMMIT));
    json_object_set_new(json, "package", weft_cli_json_text(cli->args.operands[0]));
    json_object_set_new(json, "model", weft_cli_json_text(info.model));
    json_object_set_new(json, "id", weft_cli_json_hash(info.id));
    json_object_set_new(json, "target", weft_cli_json_text(info.target));
    json_object_set_new(json, "cpu", weft_cli_json_text(machine.cpu));
    json_object_set_new(json, "cores", json_integer(machine.cores));
    json_object_set_new(json, "engine", weft_cli_engine_json(&b->engine));
    json_object_set_new(json, "schedule", json_integer((json_int_t)b->inputs.schedule));
    for (size_t i = 0; i < b->inputs.count; i++)
        json_array_append_new(inputs, weft_cli_json_tensor(&b->inputs.items[i].tensor));
    json_object_set_new(json, "inputs", inputs);
    json_object_set_new(json, "warmup", json_integer((json_int_t)b->warmup));
    json_object_set_new(json, "iterations", json_integer((json_int_t)b->count));
    json_object_set_new(json, stage_keys[STAGE_TOTAL], stats_json(&b->stats[STAGE_TOTAL]));
    json_t *stages = json_object();
    for (int stage = 0; stage < STAGE_TOTAL; stage++)
        json_object_set_new(stages, stage_keys[stage], stats_json(&b->stats[stage]));
    json_object_set_new(json, "stages", stages);
    double median = b->stats[STAGE_TOTAL].median;
    json_object_set_new(json, "throughput_per_s",
                        json_real(median > 0 ? 1e3 / median * (double)batch_of(b) : 0));
    json_object_set_new(json, "load", load_json(&b->load));
    json_object_set_new(json, "cold_load", b->has_cold ? load_json(&b->cold) : json_null());
    json_object_set_new(json, "rss_bytes", json_integer((json_int_t)b->memory.now_bytes));
    json_object_set_new(json, "rss_peak_bytes", json_integer((json_int_t)b->memory.peak_bytes));
    for (size_t i = 0; advice[i] != NULL; i++)
        json_array_append_new(notes, weft_cli_json_text(advice[i]));
    json_object_set_new(json, "notes", notes);
    for (size_t i = 0; i < b->count; i++)
        json_array_append_new(samples, json_real(b->samples[STAGE_TOTAL][i]));
    json_object_set_new(json, "samples_ms", samples);
    return json;
}

static weft_status run(weft_cli *cli)
{
    bench b = {0};
    weft_status status = weft_cli_open_package(cli, &b.package);
    if (status == WEFT_OK)
        status = weft_cli_inputs_load(cli, b.package, true, &b.inputs);
    if (status == WEFT_OK && !b.inputs.is_chosen)
        weft_cli_schedule_note_first(cli, b.package);
    if (status == WEFT_OK)
        status = load(cli, &b);
    if (status == WEFT_OK)
        status = measure(cli, &b);
    if (status == WEFT_OK) {
        char *advice[8];
        advise(&b, advice);
        if (cli->is_json)
            weft_cli_json_print(bench_json(cli, &b, advice), cli->out);
        else
            print_text(cli->out, &b, advice);
        for (size_t i = 0; advice[i] != NULL; i++)
            free(advice[i]);
    }
    for (int stage = 0; stage < STAGE_COUNT; stage++)
        free(b.samples[stage]);
    free(b.output);
    weft_cli_engine_finish(&b.engine);
    weft_cli_inputs_finish(&b.inputs);
    weft_package_close(b.package);
    return status;
}

static const weft_cli_option options[] = {
    {"warmup", 'w', WEFT_CLI_INT, "N", NULL, 0, MAX_ITERATIONS,
     "runs before measuring; default 10"},
    {"iterations", 'n', WEFT_CLI_INT, "N", NULL, 1, MAX_ITERATIONS, "measured runs; default 100"},
    {"duration", 0, WEFT_CLI_REAL, "S", NULL, 0, 86400,
     "stop after so many seconds; without --iterations, measure so long"},
    {"cold-load", 0, WEFT_CLI_FLAG, NULL, NULL, 0, 0,
     "also load once without kept kernels, and time it"},
    WEFT_CLI_OPTIONS_END,
};

const weft_cli_verb weft_cli_verb_bench = {
    .name = "bench",
    .summary = "measure the latency of whole inferences",
    .operands = "PACKAGE",
    .operand_min = 1,
    .operand_max = 1,
    .operand_words = ".weft",
    .groups = {options, weft_cli_input_options, weft_cli_image_options, weft_cli_schedule_options,
               weft_cli_running_options, weft_cli_common_options},
    .description =
        "Loads the package, warms up, and measures one inference at a time as an application "
        "does it: copy the inputs in, run, copy the outputs out. Percentiles are interpolated "
        "between samples; `spread` is the interquartile range over the median. Inputs are seeded "
        "random unless given.\n\n"
        "The notes say what the numbers mean: too few runs, an unquiet machine, launch-bound "
        "steps. --json (schema weft.bench/1) holds everything that is needed to repeat and "
        "compare: version, commit, device, threads, load times, memory, every sample.",
    .examples = "weft bench rs50.weft --threads 2 --warmup 3 --iterations 20 --json\n"
                "weft bench rs50.weft --duration 10\n"
                "weft bench rs50.weft --json | jq .latency_ms.median",
    .run = run,
};
