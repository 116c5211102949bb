/* SPDX-License-Identifier: Apache-2.0 */
/* The arena of a schedule: a table of places and lives, and a picture with steps across and
 * addresses down. Must not know about: devices, models. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/memory.h"
#include "cli/package_summary.h"
#include "cli/table.h"
#include "cli/text.h"

enum { PICTURE_COLUMNS = 72, PICTURE_ROWS = 20 };

static int by_offset(const void *a, const void *b)
{
    const weft_value_info *x = a, *y = b;
    if (x->offset_bytes != y->offset_bytes)
        return x->offset_bytes < y->offset_bytes ? -1 : 1;
    return x->first_step < y->first_step ? -1 : x->first_step > y->first_step;
}

/* Values in the arena, by address and then by birth. */
static weft_value_info *arena_values(const weft_package *package, size_t schedule,
                                     size_t *out_count)
{
    weft_schedule_info info;
    weft_package_get_schedule(package, schedule, &info);
    weft_value_info *values = weft_cli_alloc_array(info.value_count, sizeof *values);
    size_t count = 0;
    for (size_t i = 0; i < info.value_count; i++) {
        weft_package_get_value(package, schedule, i, &values[count]);
        count += strcmp(values[count].place, "arena") == 0 ? 1 : 0;
    }
    qsort(values, count, sizeof *values, by_offset);
    *out_count = count;
    return values;
}

static void print_table(FILE *out, const weft_value_info *values, size_t count)
{
    weft_cli_table *table = weft_cli_table_create();
    weft_cli_table_add_column(table, "offset", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "bytes", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "steps", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "type", WEFT_CLI_LEFT);
    weft_cli_table_add_column(table, "shape", WEFT_CLI_LEFT);
    weft_cli_table_add_column(table, "value", WEFT_CLI_TRUNC);
    for (size_t i = 0; i < count; i++) {
        char shape[WEFT_CLI_SHAPE_TEXT];
        weft_cli_table_add_row(table);
        weft_cli_table_add_cell(table, "%" PRIu64, values[i].offset_bytes);
        weft_cli_table_add_cell(table, "%" PRIu64, values[i].storage_bytes);
        weft_cli_table_add_cell(table, "%" PRId32 "-%" PRId32, values[i].first_step,
                                values[i].last_step);
        weft_cli_table_add_cell(table, "%s", values[i].tensor.dtype);
        weft_cli_table_add_cell(
            table, "%s",
            weft_cli_format_shape(values[i].tensor.rank, values[i].tensor.dims, shape));
        weft_cli_table_add_cell(table, "%s", values[i].tensor.name);
    }
    weft_cli_table_print(table, out);
}

/* Cell of the picture for part/whole of `cells`; whole may be 0. */
static size_t cell_of(uint64_t part, uint64_t whole, size_t cells)
{
    size_t cell = whole == 0 ? 0 : (size_t)((double)part / (double)whole * (double)cells);
    return cell < cells ? cell : cells - 1;
}

static void print_picture(FILE *out, const weft_value_info *values, size_t count,
                          uint64_t arena_bytes, size_t steps)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    size_t columns = steps < PICTURE_COLUMNS ? steps : PICTURE_COLUMNS;
    char picture[PICTURE_ROWS][PICTURE_COLUMNS];
    memset(picture, '.', sizeof picture);
    for (size_t i = 0; i < count; i++) {
        uint64_t first = values[i].first_step < 0 ? 0 : (uint64_t)values[i].first_step;
        uint64_t last = values[i].last_step < 0 ? 0 : (uint64_t)values[i].last_step;
        uint64_t end = values[i].offset_bytes +
                       (values[i].storage_bytes == 0 ? 0 : values[i].storage_bytes - 1);
        size_t left = cell_of(first, steps, columns), right = cell_of(last, steps, columns);
        size_t top = cell_of(values[i].offset_bytes, arena_bytes, PICTURE_ROWS);
        size_t bottom = cell_of(end, arena_bytes, PICTURE_ROWS);
        for (size_t y = top; y <= bottom; y++)
            for (size_t x = left; x <= right; x++)
                picture[y][x] = letters[i % (sizeof letters - 1)];
    }
    for (size_t y = 0; y < PICTURE_ROWS; y++) {
        char bytes[WEFT_CLI_BYTES_TEXT];
        uint64_t address = (uint64_t)((double)arena_bytes * (double)y / PICTURE_ROWS);
        fprintf(out, "%9s |%.*s|\n", weft_cli_format_bytes(address, bytes), (int)columns,
                picture[y]);
    }
    fprintf(out, "%9s  0%*zu   steps; a letter is one value, dots are free memory\n", "",
            (int)columns - 1, steps == 0 ? 0 : steps - 1);
}

void weft_cli_package_print_memory(FILE *out, const weft_package *package, size_t schedule)
{
    weft_schedule_info info;
    char shared[WEFT_CLI_BYTES_TEXT], unshared[WEFT_CLI_BYTES_TEXT];
    size_t count = 0;
    weft_package_get_schedule(package, schedule, &info);
    weft_value_info *values = arena_values(package, schedule, &count);
    fprintf(out, "schedule %zu: arena %s for %zu values, %s without sharing\n", schedule,
            weft_cli_format_bytes(info.arena_bytes, shared), count,
            weft_cli_format_bytes(info.arena_unshared_bytes, unshared));
    print_table(out, values, count);
    if (count > 0) {
        fputc('\n', out);
        print_picture(out, values, count, info.arena_bytes, info.step_count);
    }
    free(values);
}
