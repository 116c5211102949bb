/* SPDX-License-Identifier: Apache-2.0 */
/* Plain loops that say what a kernel must compute, in double, for the tests of the CPU kernels.
 * They are written from the operators' definitions and know nothing of the kernels, of panels or of
 * OpenCL. */
#ifndef WEFT_TESTS_NAIVE_H
#define WEFT_TESTS_NAIVE_H

#include <stddef.h>

struct conv_shape {
    int n, ih, iw, ic, oc, kh, kw, sh, sw, dh, dw;
    int pt, pl, pb, pr, groups;
};

int weft_naive_oh(const struct conv_shape *s);
int weft_naive_ow(const struct conv_shape *s);

/* x NHWC, w [oc][kh][kw][ic per group]; y NHWC without activation. */
void weft_naive_conv(const struct conv_shape *s, const float *x, const float *w, const float *bias,
                     double *y);

/* Average over the elements of a window that exist; y is [n][oh][ow][c]. */
void weft_naive_average(const float *x, float *y, int n, int ih, int iw, int c, int oh, int ow,
                        int window, int stride, int pad);

/* Activation numbers are those of kernels/cpu/README.md. */
double weft_naive_act(double x, int act, double a, double b);

/* Seeded uniform numbers in [-1, 1], integers in [low, high], and a new array of such numbers. */
float weft_naive_random(void);
int weft_naive_between(int low, int high);
float *weft_naive_array(size_t count);

/* Largest |got - want| divided by the largest |want|. */
double weft_naive_error(const float *got, const double *want, size_t count);

#endif
