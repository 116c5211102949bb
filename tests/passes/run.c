/* SPDX-License-Identifier: Apache-2.0 */
/* Running and comparing graphs in tests. Must not know passes. */
#include "tests/passes/run.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "kernels/ref/interp.h"
#include "tests/passes/build.h"

static weft_tensor make_tensor(weft_graph *graph, const weft_value *value)
{
    weft_tensor tensor = {.dtype = value->dtype, .shape = value->shape};
    size_t bytes = 0;
    assert_true(weft_shape_bytes(&tensor.shape, tensor.dtype, &bytes));
    tensor.data = weft_arena_alloc(graph->arena, bytes);
    return tensor;
}

run_result run_graph(weft_graph *graph, uint64_t seed, weft_diag *diag)
{
    weft_tensor *inputs = WEFT_NEW_ARRAY(graph->arena, weft_tensor, graph->inputs.count);
    for (size_t i = 0; i < graph->inputs.count; i++) {
        const weft_value *value = graph->inputs.data[i];
        build b = {.state = seed};
        int64_t elems = 0;
        inputs[i] = make_tensor(graph, value);
        for (const char *c = value->name; *c; c++)
            b.state = b.state * 31 + (unsigned char)*c;
        bool is_float = value->dtype == WEFT_DTYPE_F32;
        assert_true(is_float || value->dtype == WEFT_DTYPE_U8 || value->dtype == WEFT_DTYPE_I8);
        assert_true(weft_shape_elems(&value->shape, &elems));
        for (int64_t k = 0; k < elems; k++)
            if (is_float)
                ((float *)inputs[i].data)[k] = build_uniform(&b, -1.0F, 1.5F);
            else
                ((uint8_t *)inputs[i].data)[k] = (uint8_t)build_random(&b, 256);
    }
    run_result result = {.count = graph->outputs.count};
    result.outputs = WEFT_NEW_ARRAY(graph->arena, weft_tensor, result.count);
    result.names = WEFT_NEW_ARRAY(graph->arena, const char *, result.count);
    for (size_t i = 0; i < result.count; i++) {
        result.outputs[i] = make_tensor(graph, graph->outputs.data[i]);
        result.names[i] = graph->outputs.data[i]->name;
    }
    build_check(weft_ref_run_graph(graph, inputs, result.outputs, diag), diag);
    return result;
}

static double difference_of(const weft_tensor *a, const weft_tensor *b)
{
    int64_t elems = 0;
    size_t bytes = 0;
    double worst = 0.0, largest = 0.0;
    assert_true(weft_shape_elems(&a->shape, &elems) &&
                weft_shape_bytes(&a->shape, a->dtype, &bytes));
    if (a->dtype != WEFT_DTYPE_F32)
        return memcmp(a->data, b->data, bytes) == 0 ? 0.0 : (double)INFINITY;
    for (int64_t i = 0; i < elems; i++) {
        double x = (double)((const float *)a->data)[i], y = (double)((const float *)b->data)[i];
        assert_true(isfinite(x)); /* a test that compares infinities proves nothing */
        worst = fmax(worst, isfinite(y) ? fabs(x - y) : (double)INFINITY);
        largest = fmax(largest, fabs(x));
    }
    return worst == 0.0 ? 0.0 : worst / largest;
}

double run_difference(const run_result *a, const run_result *b)
{
    double worst = 0.0;
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        assert_string_equal(a->names[i], b->names[i]);
        assert_int_equal(a->outputs[i].dtype, b->outputs[i].dtype);
        assert_true(weft_shape_equal(&a->outputs[i].shape, &b->outputs[i].shape));
        worst = fmax(worst, difference_of(&a->outputs[i], &b->outputs[i]));
    }
    return worst;
}
