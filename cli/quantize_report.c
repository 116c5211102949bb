/* SPDX-License-Identifier: Apache-2.0 */
/* What weft quantize answers; see quantize_report.h. Must not know about: running models. */
#include "cli/quantize_report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/float_layers.h"
#include "cli/json.h"
#include "cli/memory.h"
#include "cli/name.h"
#include "cli/table.h"

enum { ROWS_SHOWN = 15 }; /* the worst ones; -v and --json have all */

/* Worst first; what was not compared comes last, in the order of the model. */
static int by_ratio(const void *a, const void *b)
{
    const weft_quant_tensor *x = a, *y = b;
    bool x_known = !isnan(x->snr_db), y_known = !isnan(y->snr_db);
    if (x_known != y_known)
        return x_known ? -1 : 1;
    if (x_known && x->snr_db != y->snr_db)
        return x->snr_db < y->snr_db ? -1 : 1;
    return x->output < y->output ? -1 : x->output > y->output;
}

static weft_quant_tensor *sorted_tensors(const weft_quant *quant, size_t *out_count)
{
    size_t count = *out_count = weft_quant_tensor_count(quant);
    weft_quant_tensor *tensors = weft_cli_alloc_array(count, sizeof *tensors);
    for (size_t i = 0; i < count; i++)
        weft_quant_get_tensor(quant, i, &tensors[i]);
    qsort(tensors, count, sizeof *tensors, by_ratio);
    return tensors;
}

static void add_ratio(weft_cli_table *table, double snr_db)
{
    if (isnan(snr_db))
        weft_cli_table_add_cell(table, "-");
    else
        weft_cli_table_add_cell(table, "%.1f", snr_db);
}

static void print_tensors(FILE *out, const weft_quant_tensor *tensors, size_t count, bool all_rows)
{
    weft_cli_table *table = weft_cli_table_create();
    size_t shown = all_rows || count < ROWS_SHOWN ? count : ROWS_SHOWN;
    weft_cli_table_add_column(table, "tensor", WEFT_CLI_TRUNC);
    weft_cli_table_add_column(table, "made by", WEFT_CLI_LEFT);
    weft_cli_table_add_column(table, "least", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "most", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "scale", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "zero", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "SNR dB", WEFT_CLI_RIGHT);
    for (size_t i = 0; i < shown; i++) {
        char name[WEFT_CLI_NAME_TEXT];
        weft_cli_table_add_row(table);
        weft_cli_table_add_cell(table, "%s", weft_cli_format_name(tensors[i].name, name));
        weft_cli_table_add_cell(table, "%s", tensors[i].op);
        weft_cli_table_add_cell(table, "%.4g", (double)tensors[i].least);
        weft_cli_table_add_cell(table, "%.4g", (double)tensors[i].most);
        weft_cli_table_add_cell(table, "%.4g", (double)tensors[i].scale);
        weft_cli_table_add_cell(table, "%d", tensors[i].zero);
        add_ratio(table, tensors[i].snr_db);
    }
    weft_cli_table_print(table, out);
    if (shown < count)
        fprintf(out, "and %zu more: -v, or --json\n", count - shown);
}

static bool is_held_out(const weft_cli_quantize_result *result)
{
    return result->measured_first >= result->samples->count;
}

void weft_cli_quantize_print(FILE *out, const weft_cli_quantize_result *result, bool all_rows)
{
    size_t count;
    char name[WEFT_CLI_NAME_TEXT];
    const weft_quant_params *params = result->params;
    weft_quant_tensor *tensors = sorted_tensors(result->quant, &count);
    print_tensors(out, tensors, count, all_rows);
    fprintf(out, "%s  %zu tensors in 8 bits, %zu samples, %.1f s\n",
            weft_cli_format_name(result->path, name), count, weft_quant_samples(result->quant),
            result->seconds);
    fprintf(out,
            "method      %s, activations %s, weights s8 %s, pairs within %d, %zu pairs of layers "
            "equalised, bias correction %s\n",
            weft_quant_method_name(params->method), params->signed_values ? "s8" : "u8",
            params->per_channel ? "per channel" : "per tensor", params->pair_limit,
            weft_quant_equalized(result->quant), params->bias_correction ? "on" : "off");
    for (size_t i = 0; i < count; i++)
        if (tensors[i].is_model_output && result->measured > 0)
            fprintf(out, "output      %s: signal-to-noise ratio %.2f dB over %zu samples%s\n",
                    weft_cli_format_name(tensors[i].name, name), tensors[i].snr_db,
                    result->measured, is_held_out(result) ? " that were not calibrated with" : "");
    if (result->compiled != NULL)
        weft_cli_float_layers_print(out, result->compiled);
    free(tensors);
}

json_t *weft_cli_quantize_json(const weft_cli_quantize_result *result)
{
    size_t count;
    const weft_quant_params *params = result->params;
    weft_quant_tensor *tensors = sorted_tensors(result->quant, &count);
    json_t *json = weft_cli_json_create("weft.quantize/1"), *list = json_array();
    json_object_set_new(json, "model", weft_cli_json_text(result->model));
    json_object_set_new(json, "output", weft_cli_json_text(result->path));
    json_object_set_new(json, "method", json_string(weft_quant_method_name(params->method)));
    json_object_set_new(json, "percentile", weft_cli_json_real(params->percentile));
    json_object_set_new(json, "activations", json_string(params->signed_values ? "s8" : "u8"));
    json_object_set_new(json, "per_channel", json_boolean(params->per_channel));
    json_object_set_new(json, "equalized_pairs",
                        json_integer((json_int_t)weft_quant_equalized(result->quant)));
    json_object_set_new(json, "pair_limit", json_integer(params->pair_limit));
    json_object_set_new(json, "bias_correction", json_boolean(params->bias_correction));
    json_object_set_new(json, "data", weft_cli_json_text(result->samples->name));
    json_object_set_new(json, "samples",
                        json_integer((json_int_t)weft_quant_samples(result->quant)));
    json_object_set_new(json, "measured_samples", json_integer((json_int_t)result->measured));
    json_object_set_new(json, "measured_held_out", json_boolean(is_held_out(result)));
    json_object_set_new(json, "seconds", weft_cli_json_real(result->seconds));
    for (size_t i = 0; i < count; i++) {
        json_t *one = json_object();
        json_object_set_new(one, "name", weft_cli_json_text(tensors[i].name));
        json_object_set_new(one, "made_by", json_string(tensors[i].op));
        json_object_set_new(one, "is_output", json_boolean(tensors[i].is_model_output));
        json_object_set_new(one, "least", weft_cli_json_real((double)tensors[i].least));
        json_object_set_new(one, "most", weft_cli_json_real((double)tensors[i].most));
        json_object_set_new(one, "scale", weft_cli_json_real((double)tensors[i].scale));
        json_object_set_new(one, "zero_point", json_integer(tensors[i].zero));
        json_object_set_new(one, "snr_db", weft_cli_json_real(tensors[i].snr_db));
        json_array_append_new(list, one);
    }
    json_object_set_new(json, "tensors", list);
    json_object_set_new(json, "float_layers", weft_cli_float_layers_json(result->compiled));
    free(tensors);
    return json;
}
