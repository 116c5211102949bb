/* SPDX-License-Identifier: Apache-2.0 */
/* What follows the sums of an integer convolution: requantisation, table, residual, store, channel sums. It is printed
 * behind qdot.cl and must not know how the sums came about.
 *
 * round(sum * mult / 2^shift) with halves to the even one, in double: the ratio mult * 2^-shift has at most 22 bits and the sum 32, so
 * their product is exact. Added to 1.5 * 2^52 it is rounded once, to the nearest integer, halves to even (1.5 * 2^52 is
 * even, and doubles in [2^52, 2^53] are the integers there), and the low 32 bits of the result are the integer in two's complement. Whether a
 * compiler fuses the multiplication with the addition makes no difference. This needs |sum * ratio| <= 2^51: whoever packs ratios
 * cuts them to 2^19, where every sum but 0 leaves the range of 8 bits anyway.
 *
 * QFLAG_SMALL promises |sum| <= 2^24, bias included. Then sum and ratio are floats without error, and one fused multiply-add onto
 * 1.5 * 2^23 rounds once, to the nearest integer while |sum * ratio| < 2^22; beyond, the result lies outside of [2^23,
 * 2^24], where the limits cut it off as they must. Here the fusion matters, so it is asked for by name. */
#ifdef cl_khr_fp64
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
typedef double half_dv __attribute__((ext_vector_type(WEFT_VW / 2)));
typedef int half_iv __attribute__((ext_vector_type(WEFT_VW / 2)));
typedef double ratio_t;
#else
typedef long ratio_t; /* the bits of the double */
#endif
/* The ratio as a float: it has 22 bits, and ratios below 2^-62 leave nothing of a sum. */
INLINE float ratio_float(const ratio_t ratio)
{
#ifdef cl_khr_fp64
    return (float)ratio;
#else
    const int exponent = (int)(ratio >> 52) - 1023;
    return ratio == 0 || exponent < -100 ? 0.0f
                                         : as_float((exponent + 127) << 23 | (int)((ratio & 0xfffffffffffffL) >> 29));
#endif
}

typedef uchar bytes_v __attribute__((ext_vector_type(WEFT_VW), aligned(1)));
typedef char sbytes_v __attribute__((ext_vector_type(WEFT_VW), aligned(1)));
typedef uchar half_bytes_v __attribute__((ext_vector_type(WEFT_VW / 2), aligned(1)));

#define QFLAG_X_SIGNED 1
#define QFLAG_C_SIGNED 2    /* of the table's index */
#define QFLAG_TABLE 4
#define QFLAG_T_SIGNED 8    /* the table's elements */
#define QFLAG_RES 16
#define QFLAG_RES_SIGNED 32
#define QFLAG_PARTIAL 64
#define QFLAG_SMALL 128
#define QFLAG_SATURATES 256 /* with QFLAG_SMALL: see finish_small_pair */
#define QFLAG_NORM 512      /* weft_qconv: pixels are normalised as they are brought in */
#define QFLAG_NORM_SIGNED 1024

struct finish {
    int flags;
    int c_zero, c_min, c_max;
    int a_zero, a_mult, b_zero, b_mult, shift;
    int y_zero, y_min, y_max;
    int mean_zero; /* what the channel sums take off every value */
};

#define SMALL_ROUNDER 12582912.0f /* 1.5 * 2^23 */
#define SMALL_ROUNDER_BITS 0x4b400000

/* clamp(round(sum * ratio), low, high) + SMALL_ROUNDER_BITS of one vector for QFLAG_SMALL, low and high being whole numbers
 * above SMALL_ROUNDER. */
INLINE iv round_small_v(const iv sum, const fv ratio, const fv low, const fv high)
{
    const fv r = fma(__builtin_convertvector(sum, fv), ratio, (fv)(SMALL_ROUNDER));
    return __builtin_astype(at_most(at_least(r, low), high), iv);
}

INLINE fv ratios_v(__global const ratio_t *ratio)
{
    float ratios[WEFT_VW];
    for (int i = 0; i < WEFT_VW; i++)
        ratios[i] = ratio_float(ratio[i]);
    return LOADV(ratios);
}

#ifdef cl_khr_fp64
#define ROUNDER 6755399441055744.0 /* 1.5 * 2^52 */
INLINE half_dv round_half(const half_dv sum, const half_dv ratio, const half_dv low, const half_dv high)
{
    half_dv r = sum * ratio + ROUNDER;
    r = r < low ? low : r;
    return r > high ? high : r;
}

/* clamp(round(sum * ratio), low, high) of one vector, low and high being whole numbers above ROUNDER. */
INLINE iv round_v(const iv sum, const half_dv ratio_lo, const half_dv ratio_hi, const half_dv low, const half_dv high)
{
    /* Not sum.lo and sum.hi, which are the same machine code: oclgrind 21.10 loses the state of the latter's lanes. */
    const half_iv *halves = (const half_iv *)&sum;
    const half_dv a = round_half(__builtin_convertvector(halves[0], half_dv), ratio_lo, low, high);
    const half_dv b = round_half(__builtin_convertvector(halves[1], half_dv), ratio_hi, low, high);
    iv r;
    r.lo = __builtin_astype(a, iv).even;
    r.hi = __builtin_astype(b, iv).even;
    return r;
}

/* clamp(round(sum * ratio) + zero, c_min, c_max) of one vector. */
INLINE iv requantise_v(const iv sum, __global const ratio_t *ratio, const struct finish *f)
{
    return round_v(sum, *(__global const half_dv *)ratio, *((__global const half_dv *)ratio + 1),
                   (half_dv)(ROUNDER + (f->c_min - f->c_zero)), (half_dv)(ROUNDER + (f->c_max - f->c_zero))) +
           f->c_zero;
}
#else
INLINE iv requantise_v(const iv sum, __global const ratio_t *ratio, const struct finish *f)
{
    int r[WEFT_VW];
    WEFT_CAT(vstore, WEFT_VW)(sum, 0, r);
    for (int i = 0; i < WEFT_VW; i++) {
        /* mult is the top 22 bits of the significand; shifts that the contract does not have leave nothing of a sum. */
        const int mult = ratio[i] == 0 ? 0 : (int)((ratio[i] & 0xfffffffffffffL | 0x10000000000000L) >> 31);
        const int shift = ratio[i] == 0 ? 1 : 1044 - (int)(ratio[i] >> 52);
        r[i] = weft_requantise(r[i], shift > WEFT_SHIFT_MAX ? 0 : mult, min(shift, WEFT_SHIFT_MAX), f->c_zero, f->c_min,
                               f->c_max);
    }
    return WEFT_CAT(vload, WEFT_VW)(0, r);
}
#endif

INLINE iv lookup_v(const iv c, __global const uchar *table, const int flags)
{
    int r[WEFT_VW];
    WEFT_CAT(vstore, WEFT_VW)(c, 0, r);
    for (int i = 0; i < WEFT_VW; i++) {
        const uchar byte = table[weft_table_index(r[i], flags & QFLAG_C_SIGNED)];
        r[i] = flags & QFLAG_T_SIGNED ? (int)(char)byte : (int)byte;
    }
    return WEFT_CAT(vload, WEFT_VW)(0, r);
}

/* The first `n` of a vector of 8-bit values. */
INLINE iv load_bytes(__global const uchar *p, const int is_signed, const int n)
{
    bytes_v b;
    if (n >= WEFT_VW) {
        b = *(__global const bytes_v *)p;
    } else {
        uchar t[WEFT_VW];
        for (int i = 0; i < WEFT_VW; i++)
            t[i] = i < n ? p[i] : 0;
        b = *(const bytes_v *)t;
    }
    return is_signed ? __builtin_convertvector(__builtin_astype(b, sbytes_v), iv) : __builtin_convertvector(b, iv);
}

/* Whole vectors take no branches: bytes with the sign bit flipped are what a signed type
 * holds plus 128, so that one subtraction takes off both. */
#define FLIP(is_signed) ((is_signed) ? (uchar)128 : (uchar)0)
#define FLIPPED_ZERO(zero, is_signed) ((zero) + ((is_signed) ? 128 : 0))

INLINE iv load_flipped(__global const uchar *p, const uchar flip, const int zero)
{
    return __builtin_convertvector(*(__global const bytes_v *)p ^ flip, iv) - zero;
}

INLINE void store_bytes(const iv v, __global uchar *p, const int n)
{
    const bytes_v b = __builtin_convertvector(v, bytes_v);
    if (n >= WEFT_VW) {
        *(__global bytes_v *)p = b;
        return;
    }
    uchar t[WEFT_VW];
    *(bytes_v *)t = b;
    int i = 0;
    if (n >= WEFT_VW / 2) {
        *(__global half_bytes_v *)p = b.lo;
        i = WEFT_VW / 2;
    }
    for (; i < n; i++)
        p[i] = t[i];
}

/* What finish_v needs of the ratios with QFLAG_SMALL, for a caller with many pixels of the same channels. */
INLINE fv small_ratios_v(__global const ratio_t *ratio, const struct finish *f)
{
    return f->flags & QFLAG_SMALL ? ratios_v(ratio) : (fv)(0.0f);
}

/* The residual on codes of one vector, and their bytes. */
INLINE iv finish_codes_v(iv c, __global const uchar *res, __global uchar *y, const int n, const struct finish *f)
{
    if (f->flags & QFLAG_RES) {
        const iv b = load_bytes(res, f->flags & QFLAG_RES_SIGNED, n);
        const iv value = (c - f->a_zero) * f->a_mult + (b - f->b_zero) * f->b_mult;
        const int below_half = (1 << (f->shift - 1)) - 1;
        c = ((value + below_half + ((value >> f->shift) & 1)) >> f->shift) + f->y_zero;
        c = c < f->y_min ? f->y_min : c;
        c = c > f->y_max ? f->y_max : c;
    }
    store_bytes(c, y, n);
    return c;
}

/* One vector of channels of one pixel from its sums; `n` channels exist. Returns what was stored. */
INLINE iv finish_v(const iv sum, const fv small_ratio, __global const ratio_t *ratio, __global const uchar *table,
                   __global const uchar *res, __global uchar *y, const int n, const struct finish *f)
{
    iv c;
    if (f->flags & QFLAG_SMALL)
        c = round_small_v(sum, small_ratio, (fv)(SMALL_ROUNDER + (f->c_min - f->c_zero)),
                          (fv)(SMALL_ROUNDER + (f->c_max - f->c_zero))) +
            (f->c_zero - SMALL_ROUNDER_BITS);
    else
        c = requantise_v(sum, ratio, f);
    if (f->flags & QFLAG_TABLE)
        c = lookup_v(c, table, f->flags);
    return finish_codes_v(c, res, y, n, f);
}

typedef int panel_iv __attribute__((ext_vector_type(WEFT_NR)));
typedef uchar panel_bytes __attribute__((ext_vector_type(WEFT_NR), aligned(1)));

/* What finish_small_rows needs of a panel. */
struct small_panel {
    fv ratio_0, ratio_1, low, high;
    iv zero; /* what makes the type's codes, from 0 up, of the bits that round_small_v gives */
};

INLINE iv small_codes(const iv sum, const fv ratio, const struct small_panel *p)
{
    return round_small_v(sum, ratio, p->low, p->high) + p->zero;
}

#if WEFT_VW == 16 && defined(__AVX512BW__)
/* Two rows at once, joined by saturating instructions that do not cross the 128-bit lanes of a register, then sorted.
 * QFLAG_SATURATES promises |sum * ratio| < 2^22 and limits that are those of the type: then saturation is all the limiting there is to do. */
typedef uchar pair_bytes __attribute__((ext_vector_type(64), aligned(1)));

INLINE iv small_codes_saturated(const iv sum, const fv ratio, const struct small_panel *p)
{
    return __builtin_astype(fma(__builtin_convertvector(sum, fv), ratio, (fv)(SMALL_ROUNDER)), iv) + p->zero;
}

INLINE void store_pair(const iv first_0, const iv first_1, const iv second_0, const iv second_1, const uchar flip,
                       __global uchar *first, __global uchar *second)
{
    typedef int packed_v __attribute__((vector_size(64)));
    typedef short packed_shorts __attribute__((vector_size(64)));
    const packed_shorts a = __builtin_ia32_packssdw512((packed_v)first_0, (packed_v)first_1);
    const packed_shorts b = __builtin_ia32_packssdw512((packed_v)second_0, (packed_v)second_1);
    const iv mixed = __builtin_astype(__builtin_ia32_packuswb512(a, b), iv);
    const pair_bytes sorted = __builtin_astype(
        __builtin_shufflevector(mixed, mixed, 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), pair_bytes) ^ flip;
    *(__global panel_bytes *)first = sorted.lo;
    *(__global panel_bytes *)second = sorted.hi;
}
#endif

/* finish_rows for QFLAG_SMALL. */
INLINE void finish_small_rows(const row_sums *sums, const int n_rows, __global const ratio_t *ratio, __global uchar *y,
                              const int y_stride, const int *at, const struct finish *f, iv *total)
{
    const int flip = f->flags & QFLAG_C_SIGNED ? 128 : 0;
    const struct small_panel panel = {ratios_v(ratio),
                                      ratios_v(ratio + WEFT_VW),
                                      (fv)(SMALL_ROUNDER + (f->c_min - f->c_zero)),
                                      (fv)(SMALL_ROUNDER + (f->c_max - f->c_zero)),
                                      (iv)(f->c_zero + flip - SMALL_ROUNDER_BITS)};
    iv total_0 = (iv)(0), total_1 = (iv)(0);
    int r = 0;
#define SMALL_AT(row) (y + (at ? at[row] : (row) * y_stride))
#if WEFT_VW == 16 && defined(__AVX512BW__)
    const int is_saturated = (f->flags & (QFLAG_SATURATES | QFLAG_PARTIAL)) == QFLAG_SATURATES;
#define SMALL_PAIR(codes)                                                                                              \
    const iv a = codes(sums[r].v[0], panel.ratio_0, &panel), b = codes(sums[r].v[1], panel.ratio_1, &panel);           \
    const iv c = codes(sums[r + 1].v[0], panel.ratio_0, &panel), d = codes(sums[r + 1].v[1], panel.ratio_1, &panel);   \
    store_pair(a, b, c, d, (uchar)flip, SMALL_AT(r), SMALL_AT(r + 1));
    if (is_saturated)
        for (; r + 2 <= n_rows; r += 2) {
            SMALL_PAIR(small_codes_saturated)
        }
    else
        for (; r + 2 <= n_rows; r += 2) {
            SMALL_PAIR(small_codes)
            total_0 += a + c;
            total_1 += b + d;
        }
#endif
    for (; r < n_rows; r++) {
        panel_iv c;
        c.lo = small_codes(sums[r].v[0], panel.ratio_0, &panel);
        c.hi = small_codes(sums[r].v[1], panel.ratio_1, &panel);
        total_0 += c.lo;
        total_1 += c.hi;
        *(__global panel_bytes *)SMALL_AT(r) = __builtin_convertvector(c, panel_bytes) ^ (uchar)flip;
    }
    total[0] += total_0 - n_rows * (f->mean_zero + flip);
    total[1] += total_1 - n_rows * (f->mean_zero + flip);
}

/* A whole panel's results for rows y_stride apart, or at y + at[row]: the usual case, without table and residual. */
INLINE void finish_rows(const row_sums *sums, const int n_rows, __global const ratio_t *ratio,
                        __global uchar *y, const int y_stride, const int *at, const struct finish *f, iv *total)
{
    if (f->flags & QFLAG_SMALL) {
        finish_small_rows(sums, n_rows, ratio, y, y_stride, at, f, total);
        return;
    }
#ifdef cl_khr_fp64
    __global const half_dv *ratios = (__global const half_dv *)ratio;
    const half_dv ratio0 = ratios[0], ratio1 = ratios[1], ratio2 = ratios[2], ratio3 = ratios[3];
    const half_dv low = (half_dv)(ROUNDER + (f->c_min - f->c_zero)), high = (half_dv)(ROUNDER + (f->c_max - f->c_zero));
#define FINISH_ROW(h, ratio_lo, ratio_hi) (round_v(sums[r].v[h], ratio_lo, ratio_hi, low, high) + zero)
#else
#define FINISH_ROW(h, ratio_lo, ratio_hi) requantise_v(sums[r].v[h], ratio + h * WEFT_VW, f)
#endif
    const iv zero = (iv)(f->c_zero);
    iv total_0 = total[0], total_1 = total[1];
    for (int r = 0; r < n_rows; r++) {
        panel_iv c;
        c.lo = FINISH_ROW(0, ratio0, ratio1);
        c.hi = FINISH_ROW(1, ratio2, ratio3);
        total_0 += c.lo;
        total_1 += c.hi;
        *(__global panel_bytes *)(y + (at ? at[r] : r * y_stride)) = __builtin_convertvector(c, panel_bytes);
    }
    total[0] = total_0 - n_rows * f->mean_zero;
    total[1] = total_1 - n_rows * f->mean_zero;
}

/* Two rows of a panel at once: what is looked up has no lanes of its own, so rows may share a register. */
typedef uchar two_rows __attribute__((ext_vector_type(2 * WEFT_NR), aligned(1)));
#if WEFT_VW == 16 && defined(__AVX512BW__)
#define SHUFFLE_BYTES __builtin_ia32_pshufb512
#elif WEFT_VW == 8 && defined(__AVX2__)
#define SHUFFLE_BYTES __builtin_ia32_pshufb256
#elif WEFT_VW == 4 && defined(__SSSE3__)
#define SHUFFLE_BYTES __builtin_ia32_pshufb128
#endif

#ifdef SHUFFLE_BYTES
typedef uchar table_line __attribute__((ext_vector_type(16), aligned(1)));
typedef char shuffled_rows __attribute__((vector_size(2 * WEFT_NR)));
#define LINE_16 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
#if WEFT_VW == 16
#define SPREAD_LINE(t) __builtin_shufflevector(t, t, LINE_16, LINE_16, LINE_16, LINE_16)
#elif WEFT_VW == 8
#define SPREAD_LINE(t) __builtin_shufflevector(t, t, LINE_16, LINE_16)
#else
#define SPREAD_LINE(t) (t)
#endif
#endif

/* table[x] for each byte; with a byte shuffle, line by line of 16 entries. */
INLINE two_rows lookup_rows(const two_rows x, __global const uchar *table)
{
#ifdef SHUFFLE_BYTES
    const two_rows line = x >> (uchar)4, at = x & (uchar)15;
    two_rows r = (two_rows)(0);
    for (int i = 0; i < 16; i++) {
        const table_line entries = *(__global const table_line *)(table + 16 * i);
        const two_rows found = __builtin_astype(
            SHUFFLE_BYTES(__builtin_astype(SPREAD_LINE(entries), shuffled_rows), __builtin_astype(at, shuffled_rows)), two_rows);
        r = line == (uchar)i ? found : r;
    }
    return r;
#else
    uchar bytes[2 * WEFT_NR];
    *(two_rows *)bytes = x;
    for (int i = 0; i < 2 * WEFT_NR; i++)
        bytes[i] = table[bytes[i]];
    return *(const two_rows *)bytes;
#endif
}

/* The add stage of finish_v on bytes that a flip made unsigned, with zero points that take it off. */
struct row_sum {
    uchar c_flip, b_flip;
    int a_zero, b_zero;
};

INLINE iv add_rows(const iv c, const iv b, const struct row_sum *sum, const struct finish *f)
{
    const iv value = (c - sum->a_zero) * f->a_mult + (b - sum->b_zero) * f->b_mult;
    const iv rounded = (value + ((1 << (f->shift - 1)) - 1) + ((value >> f->shift) & 1)) >> f->shift;
    return min(max(rounded + f->y_zero, (iv)(f->y_min)), (iv)(f->y_max));
}

enum { ROWS_AT_ONCE = 16 };

/* The same with table and residual: the results of the convolution are put where they belong and done up there. y may
 * be res, which is therefore read first. */
INLINE void finish_rows_on(const row_sums *sums, const int n_rows, __global const ratio_t *ratio, __global const uchar *table,
                           __global const uchar *res, const int res_stride, __global uchar *y, const int y_stride,
                           const struct finish *f, iv *total)
{
    const int flags = f->flags, t_signed = flags & (flags & QFLAG_TABLE ? QFLAG_T_SIGNED : QFLAG_C_SIGNED);
    const uchar index_flip = FLIP(flags & QFLAG_C_SIGNED);
    const struct row_sum sum = {FLIP(t_signed), FLIP(flags & QFLAG_RES_SIGNED), FLIPPED_ZERO(f->a_zero, t_signed),
                                FLIPPED_ZERO(f->b_zero, flags & QFLAG_RES_SIGNED)};
    panel_bytes others[ROWS_AT_ONCE];
    for (int first = 0; first < n_rows; first += ROWS_AT_ONCE) {
        const int count = min((int)ROWS_AT_ONCE, n_rows - first);
        __global uchar *to = y + first * y_stride;
        iv unused[2] = {(iv)(0), (iv)(0)};
        for (int r = 0; r < count && flags & QFLAG_RES; r++)
            others[r] = *(__global const panel_bytes *)(res + (first + r) * res_stride) ^ sum.b_flip;
        finish_rows(sums + first, count, ratio, to, y_stride, 0, f, unused);
        for (int r = 0; r < count; r += 2) {
            const int second = min(r + 1, count - 1);
            two_rows both;
            both.lo = *(__global const panel_bytes *)(to + r * y_stride);
            both.hi = *(__global const panel_bytes *)(to + second * y_stride);
            if (flags & QFLAG_TABLE)
                both = lookup_rows(both ^ index_flip, table);
            for (int k = 0; k < 2 && r + k < count; k++) {
                panel_bytes row = k == 0 ? both.lo : both.hi;
                if (flags & (QFLAG_RES | QFLAG_PARTIAL)) {
                    panel_iv c = __builtin_convertvector(row ^ sum.c_flip, panel_iv);
                    if (flags & QFLAG_RES) {
                        const panel_iv b = __builtin_convertvector(others[r + k], panel_iv);
                        c.lo = add_rows(c.lo, b.lo, &sum, f);
                        c.hi = add_rows(c.hi, b.hi, &sum, f);
                        row = __builtin_convertvector(c, panel_bytes);
                    } else {
                        c -= t_signed ? 128 : 0;
                    }
                    total[0] += c.lo - f->mean_zero;
                    total[1] += c.hi - f->mean_zero;
                }
                *(__global panel_bytes *)(to + (r + k) * y_stride) = row;
            }
        }
    }
}

/* A panel's results for one pixel: both vectors; `left` channels exist from here on. small_ratios: small_ratios_v of each. */
INLINE void finish_pixel(const row_sums *sums, const fv *small_ratios, __global const ratio_t *ratio, __global const uchar *table,
                         __global const uchar *res, __global uchar *y, const int left, const struct finish *f, iv *total)
{
    for (int h = 0; h < 2; h++)
        if (left > h * WEFT_VW)
            total[h] += finish_v(sums->v[h], small_ratios[h], ratio + h * WEFT_VW, table, res + h * WEFT_VW, y + h * WEFT_VW,
                                 left - h * WEFT_VW, f) -
                        f->mean_zero;
}

/* The first `n` of a vector of channel sums. */
INLINE void store_sums(const iv v, __global int *p, const int n)
{
    int t[WEFT_VW];
    WEFT_CAT(vstore, WEFT_VW)(v, 0, t);
    for (int i = 0; i < WEFT_VW && i < n; i++)
        p[i] = t[i];
}
