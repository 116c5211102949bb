/* SPDX-License-Identifier: Apache-2.0 */
/* Reference kernels that move elements, reduce, multiply and resize: written-out examples, edges,
 * refused data. */
#include "tests/ref/ref_call.h"

#include <math.h>

#include "kernels/ref/element.h"

static weft_tensor *f32(void **state, const char *dims)
{
    return ref_tensor(*state, WEFT_DTYPE_F32, dims, NULL);
}

static weft_attrs *attr_int(void **state, const char *name, int64_t value)
{
    weft_attrs *attrs = WEFT_NEW((weft_arena *)*state, weft_attrs);
    weft_attrs_set_int(attrs, *state, name, value);
    return attrs;
}

static void transpose_permutes(void **state)
{
    weft_attrs attrs = {0};
    weft_attrs_set_ints(&attrs, *state, "perm", (int64_t[]){2, 0, 1}, 3);
    weft_tensor *x = REF_F32(*state, "1x2x3", 1, 2, 3, 4, 5, 6), *y = f32(state, "3x1x2");
    assert_int_equal(ref_run(weft_ref_transpose, &attrs, REF_LIST(x), REF_LIST(y)), WEFT_OK);
    REF_EXACT(y, 1, 4, 2, 5, 3, 6);
    weft_tensor *z = f32(state, "3x2x1");
    assert_int_equal(ref_run(weft_ref_transpose, NULL, REF_LIST(x), REF_LIST(z)), WEFT_OK);
    REF_EXACT(z, 1, 4, 2, 5, 3, 6);
    weft_attrs_set_ints(&attrs, *state, "perm", (int64_t[]){2, 0, 7}, 3);
    assert_int_equal(ref_run(weft_ref_transpose, &attrs, REF_LIST(x), REF_LIST(y)), WEFT_INVALID);
}

static void movers_take_every_element_size(void **state)
{
    static const weft_dtype dtypes[] = {WEFT_DTYPE_BOOL, WEFT_DTYPE_I16, WEFT_DTYPE_F16,
                                        WEFT_DTYPE_I32, WEFT_DTYPE_F64};
    for (size_t d = 0; d < sizeof dtypes / sizeof *dtypes; d++) {
        weft_tensor *x = ref_tensor(*state, dtypes[d], "2x2", (const double[]){1, 0, 0, 1});
        weft_tensor *y = ref_tensor(*state, dtypes[d], "2x4", NULL),
                    *z = ref_tensor(*state, dtypes[d], "4x1", NULL);
        weft_tensor *repeats = REF_I64(*state, "2", 1, 2);
        assert_int_equal(ref_run(weft_ref_tile, NULL, REF_LIST(x, repeats), REF_LIST(y)), WEFT_OK);
        REF_EXACT(y, 1, 0, 1, 0, 0, 1, 0, 1);
        assert_int_equal(
            ref_run(weft_ref_concat, attr_int(state, "axis", -1), REF_LIST(x, x), REF_LIST(y)),
            WEFT_OK);
        REF_EXACT(y, 1, 0, 1, 0, 0, 1, 0, 1);
        assert_int_equal(ref_run(weft_ref_reshape, NULL, REF_LIST(x), REF_LIST(z)), WEFT_OK);
        REF_EXACT(z, 1, 0, 0, 1);
        weft_tensor *row = ref_tensor(*state, dtypes[d], "4", (const double[]){1, 0, 1, 1});
        weft_tensor *wide = ref_tensor(*state, dtypes[d], "2x4", NULL);
        assert_int_equal(ref_run(weft_ref_expand, NULL, REF_LIST(row), REF_LIST(wide)), WEFT_OK);
        REF_EXACT(wide, 1, 0, 1, 1, 1, 0, 1, 1);
    }
}

static void split_cuts_with_and_without_sizes(void **state)
{
    weft_tensor *x = REF_F32(*state, "2x3", 1, 2, 3, 4, 5, 6), *a = f32(state, "2x2"),
                *b = f32(state, "2x1");
    weft_tensor *sizes = REF_I64(*state, "2", 2, 1);
    assert_int_equal(
        ref_run(weft_ref_split, attr_int(state, "axis", 1), REF_LIST(x, sizes), REF_LIST(a, b)),
        WEFT_OK);
    REF_EXACT(a, 1, 2, 4, 5);
    REF_EXACT(b, 3, 6);
    weft_tensor *tail = f32(state, "2x1");
    assert_int_equal(
        ref_run(weft_ref_split, attr_int(state, "axis", 1), REF_LIST(x), REF_LIST(NULL, tail)),
        WEFT_OK);
    REF_EXACT(tail, 3, 6);
    weft_tensor *lies = REF_I64(*state, "2", 2, 5);
    assert_int_equal(
        ref_run(weft_ref_split, attr_int(state, "axis", 1), REF_LIST(x, lies), REF_LIST(a, NULL)),
        WEFT_INVALID);
}

static void slice_goes_both_ways(void **state)
{
    weft_tensor *x = REF_F32(*state, "2x5", 0, 1, 2, 3, 4, 5, 6, 7, 8, 9), *y = f32(state, "2x2");
    weft_tensor *axis = REF_I64(*state, "1", -1), *ends = REF_I64(*state, "1", 1000);
    weft_tensor *start = REF_I64(*state, "1", 1), *two = REF_I64(*state, "1", 2);
    assert_int_equal(
        ref_run(weft_ref_slice, NULL, REF_LIST(x, start, ends, axis, two), REF_LIST(y)), WEFT_OK);
    REF_EXACT(y, 1, 3, 6, 8);
    weft_tensor *minus = REF_I64(*state, "1", -3), *far = REF_I64(*state, "1", 99);
    assert_int_equal(
        ref_run(weft_ref_slice, NULL, REF_LIST(x, far, ends, axis, minus), REF_LIST(y)), WEFT_OK);
    REF_EXACT(y, 4, 1, 9, 6);
    weft_tensor *huge = REF_I64(*state, "1", 0), *one = f32(state, "2x1");
    weft_ref_put_i64(huge, 0, INT64_MIN);
    assert_int_equal(
        ref_run(weft_ref_slice, NULL, REF_LIST(x, start, ends, axis, huge), REF_LIST(one)),
        WEFT_OK);
    REF_EXACT(one, 1, 6);
    assert_int_equal(
        ref_run(weft_ref_slice, NULL, REF_LIST(x, huge, ends, axis, two), REF_LIST(one)), WEFT_OK);
    REF_EXACT(one, 0, 5);
    assert_int_equal(ref_run(weft_ref_slice, NULL, REF_LIST(x, far, ends, axis, two), REF_LIST(y)),
                     WEFT_INVALID);
}

static void pad_has_four_modes(void **state)
{
    static const struct {
        const char *mode;
        double out[8];
    } rows[] = {{"constant", {9, 9, 9, 1, 2, 3, 9, 9}},
                {"edge", {1, 1, 1, 1, 2, 3, 3, 3}},
                {"reflect", {2, 3, 2, 1, 2, 3, 2, 1}},
                {"wrap", {1, 2, 3, 1, 2, 3, 1, 2}}};
    weft_tensor *x = REF_F32(*state, "3", 1, 2, 3), *pads = REF_I64(*state, "2", 3, 2),
                *nine = REF_F32(*state, "", 9);
    weft_tensor *y = f32(state, "8");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        weft_attrs attrs = {0};
        weft_attrs_set_string(&attrs, *state, "mode", rows[i].mode);
        assert_int_equal(ref_run(weft_ref_pad, &attrs, REF_LIST(x, pads, nine), REF_LIST(y)),
                         WEFT_OK);
        ref_expect(y, rows[i].out, 0);
    }
    weft_tensor *cut = REF_I64(*state, "2", -1, 1), *z = f32(state, "3"),
                *axes = REF_I64(*state, "1", -1);
    assert_int_equal(ref_run(weft_ref_pad, NULL, REF_LIST(x, cut, NULL, axes), REF_LIST(z)),
                     WEFT_OK);
    REF_EXACT(z, 2, 3, 0);
    weft_tensor *single = REF_F32(*state, "1", 7), *three = REF_I64(*state, "2", 1, 1),
                *w = f32(state, "3");
    weft_attrs reflect = {0};
    weft_attrs_set_string(&reflect, *state, "mode", "reflect");
    assert_int_equal(ref_run(weft_ref_pad, &reflect, REF_LIST(single, three), REF_LIST(w)),
                     WEFT_OK);
    REF_EXACT(w, 7, 7, 7);
}

static void gather_refuses_indices_outside(void **state)
{
    weft_tensor *x = REF_F32(*state, "2x3", 1, 2, 3, 4, 5, 6), *picks = REF_I64(*state, "2", -1, 0);
    weft_tensor *y = f32(state, "2x2");
    assert_int_equal(
        ref_run(weft_ref_gather, attr_int(state, "axis", 1), REF_LIST(x, picks), REF_LIST(y)),
        WEFT_OK);
    REF_EXACT(y, 3, 1, 6, 4);
    static const double outside[] = {3, -4, 9e18, -9e18};
    for (int i = 0; i < 4; i++) {
        weft_tensor *bad = REF_I64(*state, "2", 0, outside[i]);
        assert_int_equal(
            ref_run(weft_ref_gather, attr_int(state, "axis", 1), REF_LIST(x, bad), REF_LIST(y)),
            WEFT_INVALID);
    }
}

static void shapes_and_ranges(void **state)
{
    weft_tensor *x = f32(state, "2x3x4"), *shape = REF_I64(*state, "2", 0, 0),
                *size = REF_I64(*state, "", 0);
    assert_int_equal(
        ref_run(weft_ref_shape, attr_int(state, "start", -2), REF_LIST(x), REF_LIST(shape)),
        WEFT_OK);
    REF_EXACT(shape, 3, 4);
    assert_int_equal(ref_run(weft_ref_size, NULL, REF_LIST(x), REF_LIST(size)), WEFT_OK);
    REF_EXACT(size, 24);
    weft_tensor *start = REF_I64(*state, "", 10), *limit = REF_I64(*state, "", 4),
                *delta = REF_I64(*state, "", -3);
    assert_int_equal(ref_run(weft_ref_range, NULL, REF_LIST(start, limit, delta), REF_LIST(shape)),
                     WEFT_OK);
    REF_EXACT(shape, 10, 7);
    weft_attr value = {
        .name = "value", .kind = WEFT_ATTR_TENSOR, .count = 1, .tensor = REF_F32(*state, "1", 2.5)};
    weft_attrs attrs = {&value, 1, 1};
    weft_tensor *filled = f32(state, "2"), *dims = REF_I64(*state, "1", 2);
    assert_int_equal(ref_run(weft_ref_constant_of_shape, &attrs, REF_LIST(dims), REF_LIST(filled)),
                     WEFT_OK);
    REF_EXACT(filled, 2.5, 2.5);
    assert_int_equal(ref_run(weft_ref_constant_of_shape, NULL, REF_LIST(dims), REF_LIST(filled)),
                     WEFT_OK);
    REF_EXACT(filled, 0, 0);
}

static void reductions_over_some_and_all_axes(void **state)
{
    weft_tensor *x = REF_F32(*state, "2x3", 1, -2, 3, 4, 5, -6), *rows = f32(state, "2"),
                *all = f32(state, "");
    weft_tensor *last = REF_I64(*state, "1", -1), *column = f32(state, "3"),
                *first = REF_I64(*state, "1", 0);
    assert_int_equal(ref_run(weft_ref_reduce_sum, NULL, REF_LIST(x, last), REF_LIST(rows)),
                     WEFT_OK);
    REF_EXACT(rows, 2, 3);
    assert_int_equal(ref_run(weft_ref_reduce_mean, NULL, REF_LIST(x, last), REF_LIST(rows)),
                     WEFT_OK);
    REF_EXPECT(rows, 2.0 / 3, 1);
    assert_int_equal(ref_run(weft_ref_reduce_max, NULL, REF_LIST(x, first), REF_LIST(column)),
                     WEFT_OK);
    REF_EXACT(column, 4, 5, 3);
    assert_int_equal(ref_run(weft_ref_reduce_min, NULL, REF_LIST(x, first), REF_LIST(column)),
                     WEFT_OK);
    REF_EXACT(column, 1, -2, -6);
    assert_int_equal(ref_run(weft_ref_reduce_prod, NULL, REF_LIST(x), REF_LIST(all)), WEFT_OK);
    REF_EXACT(all, 720);
    weft_tensor *same = f32(state, "2x3");
    assert_int_equal(ref_run(weft_ref_reduce_sum, attr_int(state, "noop_with_empty_axes", 1),
                             REF_LIST(x), REF_LIST(same)),
                     WEFT_OK);
    REF_EXACT(same, 1, -2, 3, 4, 5, -6);
    weft_tensor *nan = REF_F32(*state, "3", 1, NAN, 2), *out = f32(state, "");
    assert_int_equal(ref_run(weft_ref_reduce_max, NULL, REF_LIST(nan), REF_LIST(out)), WEFT_OK);
    REF_EXACT(out, NAN);
    weft_tensor *whole = REF_I64(*state, "3", -4, -4, 1), *mean = REF_I64(*state, "", 0);
    assert_int_equal(ref_run(weft_ref_reduce_mean, NULL, REF_LIST(whole), REF_LIST(mean)), WEFT_OK);
    REF_EXACT(mean, -2);
    assert_int_equal(ref_run(weft_ref_reduce_max, NULL, REF_LIST(whole), REF_LIST(mean)), WEFT_OK);
    REF_EXACT(mean, 1);
    weft_attrs both = {0};
    weft_attrs_set_int(&both, *state, "exclusive", 1);
    weft_attrs_set_int(&both, *state, "reverse", 1);
    assert_int_equal(ref_run(weft_ref_cum_sum, &both, REF_LIST(x, last), REF_LIST(same)), WEFT_OK);
    REF_EXACT(same, 1, 3, 0, -1, -6, 0);
    assert_int_equal(ref_run(weft_ref_cum_sum, NULL, REF_LIST(x, first), REF_LIST(same)), WEFT_OK);
    REF_EXACT(same, 1, -2, 3, 5, 3, -3);
}

static void triangles(void **state)
{
    weft_tensor *x = REF_F32(*state, "2x3", 1, 2, 3, 4, NAN, 6), *y = f32(state, "2x3"),
                *k = REF_I64(*state, "", 1), *far = REF_I64(*state, "", INT64_MIN),
                *whole = REF_I64(*state, "2x2x2", 1, 2, 3, 4, 5, 6, 7, 8),
                *lower = REF_I64(*state, "2x2x2", 0, 0, 0, 0, 0, 0, 0, 0);
    assert_int_equal(ref_run(weft_ref_trilu, NULL, REF_LIST(x), REF_LIST(y)), WEFT_OK);
    REF_EXACT(y, 1, 2, 3, 0, NAN, 6);
    assert_int_equal(ref_run(weft_ref_trilu, NULL, REF_LIST(x, k), REF_LIST(y)), WEFT_OK);
    REF_EXACT(y, 0, 2, 3, 0, 0, 6);
    assert_int_equal(ref_run(weft_ref_trilu, NULL, REF_LIST(x, far), REF_LIST(y)), WEFT_OK);
    REF_EXACT(y, 1, 2, 3, 4, NAN, 6);
    assert_int_equal(
        ref_run(weft_ref_trilu, attr_int(state, "upper", 0), REF_LIST(whole), REF_LIST(lower)),
        WEFT_OK);
    REF_EXACT(lower, 1, 0, 3, 4, 5, 0, 7, 8);
    weft_tensor *is_nan = ref_tensor(*state, WEFT_DTYPE_BOOL, "2x3", NULL);
    assert_int_equal(ref_run(weft_ref_is_nan, NULL, REF_LIST(x), REF_LIST(is_nan)), WEFT_OK);
    REF_EXACT(is_nan, 0, 0, 0, 0, 1, 0);
}

static void products_broadcast_and_transpose(void **state)
{
    weft_tensor *a = REF_F32(*state, "2x1x2", 1, 2, 3, 4),
                *b = REF_F32(*state, "2x3", 1, 0, 2, 0, 1, 3);
    weft_tensor *y = f32(state, "2x1x3");
    assert_int_equal(ref_run(weft_ref_mat_mul, NULL, REF_LIST(a, b), REF_LIST(y)), WEFT_OK);
    REF_EXACT(y, 1, 2, 8, 3, 4, 18);
    weft_tensor *v = REF_F32(*state, "2", 1, 2), *w = f32(state, "3"), *dot = f32(state, "");
    assert_int_equal(ref_run(weft_ref_mat_mul, NULL, REF_LIST(v, b), REF_LIST(w)), WEFT_OK);
    REF_EXACT(w, 1, 2, 8);
    assert_int_equal(ref_run(weft_ref_mat_mul, NULL, REF_LIST(v, v), REF_LIST(dot)), WEFT_OK);
    REF_EXACT(dot, 5);
    weft_tensor *ia = REF_I64(*state, "1x2", 3, -4), *ib = REF_I64(*state, "2x1", 5, 6),
                *iy = REF_I64(*state, "1x1", 0);
    assert_int_equal(ref_run(weft_ref_mat_mul, NULL, REF_LIST(ia, ib), REF_LIST(iy)), WEFT_OK);
    REF_EXACT(iy, -9);
    weft_attrs attrs = {0};
    weft_attrs_set_int(&attrs, *state, "transA", 1);
    weft_attrs_set_int(&attrs, *state, "transB", 1);
    weft_attrs_set_float(&attrs, *state, "alpha", 2.0f);
    weft_attrs_set_float(&attrs, *state, "beta", 0.5f);
    weft_tensor *p = REF_F32(*state, "2x5", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10),
                *q = REF_F32(*state, "1x2", 1, -1);
    weft_tensor *c = REF_F32(*state, "1", 4), *g = f32(state, "5x1");
    assert_int_equal(ref_run(weft_ref_gemm, &attrs, REF_LIST(p, q, c), REF_LIST(g)), WEFT_OK);
    REF_EXACT(g, -8, -8, -8, -8, -8);
}

static void normalisations(void **state)
{
    weft_tensor *x = REF_F32(*state, "1x2x2", 1, 3, -1, 5), *y = f32(state, "1x2x2"),
                *mean = f32(state, "1x2x1");
    weft_tensor *scale = REF_F32(*state, "2", 2, 1), *bias = REF_F32(*state, "2", 0, 10),
                *inverse = f32(state, "1x2x1");
    weft_attrs attrs = {0};
    weft_attrs_set_float(&attrs, *state, "epsilon", 0.0f);
    assert_int_equal(ref_run(weft_ref_layer_normalization, &attrs, REF_LIST(x, scale, bias),
                             REF_LIST(y, mean, inverse)),
                     WEFT_OK);
    REF_EXPECT(y, -2, 11, -2, 11);
    REF_EXPECT(mean, 2, 2);
    REF_EXPECT(inverse, 1, 1.0 / 3);
    weft_tensor *means = REF_F32(*state, "2", 1, 0), *variances = REF_F32(*state, "2", 4, 0.25);
    assert_int_equal(ref_run(weft_ref_batch_normalization, &attrs,
                             REF_LIST(x, scale, bias, means, variances), REF_LIST(y)),
                     WEFT_OK);
    REF_EXPECT(y, 0, 2, 8, 20);
    weft_tensor *s = REF_F32(*state, "2x2", 1000, 1000, 0, 1000), *t = f32(state, "2x2");
    assert_int_equal(ref_run(weft_ref_softmax, NULL, REF_LIST(s), REF_LIST(t)), WEFT_OK);
    REF_EXPECT(t, 0.5, 0.5, 0, 1);
    assert_int_equal(
        ref_run(weft_ref_softmax, attr_int(state, "axis", 0), REF_LIST(s), REF_LIST(t)), WEFT_OK);
    REF_EXPECT(t, 1, 0.5, 0, 0.5);
}

static void pools_channels_first(void **state)
{
    weft_attrs attrs = {0};
    weft_attrs_set_ints(&attrs, *state, "kernel_shape", (int64_t[]){2, 2}, 2);
    weft_attrs_set_ints(&attrs, *state, "strides", (int64_t[]){2, 2}, 2);
    weft_attrs_set_string(&attrs, *state, "auto_pad", "SAME_UPPER");
    weft_tensor *x = REF_F32(*state, "1x1x3x3", 1, 2, 3, 4, 5, 6, 7, 8, 9),
                *y = f32(state, "1x1x2x2");
    weft_tensor *indices = ref_tensor(*state, WEFT_DTYPE_I64, "1x1x2x2", NULL);
    assert_int_equal(ref_run(weft_ref_max_pool, &attrs, REF_LIST(x), REF_LIST(y, indices)),
                     WEFT_OK);
    REF_EXACT(y, 5, 6, 8, 9);
    REF_EXACT(indices, 4, 5, 7, 8);
    weft_attrs_set_int(&attrs, *state, "storage_order", 1);
    assert_int_equal(ref_run(weft_ref_max_pool, &attrs, REF_LIST(x), REF_LIST(y, indices)),
                     WEFT_OK);
    REF_EXACT(indices, 4, 7, 5, 8);
    assert_int_equal(ref_run(weft_ref_average_pool, &attrs, REF_LIST(x), REF_LIST(y)), WEFT_OK);
    REF_EXPECT(y, 3, 4.5, 7.5, 9);
    weft_tensor *one = f32(state, "1x1x1x1");
    assert_int_equal(ref_run(weft_ref_global_average_pool, NULL, REF_LIST(x), REF_LIST(one)),
                     WEFT_OK);
    REF_EXACT(one, 5);
    assert_int_equal(ref_run(weft_ref_global_max_pool, NULL, REF_LIST(x), REF_LIST(one)), WEFT_OK);
    REF_EXACT(one, 9);
    weft_attrs_set_string(&attrs, *state, "auto_pad", "other");
    assert_int_equal(ref_run(weft_ref_max_pool, &attrs, REF_LIST(x), REF_LIST(y)),
                     WEFT_UNSUPPORTED);
}

static void resize_samples(void **state)
{
    weft_attrs attrs = {0};
    weft_tensor *x = REF_F32(*state, "4", 1, 2, 3, 4), *sizes = REF_I64(*state, "1", 8),
                *y = f32(state, "8");
    assert_int_equal(ref_run(weft_ref_resize, &attrs, REF_LIST(x, NULL, NULL, sizes), REF_LIST(y)),
                     WEFT_OK);
    REF_EXACT(y, 1, 1, 2, 2, 3, 3, 4, 4);
    weft_attrs_set_string(&attrs, *state, "mode", "linear");
    assert_int_equal(ref_run(weft_ref_resize, &attrs, REF_LIST(x, NULL, NULL, sizes), REF_LIST(y)),
                     WEFT_OK);
    REF_EXPECT(y, 1, 1.25, 1.75, 2.25, 2.75, 3.25, 3.75, 4);
    weft_attrs_set_int(&attrs, *state, "antialias", 1);
    weft_tensor *half = REF_F32(*state, "1", 0.5), *z = f32(state, "2");
    assert_int_equal(ref_run(weft_ref_resize, &attrs, REF_LIST(x, NULL, half), REF_LIST(z)),
                     WEFT_OK);
    REF_EXPECT(z, (1 * 0.75 + 1 * 0.25 + 2 * 0.75 + 3 * 0.25) / 2,
               (2 * 0.25 + 3 * 0.75 + 4 * 0.75 + 4 * 0.25) / 2);
    weft_attrs_set_int(&attrs, *state, "exclude_outside", 1); /* the taps inside share the weight */
    assert_int_equal(ref_run(weft_ref_resize, &attrs, REF_LIST(x, NULL, half), REF_LIST(z)),
                     WEFT_OK);
    REF_EXPECT(z, (1 * 0.75 + 2 * 0.75 + 3 * 0.25) / 1.75, (2 * 0.25 + 3 * 0.75 + 4 * 0.75) / 1.75);
    weft_tensor *zero = REF_F32(*state, "1", 0);
    assert_int_equal(ref_run(weft_ref_resize, &attrs, REF_LIST(x, NULL, zero), REF_LIST(z)),
                     WEFT_INVALID);
    weft_attrs_set_string(&attrs, *state, "mode", "other");
    assert_int_equal(ref_run(weft_ref_resize, &attrs, REF_LIST(x, NULL, half), REF_LIST(z)),
                     WEFT_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(transpose_permutes, ref_setup, ref_teardown),
        cmocka_unit_test_setup_teardown(movers_take_every_element_size, ref_setup, ref_teardown),
        cmocka_unit_test_setup_teardown(split_cuts_with_and_without_sizes, ref_setup, ref_teardown),
        cmocka_unit_test_setup_teardown(slice_goes_both_ways, ref_setup, ref_teardown),
        cmocka_unit_test_setup_teardown(pad_has_four_modes, ref_setup, ref_teardown),
        cmocka_unit_test_setup_teardown(gather_refuses_indices_outside, ref_setup, ref_teardown),
        cmocka_unit_test_setup_teardown(shapes_and_ranges, ref_setup, ref_teardown),
        cmocka_unit_test_setup_teardown(reductions_over_some_and_all_axes, ref_setup, ref_teardown),
        cmocka_unit_test_setup_teardown(products_broadcast_and_transpose, ref_setup, ref_teardown),
        cmocka_unit_test_setup_teardown(normalisations, ref_setup, ref_teardown),
        cmocka_unit_test_setup_teardown(pools_channels_first, ref_setup, ref_teardown),
        cmocka_unit_test_setup_teardown(resize_samples, ref_setup, ref_teardown),
        cmocka_unit_test_setup_teardown(triangles, ref_setup, ref_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
