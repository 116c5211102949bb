/* SPDX-License-Identifier: Apache-2.0 */
/* Sums, softmax and LayerNorm over rows: each part against exact integers, whole rows against real
 * arithmetic in long double within the bounds of docs/integers.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernels/include/weft_tables.h"
#include "tests/contract/draw.h"

__extension__ typedef unsigned __int128 wide;

enum { PART_CASES = 200000, ROW_CASES = 10000, STRIDE_MAX = 3 };

typedef struct row {
    int32_t count, stride, is_signed, zero, low, high;
    uint8_t x[WEFT_ROW_MAX * STRIDE_MAX], y[WEFT_ROW_MAX * STRIDE_MAX];
} row;

/* A row of one of six kinds: any bytes, one constant, one element apart, two values, a narrow band,
 * the two limits in halves (the widest spread there is). Every 200th is as long as rows get. */
static void draw_row(draw *d, int i, row *r)
{
    r->count = i % 200 == 0 ? WEFT_ROW_MAX : (int32_t)draw_scale(d, 1, 400);
    r->stride = (int32_t)draw_in(d, 1, STRIDE_MAX);
    r->is_signed = (int32_t)draw_in(d, 0, 1);
    const int32_t least = draw_in(d, 0, 1) ? -128 : 0;
    r->zero = (int32_t)draw_edgy(d, least, least + 255);
    r->low = least;
    r->high = least + 255;
    for (size_t k = 0; k < sizeof r->x; k++)
        r->x[k] = r->y[k] = (uint8_t)draw_bits(d);
    const int64_t kind = draw_in(d, 0, 5), base = draw_in(d, 0, 255), other = draw_in(d, 0, 255);
    for (int32_t k = 0; k < r->count && kind > 0; k++) {
        int64_t code = base;
        switch (kind) {
        case 2: code = k == r->count / 2 ? other : base; break;
        case 3: code = draw_in(d, 0, 1) ? other : base; break;
        case 4: code = draw_in(d, base, base + 5) & 255; break;
        case 5: code = k % 2 ? 255 : 0; break;
        default: break;
        }
        r->x[k * r->stride] = (uint8_t)(code ^ (r->is_signed ? 128 : 0));
    }
}

static int32_t value_at(const row *r, int32_t k)
{
    const int32_t byte = r->x[k * r->stride];
    return r->is_signed && byte > 127 ? byte - 256 : byte;
}

static long double distance(const row *r, int32_t k, long double real)
{
    const int32_t byte = r->y[k * r->stride];
    const int32_t y = r->low < 0 && byte > 127 ? byte - 256 : byte;
    return fabsl(y - fminl(fmaxl(real + r->zero, r->low), r->high));
}

/* The bytes between the elements of a row stay as they were. */
static void check_gaps(const row *r, const uint8_t *before)
{
    for (int32_t k = 0; k < r->count * r->stride; k++)
        if (k % r->stride != 0)
            assert_int_equal(r->y[k], before[k]);
}

static void sums_and_maxima(void **state)
{
    (void)state;
    draw d = {1};
    row *r = calloc(1, sizeof *r);
    assert_non_null(r);
    for (int i = 0; i < ROW_CASES; i++) {
        draw_row(&d, i, r);
        int64_t sum = 0;
        int32_t largest = value_at(r, 0);
        for (int32_t k = 0; k < r->count; k++) {
            sum += value_at(r, k) - r->zero;
            largest = value_at(r, k) > largest ? value_at(r, k) : largest;
        }
        assert_true(weft_row_sum(r->x, r->count, r->stride, r->is_signed, r->zero) == sum);
        assert_int_equal(weft_row_max(r->x, r->count, r->stride, r->is_signed), largest);
    }
    free(r);
}

/* The longest sums of the largest values fit s32. */
static void the_longest_average(void **state)
{
    (void)state;
    uint8_t *x = malloc(WEFT_AVERAGE_COUNT_MAX);
    assert_non_null(x);
    memset(x, 255, WEFT_AVERAGE_COUNT_MAX);
    assert_int_equal(weft_row_sum(x, WEFT_AVERAGE_COUNT_MAX, 1, 0, 0), INT64_C(255) << 23);
    memset(x, 128, WEFT_AVERAGE_COUNT_MAX);
    assert_int_equal(weft_row_sum(x, WEFT_AVERAGE_COUNT_MAX, 1, 1, 127), -(INT64_C(255) << 23));
    free(x);
}

static void roots_are_the_largest_below(void **state)
{
    (void)state;
    draw d = {2};
    for (int i = 0; i < PART_CASES; i++) {
        uint64_t square = (uint64_t)draw_edgy(&d, 0, ((int64_t)1 << 62) - 1);
        const uint64_t side = (uint64_t)draw_edgy(&d, 1, INT32_MAX);
        switch (i % 4) { /* squares and their neighbours are where a root is off by one */
        case 0: square = side * side; break;
        case 1: square = side * side - 1; break;
        case 2: square = ((uint64_t)1 << 62) - 1 - (uint64_t)i; break;
        default: break;
        }
        const wide root = (wide)weft_root64((int64_t)square);
        assert_true(root * root <= square && (root + 1) * (root + 1) > square);
    }
}

static void spreads_are_normalised(void **state)
{
    (void)state;
    draw d = {3};
    for (int i = 0; i < PART_CASES; i++) {
        const int64_t spread = draw_edgy(&d, 1, ((int64_t)1 << 62) - 1);
        const int32_t fours = weft_spread_fours(spread);
        const wide scaled = (wide)spread << (2 * fours);
        assert_true(fours >= 0 && fours <= 30);
        assert_true(scaled >= (wide)1 << 60 && scaled < (wide)1 << 62);
        const int64_t inverse = weft_inverse_root(spread, fours);
        assert_true(inverse >= (int64_t)1 << 31 && inverse <= (int64_t)1 << 32);
        const long double exact = 0x1p62L / sqrtl((long double)scaled);
        assert_true(fabsl((long double)inverse - exact) <= exact * 0x1p-29L);
    }
}

static void the_spread_of_the_widest_rows(void **state)
{
    (void)state;
    const int32_t half = WEFT_ROW_MAX / 2, sum = 255 * half, squares = 255 * 255 * half;
    const int64_t variance = (int64_t)half * half * 255 * 255; /* n S2 - S1^2 */
    const int64_t spread =
        weft_layer_norm_spread(WEFT_ROW_MAX, sum, squares, WEFT_SPREAD_EPSILON_MAX);
    assert_true(spread == (variance << WEFT_SPREAD_BITS) + WEFT_SPREAD_EPSILON_MAX);
    assert_true(spread < (int64_t)1 << 62);
    assert_true(
        weft_layer_norm_spread(WEFT_ROW_MAX, -128 * WEFT_ROW_MAX, 16384 * WEFT_ROW_MAX, 0) == 1);
}

static void softmax_parts_are_exact(void **state)
{
    (void)state;
    static uint32_t exps[256];
    draw d = {7};
    for (int i = 0; i < PART_CASES; i++) {
        const int64_t sum = draw_edgy(&d, 1 << 24, (int64_t)WEFT_ROW_MAX << 24);
        const wide total = (uint64_t)sum;
        const int32_t mult = (int32_t)draw_edgy(&d, WEFT_MULT_MAX / 2, WEFT_MULT_MAX);
        const int32_t shift = (int32_t)draw_in(&d, 1, WEFT_SOFTMAX_SHIFT_MAX);
        const wide scaled = (wide)mult << 38, factor = (wide)weft_softmax_factor(sum, mult);
        /* The nearest: at most half of sum away from what factor * sum should be. */
        const wide made = factor * total, off = made > scaled ? made - scaled : scaled - made;
        assert_true(2 * off <= total);
        const uint32_t part = (uint32_t)draw_edgy(&d, 0, sum < 1 << 25 ? sum >> 1 : 1 << 24);
        const wide product = part * factor, unit = (wide)1 << (38 + shift);
        wide rounded = product / unit;
        const wide rest = product % unit;
        rounded += 2 * rest > unit || (2 * rest == unit && rounded % 2 != 0);
        assert_int_equal(weft_softmax_stage(part, (int64_t)factor, shift, 0, 0, 255),
                         rounded > 255 ? 255 : rounded);
    }
    for (int i = 0; i < 1000; i++) {
        const double x_scale = draw_scale(&d, 1e-5, 10);
        weft_ratio ratio = {0, WEFT_SHIFT_MIN};
        assert_true(weft_softmax_make(x_scale, 1.0 / 256, exps, &ratio));
        for (int k = 0; k < 256; k++)
            assert_true(fabsl(exps[k] - 0x1p24L * expl(-(long double)x_scale * k)) <= 0.5001L);
    }
}

static void softmax_is_within_its_bound(void **state)
{
    (void)state;
    static uint32_t exps[256];
    draw d = {4};
    row *r = calloc(1, sizeof *r);
    uint8_t *before = malloc(sizeof r->y);
    assert_true(r && before);
    long double worst = 0;
    for (int i = 0; i < ROW_CASES; i++) {
        draw_row(&d, i, r);
        static const double usual[] = {1.0 / 256, 1.0 / 255, 1.0 / 128, 8};
        const double x_scale = draw_scale(&d, 1e-5, 10);
        const double y_scale = i % 2 ? draw_scale(&d, 1e-5, 8) : usual[draw_in(&d, 0, 3)];
        weft_ratio ratio = {0, WEFT_SHIFT_MIN};
        assert_true(weft_softmax_make(x_scale, y_scale, exps, &ratio));
        assert_true(exps[0] == (uint32_t)1 << WEFT_EXP_BITS);
        assert_true(ratio.shift >= 1 && ratio.shift <= WEFT_SOFTMAX_SHIFT_MAX);
        memcpy(before, r->y, sizeof r->y);
        weft_softmax_row(r->x, r->y, r->count, r->stride, r->is_signed, exps, ratio.mult,
                         ratio.shift, r->zero, r->low, r->high);
        check_gaps(r, before);
        int32_t largest = -128;
        for (int32_t k = 0; k < r->count; k++)
            largest = value_at(r, k) > largest ? value_at(r, k) : largest;
        long double sum = 0;
        for (int32_t k = 0; k < r->count; k++)
            sum += expl((long double)x_scale * (value_at(r, k) - largest));
        for (int32_t k = 0; k < r->count; k++) {
            const long double p = expl((long double)x_scale * (value_at(r, k) - largest)) / sum;
            const long double bound =
                (0x1p-25L + p * (r->count * 0x1p-25L + 0x1p-22L + 0x1p-24L)) / y_scale;
            const long double off = distance(r, k, p / y_scale) - 0.5L;
            assert_true(off <= bound * (1 + 0x1p-20L));
            if (y_scale >= 1.0 / 256 && off > worst)
                worst = off;
        }
    }
    /* What the bound comes to for probabilities of 8 bits. */
    assert_true(worst <= 0.032L);
    free(before);
    free(r);
}

static void equal_elements_share_equally(void **state)
{
    (void)state;
    static uint32_t exps[256];
    weft_ratio ratio = {0, WEFT_SHIFT_MIN};
    assert_true(weft_softmax_make(0.05, 1.0 / 256, exps, &ratio));
    row *r = calloc(1, sizeof *r);
    assert_non_null(r);
    for (int32_t count = 1; count <= WEFT_ROW_MAX; count++) {
        weft_softmax_row(r->x, r->y, count, 1, 0, exps, ratio.mult, ratio.shift, 0, 0, 255);
        const int32_t share = count == 1 ? 255 : (int32_t)nearbyint(256.0 / count);
        assert_int_equal(r->y[0], share);
        assert_int_equal(r->y[count - 1], share);
    }
    free(r);
}

static void softmax_tables_that_are_refused(void **state)
{
    (void)state;
    static uint32_t exps[256];
    weft_ratio ratio = {0, WEFT_SHIFT_MIN};
    static const double bad[] = {0, -1, HUGE_VAL, NAN};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(weft_softmax_make(bad[i], 0.01, exps, &ratio));
        assert_false(weft_softmax_make(0.01, bad[i], exps, &ratio));
    }
    assert_false(weft_softmax_make(0.01, 8.0001, exps, &ratio));
    assert_false(weft_softmax_make(0.01, 0x1p-20, exps, &ratio));
    assert_true(weft_softmax_make(0x1p-1074, 8, exps, &ratio));
    assert_true(exps[255] == 1 << WEFT_EXP_BITS);
    assert_true(weft_softmax_make(0x1.fp1023, 8, exps, &ratio));
    assert_true(exps[1] == 0);
}

/* One row with its tables; false when the maker refuses. */
typedef struct norm_case {
    weft_layer_norm norm;
    double epsilon, x_scale, y_scale;
    bool has_gamma, has_beta;
    float gamma[WEFT_ROW_MAX], beta[WEFT_ROW_MAX];
    int32_t gammas[WEFT_ROW_MAX], betas[WEFT_ROW_MAX];
} norm_case;

static bool draw_norm(draw *d, int32_t count, norm_case *c)
{
    static const double epsilons[] = {0, 1e-12, 1e-6, 1e-5, 1e-3, 1};
    c->epsilon = epsilons[draw_in(d, 0, 5)];
    c->x_scale = draw_scale(d, 1e-5, 10);
    c->y_scale = draw_scale(d, 1e-4, 1);
    c->has_gamma = draw_in(d, 0, 7) != 0;
    c->has_beta = draw_in(d, 0, 7) != 0;
    const double size = draw_scale(d, 1e-3, 1e2), shift = draw_in(d, 0, 9) ? size : 0;
    for (int32_t k = 0; k < count; k++) {
        c->gamma[k] = (float)draw_real(d, -size, size);
        c->beta[k] = (float)draw_real(d, -shift, shift);
    }
    return weft_layer_norm_make(count, c->epsilon, c->x_scale, c->y_scale,
                                c->has_gamma ? c->gamma : NULL, c->has_beta ? c->beta : NULL,
                                &c->norm, c->gammas, c->betas);
}

static void check_norm(const row *r, const norm_case *c)
{
    int64_t sum = 0, squares = 0;
    int32_t gamma_largest = 0;
    for (int32_t k = 0; k < r->count; k++) {
        sum += value_at(r, k);
        squares += value_at(r, k) * value_at(r, k);
        gamma_largest = abs(c->gammas[k]) > gamma_largest ? abs(c->gammas[k]) : gamma_largest;
    }
    assert_true(gamma_largest <= WEFT_MULT_MAX);
    const int64_t n = r->count, variance = n * squares - sum * sum;
    const long double codes = (long double)n / c->x_scale;
    const long double deviation = sqrtl((long double)variance + c->epsilon * codes * codes);
    for (int32_t k = 0; k < r->count; k++) {
        const long double z =
            variance == 0 ? 0 : (long double)(n * value_at(r, k) - sum) / deviation;
        const long double gamma = (c->has_gamma ? c->gamma[k] : 1) / (long double)c->y_scale;
        const long double beta = (c->has_beta ? c->beta[k] : 0) / (long double)c->y_scale;
        const long double bound = fabsl(gamma) * (0x1p-19L + fabsl(z) * (0x1p-22L + 0x1p-29L)) +
                                  fabsl(z) * ldexpl(1, WEFT_UNIT_BITS - c->norm.shift - 1) +
                                  ldexpl(1, c->norm.beta_shift - c->norm.shift - 1);
        const long double off = distance(r, k, z * gamma + beta) - 0.5L;
        assert_true(off <= bound * (1 + 0x1p-15L));
    }
}

static void layer_norm_is_within_its_bound(void **state)
{
    (void)state;
    draw d = {5};
    row *r = calloc(1, sizeof *r);
    norm_case *c = calloc(1, sizeof *c);
    uint8_t *before = malloc(sizeof r->y);
    assert_true(r && c && before);
    int done = 0;
    for (int i = 0; done < ROW_CASES; i++) {
        draw_row(&d, i, r);
        if (!draw_norm(&d, r->count, c))
            continue;
        done++;
        memcpy(before, r->y, sizeof r->y);
        weft_layer_norm_row(r->x, r->y, r->count, r->stride, r->is_signed, c->norm.epsilon,
                            c->gammas, c->betas, c->norm.beta_shift, c->norm.shift, r->zero, r->low,
                            r->high);
        check_gaps(r, before);
        check_norm(r, c);
        assert_true(i < 2 * ROW_CASES); /* most are within what the maker takes */
    }
    free(before);
    free(c);
    free(r);
}

/* A single element far from 4095 equal ones lies sqrt(4095) deviations from the mean, as far as an
 * element can. */
static void units_stay_within_24_bits(void **state)
{
    (void)state;
    for (int32_t apart = 1; apart <= 255; apart++) {
        const int64_t spread = weft_layer_norm_spread(WEFT_ROW_MAX, apart, apart * apart, 0);
        const int32_t fours = weft_spread_fours(spread);
        const int32_t unit = weft_layer_norm_unit(WEFT_ROW_MAX, apart, apart,
                                                  weft_inverse_root(spread, fours), fours);
        assert_true(unit <= 1 << 24);
        assert_true(fabs(unit - sqrt(4095) * (1 << WEFT_UNIT_BITS)) <= 1);
    }
}

static void layer_norms_that_are_refused(void **state)
{
    (void)state;
    float gamma[2] = {1, 1}, beta[2] = {0, 0};
    int32_t gammas[2], betas[2];
    weft_layer_norm norm;
    assert_true(weft_layer_norm_make(2, 1e-5, 0.1, 0.1, gamma, beta, &norm, gammas, betas));
    assert_false(weft_layer_norm_make(0, 1e-5, 0.1, 0.1, gamma, beta, &norm, gammas, betas));
    assert_false(weft_layer_norm_make(4097, 1e-5, 0.1, 0.1, NULL, NULL, &norm, gammas, betas));
    static const double bad[] = {0, -1, HUGE_VAL, NAN};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(weft_layer_norm_make(2, 1, bad[i], 0.1, gamma, beta, &norm, gammas, betas));
        assert_false(weft_layer_norm_make(2, 1, 0.1, bad[i], gamma, beta, &norm, gammas, betas));
        if (i > 0)
            assert_false(
                weft_layer_norm_make(2, bad[i], 0.1, 0.1, gamma, beta, &norm, gammas, betas));
    }
    assert_false(weft_layer_norm_make(2, 1, 1e-7, 0.1, gamma, beta, &norm, gammas, betas));
    const float hostile[] = {NAN, HUGE_VALF, -HUGE_VALF, 0x1p20f};
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        const float wrong[2] = {1, hostile[i]};
        assert_false(weft_layer_norm_make(2, 1e-5, 0.1, 1, wrong, beta, &norm, gammas, betas));
        assert_false(weft_layer_norm_make(2, 1e-5, 0.1, 1, gamma, wrong, &norm, gammas, betas));
    }
}

/* The largest and smallest gammas and betas that the maker takes, together. */
static void extreme_gammas_and_betas(void **state)
{
    (void)state;
    static const float sizes[] = {0, 0x1p-149f, 0x1p-40f, 0x1p-22f, 1, 0x1.fffffep19f};
    row *r = calloc(1, sizeof *r);
    norm_case *c = calloc(1, sizeof *c);
    assert_true(r && c);
    draw d = {6};
    for (size_t g = 0; g < sizeof sizes / sizeof *sizes; g++)
        for (size_t b = 0; b < sizeof sizes / sizeof *sizes; b++)
            for (int i = 0; i < 40; i++) {
                draw_row(&d, i, r);
                c->epsilon = 1e-5;
                c->x_scale = 0.05;
                c->y_scale = 1;
                c->has_gamma = c->has_beta = true;
                for (int32_t k = 0; k < r->count; k++) {
                    c->gamma[k] = k % 2 ? sizes[g] : -sizes[g];
                    c->beta[k] = k % 3 ? sizes[b] : -sizes[b];
                }
                assert_true(weft_layer_norm_make(r->count, c->epsilon, c->x_scale, 1, c->gamma,
                                                 c->beta, &c->norm, c->gammas, c->betas));
                assert_true(c->norm.shift >= 1 && c->norm.shift <= WEFT_SHIFT_MAX);
                assert_true(c->norm.beta_shift >= 0 && c->norm.beta_shift <= WEFT_BETA_SHIFT_MAX);
                assert_true(abs(c->betas[0]) <= 1 << WEFT_BETA_BITS);
                weft_layer_norm_row(r->x, r->y, r->count, r->stride, r->is_signed, c->norm.epsilon,
                                    c->gammas, c->betas, c->norm.beta_shift, c->norm.shift, r->zero,
                                    r->low, r->high);
                check_norm(r, c);
            }
    free(c);
    free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_and_maxima),
        cmocka_unit_test(the_longest_average),
        cmocka_unit_test(roots_are_the_largest_below),
        cmocka_unit_test(spreads_are_normalised),
        cmocka_unit_test(the_spread_of_the_widest_rows),
        cmocka_unit_test(softmax_parts_are_exact),
        cmocka_unit_test(softmax_is_within_its_bound),
        cmocka_unit_test(equal_elements_share_equally),
        cmocka_unit_test(softmax_tables_that_are_refused),
        cmocka_unit_test(layer_norm_is_within_its_bound),
        cmocka_unit_test(units_stay_within_24_bits),
        cmocka_unit_test(layer_norms_that_are_refused),
        cmocka_unit_test(extreme_gammas_and_betas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
