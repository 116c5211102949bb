/* SPDX-License-Identifier: Apache-2.0 */
/* Histograms against counting at once, and each method against the search of all it could have
 * chosen. Must not know graphs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/quant/histogram.h"
#include "tests/passes/build.h"

enum { COUNT = 20000, HALF = WEFT_QUANT_BINS / 2 };

/* Long tails, zeros, both signs: kind picks the distribution. */
static float *draw(int kind, uint64_t seed)
{
    build b = {.state = seed};
    float *data = malloc(COUNT * sizeof *data);
    assert_non_null(data);
    for (int i = 0; i < COUNT; i++) {
        float sum = 0;
        for (int k = 0; k < 12; k++)
            sum += build_uniform(&b, -0.5F, 0.5F); /* nearly normal */
        switch (kind) {
        case 0: data[i] = sum; break;
        case 1: data[i] = sum > 0 ? sum * 0.37F : 0; break;
        case 2: data[i] = 3.0F * sum * sum * sum; break;
        case 3: data[i] = i == 77 ? 40.0F : 0.01F * sum; break; /* one outlier */
        default: data[i] = -fabsf(sum) * 100; break;
        }
    }
    return data;
}
enum { KINDS = 5 };

static void counts_at_once(void **state)
{
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        float *data = draw(kind, 11);
        weft_histogram forwards = {0}, backwards = {0};
        for (int i = 0; i < COUNT; i += 100) {
            weft_histogram_add(&forwards, data + i, 100);
            weft_histogram_add(&backwards, data + COUNT - 100 - i, 100);
        }
        uint64_t counts[WEFT_QUANT_BINS] = {0}, zeros = 0;
        float least = 0, most = 0;
        for (int i = 0; i < COUNT; i++) {
            least = fminf(least, data[i]);
            most = fmaxf(most, data[i]);
            zeros += data[i] == 0;
            if (data[i] != 0)
                counts[HALF + (int)floor((double)data[i] / forwards.width)]++;
        }
        assert_true(forwards.least == least && forwards.most == most);
        assert_int_equal(forwards.total, COUNT);
        assert_int_equal(forwards.zeros, zeros);
        assert_memory_equal(forwards.counts, counts, sizeof counts);
        assert_memory_equal(&forwards, &backwards, sizeof forwards);
        weft_histogram merged = {0}, parts[3];
        memset(parts, 0, sizeof parts);
        for (int i = 0; i < COUNT; i += 100)
            weft_histogram_add(&parts[i < 300 ? 0 : i < COUNT / 2 ? 1 : 2], data + i, 100);
        for (int i = 0; i < 3; i++)
            weft_histogram_merge(&merged, &parts[kind % 2 ? i : 2 - i]);
        assert_memory_equal(&forwards, &merged, sizeof forwards);
        /* a width half as large would not hold the largest value */
        assert_true(fmax((double)most, -(double)least) >= forwards.width * HALF / 2);
        free(data);
    }
}

static double error_of(const float *data, weft_quant_range range, bool is_signed)
{
    double error = 0;
    int first = is_signed ? -128 : 0;
    for (int i = 0; i < COUNT; i++) {
        double code = nearbyint((double)data[i] / (double)range.scale) + range.zero;
        code = fmax(first, fmin(first + 255, code));
        double off = (double)data[i] - (code - range.zero) * (double)range.scale;
        error += off * off;
    }
    return error;
}

/* The closed form takes values as spread evenly within bins; with 20000 values the difference to
 * the values themselves is a few percent. */
static const double spread_tolerance = 0.05;

static void squared_error(void **state)
{
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        float *data = draw(kind, 5);
        weft_histogram h = {0};
        weft_histogram_add(&h, data, COUNT);
        for (int part = 3; part <= 10; part++) {
            weft_quant_range range = weft_quant_range_make(
                (double)h.least * part / 10, (double)h.most * part / 10, part % 2 == 0);
            double expected = error_of(data, range, part % 2 == 0);
            double found = weft_histogram_squared_error(&h, range, part % 2 == 0);
            if (kind != 3) /* there the step is wider than all values but one */
                assert_true(fabs(found - expected) <= spread_tolerance * expected);
        }
        free(data);
    }
}

static void mse_is_least(void **state)
{
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        float *data = draw(kind, 23);
        weft_histogram h = {0};
        weft_histogram_add(&h, data, COUNT);
        weft_quant_range found = weft_histogram_range(&h, WEFT_QUANT_MSE, 100, false);
        double least = INFINITY;
        for (int low = 1; low <= 64; low++) /* every pair of ends in 1/64 of the whole */
            for (int high = h.least < 0 && h.most > 0 ? 1 : low; high <= 64; high++) {
                weft_quant_range range = weft_quant_range_make((double)h.least * low / 64,
                                                               (double)h.most * high / 64, false);
                least = fmin(least, weft_histogram_squared_error(&h, range, false));
                if (!(h.least < 0 && h.most > 0))
                    break;
            }
        /* the search goes along the axes, so it may stop a little beside the least of all */
        assert_true(weft_histogram_squared_error(&h, found, false) <= least * 1.02);
        weft_quant_range all = weft_histogram_range(&h, WEFT_QUANT_MINMAX, 100, false);
        assert_true(error_of(data, found, false) <= error_of(data, all, false) * 1.001);
        free(data);
    }
}

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}

static void percentile_by_sorting(void **state)
{
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        float *data = draw(kind, 31);
        weft_histogram h = {0};
        weft_histogram_add(&h, data, COUNT);
        qsort(data, COUNT, sizeof *data, by_value);
        for (double percentile = 98; percentile < 100; percentile += 0.5) {
            weft_quant_range range =
                weft_histogram_range(&h, WEFT_QUANT_PERCENTILE, percentile, false);
            int outside = (int)(COUNT * (100 - percentile) / 200);
            double low = fmin(0, (double)data[outside]),
                   high = fmax(0, (double)data[COUNT - 1 - outside]);
            /* ends of bins, and the zero point moves both ends by up to half a step */
            double slack = h.width + (double)range.scale;
            assert_true(fabs(-range.zero * (double)range.scale - low) <= slack);
            assert_true(fabs((255 - range.zero) * (double)range.scale - high) <= slack);
        }
        free(data);
    }
}

/* Kullback-Leibler divergence by its definition, over values that are put into bins anew. */
static double divergence_of(const weft_histogram *h, int begin, int end)
{
    double *p = calloc(WEFT_QUANT_BINS, sizeof *p), *q = calloc(WEFT_QUANT_BINS, sizeof *q);
    assert_true(p != NULL && q != NULL);
    double total = 0, sum = 0, result = 0;
    for (int i = 0; i < WEFT_QUANT_BINS; i++) {
        int at = i < begin ? begin : i >= end ? end - 1 : i;
        p[at] += (double)h->counts[i];
        total += (double)h->counts[i];
    }
    for (int level = 0; level < 256; level++) {
        int from = begin + (end - begin) * level / 256,
            to = begin + (end - begin) * (level + 1) / 256;
        double mass = 0;
        int used = 0;
        for (int i = from; i < to; i++) {
            mass += (double)h->counts[i];
            used += h->counts[i] > 0;
        }
        for (int i = from; i < to; i++)
            q[i] = h->counts[i] > 0 ? mass / used : 0;
        sum += mass;
    }
    for (int i = begin; i < end; i++)
        if (p[i] > 0)
            result += q[i] > 0 ? p[i] / total * log(p[i] / total / (q[i] / sum)) : INFINITY;
    free(p);
    free(q);
    return result;
}

static void entropy_is_least(void **state)
{
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        float *data = draw(kind, 47);
        weft_histogram h = {0};
        weft_histogram_add(&h, data, COUNT);
        weft_quant_range found = weft_histogram_range(&h, WEFT_QUANT_ENTROPY, 100, false);
        double least = INFINITY;
        weft_quant_range best = {0};
        for (int i = 128; i > 0; i--) {
            double part = i / 128.0;
            int begin = HALF + (int)floor((double)h.least * part / h.width);
            int end = HALF + (int)floor((double)h.most * part / h.width) + 1;
            if (end - begin < 256)
                break;
            double value = divergence_of(&h, begin, end);
            if (value < least) {
                least = value;
                best = weft_quant_range_make((double)h.least * part, (double)h.most * part, false);
            }
        }
        assert_true(isfinite(least));
        assert_true(found.scale == best.scale && found.zero == best.zero);
        free(data);
    }
}

static void edges(void **state)
{
    (void)state;
    weft_histogram h = {0};
    float zeros[8] = {0};
    weft_histogram_add(&h, zeros, 8);
    for (weft_quant_method method = 0; method < WEFT_QUANT_METHOD_COUNT; method++) {
        weft_quant_range range = weft_histogram_range(&h, method, 99, true);
        assert_true(range.scale == 1.0F && range.zero == -128);
    }
    float tiny[2] = {0x1p-140F, -0x1p-140F};
    weft_histogram_add(&h, tiny, 2);
    for (weft_quant_method method = 0; method < WEFT_QUANT_METHOD_COUNT; method++)
        assert_true(weft_histogram_range(&h, method, 99, false).scale > 0);
    float large[2] = {0x1.fffffep127F, -1.0F};
    weft_histogram_add(&h, large, 2);
    assert_int_equal(h.total, 12);
    for (weft_quant_method method = 0; method < WEFT_QUANT_METHOD_COUNT; method++) {
        weft_quant_range range = weft_histogram_range(&h, method, 99, false);
        assert_true(range.scale > 0 && isfinite(range.scale) && range.zero >= 0);
    }
    weft_quant_range positive = weft_quant_range_make(3, 5, false); /* widened to hold zero */
    assert_true(positive.zero == 0 && positive.scale == (float)(5.0 / 255));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_at_once),   cmocka_unit_test(squared_error),
        cmocka_unit_test(mse_is_least),     cmocka_unit_test(percentile_by_sorting),
        cmocka_unit_test(entropy_is_least), cmocka_unit_test(edges),
    };
    return cmocka_run_group_tests_name("ranges of activations", tests, NULL, NULL);
}
