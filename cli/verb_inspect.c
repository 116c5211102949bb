/* SPDX-License-Identifier: Apache-2.0 */
/* weft inspect: what is in a package, or in a model. Must not know about: devices. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/json.h"
#include "cli/layers.h"
#include "cli/load.h"
#include "cli/memory.h"
#include "cli/model_summary.h"
#include "cli/package_engine.h"
#include "cli/package_summary.h"
#include "cli/report.h"
#include "cli/schedule.h"
#include "cli/text.h"
#include "weft/flow.h"

static const char *const views[] = {"verify",  "layers", "memory", "kernels", "source",      "plan",
                                    "weights", "hash",   "ir",     "engine",  "connectivity"};
enum { VIEW_COUNT = sizeof views / sizeof views[0] };

static bool wants(const weft_cli *cli, const char *view)
{
    return weft_cli_args_has(&cli->args, view);
}

static weft_status package_view_error(weft_cli *cli, const char *view)
{
    const char *path = cli->args.operands[0];
    char *package = weft_cli_with_ending(path, ".weft");
    weft_status status = weft_cli_error(&cli->errors, WEFT_CLI_E_NOT_A_PACKAGE,
                                        "%s is an ONNX model; --%s shows packages", path, view);
    weft_cli_error_field(&cli->errors, WEFT_DIAG_TRY,
                         "weft compile %s -o %s && weft inspect %s --%s", path, package, package,
                         view);
    free(package);
    return status;
}

static weft_status inspect_model(weft_cli *cli)
{
    weft_cli_models models;
    char *text = NULL;
    for (size_t i = 0; i < VIEW_COUNT; i++)
        if (wants(cli, views[i]) && strcmp(views[i], "layers") != 0 && strcmp(views[i], "ir") != 0)
            return package_view_error(cli, views[i]);
    weft_status status = weft_cli_open_models(cli, &models);
    weft_cli_report_flush(cli);
    if (status == WEFT_OK && wants(cli, "ir"))
        status = weft_model_print(models.items[0], &text);
    if (status == WEFT_OK && text != NULL && !cli->is_json) {
        fputs(text, cli->out);
    } else if (status == WEFT_OK && cli->is_json) {
        json_t *json = weft_cli_json_create("weft.inspect/1");
        json_object_set_new(json, "kind", json_string("model"));
        json_object_set_new(json, "model", weft_cli_model_json(models.items[0]));
        if (wants(cli, "layers"))
            json_object_set_new(json, "layers", weft_cli_model_nodes_json(models.items[0]));
        if (text != NULL)
            json_object_set_new(json, "ir", weft_cli_json_text(text));
        weft_cli_json_print(json, cli->out);
    } else if (status == WEFT_OK && wants(cli, "layers")) {
        weft_cli_model_print_nodes(cli->out, models.items[0]);
    } else if (status == WEFT_OK) {
        weft_cli_model_print(cli->out, models.items[0]);
    }
    weft_text_free(text);
    weft_cli_models_finish(&models);
    return status;
}

/* The sources of one program, named by itself or by one of its kernels, or of all; printed, or with
 * list appended to it. */
static weft_status show_sources(weft_cli *cli, const weft_package *package, json_t *list)
{
    const char *name = weft_cli_args_text(
        &cli->args, "source", cli->args.operand_count > 1 ? cli->args.operands[1] : NULL);
    weft_package_info info;
    bool is_found = false;
    weft_package_get_info(package, &info);
    for (size_t p = 0; p < info.program_count; p++) {
        weft_program_info program;
        weft_package_get_program(package, p, &program);
        bool is_wanted = name == NULL || strcmp(name, program.name) == 0;
        for (size_t k = 0; !is_wanted && k < program.kernel_count; k++)
            is_wanted = strcmp(name, program.kernels[k]) == 0;
        if (!is_wanted)
            continue;
        if (list != NULL) {
            json_t *json = json_object();
            json_object_set_new(json, "program", weft_cli_json_text(program.name));
            json_object_set_new(json, "language", weft_cli_json_text(program.language));
            json_object_set_new(json, "options", weft_cli_json_text(program.options));
            json_object_set_new(json, "source", weft_cli_json_text(program.source));
            json_array_append_new(list, json);
        } else {
            if (name == NULL)
                fprintf(cli->out, "%s/* ---- program %s (%s) ---- */\n", is_found ? "\n" : "",
                        program.name, program.language);
            fputs(program.source, cli->out);
        }
        is_found = true;
    }
    if (is_found || name == NULL)
        return WEFT_OK;
    weft_status status =
        weft_cli_error(&cli->errors, WEFT_CLI_E_PROGRAM_NAME, "no program or kernel %s", name);
    weft_cli_error_field(&cli->errors, WEFT_DIAG_TRY, "weft inspect %s --kernels",
                         cli->args.operands[0]);
    return status;
}

/* The schedule that views are of, and whether the command names it. */
typedef struct view_choice {
    bool is_given;
    size_t schedule;
} view_choice;

/* A section that holds text: manifest (the plan as stored) or graph. Every package has both. */
static weft_section_info text_section(const weft_package *package, const char *name)
{
    weft_section_info section = {0};
    weft_package_info info;
    weft_package_get_info(package, &info);
    for (size_t i = 0; i < info.section_count; i++) {
        weft_package_get_section(package, i, &section);
        if (strcmp(section.name, name) == 0)
            break;
    }
    return section;
}

/* Section graph has the graphs of all schedules one behind the other, each from a line "graph". */
static weft_section_info graph_of(const weft_package *package, size_t schedule)
{
    static const char begin[] = "\ngraph ";
    weft_section_info section = text_section(package, "graph");
    const char *text = section.data;
    size_t from = 0, length = (size_t)section.size_bytes, graphs = 0;
    for (size_t at = 0; at + sizeof begin <= length; at++) {
        if (memcmp(text + at, begin, sizeof begin - 1) != 0 || ++graphs < schedule)
            continue;
        if (graphs == schedule) {
            from = at + 1;
        } else {
            length = at;
            break;
        }
    }
    section.data = text + from;
    section.size_bytes = length - from;
    return section;
}

/* The manifest, of one schedule alone when that is chosen. */
static json_t *plan_json(const weft_package *package, const view_choice *choice)
{
    weft_section_info section = text_section(package, "manifest");
    json_t *plan = json_loadb(section.data, (size_t)section.size_bytes, 0, NULL);
    if (!choice->is_given || plan == NULL)
        return plan;
    json_t *schedules = json_object_get(plan, "schedules"), *list = json_array();
    json_array_append(list, json_array_get(schedules, choice->schedule));
    json_object_set_new(plan, "schedules", list);
    return plan;
}

static void print_section(FILE *out, const weft_section_info *section)
{
    fwrite(section->data, 1, (size_t)section->size_bytes, out);
    fputc('\n', out);
}

static void print_plan(FILE *out, const weft_package *package, const view_choice *choice)
{
    weft_section_info section = text_section(package, "manifest");
    if (!choice->is_given) {
        print_section(out, &section);
        return;
    }
    json_t *plan = plan_json(package, choice);
    json_dumpf(plan, out, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(17));
    fputc('\n', out);
    json_decref(plan);
}

static weft_section_info ir_section(const weft_package *package, const view_choice *choice)
{
    return choice->is_given ? graph_of(package, choice->schedule) : text_section(package, "graph");
}

/* Printed, or put into json. */
static weft_status show_connectivity(weft_cli *cli, const weft_package *package, json_t *json)
{
    char *text = NULL;
    weft_status status = weft_flow_connectivity(package, cli->diag, &text);
    if (status == WEFT_OK && json != NULL)
        json_object_set_new(json, "connectivity", weft_cli_json_text(text));
    else if (status == WEFT_OK)
        fputs(text, cli->out);
    free(text);
    return status;
}

static weft_status print_json(weft_cli *cli, const weft_package *package, const view_choice *choice)
{
    size_t schedule = choice->schedule;
    weft_status status = WEFT_OK;
    json_t *json = weft_cli_package_json(package);
    weft_cli_layers layers = {.package = package, .schedule = schedule};
    if (wants(cli, "verify")) {
        json_object_set_new(json, "intact", json_true());
        json_object_set_new(json, "sections", weft_cli_package_sections_json(package));
    }
    if (wants(cli, "layers"))
        json_object_set_new(json, "layers", weft_cli_layers_json(&layers));
    if (wants(cli, "memory"))
        json_object_set_new(json, "arena",
                            weft_cli_package_values_json(package, schedule, "arena"));
    if (wants(cli, "kernels"))
        json_object_set_new(json, "kernels", weft_cli_package_kernels_json(package));
    if (wants(cli, "weights"))
        json_object_set_new(json, "weights",
                            weft_cli_package_values_json(package, schedule, "constant"));
    if (wants(cli, "engine"))
        json_object_set_new(json, "descriptors",
                            weft_cli_package_descriptors_json(package, schedule));
    if (wants(cli, "plan"))
        json_object_set_new(json, "plan", plan_json(package, choice));
    if (wants(cli, "ir")) {
        weft_section_info section = ir_section(package, choice);
        char *text = weft_cli_strndup(section.data, (size_t)section.size_bytes);
        json_object_set_new(json, "ir", weft_cli_json_text(text));
        free(text);
    }
    if (wants(cli, "source")) {
        json_t *list = json_array();
        status = show_sources(cli, package, list);
        json_object_set_new(json, "sources", list);
    }
    if (status == WEFT_OK && wants(cli, "connectivity"))
        status = show_connectivity(cli, package, json);
    if (status == WEFT_OK)
        weft_cli_json_print(json, cli->out);
    else
        json_decref(json);
    return status;
}

static weft_status print_views(weft_cli *cli, const weft_package *package,
                               const view_choice *choice)
{
    size_t schedule = choice->schedule;
    size_t wanted = 0;
    weft_status status = WEFT_OK;
    weft_cli_layers layers = {
        .package = package, .schedule = schedule, .node_limit = cli->verbosity > 0 ? 0 : 1};
    for (size_t i = 0; i < VIEW_COUNT; i++)
        wanted += wants(cli, views[i]) ? 1 : 0;
    if (wanted == 0)
        weft_cli_package_print(cli->out, package, choice->is_given ? (long)schedule : -1);
    if (wants(cli, "verify")) {
        weft_cli_package_print_sections(cli->out, package);
        fputs("intact: every hash matches\n", cli->out);
    }
    if (wants(cli, "layers"))
        weft_cli_layers_print(cli->out, &layers);
    if (wants(cli, "memory"))
        weft_cli_package_print_memory(cli->out, package, schedule);
    if (wants(cli, "kernels"))
        weft_cli_package_print_kernels(cli->out, package);
    if (wants(cli, "weights"))
        weft_cli_package_print_weights(cli->out, package, schedule);
    if (wants(cli, "engine"))
        weft_cli_package_print_descriptors(cli->out, package, schedule);
    if (wants(cli, "plan"))
        print_plan(cli->out, package, choice);
    if (wants(cli, "ir")) {
        weft_section_info section = ir_section(package, choice);
        print_section(cli->out, &section);
    }
    if (wants(cli, "source"))
        status = show_sources(cli, package, NULL);
    if (status == WEFT_OK && wants(cli, "connectivity"))
        status = show_connectivity(cli, package, NULL);
    if (wants(cli, "hash")) {
        weft_package_info info;
        char hash[WEFT_CLI_HASH_TEXT];
        weft_package_get_info(package, &info);
        fprintf(cli->out, "%s  %s\n", weft_cli_format_hash(info.id, hash), cli->args.operands[0]);
    }
    return status;
}

/* Views that are of one schedule. */
static bool shows_one(const weft_cli *cli)
{
    return wants(cli, "layers") || wants(cli, "memory") || wants(cli, "weights") ||
           wants(cli, "engine");
}

static weft_status inspect_package(weft_cli *cli)
{
    weft_package *package = NULL;
    view_choice choice = {0};
    weft_status status = weft_package_open(cli->args.operands[0], cli->diag, &package);
    if (status == WEFT_OK)
        status = weft_cli_schedule_choose(cli, package, &choice.is_given, &choice.schedule);
    if (status == WEFT_OK && !choice.is_given && shows_one(cli))
        weft_cli_schedule_note_first(cli, package);
    weft_cli_report_flush(cli);
    if (status == WEFT_OK)
        status =
            cli->is_json ? print_json(cli, package, &choice) : print_views(cli, package, &choice);
    weft_package_close(package);
    return status;
}

static weft_status run(weft_cli *cli)
{
    if (cli->args.operand_count > 1 && !wants(cli, "source")) {
        weft_status status = weft_cli_error(&cli->errors, WEFT_CLI_E_OPERANDS,
                                            "too many arguments for weft inspect");
        weft_cli_error_field(&cli->errors, WEFT_DIAG_FOUND, "%s", cli->args.operands[1]);
        return status;
    }
    return weft_cli_ends_with(cli->args.operands[0], ".onnx") ? inspect_model(cli)
                                                              : inspect_package(cli);
}

static const weft_cli_option options[] = {
    {"verify", 0, WEFT_CLI_FLAG, NULL, NULL, 0, 0, "check every hash and list the sections"},
    {"layers", 0, WEFT_CLI_FLAG, NULL, NULL, 0, 0, "table of steps (of nodes, for a model)"},
    {"memory", 0, WEFT_CLI_FLAG, NULL, NULL, 0, 0,
     "the arena: places and lives of values, with a picture"},
    {"kernels", 0, WEFT_CLI_FLAG, NULL, NULL, 0, 0,
     "programs and kernels with how many steps and launches use each"},
    {"source", 0, WEFT_CLI_TEXT_OPTIONAL, "NAME", NULL, 0, 0, "source of all programs, or of one"},
    {"engine", 0, WEFT_CLI_FLAG, NULL, NULL, 0, 0,
     "the program that the engine executes, a descriptor a line"},
    {"connectivity", 0, WEFT_CLI_FLAG, NULL, NULL, 0, 0,
     "the linker's file of a package for a card: compute units, regions, memory banks"},
    {"plan", 0, WEFT_CLI_FLAG, NULL, NULL, 0, 0, "the manifest as stored, JSON"},
    {"weights", 0, WEFT_CLI_FLAG, NULL, NULL, 0, 0, "the constants"},
    {"hash", 0, WEFT_CLI_FLAG, NULL, NULL, 0, 0, "the package id alone"},
    {"ir", 0, WEFT_CLI_FLAG, NULL, NULL, 0, 0, "the graph in text form"},
    {"shape", 0, WEFT_CLI_LIST, "NAME=DIMS", NULL, 0, 0,
     "packages: the schedule with this input shape; models: as for weft compile"},
    {"schedule", 0, WEFT_CLI_INT, "N", NULL, 0, 1000000,
     "packages: the schedule of this number; default 0"},
    WEFT_CLI_OPTIONS_END,
};

const weft_cli_verb weft_cli_verb_inspect = {
    .name = "inspect",
    .summary = "show what is in a package or a model",
    .operands = "PACKAGE|MODEL.onnx [NAME]",
    .operand_min = 1,
    .operand_max = 2,
    .operand_words = ".weft|.onnx",
    .groups = {options, weft_cli_common_options},
    .description =
        "Without an option, a summary. Opening a package always verifies its hashes; a damaged "
        "one is refused with the name of the damaged section. --verify prints the sections as "
        "well.\n\n"
        "Of a package with several schedules the summary lists them: their inputs, steps, "
        "multiply-accumulates, arena, the constants that each reads, and those of them that no "
        "schedule before it reads. Other views are of one schedule, which --shape or --schedule "
        "chooses.\n\n"
        "--layers shows each step with the ONNX nodes it came from, its output, tile, "
        "multiply-accumulates, bytes, and the time an ideal machine would need. That time is a "
        "model's number (source `model`), never a measurement; weft profile measures.\n\n"
        "Listings are stable and meant for grep: no colours, one row a line, nothing cut when "
        "the output is not a terminal. A narrow terminal gets fewer columns.",
    .examples = "weft inspect rs50.weft\n"
                "weft inspect rs50.weft --layers | less -S\n"
                "weft inspect resformer.weft --shape input=1x3x224x224 --layers\n"
                "weft inspect rs50.weft --source weft_conv\n"
                "weft inspect model.onnx --layers --shape input=1x3x224x224",
    .run = run,
};
