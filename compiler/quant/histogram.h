/* SPDX-License-Identifier: Apache-2.0 */
/* Histograms of activations, and the ranges that the methods make of them. Knows nothing of graphs.
 *
 * A histogram has bins of one width, a power of two, on both sides of zero. A value beyond the last
 * bin doubles the width: pairs of bins merge, which loses nothing that a histogram of the larger
 * width would hold. So one pass over the data is enough, and the order of samples does not matter.
 * Exact zeros (half of what a Relu leaves) are counted apart: each range represents them exactly.
 */
#ifndef WEFT_QUANT_HISTOGRAM_H
#define WEFT_QUANT_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "weft/quantize.h"

/* Bin i holds values v with floor(v / width) = i - WEFT_QUANT_BINS / 2. Half of them serve a tensor
 * without negative values, and at least half of those are in use: 8 bins or more per 8-bit level.
 */
enum { WEFT_QUANT_BINS = 8192, WEFT_QUANT_LEVELS = 256 };

typedef struct weft_histogram {
    float least, most; /* 0 is always within */
    double width;      /* 0: nothing but zeros so far */
    uint64_t zeros;
    uint64_t total; /* zeros included */
    uint64_t counts[WEFT_QUANT_BINS];
} weft_histogram;

/* real = scale * (code - zero) */
typedef struct weft_quant_range {
    float scale;
    int zero;
} weft_quant_range;

/* Adds finite values. */
void weft_histogram_add(weft_histogram *histogram, const float *data, size_t count);

/* Adds what another histogram holds. */
void weft_histogram_merge(weft_histogram *histogram, const weft_histogram *other);

/* Scale and zero point of u8 or s8 codes for [low, high], widened to hold 0. */
weft_quant_range weft_quant_range_make(double low, double high, bool signed_values);

/* The mean of (value - its 8-bit form)^2 times the number of values, with values spread evenly
 * within each bin: the integral in closed form. */
double weft_histogram_squared_error(const weft_histogram *histogram, weft_quant_range range,
                                    bool signed_values);

/* The range that a method chooses; percentile is the share that stays in range, in percent. */
weft_quant_range weft_histogram_range(const weft_histogram *histogram, weft_quant_method method,
                                      double percentile, bool signed_values);

#endif
