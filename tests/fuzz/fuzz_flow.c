/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the readers of the vendor tools' reports: the first byte chooses one, the rest is the
 * report. Numbers that are read must be numbers or NaN, counts within their arrays. */
#include <math.h>
#include <stdlib.h>

#include "hls/flow/internal.h"

enum { MAX_INPUT_BYTES = 1 << 18 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_resources(const flow_resources *resources)
{
    for (int i = 0; i < FLOW_RESOURCE_COUNT; i++)
        check(isnan(resources->of[i]) || (isfinite(resources->of[i]) && resources->of[i] >= 0));
}

static void read_kernels(weft_arena *arena, const char *text, size_t length)
{
    flow_utilisation *table = WEFT_NEW(arena, flow_utilisation);
    weft__build_kernel_table_parse(arena, text, length, table);
    check(table->row_count <= FLOW_ROWS);
    for (size_t i = 0; i < table->row_count; i++)
        check_resources(&table->rows[i].used);
}

static void read_slrs(const char *text, size_t length)
{
    flow_slr_utilisation table;
    weft__build_slr_table_parse(text, length, &table);
    check(table.slr_count >= 0 && table.slr_count <= FLOW_SLRS);
    for (int i = 0; i < table.slr_count; i++) {
        check_resources(&table.used[i]);
        check_resources(&table.percent[i]);
    }
}

static void read_timing(weft_arena *arena, const char *text, size_t length)
{
    flow_timing timing;
    bool is_good = weft__build_timing_parse(arena, text, length, &timing);
    check(timing.clock_count <= FLOW_CLOCKS && is_good == isfinite(timing.slack_ns));
}

static void read_csynth(weft_arena *arena, const char *text, size_t length)
{
    flow_csynth report;
    if (weft__build_csynth_parse(arena, text, length, &report))
        check(isfinite(report.used.of[FLOW_LUT]));
    check_resources(&report.used);
    check_resources(&report.available);
}

static void read_log(const char *text, size_t length)
{
    const char *at = text, *line;
    size_t line_length;
    while (weft__build_next_line(&at, text + length, &line, &line_length)) {
        check(line >= text && line + line_length <= text + length);
        weft__build_failure_rank(line, line_length);
    }
    weft__build_new_clock_parse(text, length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    if (size_bytes == 0 || size_bytes > MAX_INPUT_BYTES)
        return 0;
    const char *text = (const char *)data + 1;
    size_t length = size_bytes - 1;
    weft_arena *arena = weft_arena_create();
    if (arena == NULL)
        return 0;
    if (WEFT_ARENA_TRY(arena)) {
        weft_arena_destroy(arena);
        return 0;
    }
    switch (data[0]) {
    case 'c': read_csynth(arena, text, length); break;
    case 't': read_timing(arena, text, length); break;
    case 'k': read_kernels(arena, text, length); break;
    case 's': read_slrs(text, length); break;
    default: read_log(text, length); break;
    }
    weft_arena_destroy(arena);
    return 0;
}
