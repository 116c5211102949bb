/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of resources in the linker's reports: a row per kernel and unit with "16065 [  1.62%]" in
 * each cell, and a column per SLR. Must not know about: folders, other reports. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "hls/flow/internal.h"

enum { MAX_CELLS = 32, CELL_BYTES = 128 };
static const char *const names[FLOW_RESOURCE_COUNT] = {"lut", "ff", "dsp", "bram36", "uram"};

const char *weft__build_resource_name(flow_resource resource)
{
    return names[resource];
}

/* A row "| a | b |" as its cells, blanks taken off. */
typedef struct row {
    char cells[MAX_CELLS][CELL_BYTES];
    size_t count;
} row;

static bool split(row *out, const char *line, size_t length)
{
    const char *end = line + length;
    out->count = 0;
    while (line < end && *line == ' ')
        line++;
    if (line == end || *line != '|')
        return false;
    for (line++; line < end && out->count < MAX_CELLS;) {
        const char *bar = memchr(line, '|', (size_t)(end - line));
        if (bar == NULL)
            break;
        const char *first = line, *last = bar;
        while (first < last && *first == ' ')
            first++;
        while (last > first && last[-1] == ' ')
            last--;
        size_t kept = (size_t)(last - first) < CELL_BYTES ? (size_t)(last - first) : CELL_BYTES - 1;
        memcpy(out->cells[out->count], first, kept);
        out->cells[out->count++][kept] = '\0';
        line = bar + 1;
    }
    return out->count > 1;
}

/* The number at the start of a cell, up to a blank or '['; NaN when there is none. "<0.01" is what
 * Vivado writes for little, and reads as 0. */
static double number(const char *cell)
{
    char *end;
    if (cell[0] == '<')
        return 0;
    if (cell[0] < '0' || cell[0] > '9' || cell[strspn(cell, "0123456789")] == 'x')
        return NAN;
    double value = strtod(cell, &end);
    return (*end == '\0' || *end == ' ' || *end == '[') && isfinite(value) ? value : NAN;
}

/* ---- kernels and units ---- */

static int column_resource(const char *title)
{
    static const char *const titles[FLOW_RESOURCE_COUNT] = {"LUT", "REG", "DSP", "BRAM", "URAM"};
    for (int i = 0; i < FLOW_RESOURCE_COUNT; i++)
        if (strcmp(titles[i], title) == 0)
            return i;
    return -1;
}

bool weft__build_kernel_table_parse(weft_arena *arena, const char *text, size_t length,
                                    flow_utilisation *out_table)
{
    const char *at = text, *line;
    size_t line_length;
    int columns[MAX_CELLS];
    size_t column_count = 0;
    out_table->row_count = 0;
    while (weft__build_next_line(&at, text + length, &line, &line_length)) {
        row r;
        if (!split(&r, line, line_length))
            continue;
        if (strcmp(r.cells[0], "Name") == 0) {
            column_count = r.count;
            for (size_t i = 0; i < r.count; i++)
                columns[i] = column_resource(r.cells[i]);
            continue;
        }
        if (column_count == 0 || out_table->row_count == FLOW_ROWS)
            continue;
        flow_utilisation_row *made = &out_table->rows[out_table->row_count++];
        made->name = weft_arena_strdup(arena, r.cells[0]);
        made->used = weft__build_no_resources();
        for (size_t i = 1; i < r.count && i < column_count; i++)
            if (columns[i] >= 0)
                made->used.of[columns[i]] = number(r.cells[i]);
    }
    return out_table->row_count > 0;
}

/* ---- SLRs ---- */

static int site_resource(const char *title)
{
    static const struct {
        const char *title;
        flow_resource resource;
    } sites[] = {{"CLB LUTs", FLOW_LUT},
                 {"CLB Registers", FLOW_FF},
                 {"DSPs", FLOW_DSP},
                 {"Block RAM Tile", FLOW_BRAM36},
                 {"URAM", FLOW_URAM}};
    for (size_t i = 0; i < sizeof sites / sizeof sites[0]; i++)
        if (strcmp(sites[i].title, title) == 0)
            return (int)sites[i].resource;
    return -1;
}

/* "SLR2" -> 2, "SLR2 %" -> 2 with *out_is_share. */
static int column_slr(const char *title, bool *out_is_share)
{
    if (strncmp(title, "SLR", 3) != 0 || title[3] < '0' || title[3] >= '0' + FLOW_SLRS)
        return -1;
    *out_is_share = strcmp(title + 4, " %") == 0;
    return *out_is_share || title[4] == '\0' ? title[3] - '0' : -1;
}

bool weft__build_slr_table_parse(const char *text, size_t length, flow_slr_utilisation *out_table)
{
    const char *at = text, *line;
    size_t line_length;
    int slrs[MAX_CELLS];
    bool is_share[MAX_CELLS], is_table = false;
    out_table->slr_count = 0;
    for (int i = 0; i < FLOW_SLRS; i++)
        out_table->used[i] = out_table->percent[i] = weft__build_no_resources();
    while (weft__build_next_line(&at, text + length, &line, &line_length)) {
        row r;
        if (!split(&r, line, line_length))
            continue;
        if (strcmp(r.cells[0], "Site Type") == 0) {
            is_table = false;
            for (size_t i = 0; i < r.count; i++) {
                is_share[i] = false;
                slrs[i] = column_slr(r.cells[i], &is_share[i]);
                is_table = is_table || slrs[i] >= 0;
            }
            for (size_t i = r.count; i < MAX_CELLS; i++)
                slrs[i] = -1;
            continue;
        }
        int resource = is_table ? site_resource(r.cells[0]) : -1;
        for (size_t i = 1; i < r.count && resource >= 0; i++) {
            if (slrs[i] < 0)
                continue;
            flow_resources *into =
                is_share[i] ? &out_table->percent[slrs[i]] : &out_table->used[slrs[i]];
            into->of[resource] = number(r.cells[i]);
            if (slrs[i] >= out_table->slr_count)
                out_table->slr_count = slrs[i] + 1;
        }
    }
    return out_table->slr_count > 0;
}
