/* SPDX-License-Identifier: Apache-2.0 */
/* 8-bit values element by element: tables, sums, products with a residual, and the way from and to f32. Sums and
 * products take any broadcasting by element strides. Work-group size 1; every work-item computes `block` elements, or
 * `row_block` rows, of y. */

/* y = table[x], a table of 256 for codes in order: a signed x begins at -128. Global {ceil(count / block), 1}. */
__kernel void weft_qtable(__global const uchar *restrict x, __global const uchar *restrict table, __global uchar *restrict y,
                          const int is_signed, const int count, const int block)
{
    const uchar flip = is_signed ? 128 : 0;
    const int end = min(((int)get_global_id(0) + 1) * block, count);
    for (int i = (int)get_global_id(0) * block; i < end; i++)
        y[i] = table[x[i] ^ flip];
}

INLINE iv load_stepped(__global const uchar *p, const int stride, const int is_signed, const int left)
{
    if (stride == 1)
        return load_bytes(p, is_signed, left);
    if (stride == 0)
        return (iv)(is_signed ? (int)(char)p[0] : (int)p[0]);
    int t[WEFT_VW];
    for (int i = 0; i < WEFT_VW; i++)
        t[i] = i >= left ? 0 : is_signed ? (int)(char)p[i * stride] : (int)p[i * stride];
    return WEFT_CAT(vload, WEFT_VW)(0, t);
}

/* weft_add_stage of a vector; a and b have their zero points off. */
INLINE iv add_stage_v(const iv a, const int a_mult, const iv b, const int b_mult, const int shift, const int zero,
                      const int low, const int high)
{
    const iv value = a * a_mult + b * b_mult;
    const iv rounded = (value + ((1 << (shift - 1)) - 1) + ((value >> shift) & 1)) >> shift;
    return min(max(rounded + zero, (iv)(low)), (iv)(high));
}

/* Where row `row` of an operand with strides s0..s4 begins; the innermost dimension is the sixth. */
#define ROW_OFFSET(s)                                                                                                   \
    ((row % d4) * s##4 + (row / d4 % d3) * s##3 + (row / d4 / d3 % d2) * s##2 + (row / d4 / d3 / d2 % d1) * s##1 +       \
     (row / d4 / d3 / d2 / d1) * s##0)

/* y = clamp(round(((a - a_zero) * a_mult + (b - b_zero) * b_mult) / 2^shift) + y_zero, y_min, y_max); y is contiguous with
 * dimensions d0..d5. flags: 1 a is signed, 2 b is signed. Global {ceil(d0*..*d4 / row_block), ceil(d5 / block)}. */
__kernel void weft_qadd(__global const uchar *restrict a, __global const uchar *restrict b, __global uchar *y, const int flags,
                        const int rows, const int d1, const int d2, const int d3, const int d4, const int d5, const int a0,
                        const int a1, const int a2, const int a3, const int a4, const int a5, const int b0, const int b1,
                        const int b2, const int b3, const int b4, const int b5, const int row_block, const int block,
                        const int a_zero, const int a_mult, const int b_zero, const int b_mult, const int shift,
                        const int y_zero, const int y_min, const int y_max)
{
    const int last = min(((int)get_global_id(0) + 1) * row_block, rows);
    const int begin = (int)get_global_id(1) * block, end = min(begin + block, d5);
    for (int row = (int)get_global_id(0) * row_block; row < last; row++) {
        __global const uchar *pa = a + ROW_OFFSET(a), *pb = b + ROW_OFFSET(b);
        __global uchar *py = y + row * d5;
        int i = begin;
        if (a5 == 1 && b5 == 1)
            for (; i + WEFT_VW <= end; i += WEFT_VW) {
                const iv va = load_flipped(pa + i, FLIP(flags & 1), FLIPPED_ZERO(a_zero, flags & 1));
                const iv vb = load_flipped(pb + i, FLIP(flags & 2), FLIPPED_ZERO(b_zero, flags & 2));
                const iv c = add_stage_v(va, a_mult, vb, b_mult, shift, y_zero, y_min, y_max);
                *(__global bytes_v *)(py + i) = __builtin_convertvector(c, bytes_v);
            }
        for (; i < end; i += WEFT_VW) {
            const iv va = load_stepped(pa + i * a5, a5, flags & 1, end - i) - a_zero;
            const iv vb = load_stepped(pb + i * b5, b5, flags & 2, end - i) - b_zero;
            store_bytes(add_stage_v(va, a_mult, vb, b_mult, shift, y_zero, y_min, y_max), py + i, end - i);
        }
    }
}

/* c = clamp(round((a - a_zero) * (b - b_zero) * ratio) + c_zero, c_min, c_max), and with flag 8 the sum of c and the residual r, which lies
 * like y. Products are below 2^17, so that they and ratios are floats without error and one multiply-add rounds them. flags: 1 a, 2 b,
 * 4 r signed. Global as weft_qadd. */
__kernel void weft_qmul(__global const uchar *restrict a, __global const uchar *restrict b, __global const uchar *r,
                        __global uchar *y, const int flags, const int rows, const int d1, const int d2, const int d3,
                        const int d4, const int d5, const int a0, const int a1, const int a2, const int a3, const int a4,
                        const int a5, const int b0, const int b1, const int b2, const int b3, const int b4, const int b5,
                        const int row_block, const int block, const int a_zero, const int b_zero, const float ratio,
                        const int c_zero, const int c_min, const int c_max, const int c_mult, const int r_zero,
                        const int r_mult, const int add_shift, const int y_zero, const int y_min, const int y_max)
{
    const int last = min(((int)get_global_id(0) + 1) * row_block, rows);
    const int begin = (int)get_global_id(1) * block, end = min(begin + block, d5);
    const fv low = (fv)(SMALL_ROUNDER + (c_min - c_zero)), high = (fv)(SMALL_ROUNDER + (c_max - c_zero));
    for (int row = (int)get_global_id(0) * row_block; row < last; row++) {
        __global const uchar *pa = a + ROW_OFFSET(a), *pb = b + ROW_OFFSET(b), *pr = r + row * d5;
        __global uchar *py = y + row * d5;
        int i = begin;
        if (a5 == 1 && b5 == 1 && (flags & 8))
            for (; i + WEFT_VW <= end; i += WEFT_VW) {
                const iv va = load_flipped(pa + i, FLIP(flags & 1), FLIPPED_ZERO(a_zero, flags & 1));
                const iv vb = load_flipped(pb + i, FLIP(flags & 2), FLIPPED_ZERO(b_zero, flags & 2));
                const iv vr = load_flipped(pr + i, FLIP(flags & 4), FLIPPED_ZERO(r_zero, flags & 4));
                const iv c = round_small_v(va * vb, (fv)(ratio), low, high) - SMALL_ROUNDER_BITS;
                const iv v = add_stage_v(c, c_mult, vr, r_mult, add_shift, y_zero, y_min, y_max);
                *(__global bytes_v *)(py + i) = __builtin_convertvector(v, bytes_v);
            }
        for (; i < end; i += WEFT_VW) {
            const iv va = load_stepped(pa + i * a5, a5, flags & 1, end - i) - a_zero;
            const iv vb = load_stepped(pb + i * b5, b5, flags & 2, end - i) - b_zero;
            iv c = round_small_v(va * vb, (fv)(ratio), low, high) - SMALL_ROUNDER_BITS;
            if (flags & 8) /* c without its zero point is what the sum wants */
                c = add_stage_v(c, c_mult, load_bytes(pr + i, flags & 4, end - i) - r_zero, r_mult, add_shift,
                                y_zero, y_min, y_max);
            else
                c += c_zero;
            store_bytes(c, py + i, end - i);
        }
    }
}

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
 * off. A quotient in double, rounded again to float, is the exact quotient rounded once, because 53 >= 2 * 24 + 2 (S. A. Figueroa,
 * "When is double rounding innocuous?", 1995); below the normal floats it may not be, and rounds to the integer 0 all the same.
 * Without doubles the quotient of the significands is made in integers. The scale is positive and not subnormal. */
#ifdef cl_khr_fp64
INLINE float divide(const float x, const float scale)
{
    return (float)((double)x / (double)scale);
}
#else
INLINE float divide(const float x, const float scale)
{
    const uint bits = as_uint(x) & 0x7fffffff, by = as_uint(scale);
    const uint lost = bits < 0x800000 ? clz(bits) - 8 : 0; /* leading bits of a subnormal number */
    const int exponent = max((int)(bits >> 23), 1) - (int)lost - (int)(by >> 23);
    if (bits == 0 || exponent < -10)
        return 0.0f;
    if (bits >= 0x7f800000 || exponent > 30)
        return x * INFINITY; /* a NaN, or beyond all limits */
    /* 25 or 26 bits of the quotient, and whether anything is left: 24 remain, halves to even. */
    const ulong top = (ulong)((bits & 0x7fffff) << lost | (lost == 0) << 23) << 25;
    const uint bottom = by & 0x7fffff | 0x800000;
    const uint quotient = (uint)(top / bottom), rest = (uint)(top % bottom != 0);
    const uint drop = quotient >> 25 ? 2 : 1;
    const uint kept = quotient >> drop, half_unit = 1u << (drop - 1), cut = quotient & ((1u << drop) - 1);
    const uint up = cut > half_unit || (cut == half_unit && (rest || kept & 1));
    const float magnitude = ldexp((float)(kept + up), exponent - 25 + (int)drop);
    return x < 0.0f ? -magnitude : magnitude;
}
#endif

INLINE fv divide_v(const fv x, const fv scale)
{
    float q[WEFT_VW], s[WEFT_VW];
    STOREV(x, q);
    STOREV(scale, s);
    for (int i = 0; i < WEFT_VW; i++)
        q[i] = divide(q[i], s[i]);
    return LOADV(q);
}

/* y = clamp(round(x / scale) + zero, low, low + 255), halves to the even integer, NaN to low. Global {rows, ceil(inner /
 * block)}. */
__kernel void weft_quantize(__global const float *restrict x, __global const float *restrict scale,
                            __global const int *restrict zero, __global uchar *restrict y, const int low, const int inner,
                            const int count, const int step, const int block)
{
    const int row = (int)get_global_id(0), k = row % count;
    const int end = min(((int)get_global_id(1) + 1) * block, inner);
    for (int i = (int)get_global_id(1) * block; i < end; i += WEFT_VW) {
        const fv s = scales_v(scale + k + i * step, step, end - i);
        const iv z = zeros_v(zero + k + i * step, step, end - i);
        const fv least = __builtin_convertvector(low - z, fv), most = __builtin_convertvector(low + 255 - z, fv);
        fv v = rint(divide_v(load_part(x + row * inner + i, end - i), s));
        v = v >= least ? v : least; /* a NaN too */
        v = v > most ? most : v;
        store_bytes(__builtin_convertvector(v, iv) + z, y + row * inner + i, end - i);
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
