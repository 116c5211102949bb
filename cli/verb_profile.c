/* SPDX-License-Identifier: Apache-2.0 */
/* weft profile: device time of every step, beside what it should take. Must not know about:
 * percentiles of whole runs (weft bench). */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/engine.h"
#include "cli/file.h"
#include "cli/json.h"
#include "cli/layers.h"
#include "cli/load.h"
#include "cli/memory.h"
#include "cli/report.h"
#include "cli/schedule.h"
#include "cli/stats.h"
#include "cli/trace.h"

enum { MAX_ITERATIONS = 100000 };

typedef struct profile {
    weft_package *package;
    weft_cli_inputs inputs;
    weft_cli_engine engine;
    size_t steps, iterations;
    double *samples; /* steps x iterations, us */
    double *wall;    /* iterations, us */
    double *median;  /* steps, us */
    double wall_us;
    weft_step_time *fastest; /* steps, of the fastest run */
    double fastest_wall_us;
    double joined_us; /* median of a run without timers, in as few launches as there can be */
    weft_load_info load;
} profile;

static weft_status run_once(weft_cli *cli, profile *p, double *out_wall_us)
{
    uint64_t begin_ns = weft_cli_now_ns();
    weft_status status = weft_request_run(p->engine.request, 0, cli->diag);
    *out_wall_us = (double)(weft_cli_now_ns() - begin_ns) / 1e3;
    return status;
}

static weft_status take_times(weft_cli *cli, profile *p, size_t iteration)
{
    const weft_step_time *times = NULL;
    if (weft_request_get_times(p->engine.request, &times) != p->steps) {
        weft_load_info load;
        weft_session_get_load_info(p->engine.session, &load);
        weft_status status = weft_cli_error(&cli->errors, WEFT_CLI_E_ENVIRONMENT,
                                            "backend %s gives no time per step", load.backend);
        weft_cli_error_field(&cli->errors, WEFT_DIAG_TRY, "--backend opencl");
        return status;
    }
    for (size_t i = 0; i < p->steps; i++)
        p->samples[i * p->iterations + iteration] =
            (double)(times[i].end_ns - times[i].start_ns) / 1e3;
    if (iteration == 0 ||
        p->wall[iteration] <
            p->fastest_wall_us) { /* the trace shows the fastest run: the least disturbed */
        memcpy(p->fastest, times, p->steps * sizeof *times);
        p->fastest_wall_us = p->wall[iteration];
    }
    return WEFT_OK;
}

static weft_status measure(weft_cli *cli, profile *p)
{
    weft_schedule_info info;
    double ignored = 0;
    long warmup = weft_cli_args_int(&cli->args, "warmup", 3);
    weft_status status = WEFT_OK;
    weft_package_get_schedule(p->package, p->inputs.schedule, &info);
    p->steps = info.step_count;
    p->iterations = (size_t)weft_cli_args_int(&cli->args, "iterations", 20);
    p->samples = weft_cli_alloc_array(p->steps * p->iterations, sizeof(double));
    p->wall = weft_cli_alloc_array(p->iterations, sizeof(double));
    p->median = weft_cli_alloc_array(p->steps, sizeof(double));
    p->fastest = weft_cli_alloc_array(p->steps, sizeof *p->fastest);
    weft_cli_engine_set_inputs(&p->engine, &p->inputs);
    weft_cli_progress(cli, 2, 3, "warm up");
    for (long i = 0; status == WEFT_OK && i < warmup; i++)
        status = run_once(cli, p, &ignored);
    weft_cli_progress(cli, 3, 3, "measure");
    for (size_t i = 0; status == WEFT_OK && i < p->iterations; i++) {
        status = run_once(cli, p, &p->wall[i]);
        if (status == WEFT_OK)
            status = take_times(cli, p, i);
    }
    weft_cli_progress_end(cli);
    for (size_t i = 0; i < p->steps; i++)
        p->median[i] = weft_cli_stats_of(p->samples + i * p->iterations, p->iterations).median;
    p->wall_us = weft_cli_stats_of(p->wall, p->iterations).median;
    return status;
}

/* Whole runs without timers, in a session that takes the place of the one with timers: an emulated
 * card has one at a time. */
static weft_status measure_joined(weft_cli *cli, profile *p)
{
    weft_session_params params = weft_cli_session_params(cli, p->inputs.schedule);
    weft_cli_engine_finish(&p->engine);
    weft_status status = weft_cli_engine_create(cli, p->package, &params, &p->engine);
    if (status != WEFT_OK)
        return status;
    weft_session_get_load_info(p->engine.session, &p->load);
    weft_cli_engine_set_inputs(&p->engine, &p->inputs);
    double *wall = weft_cli_alloc_array(p->iterations, sizeof(double));
    for (size_t i = 0; status == WEFT_OK && i < p->iterations; i++)
        status = run_once(cli, p, &wall[i]);
    p->joined_us = status == WEFT_OK ? weft_cli_stats_of(wall, p->iterations).median : 0;
    free(wall);
    return status;
}

static weft_status write_json(weft_cli *cli, const char *option, json_t *json)
{
    char *text = json_dumps(json, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
    weft_status status =
        text == NULL
            ? weft_cli_error(&cli->errors, WEFT_CLI_E_CLI_NO_MEMORY, "no memory for --%s", option)
            : weft_cli_file_write(weft_cli_args_text(&cli->args, option, ""), text, strlen(text),
                                  "\n", 1, &cli->errors);
    free(text);
    json_decref(json);
    return status;
}

/* The package's target; zeros when it is none that this program knows. */
static weft_target_info target_of(const weft_package *package)
{
    weft_package_info info;
    weft_package_get_info(package, &info);
    for (size_t i = 0; i < weft_target_info_count(); i++) {
        weft_target_info target;
        weft_target_info_get(i, &target);
        if (strcmp(target.name, info.target) == 0)
            return target;
    }
    return (weft_target_info){0};
}

/* Of the fastest run. */
typedef struct card_times {
    double send_us, dispatch_us, fetch_us;
    size_t launches;
} card_times;

static card_times card_times_of(const profile *p)
{
    card_times sum = {0};
    for (size_t i = 0; i < p->steps; i++) {
        weft_step_info step;
        weft_package_get_step(p->package, p->inputs.schedule, i, &step);
        sum.launches += step.descriptor_count > 0;
        sum.send_us += (double)p->fastest[i].send_ns / 1e3;
        sum.dispatch_us += (double)p->fastest[i].dispatch_ns / 1e3;
        sum.fetch_us += (double)p->fastest[i].fetch_ns / 1e3;
    }
    return sum;
}

static bool is_on_card(const weft_load_info *load)
{
    return strcmp(load->timed_by, "device") != 0;
}

static bool is_emulated(const weft_load_info *load)
{
    return strcmp(load->timed_by, "emulation") == 0;
}

static void print_card(weft_cli *cli, const profile *p)
{
    card_times sum = card_times_of(p);
    fprintf(cli->out,
            "\n%zu launches of one step each, in the fastest run: to the card %.1f us, dispatch "
            "%.1f us, back %.1f us\nwhole inference, steps in a row in one launch: %.1f us (median "
            "of %zu)\n",
            sum.launches, sum.send_us, sum.dispatch_us, sum.fetch_us, p->joined_us, p->iterations);
    if (is_emulated(&p->load))
        fprintf(cli->out, "every time is this machine's, of an emulated card: none is a card's\n");
    else
        fprintf(cli->out, "times of steps are the host's, from the start of a launch to its end\n");
}

static void print_answer(weft_cli *cli, const profile *p)
{
    const weft_load_info load = p->load;
    weft_package_card card;
    weft_package_get_card(p->package, &card);
    weft_target_info target = target_of(p->package);
    const char *sort = weft_cli_args_text(&cli->args, "sort", "order");
    weft_cli_layers layers = {.package = p->package,
                              .schedule = p->inputs.schedule,
                              .measured_us = p->median,
                              .measured_by = is_emulated(&load) ? "emulated" : NULL,
                              .clock_mhz = card.board == NULL ? 0 : card.clock_mhz,
                              .wall_us = p->wall_us,
                              .node_limit = cli->verbosity > 0 ? 0 : 1,
                              .peak_gflops = target.peak_gflops_per_thread * load.threads,
                              .peak_gops = target.peak_gops_per_thread * load.threads,
                              .sort = strcmp(sort, "time") == 0 ? WEFT_CLI_SORT_TIME
                                                                : WEFT_CLI_SORT_ORDER};
    double sum_us = 0;
    for (size_t i = 0; i < p->steps; i++)
        sum_us += p->median[i];
    if (cli->is_json) {
        weft_package_info info;
        weft_package_get_info(p->package, &info);
        json_t *json = weft_cli_json_create("weft.profile/1");
        json_object_set_new(json, "package", weft_cli_json_text(cli->args.operands[0]));
        json_object_set_new(json, "model", weft_cli_json_text(info.model));
        json_object_set_new(json, "id", weft_cli_json_hash(info.id));
        json_object_set_new(json, "target", weft_cli_json_text(info.target));
        json_object_set_new(json, "engine", weft_cli_engine_json(&p->engine));
        json_object_set_new(json, "iterations", json_integer((json_int_t)p->iterations));
        json_object_set_new(json, "peak_gflops", json_real(layers.peak_gflops));
        json_object_set_new(json, "peak_8bit_gops", json_real(layers.peak_gops));
        json_object_set_new(json, "wall_us", json_real(p->wall_us));
        json_object_set_new(json, "steps_us", json_real(sum_us));
        json_object_set_new(json, "unaccounted_us", json_real(p->wall_us - sum_us));
        if (is_on_card(&load)) {
            card_times sum = card_times_of(p);
            json_object_set_new(json, "send_us", json_real(sum.send_us));
            json_object_set_new(json, "dispatch_us", json_real(sum.dispatch_us));
            json_object_set_new(json, "fetch_us", json_real(sum.fetch_us));
            json_object_set_new(json, "joined_us", json_real(p->joined_us));
        }
        json_object_set_new(json, "layers", weft_cli_layers_json(&layers));
        weft_cli_json_print(json, cli->out);
        return;
    }
    char *where = weft_cli_engine_describe(&p->engine);
    fprintf(cli->out,
            "%s; medians of %zu runs; peak %.0f GFLOP/s, 8-bit %.0f GOP/s and ideal times are the "
            "target's model\n",
            where, p->iterations, layers.peak_gflops, layers.peak_gops);
    weft_cli_layers_print(cli->out, &layers);
    if (is_on_card(&load))
        print_card(cli, p);
    free(where);
}

static weft_status run_package(weft_cli *cli, profile *p)
{
    weft_session_params params = weft_cli_session_params(cli, p->inputs.schedule);
    params.profile = true;
    weft_cli_progress(cli, 1, 3, "load");
    weft_status status = weft_cli_engine_create(cli, p->package, &params, &p->engine);
    weft_cli_report_flush(cli);
    if (status == WEFT_OK) {
        weft_session_get_load_info(p->engine.session, &p->load);
        status = measure(cli, p);
    }
    if (status == WEFT_OK && is_on_card(&p->load))
        status = measure_joined(cli, p);
    if (status == WEFT_OK && weft_cli_args_has(&cli->args, "trace")) {
        char *where = weft_cli_engine_describe(&p->engine);
        status = write_json(cli, "trace",
                            weft_cli_trace_json(p->package, p->inputs.schedule, p->fastest, where,
                                                is_on_card(&p->load), p->fastest_wall_us));
        free(where);
    }
    if (status == WEFT_OK && weft_cli_args_has(&cli->args, "overlay"))
        status = write_json(cli, "overlay",
                            weft_cli_overlay_json(p->package, p->inputs.schedule, p->median));
    if (status == WEFT_OK)
        print_answer(cli, p);
    return status;
}

static weft_status run(weft_cli *cli)
{
    profile p = {0};
    weft_status status = weft_cli_open_package(cli, &p.package);
    if (status == WEFT_OK)
        status = weft_cli_inputs_load(cli, p.package, true, &p.inputs);
    if (status == WEFT_OK && !p.inputs.is_chosen)
        weft_cli_schedule_note_first(cli, p.package);
    if (status == WEFT_OK)
        status = run_package(cli, &p);
    free(p.samples);
    free(p.wall);
    free(p.median);
    free(p.fastest);
    weft_cli_engine_finish(&p.engine);
    weft_cli_inputs_finish(&p.inputs);
    weft_package_close(p.package);
    return status;
}

static const weft_cli_option options[] = {
    {"iterations", 'n', WEFT_CLI_INT, "N", NULL, 1, MAX_ITERATIONS, "measured runs; default 20"},
    {"warmup", 'w', WEFT_CLI_INT, "N", NULL, 0, MAX_ITERATIONS, "runs before measuring; default 3"},
    {"sort", 0, WEFT_CLI_TEXT, "ORDER", "order|time", 0, 0,
     "rows in schedule order or by time; default order"},
    {"trace", 0, WEFT_CLI_TEXT, "FILE", NULL, 0, 0,
     "write a Chrome trace of the fastest run, for Perfetto"},
    {"overlay", 0, WEFT_CLI_TEXT, "FILE", NULL, 0, 0,
     "write an overlay to drop on the model in Netron"},
    WEFT_CLI_OPTIONS_END,
};

const weft_cli_verb weft_cli_verb_profile = {
    .name = "profile",
    .summary = "measure every step on the device",
    .operands = "PACKAGE",
    .operand_min = 1,
    .operand_max = 1,
    .operand_words = ".weft",
    .groups = {options, weft_cli_input_options, weft_cli_image_options, weft_cli_schedule_options,
               weft_cli_running_options, weft_cli_common_options},
    .description =
        "Runs the package with device timers on and prints, per step: the ONNX nodes it came "
        "from, its work and bytes, the ideal time by the target's roofline (a model), the "
        "measured median, its share and the cumulative share, the achieved rates, and what "
        "bounds it. The sum line adds the steps; `unaccounted` is the wall time of a run that no "
        "step explains: launches, waits, and the cost of the timers themselves; `wall` is the "
        "whole.\n\n"
        "On a card a step is one launch; times are the host's, from a launch to its end, and lines "
        "below the table add what values to and from the card took, what dispatch took, and the "
        "whole inference with its steps in one launch. A package that is planned for a card has "
        "the predicted time of each step beside the measured one. An emulated card's times are "
        "marked: they are this machine's.\n\n"
        "--trace writes Chrome's trace format, one track per queue and unit; open it at "
        "ui.perfetto.dev. "
        "--overlay writes Netron's attachment format: open the ONNX file in Netron, then drop "
        "the overlay on it.",
    .examples = "weft profile rs50.weft --sort time | head -20\n"
                "weft profile rs50.weft --trace t.json --overlay overlay.json\n"
                "weft profile rs50.weft --json | jq '.layers[] | [.name, .measured_us]'",
    .run = run,
};
