/* SPDX-License-Identifier: Apache-2.0 */
/* See naive.h. */
#include "tests/kernels/naive.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int weft_naive_oh(const struct conv_shape *s)
{
    return (s->ih + s->pt + s->pb - (s->kh - 1) * s->dh - 1) / s->sh + 1;
}

int weft_naive_ow(const struct conv_shape *s)
{
    return (s->iw + s->pl + s->pr - (s->kw - 1) * s->dw - 1) / s->sw + 1;
}

void weft_naive_conv(const struct conv_shape *s, const float *x, const float *w, const float *bias,
                     double *y)
{
    const int oh = weft_naive_oh(s), ow = weft_naive_ow(s);
    const int icg = s->ic / s->groups, ocg = s->oc / s->groups;
    for (int n = 0; n < s->n; n++)
        for (int oy = 0; oy < oh; oy++)
            for (int ox = 0; ox < ow; ox++)
                for (int o = 0; o < s->oc; o++) {
                    double sum = (double)bias[o];
                    for (int i = 0; i < s->kh; i++)
                        for (int j = 0; j < s->kw; j++) {
                            const int iy = oy * s->sh - s->pt + i * s->dh;
                            const int ix = ox * s->sw - s->pl + j * s->dw;
                            if (iy < 0 || iy >= s->ih || ix < 0 || ix >= s->iw)
                                continue;
                            const float *pixel =
                                x + ((n * s->ih + iy) * s->iw + ix) * s->ic + o / ocg * icg;
                            for (int c = 0; c < icg; c++)
                                sum += (double)pixel[c] *
                                       (double)w[((o * s->kh + i) * s->kw + j) * icg + c];
                        }
                    *y++ = sum;
                }
}

void weft_naive_average(const float *x, float *y, int n, int ih, int iw, int c, int oh, int ow,
                        int window, int stride, int pad)
{
    for (int b = 0; b < n; b++)
        for (int oy = 0; oy < oh; oy++)
            for (int ox = 0; ox < ow; ox++)
                for (int ch = 0; ch < c; ch++) {
                    double sum = 0;
                    int count = 0;
                    for (int iy = oy * stride - pad; iy < oy * stride - pad + window; iy++)
                        for (int ix = ox * stride - pad; ix < ox * stride - pad + window; ix++)
                            if (iy >= 0 && iy < ih && ix >= 0 && ix < iw) {
                                sum += (double)x[((b * ih + iy) * iw + ix) * c + ch];
                                count++;
                            }
                    *y++ = (float)(sum / count);
                }
}

double weft_naive_act(double x, int act, double a, double b)
{
    const double sigmoid = 1 / (1 + exp(-x));
    switch (act) {
    case 1: return x > 0 ? x : 0;
    case 2: return x < a ? a : x > b ? b : x;
    case 3: return sigmoid;
    case 4: return x * sigmoid;
    case 5: return fmin(fmax(a * x + b, 0), 1);
    case 6: return x * fmin(fmax(x / 6 + 0.5, 0), 1);
    case 7: return x > 0 ? x : a * x;
    case 8: return 0.5 * x * (1 + erf(x / sqrt(2)));
    case 9: return tanh(x);
    case 10:
        return 0.5 * x * (1 + tanh(sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x)));
    default: return x;
    }
}

/* A 64-bit linear congruential generator; the upper half is used. The state is the test program's
 * only global: every shape follows from it, so a failure repeats. */
static uint64_t random_state = 7;

static uint32_t next_random(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 32);
}

float weft_naive_random(void)
{
    return (float)((double)next_random() / 2147483648.0 - 1.0);
}

int weft_naive_between(int low, int high)
{
    return low + (int)(next_random() % (uint32_t)(high - low + 1));
}

float *weft_naive_array(size_t count)
{
    float *data = malloc(count * sizeof *data);
    if (data == NULL) {
        fprintf(stderr, "out of memory\n");
        exit(1);
    }
    for (size_t i = 0; i < count; i++)
        data[i] = weft_naive_random();
    return data;
}

double weft_naive_error(const float *got, const double *want, size_t count)
{
    double error = 0, largest = 1e-30;
    for (size_t i = 0; i < count; i++) {
        const double difference = fabs((double)got[i] - want[i]);
        if (!(difference <= error)) /* also takes a NaN */
            error = difference;
        if (fabs(want[i]) > largest)
            largest = fabs(want[i]);
    }
    return error / largest;
}
