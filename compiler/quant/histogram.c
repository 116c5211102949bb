/* SPDX-License-Identifier: Apache-2.0 */
/* Counting values into bins that grow; see histogram.h. Must not know about: methods. */
#include "compiler/quant/histogram.h"

#include <math.h>
#include <string.h>

enum { HALF = WEFT_QUANT_BINS / 2 };

/* The smallest power of two with which `largest` falls into a bin. */
static double width_for(double largest)
{
    int exponent;
    (void)frexp(largest, &exponent); /* largest < 2^exponent */
    return ldexp(1.0 / HALF, exponent);
}

static void double_width(weft_histogram *h)
{
    uint64_t merged[WEFT_QUANT_BINS] = {0};
    for (int i = 0; i < WEFT_QUANT_BINS; i++)
        merged[HALF / 2 + i / 2] += h->counts[i];
    memcpy(h->counts, merged, sizeof merged);
    h->width *= 2;
}

void weft_histogram_add(weft_histogram *h, const float *data, size_t count)
{
    float least = h->least, most = h->most;
    for (size_t i = 0; i < count; i++) {
        least = data[i] < least ? data[i] : least;
        most = data[i] > most ? data[i] : most;
    }
    h->least = least;
    h->most = most;
    h->total += count;
    double largest = fmax((double)most, -(double)least);
    if (largest == 0) {
        h->zeros += count;
        return;
    }
    double width = width_for(largest);
    if (h->width == 0)
        h->width = width;
    while (h->width < width)
        double_width(h);
    double per_width = 1 / h->width;
    for (size_t i = 0; i < count; i++) {
        double at = (double)data[i] * per_width; /* exact: the width is a power of two */
        int bin = (int)at;
        bin -= at < bin; /* floor */
        if (data[i] == 0)
            h->zeros++;
        else
            h->counts[bin + HALF]++;
    }
}

void weft_histogram_merge(weft_histogram *h, const weft_histogram *other)
{
    weft_histogram added = *other;
    h->least = added.least < h->least ? added.least : h->least;
    h->most = added.most > h->most ? added.most : h->most;
    h->zeros += added.zeros;
    h->total += added.total;
    if (added.width == 0)
        return;
    if (h->width == 0)
        h->width = added.width;
    while (h->width < added.width)
        double_width(h);
    while (added.width < h->width)
        double_width(&added);
    for (int i = 0; i < WEFT_QUANT_BINS; i++)
        h->counts[i] += added.counts[i];
}
