/* SPDX-License-Identifier: Apache-2.0 */
/* A package and a tool -> files and commands. Everything that can be known before the first of many
 * hours is found out here. Writes nothing. Must not know about: processes, reports. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/package/bitstream.h"
#include "hls/flow/internal.h"

const char *weft_flow_target_name(weft_flow_target target)
{
    return target == WEFT_FLOW_HW ? "hw" : "hw_emu";
}

const char *weft__build_path(const weft_flow *flow, const char *name)
{
    return weft_arena_printf(flow->arena, "%s/%s", flow->work, name);
}

/* ---- package ---- */

/* Names of a package go into configuration files, a line each. */
static bool is_plain(const char *text, const char *more)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    if (text == NULL || text[0] == '\0')
        return false;
    for (; *text != '\0'; text++)
        if (strchr(letters, *text) == NULL && strchr(more, *text) == NULL)
            return false;
    return true;
}

static weft_status check_name(const char *text, const char *more, const char *what, weft_diag *diag)
{
    if (is_plain(text, more))
        return WEFT_OK;
    weft_status status = weft_diag_error(
        diag, WEFT_E_BUILD_NAME, "%s of the package cannot stand in a configuration file", what);
    weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "letters, digits, _%s%s",
                        more[0] == '\0' ? "" : " and ", more);
    weft_diag_field_set(diag, WEFT_DIAG_FOUND, "%s", text);
    return status;
}

static weft_status check_names(const weft_manifest *manifest, weft_diag *diag)
{
    const weft_card *card = &manifest->card;
    const weft_engine *engine = &manifest->engine;
    weft_status status = check_name(manifest->programs[engine->hls_program].kernels[0], "",
                                    "the kernel's name", diag);
    if (status == WEFT_OK && card->platform != NULL)
        status = check_name(card->platform, "-.", "the platform", diag);
    for (size_t i = 0; status == WEFT_OK && i < card->unit_count; i++) {
        status = check_name(card->units[i].name, "", "a compute unit's name", diag);
        for (int port = 0; status == WEFT_OK && port < WEFT_CARD_PORTS; port++)
            status = check_name(card->units[i].banks[port], "[]:", "a memory bank", diag);
    }
    return status;
}

static weft_status open_package(weft_flow *flow, weft_diag *diag)
{
    weft_status status = weft_package_open(flow->params.package, diag, &flow->package);
    if (status != WEFT_OK)
        return status;
    flow->manifest = weft_package_get_view(flow->package)->manifest;
    if (flow->manifest->engine.name != NULL && flow->manifest->card.board != NULL &&
        flow->manifest->card.unit_count > 0)
        return check_names(flow->manifest, diag);
    status = weft_diag_error(diag, WEFT_E_BUILD_NO_CARD, "%s was not compiled for a card",
                             flow->params.package);
    weft_diag_field_set(diag, WEFT_DIAG_TRY, "weft compile MODEL.onnx --board u280 -o %s",
                        flow->params.package);
    return status;
}

/* ---- release ---- */

static weft_status set_release(weft_flow *flow, int year, int part, weft_diag *diag)
{
    const flow_release *newest = &weft__build_releases[weft__build_release_count - 1];
    flow->year = year;
    flow->part = part;
    flow->version = weft_arena_printf(flow->arena, "%d.%d", year, part);
    flow->release = weft__build_release_find(year, part);
    if (flow->release == NULL) {
        weft_status status = weft_diag_error(
            diag, WEFT_E_BUILD_TOOL_OLD, "v++ %s is older than those weft knows", flow->version);
        weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "%d.%d or newer",
                            weft__build_releases[0].year, weft__build_releases[0].part);
        weft_diag_field_set(diag, WEFT_DIAG_FOUND, "%s", flow->version);
        return status;
    }
    if (weft__build_release_compare(year, part, newest->year, newest->part) > 0) {
        weft_diag_warning(diag, WEFT_E_BUILD_TOOL_NEW,
                          "v++ %s is newer than those weft knows: the options of %d.%d are used",
                          flow->version, newest->year, newest->part);
    }
    return WEFT_OK;
}

static bool is_in_window(const weft_board_platform *platform, int year, int part)
{
    int y = 0, p = 0;
    if (platform->first_tool != NULL && weft__build_release_read(platform->first_tool, &y, &p) &&
        weft__build_release_compare(year, part, y, p) < 0)
        return false;
    return platform->last_tool == NULL || !weft__build_release_read(platform->last_tool, &y, &p) ||
           weft__build_release_compare(year, part, y, p) <= 0;
}

/* Boards list their newest platform first. */
static const weft_board_platform *platform_for(const weft_board *board, int year, int part)
{
    for (int32_t i = 0; i < board->platform_count; i++)
        if (is_in_window(&board->platforms[i], year, part))
            return &board->platforms[i];
    return NULL;
}

/* Without a tool: the newest release that has a platform for the board. */
static weft_status assume_release(weft_flow *flow, const weft_board *board, weft_diag *diag)
{
    const flow_release *chosen = &weft__build_releases[weft__build_release_count - 1];
    for (size_t i = weft__build_release_count;
         board != NULL && flow->params.platform == NULL && i > 0; i--) {
        const flow_release *row = &weft__build_releases[i - 1];
        if (platform_for(board, row->year, row->part) != NULL) {
            chosen = row;
            break;
        }
    }
    flow->is_version_assumed = true;
    return set_release(flow, chosen->year, chosen->part, diag);
}

static weft_status find_release(weft_flow *flow, const weft_board *board, weft_diag *diag)
{
    const weft_flow_params *params = &flow->params;
    int year = 0, part = 0;
    if (params->is_dry && params->tool_version != NULL) {
        if (!weft__build_release_read(params->tool_version, &year, &part)) {
            weft_status status = weft_diag_error(diag, WEFT_E_BUILD_TOOL_VERSION,
                                                 "%s is not a release", params->tool_version);
            weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "YEAR.PART: 2023.2");
            return status;
        }
        flow->is_version_assumed = true;
        return set_release(flow, year, part, diag);
    }
    weft_status status =
        weft__build_find_tool(flow->arena, params->tool, params->is_dry ? NULL : diag, &flow->tool);
    if (status != WEFT_OK)
        return params->is_dry ? assume_release(flow, board, diag) : status;
    status = weft__build_ask_version(flow->arena, flow->tool, diag, &flow->tool_text, &year, &part);
    return status == WEFT_OK ? set_release(flow, year, part, diag) : status;
}

/* ---- platform ---- */

static weft_status no_platform(weft_flow *flow, const weft_board *board, weft_diag *diag)
{
    const char *name = flow->manifest->card.board;
    if (board != NULL && board->platform_count > 0) {
        weft_text list;
        weft_text_init(&list, flow->arena);
        for (int32_t i = 0; i < board->platform_count; i++) {
            const weft_board_platform *p = &board->platforms[i];
            weft_text_printf(&list, "%s%s", i == 0 ? "" : "; ", p->name);
            if (p->first_tool != NULL || p->last_tool != NULL)
                weft_text_printf(&list, " (%s to %s)",
                                 p->first_tool != NULL ? p->first_tool : "any",
                                 p->last_tool != NULL ? p->last_tool : "any");
        }
        weft_status status = weft_diag_error(diag, WEFT_E_BUILD_TOOL_BOARD,
                                             "v++ %s has no platform for %s", flow->version, name);
        weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "a release with one of: %s", list.data);
        weft_diag_field_set(diag, WEFT_DIAG_FOUND, "%s", flow->version);
        weft_diag_field_set(
            diag, WEFT_DIAG_TRY,
            "another release of Vitis with --tool, or --platform NAME with one that "
            "you have");
        return status;
    }
    weft_status status =
        weft_diag_error(diag, WEFT_E_BUILD_NO_PLATFORM, "v++ does not build for %s", name);
    if (board != NULL && board->why_no_platform != NULL)
        weft_diag_field_set(diag, WEFT_DIAG_WHY, "%s", board->why_no_platform);
    weft_diag_field_set(
        diag, WEFT_DIAG_TRY,
        "--platform NAME when you have one; weft inspect %s --source shows the HLS C",
        flow->params.package);
    return status;
}

static weft_status find_platform(weft_flow *flow, const weft_board *board, weft_diag *diag)
{
    const weft_board_platform *found =
        board == NULL ? NULL : platform_for(board, flow->year, flow->part);
    flow->design.platform = flow->params.platform != NULL ? flow->params.platform
                            : found != NULL               ? found->name
                            : board == NULL               ? flow->manifest->card.platform
                                                          : NULL;
    if (flow->design.platform == NULL)
        return no_platform(flow, board, diag);
    if (strchr(flow->design.platform, '/') != NULL) /* a file: commands run in another folder */
        flow->design.platform = weft__build_absolute(flow->arena, flow->design.platform);
    return WEFT_OK;
}

/* ---- language ---- */

static weft_status find_language(weft_flow *flow, weft_diag *diag)
{
    const flow_release *release = flow->release;
    const char *wanted = flow->params.language;
    flow->language = wanted != NULL ? wanted : release->has_hls_c ? "hls-c" : "opencl";
    bool is_hls = strcmp(flow->language, "hls-c") == 0;
    if (is_hls ? release->has_hls_c : release->has_opencl_c)
        return WEFT_OK;
    weft_status status =
        weft_diag_error(diag, WEFT_E_BUILD_LANGUAGE, "v++ %s does not take the engine in %s",
                        flow->version, is_hls ? "HLS C" : "OpenCL C");
    weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "%s",
                        is_hls ? "2022.2 or newer" : "2023.1 or older");
    weft_diag_field_set(diag, WEFT_DIAG_TRY, "--language %s", is_hls ? "opencl" : "hls-c");
    return status;
}

/* ---- steps ---- */

static void add_word(flow_step *step, const char *word)
{
    WEFT_ASSERT(step->word_count < FLOW_MAX_WORDS);
    step->words[step->word_count++] = word;
}

static void add_words(flow_step *step, const char *const *words)
{
    for (; *words != NULL; words++)
        add_word(step, *words);
}
#define ADD(step, ...) add_words(step, (const char *const[]){__VA_ARGS__, NULL})

static void add_input(flow_step *step, const char *name)
{
    WEFT_ASSERT(step->input_count < FLOW_MAX_INPUTS);
    step->inputs[step->input_count++] = name;
}

static flow_step *add_step(weft_flow *flow, const char *name, const char *title,
                           const char *program)
{
    WEFT_ASSERT(flow->step_count < FLOW_MAX_STEPS);
    flow_step *step = &flow->steps[flow->step_count++];
    *step = (flow_step){
        .name = name, .title = title, .log = weft_arena_printf(flow->arena, "%s.log", name)};
    add_word(step, program);
    return step;
}

static void add_file(weft_flow *flow, const char *name, const char *text)
{
    WEFT_ASSERT(flow->file_count < FLOW_MAX_FILES);
    flow->files[flow->file_count++] = (weft_flow_file){name, text};
}

/* Which way a device's bitstream takes after the linker. */
typedef enum device { DATA_CENTER, EMBEDDED, VERSAL } device;
static device device_of(const char *part)
{
    if (part == NULL)
        return DATA_CENTER;
    if (strncmp(part, "xczu", 4) == 0 || strncmp(part, "xck", 3) == 0)
        return EMBEDDED;
    if (strncmp(part, "xcv", 3) == 0 && part[3] != 'u')
        return VERSAL;
    return DATA_CENTER;
}

static const char *v_plus_plus(const weft_flow *flow)
{
    return flow->tool != NULL ? flow->tool : "v++";
}

static void add_compile(weft_flow *flow)
{
    const flow_design *design = &flow->design;
    const char *target = weft_flow_target_name(flow->params.target);
    flow_step *step =
        add_step(flow, "compile", "compile the engine: high-level synthesis", v_plus_plus(flow));
    step->is_tool = true;
    step->folder = "compile";
    step->output = "compile/weft_engine.xo";
    if (flow->release->compile == FLOW_COMPILE_MODE_HLS) {
        ADD(step, "-c", "--mode", "hls", "--platform", design->platform);
        ADD(step,
            weft_arena_printf(flow->arena, "--freqhz=%s",
                              weft__build_hertz(flow->arena, design->clock_mhz)),
            "--config", "hls.cfg", "--work_dir", "compile");
        add_input(step, "hls.cfg");
    } else {
        ADD(step, "-c", "-t", target, "--platform", design->platform, "-k", design->kernel);
        ADD(step, "--kernel_frequency", weft__build_megahertz(flow->arena, design->clock_mhz));
        ADD(step, "--temp_dir", "compile", "--report_dir", "compile/reports", "--log_dir",
            "compile/logs", "--save-temps", "-o", step->output, design->source);
    }
    add_input(step, design->source);
}

static void add_link(weft_flow *flow, const char *output)
{
    const flow_design *design = &flow->design;
    flow_step *step = add_step(flow, "link",
                               flow->params.target == WEFT_FLOW_HW ? "link: place and route"
                                                                   : "link for emulation",
                               v_plus_plus(flow));
    step->is_tool = true;
    step->folder = "link";
    step->output = output;
    ADD(step, "-l", "-t", weft_flow_target_name(flow->params.target), "--platform",
        design->platform, "--config", "link.cfg");
    if (flow->release->clock == FLOW_CLOCK_KERNEL_FREQUENCY)
        ADD(step, "--kernel_frequency", weft__build_megahertz(flow->arena, design->clock_mhz));
    if (flow->params.jobs > 0)
        ADD(step, "--jobs", weft_arena_printf(flow->arena, "%d", flow->params.jobs));
    ADD(step, "--temp_dir", "link", "--report_dir", "link/reports", "--log_dir", "link/logs",
        "--report_level", "2", "--save-temps", "-o", output, "compile/weft_engine.xo");
    add_input(step, "link.cfg");
    add_input(step, "compile/weft_engine.xo");
}

static void add_package(weft_flow *flow, const char *input, const char *output)
{
    flow_step *step = add_step(flow, "package", "package the device's image", v_plus_plus(flow));
    step->is_tool = true;
    step->folder = "package";
    step->output = output;
    ADD(step, "--package", "-t", weft_flow_target_name(flow->params.target), "--platform",
        flow->design.platform, "--temp_dir", "package", "-o", output, input);
    add_input(step, input);
}

static void add_notes(weft_flow *flow, const char *input)
{
    flow_step *step = add_step(flow, "notes", "write weft's notes into the bitstream",
                               flow->xclbinutil != NULL ? flow->xclbinutil : "xclbinutil");
    step->output = "weft.xclbin";
    ADD(step, "--input", input, "--add-section", "USER_METADATA:RAW:notes.json", "--output",
        step->output, "--force");
    add_input(step, input);
    add_input(step, "notes.json");
}

/* The emulator wants to be told which card it plays. */
static void add_emulation(weft_flow *flow)
{
    flow_step *step = add_step(flow, "emconfig", "describe the emulated card",
                               flow->emconfigutil != NULL ? flow->emconfigutil : "emconfigutil");
    step->output = "emconfig.json";
    ADD(step, "--platform", flow->design.platform, "--nd", "1", "--od", ".");
}

static void add_steps(weft_flow *flow)
{
    device kind = device_of(flow->manifest->card.part);
    const char *linked = kind == VERSAL ? "link/weft.xsa" : "link/weft.xclbin";
    add_compile(flow);
    add_link(flow, linked);
    if (kind != DATA_CENTER) {
        add_package(flow, linked, "package/weft.xclbin");
        linked = "package/weft.xclbin";
    }
    add_notes(flow, linked);
    if (flow->params.target == WEFT_FLOW_HW_EMU)
        add_emulation(flow);
}

static weft_status add_files(weft_flow *flow, weft_diag *diag)
{
    const weft_engine *engine = &flow->manifest->engine;
    bool is_hls = strcmp(flow->language, "hls-c") == 0;
    const weft_program *program =
        &flow->manifest->programs[is_hls ? engine->hls_program : engine->opencl_program];
    weft_text text;
    flow->design.source = is_hls ? "weft_engine.c" : "weft_engine.cl";
    flow->design.kernel = program->kernels[0];
    add_file(flow, flow->design.source, program->source);
    if (flow->release->compile == FLOW_COMPILE_MODE_HLS) {
        weft_text_init(&text, flow->arena);
        weft__build_hls_config(&text, &flow->design);
        add_file(flow, "hls.cfg", text.data);
    }
    weft_text_init(&text, flow->arena);
    weft_status status = weft__build_link_config(&text, &flow->design, flow->release, diag);
    if (status != WEFT_OK)
        return status;
    add_file(flow, "link.cfg", text.data);
    weft_package_info info;
    weft_package_get_info(flow->package, &info);
    add_file(flow, "notes.json",
             weft_bitstream_notes(flow->arena, flow->manifest, info.id,
                                  weft_arena_printf(flow->arena, "v++ %s", flow->version)));
    return WEFT_OK;
}

/* ---- the whole ---- */

static const char *copied(weft_arena *arena, const char *text)
{
    return text == NULL ? NULL : weft_arena_strdup(arena, text);
}

/* "dir/a.weft" with ".json" -> "dir/a.json" */
static const char *with_ending(weft_arena *arena, const char *path, const char *from,
                               const char *ending)
{
    size_t length = strlen(path), cut = strlen(from);
    if (length > cut && strcmp(path + length - cut, from) == 0)
        length -= cut;
    return weft_arena_printf(arena, "%.*s%s", (int)length, path, ending);
}

static void take_params(weft_flow *flow, const weft_flow_params *params)
{
    weft_arena *arena = flow->arena;
    flow->params = *params;
    flow->params.package = copied(arena, params->package);
    flow->params.tool = copied(arena, params->tool);
    flow->params.tool_version = copied(arena, params->tool_version);
    flow->params.platform = copied(arena, params->platform);
    flow->params.language = copied(arena, params->language);
    flow->output = params->output != NULL ? copied(arena, params->output)
                                          : with_ending(arena, params->package, ".weft", ".xclbin");
    flow->report = with_ending(arena, flow->output, ".xclbin", ".json");
    flow->work = params->work != NULL ? copied(arena, params->work)
                                      : with_ending(arena, flow->output, ".xclbin", ".build");
    flow->last_lines = "";
    flow->results.achieved_mhz = NAN;
}

static weft_status find_companion(weft_flow *flow, const char *name, weft_diag *diag,
                                  const char **out_path)
{
    *out_path = weft__build_find_companion(flow->arena, flow->tool, name);
    if (*out_path != NULL || flow->params.is_dry)
        return WEFT_OK;
    weft_status status = weft_diag_error(diag, WEFT_E_BUILD_COMPANION, "%s was not found", name);
    weft_diag_field_set(diag, WEFT_DIAG_WHY,
                        "it is neither beside %s nor in PATH nor below XILINX_XRT", flow->tool);
    weft_diag_field_set(diag, WEFT_DIAG_TRY,
                        "source the settings64.sh of Vitis or the setup.sh of XRT");
    return status;
}

static weft_status decide(weft_flow *flow, weft_diag *diag)
{
    const weft_board *board = NULL;
    weft_status status = open_package(flow, diag);
    if (status != WEFT_OK)
        return status;
    const weft_card *card = &flow->manifest->card;
    /* A board of the user's own is not needed once the package is made. */
    if (weft_board_open(flow->arena, card->board, &board, NULL) != WEFT_OK)
        board = NULL;
    flow->board = board;
    flow->design = (flow_design){.card = card,
                                 .clock_mhz = flow->params.clock_mhz > 0 ? flow->params.clock_mhz
                                                                         : card->clock_mhz,
                                 .has_profile = flow->params.has_profile,
                                 .target = flow->params.target};
    status = find_release(flow, board, diag);
    if (status == WEFT_OK)
        status = find_language(flow, diag);
    if (status == WEFT_OK)
        status = find_platform(flow, board, diag);
    if (status == WEFT_OK)
        status = find_companion(flow, "xclbinutil", diag, &flow->xclbinutil);
    if (status == WEFT_OK && flow->params.target == WEFT_FLOW_HW_EMU)
        status = find_companion(flow, "emconfigutil", diag, &flow->emconfigutil);
    if (status == WEFT_OK)
        status = add_files(flow, diag);
    if (status == WEFT_OK)
        add_steps(flow);
    return status;
}

static bool are_valid(const weft_flow_params *params)
{
    return params != NULL && params->size == sizeof *params && params->package != NULL &&
           (unsigned)params->target < WEFT_FLOW_TARGET_COUNT && params->jobs >= 0 &&
           params->clock_mhz >= 0 && params->clock_mhz < 1e4 &&
           (params->language == NULL || strcmp(params->language, "hls-c") == 0 ||
            strcmp(params->language, "opencl") == 0);
}

weft_status weft_flow_create(const weft_flow_params *params, weft_diag *diag, weft_flow **out_flow)
{
    if (out_flow != NULL)
        *out_flow = NULL;
    if (out_flow == NULL || !are_valid(params))
        return weft_diag_error(diag, WEFT_E_API_USE, "weft_flow_create got invalid parameters");
    weft_flow *volatile flow = calloc(1, sizeof *flow);
    weft_arena *arena = flow == NULL ? NULL : weft_arena_create();
    if (arena == NULL) {
        free(flow);
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory");
    }
    flow->arena = arena;
    if (WEFT_ARENA_TRY(arena)) {
        weft_flow_destroy(flow);
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory");
    }
    take_params(flow, params);
    weft_status status = decide(flow, diag);
    if (status != WEFT_OK)
        weft_flow_destroy(flow);
    else
        *out_flow = flow;
    return status;
}

void weft_flow_destroy(weft_flow *flow)
{
    if (flow == NULL)
        return;
    weft_package_close(flow->package);
    weft_arena_destroy(flow->arena);
    free(flow);
}

weft_status weft_flow_connectivity(const weft_package *package, weft_diag *diag, char **out_text)
{
    *out_text = NULL;
    const weft_manifest *manifest = weft_package_get_view(package)->manifest;
    if (manifest->engine.name == NULL || manifest->card.board == NULL ||
        manifest->card.unit_count == 0)
        return weft_diag_error(diag, WEFT_E_BUILD_NO_CARD,
                               "the package was not compiled for a card");
    weft_arena *arena = weft_arena_create();
    if (arena == NULL)
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory");
    if (WEFT_ARENA_TRY(arena)) {
        weft_arena_destroy(arena);
        return weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory");
    }
    weft_text text;
    weft_text_init(&text, arena);
    flow_design design = {.card = &manifest->card,
                          .kernel = manifest->programs[manifest->engine.hls_program].kernels[0],
                          .clock_mhz = manifest->card.clock_mhz,
                          .target = WEFT_FLOW_HW};
    weft_status status = weft__build_link_config(
        &text, &design, &weft__build_releases[weft__build_release_count - 1], diag);
    if (status == WEFT_OK) {
        *out_text = malloc(text.length + 1);
        if (*out_text == NULL)
            status = weft_diag_error(diag, WEFT_E_NO_MEMORY, "out of memory");
        else
            memcpy(*out_text, text.data, text.length + 1);
    }
    weft_arena_destroy(arena);
    return status;
}
