/* SPDX-License-Identifier: Apache-2.0 */
/* The helpers of ref_call.h. */
#include "tests/ref/ref_call.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/ref/element.h"

static uint32_t random_state = 12345;

int ref_setup(void **state)
{
    random_state = 12345;
    *state = weft_arena_create();
    return *state ? 0 : -1;
}

int ref_teardown(void **state)
{
    weft_arena_destroy(*state);
    return 0;
}

uint32_t ref_random(uint32_t limit)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) % limit;
}

static int64_t elems_of(const weft_tensor *tensor)
{
    int64_t elems = 0;
    assert_true(weft_shape_elems(&tensor->shape, &elems));
    return elems;
}

weft_tensor *ref_tensor_of(weft_arena *arena, weft_dtype dtype, const weft_shape *shape,
                           const double *values)
{
    weft_tensor *tensor = WEFT_NEW(arena, weft_tensor);
    tensor->dtype = dtype;
    tensor->shape = *shape;
    int64_t elems = elems_of(tensor);
    tensor->data = weft_arena_alloc_array(arena, (size_t)elems, weft_dtype_bytes(dtype));
    for (int64_t i = 0; i < elems; i++)
        weft_ref_put_f64(tensor, i, values ? values[i] : (double)ref_random(4096) / 1024.0 - 2.0);
    return tensor;
}

weft_tensor *ref_tensor(weft_arena *arena, weft_dtype dtype, const char *dims, const double *values)
{
    weft_shape shape = {0};
    for (const char *at = dims; *at; at += *at == 'x') {
        char *end = NULL;
        shape.dims[shape.rank++] = strtol(at, &end, 10);
        at = end;
    }
    return ref_tensor_of(arena, dtype, &shape, values);
}

weft_status ref_run(weft_ref_kernel kernel, const weft_attrs *attrs, weft_tensor *const *inputs,
                    size_t input_count, weft_tensor *const *outputs, size_t output_count)
{
    static const weft_attrs none = {0};
    const weft_tensor *read_only[16] = {0};
    assert_true(input_count <= sizeof read_only / sizeof *read_only);
    for (size_t i = 0; i < input_count; i++)
        read_only[i] = inputs[i];
    weft_ref_call call = {attrs ? attrs : &none, read_only, input_count, outputs, output_count};
    return kernel(&call);
}

void ref_expect(const weft_tensor *tensor, const double *expected, double tolerance)
{
    int64_t elems = elems_of(tensor);
    for (int64_t i = 0; i < elems; i++) {
        double found = weft_ref_get_f64(tensor, i);
        if (isnan(found) && isnan(expected[i]))
            continue;
        if (found != expected[i] &&
            !(fabs(found - expected[i]) <= tolerance * (1 + fabs(expected[i]))))
            fail_msg("element %ld: expected %.9g, found %.9g", (long)i, expected[i], found);
        if (isinf(found) != isinf(expected[i]))
            fail_msg("element %ld: expected %.9g, found %.9g", (long)i, expected[i], found);
    }
}
