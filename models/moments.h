/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expected mean and variance of every channel of an activation, propagated layer by layer without running the
 * network. Builders use them to scale weights and to place batch-norm statistics near the true ones, so that
 * activations keep their range through any depth. Pixels and channels are taken as independent and sums as normal.
 * Same determinism rule as init.h. Knows nothing about ONNX or graphs.
 */
#ifndef WEFT_MODELS_MOMENTS_H
#define WEFT_MODELS_MOMENTS_H

#include <stddef.h>

#include "models/init.h"

/* mean[c] and var[c] of channel c. Both NULL when nobody asked for weights. */
typedef struct weft_moments {
    double *mean;
    double *var;
    size_t channels;
} weft_moments;

/* Density and distribution function of the standard normal; absolute error below 2e-4. */
double weft_moments_normal_pdf(double t);
double weft_moments_normal_cdf(double t);

/* Average over channels of E[x^2]. */
double weft_moments_mean_square(const weft_moments *x);

/* y = max(x, 0); may be done in place. */
void weft_moments_relu(const weft_moments *x, weft_moments *y);

/* y = 1 / (1 + exp(-x)); may be done in place. */
void weft_moments_sigmoid(const weft_moments *x, weft_moments *y);

/* y = a + b and y = a * b for independent a and b of equal channel count; y may be a or b. */
void weft_moments_add(const weft_moments *a, const weft_moments *b, weft_moments *y);
void weft_moments_mul(const weft_moments *a, const weft_moments *b, weft_moments *y);

/*
 * y = W x for the weight [y->channels][x->channels][taps] of the recipe; bias may be NULL. Generates the weight
 * piece by piece, so it needs no memory of the weight's size.
 */
void weft_moments_linear(const weft_init_recipe *weight, size_t taps, const float *bias, const weft_moments *x,
                         weft_moments *y);

#endif
