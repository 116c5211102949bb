/* SPDX-License-Identifier: Apache-2.0 */
/* A package and a tool -> a build. Everything that can be known before the first of many hours is
 * found out here. Writes nothing. Must not know about: processes, reports. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

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
    status = weft__build_choose(flow, board, diag);
    if (status == WEFT_OK)
        status = weft__build_add_files(flow, diag);
    if (status == WEFT_OK)
        weft__build_add_steps(flow);
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
