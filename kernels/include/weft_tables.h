/* SPDX-License-Identifier: Apache-2.0 */
/* Tables and multipliers of the rows of weft_int_rows.h, made once per layer in double. The results
 * are stored with the model, so two machines whose exp() differs in the last bit still compute the
 * same integers. Host C only; must not know about graphs. */
#ifndef WEFT_TABLES_H
#define WEFT_TABLES_H

#include "kernels/include/weft_int_rows.h"
#include "kernels/include/weft_ratio.h"

/* Softmax of values of scale x_scale to values of scale y_scale. False unless x_scale is positive
 * and finite and y_scale lies in (2^-20, 8]: a larger one rounds every probability to 0. */
static inline bool weft_softmax_make(double x_scale, double y_scale, weft_u32 out_exps[256],
                                     weft_ratio *out_ratio)
{
    if (!(x_scale > 0) || !isfinite(x_scale) || !(y_scale > 0) || !(y_scale <= 8) ||
        !weft_ratio_make(1 / y_scale, out_ratio))
        return false;
    for (int d = 0; d < 256; d++)
        out_exps[d] = (weft_u32)nearbyint(ldexp(exp(-x_scale * d), WEFT_EXP_BITS));
    return true;
}

typedef struct weft_layer_norm {
    weft_s64 epsilon;
    weft_s32 beta_shift, shift;
} weft_layer_norm;

/* The least e with |value / scale| < 2^e for all values, 0 when all are 0. False when a quotient is
 * not finite. */
static inline bool weft_layer_norm_exponent(const float *values, weft_s32 count, double scale,
                                            int *out_exponent)
{
    double largest = 0;
    for (weft_s32 i = 0; i < count; i++) {
        if (!isfinite(values[i]))
            return false;
        largest = fmax(largest, fabs(values[i] / scale));
    }
    (void)frexp(largest, out_exponent);
    return isfinite(largest);
}

/* LayerNorm over `count` values of scale x_scale, with gamma[count] and beta[count] (NULL: ones,
 * zeros) to values of scale y_scale. False, with nothing usable set, for what the integers do not
 * hold: count outside [1, WEFT_ROW_MAX], scales or epsilon that are not finite and positive
 * (epsilon may be 0), epsilon * count^2 / x_scale^2 above 2^41, |gamma| or |beta| / y_scale of 2^20
 * and more. */
static inline bool weft_layer_norm_make(weft_s32 count, double epsilon, double x_scale,
                                        double y_scale, const float *gamma, const float *beta,
                                        weft_layer_norm *out, weft_s32 *out_gamma,
                                        weft_s32 *out_beta)
{
    const float one = 1, zero = 0;
    if (count < 1 || count > WEFT_ROW_MAX || !(x_scale > 0) || !isfinite(x_scale) ||
        !(y_scale > 0) || !isfinite(y_scale) || !(epsilon >= 0))
        return false;
    double codes = count / x_scale;
    double spread = ldexp(epsilon * codes * codes, WEFT_SPREAD_BITS);
    if (!(spread <= (double)WEFT_SPREAD_EPSILON_MAX))
        return false;
    int gamma_exponent, beta_exponent;
    if (!weft_layer_norm_exponent(gamma ? gamma : &one, gamma ? count : 1, y_scale,
                                  &gamma_exponent) ||
        !weft_layer_norm_exponent(beta ? beta : &zero, beta ? count : 1, y_scale, &beta_exponent) ||
        gamma_exponent > 20 || beta_exponent > 20)
        return false;
    /* Bits below the point of the sum: as many as leave gamma its 22, beta at most 60 and the
     * rounding its range. */
    int shift = WEFT_SHIFT_MAX;
    if (shift > WEFT_UNIT_BITS + WEFT_MULT_BITS - gamma_exponent)
        shift = WEFT_UNIT_BITS + WEFT_MULT_BITS - gamma_exponent;
    if (shift > WEFT_BETA_BITS + WEFT_BETA_SHIFT_MAX - beta_exponent)
        shift = WEFT_BETA_BITS + WEFT_BETA_SHIFT_MAX - beta_exponent;
    int beta_shift = shift + beta_exponent - WEFT_BETA_BITS;
    beta_shift = beta_shift < 0 ? 0 : beta_shift;
    for (weft_s32 i = 0; i < count; i++) {
        out_gamma[i] =
            (weft_s32)nearbyint(ldexp((gamma ? gamma[i] : 1) / y_scale, shift - WEFT_UNIT_BITS));
        out_beta[i] =
            (weft_s32)nearbyint(ldexp((beta ? beta[i] : 0) / y_scale, shift - beta_shift));
    }
    *out = (weft_layer_norm){
        .epsilon = (weft_s64)nearbyint(spread), .beta_shift = beta_shift, .shift = shift};
    return true;
}

#endif
