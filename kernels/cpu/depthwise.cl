/* SPDX-License-Identifier: Apache-2.0 */
/* Depthwise and grouped convolution, direct, f32, NHWC, any kernel, stride, dilation, pads and groups.
 *
 *   y[n][oy][ox][oc] = act(sum over tap, i of x[n][iy][ix][oc / (OC/groups) * icg + i] * w[tap][i][oc] + bias[oc] + res)
 *
 * Weights [kh][kw][icg][OC rounded up to WEFT_NR] from weft_pack_depthwise; icg is the input channels of one group.
 * One work-item computes one output row of one image; vectors run over output channels. Global {N * OH, 1}, work-group size 1.
 * Three ways to fetch x for a vector of output channels: plain (depthwise), one broadcast (a group's outputs
 * fill vectors), lane by lane (the rest). */

#define FLAG_RES 1

#define FETCH_PLAIN 0
#define FETCH_BROADCAST 1
#define FETCH_LANES 2

INLINE fv fetch(__global const float *pixel, const int mode, const int ch, const int oc, const int ocg, const int icg,
                const int i)
{
    if (mode == FETCH_PLAIN)
        return load_part(pixel + ch, oc - ch);
    if (mode == FETCH_BROADCAST)
        return (fv)(pixel[ch / ocg * icg + i]);
    float lane[WEFT_VW];
    for (int l = 0; l < WEFT_VW; l++)
        lane[l] = ch + l < oc ? pixel[(ch + l) / ocg * icg + i] : 0.0f;
    return LOADV(lane);
}

__kernel void weft_depthwise(__global const float *restrict x, __global const float *restrict w,
                             __global const float *restrict bias, __global const float *res,
                             __global float *y, const int flags, const int act, const float act_a,
                             const float act_b, const int ih, const int iw, const int ic, const int oh, const int ow,
                             const int oc, const int groups, const int kh, const int kw, const int sh, const int sw,
                             const int dh, const int dw, const int pt, const int pl, const int y_stride)
{
    const int n = (int)get_global_id(0) / oh;
    const int oy = (int)get_global_id(0) % oh;
    const int icg = ic / groups;
    const int ocg = oc / groups;
    const int ocp = (oc + WEFT_NR - 1) / WEFT_NR * WEFT_NR;
    const int mode = icg == 1 && ocg == 1 ? FETCH_PLAIN : ocg % WEFT_VW == 0 ? FETCH_BROADCAST : FETCH_LANES;
    for (int ch = 0; ch < oc; ch += WEFT_VW) {
        const fv bv = LOADV(bias + ch);
        for (int ox = 0; ox < ow; ox++) {
            fv sum = bv;
            for (int i = 0; i < kh; i++) {
                const int iy = oy * sh - pt + i * dh;
                if ((uint)iy >= (uint)ih)
                    continue;
                for (int j = 0; j < kw; j++) {
                    const int ix = ox * sw - pl + j * dw;
                    if ((uint)ix >= (uint)iw)
                        continue;
                    __global const float *pixel = x + ((n * ih + iy) * iw + ix) * ic;
                    __global const float *tap = w + (i * kw + j) * icg * ocp + ch;
                    for (int c = 0; c < icg; c++)
                        sum = fma(fetch(pixel, mode, ch, oc, ocg, icg, c), LOADV(tap + c * ocp), sum);
                }
            }
            const int at = (n * oh + oy) * ow + ox;
            if (flags & FLAG_RES)
                sum += load_part(res + at * oc + ch, oc - ch);
            store_part(act_v(sum, act, act_a, act_b), y + at * y_stride + ch, oc - ch);
        }
    }
}
