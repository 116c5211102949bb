/* SPDX-License-Identifier: Apache-2.0 */
/* Layer normalisation of rows of 8-bit values by the rule of weft_int_row.h. It is printed behind qfinish.cl and must not know where
 * the results go.
 *
 * The sums of a row are exact integers. Elements are computed in float and rounded; `margin` is more than float and the rule
 * can differ by in units of the result, wherever the limits do not decide anyway. Where a value lies so close to a half that the two might
 * round differently, the vector is computed again by the rule itself. */

struct row_numbers {
    int count, sum, fours;
    long inverse;
    float scale; /* inverse / 2^(44 - fours), which makes (x - mean) / deviation of count * x - sum */
};

struct norm_form {
    int beta_shift, shift, zero, low, high;
    float gamma_scale, beta_scale, margin;
};

INLINE iv norm_exact(const iv x, __global const int *gamma, __global const int *beta, const int n,
                     const struct row_numbers *row, const struct norm_form *f)
{
    int lanes[WEFT_VW];
    WEFT_CAT(vstore, WEFT_VW)(x, 0, lanes);
    for (int i = 0; i < WEFT_VW && i < n; i++)
        lanes[i] = weft_layer_norm_stage(
            weft_layer_norm_unit(row->count, row->sum, lanes[i], row->inverse, row->fours), gamma[i], beta[i],
            f->beta_shift, f->shift, f->zero, f->low, f->high);
    return WEFT_CAT(vload, WEFT_VW)(0, lanes);
}

/* A vector of numbers of which `n` exist. */
INLINE iv load_ints(__global const int *p, const int n)
{
    if (n >= WEFT_VW)
        return WEFT_CAT(vload, WEFT_VW)(0, p);
    int t[WEFT_VW];
    for (int i = 0; i < WEFT_VW; i++)
        t[i] = i < n ? p[i] : 0;
    return WEFT_CAT(vload, WEFT_VW)(0, t);
}

INLINE iv norm_v(const iv x, __global const int *gamma, __global const int *beta, const int n,
                 const struct row_numbers *row, const struct norm_form *f)
{
    const fv z = __builtin_convertvector(x * row->count - row->sum, fv) * row->scale;
    const fv scale = __builtin_convertvector(load_ints(gamma, n), fv) * f->gamma_scale;
    const fv bias = __builtin_convertvector(load_ints(beta, n), fv) * f->beta_scale;
    const fv value = at_most(at_least(fma(z, scale, bias), (fv)(-1024.0f)), (fv)(1024.0f));
    const fv rounded = value + SMALL_ROUNDER;
    if (ANY(fabs(value - (rounded - SMALL_ROUNDER)) >= (fv)(0.5f - f->margin)))
        return norm_exact(x, gamma, beta, n, row, f);
    iv r = __builtin_astype(rounded, iv) + (f->zero - SMALL_ROUNDER_BITS);
    r = r < f->low ? f->low : r;
    return r > f->high ? f->high : r;
}

INLINE int add_lanes(const iv v)
{
    int lanes[WEFT_VW], sum = 0;
    WEFT_CAT(vstore, WEFT_VW)(v, 0, lanes);
    for (int i = 0; i < WEFT_VW; i++)
        sum += lanes[i];
    return sum;
}

/* weft_inverse_root: with doubles a root and a quotient are off by at most one, which is seen and mended. */
INLINE long inverse_root(const long spread, const int fours)
{
#ifdef cl_khr_fp64
    const long square = spread << (2 * fours);
    long root = (long)sqrt((double)square);
    root -= root * root > square;
    root += (root + 1) * (root + 1) <= square;
    const long scaled = (1L << 62) + (root >> 1);
    long inverse = (long)((double)scaled / (double)root);
    const long rest = scaled - inverse * root;
    inverse -= rest < 0;
    inverse += rest >= root;
    return inverse;
#else
    return weft_inverse_root(spread, fours);
#endif
}

/* Bytes with the sign bit of a signed type flipped: neither the spread nor an element's distance from the mean changes when all
 * elements gain 128. */
INLINE iv load_row(__global const uchar *p, const uchar flip, const int n)
{
    if (n >= WEFT_VW)
        return __builtin_convertvector(*(__global const bytes_v *)p ^ flip, iv);
    int t[WEFT_VW];
    for (int i = 0; i < WEFT_VW; i++)
        t[i] = i < n ? p[i] ^ flip : 0;
    return WEFT_CAT(vload, WEFT_VW)(0, t);
}

/* Structures are filled in, not returned: what is returned in memory becomes a scope without aliases when it is
 * inlined, which oclgrind 21.10 does not know. */
INLINE void norm_row(__global const uchar *from, const uchar flip, const int count, const long epsilon, struct row_numbers *row)
{
    iv sums = (iv)(0), squares = (iv)(0);
    for (int i = 0; i < count; i += WEFT_VW) {
        const iv v = load_row(from + i, flip, count - i);
        sums += v;
        squares += v * v;
    }
    const int sum = add_lanes(sums);
    const long spread = weft_layer_norm_spread(count, sum, add_lanes(squares), epsilon);
    const int fours = weft_spread_fours(spread);
    const long inverse = inverse_root(spread, fours);
    *row = (struct row_numbers){
        count, sum, fours, inverse, (float)inverse * as_float((127 + fours - WEFT_UNIT_SHIFT - WEFT_UNIT_BITS) << 23)};
}

INLINE void make_norm_form(const int beta_shift, const int shift, const int zero, const int low, const int high,
                           const float margin, struct norm_form *f)
{
    *f = (struct norm_form){beta_shift, shift, zero, low, high, ldexp(1.0f, WEFT_UNIT_BITS - shift),
                            ldexp(1.0f, beta_shift - shift), margin};
}
