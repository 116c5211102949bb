/* SPDX-License-Identifier: Apache-2.0 */
/* 3x3 convolution, stride 1, dilation 1, of 8-bit values by Winograd's minimal filtering in integers, with exact
 * sums: F(2x2, 3x3) and F(4x4, 3x3). WEFT_DOT is 2.
 *
 *   k * sums = A^T [ (B^T d B) . U ] A,   U = (S G) g (S G)^T made by weft_qpack_winograd
 *
 * S scales the rows of G to whole numbers. F2, points 0, 1, -1, inf: S = 2, so k = 4. F4, points 0, 1, -1, 2, -2,
 * inf: S = 24 but 8 for the last row, whose missing factor 3 is in A; k = 576 = 64 * 9.
 *
 * Why this is exact. x - zero lies in [-255, 255] and g in [-128, 127]. Rows of B^T have absolute sums of at most 2 (F2) or 10 (F4), so
 * |B^T d B| <= 1020 or 25500 fits s16. Rows of S G have at most 3 or 12, so |U| <= 1152 or 18432 fits s16. Two products have at most 2 * 25500 *
 * 18432 < 2^31, so vpmaddwd is exact. Everything after that is additions, differences and multiplications by constants modulo 2^32, so the
 * result is k * sums modulo 2^32. F2: |sums| < 2^29 makes 4 * sums the s32 itself. F4: times 9^-1 modulo 2^32 it is 64 * sums modulo 2^32, and |sums| <
 * 2^25 makes that the s32 itself. Whoever plans proves these bounds from the weights (bias excluded: it is added after the shift).
 *
 * One work-item does the whole convolution of `t_block` tiles of m x m pixels of one image by `pg` panels:
 *   1. input transform of all channels into local V[frequency][tile][ic rounded up to 16], s16
 *   2. per panel and frequency a product (tiles x ic) (ic x WEFT_NR) into local P[frequency][tile], s32
 *   3. per panel output transform, then what qfinish.cl does
 * Global size {images * blocks, panel groups}, work-group size 1. Local memory in bytes: (m + 2)^2 * (t_block * 2 * (ic rounded
 * up to 16) + 64 + (t_block + 1) * 4 * WEFT_NR). */

Q_TILES(q_wide_, LOADW_WIDE, WIDE_STEP_BYTES, __local)

#define SIDE_MAX 6      /* m + 2 for the larger m */
#define FINISH_PIXELS 32 /* finished together: two F4 tiles or eight F2 tiles */
#define TILES_MAX 128

typedef WEFT_CAT(uint, WEFT_VW) uv; /* sums modulo 2^32 */

/* B^T d of one line of a patch, d0..d3 or d0..d5. */
#define INPUT_LINE_2(PUT) \
    {                     \
        PUT(0, d0 - d2)   \
        PUT(1, d1 + d2)   \
        PUT(2, d2 - d1)   \
        PUT(3, d3 - d1)   \
    }
#define INPUT_LINE_4(PUT)                                                   \
    {                                                                       \
        const short16 even = d4 - d2 * (short16)4, odd = d3 - d1 * (short16)4; \
        const short16 even2 = d4 - d2, odd2 = (d3 - d1) * (short16)2;       \
        PUT(0, d0 * (short16)4 - d2 * (short16)5 + d4)                      \
        PUT(1, even + odd)                                                  \
        PUT(2, even - odd)                                                  \
        PUT(3, even2 + odd2)                                                \
        PUT(4, even2 - odd2)                                                \
        PUT(5, d1 * (short16)4 - d3 * (short16)5 + d5)                      \
    }

/* A^T p of one line of products. */
#define OUTPUT_LINE_2(PUT)    \
    {                         \
        PUT(0, d0 + d1 + d2)  \
        PUT(1, d1 - d2 + d3)  \
    }
#define OUTPUT_LINE_4(PUT)                          \
    {                                               \
        const uv sum1 = d1 + d2, sum2 = d3 + d4;    \
        const uv dif1 = d1 - d2, dif2 = d3 - d4;    \
        PUT(0, d0 + sum1 + sum2)                    \
        PUT(1, dif1 + (dif2 << 1))                  \
        PUT(2, sum1 + (sum2 << 2))                  \
        PUT(3, dif1 + (dif2 << 3) + d5 * 3u)        \
    }

/* Reads d0.. with GET(i) and transforms them; m is a constant after inlining. */
#define TRANSFORM_LINE(type, kind, GET, PUT)                                       \
    {                                                                              \
        const type d0 = GET(0), d1 = GET(1), d2 = GET(2), d3 = GET(3);             \
        if (m == 2) {                                                              \
            WEFT_CAT(kind, _LINE_2)(PUT)                                           \
        } else {                                                                   \
            const type d4 = GET(4), d5 = GET(5);                                   \
            WEFT_CAT(kind, _LINE_4)(PUT)                                           \
        }                                                                          \
    }

/* 16 channels of a pixel, less the zero point; channels past `n` are zero. */
INLINE short16 form_part(__global const uchar *from, const int n, const struct input_form form)
{
    if (n >= 16)
        return FORM_16(LOAD_16(from), form);
    short t[16];
    for (int i = 0; i < 16; i++)
        t[i] = i < n ? FORM(from[i], form) : (short)0;
    return *(const short16_any *)t;
}

#define GET_INSIDE(i) FORM_16(LOAD_16(corner + ((i) * iw + j) * ic + c), form)
#define GET_EDGE(i)                                                                             \
    ((uint)(y0 + (i)) < (uint)ih && (uint)(x0 + j) < (uint)iw                                   \
         ? form_part(x + ((n * ih + y0 + (i)) * iw + x0 + j) * ic + c, ic - c, form)            \
         : (short16)0)
#define PUT_HALF(i, value) half_done[j][i] = (value);
#define GET_HALF(j) half_done[j][i]
#define PUT_V(j, value) *(__local short16_any *)(to + (j) * v_step) = (value);
#define GET_PRODUCT(i) __builtin_astype(from[(i) * side * p_step].v[h], uv)
#define PUT_SUM(j, value) sums[(i) * m + (j)].v[h] = exact_sum(m, (value)) + bias_v[h];

/* From k times a sum, modulo 2^32, to the sum. */
INLINE iv exact_sum(const int m, const uv scaled)
{
    return m == 2 ? __builtin_astype(scaled, iv) >> 2 : __builtin_astype(scaled * 954437177u, iv) >> 6; /* 9^-1 */
}

INLINE void q_winograd(const int m, __global const uchar *x, __global const char *u, __global const int *bias,
                       __global const ratio_t *ratio, __global const uchar *table, __global const uchar *res,
                       __global uchar *y, __global int *partial, __local short *v, const int ih, const int iw,
                       const int ic, const int oh, const int ow, const int oc, const int pt, const int pl,
                       const int y_stride, const int x_zero, const int t_block, const int blocks, const int pg,
                       const struct finish *finish)
{
    const int side = m + 2;
    const int n = (int)get_global_id(0) / blocks;
    const int block = (int)get_global_id(0) % blocks;
    const int tiles_w = (ow + m - 1) / m;
    const int tiles_h = (oh + m - 1) / m;
    const int tile0 = block * t_block;
    const int n_tiles = min(t_block, tiles_w * tiles_h - tile0);
    const int icp = (ic + 15) / 16 * 16;
    const int panels = (oc + WEFT_NR - 1) / WEFT_NR;
    const int panel_end = min(((int)get_global_id(1) + 1) * pg, panels);
    /* One cache line between frequencies keeps them out of each other's cache sets. */
    const int v_step = t_block * icp + 32;
    const int p_step = t_block + 1;
    __local row_sums *product = (__local row_sums *)(v + side * side * v_step);
    const int flip = finish->flags & QFLAG_X_SIGNED ? 128 : 0;
    const struct input_form form = {(uchar)flip, (short)(x_zero + flip)};

    for (int t = 0; t < n_tiles; t++) {
        const int y0 = (tile0 + t) / tiles_w * m - pt;
        const int x0 = (tile0 + t) % tiles_w * m - pl;
        const int is_inside = y0 >= 0 && x0 >= 0 && y0 + side <= ih && x0 + side <= iw;
        __global const uchar *corner = x + ((n * ih + y0) * iw + x0) * ic;
        for (int c = 0; c < ic; c += 16) {
            short16 half_done[SIDE_MAX][SIDE_MAX];
            for (int j = 0; j < side; j++)
                if (is_inside && ic - c >= 16)
                    TRANSFORM_LINE(short16, INPUT, GET_INSIDE, PUT_HALF)
                else
                    TRANSFORM_LINE(short16, INPUT, GET_EDGE, PUT_HALF)
            for (int i = 0; i < side; i++) {
                __local short *to = v + i * side * v_step + t * icp + c;
                TRANSFORM_LINE(short16, INPUT, GET_HALF, PUT_V)
            }
        }
    }

    int off[TILES_MAX];
    for (int t = 0; t < n_tiles; t++)
        off[t] = t * icp;
    const int row_tiles = (n_tiles + WEFT_MR - 1) / WEFT_MR;
    const int tile_rows = n_tiles / row_tiles;
    const int tiles_plus = n_tiles % row_tiles; /* so many register tiles have one row more */
    const int steps = (ic + 1) / 2;
    const int chunk_bytes = steps * WIDE_STEP_BYTES;
    const struct q_runs runs = {1, 0, 0, steps};
    const iv nothing[2] = {(iv)(0), (iv)(0)};
    for (int p = (int)get_global_id(1) * pg; p < panel_end; p++) {
        for (int f = 0; f < side * side; f++) {
            __global const char *chunk = u + (size_t)(p * side * side + f) * chunk_bytes;
            int row = 0;
            for (int i = 0; i < row_tiles; i++) {
                const int r = tile_rows + (i < tiles_plus);
                __global const char *ahead = i < 2 ? chunk + chunk_bytes + i * (chunk_bytes / 2) : chunk;
                Q_TILE_OF(q_wide_, r, v + f * v_step, off + row, chunk, ahead, runs, nothing, 1, product + f * p_step + row)
                row += r;
            }
        }

        const int ch = p * WEFT_NR;
        const int left = oc - ch;
        const int is_fast = left >= WEFT_NR && !(finish->flags & (QFLAG_TABLE | QFLAG_RES));
        iv total[2] = {(iv)(0), (iv)(0)};
        const iv bias_v[2] = {WEFT_CAT(vload, WEFT_VW)(0, bias + ch), WEFT_CAT(vload, WEFT_VW)(0, bias + ch + WEFT_VW)};
        const fv small[2] = {small_ratios_v(ratio + ch, finish), small_ratios_v(ratio + ch + WEFT_VW, finish)};
        row_sums pixels[FINISH_PIXELS];
        int at[FINISH_PIXELS], pixel_at[FINISH_PIXELS];
        int waiting = 0;
        for (int t = 0; t < n_tiles; t++) {
            const int oy0 = (tile0 + t) / tiles_w * m;
            const int ox0 = (tile0 + t) % tiles_w * m;
            const int y_end = min(m, oh - oy0);
            const int x_end = min(m, ow - ox0);
            const int is_whole = y_end == m && x_end == m;
            row_sums spare[16];
            row_sums *sums = is_whole ? pixels + waiting : spare;
            for (int h = 0; h < 2; h++) {
                uv half_done[SIDE_MAX][SIDE_MAX];
                for (int j = 0; j < side; j++) {
                    __local const row_sums *from = product + j * p_step + t;
                    TRANSFORM_LINE(uv, OUTPUT, GET_PRODUCT, PUT_HALF)
                }
                for (int i = 0; i < m; i++)
                    TRANSFORM_LINE(uv, OUTPUT, GET_HALF, PUT_SUM)
            }
            for (int i = 0; i < y_end; i++)
                for (int j = 0; j < x_end; j++) {
                    const int pixel = (n * oh + oy0 + i) * ow + ox0 + j;
                    if (!is_whole)
                        pixels[waiting] = spare[i * m + j];
                    pixel_at[waiting] = pixel;
                    at[waiting] = pixel * y_stride;
                    waiting++;
                }
            if (waiting + m * m <= FINISH_PIXELS && t + 1 < n_tiles)
                continue;
            if (is_fast)
                finish_rows(pixels, waiting, ratio + ch, y + ch, 0, at, finish, total);
            else
                for (int r = 0; r < waiting; r++)
                    finish_pixel(pixels + r, small, ratio + ch, table, res + pixel_at[r] * oc + ch, y + at[r] + ch,
                                 left, finish, total);
            waiting = 0;
        }
        if (finish->flags & QFLAG_PARTIAL)
            for (int h = 0; h < 2; h++)
                store_sums(total[h], partial + (n * blocks + block) * oc + ch + h * WEFT_VW, left - h * WEFT_VW);
    }
}

#define WINOGRAD_KERNEL(m)                                                                                            \
    __kernel void WEFT_CAT(weft_qwinograd, m)(                                                                        \
        __global const uchar *restrict x, __global const char *restrict u, __global const int *restrict bias,         \
        __global const ratio_t *restrict ratio, __global const uchar *restrict table, __global const uchar *res,      \
        __global uchar *y, __global int *partial, __local short *v, const int flags, const int ih, const int iw,      \
        const int ic, const int oh, const int ow, const int oc, const int pt, const int pl, const int y_stride,       \
        const int x_zero, const int t_block, const int blocks, const int pg, const int c_zero, const int c_min,       \
        const int c_max, const int a_zero, const int a_mult, const int b_zero, const int b_mult, const int add_shift, \
        const int y_zero, const int y_min, const int y_max, const int mean_zero)                                      \
    {                                                                                                                 \
        const struct finish finish = {flags,  c_zero, c_min,     c_max,  a_zero, a_mult,   b_zero,                    \
                                      b_mult, max(add_shift, 1), y_zero, y_min,  y_max, mean_zero};                   \
        q_winograd(m, x, u, bias, ratio, table, res, y, partial, v, ih, iw, ic, oh, ow, oc, pt, pl, y_stride, x_zero, \
                   t_block, blocks, pg, &finish);                                                                     \
    }
WINOGRAD_KERNEL(2)
WINOGRAD_KERNEL(4)
