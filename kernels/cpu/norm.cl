/* SPDX-License-Identifier: Apache-2.0 */
/* Layer normalisation, f32: rows of `count` elements get mean 0 and variance 1, then a scale and a shift per element of the row.
 *   y[r][i] = (x[r][i] - mean(x[r])) / sqrt(variance(x[r]) + epsilon) * scale[i] + bias[i]
 * The variance is the mean of squared distances from the mean, in a pass of its own: a difference of two large sums would lose it.
 * Global {rows, 1}, work-group size 1. Sums run in the order of memory, lane by lane. y may be x. */

#define FLAG_BIAS 1
#define FLAG_STORE_MEAN 2    /* means[r] */
#define FLAG_STORE_INVERSE 4 /* inverses[r] = 1 / sqrt(variance + epsilon) */

/* Sum over a row of x - shift - rest, or of its square. Four sums in turn, so that long rows do not pile rounding errors onto one. */
INLINE float row_sum(__global const float *x, const int count, const float shift, const float rest, const int is_square)
{
    fv sum[4] = {(fv)(0.0f), (fv)(0.0f), (fv)(0.0f), (fv)(0.0f)};
    int i = 0, turn = 0;
    for (; i + WEFT_VW <= count; i += WEFT_VW, turn = (turn + 1) % 4) {
        const fv v = LOADV(x + i) - shift - rest;
        sum[turn] = is_square ? fma(v, v, sum[turn]) : sum[turn] + v;
    }
    float lane[WEFT_VW], all = 0.0f;
    STOREV((sum[0] + sum[1]) + (sum[2] + sum[3]), lane);
    for (int l = 0; l < WEFT_VW; l++)
        all += lane[l];
    for (; i < count; i++) {
        const float v = x[i] - shift - rest;
        all += is_square ? v * v : v;
    }
    return all;
}

__kernel void weft_layer_norm(__global const float *x, __global const float *restrict scale,
                              __global const float *restrict bias, __global float *y, __global float *means,
                              __global float *inverses, const int flags, const int count, const float epsilon)
{
    const int row = (int)get_global_id(0);
    __global const float *from = x + row * count;
    __global float *to = y + row * count;
    /* The mean is shift + rest: rounded to one number it would be off by more than a deviation that is small beside it. */
    const float shift = row_sum(from, count, 0.0f, 0.0f, 0) / (float)count;
    const float rest = row_sum(from, count, shift, 0.0f, 0) / (float)count;
    const float inverse = 1.0f / sqrt(row_sum(from, count, shift, rest, 1) / (float)count + epsilon);
    for (int i = 0; i < count; i += WEFT_VW) {
        const int left = count - i;
        fv v = (load_part(from + i, left) - shift - rest) * inverse * load_part(scale + i, left);
        if (flags & FLAG_BIAS)
            v += load_part(bias + i, left);
        store_part(v, to + i, left);
    }
    if (flags & FLAG_STORE_MEAN)
        means[row] = shift + rest;
    if (flags & FLAG_STORE_INVERSE)
        inverses[row] = inverse;
}
