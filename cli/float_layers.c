/* SPDX-License-Identifier: Apache-2.0 */
/* Which layers of a quantised model compute in f32, and why. Must not know about: packages. */
#include "cli/float_layers.h"

#include <inttypes.h>

#include "cli/json.h"
#include "cli/name.h"
#include "cli/table.h"

enum { ROWS_SHOWN = 10 }; /* the most expensive ones; --json has all */

void weft_cli_float_layers_print(FILE *out, const weft_compile_report *report)
{
    size_t count = weft_compile_report_float_count(report);
    if (!weft_compile_report_is_quantised(report))
        return;
    if (count == 0) {
        fprintf(out, "in float    nothing: all layers compute in 8 bits\n");
        return;
    }
    fprintf(out, "in float    %zu layer%s of a quantised model, most work first\n", count,
            count == 1 ? "" : "s");
    weft_cli_table *table = weft_cli_table_create();
    weft_cli_table_add_column(table, "layer", WEFT_CLI_TRUNC);
    weft_cli_table_add_column(table, "op", WEFT_CLI_LEFT);
    weft_cli_table_add_column(table, "MMAC", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "why", WEFT_CLI_LEFT);
    for (size_t i = 0; i < count && i < ROWS_SHOWN; i++) {
        char name[WEFT_CLI_NAME_TEXT];
        const weft_float_layer *layer = weft_compile_report_float(report, i);
        weft_cli_table_add_row(table);
        weft_cli_table_add_cell(table, "%s", weft_cli_format_name(layer->name, name));
        weft_cli_table_add_cell(table, "%s", layer->op);
        weft_cli_table_add_cell(table, "%.3f", (double)layer->macs / 1e6);
        weft_cli_table_add_cell(table, "%s", layer->reason);
    }
    weft_cli_table_print(table, out);
    if (count > ROWS_SHOWN)
        fprintf(out, "and %zu more\n", count - ROWS_SHOWN);
}

json_t *weft_cli_float_layers_json(const weft_compile_report *report)
{
    if (report == NULL || !weft_compile_report_is_quantised(report))
        return json_null();
    json_t *list = json_array();
    for (size_t i = 0; i < weft_compile_report_float_count(report); i++) {
        const weft_float_layer *layer = weft_compile_report_float(report, i);
        json_t *one = json_object();
        json_object_set_new(one, "name", weft_cli_json_text(layer->name));
        json_object_set_new(one, "op", weft_cli_json_text(layer->op));
        json_object_set_new(one, "macs", json_integer(layer->macs));
        json_object_set_new(one, "reason", weft_cli_json_text(layer->reason));
        json_array_append_new(list, one);
    }
    return list;
}
