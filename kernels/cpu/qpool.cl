/* SPDX-License-Identifier: Apache-2.0 */
/* Max and average pooling of 8-bit values, NHWC, any window, stride, dilation and pads; floor or ceil output size is the caller's.
 * The average is the sum of x - x_zero over the elements that exist, times a ratio that belongs to the number of elements counted:
 * counts[i] goes with the vector of WEFT_VW equal ratios at i. Without elements it is the zero point, and the maximum is y_min.
 * One work-item computes `block` channels of one output row of one image. Global {N * OH, ceil(c / block)}, work-group size 1. */

#define POOL_MAX 0
#define POOL_AVG 1
#define POOL_AVG_INCLUDE_PAD 2

__kernel void weft_qpool(__global const uchar *restrict x, __global const int *restrict counts,
                         __global const ratio_t *restrict ratios, __global uchar *restrict y, const int op,
                         const int is_signed, const int ih, const int iw, const int c, const int oh, const int ow,
                         const int kh, const int kw, const int sh, const int sw, const int dh, const int dw,
                         const int pt, const int pl, const int pb, const int pr, const int count_kinds, const int block,
                         const int x_zero, const int y_zero, const int y_min, const int y_max)
{
    const int n = (int)get_global_id(0) / oh;
    const int oy = (int)get_global_id(0) % oh;
    const int c0 = (int)get_global_id(1) * block, c1 = min(c0 + block, c);
    const struct finish finish = {0, y_zero, y_min, y_max, 0, 0, 0, 0, 1, 0, 0, 0, 0};
    const uchar flip = FLIP(is_signed);
    const int flipped_zero = FLIPPED_ZERO(0, is_signed);
    for (int ox = 0; ox < ow; ox++) {
        const int y0 = oy * sh - pt;
        const int x0 = ox * sw - pl;
        int inside = 0, padded = 0;
        for (int i = 0; i < kh; i++)
            for (int j = 0; j < kw; j++) {
                const int iy = y0 + i * dh;
                const int ix = x0 + j * dw;
                inside += (uint)iy < (uint)ih && (uint)ix < (uint)iw;
                padded += iy < ih + pb && ix < iw + pr;
            }
        const int count = op == POOL_AVG_INCLUDE_PAD ? padded : inside;
        int kind = 0;
        while (op != POOL_MAX && kind < count_kinds - 1 && counts[kind] != count)
            kind++;
        for (int ch = c0; ch < c1; ch += WEFT_VW) {
            iv v = (iv)(op == POOL_MAX ? y_min : 0);
            for (int i = 0; i < kh; i++)
                for (int j = 0; j < kw; j++) {
                    const int iy = y0 + i * dh;
                    const int ix = x0 + j * dw;
                    if ((uint)iy >= (uint)ih || (uint)ix >= (uint)iw)
                        continue;
                    __global const uchar *p = x + ((n * ih + iy) * iw + ix) * c + ch;
                    const iv e = ch + WEFT_VW <= c1 ? load_flipped(p, flip, flipped_zero)
                                                    : load_bytes(p, is_signed, c1 - ch);
                    v = op == POOL_MAX ? max(e, v) : v + (e - x_zero);
                }
            v = op == POOL_MAX ? min(v, (iv)(y_max))
                : count > 0    ? requantise_v(v, ratios + kind * WEFT_VW, &finish)
                               : (iv)(clamp(y_zero, y_min, y_max));
            store_bytes(v, y + ((n * oh + oy) * ow + ox) * c + ch, c1 - ch);
        }
    }
}
