/* SPDX-License-Identifier: Apache-2.0 */
/* What fuses into what, from the plan's JSON. Must not know about: models, packages. */
#include <stdlib.h>
#include <string.h>

#include "cli/memory.h"
#include "cli/plan_summary.h"
#include "cli/table.h"
#include "cli/text.h"

/* Steps of one operator. */
typedef struct op_row {
    const char *op;
    size_t steps, nodes;
    double ideal_us;
} op_row;

typedef struct op_rows {
    op_row *items;
    size_t count;
    size_t steps, nodes;
} op_rows;

bool weft_cli_op_only_moves(const char *op)
{
    static const char *const movers[] = {"Cast",     "Concat", "Expand",    "Flatten",  "Gather",
                                         "Identity", "Pad",    "Reshape",   "Slice",    "Split",
                                         "Squeeze",  "Tile",   "Transpose", "Unsqueeze"};
    for (size_t i = 0; i < sizeof movers / sizeof movers[0]; i++)
        if (strcmp(op, movers[i]) == 0)
            return true;
    return false;
}

static op_row *find_row(op_rows *rows, const char *op)
{
    for (size_t i = 0; i < rows->count; i++)
        if (strcmp(rows->items[i].op, op) == 0)
            return &rows->items[i];
    rows->items = weft_cli_realloc_array(rows->items, rows->count + 1, sizeof *rows->items);
    rows->items[rows->count] = (op_row){.op = op};
    return &rows->items[rows->count++];
}

static op_rows collect(const json_t *schedule)
{
    op_rows rows = {0};
    const json_t *steps = json_object_get(schedule, "steps");
    for (size_t i = 0; i < json_array_size(steps); i++) {
        const json_t *step = json_array_get(steps, i);
        const char *op = json_string_value(json_object_get(step, "op"));
        op_row *row = find_row(&rows, op == NULL ? "?" : op);
        size_t nodes = json_array_size(json_object_get(step, "nodes"));
        row->steps++;
        row->nodes += nodes;
        row->ideal_us +=
            json_number_value(json_object_get(json_object_get(step, "cost"), "ideal_us"));
        rows.steps++;
        rows.nodes += nodes;
    }
    return rows;
}

static void print_schedule(FILE *out, const json_t *plan, const json_t *schedule)
{
    op_rows rows = collect(schedule);
    char shared[WEFT_CLI_BYTES_TEXT], unshared[WEFT_CLI_BYTES_TEXT];
    const char *target = json_string_value(json_object_get(plan, "target"));
    fprintf(out, "%-11s %lld nodes -> %zu steps on %s\n", "placement",
            (long long)json_integer_value(json_object_get(plan, "source_nodes")), rows.steps,
            target == NULL ? "?" : target);
    fprintf(out, "%-11s %s (%s without sharing)\n", "arena",
            weft_cli_format_bytes(
                (uint64_t)json_integer_value(json_object_get(schedule, "arena_bytes")), shared),
            weft_cli_format_bytes(
                (uint64_t)json_integer_value(json_object_get(schedule, "arena_unshared_bytes")),
                unshared));
    weft_cli_table *table = weft_cli_table_create();
    weft_cli_table_add_column(table, "step op", WEFT_CLI_LEFT);
    weft_cli_table_add_column(table, "steps", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "from nodes", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "ideal us", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "", WEFT_CLI_LEFT);
    for (size_t i = 0; i < rows.count; i++) {
        weft_cli_table_add_row(table);
        weft_cli_table_add_cell(table, "%s", rows.items[i].op);
        weft_cli_table_add_cell(table, "%zu", rows.items[i].steps);
        weft_cli_table_add_cell(table, "%zu", rows.items[i].nodes);
        weft_cli_table_add_cell(table, "%.1f", rows.items[i].ideal_us);
        weft_cli_table_add_cell(table, "%s",
                                weft_cli_op_only_moves(rows.items[i].op) ? "only moves data" : "");
    }
    weft_cli_table_print(table, out);
    free(rows.items);
}

void weft_cli_plan_summary_print(FILE *out, const json_t *plan)
{
    const json_t *schedules = json_object_get(plan, "schedules");
    for (size_t i = 0; i < json_array_size(schedules); i++)
        print_schedule(out, plan, json_array_get(schedules, i));
}

json_t *weft_cli_plan_summary_json(const json_t *plan)
{
    if (plan == NULL)
        return json_null();
    json_t *json = json_object(), *schedules = json_array();
    const json_t *planned = json_object_get(plan, "schedules");
    json_object_set(json, "target", json_object_get(plan, "target"));
    json_object_set(json, "source_nodes", json_object_get(plan, "source_nodes"));
    for (size_t s = 0; s < json_array_size(planned); s++) {
        const json_t *schedule = json_array_get(planned, s);
        op_rows rows = collect(schedule);
        json_t *one = json_object(), *ops = json_array();
        json_object_set_new(one, "steps", json_integer((json_int_t)rows.steps));
        json_object_set(one, "arena_bytes", json_object_get(schedule, "arena_bytes"));
        json_object_set(one, "arena_unshared_bytes",
                        json_object_get(schedule, "arena_unshared_bytes"));
        for (size_t i = 0; i < rows.count; i++) {
            json_t *op = json_object();
            json_object_set_new(op, "op", json_string(rows.items[i].op));
            json_object_set_new(op, "steps", json_integer((json_int_t)rows.items[i].steps));
            json_object_set_new(op, "nodes", json_integer((json_int_t)rows.items[i].nodes));
            json_object_set_new(op, "ideal_us", json_real(rows.items[i].ideal_us));
            json_array_append_new(ops, op);
        }
        json_object_set_new(one, "ops", ops);
        json_array_append_new(schedules, one);
        free(rows.items);
    }
    json_object_set_new(json, "schedules", schedules);
    return json;
}
