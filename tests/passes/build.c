/* SPDX-License-Identifier: Apache-2.0 */
/* Building graphs in tests. Must not know passes. */
#include "tests/passes/build.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

uint32_t build_random(build *b, uint32_t bound)
{
    /* splitmix64 */
    uint64_t z = b->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ (z >> 31)) >> 32) % bound;
}

float build_uniform(build *b, float low, float high)
{
    return low + (high - low) * (float)build_random(b, 1U << 24) / (float)(1U << 24);
}

static weft_shape shape_of(int rank, const int64_t *dims)
{
    weft_shape shape = {.rank = rank};
    for (int i = 0; i < rank; i++)
        shape.dims[i] = dims[i];
    return shape;
}

weft_value *build_input(build *b, const char *name, int rank, const int64_t *dims)
{
    weft_shape shape = shape_of(rank, dims);
    return weft_graph_add_input(b->graph, name, WEFT_DTYPE_F32, &shape);
}

weft_value *build_random_constant(build *b, int rank, const int64_t *dims, float low, float high)
{
    weft_shape shape = shape_of(rank, dims);
    int64_t elems = 0;
    assert_true(weft_shape_elems(&shape, &elems));
    float *data = WEFT_NEW_ARRAY(b->graph->arena, float, (size_t)elems);
    for (int64_t i = 0; i < elems; i++)
        data[i] = build_uniform(b, low, high);
    return weft_graph_add_constant(b->graph, "c", WEFT_DTYPE_F32, &shape, data);
}

weft_value *build_scalar(build *b, float number)
{
    weft_shape shape = {.rank = 0};
    const void *data = weft_arena_dup(b->graph->arena, &number, sizeof number);
    return weft_graph_add_constant(b->graph, "s", WEFT_DTYPE_F32, &shape, data);
}

weft_value *build_ints(build *b, size_t count, const int64_t *numbers)
{
    return weft_graph_add_constant_ints(b->graph, "i", numbers, count);
}

weft_node *build_node(build *b, weft_op op, size_t input_count, weft_value *const *inputs)
{
    const char *name = weft_arena_printf(b->graph->arena, "%s_%zu", weft_op_name(op),
                                         b->graph->source_node_count++);
    weft_node *node = weft_graph_add_node(b->graph, NULL, op, name, inputs, input_count, &name, 1);
    weft_node named = {.sources = &name, .source_count = 1};
    weft_node_add_sources(b->graph, node, &named);
    return node;
}

void build_int(build *b, weft_node *node, const char *name, int64_t number)
{
    weft_attrs_set_int(&node->attrs, b->graph->arena, name, number);
}

void build_list(build *b, weft_node *node, const char *name, size_t count, const int64_t *numbers)
{
    weft_attrs_set_ints(&node->attrs, b->graph->arena, name, numbers, count);
}

void build_check(weft_status status, const weft_diag *diag)
{
    if (status == WEFT_OK)
        return;
    for (size_t i = 0; i < weft_diag_count(diag); i++) {
        char text[1024];
        weft_diag_format(weft_diag_get(diag, i), text, sizeof text);
        print_error("%s", text);
    }
    fail_msg("%s", weft_status_name(status));
}

weft_value *build_done(build *b, weft_node *node)
{
    build_check(weft_node_infer(b->graph, node, b->diag), b->diag);
    return node->outputs[0];
}

weft_value *build_unary(build *b, weft_op op, weft_value *x)
{
    return build_done(b, build_node(b, op, 1, &x));
}

weft_value *build_binary(build *b, weft_op op, weft_value *x, weft_value *y)
{
    return build_done(b, build_node(b, op, 2, (weft_value *[]){x, y}));
}

weft_value *build_transpose(build *b, weft_value *x, const int64_t *perm)
{
    weft_node *node = build_node(b, WEFT_OP_Transpose, 1, &x);
    build_list(b, node, "perm", (size_t)x->shape.rank, perm);
    return build_done(b, node);
}

weft_value *build_reshape(build *b, weft_value *x, size_t rank, const int64_t *dims)
{
    return build_binary(b, WEFT_OP_Reshape, x, build_ints(b, rank, dims));
}
