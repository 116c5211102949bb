/* SPDX-License-Identifier: Apache-2.0 */
/* From a histogram to the range of a tensor, one function per method. Knows nothing of graphs.
 *
 * mse: the least expected squared error between a value and its 8-bit form (the aim of Banner,
 * Nahshan and Soudry, "Post training 4-bit quantization of convolutional networks for rapid
 * deployment", 2019, with the measured distribution in place of a fitted one), both ends of the
 * range searched apart. entropy: the clipping that keeps the distribution best by Kullback-Leibler
 * divergence (Migacz, "8-bit inference with TensorRT", 2017), applied to both ends alike. */
#include <math.h>

#include "compiler/quant/histogram.h"

enum { HALF = WEFT_QUANT_BINS / 2 };

static int first_code(bool signed_values)
{
    return signed_values ? -128 : 0;
}

weft_quant_range weft_quant_range_make(double low, double high, bool signed_values)
{
    int first = first_code(signed_values);
    low = fmin(low, 0);
    high = fmax(high, 0);
    float scale = (float)((high - low) / (WEFT_QUANT_LEVELS - 1));
    if (!(scale > 0x1p-100f)) /* nothing but zeros, or so small that any scale is right */
        return (weft_quant_range){1.0f, first};
    double zero = first - nearbyint(low / (double)scale);
    zero = fmax(first, fmin(first + WEFT_QUANT_LEVELS - 1, zero));
    return (weft_quant_range){scale, (int)zero};
}

/* The integral of (u - round(u))^2 from a fixed point to u: every unit adds 1/12. */
static double rounding_integral(double u)
{
    double nearest = floor(u + 0.5), rest = u - nearest;
    return nearest / 12 + rest * rest * rest / 3;
}

static double third_of_cube(double x)
{
    return x * x * x / 3;
}

double weft_histogram_squared_error(const weft_histogram *h, weft_quant_range range,
                                    bool signed_values)
{
    double scale = (double)range.scale, unit = h->width / scale, error = 0;
    double low = first_code(signed_values) - range.zero, high = low + WEFT_QUANT_LEVELS - 1;
    if (h->width == 0)
        return 0;
    int first = HALF + (int)floor((double)h->least / h->width);
    int last = HALF + (int)floor((double)h->most / h->width);
    for (int i = first; i <= last; i++) {
        if (h->counts[i] == 0)
            continue;
        double begin = (i - HALF) * unit, end = begin + unit, integral = 0;
        if (begin < low)
            integral += third_of_cube(low - begin) - third_of_cube(low - fmin(end, low));
        if (end > high)
            integral += third_of_cube(end - high) - third_of_cube(fmax(begin, high) - high);
        if (end > low && begin < high)
            integral += rounding_integral(fmin(end, high)) - rounding_integral(fmax(begin, low));
        error += (double)h->counts[i] * integral;
    }
    return error / unit * scale * scale;
}

/* ---- methods ---- */

typedef struct search {
    const weft_histogram *seen;
    bool signed_values;
    double low, high; /* parts of least and most */
    double error;
    weft_quant_range range;
} search;

/* Takes the parts when they are better. */
static bool try_parts(search *s, double low, double high)
{
    if (low < 0 || high < 0 || low > 1 || high > 1 || (low == s->low && high == s->high))
        return false;
    weft_quant_range range = weft_quant_range_make((double)s->seen->least * low,
                                                   (double)s->seen->most * high, s->signed_values);
    double error = weft_histogram_squared_error(s->seen, range, s->signed_values);
    if (!(error < s->error))
        return false;
    *s = (search){s->seen, s->signed_values, low, high, error, range};
    return true;
}

static weft_quant_range range_by_mse(const weft_histogram *h, bool signed_values)
{
    /* Both ends together first, in steps of 1/16; then each end for itself, in finer and finer
     * steps as long as that helps. */
    search s = {h, signed_values, 1, 1, 0, weft_quant_range_make(h->least, h->most, signed_values)};
    s.error = weft_histogram_squared_error(h, s.range, signed_values);
    for (int i = 15; i > 0; i--)
        try_parts(&s, i / 16.0, i / 16.0);
    for (int parts = 16; parts <= 128; parts *= 2) {
        const double step = 1.0 / parts;
        bool is_better = true;
        while (is_better) {
            is_better = h->least < 0 && try_parts(&s, s.low - step, s.high);
            is_better = (h->least < 0 && try_parts(&s, s.low + step, s.high)) || is_better;
            is_better = (h->most > 0 && try_parts(&s, s.low, s.high - step)) || is_better;
            is_better = (h->most > 0 && try_parts(&s, s.low, s.high + step)) || is_better;
        }
    }
    return s.range;
}

/* Elements in bin i, zeros with those that lie just above. */
static double mass_of(const weft_histogram *h, int i)
{
    return (double)h->counts[i] + (i == HALF ? (double)h->zeros : 0);
}

static weft_quant_range range_by_percentile(const weft_histogram *h, double percentile,
                                            bool signed_values)
{
    double outside = (double)h->total * (100 - percentile) / 200, sum = 0;
    int begin = 0, end = WEFT_QUANT_BINS;
    for (; begin < HALF && sum + mass_of(h, begin) <= outside; begin++)
        sum += mass_of(h, begin);
    for (sum = 0; end > HALF && sum + mass_of(h, end - 1) <= outside; end--)
        sum += mass_of(h, end - 1);
    return weft_quant_range_make(fmax((double)h->least, (begin - HALF) * h->width),
                                 fmin((double)h->most, (end - HALF) * h->width), signed_values);
}

/* Divergence of the distribution within bins [begin, end), what lies outside added to its ends,
 * from the same put into 256 levels. Exact zeros take no part: they stay what they are. */
static double divergence(const weft_histogram *h, int begin, int end)
{
    double below = 0, above = 0, result = 0, sum = 0, total = (double)(h->total - h->zeros);
    for (int i = 0; i < begin; i++)
        below += (double)h->counts[i];
    for (int i = end; i < WEFT_QUANT_BINS; i++)
        above += (double)h->counts[i];
    for (int level = 0; level < WEFT_QUANT_LEVELS; level++) {
        int from = begin + (end - begin) * level / WEFT_QUANT_LEVELS;
        int to = begin + (end - begin) * (level + 1) / WEFT_QUANT_LEVELS, used = 0;
        double mass = 0;
        for (int i = from; i < to; i++) {
            mass += (double)h->counts[i];
            used += h->counts[i] > 0;
        }
        for (int i = from; i < to; i++) {
            double p = (double)h->counts[i] + (i == begin ? below : 0) + (i == end - 1 ? above : 0);
            double q = h->counts[i] > 0 ? mass / used : 0;
            if (p > 0 && q == 0)
                return INFINITY;
            if (p > 0)
                result += p / total * log(p / q);
            sum += q;
        }
    }
    return result + log(sum / total); /* q is a distribution only when divided by its sum */
}

static weft_quant_range range_by_entropy(const weft_histogram *h, bool signed_values)
{
    enum { STEPS = 128 };
    double best = INFINITY, low = (double)h->least, high = (double)h->most;
    for (int i = STEPS; i > 0; i--) {
        double part = (double)i / STEPS;
        int begin = HALF + (int)floor((double)h->least * part / h->width);
        int end = HALF + (int)floor((double)h->most * part / h->width) + 1;
        if (end - begin < WEFT_QUANT_LEVELS)
            break;
        double value = divergence(h, begin, end);
        if (value < best) {
            best = value;
            low = (double)h->least * part;
            high = (double)h->most * part;
        }
    }
    return weft_quant_range_make(low, high, signed_values);
}

weft_quant_range weft_histogram_range(const weft_histogram *h, weft_quant_method method,
                                      double percentile, bool signed_values)
{
    if (h->width > 0 && method == WEFT_QUANT_MSE)
        return range_by_mse(h, signed_values);
    if (h->width > 0 && method == WEFT_QUANT_PERCENTILE)
        return range_by_percentile(h, percentile, signed_values);
    if (h->width > 0 && method == WEFT_QUANT_ENTROPY)
        return range_by_entropy(h, signed_values);
    return weft_quant_range_make((double)h->least, (double)h->most, signed_values);
}
