/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moment propagation; see moments.h. Knows nothing about ONNX or graphs.
 */
#include "models/moments.h"

#include <math.h>

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

#define CHUNK_ELEMS 1024

double weft_moments_normal_pdf(double t)
{
    /* exp(-h) as (1 - h/4096)^4096 by twelve squarings: multiplications only. Beyond |t| = 8 it is
     * 0 in any use here. */
    double h = 0.5 * t * t;
    if (h > 32.0)
        return 0.0;
    double e = 1.0 - h / 4096.0;
    for (int i = 0; i < 12; i++)
        e *= e;
    return 0.3989422804014327 * e; /* 1/sqrt(2 pi) */
}

double weft_moments_normal_cdf(double t)
{
    /* Abramowitz and Stegun, Handbook of Mathematical Functions, 26.2.16. */
    double k = 1.0 / (1.0 + 0.33267 * fabs(t));
    double tail = weft_moments_normal_pdf(t) * (k * (0.4361836 + k * (-0.1201676 + k * 0.9372980)));
    return t < 0.0 ? tail : 1.0 - tail;
}

double weft_moments_mean_square(const weft_moments *x)
{
    double sum = 0.0;
    for (size_t c = 0; c < x->channels; c++)
        sum += x->mean[c] * x->mean[c] + x->var[c];
    return sum / (double)x->channels;
}

/* First two raw moments of max(x, 0) for a normal x, and the probability of its being 0. */
typedef struct rectified {
    double first, second, zero;
} rectified;

static rectified rectify(double mean, double var)
{
    double sd = sqrt(var);
    if (sd == 0.0) {
        double y = mean > 0.0 ? mean : 0.0;
        return (rectified){.first = y, .second = y * y, .zero = mean > 0.0 ? 0.0 : 1.0};
    }
    double cdf = weft_moments_normal_cdf(mean / sd);
    double pdf = weft_moments_normal_pdf(mean / sd);
    return (rectified){
        .first = mean * cdf + sd * pdf,
        .second = (mean * mean + var) * cdf + mean * sd * pdf,
        .zero = 1.0 - cdf,
    };
}

static void set_rectified(weft_moments *y, size_t c, rectified r)
{
    double var = r.second - r.first * r.first;
    y->mean[c] = r.first;
    y->var[c] = var > 0.0 ? var : 0.0;
    y->zero[c] = r.zero;
}

void weft_moments_relu(const weft_moments *x, weft_moments *y)
{
    for (size_t c = 0; c < x->channels; c++)
        set_rectified(y, c, rectify(x->mean[c], x->var[c]));
    y->is_rectified = true;
}

void weft_moments_add_relu(const weft_moments *stream, const weft_moments *branch, weft_moments *y)
{
    for (size_t c = 0; c < stream->channels; c++) {
        double mean = stream->mean[c], var = stream->var[c];
        if (!stream->is_rectified) {
            set_rectified(y, c, rectify(mean + branch->mean[c], var + branch->var[c]));
            continue;
        }
        double zero = stream->zero[c];
        double positive = 1.0 - zero;
        double center = positive > 0.0 ? mean / positive : 0.0;
        double square = positive > 0.0 ? (var + mean * mean) / positive - center * center : 0.0;
        double spread = square > 0.0 ? sqrt(square) : 0.0;
        double low = center > spread ? center - spread : 0.0;
        const double points[] = {0.0, low, center + spread};
        const double weights[] = {zero, 0.5 * positive, 0.5 * positive};
        rectified sum = {0};
        for (int i = 0; i < 3; i++) {
            rectified r = rectify(points[i] + branch->mean[c], branch->var[c]);
            sum.first += weights[i] * r.first;
            sum.second += weights[i] * r.second;
            sum.zero += weights[i] * r.zero;
        }
        set_rectified(y, c, sum);
    }
    y->is_rectified = true;
}

void weft_moments_max(const weft_moments *x, int count, weft_moments *y)
{
    /* Mean and variance of the largest of so many draws of a standard normal. */
    static const double means[] = {0.0, 0.5642, 0.8463, 1.0294};
    static const double vars[] = {1.0, 0.6817, 0.5595, 0.4917};
    for (size_t c = 0; c < x->channels; c++) {
        y->mean[c] = x->mean[c] + means[count - 1] * sqrt(x->var[c]);
        y->var[c] = x->var[c] * vars[count - 1];
        y->zero[c] = 1.0;
        for (int i = 0; i < count; i++)
            y->zero[c] *= x->zero[c];
    }
    y->is_rectified = x->is_rectified;
}

void weft_moments_sigmoid(const weft_moments *x, weft_moments *y)
{
    /* The logistic function is within 0.01 of the normal distribution function at x / 1.702. */
    const double width = 1.702;
    for (size_t c = 0; c < x->channels; c++) {
        double var = x->var[c];
        double g = weft_moments_normal_cdf(x->mean[c] / sqrt(width * width + var));
        double slope = g * (1.0 - g);
        y->mean[c] = g;
        y->var[c] = slope * slope * var;
    }
}

void weft_moments_mul(const weft_moments *a, const weft_moments *b, weft_moments *y)
{
    for (size_t c = 0; c < a->channels; c++) {
        double ma = a->mean[c], mb = b->mean[c];
        double va = a->var[c], vb = b->var[c];
        y->mean[c] = ma * mb;
        y->var[c] = va * vb + va * mb * mb + vb * ma * ma;
    }
}

void weft_moments_linear(const weft_init_recipe *weight, size_t taps, const float *bias,
                         const weft_moments *x, weft_moments *y)
{
    float chunk[CHUNK_ELEMS];
    size_t row_elems = x->channels * taps;
    for (size_t o = 0; o < y->channels; o++) {
        double mean = bias ? (double)bias[o] : 0.0;
        double var = 0.0;
        size_t channel = 0, tap = 0;
        for (size_t at = 0; at < row_elems; at += CHUNK_ELEMS) {
            size_t count = row_elems - at < CHUNK_ELEMS ? row_elems - at : CHUNK_ELEMS;
            weft_init_fill(weight, o * row_elems + at, count, chunk);
            for (size_t i = 0; i < count; i++) {
                double w = (double)chunk[i];
                mean += w * x->mean[channel];
                var += w * w * x->var[channel];
                if (++tap == taps) {
                    tap = 0;
                    channel++;
                }
            }
        }
        y->mean[o] = mean;
        y->var[o] = var;
    }
}
