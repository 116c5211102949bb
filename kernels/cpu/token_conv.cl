/* SPDX-License-Identifier: Apache-2.0 */
/* Depthwise convolution over tokens seen as an image, f32: y[b, prefix + p, c] = bias[c] + sum over taps of
 * x[b, prefix + p', x_offset + c] * w[tap][c] + res. The `prefix` tokens in front (class tokens) have no place in the image: they get the residual,
 * or 0. Stride 1, dilation 1, zeros around the image.
 *
 * w is [kh][kw][c]. A row of x has `cx` channels. Global {images * (gh + 1), channel blocks}, work-group
 * size 1: row 0 of an image stands for the prefix, row 1 + iy for the grid row iy; `block` channels, a multiple of WEFT_VW, per work-item. */

#define FLAG_RES 1

/* One output pixel, one vector of channels. x points at that pixel's channels; the taps [ky0, ky1) x [kx0, kx1) lie inside. */
INLINE fv pixel(__global const float *x, const int row, const int cx, __global const float *w, const int c, const int kw, const int ky0,
                const int ky1, const int kx0, const int kx1, const int left, fv sum)
{
    for (int ky = ky0; ky < ky1; ky++)
        for (int kx = kx0; kx < kx1; kx++)
            sum = fma(load_part(x + ky * row + kx * cx, left), load_part(w + (ky * kw + kx) * c, left), sum);
    return sum;
}

__kernel void weft_token_conv(__global const float *restrict x, __global const float *restrict w, __global const float *restrict bias,
                              __global const float *res, __global float *y, const int flags, const int gh, const int gw, const int c,
                              const int cx, const int x_offset, const int prefix, const int kh, const int kw, const int pt, const int pl,
                              const int block)
{
    const int image = (int)get_global_id(0) / (gh + 1), iy = (int)get_global_id(0) % (gh + 1) - 1;
    const int begin = (int)get_global_id(1) * block, end = min(begin + block, c);
    const int tokens = prefix + gh * gw;
    if (iy < 0) {
        for (int t = image * tokens; t < image * tokens + prefix; t++)
            for (int ch = begin; ch < end; ch += WEFT_VW)
                store_part(flags & FLAG_RES ? load_part(res + t * c + ch, end - ch) : (fv)(0.0f), y + t * c + ch, end - ch);
        return;
    }
    const int ky0 = max(pt - iy, 0), ky1 = min(kh, gh + pt - iy);
    const int token = image * tokens + prefix + iy * gw, row = gw * cx;
    for (int ch = begin; ch < end; ch += WEFT_VW) {
        const int left = end - ch;
        const fv start = load_part(bias + ch, left);
        __global const float *w_ch = w + ch;
        for (int ix = 0; ix < gw; ix++) {
            const int at = (token + ix) * c + ch;
            __global const float *from = x + (token + ix) * cx + x_offset + ch - pt * row - pl * cx;
            const int kx0 = max(pl - ix, 0), kx1 = min(kw, gw + pl - ix);
            fv out;
            if (kh == 3 && kw == 3 && ky1 - ky0 == 3 && kx1 - kx0 == 3 && left >= WEFT_VW) /* constants: nine products in a row */
                out = pixel(from, row, cx, w_ch, c, 3, 0, 3, 0, 3, WEFT_VW, start);
            else
                out = pixel(from, row, cx, w_ch, c, kw, ky0, ky1, kx0, kx1, left, start);
            if (flags & FLAG_RES)
                out += load_part(res + at, left);
            store_part(out, y + at, left);
        }
    }
}
