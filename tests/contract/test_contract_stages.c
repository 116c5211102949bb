/* SPDX-License-Identifier: Apache-2.0 */
/* The rules on single values against exact integers of 128 bits and against their form in double;
 * error bounds of multipliers and stages as docs/integers.md states them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kernels/include/weft_ratio.h"
#include "tests/contract/draw.h"

__extension__ typedef __int128 wide;

enum { CASES = 200000 };

/* value / 2^shift to the nearest, halves to even, by quotient and remainder. */
static int64_t round_exactly(wide value, int shift)
{
    const wide divisor = (wide)1 << shift;
    wide quotient = value / divisor, rest = value % divisor;
    if (rest < 0) {
        quotient--;
        rest += divisor;
    }
    if (2 * rest > divisor || (2 * rest == divisor && quotient % 2 != 0))
        quotient++;
    return (int64_t)quotient;
}

static int64_t limit(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* zero, low and high of an 8-bit type, the limits often narrowed as a fused Relu or Clip does. */
typedef struct range {
    int32_t zero, low, high;
} range;

static range draw_range(draw *d)
{
    const int32_t least = draw_in(d, 0, 1) ? -128 : 0;
    range r = {
        .zero = (int32_t)draw_edgy(d, least, least + 255), .low = least, .high = least + 255};
    if (draw_in(d, 0, 2) == 0)
        r.low = r.zero;
    if (draw_in(d, 0, 2) == 0)
        r.high = (int32_t)draw_in(d, r.low, least + 255);
    return r;
}

static void check_requantise(int32_t sum, int32_t mult, int32_t shift, range r)
{
    const int64_t rounded = round_exactly((wide)sum * mult, shift);
    assert_true(weft_round_shift64((int64_t)sum * mult, shift) == rounded);
    assert_int_equal(weft_requantise(sum, mult, shift, r.zero, r.low, r.high),
                     limit(rounded + r.zero, r.low, r.high));
    /* What a kernel in double computes: two exact products, one rounding. */
    assert_true(rint((double)sum * ldexp(mult, -shift)) == (double)rounded);
}

static void requantise_rounds_the_exact_quotient(void **state)
{
    (void)state;
    draw d = {1};
    for (int i = 0; i < CASES; i++)
        check_requantise((int32_t)draw_edgy(&d, INT32_MIN, INT32_MAX),
                         (int32_t)draw_edgy(&d, 0, WEFT_MULT_MAX),
                         (int32_t)draw_in(&d, WEFT_SHIFT_MIN, WEFT_SHIFT_MAX), draw_range(&d));
}

static void requantise_at_the_extremes(void **state)
{
    (void)state;
    static const int32_t sums[] = {INT32_MIN,  INT32_MIN + 1,
                                   INT32_MAX,  INT32_MAX - 1,
                                   -(1 << 30), 1 << 30,
                                   -3,         -2,
                                   -1,         0,
                                   1,          2,
                                   3};
    static const int32_t mults[] = {
        0, 1, 2, 3, (1 << 21) - 1, 1 << 21, (1 << 21) + 1, (1 << 22) - 1, 1 << 22};
    for (size_t s = 0; s < sizeof sums / sizeof *sums; s++)
        for (size_t m = 0; m < sizeof mults / sizeof *mults; m++)
            for (int32_t shift = WEFT_SHIFT_MIN; shift <= WEFT_SHIFT_MAX; shift++) {
                check_requantise(sums[s], mults[m], shift, (range){0, -128, 127});
                check_requantise(sums[s], mults[m], shift, (range){255, 0, 255});
            }
}

/* Sums whose quotient ends in exactly a half, from both sides of zero. */
static void halves_go_to_the_even_neighbour(void **state)
{
    (void)state;
    draw d = {2};
    for (int i = 0; i < CASES; i++) {
        const int32_t spare = (int32_t)draw_in(&d, 1, 29);
        const int32_t whole =
            (int32_t)draw_in(&d, -(INT32_MAX >> spare) / 2, (INT32_MAX >> spare) / 2 - 1);
        const int32_t sum = (2 * whole + 1) * (1 << (spare - 1)); /* (whole + 1/2) * 2^spare */
        const int32_t bits = (int32_t)draw_in(&d, 0, WEFT_MULT_BITS);
        const int64_t even = whole % 2 == 0 ? whole : whole + 1;
        assert_true(weft_round_shift64(sum, spare) == even);
        assert_true(weft_round_shift64((int64_t)sum * (1 << bits), spare + bits) == even);
        check_requantise(sum, 1 << bits, spare + bits, (range){0, -128, 127});
        if (sum >= -(1 << 30) && sum <= 1 << 30)
            assert_int_equal(weft_round_shift32(sum, spare), even);
    }
    static const int32_t halves[][2] = {{5, 2}, {7, 4}, {-5, -2}, {-7, -4}, {1, 0}, {-1, 0}};
    for (size_t i = 0; i < sizeof halves / sizeof *halves; i++)
        assert_int_equal(weft_round_shift32(halves[i][0], 1), halves[i][1]);
}

static void narrow_rounding_equals_wide_rounding(void **state)
{
    (void)state;
    draw d = {3};
    const int64_t most = ((int64_t)1 << 30) + (1 << 29) - 1;
    for (int i = 0; i < CASES; i++) {
        const int32_t value = (int32_t)draw_edgy(&d, -most, most);
        const int32_t shift = (int32_t)draw_in(&d, 1, WEFT_ADD_SHIFT_MAX);
        assert_true(weft_round_shift32(value, shift) == round_exactly(value, shift));
    }
}

static void wide_rounding_over_its_whole_range(void **state)
{
    (void)state;
    draw d = {4};
    const int64_t most = ((int64_t)1 << 62) - 1;
    for (int i = 0; i < CASES; i++) {
        const int64_t value = draw_in(&d, 0, 1) ? draw_edgy(&d, -(most >> 1), most >> 1)
                                                : (draw_in(&d, 0, 1) ? most : -most);
        const int32_t shift = (int32_t)draw_in(&d, 1, WEFT_SHIFT_MAX);
        assert_true(weft_round_shift64(value, shift) == round_exactly(value, shift));
    }
}

static void the_add_stage_rounds_the_exact_sum(void **state)
{
    (void)state;
    draw d = {5};
    for (int i = 0; i < CASES; i++) {
        const int32_t a = (int32_t)draw_edgy(&d, -255, 255), b = (int32_t)draw_edgy(&d, -255, 255);
        const int32_t a_mult = (int32_t)draw_edgy(&d, 0, WEFT_ADD_MULT_MAX);
        const int32_t b_mult = (int32_t)draw_edgy(&d, 0, WEFT_ADD_MULT_MAX);
        const int32_t shift = (int32_t)draw_in(&d, 1, WEFT_ADD_SHIFT_MAX);
        const range r = draw_range(&d);
        const int64_t rounded = round_exactly((wide)a * a_mult + (wide)b * b_mult, shift);
        assert_int_equal(weft_add_stage(a, a_mult, b, b_mult, shift, r.zero, r.low, r.high),
                         limit(rounded + r.zero, r.low, r.high));
    }
}

static void the_multiply_stage_rounds_the_exact_product(void **state)
{
    (void)state;
    draw d = {6};
    for (int i = 0; i < CASES; i++) {
        const int32_t a = (int32_t)draw_edgy(&d, -255, 255), b = (int32_t)draw_edgy(&d, -255, 255);
        const int32_t mult = (int32_t)draw_edgy(&d, 0, WEFT_MULT_MAX);
        const int32_t shift = (int32_t)draw_in(&d, WEFT_SHIFT_MIN, WEFT_SHIFT_MAX);
        const range r = draw_range(&d);
        const int64_t rounded = round_exactly((wide)a * b * mult, shift);
        assert_int_equal(weft_multiply_stage(a, b, mult, shift, r.zero, r.low, r.high),
                         limit(rounded + r.zero, r.low, r.high));
    }
}

static void bytes_and_table_places(void **state)
{
    (void)state;
    for (int32_t byte = 0; byte < 256; byte++) {
        const int32_t as_signed = byte < 128 ? byte : byte - 256;
        assert_int_equal(weft_byte_value((uint8_t)byte, 0), byte);
        assert_int_equal(weft_byte_value((uint8_t)byte, 1), as_signed);
        assert_int_equal(weft_byte_of(byte), byte);
        assert_int_equal(weft_byte_of(as_signed), byte);
        assert_int_equal(weft_table_index(byte, 0), byte);
        assert_int_equal(weft_table_index(as_signed, 1), as_signed + 128);
    }
}

static void a_ratio_is_kept_to_22_bits(void **state)
{
    (void)state;
    draw d = {7};
    for (int i = 0; i < CASES; i++) {
        const double ratio = draw_scale(&d, 0x1p-40, 0x1p20);
        weft_ratio made = {0, 0};
        assert_true(weft_ratio_make(ratio, &made));
        assert_true(made.mult >= WEFT_MULT_MAX / 2 && made.mult <= WEFT_MULT_MAX);
        assert_true(made.shift >= WEFT_SHIFT_MIN && made.shift <= WEFT_SHIFT_MAX);
        assert_true(fabs(ldexp(made.mult, -made.shift) - ratio) <= ratio * 0x1p-22);
    }
    for (int exponent = -40; exponent < 20; exponent++) {
        weft_ratio below = {0, 0}, at = {0, 0};
        assert_true(weft_ratio_make(ldexp(1, exponent), &at));
        assert_true(weft_ratio_make(nextafter(ldexp(1, exponent + 1), 0), &below));
        assert_true(ldexp(at.mult, -at.shift) == ldexp(1, exponent));
        assert_true(ldexp(below.mult, -below.shift) == ldexp(1, exponent + 1));
        assert_true(below.mult <= WEFT_MULT_MAX && below.shift >= WEFT_SHIFT_MIN);
    }
}

static void ratios_that_are_refused_or_vanish(void **state)
{
    (void)state;
    static const double refused[] = {0, -0.0, -1, 0x1p20, HUGE_VAL, -HUGE_VAL, NAN};
    weft_ratio made = {-7, -7};
    int32_t a = 0, b = 0, shift = 0;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        assert_false(weft_ratio_make(refused[i], &made));
        assert_false(weft_ratio_pair_make(refused[i], 1, &a, &b, &shift));
        assert_false(weft_ratio_pair_make(1, refused[i], &a, &b, &shift));
    }
    assert_int_equal(made.mult, -7);
    static const double vanishing[] = {0x1p-1074, 0x1p-1022, 1e-30, 0x1.fffffffffffffp-41};
    for (size_t i = 0; i < sizeof vanishing / sizeof *vanishing; i++) {
        assert_true(weft_ratio_make(vanishing[i], &made));
        assert_int_equal(made.mult, 0);
        assert_int_equal(weft_requantise(INT32_MIN, made.mult, made.shift, 3, -128, 127), 3);
        assert_true(weft_ratio_pair_make(vanishing[i], vanishing[i], &a, &b, &shift));
        assert_int_equal(weft_add_stage(255, a, 255, b, shift, 3, -128, 127), 3);
    }
}

/* Distance of a clamped result from the clamped real number behind it. */
static double distance(int32_t y, double real, range r)
{
    return fabs(y - fmin(fmax(real + r.zero, r.low), r.high));
}

static void requantisation_is_within_its_bound(void **state)
{
    (void)state;
    draw d = {8};
    for (int i = 0; i < CASES; i++) {
        const double ratio = draw_scale(&d, 1e-9, 1);
        const int32_t sum = (int32_t)draw_in(&d, INT32_MIN, INT32_MAX) >> draw_in(&d, 0, 30);
        const range r = draw_range(&d);
        weft_ratio made = {0, 0};
        assert_true(weft_ratio_make(ratio, &made));
        const int32_t y = weft_requantise(sum, made.mult, made.shift, r.zero, r.low, r.high);
        /* Beyond 384 both sides are clamped. */
        const double inside = fmin(fabs(sum * ratio), 384);
        assert_true(distance(y, sum * ratio, r) <= 0.5 + inside * 0x1p-22);
    }
}

static void averages_are_within_their_bound(void **state)
{
    (void)state;
    draw d = {9};
    for (int i = 0; i < CASES; i++) {
        const int64_t count = draw_edgy(&d, 1, WEFT_AVERAGE_COUNT_MAX);
        const double scale = draw_scale(&d, 0.1, 10); /* x_scale / y_scale */
        const int32_t sum = (int32_t)draw_in(&d, -255 * count, 255 * count);
        const range r = draw_range(&d);
        weft_ratio made = {0, 0};
        assert_true(weft_ratio_make(scale / (double)count, &made));
        const int32_t y = weft_requantise(sum, made.mult, made.shift, r.zero, r.low, r.high);
        const double real = sum * scale / (double)count;
        assert_true(distance(y, real, r) <= 0.5 + fmin(fabs(real), 384) * 0x1p-22);
    }
}

static void the_add_stage_is_within_its_bound(void **state)
{
    (void)state;
    draw d = {10};
    for (int i = 0; i < CASES; i++) {
        const double a_ratio = draw_scale(&d, 1e-6, 1e5), b_ratio = draw_scale(&d, 1e-6, 1e5);
        const int32_t a = (int32_t)draw_edgy(&d, -255, 255), b = (int32_t)draw_edgy(&d, -255, 255);
        const range r = draw_range(&d);
        int32_t a_mult = 0, b_mult = 0, shift = 0;
        assert_true(weft_ratio_pair_make(a_ratio, b_ratio, &a_mult, &b_mult, &shift));
        assert_true(a_mult >= 0 && a_mult <= WEFT_ADD_MULT_MAX);
        assert_true(b_mult >= 0 && b_mult <= WEFT_ADD_MULT_MAX);
        assert_true(shift >= 1 && shift <= WEFT_ADD_SHIFT_MAX);
        const int32_t y = weft_add_stage(a, a_mult, b, b_mult, shift, r.zero, r.low, r.high);
        const double real = a * a_ratio + b * b_ratio;
        const double bound = 0.5 + ldexp(abs(a) + abs(b), -shift - 1);
        assert_true(distance(y, real, r) <= bound * (1 + 0x1p-40));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requantise_rounds_the_exact_quotient),
        cmocka_unit_test(requantise_at_the_extremes),
        cmocka_unit_test(halves_go_to_the_even_neighbour),
        cmocka_unit_test(narrow_rounding_equals_wide_rounding),
        cmocka_unit_test(wide_rounding_over_its_whole_range),
        cmocka_unit_test(the_add_stage_rounds_the_exact_sum),
        cmocka_unit_test(the_multiply_stage_rounds_the_exact_product),
        cmocka_unit_test(bytes_and_table_places),
        cmocka_unit_test(a_ratio_is_kept_to_22_bits),
        cmocka_unit_test(ratios_that_are_refused_or_vanish),
        cmocka_unit_test(requantisation_is_within_its_bound),
        cmocka_unit_test(averages_are_within_their_bound),
        cmocka_unit_test(the_add_stage_is_within_its_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
