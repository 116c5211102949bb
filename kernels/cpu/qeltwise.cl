/* SPDX-License-Identifier: Apache-2.0 */
/* 8-bit values element by element: tables, sums, products with a residual. Sums and products take any broadcasting by element
 * strides. Work-group size 1; every work-item computes `block` elements, or `row_block` rows, of y. */

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

/* Four vectors at once, for operands that lie side by side: bytes with the sign bit flipped where the type is signed, so that all are
 * unsigned and the zero points hold the difference. The add stage is then a * a_mult + b * b_mult + offset modulo 2^32, where
 * the offset takes off both zero points and holds what is just below half: the whole fits s32, so its parts need not. The bit that
 * makes halves even is read behind that addition: it matters only where the sum is a half, and there both read the same. */
#define QUAD (4 * WEFT_VW)
typedef uint uv __attribute__((ext_vector_type(WEFT_VW)));
typedef uchar quad_bytes __attribute__((ext_vector_type(QUAD), aligned(1)));
typedef short half_shorts __attribute__((ext_vector_type(2 * WEFT_VW)));

/* Vector n of the four that bytes become, and the bytes that four vectors become within limits. Which bytes a vector gets does not matter as
 * long as both agree; AVX2 and AVX-512 are slow across the lanes of 128 bits of their registers. Saturating to 16 bits first takes nothing off that limits of 8 bits
 * would leave. */
#if WEFT_VW == 8 && defined(__AVX2__)
#define WITHIN_LANES(name) __builtin_ia32_##name##256
#define LANE_INDEX (iv)(0, 1, 2, 3, 0, 1, 2, 3)
#elif WEFT_VW == 16 && defined(__AVX512BW__)
#define WITHIN_LANES(name) __builtin_ia32_##name##512
#define LANE_INDEX (iv)(0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3)
#endif

#ifdef WITHIN_LANES
typedef char shuffled_v __attribute__((vector_size(QUAD)));
typedef int packed_v __attribute__((vector_size(QUAD)));
typedef short packed_shorts __attribute__((vector_size(QUAD)));

INLINE iv shuffle_bytes(const quad_bytes x, const iv from)
{
    return __builtin_astype(WITHIN_LANES(pshufb)(__builtin_astype(x, shuffled_v), __builtin_astype(from, shuffled_v)), iv);
}

INLINE iv spread(const quad_bytes x, const int n)
{
    return shuffle_bytes(x, LANE_INDEX + (4 * n + (int)0x80808000)); /* byte 4n + lane, and three zeros */
}

/* (a - a_zero) * (b - b_zero) of two spread vectors, as one sum of two products of 16 bits: a * b' - a_zero * b'. */
INLINE iv multiply_spread(const quad_bytes a, const int a_zero, const quad_bytes b, const int b_zero, const int n)
{
    const iv twice = shuffle_bytes(b, LANE_INDEX * 0x10001 + (4 * n * 0x10001 + (int)0x80008000)); /* b in both halves */
    const packed_shorts left = __builtin_astype(spread(a, n) | (int)((uint)-a_zero << 16), packed_shorts);
    const packed_shorts right = __builtin_astype(twice, packed_shorts) - (short)b_zero;
    return __builtin_astype(WITHIN_LANES(pmaddwd)(left, right), iv);
}

INLINE half_shorts saturate(const iv first, const iv second)
{
    return __builtin_astype(
        WITHIN_LANES(packssdw)(__builtin_astype(first, packed_v), __builtin_astype(second, packed_v)), half_shorts);
}

INLINE quad_bytes join(const half_shorts first, const half_shorts second)
{
    return __builtin_astype(WITHIN_LANES(packuswb)(__builtin_astype(first & (short)255, packed_shorts),
                                                   __builtin_astype(second & (short)255, packed_shorts)),
                            quad_bytes);
}
#else
INLINE iv spread(const quad_bytes x, const int n)
{
    return __builtin_convertvector(((const bytes_v *)&x)[n], iv);
}

INLINE iv multiply_spread(const quad_bytes a, const int a_zero, const quad_bytes b, const int b_zero, const int n)
{
    return (spread(a, n) - a_zero) * (spread(b, n) - b_zero);
}

INLINE half_shorts saturate(const iv first, const iv second)
{
    half_shorts r;
    r.lo = __builtin_convertvector(min(max(first, (iv)(-32768)), (iv)(32767)), WEFT_CAT(short, WEFT_VW));
    r.hi = __builtin_convertvector(min(max(second, (iv)(-32768)), (iv)(32767)), WEFT_CAT(short, WEFT_VW));
    return r;
}

INLINE quad_bytes join(const half_shorts first, const half_shorts second)
{
    typedef uchar half_bytes __attribute__((ext_vector_type(2 * WEFT_VW)));
    quad_bytes r;
    r.lo = __builtin_convertvector(first, half_bytes);
    r.hi = __builtin_convertvector(second, half_bytes);
    return r;
}
#endif

INLINE half_shorts limit(half_shorts v, const short low, const short high, const short zero)
{
    v = v < low ? low : v;
    v = v > high ? high : v;
    return v + zero;
}

INLINE void store_quad(const iv a, const iv b, const iv c, const iv d, const int zero, const int low, const int high,
                       __global uchar *y)
{
    const short least = (short)(low - zero), most = (short)(high - zero);
    *(__global quad_bytes *)y =
        join(limit(saturate(a, b), least, most, (short)zero), limit(saturate(c, d), least, most, (short)zero));
}

INLINE quad_bytes load_quad(__global const uchar *p, const uchar flip)
{
    return *(__global const quad_bytes *)p ^ flip;
}

/* The zero points are those of the flipped bytes. */
struct sum_stage {
    int a_zero, a_mult, b_zero, b_mult, shift, zero, low, high;
};

INLINE uint sum_offset(const struct sum_stage *sum)
{
    return ((1u << (sum->shift - 1)) - 1) - (uint)sum->a_zero * (uint)sum->a_mult - (uint)sum->b_zero * (uint)sum->b_mult;
}

INLINE iv sum_v(const iv a, const iv b, const uint offset, const struct sum_stage *sum)
{
    const iv r = __builtin_astype(__builtin_astype(a, uv) * (uint)sum->a_mult + __builtin_astype(b, uv) * (uint)sum->b_mult +
                                      offset,
                                  iv);
    return (r + ((r >> sum->shift) & 1)) >> sum->shift;
}

/* Where a row of y has its operands: a and b with strides s0..s4 over d0..d4, walked from row to row. */
struct row_walk {
    int index[5], dims[5], steps[2][5];
    int at[2];
};

INLINE void walk_from(struct row_walk *walk, int row, const int d1, const int d2, const int d3, const int d4, const int a0,
                      const int a1, const int a2, const int a3, const int a4, const int b0, const int b1, const int b2,
                      const int b3, const int b4)
{
    const int dims[5] = {1, d1, d2, d3, d4}, steps[2][5] = {{a0, a1, a2, a3, a4}, {b0, b1, b2, b3, b4}};
    walk->at[0] = walk->at[1] = 0;
    for (int d = 4; d >= 0; d--) {
        walk->dims[d] = dims[d];
        walk->index[d] = d > 0 ? row % dims[d] : row;
        row = d > 0 ? row / dims[d] : 0;
        for (int k = 0; k < 2; k++) {
            walk->steps[k][d] = steps[k][d];
            walk->at[k] += walk->index[d] * steps[k][d];
        }
    }
}

INLINE void walk_on(struct row_walk *walk)
{
    for (int d = 4; d >= 0; d--) {
        walk->index[d]++;
        walk->at[0] += walk->steps[0][d];
        walk->at[1] += walk->steps[1][d];
        if (d == 0 || walk->index[d] < walk->dims[d])
            return;
        walk->index[d] = 0;
        walk->at[0] -= walk->dims[d] * walk->steps[0][d];
        walk->at[1] -= walk->dims[d] * walk->steps[1][d];
    }
}

/* The quads of a row from i to end; returns where they end. */
INLINE int add_quads(__global const uchar *a, __global const uchar *b, __global uchar *y, int i, const int end,
                     const int flags, const struct sum_stage *sum)
{
    const uint offset = sum_offset(sum);
    for (; i + QUAD <= end; i += QUAD) {
        const quad_bytes p = load_quad(a + i, FLIP(flags & 1)), q = load_quad(b + i, FLIP(flags & 2));
        store_quad(sum_v(spread(p, 0), spread(q, 0), offset, sum), sum_v(spread(p, 1), spread(q, 1), offset, sum),
                   sum_v(spread(p, 2), spread(q, 2), offset, sum), sum_v(spread(p, 3), spread(q, 3), offset, sum),
                   sum->zero, sum->low, sum->high, y + i);
    }
    return i;
}

/* y = clamp(round(((a - a_zero) * a_mult + (b - b_zero) * b_mult) / 2^shift) + y_zero, y_min, y_max); y is contiguous with
 * dimensions d0..d5. flags: 1 a is signed, 2 b is signed. Global {ceil(d0*..*d4 / row_block), ceil(d5 / block)}. */
__kernel void weft_qadd(__global const uchar *restrict a, __global const uchar *restrict b, __global uchar *y, const int flags,
                        const int rows, const int d1, const int d2, const int d3, const int d4, const int d5, const int a0,
                        const int a1, const int a2, const int a3, const int a4, const int a5, const int b0, const int b1,
                        const int b2, const int b3, const int b4, const int b5, const int row_block, const int block,
                        const int a_zero, const int a_mult, const int b_zero, const int b_mult, const int shift,
                        const int y_zero, const int y_min, const int y_max)
{
    const struct sum_stage sum = {FLIPPED_ZERO(a_zero, flags & 1), a_mult, FLIPPED_ZERO(b_zero, flags & 2), b_mult, shift,
                                  y_zero, y_min, y_max};
    const int first = (int)get_global_id(0) * row_block, last = min(first + row_block, rows);
    const int begin = (int)get_global_id(1) * block, end = min(begin + block, d5);
    struct row_walk walk;
    walk_from(&walk, first, d1, d2, d3, d4, a0, a1, a2, a3, a4, b0, b1, b2, b3, b4);
    for (int row = first; row < last; row++, walk_on(&walk)) {
        __global const uchar *pa = a + walk.at[0], *pb = b + walk.at[1];
        __global uchar *py = y + row * d5;
        int i = begin;
        if (a5 == 1 && b5 == 1)
            i = add_quads(pa, pb, py, i, end, flags, &sum);
        for (; i < end; i += WEFT_VW) {
            const iv va = load_stepped(pa + i * a5, a5, flags & 1, end - i) - a_zero;
            const iv vb = load_stepped(pb + i * b5, b5, flags & 2, end - i) - b_zero;
            store_bytes(add_stage_v(va, a_mult, vb, b_mult, shift, y_zero, y_min, y_max), py + i, end - i);
        }
    }
}

struct product_stage {
    int a_zero, b_zero, zero, low, high;
    float ratio;
};

/* Above SMALL_ROUNDER_BITS: vector n of a quad. */
INLINE iv product_v(const quad_bytes a, const quad_bytes b, const int n, const struct product_stage *c)
{
    return round_small_v(multiply_spread(a, c->a_zero, b, c->b_zero, n), (fv)(c->ratio), (fv)(SMALL_ROUNDER + (c->low - c->zero)),
                         (fv)(SMALL_ROUNDER + (c->high - c->zero)));
}

/* As add_quads; with the residual, a of the sum is what product_v returns. */
INLINE int multiply_quads(__global const uchar *a, __global const uchar *b, __global const uchar *r, __global uchar *y, int i,
                          const int end, const int flags, const struct product_stage *c, const struct sum_stage *sum)
{
    const uint offset = sum_offset(sum);
    for (; i + QUAD <= end; i += QUAD) {
        const quad_bytes p = load_quad(a + i, FLIP(flags & 1)), q = load_quad(b + i, FLIP(flags & 2));
        const iv c0 = product_v(p, q, 0, c), c1 = product_v(p, q, 1, c), c2 = product_v(p, q, 2, c), c3 = product_v(p, q, 3, c);
        if (flags & 8) {
            const quad_bytes s = load_quad(r + i, FLIP(flags & 4));
            store_quad(sum_v(c0, spread(s, 0), offset, sum), sum_v(c1, spread(s, 1), offset, sum),
                       sum_v(c2, spread(s, 2), offset, sum), sum_v(c3, spread(s, 3), offset, sum), sum->zero, sum->low,
                       sum->high, y + i);
        } else {
            store_quad(c0 - SMALL_ROUNDER_BITS, c1 - SMALL_ROUNDER_BITS, c2 - SMALL_ROUNDER_BITS, c3 - SMALL_ROUNDER_BITS,
                       c->zero, c->low, c->high, y + i);
        }
    }
    return i;
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
    const struct product_stage product = {
        FLIPPED_ZERO(a_zero, flags & 1), FLIPPED_ZERO(b_zero, flags & 2), c_zero, c_min, c_max, ratio};
    const struct sum_stage sum = {SMALL_ROUNDER_BITS, c_mult, FLIPPED_ZERO(r_zero, flags & 4), r_mult, max(add_shift, 1),
                                  y_zero, y_min, y_max};
    const int first = (int)get_global_id(0) * row_block, last = min(first + row_block, rows);
    const int begin = (int)get_global_id(1) * block, end = min(begin + block, d5);
    const fv low = (fv)(SMALL_ROUNDER + (c_min - c_zero)), high = (fv)(SMALL_ROUNDER + (c_max - c_zero));
    struct row_walk walk;
    walk_from(&walk, first, d1, d2, d3, d4, a0, a1, a2, a3, a4, b0, b1, b2, b3, b4);
    for (int row = first; row < last; row++, walk_on(&walk)) {
        __global const uchar *pa = a + walk.at[0], *pb = b + walk.at[1], *pr = r + row * d5;
        __global uchar *py = y + row * d5;
        int i = begin;
        if (a5 == 1 && b5 == 1)
            i = multiply_quads(pa, pb, pr, py, i, end, flags, &product, &sum);
        for (; i < end; i += WEFT_VW) {
            const iv va = load_stepped(pa + i * a5, a5, flags & 1, end - i) - a_zero;
            const iv vb = load_stepped(pb + i * b5, b5, flags & 2, end - i) - b_zero;
            iv c = round_small_v(va * vb, (fv)(ratio), low, high) - SMALL_ROUNDER_BITS;
            if (flags & 8) /* c without its zero point is what the sum wants */
                c = add_stage_v(c, c_mult, load_bytes(pr + i, flags & 4, end - i) - r_zero, r_mult, sum.shift, y_zero, y_min,
                                y_max);
            else
                c += c_zero;
            store_bytes(c, py + i, end - i);
        }
    }
}
