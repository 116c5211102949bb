/* SPDX-License-Identifier: Apache-2.0 */
/* All reports that a build left -> figures with their sources. A report that is not there is no
 * error: emulation has no routed design, and a failed build has only the first ones. Must not know
 * about: how anything was run. */
#include <math.h>
#include <string.h>

#include "hls/flow/internal.h"
#include "hls/softcard/xclbin.h"

enum { REPORT_BYTES = 64 * 1024 * 1024 /* timing summaries with paths reach tens of megabytes */ };

const char *weft_flow_source_name(weft_flow_source source)
{
    static const char *const names[WEFT_FLOW_SOURCE_COUNT] = {"model", "hls", "synthesis", "route"};
    return (unsigned)source < WEFT_FLOW_SOURCE_COUNT ? names[source] : NULL;
}

/* A report by the endings that its name may have, the best first; NULL: there is none. */
static const char *find(weft_flow *flow, const char *folder, const char *const *endings)
{
    for (; *endings != NULL; endings++) {
        flow_paths paths =
            weft__build_find_files(flow->arena, weft__build_path(flow, folder), *endings);
        if (paths.count > 0)
            return paths.items[0];
    }
    return NULL;
}
#define FIND(flow, folder, ...) find(flow, folder, (const char *const[]){__VA_ARGS__, NULL})

static void note_file(weft_flow *flow, const char *kind, weft_flow_source source, const char *path)
{
    flow_results *results = &flow->results;
    size_t room = sizeof results->files / sizeof results->files[0];
    if (results->file_count < room)
        results->files[results->file_count++] = (flow_report_file){kind, source, path};
}

static void warn(const char *path, const char *kind, weft_diag *diag)
{
    weft_diag_warning(diag, WEFT_E_BUILD_REPORT, "a %s report cannot be read", kind);
    weft_diag_field_set(diag, WEFT_DIAG_AT, "%s", path);
    weft_diag_field_set(diag, WEFT_DIAG_WHY, "it has another form than weft knows");
}

/* ---- figures ---- */

static weft_flow_figure *figure(weft_flow *flow, const char *scope, flow_resource resource)
{
    flow_results *results = &flow->results;
    const char *name = weft__build_resource_name(resource);
    for (size_t i = 0; i < results->figure_count; i++)
        if (strcmp(results->figures[i].scope, scope) == 0 &&
            strcmp(results->figures[i].resource, name) == 0)
            return &results->figures[i];
    weft_flow_figure *made = &results->figures[results->figure_count++];
    *made = (weft_flow_figure){.scope = scope, .resource = name, .available = NAN, .percent = NAN};
    for (int s = 0; s < WEFT_FLOW_SOURCE_COUNT; s++)
        made->values[s] = NAN;
    return made;
}

static void set(weft_flow *flow, const char *scope, weft_flow_source source,
                const flow_resources *used)
{
    for (int r = 0; r < FLOW_RESOURCE_COUNT; r++)
        if (!isnan(used->of[r]))
            figure(flow, scope, (flow_resource)r)->values[source] = used->of[r];
}

static void set_available(weft_flow *flow, const char *scope, const flow_resources *available)
{
    for (int r = 0; r < FLOW_RESOURCE_COUNT; r++)
        if (!isnan(available->of[r]))
            figure(flow, scope, (flow_resource)r)->available = available->of[r];
}

static flow_resources times(const flow_resources *one, size_t count)
{
    flow_resources all = *one;
    for (int r = 0; r < FLOW_RESOURCE_COUNT; r++)
        all.of[r] *= (double)count;
    return all;
}

/* ---- reports ---- */

static const char all_units[] = "all units";

static void add_predictions(weft_flow *flow)
{
    const weft_card *card = &flow->manifest->card;
    flow_resources one, usable;
    bool is_known = weft__build_predict(flow, &one);
    for (size_t i = 0; i < card->unit_count; i++) {
        const weft_card_unit *unit = &card->units[i];
        if (is_known)
            set(flow, unit->name, WEFT_FLOW_MODEL, &one);
        if (weft__build_usable(flow, unit->slr, &usable))
            set_available(flow, unit->name, &usable);
    }
    if (is_known) {
        flow_resources all = times(&one, card->unit_count);
        set(flow, all_units, WEFT_FLOW_MODEL, &all);
    }
}

static void read_hls(weft_flow *flow, weft_diag *diag)
{
    const weft_card *card = &flow->manifest->card;
    const char *kernel = weft_arena_printf(flow->arena, "%s_csynth.xml", flow->design.kernel);
    const char *path = FIND(flow, "compile", "csynth.xml", kernel);
    if (path == NULL)
        return;
    const char *text = weft__build_read_text(flow->arena, path, REPORT_BYTES);
    flow_results *results = &flow->results;
    note_file(flow, "hls", WEFT_FLOW_HLS, path);
    results->has_hls = weft__build_csynth_parse(flow->arena, text, strlen(text), &results->hls);
    if (!results->has_hls) {
        warn(path, "high-level synthesis", diag);
        return;
    }
    for (size_t i = 0; i < card->unit_count; i++)
        set(flow, card->units[i].name, WEFT_FLOW_HLS, &results->hls.used);
    flow_resources all = times(&results->hls.used, card->unit_count);
    set(flow, all_units, WEFT_FLOW_HLS, &all);
}

static void read_kernels(weft_flow *flow, weft_flow_source source, const char *path,
                         weft_diag *diag)
{
    const weft_card *card = &flow->manifest->card;
    if (path == NULL)
        return;
    flow_utilisation *table = WEFT_NEW(flow->arena, flow_utilisation);
    const char *text = weft__build_read_text(flow->arena, path, REPORT_BYTES);
    note_file(flow, "utilisation", source, path);
    if (!weft__build_kernel_table_parse(flow->arena, text, strlen(text), table)) {
        warn(path, "utilisation", diag);
        return;
    }
    for (size_t row = 0; row < table->row_count; row++) {
        const flow_utilisation_row *r = &table->rows[row];
        if (strcmp(r->name, "Used Resources") == 0)
            set(flow, all_units, source, &r->used);
        if (strcmp(r->name, "User Budget") == 0)
            set_available(flow, all_units, &r->used);
        for (size_t i = 0; i < card->unit_count; i++)
            if (strcmp(r->name, card->units[i].name) == 0)
                set(flow, card->units[i].name, source, &r->used);
    }
}

static void read_slrs(weft_flow *flow, weft_diag *diag)
{
    const char *path = FIND(flow, "link", "*slr_util_routed.rpt", "*full_util_routed.rpt");
    if (path == NULL)
        return;
    flow_slr_utilisation table;
    const char *text = weft__build_read_text(flow->arena, path, REPORT_BYTES);
    if (!weft__build_slr_table_parse(text, strlen(text), &table)) {
        if (strstr(path, "slr_util") != NULL)
            warn(path, "utilisation per SLR", diag);
        return;
    }
    note_file(flow, "slr", WEFT_FLOW_ROUTE, path);
    for (int slr = 0; slr < table.slr_count; slr++) {
        const char *scope = weft_arena_printf(flow->arena, "SLR%d with shell", slr);
        set(flow, scope, WEFT_FLOW_ROUTE, &table.used[slr]);
        for (int r = 0; r < FLOW_RESOURCE_COUNT; r++)
            if (!isnan(table.percent[slr].of[r]))
                figure(flow, scope, (flow_resource)r)->percent = table.percent[slr].of[r];
    }
}

static void read_timing(weft_flow *flow, weft_diag *diag)
{
    flow_results *results = &flow->results;
    const char *path = FIND(flow, "link", "*timing_summary_postroute_physopted.rpt",
                            "*timing_summary_routed.rpt", "*timing_summary.rpt");
    if (path != NULL) {
        const char *text = weft__build_read_text(flow->arena, path, REPORT_BYTES);
        note_file(flow, "timing", WEFT_FLOW_ROUTE, path);
        results->has_timing =
            weft__build_timing_parse(flow->arena, text, strlen(text), &results->timing);
        if (!results->has_timing)
            warn(path, "timing", diag);
    }
    path = FIND(flow, "link", "_new_clk_freq");
    if (path != NULL) {
        const char *text = weft__build_read_text(flow->arena, path, REPORT_BYTES);
        note_file(flow, "clock", WEFT_FLOW_ROUTE, path);
        results->achieved_mhz = weft__build_new_clock_parse(text, strlen(text));
    }
    if (isnan(results->achieved_mhz) && results->has_timing && results->timing.slack_ns >= 0)
        results->achieved_mhz = flow->design.clock_mhz;
    results->achieved_source = isnan(results->achieved_mhz) ? NULL : "route";
}

/* What the runtime sets the card to, when the bitstream is of this build and can be read. It counts
 * in whole megahertz: the linker's number is the finer one where they agree. */
static void read_bitstream(weft_flow *flow)
{
    const weft_xclbin *xclbin = NULL;
    const flow_step *last = &flow->steps[flow->step_count - 1];
    const char *path = weft__build_path(flow, "weft.xclbin");
    if ((last->state != WEFT_FLOW_DONE && last->state != WEFT_FLOW_KEPT) ||
        weft_xclbin_read(flow->arena, path, &xclbin, NULL) != WEFT_OK || !(xclbin->clock_mhz > 0))
        return;
    if (fabs(flow->results.achieved_mhz - xclbin->clock_mhz) < 1)
        return;
    flow->results.achieved_mhz = xclbin->clock_mhz;
    flow->results.achieved_source = "xclbin";
}

/* Of the last number known. */
static void add_percentages(flow_results *results)
{
    for (size_t i = 0; i < results->figure_count; i++) {
        weft_flow_figure *f = &results->figures[i];
        for (int s = 0; s < WEFT_FLOW_SOURCE_COUNT && f->available > 0; s++)
            if (!isnan(f->values[s]))
                f->percent = f->values[s] / f->available * 100;
    }
}

void weft__build_read_results(weft_flow *flow, weft_diag *diag)
{
    flow_results *results = &flow->results;
    size_t scopes = flow->manifest->card.unit_count + 1 + FLOW_SLRS;
    *results = (flow_results){.achieved_mhz = NAN};
    results->figures = WEFT_NEW_ARRAY(flow->arena, weft_flow_figure, scopes * FLOW_RESOURCE_COUNT);
    add_predictions(flow);
    read_hls(flow, diag);
    if (flow->params.target == WEFT_FLOW_HW) {
        read_kernels(flow, WEFT_FLOW_SYNTHESIS, FIND(flow, "link", "*kernel_util_synthed.rpt"),
                     diag);
        read_kernels(flow, WEFT_FLOW_ROUTE, FIND(flow, "link", "*kernel_util_routed.rpt"), diag);
        read_slrs(flow, diag);
        read_timing(flow, diag);
        read_bitstream(flow);
    }
    add_percentages(results);
}

bool weft_flow_get_figure(const weft_flow *flow, size_t index, weft_flow_figure *out_figure)
{
    if (index >= flow->results.figure_count)
        return false;
    *out_figure = flow->results.figures[index];
    return true;
}
