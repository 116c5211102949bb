/* SPDX-License-Identifier: Apache-2.0 */
/* 3x3 convolution, stride 1, dilation 1, by Winograd's minimal filtering, f32, NHWC: F(2x2, 3x3) and F(4x4, 3x3).
 *
 *   y = act(A^T [ (B^T d B) . U ] A + bias + res * gate),   U = G g G^T made by weft_pack_winograd
 *
 * Interpolation points 0, 1, -1, inf (F2) and 0, 1, -1, 2, -2, inf (F4). One work-item does the whole convolution of
 * `t_block` output tiles of m x m pixels of one image by `pg` panels of channels:
 *   1. input transform of all channels into local V[frequency][tile][ic rounded up to WEFT_VW]
 *   2. per panel and frequency a product (tiles x ic) (ic x WEFT_NR) into local P[frequency][tile][WEFT_NR]
 *   3. per panel output transform, bias, residual, gate, activation, channel sums, store
 * Global size {images * blocks_per_image, panel groups}, work-group size 1; local memory in floats:
 * (m + 2)^2 * t_block * (ic rounded up to WEFT_VW + WEFT_NR). Pixels outside the image point to the zero vector in front of U. */

#define FLAG_RES 1
#define FLAG_GATE 2
#define FLAG_PARTIAL 4

#define SIDE_MAX 6 /* m + 2 for the larger m */

/* B^T d for one column of a patch. */
INLINE void input_transform(const int m, fv d0, fv d1, fv d2, fv d3, fv d4, fv d5, fv *out)
{
    if (m == 2) {
        out[0] = d0 - d2;
        out[1] = d1 + d2;
        out[2] = d2 - d1;
        out[3] = d3 - d1;
        return;
    }
    const fv even = fma(d2, (fv)(-4.0f), d4), odd = fma(d1, (fv)(-4.0f), d3);
    const fv even2 = d4 - d2, odd2 = (d3 - d1) * 2.0f;
    out[0] = fma(d0, (fv)(4.0f), fma(d2, (fv)(-5.0f), d4));
    out[1] = even + odd;
    out[2] = even - odd;
    out[3] = even2 + odd2;
    out[4] = even2 - odd2;
    out[5] = fma(d1, (fv)(4.0f), fma(d3, (fv)(-5.0f), d5));
}

/* A^T p for one column of products. */
INLINE void output_transform(const int m, fv p0, fv p1, fv p2, fv p3, fv p4, fv p5, fv *out)
{
    if (m == 2) {
        out[0] = p0 + p1 + p2;
        out[1] = p1 - p2 + p3;
        return;
    }
    const fv sum1 = p1 + p2, sum2 = p3 + p4;
    const fv dif1 = p1 - p2, dif2 = p3 - p4;
    out[0] = p0 + sum1 + sum2;
    out[1] = fma(dif2, (fv)(2.0f), dif1);
    out[2] = fma(sum2, (fv)(4.0f), sum1);
    out[3] = fma(dif2, (fv)(8.0f), dif1) + p5;
}

#define ROW_START(m)                                                       \
    fv lo##m = (fv)(0.0f);                                                 \
    fv hi##m = (fv)(0.0f);                                                 \
    __local const float *restrict a##m = a + min(m, used - 1) * a_stride;
#define ROW_END(m)                                   \
    if (m < used) {                                  \
        STOREV(lo##m, out + m * WEFT_NR);            \
        STOREV(hi##m, out + m * WEFT_NR + WEFT_VW);  \
    }
#define PRODUCT_TILE(R)                                                                                       \
    INLINE void WEFT_CAT(product_tile_, R)(__local const float *restrict a, const int a_stride,               \
                                           __global const float *restrict b, __global const float *ahead,     \
                                           const int k_count, const int used, __local float *restrict out)    \
    {                                                                                                         \
        ROWS(R, ROW_START)                                                                                    \
        PRODUCT(R, k_count, ahead)                                                                            \
        ROWS(R, ROW_END)                                                                                      \
    }
PRODUCT_TILE(MR_A)
PRODUCT_TILE(MR_B)
PRODUCT_TILE(MR_C)

INLINE void winograd(const int m, __global const float *restrict x, __global const float *restrict u,
                     __global const float *restrict bias, __global const float *res,
                     __global const float *restrict gate, __global float *y,
                     __global float *restrict partial, __local float *restrict v, const int flags, const int act,
                     const float act_a, const float act_b, const int ih, const int iw, const int ic, const int oh,
                     const int ow, const int oc, const int pt, const int pl, const int y_stride,
                     const int t_block, const int blocks, const int pg)
{
    const int side = m + 2;
    const int n = (int)get_global_id(0) / blocks;
    const int block = (int)get_global_id(0) % blocks;
    const int tiles_w = (ow + m - 1) / m;
    const int tiles_h = (oh + m - 1) / m;
    const int tile0 = block * t_block;
    const int n_tiles = min(t_block, tiles_w * tiles_h - tile0);
    const int icp = (ic + WEFT_VW - 1) / WEFT_VW * WEFT_VW;
    const int panels = (oc + WEFT_NR - 1) / WEFT_NR;
    const int panel_end = min(((int)get_global_id(1) + 1) * pg, panels);
    __local float *restrict product = v + side * side * t_block * icp;

    for (int t = 0; t < n_tiles; t++) {
        const int y0 = (tile0 + t) / tiles_w * m - pt;
        const int x0 = (tile0 + t) % tiles_w * m - pl;
        __global const float *from[SIDE_MAX][SIDE_MAX];
        for (int j = 0; j < side; j++)
            for (int i = 0; i < side; i++) {
                const int ok = (uint)(y0 + i) < (uint)ih && (uint)(x0 + j) < (uint)iw;
                from[j][i] = ok ? x + ((n * ih + y0 + i) * iw + x0 + j) * ic : u;
            }
        for (int c = 0; c < ic; c += WEFT_VW) {
            fv half_done[SIDE_MAX][SIDE_MAX];
            for (int j = 0; j < side; j++) {
                const fv d0 = load_part(from[j][0] + c, ic - c), d1 = load_part(from[j][1] + c, ic - c);
                const fv d2 = load_part(from[j][2] + c, ic - c), d3 = load_part(from[j][3] + c, ic - c);
                fv d4 = (fv)(0.0f), d5 = (fv)(0.0f);
                if (m == 4) {
                    d4 = load_part(from[j][4] + c, ic - c);
                    d5 = load_part(from[j][5] + c, ic - c);
                }
                input_transform(m, d0, d1, d2, d3, d4, d5, half_done[j]);
            }
            for (int i = 0; i < side; i++) {
                fv out[SIDE_MAX];
                input_transform(m, half_done[0][i], half_done[1][i], half_done[2][i], half_done[3][i],
                                m == 4 ? half_done[4][i] : (fv)(0.0f), m == 4 ? half_done[5][i] : (fv)(0.0f), out);
                __local float *to = v + (i * side * t_block + t) * icp + c;
#pragma unroll
                for (int j = 0; j < side; j++)
                    STOREV(out[j], to + j * t_block * icp);
            }
        }
    }

    const int row_tiles = (n_tiles + WEFT_MR - 1) / WEFT_MR;
    const int tile_rows = n_tiles / row_tiles;
    const int tiles_plus = n_tiles % row_tiles; /* so many register tiles have one row more */
    const int zero_count = (ic + 15) / 16 * 16;
    for (int p = (int)get_global_id(1) * pg; p < panel_end; p++) {
        for (int f = 0; f < side * side; f++) {
            __global const float *b = u + zero_count + (p * side * side + f) * ic * WEFT_NR;
            int row = 0;
            for (int i = 0; i < row_tiles; i++) {
                const int r = tile_rows + (i < tiles_plus);
                __global const float *ahead = i < 4 ? b + (4 + i) * (ic * WEFT_NR / 4) : b;
                __local const float *a = v + (f * t_block + row) * icp;
                __local float *out = product + (f * t_block + row) * WEFT_NR;
                if (r == MR_A)
                    WEFT_CAT(product_tile_, MR_A)(a, icp, b, ahead, ic, MR_A, out);
                else if (r == MR_B)
                    WEFT_CAT(product_tile_, MR_B)(a, icp, b, ahead, ic, MR_B, out);
                else
                    WEFT_CAT(product_tile_, MR_C)(a, icp, b, ahead, ic, r, out);
                row += r;
            }
        }

        for (int h = 0; h < 2; h++) {
            const int ch = p * WEFT_NR + h * WEFT_VW;
            if (ch >= oc)
                break;
            const fv bv = LOADV(bias + ch);
            fv total = (fv)(0.0f);
            for (int t = 0; t < n_tiles; t++) {
                fv half_done[SIDE_MAX][SIDE_MAX];
                for (int j = 0; j < side; j++) {
                    __local const float *q = product + (j * t_block + t) * WEFT_NR + h * WEFT_VW;
                    const int step = side * t_block * WEFT_NR;
                    output_transform(m, LOADV(q), LOADV(q + step), LOADV(q + 2 * step), LOADV(q + 3 * step),
                                     m == 4 ? LOADV(q + 4 * step) : (fv)(0.0f),
                                     m == 4 ? LOADV(q + 5 * step) : (fv)(0.0f), half_done[j]);
                }
                const int oy0 = (tile0 + t) / tiles_w * m;
                const int ox0 = (tile0 + t) % tiles_w * m;
                const int y_end = min(m, oh - oy0);
                const int x_end = min(m, ow - ox0);
                for (int i = 0; i < y_end; i++) {
                    fv line[SIDE_MAX];
                    output_transform(m, half_done[0][i], half_done[1][i], half_done[2][i], half_done[3][i],
                                     m == 4 ? half_done[4][i] : (fv)(0.0f), m == 4 ? half_done[5][i] : (fv)(0.0f),
                                     line);
                    for (int j = 0; j < x_end; j++) {
                        const int pixel = (n * oh + oy0 + i) * ow + ox0 + j;
                        fv out = line[j] + bv;
                        if (flags & FLAG_RES) {
                            fv add = load_part(res + pixel * oc + ch, oc - ch);
                            if (flags & FLAG_GATE)
                                add *= load_part(gate + n * oc + ch, oc - ch);
                            out += add;
                        }
                        out = act_v(out, act, act_a, act_b);
                        total += out;
                        store_part(out, y + pixel * y_stride + ch, oc - ch);
                    }
                }
            }
            if (flags & FLAG_PARTIAL)
                store_part(total, partial + (n * blocks + block) * oc + ch, oc - ch);
        }
    }
}

#define WINOGRAD_KERNEL(m)                                                                                    \
    __kernel void WEFT_CAT(weft_winograd, m)(                                                                 \
        __global const float *restrict x, __global const float *restrict u, __global const float *restrict bias, \
        __global const float *res, __global const float *restrict gate, __global float *y,           \
        __global float *partial, __local float *v, const int flags, const int act, const float act_a,         \
        const float act_b, const int ih, const int iw, const int ic, const int oh, const int ow, const int oc, \
        const int pt, const int pl, const int y_stride, const int t_block, const int blocks, const int pg)    \
    {                                                                                                         \
        winograd(m, x, u, bias, res, gate, y, partial, v, flags, act, act_a, act_b, ih, iw, ic, oh, ow, oc, pt, pl, \
                 y_stride, t_block, blocks, pg);                                                              \
    }
WINOGRAD_KERNEL(2)
WINOGRAD_KERNEL(4)
