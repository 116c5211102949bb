/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the 8-bit kernels share: random 8-bit values, limits and ratios that reach the
 * ends of the contract, and whole random layers of weft.QConv2D with what the rules of weft_int.h
 * make of them, in plain loops. Knows nothing of kernels, panels or OpenCL. */
#ifndef WEFT_TESTS_NAIVE_INT_H
#define WEFT_TESTS_NAIVE_INT_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/cpu/qtile_rule.h"
#include "kernels/include/weft_tables.h"

/* A number in the range of the type, often at one of its ends. */
int weft_naive_value(int is_signed);
/* New bytes: random ones, or all at one end of a type. */
uint8_t *weft_naive_bytes(size_t count);
/* A zero point and limits, half of the time those of the type. */
void weft_naive_range(int is_signed, int *out_zero, int *out_min, int *out_max);
/* Ratios: such that sums like the typical one spread over the range, exact halves, and both ends of
 * the contract. */
void weft_naive_ratio(double typical_sum, int32_t *out_mult, int32_t *out_shift);
/* Multipliers of an add stage. */
void weft_naive_ratio_pair(int *out_a_mult, int *out_b_mult, int *out_shift);

/* Numbers of a LayerNorm of `count` channels as the compiler makes them, now and then any that the
 * contract allows. */
void weft_naive_norm(int count, int32_t *gamma, int32_t *beta, weft_layer_norm *out);
/* The margin that the planner gives the kernels for it. */
double weft_naive_margin(int count, const int32_t *gamma, const int32_t *beta,
                         const weft_layer_norm *norm);

/* The kernels' flags. */
enum {
    NAIVE_X_SIGNED = 1,
    NAIVE_C_SIGNED = 2,
    NAIVE_TABLE = 4,
    NAIVE_T_SIGNED = 8,
    NAIVE_RES = 16,
    NAIVE_RES_SIGNED = 32,
    NAIVE_SUMS = 64,
    NAIVE_SMALL = 128,
    NAIVE_SATURATES = 256,
    NAIVE_NORMALISED = 512,
    NAIVE_NORM_SIGNED = 1024
};

struct naive_layer {
    struct weft_cpu_qconv_shape shape;
    int groups, pb, pr, flags, x_zero;
    int c_zero, c_min, c_max, a_zero, a_mult, b_zero, b_mult, add_shift, y_zero, y_min, y_max;
    uint8_t *x, *res, *want, table[256]; /* x NHWC, or NCHW when the shape says so */
    int8_t *w;                           /* [oc][kh][kw][ic / groups] */
    int32_t *bias, *mult, *shift, *sums;
    /* NAIVE_NORM: pixels are normalised to `codes`, whose zero point is x_zero */
    weft_layer_norm norm;
    int norm_min, norm_max;
    int32_t *gamma, *beta;
    uint8_t *codes;
};

/* NAIVE_NORM: products of normalised pixels. */
enum naive_form { NAIVE_ANY, NAIVE_WINOGRAD, NAIVE_GROUPED, NAIVE_NORM };

/* A random layer and its results; `dot` is that of the shape. */
void weft_naive_make_layer(struct naive_layer *l, int dot, enum naive_form form);
void weft_naive_free_layer(struct naive_layer *l);
/* What the channel sums take off each value: the zero point of y. */
int weft_naive_sums_zero(const struct naive_layer *l);

#endif
