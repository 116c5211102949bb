/* SPDX-License-Identifier: Apache-2.0 */
/* Depthwise and grouped convolution of 8-bit values, direct: any kernel, stride, dilation, pads and groups.
 *
 *   sum[n][oy][ox][oc] = bias[oc] + sum over tap, i of (x[n][iy][ix][oc / (OC / groups) * icg + i] - x_zero) * w[tap][i][oc]
 *
 * and then what qfinish.cl does with sums. Weights [kh][kw][icg][OC rounded up to WEFT_NR]; icg is the input channels of one group.
 * x is read through element strides. One work-item computes one output row of one image and leaves its channel sums
 * in partial[n * oh + oy][oc]; vectors run over output channels. Global {N * OH, 1}, work-group size 1.
 *
 * Over tokens (weft.QTokenConv) an image of x begins x_at elements behind its step, and in y and the residual `prefix` tokens stand
 * in front of each image: they get the zero point a_zero, and the residual. Then global {N * (OH + 1), 1}, the first item of an image for them. */

/* Three ways to fetch x for a vector of output channels: as it lies (depthwise), one broadcast (a group's outputs fill
 * vectors), lane by lane (the rest). */
#define FETCH_PLAIN 0
#define FETCH_BROADCAST 1
#define FETCH_LANES 2

struct group_form {
    int mode, is_signed, oc, ocg, icg, step; /* step: elements from one input channel to the next */
};

INLINE int fetch_one(__global const uchar *p, const int is_signed)
{
    return is_signed ? (int)(char)*p : (int)*p;
}

INLINE iv fetch(__global const uchar *pixel, const struct group_form *form, const int ch, const int i)
{
    if (form->mode == FETCH_PLAIN)
        return load_bytes(pixel + ch, form->is_signed, form->oc - ch);
    if (form->mode == FETCH_BROADCAST)
        return (iv)(fetch_one(pixel + (ch / form->ocg * form->icg + i) * form->step, form->is_signed));
    int lane[WEFT_VW];
    for (int l = 0; l < WEFT_VW; l++)
        lane[l] = ch + l < form->oc
                      ? fetch_one(pixel + ((ch + l) / form->ocg * form->icg + i) * form->step, form->is_signed)
                      : 0;
    return WEFT_CAT(vload, WEFT_VW)(0, lane);
}

/* Neighbouring pixels computed together where no tap leaves the image: each weight is brought once. */
#define PIXELS 4

__kernel void weft_qgrouped(__global const uchar *restrict x, __global const char *restrict w,
                            __global const int *restrict bias, __global const ratio_t *restrict ratio,
                            __global const uchar *restrict table, __global const uchar *res, __global uchar *y,
                            __global int *partial, const int flags, const int ih, const int iw, const int ic,
                            const int oh, const int ow, const int oc, const int groups, const int kh, const int kw,
                            const int sh, const int sw, const int dh, const int dw, const int pt, const int pl,
                            const int x_zero, const int xn, const int xh, const int xw, const int xc, const int c_zero,
                            const int c_min, const int c_max, const int a_zero, const int a_mult, const int b_zero,
                            const int b_mult, const int add_shift, const int y_zero, const int y_min,
                            const int y_max, const int mean_zero, const int x_at, const int prefix)
{
    const int items = oh + (prefix > 0), tokens = prefix + oh * ow;
    const int n = (int)get_global_id(0) / items, oy = (int)get_global_id(0) % items - (prefix > 0);
    const int icg = ic / groups, ocg = oc / groups;
    const int ocp = (oc + WEFT_NR - 1) / WEFT_NR * WEFT_NR;
    const int mode = icg == 1 && ocg == 1 && xc == 1 ? FETCH_PLAIN : ocg % WEFT_VW == 0 ? FETCH_BROADCAST : FETCH_LANES;
    const struct group_form form = {mode, flags & QFLAG_X_SIGNED, oc, ocg, icg, xc};
    const struct finish finish = {flags,  c_zero,            c_min,  c_max, a_zero, a_mult,   b_zero,
                                  b_mult, max(add_shift, 1), y_zero, y_min, y_max,  mean_zero};
    if (oy < 0) {
        for (int t = n * tokens; t < n * tokens + prefix; t++)
            for (int ch = 0; ch < oc; ch += WEFT_VW)
                finish_codes_v((iv)(a_zero), res + t * oc + ch, y + t * oc + ch, oc - ch, &finish);
        return;
    }
    x += x_at;
    const int is_plain = (flags & (QFLAG_SMALL | QFLAG_TABLE | QFLAG_RES)) == QFLAG_SMALL;
    const fv low = (fv)(SMALL_ROUNDER + (c_min - c_zero)), high = (fv)(SMALL_ROUNDER + (c_max - c_zero));
    const uchar flip = FLIP(form.is_signed);
    const int flipped_zero = FLIPPED_ZERO(x_zero, form.is_signed);
    for (int ch = 0; ch < oc; ch += WEFT_VW) {
        const int is_whole = mode == FETCH_PLAIN && ch + WEFT_VW <= oc;
        const iv first = *(__global const iv *)(bias + ch);
        const fv small_ratio = small_ratios_v(ratio + ch, &finish);
        iv total = (iv)(0);
        for (int ox = 0; ox < ow; ox++) {
            const int left = ox * sw - pl, right = left + (PIXELS - 1) * sw + (kw - 1) * dw;
            if (is_whole && left >= 0 && right < iw && ox + PIXELS <= ow) {
                iv sums[PIXELS];
                for (int p = 0; p < PIXELS; p++)
                    sums[p] = first;
                for (int i = 0; i < kh; i++) {
                    const int iy = oy * sh - pt + i * dh;
                    if ((uint)iy >= (uint)ih)
                        continue;
                    for (int j = 0; j < kw; j++) {
                        __global const uchar *pixel = x + n * xn + iy * xh + (left + j * dw) * xw + ch;
                        const iv tap = __builtin_convertvector(
                            *(__global const sbytes_v *)(w + (i * kw + j) * ocp + ch), iv);
                        for (int p = 0; p < PIXELS; p++)
                            sums[p] += load_flipped(pixel + p * sw * xw, flip, flipped_zero) * tap;
                    }
                }
                const int at = (n * tokens + prefix + oy * ow + ox) * oc + ch;
                if (is_plain) {
                    for (int p = 0; p < PIXELS; p++) {
                        const iv c = round_small_v(sums[p], small_ratio, low, high) + (c_zero - SMALL_ROUNDER_BITS);
                        total += c - mean_zero;
                        store_bytes(c, y + at + p * oc, WEFT_VW);
                    }
                } else {
                    for (int p = 0; p < PIXELS; p++)
                        total += finish_v(sums[p], small_ratio, ratio + ch, table, res + at + p * oc, y + at + p * oc,
                                          WEFT_VW, &finish) -
                                 mean_zero;
                }
                ox += PIXELS - 1;
                continue;
            }
            iv sum = first;
            for (int i = 0; i < kh; i++) {
                const int iy = oy * sh - pt + i * dh;
                if ((uint)iy >= (uint)ih)
                    continue;
                for (int j = 0; j < kw; j++) {
                    const int ix = ox * sw - pl + j * dw;
                    if ((uint)ix >= (uint)iw)
                        continue;
                    __global const uchar *pixel = x + n * xn + iy * xh + ix * xw;
                    __global const char *tap = w + (i * kw + j) * icg * ocp + ch;
                    if (is_whole) {
                        sum += load_flipped(pixel + ch, flip, flipped_zero) *
                               __builtin_convertvector(*(__global const sbytes_v *)tap, iv);
                        continue;
                    }
                    for (int c = 0; c < icg; c++)
                        sum += (fetch(pixel, &form, ch, c) - x_zero) *
                               __builtin_convertvector(*(__global const sbytes_v *)(tap + c * ocp), iv);
                }
            }
            const int at = (n * tokens + prefix + oy * ow + ox) * oc + ch;
            total += finish_v(sum, small_ratio, ratio + ch, table, res + at, y + at, oc - ch, &finish) - mean_zero;
        }
        if (flags & QFLAG_PARTIAL)
            store_sums(total, partial + (n * oh + oy) * oc + ch, oc - ch);
    }
}
