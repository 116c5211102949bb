/* SPDX-License-Identifier: Apache-2.0 */
/* What weft verify --against prints: the table of layers, the verdict, the JSON answer. Must not
 * know about: how values are compared. */
#include <inttypes.h>

#include "cli/against.h"
#include "cli/divergence.h"
#include "cli/json.h"
#include "cli/name.h"
#include "cli/table.h"
#include "cli/text.h"

static const char *const agreement_names[] = {"equal", "close", "different", "alone"};

/* The hash of the first executor that has the value; of the others "=" where they agree with it. */
static void add_hashes(weft_cli_table *table, const weft_cli_against_row *row, size_t count)
{
    size_t first = count;
    for (size_t i = 0; i < count; i++) {
        char hash[WEFT_CLI_HASH_TEXT];
        if (row->has[i] && first == count)
            first = i;
        if (!row->has[i])
            weft_cli_table_add_cell(table, "-");
        else if (i > first && row->hash[i] == row->hash[first])
            weft_cli_table_add_cell(table, "=");
        else
            weft_cli_table_add_cell(table, "%s", weft_cli_format_hash(row->hash[i], hash));
    }
}

static void print_rows(FILE *out, const weft_cli_against *against)
{
    const weft_cli_executors *executors = against->executors;
    weft_cli_table *table = weft_cli_table_create();
    weft_cli_table_add_column(table, "step", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "op", WEFT_CLI_LEFT);
    weft_cli_table_add_column(table, "value", WEFT_CLI_TRUNC);
    weft_cli_table_add_column(table, "type", WEFT_CLI_LEFT);
    for (size_t i = 0; i < executors->count; i++)
        weft_cli_table_add_column(table, executors->items[i].backend, WEFT_CLI_LEFT);
    weft_cli_table_add_column(table, "", WEFT_CLI_LEFT);
    for (size_t i = 0; i < against->count; i++) {
        const weft_cli_against_row *row = &against->rows[i];
        weft_step_info step;
        weft_value_info value;
        weft_package_get_step(against->package, against->schedule, row->step, &step);
        weft_package_get_value(against->package, against->schedule, (size_t)row->value, &value);
        weft_cli_table_add_row(table);
        weft_cli_table_add_cell(table, "%zu", row->step);
        weft_cli_table_add_cell(table, "%s", step.op);
        weft_cli_table_add_cell(table, "%s", value.tensor.name);
        weft_cli_table_add_cell(table, "%s", value.tensor.dtype);
        add_hashes(table, row, executors->count);
        if (row->agreement == WEFT_CLI_CLOSE)
            weft_cli_table_add_cell(table, "close, %.2g", row->relative);
        else
            weft_cli_table_add_cell(table, "%s", agreement_names[row->agreement]);
    }
    weft_cli_table_print(table, out);
}

static void print_names(FILE *out, const weft_cli_executors *executors)
{
    for (size_t i = 0; i < executors->count; i++)
        fprintf(out, "%s%s", i == 0 ? "" : ", ", executors->items[i].backend);
}

static void print_first(FILE *out, const weft_cli_against *against)
{
    const weft_cli_against_row *row = weft_cli_against_first(against);
    weft_step_info step;
    weft_value_info value;
    char name[WEFT_CLI_NAME_TEXT], position[WEFT_CLI_SHAPE_TEXT];
    if (row == NULL)
        return;
    weft_package_get_step(against->package, against->schedule, row->step, &step);
    weft_package_get_value(against->package, against->schedule, (size_t)row->value, &value);
    const weft_tensor_info *tensor = &value.tensor;
    fprintf(out, "first difference: step %zu, %s, value %s\n", row->step, step.op,
            weft_cli_format_name(tensor->name, name));
    weft_cli_format_position(tensor->rank, tensor->dims, row->element, position);
    fprintf(out, "  element %s: %.9g on %s, %.9g on %s; %zu of %" PRIu64 " elements differ\n",
            position, row->first_value, against->executors->items[row->first].backend,
            row->other_value, against->executors->items[row->other].backend, row->count,
            tensor->size_bytes / weft_cli_dtype_bytes(tensor->dtype));
}

void weft_cli_against_print(FILE *out, const weft_cli_against *against,
                            const weft_explanation *explanation, const char *reduced)
{
    const weft_cli_executors *executors = against->executors;
    size_t different = against->step_count - against->agreed_steps - against->alone_steps;
    print_rows(out, against);
    for (size_t i = 0; i < executors->count; i++)
        fprintf(out, "%s\n", executors->items[i].description);
    print_first(out, against);
    if (explanation != NULL)
        weft_cli_divergence_print(out, explanation);
    if (reduced != NULL)
        fprintf(out, "this step alone: %s\n", reduced);
    if (against->alone_steps > 0)
        fprintf(out, "%zu layer%s not compared: one executor alone has a value to show\n",
                against->alone_steps, against->alone_steps == 1 ? "" : "s");
    if (different > 0)
        fprintf(out, "FAILED: %zu of %zu layers differ on ", different, against->step_count);
    else if (weft_cli_against_passes(against) && against->close_steps == 0)
        fprintf(out, "PASSED: %zu layers equal on ", against->agreed_steps);
    else if (weft_cli_against_passes(against))
        fprintf(out, "PASSED: %zu layers equal, %zu of floats within %.2g on ",
                against->agreed_steps - against->close_steps, against->close_steps,
                against->tolerance);
    else
        fputs("FAILED: no layer could be compared on ", out);
    print_names(out, executors);
    for (size_t i = 0; i < executors->skipped_count; i++)
        fprintf(out, "; without %s (%s)", executors->skipped[i].backend, executors->skipped[i].why);
    fputc('\n', out);
}

static json_t *row_json(const weft_cli_against *against, const weft_cli_against_row *row)
{
    weft_step_info step;
    weft_value_info value;
    weft_package_get_step(against->package, against->schedule, row->step, &step);
    weft_package_get_value(against->package, against->schedule, (size_t)row->value, &value);
    json_t *json = json_object(), *hashes = json_object();
    json_object_set_new(json, "step", json_integer((json_int_t)row->step));
    json_object_set_new(json, "op", weft_cli_json_text(step.op));
    json_object_set_new(json, "name", weft_cli_json_text(step.name));
    json_object_set_new(json, "value", weft_cli_json_tensor(&value.tensor));
    for (size_t i = 0; i < against->executors->count; i++)
        json_object_set_new(hashes, against->executors->items[i].backend,
                            row->has[i] ? weft_cli_json_hash(row->hash[i]) : json_null());
    json_object_set_new(json, "hashes", hashes);
    json_object_set_new(json, "agreement", json_string(agreement_names[row->agreement]));
    json_object_set_new(json, "relative", weft_cli_json_real(row->relative));
    if (row->agreement != WEFT_CLI_DIFFERENT)
        return json;
    json_object_set_new(json, "element", json_integer((json_int_t)row->element));
    json_object_set_new(json, "differing_elements", json_integer((json_int_t)row->count));
    json_t *values = json_object();
    json_object_set_new(values, against->executors->items[row->first].backend,
                        weft_cli_json_real(row->first_value));
    json_object_set_new(values, against->executors->items[row->other].backend,
                        weft_cli_json_real(row->other_value));
    json_object_set_new(json, "values", values);
    return json;
}

static json_t *explanation_json(const weft_explanation *explanation)
{
    json_t *list = explanation == NULL ? json_null() : json_array();
    for (size_t i = 0; explanation != NULL && i < weft_explanation_count(explanation); i++) {
        json_t *line = json_object();
        json_object_set_new(line, "name",
                            weft_cli_json_text(weft_explanation_name(explanation, i)));
        json_object_set_new(line, "text",
                            weft_cli_json_text(weft_explanation_text(explanation, i)));
        json_array_append_new(list, line);
    }
    return list;
}

json_t *weft_cli_against_json(const weft_cli_against *against, const weft_explanation *explanation,
                              const char *reduced)
{
    const weft_cli_executors *executors = against->executors;
    const weft_cli_against_row *first = weft_cli_against_first(against);
    json_t *json = weft_cli_json_create("weft.against/1"), *ran = json_array(),
           *skipped = json_array(), *layers = json_array();
    json_object_set_new(json, "passed", json_boolean(weft_cli_against_passes(against)));
    json_object_set_new(json, "layers_equal",
                        json_integer((json_int_t)(against->agreed_steps - against->close_steps)));
    json_object_set_new(json, "layers_close", json_integer((json_int_t)against->close_steps));
    json_object_set_new(json, "layers_not_compared",
                        json_integer((json_int_t)against->alone_steps));
    json_object_set_new(json, "layers", json_integer((json_int_t)against->step_count));
    json_object_set_new(json, "tolerance", json_real(against->tolerance));
    for (size_t i = 0; i < executors->count; i++)
        json_array_append_new(ran, weft_cli_engine_json(&executors->items[i].engine));
    for (size_t i = 0; i < executors->skipped_count; i++) {
        json_t *one = json_object();
        json_object_set_new(one, "backend", weft_cli_json_text(executors->skipped[i].backend));
        json_object_set_new(one, "why", weft_cli_json_text(executors->skipped[i].why));
        json_array_append_new(skipped, one);
    }
    for (size_t i = 0; i < against->count; i++)
        json_array_append_new(layers, row_json(against, &against->rows[i]));
    json_object_set_new(json, "executors", ran);
    json_object_set_new(json, "missing", skipped);
    json_object_set_new(json, "first_difference",
                        first == NULL ? json_null() : json_integer((json_int_t)first->step));
    json_object_set_new(json, "explanation", explanation_json(explanation));
    json_object_set_new(json, "reduced", weft_cli_json_text(reduced));
    json_object_set_new(json, "values", layers);
    return json;
}
