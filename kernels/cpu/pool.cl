/* SPDX-License-Identifier: Apache-2.0 */
/* Max and average pooling, f32, NHWC (a NaN in a window is its maximum), any window, stride, dilation and pads; floor or ceil output size is the caller's.
 * Average divides by the elements that exist, or, with count_include_pad, by the part of the window that lies in the padded
 * image (pb and pr are the pads after; a ceil window that hangs over them counts only what is inside).
 * One work-item computes one output row of one image. Global {N * OH, 1}, work-group size 1. */

#define POOL_MAX 0
#define POOL_AVG 1
#define POOL_AVG_INCLUDE_PAD 2

__kernel void weft_pool(__global const float *restrict x, __global float *restrict y, const int op, const int ih,
                        const int iw, const int c, const int oh, const int ow, const int kh, const int kw, const int sh,
                        const int sw, const int dh, const int dw, const int pt, const int pl, const int pb, const int pr,
                        const int y_stride)
{
    const int n = (int)get_global_id(0) / oh;
    const int oy = (int)get_global_id(0) % oh;
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
        const float scale = op == POOL_MAX ? 1.0f : 1.0f / (float)max(count, 1);
        for (int ch = 0; ch < c; ch += WEFT_VW) {
            fv v = (fv)(op == POOL_MAX ? -INFINITY : 0.0f);
            for (int i = 0; i < kh; i++)
                for (int j = 0; j < kw; j++) {
                    const int iy = y0 + i * dh;
                    const int ix = x0 + j * dw;
                    if ((uint)iy >= (uint)ih || (uint)ix >= (uint)iw)
                        continue;
                    const fv e = load_part(x + ((n * ih + iy) * iw + ix) * c + ch, c - ch);
                    v = op == POOL_MAX ? larger(e, v) : v + e;
                }
            store_part(v * scale, y + ((n * oh + oy) * ow + ox) * y_stride + ch, c - ch);
        }
    }
}
