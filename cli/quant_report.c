/* SPDX-License-Identifier: Apache-2.0 */
/* See quant_report.h. */
#include <math.h>
#include <stdlib.h>

#include "cli/json.h"
#include "cli/memory.h"
#include "cli/quant_report.h"
#include "cli/table.h"

enum { WORST_SHOWN = 10 };

/* NaN, not compared, comes last. */
static int by_snr(const void *a, const void *b)
{
    double x = ((const weft_quant_tensor *)a)->snr_db, y = ((const weft_quant_tensor *)b)->snr_db;
    if (isnan(x) || isnan(y))
        return isnan(x) - isnan(y);
    return (x > y) - (x < y);
}

static weft_quant_tensor *sorted(const weft_quant *quant, size_t *out_count)
{
    *out_count = weft_quant_tensor_count(quant);
    weft_quant_tensor *tensors = weft_cli_alloc_array(*out_count, sizeof *tensors);
    for (size_t i = 0; i < *out_count; i++)
        weft_quant_get_tensor(quant, i, &tensors[i]);
    qsort(tensors, *out_count, sizeof *tensors, by_snr);
    return tensors;
}

void weft_cli_quant_report_print(FILE *out, const weft_quant *quant, const char *path, bool all)
{
    size_t count, shown = 0;
    weft_quant_tensor *tensors = sorted(quant, &count);
    weft_cli_table *table = weft_cli_table_create();
    weft_cli_table_add_column(table, "tensor", WEFT_CLI_TRUNC);
    weft_cli_table_add_column(table, "made by", WEFT_CLI_LEFT);
    weft_cli_table_add_column(table, "least", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "most", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "scale", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "zero", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "SNR dB", WEFT_CLI_RIGHT);
    for (size_t i = 0; i < count; i++) {
        const weft_quant_tensor *tensor = &tensors[i];
        if (!all && !tensor->is_model_output && shown >= WORST_SHOWN)
            continue;
        shown++;
        weft_cli_table_add_row(table);
        weft_cli_table_add_cell(table, "%s%s", tensor->name,
                                tensor->is_model_output ? " (output)" : "");
        weft_cli_table_add_cell(table, "%s", tensor->op);
        weft_cli_table_add_cell(table, "%.4g", (double)tensor->least);
        weft_cli_table_add_cell(table, "%.4g", (double)tensor->most);
        weft_cli_table_add_cell(table, "%.4g", (double)tensor->scale);
        weft_cli_table_add_cell(table, "%d", tensor->zero);
        if (isnan(tensor->snr_db))
            weft_cli_table_add_cell(table, "-");
        else
            weft_cli_table_add_cell(table, "%.1f", tensor->snr_db);
    }
    weft_cli_table_print(table, out);
    if (shown < count)
        fprintf(out, "the worst %zu of %zu quantised tensors, and the outputs; -v shows all\n",
                (size_t)WORST_SHOWN, count);
    for (size_t i = 0; i < count; i++)
        if (tensors[i].is_model_output && !isnan(tensors[i].snr_db))
            fprintf(out, "output %s: signal-to-noise ratio %.2f dB\n", tensors[i].name,
                    tensors[i].snr_db);
    fprintf(out, "%s: %zu tensors in 8 bits, calibrated with %zu samples\n", path, count,
            weft_quant_samples(quant));
    free(tensors);
}

json_t *weft_cli_quant_report_json(const weft_quant *quant, const char *path)
{
    size_t count;
    weft_quant_tensor *tensors = sorted(quant, &count);
    json_t *json = weft_cli_json_create("weft.quantize/1"), *list = json_array();
    json_object_set_new(json, "model", weft_cli_json_text(path));
    json_object_set_new(json, "samples", json_integer((json_int_t)weft_quant_samples(quant)));
    for (size_t i = 0; i < count; i++) {
        json_t *one = json_object();
        json_object_set_new(one, "name", weft_cli_json_text(tensors[i].name));
        json_object_set_new(one, "op", weft_cli_json_text(tensors[i].op));
        json_object_set_new(one, "least", json_real((double)tensors[i].least));
        json_object_set_new(one, "most", json_real((double)tensors[i].most));
        json_object_set_new(one, "scale", json_real((double)tensors[i].scale));
        json_object_set_new(one, "zero_point", json_integer(tensors[i].zero));
        json_object_set_new(one, "snr_db", weft_cli_json_real(tensors[i].snr_db));
        json_object_set_new(one, "is_output", json_boolean(tensors[i].is_model_output));
        json_array_append_new(list, one);
    }
    json_object_set_new(json, "tensors", list);
    free(tensors);
    return json;
}
