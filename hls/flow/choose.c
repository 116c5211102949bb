/* SPDX-License-Identifier: Apache-2.0 */
/* Which release, which language, which platform, and the programs that come with them. Must not
 * know about: commands, files. */
#include <string.h>

#include "hls/flow/internal.h"

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

/* ---- companions ---- */

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

/* ---- the whole ---- */

weft_status weft__build_choose(weft_flow *flow, const weft_board *board, weft_diag *diag)
{
    weft_status status = find_release(flow, board, diag);
    if (status == WEFT_OK)
        status = find_language(flow, diag);
    if (status == WEFT_OK)
        status = find_platform(flow, board, diag);
    if (status == WEFT_OK)
        status = find_companion(flow, "xclbinutil", diag, &flow->xclbinutil);
    if (status == WEFT_OK && flow->params.target == WEFT_FLOW_HW_EMU)
        status = find_companion(flow, "emconfigutil", diag, &flow->emconfigutil);
    return status;
}
