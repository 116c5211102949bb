/* SPDX-License-Identifier: Apache-2.0 */
/* The text form's reader: the grammar of docs/ir.md to a graph, sorted and inferred. Memory stays
 * proportional to the text, but for the data it fills in (bounded in text.h) and for evaluated
 * constants (bounded in infer.h). Must not know about files.
 *
 * Names may be used before the line that defines them, so nodes are made first and connected at the
 * end. */
#include <string.h>

#include "compiler/ir/infer.h"
#include "compiler/ir/text.h"

/* A use of a name: input `index` of node, or a graph output (node NULL). */
typedef struct name_use {
    weft_node *node;
    size_t index;
    const char *name; /* NULL: left out */
    size_t at;
} name_use;

/* A type written behind the name of a node's output. */
typedef struct written_type {
    const weft_value *value;
    weft_dtype dtype;
    weft_shape shape;
    size_t at;
} written_type;

typedef WEFT_VEC(const char *) name_list;

typedef struct parser {
    weft_cursor cursor;
    weft_graph *graph;
    WEFT_VEC(name_use) uses;
    WEFT_VEC(name_use) outputs;
    WEFT_VEC(written_type) types;
} parser;

static weft_status check_new(const parser *p, const char *name, size_t at)
{
    if (!weft_graph_find_value(p->graph, name))
        return WEFT_OK;
    return weft_cursor_fail(&p->cursor, WEFT_E_TEXT_NAME, at, "a name that is not taken",
                            "%%%s is defined twice", name);
}

static weft_status new_name(parser *p, const char **out_name)
{
    weft_cursor_skip(&p->cursor);
    size_t at = p->cursor.at;
    WEFT_INFER_TRY(weft_cursor_name(&p->cursor, out_name));
    return check_new(p, *out_name, at);
}

static weft_status read_input(parser *p)
{
    const char *name;
    weft_dtype dtype;
    weft_shape shape;
    WEFT_INFER_TRY(new_name(p, &name));
    WEFT_INFER_TRY(weft_cursor_expect(&p->cursor, ':'));
    WEFT_INFER_TRY(weft_cursor_type(&p->cursor, &dtype, &shape));
    weft_graph_add_input(p->graph, name, dtype, &shape);
    return WEFT_OK;
}

static weft_status read_const(parser *p)
{
    const char *name;
    const void *data;
    weft_dtype dtype;
    weft_shape shape;
    uint64_t hash = 0;
    WEFT_INFER_TRY(new_name(p, &name));
    WEFT_INFER_TRY(weft_cursor_expect(&p->cursor, ':'));
    WEFT_INFER_TRY(weft_cursor_type(&p->cursor, &dtype, &shape));
    WEFT_INFER_TRY(weft_cursor_expect(&p->cursor, '='));
    WEFT_INFER_TRY(weft_cursor_data(&p->cursor, dtype, &shape, &data, &hash));
    weft_graph_add_constant(p->graph, name, dtype, &shape, data)->text_hash = hash;
    return WEFT_OK;
}

static weft_status read_output(parser *p)
{
    name_use use = {.node = NULL};
    weft_cursor_skip(&p->cursor);
    use.at = p->cursor.at;
    WEFT_INFER_TRY(weft_cursor_name(&p->cursor, &use.name));
    WEFT_VEC_PUSH(p->cursor.arena, &p->outputs, use);
    return WEFT_OK;
}

/* ---- attributes ---- */

static weft_status read_number(weft_cursor *cursor, weft_dtype dtype, void *out, size_t index)
{
    char number[WEFT_NUMBER_TEXT];
    weft_cursor_skip(cursor);
    size_t at = cursor->at;
    WEFT_INFER_TRY(weft_cursor_number(cursor, number));
    if (weft_number_parse(dtype, number, out, index))
        return WEFT_OK;
    return weft_cursor_fail(cursor, WEFT_E_TEXT_SYNTAX, at,
                            dtype == WEFT_DTYPE_F32 ? "a number" : "an integer",
                            "%s is no number of this kind", number);
}

static weft_status read_ints(weft_cursor *cursor, weft_node *node, const char *name)
{
    WEFT_VEC(int64_t) list = {0};
    WEFT_INFER_TRY(weft_cursor_expect(cursor, '['));
    while (!weft_cursor_peek(cursor, ']')) {
        int64_t value;
        if (list.count > 0)
            WEFT_INFER_TRY(weft_cursor_expect(cursor, ','));
        WEFT_INFER_TRY(read_number(cursor, WEFT_DTYPE_I64, &value, 0));
        WEFT_VEC_PUSH(cursor->arena, &list, value);
    }
    weft_attrs_set_ints(&node->attrs, cursor->arena, name, list.data, list.count);
    return weft_cursor_expect(cursor, ']');
}

static weft_status read_floats(weft_cursor *cursor, weft_node *node, const char *name)
{
    WEFT_VEC(float) list = {0};
    WEFT_INFER_TRY(weft_cursor_expect(cursor, '['));
    while (!weft_cursor_peek(cursor, ']')) {
        float value;
        if (list.count > 0)
            WEFT_INFER_TRY(weft_cursor_expect(cursor, ','));
        WEFT_INFER_TRY(read_number(cursor, WEFT_DTYPE_F32, &value, 0));
        WEFT_VEC_PUSH(cursor->arena, &list, value);
    }
    weft_attrs_set_floats(&node->attrs, cursor->arena, name, list.data, list.count);
    return weft_cursor_expect(cursor, ']');
}

static weft_status read_tensor(weft_cursor *cursor, weft_node *node, const char *name)
{
    weft_tensor value = {.dtype = WEFT_DTYPE_NONE};
    union {
        const void *in;
        void *out;
    } data;
    WEFT_INFER_TRY(weft_cursor_type(cursor, &value.dtype, &value.shape));
    WEFT_INFER_TRY(weft_cursor_expect(cursor, '='));
    WEFT_INFER_TRY(weft_cursor_data(cursor, value.dtype, &value.shape, &data.in, NULL));
    value.data = data.out;
    weft_attrs_set_tensor(&node->attrs, cursor->arena, name,
                          weft_arena_dup(cursor->arena, &value, sizeof value));
    return WEFT_OK;
}

static weft_status read_attr(weft_cursor *cursor, weft_node *node)
{
    const char *name, *string;
    weft_attr_kind kind;
    int64_t int_value;
    float float_value;
    weft_cursor_skip(cursor);
    size_t at = cursor->at;
    WEFT_INFER_TRY(weft_cursor_word(cursor, "an attribute name", &name));
    if (!weft_op_attr_known(node->op, name, &kind))
        return weft_cursor_fail(cursor, WEFT_E_TEXT_OPERATOR, at, weft_op_get(node->op)->attrs,
                                "%s has no attribute %s", weft_op_name(node->op), name);
    if (weft_attrs_find(&node->attrs, name))
        return weft_cursor_fail(cursor, WEFT_E_TEXT_NAME, at, "each attribute once",
                                "attribute %s is given twice", name);
    WEFT_INFER_TRY(weft_cursor_expect(cursor, '='));
    switch (kind) {
    case WEFT_ATTR_INT:
        WEFT_INFER_TRY(read_number(cursor, WEFT_DTYPE_I64, &int_value, 0));
        weft_attrs_set_int(&node->attrs, cursor->arena, name, int_value);
        break;
    case WEFT_ATTR_FLOAT:
        WEFT_INFER_TRY(read_number(cursor, WEFT_DTYPE_F32, &float_value, 0));
        weft_attrs_set_float(&node->attrs, cursor->arena, name, float_value);
        break;
    case WEFT_ATTR_STRING:
        WEFT_INFER_TRY(weft_cursor_string(cursor, &string));
        weft_attrs_set_string(&node->attrs, cursor->arena, name, string);
        break;
    case WEFT_ATTR_INTS: return read_ints(cursor, node, name);
    case WEFT_ATTR_FLOATS: return read_floats(cursor, node, name);
    case WEFT_ATTR_TENSOR: return read_tensor(cursor, node, name);
    }
    return WEFT_OK;
}

/* ---- nodes ---- */

/* Names and types before the '='. Types are kept without their values, which do not exist yet. */
static weft_status read_results(parser *p, name_list *names)
{
    weft_cursor *cursor = &p->cursor;
    do {
        written_type type = {.value = NULL};
        const char *name = "";
        weft_cursor_skip(cursor);
        type.at = cursor->at;
        if (!weft_cursor_accept_word(cursor, "_")) {
            WEFT_INFER_TRY(new_name(p, &name));
            if (weft_cursor_accept(cursor, ':'))
                WEFT_INFER_TRY(weft_cursor_type(cursor, &type.dtype, &type.shape));
        }
        WEFT_VEC_PUSH(cursor->arena, names, name);
        WEFT_VEC_PUSH(cursor->arena, &p->types, type);
    } while (weft_cursor_accept(cursor, ','));
    return weft_cursor_expect(cursor, '=');
}

static weft_status read_op(parser *p, weft_op *out_op)
{
    const char *word;
    weft_cursor_skip(&p->cursor);
    size_t at = p->cursor.at;
    WEFT_INFER_TRY(weft_cursor_word(&p->cursor, "an operator", &word));
    const char *dot = strrchr(word, '.');
    const char *domain = dot ? weft_arena_strndup(p->cursor.arena, word, (size_t)(dot - word)) : "";
    *out_op = weft_op_find(domain, dot ? dot + 1 : word);
    if (*out_op != WEFT_OP_NONE)
        return WEFT_OK;
    return weft_cursor_fail(&p->cursor, WEFT_E_TEXT_OPERATOR, at,
                            "an operator of docs/operators.md", "the operator %s is not known",
                            word);
}

/* Inputs in parentheses; appended to p->uses without a node yet. */
static weft_status read_arguments(parser *p, size_t *out_count)
{
    weft_cursor *cursor = &p->cursor;
    size_t count = 0;
    WEFT_INFER_TRY(weft_cursor_expect(cursor, '('));
    while (!weft_cursor_peek(cursor, ')')) {
        name_use use = {.index = count};
        if (count > 0)
            WEFT_INFER_TRY(weft_cursor_expect(cursor, ','));
        weft_cursor_skip(cursor);
        use.at = cursor->at;
        if (!weft_cursor_accept_word(cursor, "_"))
            WEFT_INFER_TRY(weft_cursor_name(cursor, &use.name));
        WEFT_VEC_PUSH(cursor->arena, &p->uses, use);
        count++;
    }
    *out_count = count;
    return weft_cursor_expect(cursor, ')');
}

static weft_status read_sources(parser *p, weft_node *node)
{
    weft_cursor *cursor = &p->cursor;
    name_list sources = {0};
    WEFT_INFER_TRY(weft_cursor_expect(cursor, '['));
    do {
        const char *source;
        WEFT_INFER_TRY(weft_cursor_string(cursor, &source));
        WEFT_VEC_PUSH(cursor->arena, &sources, source);
    } while (weft_cursor_accept(cursor, ','));
    node->sources = sources.data;
    node->source_count = sources.count;
    return weft_cursor_expect(cursor, ']');
}

static weft_status read_node(parser *p)
{
    weft_cursor *cursor = &p->cursor;
    name_list results = {0};
    weft_op op;
    const char *node_name = NULL;
    size_t first_type = p->types.count, first_use = p->uses.count, input_count;
    WEFT_INFER_TRY(read_results(p, &results));
    WEFT_INFER_TRY(read_op(p, &op));
    WEFT_INFER_TRY(read_arguments(p, &input_count));
    weft_value **no_inputs = WEFT_NEW_ARRAY(cursor->arena, weft_value *, input_count);
    weft_node *node = weft_graph_add_node(p->graph, NULL, op, NULL, no_inputs, input_count,
                                          results.data, results.count);
    for (size_t i = 0; i < results.count; i++) {
        written_type *type = &p->types.data[first_type + i];
        type->value = node->outputs[i];
        if (type->value && strcmp(type->value->name, results.data[i]) !=
                               0) /* taken by an earlier result of this node */
            return weft_cursor_fail(cursor, WEFT_E_TEXT_NAME, type->at, "a name that is not taken",
                                    "%%%s is defined twice", results.data[i]);
    }
    for (size_t i = 0; i < input_count; i++)
        p->uses.data[first_use + i].node = node;
    if (weft_cursor_accept(cursor, '{')) {
        do
            WEFT_INFER_TRY(read_attr(cursor, node));
        while (weft_cursor_accept(cursor, ','));
        WEFT_INFER_TRY(weft_cursor_expect(cursor, '}'));
    }
    if (weft_cursor_accept(cursor, '@')) {
        WEFT_INFER_TRY(weft_cursor_string(cursor, &node_name));
        node->name = *node_name ? node_name : node->name;
    }
    return weft_cursor_accept_word(cursor, "from") ? read_sources(p, node) : WEFT_OK;
}

/* ---- the whole ---- */

static weft_status read_header(parser *p)
{
    weft_cursor *cursor = &p->cursor;
    const char *name;
    int64_t count;
    WEFT_INFER_TRY(weft_cursor_expect_word(cursor, "graph"));
    WEFT_INFER_TRY(weft_cursor_string(cursor, &name));
    p->graph = weft_graph_create(cursor->arena, name);
    WEFT_INFER_TRY(weft_cursor_expect_word(cursor, "opset"));
    WEFT_INFER_TRY(weft_cursor_int(cursor, &p->graph->opset));
    if (weft_cursor_accept_word(cursor, "nodes")) {
        WEFT_INFER_TRY(weft_cursor_int(cursor, &count));
        if (count < 0)
            return weft_cursor_fail(cursor, WEFT_E_TEXT_SYNTAX, cursor->at, "0 or more nodes",
                                    "the number of nodes is negative");
        p->graph->source_node_count = (size_t)count;
    }
    return weft_cursor_expect(cursor, '{');
}

static weft_status read_lines(parser *p)
{
    weft_cursor *cursor = &p->cursor;
    while (!weft_cursor_accept(cursor, '}')) {
        if (weft_cursor_accept_word(cursor, "input"))
            WEFT_INFER_TRY(read_input(p));
        else if (weft_cursor_accept_word(cursor, "const"))
            WEFT_INFER_TRY(read_const(p));
        else if (weft_cursor_accept_word(cursor, "output"))
            WEFT_INFER_TRY(read_output(p));
        else if (weft_cursor_peek(cursor, '%') || weft_cursor_peek(cursor, '_'))
            WEFT_INFER_TRY(read_node(p));
        else
            return weft_cursor_fail(cursor, WEFT_E_TEXT_SYNTAX, cursor->at,
                                    "input, const, output, a node or '}'",
                                    "a line begins in an unknown way");
    }
    if (weft_cursor_at_end(cursor))
        return WEFT_OK;
    return weft_cursor_fail(cursor, WEFT_E_TEXT_SYNTAX, cursor->at, "the end of the text",
                            "there is something behind the graph");
}

static weft_status find_used(const parser *p, const name_use *use, weft_value **out_value)
{
    *out_value = weft_graph_find_value(p->graph, use->name);
    if (*out_value)
        return WEFT_OK;
    return weft_cursor_fail(&p->cursor, WEFT_E_TEXT_NAME, use->at,
                            "a name defined by input, const or a node", "%%%s is not defined",
                            use->name);
}

static weft_status connect(parser *p)
{
    weft_value *value;
    for (size_t i = 0; i < p->uses.count; i++) {
        const name_use *use = &p->uses.data[i];
        if (!use->name)
            continue;
        WEFT_INFER_TRY(find_used(p, use, &value));
        weft_node_set_input(p->graph, use->node, use->index, value);
    }
    for (size_t i = 0; i < p->outputs.count; i++) {
        WEFT_INFER_TRY(find_used(p, &p->outputs.data[i], &value));
        weft_graph_add_output(p->graph, value);
    }
    return WEFT_OK;
}

static weft_status compare_types(const parser *p)
{
    for (size_t i = 0; i < p->types.count; i++) {
        const written_type *type = &p->types.data[i];
        char shape[WEFT_SHAPE_TEXT];
        if (type->dtype == WEFT_DTYPE_NONE || (type->dtype == type->value->dtype &&
                                               weft_shape_equal(&type->shape, &type->value->shape)))
            continue;
        return weft_cursor_fail(&p->cursor, WEFT_E_TEXT_TYPE, type->at,
                                weft_shape_format(&type->value->shape, shape),
                                "%%%s has type %s and another shape or type than written",
                                type->value->name, weft_dtype_name(type->value->dtype));
    }
    return WEFT_OK;
}

weft_status weft_graph_parse(weft_arena *arena, const char *text, size_t length,
                             weft_graph **out_graph, weft_diag *diag)
{
    parser p = {.cursor = {.text = text, .length = length, .arena = arena, .diag = diag}};
    *out_graph = NULL;
    WEFT_INFER_TRY(read_header(&p));
    WEFT_INFER_TRY(read_lines(&p));
    WEFT_INFER_TRY(connect(&p));
    WEFT_INFER_TRY(weft_graph_sort(p.graph, diag));
    WEFT_INFER_TRY(weft_graph_infer(p.graph, diag));
    WEFT_INFER_TRY(compare_types(&p));
    *out_graph = p.graph;
    return WEFT_OK;
}
