/* SPDX-License-Identifier: Apache-2.0 */
/* Element-wise reference kernels: values at the edges, broadcasting, integer rules, conversions,
 * refused dtypes. */
#include "tests/ref/ref_call.h"

#include <math.h>
#include <string.h>

#include "kernels/ref/element.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void unary_functions_have_their_values(void **state)
{
    static const struct {
        weft_ref_kernel kernel;
        double in[4], out[4];
    } rows[] = {
        {weft_ref_abs, {-1.5, 0, 2, -INFINITY}, {1.5, 0, 2, INFINITY}},
        {weft_ref_neg, {-1.5, 0, 2, -INFINITY}, {1.5, 0, -2, INFINITY}},
        {weft_ref_relu, {-1.5, 0, 2, -INFINITY}, {0, 0, 2, 0}},
        {weft_ref_ceil, {-1.5, 0.2, 2, 3.7}, {-1, 1, 2, 4}},
        {weft_ref_floor, {-1.5, 0.2, 2, 3.7}, {-2, 0, 2, 3}},
        {weft_ref_round, {-1.5, 0.5, 2.5, 1.5}, {-2, 0, 2, 2}},
        {weft_ref_sqrt, {4, 0, 2.25, INFINITY}, {2, 0, 1.5, INFINITY}},
        {weft_ref_exp, {0, 1, -INFINITY, 100}, {1, 2.718281828, 0, INFINITY}},
        {weft_ref_log, {1, 2.718281828, 0, INFINITY}, {0, 1, -INFINITY, INFINITY}},
        {weft_ref_sin, {0, 1, 2, -1}, {0, 0.841470985, 0.909297427, -0.841470985}},
        {weft_ref_cos, {0, 1, 2, -1}, {1, 0.540302306, -0.416146837, 0.540302306}},
        {weft_ref_tanh, {0, 1, -1, 100}, {0, 0.761594156, -0.761594156, 1}},
        {weft_ref_erf, {0, 1, -1, 10}, {0, 0.842700793, -0.842700793, 1}},
        {weft_ref_sigmoid, {0, 1, -1000, 1000}, {0.5, 0.731058579, 0, 1}},
        {weft_ref_softplus, {0, 1, -1000, 1000}, {0.693147181, 1.313261688, 0, 1000}},
        {weft_ref_reciprocal, {1, 2, -4, 0}, {1, 0.5, -0.25, INFINITY}},
        {weft_ref_gelu, {0, 1, -1, 10}, {0, 0.841344746, -0.158655254, 10}},
        {weft_ref_hard_swish, {-4, -1, 1, 4}, {0, -0.333333333, 0.666666667, 4}},
        {weft_ref_hard_sigmoid, {-4, 0, 1, 4}, {0, 0.5, 0.7, 1}},
        {weft_ref_elu, {-1, 0, 1, -1000}, {-0.632120559, 0, 1, -1}},
        {weft_ref_leaky_relu, {-1, 0, 1, -100}, {-0.01, 0, 1, -1}},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        static const weft_dtype dtypes[] = {WEFT_DTYPE_F32, WEFT_DTYPE_F64};
        for (size_t d = 0; d < COUNT(dtypes); d++) {
            weft_tensor *x = ref_tensor(*state, dtypes[d], "4", rows[i].in);
            weft_tensor *y = ref_tensor(*state, dtypes[d], "4", NULL);
            assert_int_equal(ref_run(rows[i].kernel, NULL, REF_LIST(x), REF_LIST(y)), WEFT_OK);
            double expected[4];
            for (int k = 0; k < 4; k++) { /* exp(100) is finite in f64 only */
                bool overflows = isinf(rows[i].out[k]) && rows[i].in[k] == 100.0;
                expected[k] =
                    overflows && dtypes[d] == WEFT_DTYPE_F64 ? exp(100.0) : rows[i].out[k];
            }
            ref_expect(y, expected, 1e-6);
        }
        weft_tensor *nan = REF_F32(*state, "1", NAN),
                    *out = ref_tensor(*state, WEFT_DTYPE_F32, "1", NULL);
        assert_int_equal(ref_run(rows[i].kernel, NULL, REF_LIST(nan), REF_LIST(out)), WEFT_OK);
        REF_EXPECT(out, NAN);
        weft_tensor *flag = ref_tensor(*state, WEFT_DTYPE_BOOL, "1", NULL);
        assert_int_equal(ref_run(rows[i].kernel, NULL, REF_LIST(flag), REF_LIST(flag)),
                         WEFT_UNSUPPORTED);
    }
}

static void attributes_of_activations_count(void **state)
{
    weft_attrs attrs = {0};
    weft_attrs_set_float(&attrs, *state, "alpha", 0.5f);
    weft_attrs_set_float(&attrs, *state, "beta", 0.25f);
    weft_attrs_set_string(&attrs, *state, "approximate", "tanh");
    weft_tensor *x = REF_F32(*state, "3", -1, 0.5, 1),
                *y = ref_tensor(*state, WEFT_DTYPE_F32, "3", NULL);
    assert_int_equal(ref_run(weft_ref_leaky_relu, &attrs, REF_LIST(x), REF_LIST(y)), WEFT_OK);
    REF_EXPECT(y, -0.5, 0.5, 1);
    assert_int_equal(ref_run(weft_ref_elu, &attrs, REF_LIST(x), REF_LIST(y)), WEFT_OK);
    REF_EXPECT(y, -0.316060279, 0.5, 1);
    assert_int_equal(ref_run(weft_ref_hard_sigmoid, &attrs, REF_LIST(x), REF_LIST(y)), WEFT_OK);
    REF_EXPECT(y, 0, 0.5, 0.75);
    assert_int_equal(ref_run(weft_ref_gelu, &attrs, REF_LIST(x), REF_LIST(y)), WEFT_OK);
    REF_EXPECT(y, -0.158808009, 0.345714, 0.841191990);
    weft_attrs_set_string(&attrs, *state, "approximate", "other");
    assert_int_equal(ref_run(weft_ref_gelu, &attrs, REF_LIST(x), REF_LIST(y)), WEFT_UNSUPPORTED);
}

static void clip_takes_either_limit_and_every_number(void **state)
{
    static const weft_dtype dtypes[] = {WEFT_DTYPE_F32, WEFT_DTYPE_F64, WEFT_DTYPE_I8,
                                        WEFT_DTYPE_I32, WEFT_DTYPE_I64};
    for (size_t d = 0; d < COUNT(dtypes); d++) {
        weft_tensor *x = ref_tensor(*state, dtypes[d], "3", (const double[]){-5, 1, 9});
        weft_tensor *low = ref_tensor(*state, dtypes[d], "", (const double[]){-2});
        weft_tensor *high = ref_tensor(*state, dtypes[d], "", (const double[]){4});
        weft_tensor *y = ref_tensor(*state, dtypes[d], "3", NULL);
        assert_int_equal(ref_run(weft_ref_clip, NULL, REF_LIST(x, low, high), REF_LIST(y)),
                         WEFT_OK);
        REF_EXACT(y, -2, 1, 4);
        assert_int_equal(ref_run(weft_ref_clip, NULL, REF_LIST(x, NULL, high), REF_LIST(y)),
                         WEFT_OK);
        REF_EXACT(y, -5, 1, 4);
        assert_int_equal(ref_run(weft_ref_clip, NULL, REF_LIST(x, low), REF_LIST(y)), WEFT_OK);
        REF_EXACT(y, -2, 1, 9);
        assert_int_equal(ref_run(weft_ref_clip, NULL, REF_LIST(x, high, low), REF_LIST(y)),
                         WEFT_OK);
        REF_EXACT(y, -2, -2, -2);
    }
    weft_tensor *x = ref_tensor(*state, WEFT_DTYPE_U8, "3", (const double[]){0, 128, 255});
    weft_tensor *high = ref_tensor(*state, WEFT_DTYPE_U8, "", (const double[]){200});
    assert_int_equal(ref_run(weft_ref_clip, NULL, REF_LIST(x, NULL, high), REF_LIST(x)), WEFT_OK);
    REF_EXACT(x, 0, 128, 200);
}

static void two_operands_broadcast_in_both_directions(void **state)
{
    weft_tensor *column = REF_F32(*state, "2x1", 1, 2), *row = REF_F32(*state, "3", 10, 20, 30);
    weft_tensor *y = ref_tensor(*state, WEFT_DTYPE_F32, "2x3", NULL);
    assert_int_equal(ref_run(weft_ref_add, NULL, REF_LIST(column, row), REF_LIST(y)), WEFT_OK);
    REF_EXACT(y, 11, 21, 31, 12, 22, 32);
    assert_int_equal(ref_run(weft_ref_sub, NULL, REF_LIST(row, column), REF_LIST(y)), WEFT_OK);
    REF_EXACT(y, 9, 19, 29, 8, 18, 28);
    assert_int_equal(ref_run(weft_ref_mul, NULL, REF_LIST(column, row), REF_LIST(y)), WEFT_OK);
    REF_EXACT(y, 10, 20, 30, 20, 40, 60);
    assert_int_equal(ref_run(weft_ref_div, NULL, REF_LIST(row, column), REF_LIST(y)), WEFT_OK);
    REF_EXACT(y, 10, 20, 30, 5, 10, 15);
    assert_int_equal(ref_run(weft_ref_pow, NULL, REF_LIST(row, column), REF_LIST(y)), WEFT_OK);
    REF_EXPECT(y, 10, 20, 30, 100, 400, 900);
    weft_tensor *slope = REF_F32(*state, "2x1", 0.5, 0.25),
                *x = REF_F32(*state, "2x3", -4, 4, -8, -4, 4, -8);
    assert_int_equal(ref_run(weft_ref_p_relu, NULL, REF_LIST(x, slope), REF_LIST(y)), WEFT_OK);
    REF_EXACT(y, -2, 4, -4, -1, 4, -2);
    weft_tensor *scalar = REF_F32(*state, "", 15);
    assert_int_equal(ref_run(weft_ref_max, NULL, REF_LIST(column, row, scalar), REF_LIST(y)),
                     WEFT_OK);
    REF_EXACT(y, 15, 20, 30, 15, 20, 30);
    assert_int_equal(ref_run(weft_ref_min, NULL, REF_LIST(scalar, row, column), REF_LIST(y)),
                     WEFT_OK);
    REF_EXACT(y, 1, 1, 1, 2, 2, 2);
    assert_int_equal(ref_run(weft_ref_sum, NULL, REF_LIST(column, row, scalar), REF_LIST(y)),
                     WEFT_OK);
    REF_EXACT(y, 26, 36, 46, 27, 37, 47);
    weft_tensor *nan = REF_F32(*state, "2x1", NAN, 1);
    assert_int_equal(ref_run(weft_ref_max, NULL, REF_LIST(row, nan), REF_LIST(y)), WEFT_OK);
    REF_EXACT(y, NAN, NAN, NAN, 10, 20, 30);
    assert_int_equal(ref_run(weft_ref_min, NULL, REF_LIST(nan, row), REF_LIST(y)), WEFT_OK);
    REF_EXACT(y, NAN, NAN, NAN, 1, 1, 1);
}

static void integers_wrap_truncate_and_refuse_zero(void **state)
{
    weft_tensor *a =
        ref_tensor(*state, WEFT_DTYPE_I32, "3", (const double[]){INT32_MAX, -7, INT32_MIN});
    weft_tensor *b = ref_tensor(*state, WEFT_DTYPE_I32, "3", (const double[]){1, 2, -1});
    weft_tensor *y = ref_tensor(*state, WEFT_DTYPE_I32, "3", NULL);
    assert_int_equal(ref_run(weft_ref_add, NULL, REF_LIST(a, b), REF_LIST(y)), WEFT_OK);
    REF_EXACT(y, INT32_MIN, -5, INT32_MAX);
    assert_int_equal(ref_run(weft_ref_div, NULL, REF_LIST(a, b), REF_LIST(y)), WEFT_OK);
    REF_EXACT(y, INT32_MAX, -3, INT32_MIN);
    assert_int_equal(ref_run(weft_ref_mod, NULL, REF_LIST(a, b), REF_LIST(y)), WEFT_OK);
    REF_EXACT(y, 0, 1, 0);
    weft_attrs attrs = {0};
    weft_attrs_set_int(&attrs, *state, "fmod", 1);
    assert_int_equal(ref_run(weft_ref_mod, &attrs, REF_LIST(a, b), REF_LIST(y)), WEFT_OK);
    REF_EXACT(y, 0, -1, 0);
    weft_tensor *x = REF_F32(*state, "2", -7.5, 7.5), *three = REF_F32(*state, "", 3);
    assert_int_equal(ref_run(weft_ref_mod, &attrs, REF_LIST(x, three), REF_LIST(x)), WEFT_OK);
    REF_EXACT(x, -1.5, 1.5);
    assert_int_equal(ref_run(weft_ref_mod, NULL, REF_LIST(x, three), REF_LIST(x)),
                     WEFT_UNSUPPORTED);
    weft_tensor *zero = ref_tensor(*state, WEFT_DTYPE_I32, "", (const double[]){0});
    assert_int_equal(ref_run(weft_ref_div, NULL, REF_LIST(a, zero), REF_LIST(y)), WEFT_INVALID);
    assert_int_equal(ref_run(weft_ref_mod, NULL, REF_LIST(a, zero), REF_LIST(y)), WEFT_INVALID);
    weft_tensor *big = REF_I64(*state, "1", 0), *minus = REF_I64(*state, "1", -1),
                *out = REF_I64(*state, "1", 0);
    weft_ref_put_i64(big, 0, INT64_MIN);
    assert_int_equal(ref_run(weft_ref_div, NULL, REF_LIST(big, minus), REF_LIST(out)), WEFT_OK);
    assert_true(weft_ref_get_i64(out, 0) == INT64_MIN);
    assert_int_equal(ref_run(weft_ref_mod, NULL, REF_LIST(big, minus), REF_LIST(out)), WEFT_OK);
    REF_EXACT(out, 0);
    assert_int_equal(ref_run(weft_ref_abs, NULL, REF_LIST(big), REF_LIST(out)), WEFT_OK);
    assert_true(weft_ref_get_i64(out, 0) == INT64_MIN);
    weft_tensor *u = ref_tensor(*state, WEFT_DTYPE_U64, "2", (const double[]){0, 5});
    weft_ref_put_i64(u, 0, -1); /* the largest u64 */
    weft_tensor *v = ref_tensor(*state, WEFT_DTYPE_U64, "2", (const double[]){2, 7});
    weft_tensor *w = ref_tensor(*state, WEFT_DTYPE_U64, "2", NULL);
    assert_int_equal(ref_run(weft_ref_div, NULL, REF_LIST(u, v), REF_LIST(w)), WEFT_OK);
    assert_true(weft_ref_get_i64(w, 0) == INT64_MAX && weft_ref_get_i64(w, 1) == 0);
    assert_int_equal(ref_run(weft_ref_max, NULL, REF_LIST(u, v), REF_LIST(w)), WEFT_OK);
    assert_true(weft_ref_get_i64(w, 0) == -1 && weft_ref_get_i64(w, 1) == 7);
}

static void pow_mixes_dtypes(void **state)
{
    weft_tensor *base = REF_I64(*state, "4", 2, -3, -1, 5),
                *exponent = REF_I64(*state, "4", 10, 3, -3, -1);
    weft_tensor *y = REF_I64(*state, "4", 0, 0, 0, 0);
    assert_int_equal(ref_run(weft_ref_pow, NULL, REF_LIST(base, exponent), REF_LIST(y)), WEFT_OK);
    REF_EXACT(y, 1024, -27, -1, 0);
    weft_tensor *half = REF_F32(*state, "", 0.5), *nine = REF_I64(*state, "1", 9),
                *root = REF_I64(*state, "1", 0);
    assert_int_equal(ref_run(weft_ref_pow, NULL, REF_LIST(nine, half), REF_LIST(root)), WEFT_OK);
    REF_EXACT(root, 3);
    weft_tensor *zero = REF_I64(*state, "1", 0), *minus = REF_I64(*state, "1", -1);
    assert_int_equal(ref_run(weft_ref_pow, NULL, REF_LIST(zero, minus), REF_LIST(root)),
                     WEFT_INVALID);
}

static void comparisons_and_logic(void **state)
{
    static const struct {
        weft_ref_kernel kernel;
        double out[4];
    } rows[] = {
        {weft_ref_equal, {0, 1, 0, 0}},
        {weft_ref_less, {1, 0, 0, 0}},
        {weft_ref_less_or_equal, {1, 1, 0, 0}},
        {weft_ref_greater, {0, 0, 1, 0}},
        {weft_ref_greater_or_equal, {0, 1, 1, 0}},
    };
    weft_tensor *a = REF_F32(*state, "4", 1, 2, 3, NAN), *b = REF_F32(*state, "", 2);
    weft_tensor *y = ref_tensor(*state, WEFT_DTYPE_BOOL, "4", NULL);
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(ref_run(rows[i].kernel, NULL, REF_LIST(a, b), REF_LIST(y)), WEFT_OK);
        ref_expect(y, rows[i].out, 0);
    }
    weft_tensor *u = ref_tensor(*state, WEFT_DTYPE_U64, "4", (const double[]){0, 0, 0, 0});
    weft_ref_put_i64(u, 0, -1);
    weft_tensor *one = ref_tensor(*state, WEFT_DTYPE_U64, "", (const double[]){1});
    assert_int_equal(ref_run(weft_ref_greater, NULL, REF_LIST(u, one), REF_LIST(y)), WEFT_OK);
    REF_EXACT(y, 1, 0, 0, 0);
    weft_tensor *p = ref_tensor(*state, WEFT_DTYPE_BOOL, "4", (const double[]){0, 0, 1, 1});
    weft_tensor *q = ref_tensor(*state, WEFT_DTYPE_BOOL, "4", (const double[]){0, 1, 0, 1});
    assert_int_equal(ref_run(weft_ref_and, NULL, REF_LIST(p, q), REF_LIST(y)), WEFT_OK);
    REF_EXACT(y, 0, 0, 0, 1);
    assert_int_equal(ref_run(weft_ref_or, NULL, REF_LIST(p, q), REF_LIST(y)), WEFT_OK);
    REF_EXACT(y, 0, 1, 1, 1);
    assert_int_equal(ref_run(weft_ref_not, NULL, REF_LIST(p), REF_LIST(y)), WEFT_OK);
    REF_EXACT(y, 1, 1, 0, 0);
    weft_tensor *z = ref_tensor(*state, WEFT_DTYPE_F32, "4", NULL);
    assert_int_equal(ref_run(weft_ref_where, NULL, REF_LIST(p, b, a), REF_LIST(z)), WEFT_OK);
    REF_EXACT(z, 1, 2, 2, 2);
}

static void casts_are_defined_for_every_value(void **state)
{
    static const struct {
        weft_dtype from, to;
        double in[4], out[4];
    } rows[] = {
        {WEFT_DTYPE_F32, WEFT_DTYPE_I32, {NAN, 1e30, -1e30, -2.9}, {0, INT32_MAX, INT32_MIN, -2}},
        {WEFT_DTYPE_F32,
         WEFT_DTYPE_I64,
         {NAN, INFINITY, 2.9, -1},
         {0, 9223372036854775807.0, 2, -1}},
        {WEFT_DTYPE_F64, WEFT_DTYPE_U8, {NAN, 300, -1, 254.9}, {0, 255, 0, 254}},
        {WEFT_DTYPE_F64, WEFT_DTYPE_I8, {-200, 200, -1.5, 0}, {-128, 127, -1, 0}},
        {WEFT_DTYPE_F32, WEFT_DTYPE_BOOL, {NAN, 0, -0.0, 0.1}, {1, 0, 0, 1}},
        {WEFT_DTYPE_I64, WEFT_DTYPE_I8, {130, -130, 5, 256}, {-126, 126, 5, 0}},
        {WEFT_DTYPE_I32, WEFT_DTYPE_U8, {-1, 256, 255, 7}, {255, 0, 255, 7}},
        {WEFT_DTYPE_BOOL, WEFT_DTYPE_F32, {0, 1, 0, 1}, {0, 1, 0, 1}},
        {WEFT_DTYPE_F64,
         WEFT_DTYPE_F16,
         {1.0 / 3, 65519, 65520, 0x1p-24},
         {0x1.554p-2, 65504, INFINITY, 0x1p-24}},
        {WEFT_DTYPE_F64,
         WEFT_DTYPE_F16,
         {0x1p-25, 0x1.8p-25, 0x1.ffep-15, -2049},
         {0, 0x1p-24, 0x1p-14, -2048}},
        {WEFT_DTYPE_F64, WEFT_DTYPE_F16, {NAN, -INFINITY, 2051, 1.5}, {NAN, -INFINITY, 2052, 1.5}},
        {WEFT_DTYPE_F32, WEFT_DTYPE_BF16, {1.00390625, 1.01171875, 3, NAN}, {1, 1.015625, 3, NAN}},
        {WEFT_DTYPE_I64, WEFT_DTYPE_F16, {2049, -3, 100000, 1}, {2048, -3, INFINITY, 1}},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        weft_tensor *x = ref_tensor(*state, rows[i].from, "4", rows[i].in);
        weft_tensor *y = ref_tensor(*state, rows[i].to, "4", NULL);
        assert_int_equal(ref_run(weft_ref_cast, NULL, REF_LIST(x), REF_LIST(y)), WEFT_OK);
        ref_expect(y, rows[i].out, 0);
    }
    /* 2^24 + 1 and 2^54 + 2^30 + 1 lie beside the middle of two f32: rounding twice, by way of
     * double, goes wrong on the second. */
    weft_tensor *x = REF_I64(*state, "2", 16777217, 0), *y = REF_F32(*state, "2", 0, 0);
    weft_ref_put_i64(x, 1, (INT64_C(1) << 54) + (INT64_C(1) << 30) + 1);
    assert_int_equal(ref_run(weft_ref_cast, NULL, REF_LIST(x), REF_LIST(y)), WEFT_OK);
    REF_EXACT(y, 16777216, 0x1p54 + 0x1p31);
}

static void every_half_survives_a_round_trip(void **state)
{
    (void)state;
    for (int fraction_bits = 7; fraction_bits <= 10; fraction_bits += 3) {
        for (uint32_t bits = 0; bits < 65536; bits++) {
            double value = weft_ref_half_decode((uint16_t)bits, fraction_bits);
            uint16_t again = weft_ref_half_encode(value, fraction_bits);
            if (isnan(value))
                assert_true(isnan(weft_ref_half_decode(again, fraction_bits)));
            else
                assert_int_equal(again, bits);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(unary_functions_have_their_values, ref_setup, ref_teardown),
        cmocka_unit_test_setup_teardown(attributes_of_activations_count, ref_setup, ref_teardown),
        cmocka_unit_test_setup_teardown(clip_takes_either_limit_and_every_number, ref_setup,
                                        ref_teardown),
        cmocka_unit_test_setup_teardown(two_operands_broadcast_in_both_directions, ref_setup,
                                        ref_teardown),
        cmocka_unit_test_setup_teardown(integers_wrap_truncate_and_refuse_zero, ref_setup,
                                        ref_teardown),
        cmocka_unit_test_setup_teardown(pow_mixes_dtypes, ref_setup, ref_teardown),
        cmocka_unit_test_setup_teardown(comparisons_and_logic, ref_setup, ref_teardown),
        cmocka_unit_test_setup_teardown(casts_are_defined_for_every_value, ref_setup, ref_teardown),
        cmocka_unit_test_setup_teardown(every_half_survives_a_round_trip, ref_setup, ref_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
