/* SPDX-License-Identifier: Apache-2.0 */
/* The list of compared tensors and the verdict over it. Must not know about: sessions. */
#include <math.h>
#include <stdlib.h>

#include "cli/json.h"
#include "cli/memory.h"
#include "cli/name.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/verdict.h"

enum { WORST_STEPS = 5 };

void weft_cli_verdict_add(weft_cli_verdict *verdict, long step, const char *op,
                          const weft_tensor_info *tensor, weft_cli_comparison comparison)
{
    verdict->items =
        weft_cli_realloc_array(verdict->items, verdict->count + 1, sizeof *verdict->items);
    verdict->items[verdict->count++] =
        (struct weft_cli_verdict_item){step, op, *tensor, comparison};
}

double weft_cli_verdict_needed(const weft_cli_verdict *verdict)
{
    double needed = 0;
    for (size_t i = 0; i < verdict->count; i++)
        if (verdict->items[i].comparison.relative > needed)
            needed = verdict->items[i].comparison.relative;
    return needed;
}

bool weft_cli_verdict_passes(const weft_cli_verdict *verdict)
{
    return weft_cli_verdict_needed(verdict) <= verdict->tolerance;
}

/* Outputs are listed before the steps, so steps are looked for alone. */
static const struct weft_cli_verdict_item *first_over(const weft_cli_verdict *verdict)
{
    for (size_t i = 0; i < verdict->count; i++)
        if (verdict->items[i].step >= 0 &&
            verdict->items[i].comparison.relative > verdict->tolerance)
            return &verdict->items[i];
    return NULL;
}

long weft_cli_verdict_first_over(const weft_cli_verdict *verdict)
{
    const struct weft_cli_verdict_item *item = first_over(verdict);
    return item == NULL ? -1 : item->step;
}

static int by_relative(const void *a, const void *b)
{
    const struct weft_cli_verdict_item *x = *(const struct weft_cli_verdict_item *const *)a;
    const struct weft_cli_verdict_item *y = *(const struct weft_cli_verdict_item *const *)b;
    if (x->comparison.relative != y->comparison.relative)
        return x->comparison.relative < y->comparison.relative ? 1 : -1;
    return x->step < y->step ? -1 : x->step > y->step;
}

static void add_row(weft_cli_table *table, const weft_cli_verdict *verdict,
                    const struct weft_cli_verdict_item *item)
{
    const weft_cli_comparison *c = &item->comparison;
    char position[WEFT_CLI_SHAPE_TEXT];
    weft_cli_format_position(item->tensor.rank, item->tensor.dims, c->worst, position);
    weft_cli_table_add_row(table);
    if (item->step < 0)
        weft_cli_table_add_cell(table, "out");
    else
        weft_cli_table_add_cell(table, "%ld", item->step);
    weft_cli_table_add_cell(table, "%s", item->op);
    weft_cli_table_add_cell(table, "%s", item->tensor.name);
    weft_cli_table_add_cell(table, "%.3g", c->max_error);
    weft_cli_table_add_cell(table, "%.4g", c->max_reference);
    weft_cli_table_add_cell(table, "%.3g", c->relative);
    weft_cli_table_add_cell(table, "%s", position);
    weft_cli_table_add_cell(table, "%.7g", c->actual);
    weft_cli_table_add_cell(table, "%.7g", c->reference);
    const char *mark = c->nonfinite_mismatches > 0        ? "NaN/Inf"
                       : c->relative > verdict->tolerance ? "over"
                                                          : "";
    if (c->nan_both > 0)
        weft_cli_table_add_cell(table, "%s %zu NaN on both sides", mark, c->nan_both);
    else
        weft_cli_table_add_cell(table, "%s", mark);
}

double weft_cli_verdict_round_up(double value)
{
    if (!(value > 0) || isinf(value))
        return value;
    double unit = pow(10, floor(log10(value)) - 1);
    return ceil(value / unit) * unit;
}

void weft_cli_verdict_print(FILE *out, const weft_cli_verdict *verdict, bool all_steps)
{
    static const char *const titles[] = {"step",     "op", "value", "max err",   "max ref",
                                         "relative", "at", "found", "reference", ""};
    weft_cli_table *table = weft_cli_table_create();
    for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++)
        weft_cli_table_add_column(table, titles[i],
                                  i == 1 || i == 6 || i == 9 ? WEFT_CLI_LEFT
                                  : i == 2                   ? WEFT_CLI_TRUNC
                                                             : WEFT_CLI_RIGHT);
    const struct weft_cli_verdict_item **steps =
        weft_cli_alloc_array(verdict->count, sizeof(struct weft_cli_verdict_item *));
    size_t step_count = 0, shown = 0;
    for (size_t i = 0; i < verdict->count; i++) {
        if (verdict->items[i].step < 0)
            add_row(table, verdict, &verdict->items[i]);
        else
            steps[step_count++] = &verdict->items[i];
    }
    if (!all_steps)
        qsort(steps, step_count, sizeof(struct weft_cli_verdict_item *), by_relative);
    for (; shown < step_count && (all_steps || shown < WORST_STEPS); shown++)
        add_row(table, verdict, steps[shown]);
    fprintf(out, "%s\nagainst %s\n", verdict->actual, verdict->reference);
    weft_cli_table_print(table, out);
    free(steps);
    if (shown < step_count)
        fprintf(out, "the worst %zu of %zu compared step results; --layers shows all\n", shown,
                step_count);
    if (verdict->skipped > 0)
        fprintf(out, "%zu values exist on one side only and were not compared\n", verdict->skipped);
    const struct weft_cli_verdict_item *over = first_over(verdict);
    char name[WEFT_CLI_NAME_TEXT];
    if (over != NULL)
        fprintf(out, "first step over the tolerance: %ld %s %s\n", over->step, over->op,
                weft_cli_format_name(over->tensor.name, name));
    fprintf(out, "tolerance needed %.2g, given %.2g\n",
            weft_cli_verdict_round_up(weft_cli_verdict_needed(verdict)), verdict->tolerance);
    fputs(weft_cli_verdict_passes(verdict) ? "PASSED\n" : "FAILED\n", out);
}

json_t *weft_cli_verdict_json(const weft_cli_verdict *verdict, const char *package,
                              const weft_cli_inputs *inputs)
{
    json_t *json = weft_cli_json_create("weft.verify/1"), *list = json_array(),
           *from = json_array();
    json_object_set_new(json, "package", weft_cli_json_text(package));
    json_object_set_new(json, "schedule", json_integer((json_int_t)inputs->schedule));
    json_object_set_new(json, "passed", json_boolean(weft_cli_verdict_passes(verdict)));
    json_object_set_new(json, "tolerance", json_real(verdict->tolerance));
    json_object_set_new(json, "tolerance_needed",
                        weft_cli_json_real(weft_cli_verdict_needed(verdict)));
    json_object_set_new(json, "first_step_over",
                        verdict->count > 0 && weft_cli_verdict_first_over(verdict) >= 0
                            ? json_integer(weft_cli_verdict_first_over(verdict))
                            : json_null());
    json_object_set_new(json, "actual", weft_cli_json_text(verdict->actual));
    json_object_set_new(json, "reference", weft_cli_json_text(verdict->reference));
    json_object_set_new(json, "not_compared", json_integer((json_int_t)verdict->skipped));
    for (size_t i = 0; i < inputs->count; i++) {
        json_t *input = weft_cli_json_tensor(&inputs->items[i].tensor);
        json_object_set_new(input, "from", weft_cli_json_text(inputs->items[i].origin));
        json_array_append_new(from, input);
    }
    json_object_set_new(json, "inputs", from);
    for (size_t i = 0; i < verdict->count; i++) {
        const struct weft_cli_verdict_item *item = &verdict->items[i];
        const weft_cli_comparison *c = &item->comparison;
        json_t *one = weft_cli_json_tensor(&item->tensor);
        json_object_set_new(one, "step", item->step < 0 ? json_null() : json_integer(item->step));
        json_object_set_new(one, "op", weft_cli_json_text(item->op));
        json_object_set_new(one, "max_error", weft_cli_json_real(c->max_error));
        json_object_set_new(one, "max_reference", weft_cli_json_real(c->max_reference));
        json_object_set_new(one, "relative", weft_cli_json_real(c->relative));
        json_object_set_new(one, "worst_index", json_integer((json_int_t)c->worst));
        json_object_set_new(one, "found", weft_cli_json_real(c->actual));
        json_object_set_new(one, "expected", weft_cli_json_real(c->reference));
        json_object_set_new(one, "nonfinite_mismatches",
                            json_integer((json_int_t)c->nonfinite_mismatches));
        json_object_set_new(one, "nan_on_both_sides", json_integer((json_int_t)c->nan_both));
        json_array_append_new(list, one);
    }
    json_object_set_new(json, "values", list);
    return json;
}

void weft_cli_verdict_finish(weft_cli_verdict *verdict)
{
    free(verdict->actual);
    free(verdict->reference);
    free(verdict->items);
    *verdict = (weft_cli_verdict){0};
}
