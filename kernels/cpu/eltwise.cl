/* SPDX-License-Identifier: Apache-2.0 */
/* Element-wise work that no other kernel took in: unary functions, binary functions with broadcasting, and scale and shift
 * per channel, f32. Arrays are cut into blocks of `block` elements (or rows); global {blocks, 1} unless said otherwise,
 * work-group size 1. */

/* Unary functions besides the activations (numbers below 32 are ACT_*). */
#define UN_NEG 32
#define UN_ABS 33
#define UN_SQRT 34
#define UN_EXP 35
#define UN_LOG 36
#define UN_RECIPROCAL 37
#define UN_FLOOR 38
#define UN_CEIL 39
#define UN_ERF 40
#define UN_SOFTPLUS 41
#define UN_ELU 42
#define UN_SIGN 43
#define UN_ROUND 44
#define UN_SIN 45
#define UN_COS 46

#define BIN_ADD 0
#define BIN_SUB 1
#define BIN_MUL 2
#define BIN_DIV 3
#define BIN_MAX 4
#define BIN_MIN 5
#define BIN_POW 6
#define BIN_PRELU 7 /* a < 0 ? a * b : a */

INLINE fv unary(const fv x, const int op, const float a, const float b)
{
    switch (op) {
    case UN_NEG: return -x;
    case UN_ABS: return fabs(x);
    case UN_SQRT: return sqrt(x);
    case UN_EXP: return exp(x);
    case UN_LOG: return log(x);
    case UN_RECIPROCAL: return 1.0f / x;
    case UN_FLOOR: return floor(x);
    case UN_CEIL: return ceil(x);
    case UN_ERF: return erf(x);
    case UN_SOFTPLUS: return at_least(x, (fv)(0.0f)) + log1p(exp(-fabs(x)));
    case UN_ELU: return at_least(x, (fv)(0.0f)) + a * expm1(at_most(x, (fv)(0.0f)));
    case UN_SIGN: return sign(x);
    case UN_ROUND: return rint(x);
    case UN_SIN: return sin(x);
    case UN_COS: return cos(x);
    default: return act_v(x, op, a, b);
    }
}

INLINE fv binary(const fv a, const fv b, const int op)
{
    switch (op) {
    case BIN_ADD: return a + b;
    case BIN_SUB: return a - b;
    case BIN_MUL: return a * b;
    case BIN_DIV: return a / b;
    case BIN_MAX: return larger(a, b);
    case BIN_MIN: return smaller(a, b);
    case BIN_POW: return pow(a, b);
    default: return a < 0.0f ? a * b : a;
    }
}

__kernel void weft_unary(__global const float *x, __global float *y, const int op, const float a, const float b,
                         const int count, const int block)
{
    const int end = min(((int)get_global_id(0) + 1) * block, count);
    for (int i = (int)get_global_id(0) * block; i < end; i += WEFT_VW)
        store_part(unary(load_part(x + i, end - i), op, a, b), y + i, end - i);
}

/* y = act(x * scale[c] + shift[c]) over rows of c channels; block counts rows. */
__kernel void weft_affine(__global const float *x, __global const float *restrict scale,
                          __global const float *restrict shift, __global float *y, const int act, const float a,
                          const float b, const int rows, const int c, const int block)
{
    const int end = min(((int)get_global_id(0) + 1) * block, rows);
    for (int r = (int)get_global_id(0) * block; r < end; r++)
        for (int ch = 0; ch < c; ch += WEFT_VW) {
            const int left = c - ch;
            const fv v = fma(load_part(x + r * c + ch, left), load_part(scale + ch, left), load_part(shift + ch, left));
            store_part(act_v(v, act, a, b), y + r * c + ch, left);
        }
}

INLINE fv load_strided(__global const float *p, const int stride, const int left)
{
    if (stride == 1)
        return load_part(p, left);
    if (stride == 0)
        return (fv)(p[0]);
    float t[WEFT_VW];
    for (int i = 0; i < WEFT_VW; i++)
        t[i] = i < left ? p[i * stride] : 0.0f;
    return LOADV(t);
}

/* y = act(op(a, b)); y is contiguous with dimensions d0..d5 (d5 innermost); a and b have an element stride per dimension,
 * 0 where they broadcast. The caller merges dimensions that can be one. Global {d0*..*d4, blocks of d5}. */
__kernel void weft_binary(__global const float *a, __global const float *b, __global float *y, const int op,
                          const int act, const float act_a, const float act_b, const int d1, const int d2, const int d3,
                          const int d4, const int d5, const int a0, const int a1, const int a2, const int a3,
                          const int a4, const int a5, const int b0, const int b1, const int b2, const int b3,
                          const int b4, const int b5, const int block)
{
    const int row = (int)get_global_id(0);
    const int i4 = row % d4, i3 = row / d4 % d3, i2 = row / d4 / d3 % d2;
    const int i1 = row / d4 / d3 / d2 % d1, i0 = row / d4 / d3 / d2 / d1;
    __global const float *pa = a + i0 * a0 + i1 * a1 + i2 * a2 + i3 * a3 + i4 * a4;
    __global const float *pb = b + i0 * b0 + i1 * b1 + i2 * b2 + i3 * b3 + i4 * b4;
    __global float *py = y + row * d5;
    const int end = min(((int)get_global_id(1) + 1) * block, d5);
    for (int i = (int)get_global_id(1) * block; i < end; i += WEFT_VW) {
        const fv va = load_strided(pa + i * a5, a5, end - i);
        const fv vb = load_strided(pb + i * b5, b5, end - i);
        store_part(act_v(binary(va, vb, op), act, act_a, act_b), py + i, end - i);
    }
}
