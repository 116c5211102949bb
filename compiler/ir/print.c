/* SPDX-License-Identifier: Apache-2.0 */
/* The graph as text. The grammar is in docs/ir.md; parse.c reads what is written here, and printing
 * that again gives the same bytes. Must not know about what operators mean. */
#include <inttypes.h>
#include <string.h>

#include "compiler/ir/text.h"

static void add_string(weft_text *text, const char *string)
{
    weft_text_add(text, "\"");
    for (; *string; string++) {
        unsigned char c = (unsigned char)*string;
        if (c == '"' || c == '\\')
            weft_text_printf(text, "\\%c", c);
        else if (c == '\n')
            weft_text_add(text, "\\n");
        else if (c == '\t')
            weft_text_add(text, "\\t");
        else if (c < 0x20 || c == 0x7f)
            weft_text_printf(text, "\\x%02x", c);
        else
            weft_text_add_bytes(text, string, 1);
    }
    weft_text_add(text, "\"");
}

static bool is_bare(const char *name)
{
    for (; *name; name++) {
        char c = *name;
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_' || c == '.' || c == '/' || c == '-'))
            return false;
    }
    return true;
}

static void add_name(weft_text *text, const weft_value *value)
{
    if (!value) {
        weft_text_add(text, "_");
        return;
    }
    weft_text_add(text, "%");
    if (is_bare(value->name))
        weft_text_add(text, value->name);
    else
        add_string(text, value->name);
}

static void add_type(weft_text *text, weft_dtype dtype, const weft_shape *shape)
{
    weft_text_printf(text, "%s[", weft_dtype_name(dtype));
    for (int i = 0; i < shape->rank; i++)
        weft_text_printf(text, "%s%" PRId64, i ? "x" : "", shape->dims[i]);
    weft_text_add(text, "]");
}

static void add_typed_name(weft_text *text, const weft_value *value)
{
    add_name(text, value);
    if (!value || value->dtype == WEFT_DTYPE_NONE || !value->has_shape)
        return;
    weft_text_add(text, ": ");
    add_type(text, value->dtype, &value->shape);
}

static void add_number(weft_text *text, weft_dtype dtype, const void *data, size_t index)
{
    char number[WEFT_NUMBER_TEXT];
    weft_text_add(text, weft_number_format(dtype, data, index, number) ? number : "nan");
}

static void add_numbers(weft_text *text, weft_dtype dtype, const void *data, size_t count)
{
    weft_text_add(text, "[");
    for (size_t i = 0; i < count; i++) {
        weft_text_add(text, i ? ", " : "");
        add_number(text, dtype, data, i);
    }
    weft_text_add(text, "]");
}

static void add_attr(weft_text *text, const weft_attr *attr)
{
    weft_text_printf(text, "%s=", attr->name);
    switch (attr->kind) {
    case WEFT_ATTR_INT: add_number(text, WEFT_DTYPE_I64, &attr->i, 0); break;
    case WEFT_ATTR_FLOAT: add_number(text, WEFT_DTYPE_F32, &attr->f, 0); break;
    case WEFT_ATTR_STRING: add_string(text, attr->s); break;
    case WEFT_ATTR_INTS: add_numbers(text, WEFT_DTYPE_I64, attr->ints, attr->count); break;
    case WEFT_ATTR_FLOATS: add_numbers(text, WEFT_DTYPE_F32, attr->floats, attr->count); break;
    case WEFT_ATTR_TENSOR:
        add_type(text, attr->tensor->dtype, &attr->tensor->shape);
        weft_text_add(text, " = ");
        weft_text_add_data(text, attr->tensor->dtype, &attr->tensor->shape, attr->tensor->data, 0,
                           true);
        break;
    }
}

static const char *default_node_name(const weft_node *node)
{
    for (size_t i = 0; i < node->output_count; i++)
        if (node->outputs[i])
            return node->outputs[i]->name;
    return "";
}

static void add_node(weft_text *text, const weft_node *node)
{
    weft_text_add(text, "  ");
    for (size_t i = 0; i < node->output_count; i++) {
        weft_text_add(text, i ? ", " : "");
        add_typed_name(text, node->outputs[i]);
    }
    weft_text_printf(text, " = %s(", weft_op_name(node->op));
    for (size_t i = 0; i < node->input_count; i++) {
        weft_text_add(text, i ? ", " : "");
        add_name(text, node->inputs[i]);
    }
    weft_text_add(text, ")");
    for (size_t i = 0; i < node->attrs.count; i++) {
        weft_text_add(text, i ? ", " : " {");
        add_attr(text, &node->attrs.data[i]);
    }
    weft_text_add(text, node->attrs.count > 0 ? "}" : "");
    if (node->name && strcmp(node->name, default_node_name(node)) != 0) {
        weft_text_add(text, " @ ");
        add_string(text, node->name);
    }
    for (size_t i = 0; i < node->source_count; i++) {
        weft_text_add(text, i ? ", " : " from [");
        add_string(text, node->sources[i]);
    }
    weft_text_add(text, node->source_count > 0 ? "]\n" : "\n");
}

void weft_graph_print(const weft_graph *graph, bool with_data, weft_text *out_text)
{
    weft_text_add(out_text, "graph ");
    add_string(out_text, graph->name);
    weft_text_printf(out_text, " opset %" PRId64, graph->opset);
    if (graph->source_node_count > 0)
        weft_text_printf(out_text, " nodes %zu", graph->source_node_count);
    weft_text_add(out_text, " {\n");
    for (size_t i = 0; i < graph->inputs.count; i++) {
        weft_text_add(out_text, "  input ");
        add_typed_name(out_text, graph->inputs.data[i]);
        weft_text_add(out_text, "\n");
    }
    for (size_t i = 0; i < graph->values.count; i++) {
        const weft_value *value = graph->values.data[i];
        if (!value->data || value->use_count == 0)
            continue;
        weft_text_add(out_text, "  const ");
        add_typed_name(out_text, value);
        weft_text_add(out_text, " = ");
        weft_text_add_data(out_text, value->dtype, &value->shape, value->data, value->text_hash,
                           with_data);
        weft_text_add(out_text, "\n");
    }
    for (const weft_node *node = graph->first; node; node = node->next)
        add_node(out_text, node);
    for (size_t i = 0; i < graph->outputs.count; i++) {
        weft_text_add(out_text, "  output ");
        add_name(out_text, graph->outputs.data[i]);
        weft_text_add(out_text, "\n");
    }
    weft_text_add(out_text, "}\n");
}
