/* SPDX-License-Identifier: Apache-2.0 */
/* What an imported model is, as text and JSON. Must not know about: packages, plans. */
#include <inttypes.h>

#include "cli/json.h"
#include "cli/model_summary.h"
#include "cli/name.h"
#include "cli/table.h"
#include "cli/text.h"

static void print_tensor(FILE *out, const char *label, const weft_model_tensor *tensor)
{
    char name[WEFT_CLI_NAME_TEXT], shape[WEFT_CLI_SHAPE_TEXT];
    fprintf(out, "%-11s %s  %s %s\n", label, weft_cli_format_name(tensor->name, name),
            tensor->dtype, weft_cli_format_shape(tensor->rank, tensor->dims, shape));
}

void weft_cli_model_print(FILE *out, const weft_model *model)
{
    weft_model_info info;
    weft_model_tensor tensor;
    char count[WEFT_CLI_COUNT_TEXT], bytes[WEFT_CLI_BYTES_TEXT], name[WEFT_CLI_NAME_TEXT];
    weft_model_get_info(model, &info);
    fprintf(out, "%-11s %s  opset %" PRId64 "\n", "model", weft_cli_format_name(info.name, name),
            info.opset);
    for (size_t i = 0; i < info.input_count; i++) {
        weft_model_get_input(model, i, &tensor);
        print_tensor(out, "input", &tensor);
    }
    for (size_t i = 0; i < info.output_count; i++) {
        weft_model_get_output(model, i, &tensor);
        print_tensor(out, "output", &tensor);
    }
    fprintf(out, "%-11s %zu\n", "nodes", info.node_count);
    fprintf(out, "%-11s %s in %s\n", "parameters", weft_cli_format_count(info.parameters, count),
            weft_cli_format_bytes((uint64_t)info.weight_bytes, bytes));
    fprintf(out, "%-11s %.1f MMAC\n", "work", (double)info.macs / 1e6);
}

static json_t *tensor_json(const weft_model_tensor *tensor)
{
    json_t *json = json_object();
    json_object_set_new(json, "name", weft_cli_json_text(tensor->name));
    json_object_set_new(json, "dtype", weft_cli_json_text(tensor->dtype));
    json_object_set_new(json, "shape", weft_cli_json_dims(tensor->rank, tensor->dims));
    return json;
}

json_t *weft_cli_model_json(const weft_model *model)
{
    weft_model_info info;
    weft_model_tensor tensor;
    weft_model_get_info(model, &info);
    json_t *json = json_object(), *inputs = json_array(), *outputs = json_array();
    for (size_t i = 0; i < info.input_count; i++) {
        weft_model_get_input(model, i, &tensor);
        json_array_append_new(inputs, tensor_json(&tensor));
    }
    for (size_t i = 0; i < info.output_count; i++) {
        weft_model_get_output(model, i, &tensor);
        json_array_append_new(outputs, tensor_json(&tensor));
    }
    json_object_set_new(json, "name", weft_cli_json_text(info.name));
    json_object_set_new(json, "opset", json_integer(info.opset));
    json_object_set_new(json, "inputs", inputs);
    json_object_set_new(json, "outputs", outputs);
    json_object_set_new(json, "nodes", json_integer((json_int_t)info.node_count));
    json_object_set_new(json, "parameters", json_integer(info.parameters));
    json_object_set_new(json, "weight_bytes", json_integer(info.weight_bytes));
    json_object_set_new(json, "macs", json_integer(info.macs));
    return json;
}

void weft_cli_model_print_nodes(FILE *out, const weft_model *model)
{
    weft_model_info info;
    weft_model_get_info(model, &info);
    weft_cli_table *table = weft_cli_table_create();
    weft_cli_table_add_column(table, "#", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "op", WEFT_CLI_LEFT);
    weft_cli_table_add_column(table, "node", WEFT_CLI_TRUNC);
    weft_cli_table_add_column(table, "out shape", WEFT_CLI_LEFT);
    weft_cli_table_add_column(table, "type", WEFT_CLI_LEFT);
    weft_cli_table_add_column(table, "MMAC", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "params", WEFT_CLI_RIGHT);
    weft_cli_table_add_column(table, "attributes", WEFT_CLI_TRUNC);
    for (size_t i = 0; i < info.node_count; i++) {
        weft_model_node node;
        char shape[WEFT_CLI_SHAPE_TEXT];
        weft_model_get_node(model, i, &node);
        weft_cli_table_add_row(table);
        weft_cli_table_add_cell(table, "%zu", i);
        weft_cli_table_add_cell(table, "%s", node.op);
        weft_cli_table_add_cell(table, "%s", node.name);
        weft_cli_table_add_cell(table, "%s",
                                weft_cli_format_shape(node.output.rank, node.output.dims, shape));
        weft_cli_table_add_cell(table, "%s", node.output.dtype);
        weft_cli_table_add_cell(table, "%.2f", (double)node.macs / 1e6);
        weft_cli_table_add_cell(table, "%" PRId64, node.parameters);
        weft_cli_table_add_cell(table, "%s", node.attrs);
    }
    weft_cli_table_print(table, out);
}

json_t *weft_cli_model_nodes_json(const weft_model *model)
{
    weft_model_info info;
    weft_model_get_info(model, &info);
    json_t *list = json_array();
    for (size_t i = 0; i < info.node_count; i++) {
        weft_model_node node;
        weft_model_get_node(model, i, &node);
        json_t *json = json_object();
        json_object_set_new(json, "name", weft_cli_json_text(node.name));
        json_object_set_new(json, "op", weft_cli_json_text(node.op));
        json_object_set_new(json, "attributes", weft_cli_json_text(node.attrs));
        json_object_set_new(json, "output", tensor_json(&node.output));
        json_object_set_new(json, "macs", json_integer(node.macs));
        json_object_set_new(json, "parameters", json_integer(node.parameters));
        json_array_append_new(list, json);
    }
    return list;
}
