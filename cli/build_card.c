/* SPDX-License-Identifier: Apache-2.0 */
/* weft build for a card; see build_card.h. Must not know about: the tools themselves. */
#include "cli/build_card.h"

#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cli/memory.h"
#include "cli/name.h"
#include "cli/report.h"
#include "cli/table.h"
#include "cli/text.h"
#include "weft/flow.h"

enum { TIME_TEXT = 32, TITLE_TEXT = 320, NUMBER_TEXT = 32 };

/* Set by the first SIGINT or SIGTERM; the build then ends its tools and says how to go on. */
static volatile sig_atomic_t is_asked_to_stop;

static void ask_to_stop(int signal_number)
{
    (void)signal_number;
    is_asked_to_stop = 1;
}

static bool should_stop(void *user)
{
    (void)user;
    return is_asked_to_stop != 0;
}

/* ---- progress ---- */

static char *format_time(double seconds, char *buffer)
{
    long whole = (long)seconds;
    snprintf(buffer, TIME_TEXT, "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
    return buffer;
}

static void show_progress(void *user, const weft_flow_progress *progress)
{
    weft_cli *cli = user;
    char title[TITLE_TEXT], elapsed[TIME_TEXT];
    format_time(progress->seconds, elapsed);
    if (progress->state == WEFT_FLOW_RUNNING) {
        if (!cli->has_moving_line && progress->seconds > 0)
            return;
        if (cli->has_moving_line)
            snprintf(title, sizeof title, "%s, %s%s%s", progress->title, elapsed,
                     progress->phase[0] == '\0' ? "" : ": ", progress->phase);
        else
            snprintf(title, sizeof title, "%s", progress->title);
    } else if (progress->state == WEFT_FLOW_KEPT) {
        snprintf(title, sizeof title, "%s: kept from an earlier run (%s)", progress->title,
                 elapsed);
    } else {
        snprintf(title, sizeof title, "%s: %s after %s", progress->title,
                 weft_flow_state_name(progress->state), elapsed);
    }
    weft_cli_progress(cli, (int)progress->step + 1, (int)progress->step_count, title);
    if (progress->state != WEFT_FLOW_RUNNING && cli->line_is_open) { /* ended steps stay in view */
        fputc('\n', stderr);
        cli->line_is_open = false;
    }
}

/* ---- what would be done ---- */

/* As a shell takes it back. */
static void print_word(FILE *out, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-./:=,+@%";
    if (word[0] != '\0' && word[strspn(word, plain)] == '\0') {
        fputs(word, out);
        return;
    }
    fputc('\'', out);
    for (; *word != '\0'; word++)
        if (*word == '\'')
            fputs("'\\''", out);
        else
            fputc(*word, out);
    fputc('\'', out);
}

static void print_plan(FILE *out, const weft_flow *flow)
{
    weft_flow_info info;
    weft_flow_file file;
    weft_flow_step step;
    weft_flow_get_info(flow, &info);
    fprintf(out, "# %s for %s at %g MHz with v++ %s%s, kernel in %s\n", info.output, info.board,
            info.asked_mhz, info.tool_version,
            info.is_version_assumed ? " (assumed: no tool was asked)" : "",
            strcmp(info.language, "hls-c") == 0 ? "HLS C" : "OpenCL C");
    for (size_t i = 0; weft_flow_get_file(flow, i, &file); i++) {
        if (weft_cli_ends_with(file.name, ".cfg") || weft_cli_ends_with(file.name, ".json")) {
            char *text = weft_cli_escape(file.text, true);
            fprintf(out, "\n# %s\n%s", file.name, text);
            free(text);
        } else {
            fprintf(out, "\n# %s: %zu bytes, the engine's source in the package\n", file.name,
                    strlen(file.text));
        }
    }
    fprintf(out, "\ncd ");
    print_word(out, info.work);
    fputc('\n', out);
    for (size_t i = 0; weft_flow_get_step(flow, i, &step); i++)
        for (size_t w = 0; w < step.word_count; w++) {
            print_word(out, step.words[w]);
            fputc(w + 1 < step.word_count ? ' ' : '\n', out);
        }
}

/* ---- what was done ---- */

static const char *format_number(double value, char *buffer)
{
    if (isnan(value))
        return "-";
    snprintf(buffer, NUMBER_TEXT, "%.10g", value);
    return buffer;
}

static void print_figures(FILE *out, const weft_flow *flow)
{
    weft_flow_figure figure;
    if (!weft_flow_get_figure(flow, 0, &figure))
        return;
    weft_cli_table *table = weft_cli_table_create();
    weft_cli_table_add_column(table, "part", WEFT_CLI_LEFT);
    weft_cli_table_add_column(table, "resource", WEFT_CLI_LEFT);
    for (int s = 0; s < WEFT_FLOW_SOURCE_COUNT; s++)
        weft_cli_table_add_column(table, weft_flow_source_name((weft_flow_source)s),
                                  WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "available", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "%", WEFT_CLI_RIGHT);
    for (size_t i = 0; weft_flow_get_figure(flow, i, &figure); i++) {
        char number[NUMBER_TEXT];
        weft_cli_table_add_row(table);
        weft_cli_table_add_cell(table, "%s", figure.scope);
        weft_cli_table_add_cell(table, "%s", figure.resource);
        for (int s = 0; s < WEFT_FLOW_SOURCE_COUNT; s++)
            weft_cli_table_add_cell(table, "%s", format_number(figure.values[s], number));
        weft_cli_table_add_cell(table, "%s", format_number(figure.available, number));
        if (isfinite(figure.percent))
            weft_cli_table_add_cell(table, "%.1f", figure.percent);
        else
            weft_cli_table_add_cell(table, "-");
    }
    weft_cli_table_print(table, out);
}

static void print_clock(FILE *out, const weft_flow_info *info)
{
    if (isnan(info->achieved_mhz))
        fprintf(out, "clock       %g MHz asked\n", info->asked_mhz);
    else
        fprintf(out, "clock       %g MHz (%s), %g asked\n", info->achieved_mhz,
                info->achieved_source, info->asked_mhz);
    if (!isnan(info->slack_ns))
        fprintf(out, "slack       %+.3f ns (route)\n", info->slack_ns);
}

static void print_result(FILE *out, const weft_flow *flow, weft_flow_target target)
{
    weft_flow_info info;
    char size[WEFT_CLI_BYTES_TEXT], elapsed[TIME_TEXT];
    weft_flow_get_info(flow, &info);
    fprintf(out, "bitstream   %s, %s\n", info.output,
            weft_cli_format_bytes(info.output_bytes, size));
    fprintf(out, "board       %s, %s\n", info.board, info.platform);
    fprintf(out, "tool        v++ %s, %s\n", info.tool_version, info.tool);
    fprintf(out, "time        %s\n", format_time(info.seconds, elapsed));
    print_clock(out, &info);
    if (target == WEFT_FLOW_HW_EMU)
        fprintf(out, "emulation   EMCONFIG_PATH=%s XCL_EMULATION_MODE=hw_emu\n", info.work);
    fputc('\n', out);
    print_figures(out, flow);
}

/* ---- the command ---- */

bool weft_cli_build_is_card(const char *target)
{
    return strcmp(target, "hw") == 0 || strcmp(target, "hw_emu") == 0;
}

static weft_flow_params read_params(weft_cli *cli, const char *target)
{
    const weft_cli_args *args = &cli->args;
    weft_flow_params params = WEFT_FLOW_PARAMS_DEFAULT;
    params.package = args->operands[0];
    params.target = strcmp(target, "hw") == 0 ? WEFT_FLOW_HW : WEFT_FLOW_HW_EMU;
    params.output = weft_cli_args_text(args, "output", NULL);
    params.work = weft_cli_args_text(args, "work", NULL);
    params.tool = weft_cli_args_text(args, "tool", NULL);
    params.tool_version = weft_cli_args_text(args, "tool-version", NULL);
    params.platform = weft_cli_args_text(args, "platform", NULL);
    params.language = weft_cli_args_text(args, "language", NULL);
    params.clock_mhz = weft_cli_args_real(args, "clock", 0);
    params.jobs = (int)weft_cli_args_int(args, "jobs", 0);
    params.has_profile = weft_cli_args_has(args, "profile");
    params.is_dry = weft_cli_args_has(args, "dry-run");
    params.progress = show_progress;
    params.should_stop = should_stop;
    params.user = cli;
    return params;
}

static weft_status run(weft_cli *cli, weft_flow *flow)
{
    struct sigaction ours = {.sa_handler = ask_to_stop}, interrupt, terminate;
    sigemptyset(&ours.sa_mask);
    is_asked_to_stop = 0;
    sigaction(SIGINT, &ours, &interrupt);
    sigaction(SIGTERM, &ours, &terminate);
    weft_status status = weft_flow_run(flow, cli->diag);
    sigaction(SIGINT, &interrupt, NULL);
    sigaction(SIGTERM, &terminate, NULL);
    weft_cli_progress_end(cli);
    return status;
}

static void print_last_lines(const weft_flow *flow)
{
    const char *lines = weft_flow_last_lines(flow);
    if (lines[0] == '\0')
        return;
    char *text = weft_cli_escape(lines, true); /* may go to a terminal */
    fprintf(stderr, "last lines of the log:\n%s\n", text);
    free(text);
}

static weft_status print_report(weft_cli *cli, const weft_flow *flow, weft_status status)
{
    char *text = weft_flow_report(flow);
    if (text == NULL)
        return WEFT_NO_MEMORY;
    fprintf(cli->out, "%s\n", text);
    free(text);
    return status;
}

weft_status weft_cli_build_card(weft_cli *cli, const char *target)
{
    weft_flow *flow = NULL;
    weft_flow_params params = read_params(cli, target);
    weft_status status = WEFT_OK;
    if (params.tool_version != NULL && !params.is_dry) {
        status = weft_cli_error(&cli->errors, WEFT_CLI_E_CONFLICT,
                                "--tool-version goes with --dry-run: a tool says its own");
        return status;
    }
    status = weft_flow_create(&params, cli->diag, &flow);
    weft_cli_report_flush(cli);
    if (status == WEFT_OK && !params.is_dry)
        status = run(cli, flow);
    if (flow != NULL && cli->is_json)
        status = print_report(cli, flow, status);
    else if (status == WEFT_OK && params.is_dry)
        print_plan(cli->out, flow);
    else if (status == WEFT_OK)
        print_result(cli->out, flow, params.target);
    else if (flow != NULL && !cli->is_quiet)
        print_last_lines(flow);
    weft_flow_destroy(flow);
    return status;
}

const weft_cli_option weft_cli_build_card_options[] = {
    {"work", 0, WEFT_CLI_TEXT, "DIR", NULL, 0, 0,
     "folder of the build, kept to go on from; default: the output's name with .build"},
    {"tool", 0, WEFT_CLI_TEXT, "PATH", NULL, 0, 0,
     "v++, or the folder of Vitis; default: PATH, then XILINX_VITIS"},
    {"tool-version", 0, WEFT_CLI_TEXT, "RELEASE", NULL, 0, 0,
     "with --dry-run: the release to show files and commands for, 2023.2"},
    {"platform", 0, WEFT_CLI_TEXT, "NAME", NULL, 0, 0,
     "platform of v++, or its .xpfm; default: the board's for the release found"},
    {"clock", 0, WEFT_CLI_REAL, "MHZ", NULL, 10, 1000, "clock to ask for; default: as planned"},
    {"language", 0, WEFT_CLI_TEXT, "NAME", "hls-c|opencl", 0, 0,
     "language of the kernel; default: HLS C where the release takes it"},
    {"profile", 0, WEFT_CLI_FLAG, NULL, NULL, 0, 0,
     "put monitors into the circuit that count and time transfers"},
    {"jobs", 'j', WEFT_CLI_INT, "N", NULL, 1, 256,
     "processes of place and route at the same time; default: the tool decides"},
    {"dry-run", 0, WEFT_CLI_FLAG, NULL, NULL, 0, 0,
     "print files and commands; nothing is run, no tool is needed"},
    WEFT_CLI_OPTIONS_END,
};
