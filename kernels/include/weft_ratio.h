/* SPDX-License-Identifier: Apache-2.0 */
/* Real ratios of scales as multiplier and shift of weft_int.h: what the compiler does once per
 * layer, in double. Host C only; must not know about graphs. */
#ifndef WEFT_RATIO_H
#define WEFT_RATIO_H

#include <math.h>
#include <stdbool.h>

#include "kernels/include/weft_int.h"

typedef struct weft_ratio {
    weft_s32 mult, shift; /* mult / 2^shift */
} weft_ratio;

/* The nearest mult / 2^shift with mult in [2^21, 2^22]: relative error at most 2^-22. A ratio below
 * 2^-40 becomes 0 / 2: no s32 sum would survive it. False, with nothing set, for a ratio that is
 * not a positive finite number, or 2^20 and more. */
static inline bool weft_ratio_make(double ratio, weft_ratio *out)
{
    if (!(ratio > 0) || !(ratio < 1048576.0))
        return false;
    if (ratio < ldexp(1, -40)) {
        *out = (weft_ratio){0, WEFT_SHIFT_MIN};
        return true;
    }
    int exponent;
    double fraction = frexp(ratio, &exponent); /* [0.5, 1) * 2^exponent */
    *out = (weft_ratio){(weft_s32)nearbyint(ldexp(fraction, WEFT_MULT_BITS)),
                        WEFT_MULT_BITS - exponent};
    return true;
}

/* Two ratios with one shift, for weft_add_stage: the larger gets 20 to 21 bits. False unless both
 * are positive, finite and below 2^20. */
static inline bool weft_ratio_pair_make(double a, double b, weft_s32 *out_a, weft_s32 *out_b,
                                        weft_s32 *out_shift)
{
    double larger = a > b ? a : b;
    if (!(a > 0) || !(b > 0) || !(larger < 1048576.0))
        return false;
    int exponent;
    (void)frexp(larger, &exponent);
    int shift = WEFT_ADD_MULT_BITS - exponent;
    shift = shift > WEFT_ADD_SHIFT_MAX ? WEFT_ADD_SHIFT_MAX : shift;
    *out_a = (weft_s32)nearbyint(ldexp(a, shift));
    *out_b = (weft_s32)nearbyint(ldexp(b, shift));
    *out_shift = shift;
    return true;
}

#endif
