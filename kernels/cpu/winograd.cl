/* SPDX-License-Identifier: Apache-2.0 */
/* 3x3 convolution, stride 1, dilation 1, by Winograd's minimal filtering, f32, NHWC: F(2x2, 3x3) and F(4x4, 3x3).
 *
 *   y = act(A^T [ (B^T d B) . U ] A + bias + res * gate),   U = G g G^T made by weft_pack_winograd
 *
 * Interpolation points 0, 1, -1, inf (F2) and 0, 3/4, -3/4, 3/2, -3/2, inf (F4). One work-item does the whole convolution of
 * `t_block` output tiles of m x m pixels of one image by `pg` panels of channels:
 *   1. input transform of all channels into local V[frequency][tile][ic rounded up to WEFT_VW]
 *   2. per panel and frequency a product (tiles x ic) (ic x WEFT_NR) into local P[frequency][tile][WEFT_NR]
 *   3. per panel output transform, bias, residual, gate, activation, channel sums, store
 * Global size {images * blocks_per_image, panel groups}, work-group size 1; local memory in floats:
 * (m + 2)^2 * (t_block * (ic rounded up to WEFT_VW + WEFT_NR) + 32). Pixels outside the image point to the zero vector in front of U. */

#define FLAG_RES 1
#define FLAG_GATE 2
#define FLAG_PARTIAL 4

#define SIDE_MAX 6 /* m + 2 for the larger m */

/* F4's points 0, +-A, +-B. The usual 1 and 2 lose twice the digits: powers up to B^3 spread the sizes of what is added up.
 * 3/4 and 3/2 keep them together, and every constant below is exact in binary. tests/bench/winograd_points.py compares. */
#define POINT_A 0.75f
#define POINT_B 1.5f
#define SQUARES_SUM (POINT_A * POINT_A + POINT_B * POINT_B)
#define SQUARES_PRODUCT (POINT_A * POINT_A * POINT_B * POINT_B)

/* B^T d of one line of a patch, d0..d3 or d0..d5; PUT(i, value) takes the results. Written as macros, so that
 * each result goes straight to memory and no array of vectors is made. */
#define INPUT_LINE_2(PUT) \
    {                     \
        PUT(0, d0 - d2)   \
        PUT(1, d1 + d2)   \
        PUT(2, d2 - d1)   \
        PUT(3, d3 - d1)   \
    }
#define INPUT_LINE_4(PUT)                                                                                       \
    {                                                                                                           \
        const fv even = fma(d2, (fv)(-POINT_B * POINT_B), d4), odd = fma(d1, (fv)(-POINT_B * POINT_B), d3);     \
        const fv even2 = fma(d2, (fv)(-POINT_A * POINT_A), d4), odd2 = fma(d1, (fv)(-POINT_A * POINT_A), d3);   \
        PUT(0, fma(d0, (fv)(SQUARES_PRODUCT), fma(d2, (fv)(-SQUARES_SUM), d4)))                                 \
        PUT(1, fma(odd, (fv)(POINT_A), even))                                                                   \
        PUT(2, fma(odd, (fv)(-POINT_A), even))                                                                  \
        PUT(3, fma(odd2, (fv)(POINT_B), even2))                                                                 \
        PUT(4, fma(odd2, (fv)(-POINT_B), even2))                                                                \
        PUT(5, fma(d1, (fv)(SQUARES_PRODUCT), fma(d3, (fv)(-SQUARES_SUM), d5)))                                 \
    }

/* A^T p of one line of products. */
#define OUTPUT_LINE_2(PUT)    \
    {                         \
        PUT(0, d0 + d1 + d2)  \
        PUT(1, d1 - d2 + d3)  \
    }
#define OUTPUT_LINE_4(PUT)                                          \
    {                                                               \
        const fv sum1 = d1 + d2, sum2 = d3 + d4;                    \
        const fv dif1 = d1 - d2, dif2 = d3 - d4;                    \
        PUT(0, d0 + sum1 + sum2)                                    \
        PUT(1, fma(dif2, (fv)(POINT_B), dif1 * POINT_A))            \
        PUT(2, fma(sum2, (fv)(POINT_B * POINT_B), sum1 * (POINT_A * POINT_A))) \
        PUT(3, fma(dif2, (fv)(POINT_B * POINT_B * POINT_B), fma(dif1, (fv)(POINT_A * POINT_A * POINT_A), d5))) \
    }

/* Reads d0.. with GET(i) and transforms them; m is a constant after inlining. */
#define TRANSFORM_LINE(kind, GET, PUT)                                             \
    {                                                                              \
        const fv d0 = GET(0), d1 = GET(1), d2 = GET(2), d3 = GET(3);               \
        if (m == 2) {                                                              \
            WEFT_CAT(kind, _LINE_2)(PUT)                                           \
        } else {                                                                   \
            const fv d4 = GET(4), d5 = GET(5);                                     \
            WEFT_CAT(kind, _LINE_4)(PUT)                                           \
        }                                                                          \
    }

#define ROW_START(m)                                                       \
    fv lo##m = (fv)(0.0f);                                                 \
    fv hi##m = (fv)(0.0f);                                                 \
    __local const float *a##m = a + min(m, used - 1) * a_stride;
#define ROW_END(m)                                   \
    if (m < used) {                                  \
        STOREV(lo##m, out + m * WEFT_NR);            \
        STOREV(hi##m, out + m * WEFT_NR + WEFT_VW);  \
    }
#define PRODUCT_TILE(R)                                                                                       \
    INLINE void WEFT_CAT(product_tile_, R)(__local const float *a, const int a_stride,               \
                                           __global const float *b, __global const float *ahead,     \
                                           const int k_count, const int used, __local float *out)    \
    {                                                                                                         \
        ROWS(R, ROW_START)                                                                                    \
        PRODUCT(R, k_count, ahead, WEFT_NR / 2)                                                                \
        ROWS(R, ROW_END)                                                                                      \
    }
PRODUCT_TILE(MR_A)
PRODUCT_TILE(MR_B)
PRODUCT_TILE(MR_C)

#define GET_PIXEL(i) LOADV(from[j][i] + c)
#define GET_PIXEL_PART(i) load_part(from[j][i] + c, ic - c)
#define PUT_HALF(i, value) half_done[j][i] = (value);
#define GET_HALF(j) half_done[j][i]
#define PUT_V(j, value) STOREV((value), to + j * v_step);
#define GET_PRODUCT(i) LOADV(from + i * side * p_step)
#define PUT_LINE(j, value) line[j] = (value);
/* One finished pixel in the usual case; none, relu and clip are all a clip. */
#define PUT_Y(j, value)                                     \
    {                                                       \
        fv done = (value) + bv;                             \
        if (flags & FLAG_RES)                               \
            done += LOADV(add + j * oc);                    \
        done = at_most(at_least(done, low), high);          \
        STOREV(done, out + j * y_stride);                   \
        total += done;                                      \
    }

INLINE void winograd(const int m, __global const float *x, __global const float *u,
                     __global const float *bias, __global const float *res,
                     __global const float *gate, __global float *y,
                     __global float *partial, __local float *v, const int flags, const int act,
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
    /* One cache line between frequencies keeps them out of each other's cache sets. */
    const int v_step = t_block * icp + 16;
    const int p_step = t_block * WEFT_NR + 16;
    __local float *product = v + side * side * v_step;

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
            for (int j = 0; j < side; j++)
                if (ic - c >= WEFT_VW)
                    TRANSFORM_LINE(INPUT, GET_PIXEL, PUT_HALF)
                else
                    TRANSFORM_LINE(INPUT, GET_PIXEL_PART, PUT_HALF)
            for (int i = 0; i < side; i++) {
                __local float *to = v + i * side * v_step + t * icp + c;
                TRANSFORM_LINE(INPUT, GET_HALF, PUT_V)
            }
        }
    }

    const int row_tiles = (n_tiles + WEFT_MR - 1) / WEFT_MR;
    const int tile_rows = n_tiles / row_tiles;
    const int tiles_plus = n_tiles % row_tiles; /* so many register tiles have one row more */
    const fv low = (fv)(act == ACT_NONE ? -INFINITY : act == ACT_RELU ? 0.0f : act_a);
    const fv high = (fv)(act == ACT_CLIP ? act_b : INFINITY);
    const int zero_count = (ic + 15) / 16 * 16;
    for (int p = (int)get_global_id(1) * pg; p < panel_end; p++) {
        for (int f = 0; f < side * side; f++) {
            __global const float *b = u + zero_count + (p * side * side + f) * ic * WEFT_NR;
            int row = 0;
            for (int i = 0; i < row_tiles; i++) {
                const int r = tile_rows + (i < tiles_plus);
                __global const float *ahead = i < 4 ? b + (4 + i) * (ic * WEFT_NR / 4) : b;
                __local const float *a = v + f * v_step + row * icp;
                __local float *out = product + f * p_step + row * WEFT_NR;
                if (r == MR_A)
                    WEFT_CAT(product_tile_, MR_A)(a, icp, b, ahead, ic, MR_A, out);
                else if (r == MR_B)
                    WEFT_CAT(product_tile_, MR_B)(a, icp, b, ahead, ic, MR_B, out);
                else
                    WEFT_CAT(product_tile_, MR_C)(a, icp, b, ahead, ic, r, out);
                row += r;
            }
        }

        const int left = oc - p * WEFT_NR;
        const int is_fast = left >= WEFT_NR && act <= ACT_CLIP && !(flags & FLAG_GATE);
        fv totals[2] = {(fv)(0.0f), (fv)(0.0f)};
        for (int t = 0; t < n_tiles; t++) {
            const int oy0 = (tile0 + t) / tiles_w * m;
            const int ox0 = (tile0 + t) % tiles_w * m;
            const int y_end = min(m, oh - oy0);
            const int x_end = min(m, ow - ox0);
            const int pixel = (n * oh + oy0) * ow + ox0;
            for (int i = 0; i < y_end; i++)
                for (int j = 0; j < x_end; j++)
                    PREFETCH_WRITE(y + (pixel + i * ow + j) * y_stride + p * WEFT_NR);
            for (int h = 0; h < 2; h++) {
                const int ch = p * WEFT_NR + h * WEFT_VW;
                if (ch >= oc)
                    break;
                const fv bv = LOADV(bias + ch);
                fv total = totals[h];
                fv half_done[SIDE_MAX][SIDE_MAX];
                for (int j = 0; j < side; j++) {
                    __local const float *from = product + j * p_step + t * WEFT_NR + h * WEFT_VW;
                    TRANSFORM_LINE(OUTPUT, GET_PRODUCT, PUT_HALF)
                }
                for (int i = 0; i < y_end; i++) {
                    __global float *out = y + (pixel + i * ow) * y_stride + ch;
                    __global const float *add = res + (pixel + i * ow) * oc + ch;
                    if (is_fast && x_end == m) {
                        TRANSFORM_LINE(OUTPUT, GET_HALF, PUT_Y)
                    } else {
                        fv line[SIDE_MAX];
                        TRANSFORM_LINE(OUTPUT, GET_HALF, PUT_LINE)
                        for (int j = 0; j < x_end; j++) {
                            fv value = line[j] + bv;
                            if (flags & FLAG_GATE)
                                value += load_part(add + j * oc, oc - ch) * load_part(gate + n * oc + ch, oc - ch);
                            else if (flags & FLAG_RES)
                                value += load_part(add + j * oc, oc - ch);
                            value = act_v(value, act, act_a, act_b);
                            store_part(value, out + j * y_stride, oc - ch);
                            total += value;
                        }
                    }
                }
                totals[h] = total;
            }
        }
        if (flags & FLAG_PARTIAL)
            for (int h = 0; h < 2; h++) {
                const int ch = p * WEFT_NR + h * WEFT_VW;
                if (ch < oc)
                    store_part(totals[h], partial + (n * blocks + block) * oc + ch, oc - ch);
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
