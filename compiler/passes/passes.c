/* SPDX-License-Identifier: Apache-2.0 */
/* The table of passes and the loop that runs it: time, count, verify, dump. Must not know what any
 * pass does. */
#include "compiler/passes/passes.h"

#include <string.h>
#include <time.h>

static const weft_pass_row rows[] = {
#define WEFT_PASS(name, text, required, idempotent, doc)                                           \
    {text, required, idempotent, doc, weft_pass_##name},
#include "compiler/passes/passes.def"
#undef WEFT_PASS
};
_Static_assert(sizeof rows / sizeof rows[0] == WEFT_PASS_COUNT, "one row per pass");

const weft_pass_row *weft_pass_get(size_t index)
{
    WEFT_ASSERT(index < WEFT_PASS_COUNT);
    return &rows[index];
}

const weft_pass_row *weft_pass_find(const char *name)
{
    for (size_t i = 0; i < WEFT_PASS_COUNT; i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    return NULL;
}

static uint64_t now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * UINT64_C(1000000000) + (uint64_t)time.tv_nsec;
}

static weft_status fail_unknown(const weft_graph *graph, const char *name, weft_diag *diag)
{
    const char *names[WEFT_PASS_COUNT + 1];
    weft_text list;
    weft_text_init(&list, graph->arena);
    for (size_t i = 0; i < WEFT_PASS_COUNT; i++) {
        names[i] = rows[i].name;
        weft_text_printf(&list, "%s, ", rows[i].name);
    }
    names[WEFT_PASS_COUNT] = "all";
    weft_text_add(&list, "all");
    weft_status status = weft_diag_error(diag, WEFT_E_PASS_UNKNOWN, "there is no pass '%s'", name);
    weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "%s", list.data);
    weft_diag_field_set(diag, WEFT_DIAG_FOUND, "%s", name);
    const char *nearest = weft_nearest(name, names, WEFT_PASS_COUNT + 1);
    if (nearest)
        weft_diag_field_set(diag, WEFT_DIAG_TRY, "'%s'", nearest);
    return status;
}

static void dump(const weft_graph *graph, const weft_pass_params *params, const char *pass)
{
    weft_text text;
    weft_text_init(&text, graph->arena);
    weft_graph_print(graph, false, &text);
    params->dump(params->user, pass, text.data);
}

weft_status weft_passes_run(weft_graph *graph, const weft_pass_params *params,
                            weft_pass_stats *stats, weft_diag *diag)
{
    static const weft_pass_params fallback = WEFT_PASS_PARAMS_DEFAULT;
    if (!params)
        params = &fallback;
    const char *wanted = params->dump_after;
    bool dump_all = wanted && strcmp(wanted, "all") == 0;
    if (wanted && !dump_all && !weft_pass_find(wanted))
        return fail_unknown(graph, wanted, diag);
    for (size_t i = 0; i < WEFT_PASS_COUNT; i++) {
        weft_pass_stats entry = {.name = rows[i].name, .nodes_before = graph->node_count};
        weft_status status = WEFT_OK;
        bool is_skipped =
            params->skip && !rows[i].required && strcmp(params->skip, rows[i].name) == 0;
        if (rows[i].required || (params->level > 0 && !is_skipped)) {
            uint64_t start_ns = now_ns();
            status = rows[i].run(graph, &entry.changes, diag);
            entry.time_ns = now_ns() - start_ns;
        }
        entry.nodes_after = graph->node_count;
        if (stats)
            stats[i] = entry;
        if (status == WEFT_OK && params->verify)
            status = weft_graph_verify(graph, rows[i].name, diag);
        if (params->dump && (dump_all || (wanted && strcmp(wanted, rows[i].name) == 0)))
            dump(graph, params, rows[i].name);
        if (status != WEFT_OK)
            return status;
    }
    return WEFT_OK;
}
