/* SPDX-License-Identifier: Apache-2.0 */
/* 8-bit values from f32 and back: QuantizeLinear and DequantizeLinear. Work-group size 1; every work-item converts `block` elements of a row.
 * Printed behind qfinish.cl. */

/* Scales and zero points of quantize and dequantize: row r has those at r % count, or with step 1 element i has those at i. */
INLINE fv scales_v(__global const float *scale, const int step, const int left)
{
    return step ? load_part(scale, left) : (fv)(scale[0]);
}

INLINE iv zeros_v(__global const int *zero, const int step, const int left)
{
    int t[WEFT_VW];
    if (!step)
        return (iv)(zero[0]);
    for (int i = 0; i < WEFT_VW; i++)
        t[i] = i < left ? zero[i] : 0;
    return WEFT_CAT(vload, WEFT_VW)(0, t);
}

/* x / scale as IEEE 754 rounds it, which OpenCL does not ask of a division of floats: a device may be 2.5 units in the last place
 * off. In double it is x times the inverse of the scale, rounded to float. The inverse and the product are each off by at most 2^-53, together
 * by less than 2^-51, relative. A quotient of two significands of 24 bits is no number of 25 bits, and differs from each by at least 2^-49: with
 * whole numbers a, b < 2^24 and m < 2^25, a 2^k / b - m is at least 1 / b. So both lie on the same side of every place where rounding to
 * float changes. Below the normal floats that may fail, and all of them round to the integer 0. Without doubles the quotient of the
 * significands is made in integers. The scale is positive and not subnormal. */
#ifdef cl_khr_fp64
typedef WEFT_CAT(double, WEFT_VW) divisor_v;

INLINE divisor_v divisor_of(const fv scale)
{
    return 1.0 / __builtin_convertvector(scale, divisor_v);
}

INLINE fv divide_v(const fv x, const divisor_v inverse)
{
    return __builtin_convertvector(__builtin_convertvector(x, divisor_v) * inverse, fv);
}
#else
typedef fv divisor_v;
#define divisor_of(scale) (scale)

INLINE float divide(const float x, const float scale)
{
    const uint bits = as_uint(x) & 0x7fffffff, by = as_uint(scale);
    const uint lost = bits < 0x800000 ? clz(bits) - 8 : 0; /* leading bits of a subnormal number */
    const int exponent = max((int)(bits >> 23), 1) - (int)lost - (int)(by >> 23);
    if (bits == 0 || exponent < -10)
        return 0.0f;
    if (bits >= 0x7f800000 || exponent > 30)
        return x * INFINITY; /* a NaN, or beyond all limits */
    /* 25 or 26 bits of the quotient, of which 24 remain. No quotient of 24 bits by 24 lies half way: 25 bits of it times the divisor
     * would be more than 24. */
    const ulong top = (ulong)((bits & 0x7fffff) << lost | (lost == 0) << 23) << 25;
    const uint quotient = (uint)(top / (by & 0x7fffff | 0x800000)), drop = quotient >> 25 ? 2 : 1;
    const float magnitude = ldexp((float)((quotient + (1u << (drop - 1))) >> drop), exponent - 25 + (int)drop);
    return x < 0.0f ? -magnitude : magnitude;
}

INLINE fv divide_v(const fv x, const divisor_v scale)
{
    float q[WEFT_VW], s[WEFT_VW];
    STOREV(x, q);
    STOREV(scale, s);
    for (int i = 0; i < WEFT_VW; i++)
        q[i] = divide(q[i], s[i]);
    return LOADV(q);
}
#endif

/* One vector: limits are whole numbers, so that they may come before the rounding; then adding SMALL_ROUNDER rounds. */
INLINE iv quantize_v(const fv x, const divisor_v scale, const iv zero, const int low)
{
    const fv least = __builtin_convertvector(low - zero, fv), most = __builtin_convertvector(low + 255 - zero, fv);
    fv v = divide_v(x, scale);
    v = v >= least ? v : least; /* a NaN too */
    v = v > most ? most : v;
    return __builtin_astype(v + SMALL_ROUNDER, iv) + (zero - SMALL_ROUNDER_BITS);
}

/* y = clamp(round(x / scale) + zero, low, low + 255), halves to the even integer, NaN to low. Global {rows, ceil(inner /
 * block)}. */
__kernel void weft_quantize(__global const float *restrict x, __global const float *restrict scale,
                            __global const int *restrict zero, __global uchar *restrict y, const int low, const int inner,
                            const int count, const int step, const int block)
{
    const int row = (int)get_global_id(0), k = row % count;
    const int end = min(((int)get_global_id(1) + 1) * block, inner);
    __global const float *px = x + row * inner;
    __global uchar *py = y + row * inner;
    int i = (int)get_global_id(1) * block;
    if (!step) {
        const divisor_v s = divisor_of((fv)(scale[k]));
        const iv z = (iv)(zero[k]);
        for (; i + WEFT_VW <= end; i += WEFT_VW)
            *(__global bytes_v *)(py + i) = __builtin_convertvector(quantize_v(LOADV(px + i), s, z, low), bytes_v);
    }
    for (; i < end; i += WEFT_VW) {
        const divisor_v s = divisor_of(scales_v(scale + k + i * step, step, end - i));
        const iv z = zeros_v(zero + k + i * step, step, end - i);
        store_bytes(quantize_v(load_part(px + i, end - i), s, z, low), py + i, end - i);
    }
}

/* y = (x - zero) * scale; kind 0 u8, 1 s8, 2 s32. Global as weft_quantize. */
__kernel void weft_dequantize(__global const uchar *restrict x, __global const float *restrict scale,
                              __global const int *restrict zero, __global float *restrict y, const int kind,
                              const int inner, const int count, const int step, const int block)
{
    const int row = (int)get_global_id(0), k = row % count;
    const int end = min(((int)get_global_id(1) + 1) * block, inner);
    for (int i = (int)get_global_id(1) * block; i < end; i += WEFT_VW) {
        const fv s = scales_v(scale + k + i * step, step, end - i);
        const iv z = zeros_v(zero + k + i * step, step, end - i);
        const int at = row * inner + i;
        fv v;
        if (kind == 2) {
            float t[WEFT_VW];
            int offset[WEFT_VW];
            WEFT_CAT(vstore, WEFT_VW)(z, 0, offset);
            for (int l = 0; l < WEFT_VW; l++)
                t[l] = i + l < end ? (float)((long)((__global const int *)x)[at + l] - offset[l]) : 0.0f;
            v = LOADV(t);
        } else {
            v = __builtin_convertvector(load_bytes(x + at, kind, end - i) - z, fv);
        }
        store_part(v * s, y + at, end - i);
    }
}
