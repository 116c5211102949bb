/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expected mean and variance of every channel of an activation, propagated layer by layer without
 * running the network. Builders use them to scale weights and to place batch-norm statistics near
 * the true ones, so that activations keep their range through any depth. Pixels and channels are
 * taken as independent and sums as normal. Same determinism rule as init.h. Knows nothing about
 * ONNX or graphs.
 */
#ifndef WEFT_MODELS_MOMENTS_H
#define WEFT_MODELS_MOMENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "models/init.h"

/* Of channel c. The arrays are NULL when nobody asked for weights. */
typedef struct weft_moments {
    double *mean;
    double *var;
    double *zero; /* probability of being exactly 0; meaningful when is_rectified */
    bool is_rectified;
    size_t channels;
} weft_moments;

/* Density and distribution function of the standard normal; absolute error below 2e-4. */
double weft_moments_normal_pdf(double t);
double weft_moments_normal_cdf(double t);

/* Average over channels of E[x^2]. */
double weft_moments_mean_square(const weft_moments *x);

/* y = max(x, 0). */
void weft_moments_relu(const weft_moments *x, weft_moments *y);

/* y = 1 / (1 + exp(-x)). */
void weft_moments_sigmoid(const weft_moments *x, weft_moments *y);

/*
 * y = max(stream + branch, 0), independent. A rectified stream is far from normal, and taking it
 * for normal loses a third of its variance in every block; it is taken as three points instead:
 * zero, and one standard deviation to either side of the mean of its positive part.
 */
void weft_moments_add_relu(const weft_moments *stream, const weft_moments *branch, weft_moments *y);

/* y = the largest of `count` independent draws of x, 1 to 4, each taken for normal around its mean;
 * a rectified x stays so. */
void weft_moments_max(const weft_moments *x, int count, weft_moments *y);

/* y = a * b, independent. */
void weft_moments_mul(const weft_moments *a, const weft_moments *b, weft_moments *y);

/*
 * y = W x for the weight [y->channels][x->channels][taps] of the recipe; bias may be NULL.
 * Generates the weight piece by piece, so it needs no memory of the weight's size.
 */
void weft_moments_linear(const weft_init_recipe *weight, size_t taps, const float *bias,
                         const weft_moments *x, weft_moments *y);

#endif
