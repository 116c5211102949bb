/* SPDX-License-Identifier: Apache-2.0 */
/* Convolution as an implicit matrix product, f32, NHWC, groups = 1: 1x1, k x k, any stride, dilation, pads.
 *
 *   y[row][oc] = act(sum over tap, ic of x[row, tap][ic] * w[tap][ic][oc] + bias[oc] + res[row][oc] * gate[n][oc])
 *
 * One work-item (work-group size 1) computes `mb` rows (output pixels) by `pg` panels of WEFT_NR channels.
 * Global size {segments * blocks_per_segment, panel groups}. A segment is `seg_rows` consecutive output rows;
 * a block never crosses a segment, so with seg_rows = OH*OW the sums in `partial` belong to one image.
 *
 * Padding and im2col are addressing: each tap of each row is a pointer into x, or to the zero vector
 * that stands in front of the packed weights. K is walked in chunks of `tc` taps x `kc` channels, so that the
 * chunk of the panel stays in L1 while all rows of the block pass over it; between chunks the block's sums wait in
 * private memory (mb x WEFT_NR floats).
 *
 * gather modes that first copy the block's rows into this work-item's slice of `scratch`:
 *   GATHER_POOL    mean over a window (ph x pw, stride psh x psw, clipped at the edge), then a 1x1 product
 *   GATHER_IM2COL  taps x channels through element strides xn, xh, xw, xc: few input channels, or NCHW input
 *   GATHER_NORM    (x - mean of the row) / sqrt(its variance + epsilon), then a 1x1 product
 * Without gathering, `scratch` may be weights that a later step will stream: the kernel asks for the first `ph` cache lines
 * of them while it computes, so that a step that only waits for memory finds them in the last-level cache.
 *
 * x, res and y may lie inside larger tensors, tokens behind class tokens for example: x_at, res_at and y_at are their first elements, xn, res_image
 * and y_image the distance from image to image (res_image 0: one table for all). The `prefix` rows of y in front of an image's pixels become those
 * of res. With more than one image and a y_image or res_image of its own, seg_rows must be OH*OW. */

#ifndef WEFT_MB_MAX
#define WEFT_MB_MAX 128
#endif

#define FLAG_RES 1
#define FLAG_GATE 2
#define FLAG_PARTIAL 4

#define GATHER_NONE 0
#define GATHER_POOL 1
#define GATHER_IM2COL 2
#define GATHER_NORM 3
#define IM2COL_MAX 512 /* longer rows are gathered without the table of offsets */

struct rows {
    int off[WEFT_MB_MAX]; /* element offset in x of the pixel under tap (0, 0), or of the gathered row in scratch */
    int iy[WEFT_MB_MAX];  /* that pixel's row and column; may be outside the image */
    int ix[WEFT_MB_MAX];
};

struct window {
    int ih, iw, ic;   /* of the tensor that rows point into */
    int kw;           /* taps per kernel row */
    int dh, dw;
    int is_padded;    /* some tap of some row may fall outside */
    int tap, tap_end; /* this chunk: taps [tap, tap_end), channels [c, c_end) */
    int c, c_end;
};

/* One register tile over one chunk: rows [row, row + used); used < R computes the last row again and drops it.
 * sums points at the tile's first row of waiting sums. */
#define ROW_START(m)                                                  \
    fv lo##m = first ? (fv)(0.0f) : sums[min(m, used - 1)][0];        \
    fv hi##m = first ? (fv)(0.0f) : sums[min(m, used - 1)][1];        \
    __global const float *a##m;
#define ROW_TAP(m)                                                                          \
    {                                                                                       \
        const int r = row + min(m, used - 1);                                               \
        a##m = at + rows->off[r];                                                           \
        if (win->is_padded) {                                                               \
            const int ok = (uint)(rows->iy[r] + dy) < (uint)win->ih &&                      \
                           (uint)(rows->ix[r] + dx) < (uint)win->iw;                        \
            a##m = ok ? a##m : zeros + win->c;                                              \
            inside |= ok;                                                                   \
        }                                                                                   \
    }
#define ROW_END(m)           \
    if (m < used) {          \
        sums[m][0] = lo##m;  \
        sums[m][1] = hi##m;  \
    }
#define CONV_TILE(R)                                                                                          \
    INLINE void WEFT_CAT(conv_tile_, R)(__global const float *x, __global const float *zeros, \
                                        __global const float *panel, __global const float *ahead, const int ahead_step, \
                                        const struct rows *rows, const int row, const int used,               \
                                        const struct window *win, const int first, fv (*sums)[2])             \
    {                                                                                                         \
        ROWS(R, ROW_START)                                                                                    \
        for (int tap = win->tap; tap < win->tap_end; tap++) {                                                 \
            const int dy = win->kw == 1 ? tap * win->dh : tap / win->kw * win->dh;                            \
            const int dx = win->kw == 1 ? 0 : tap % win->kw * win->dw;                                        \
            int inside = !win->is_padded;                                                                     \
            __global const float *at = x + (dy * win->iw + dx) * win->ic + win->c;                            \
            ROWS(R, ROW_TAP)                                                                                  \
            if (inside) {                                                                                     \
                __global const float *b = panel + (tap * win->ic + win->c) * WEFT_NR;                \
                PRODUCT(R, win->c_end - win->c, ahead, ahead_step)                                                        \
            }                                                                                                 \
        }                                                                                                     \
        ROWS(R, ROW_END)                                                                                      \
    }
CONV_TILE(MR_A)
CONV_TILE(MR_B)
CONV_TILE(MR_C)
#if WEFT_MR == 14
#define MR_FEW 9 /* 16 to 18 rows, the last stage of a vision transformer, are two tiles */
CONV_TILE(MR_FEW)
#endif

/* Mean of the window elements that exist, for the block's rows, all channels: the pooled rows of a 1x1 product. */
INLINE void gather_pool(__global const float *x, __global float *to, const int ih, const int iw,
                        const int ic, const int y0, const int x0, const int ph, const int pw)
{
    const int ya = max(y0, 0), yb = min(y0 + ph, ih);
    const int xa = max(x0, 0), xb = min(x0 + pw, iw);
    const float scale = 1.0f / (float)((yb - ya) * (xb - xa));
    for (int c = 0; c < ic; c += WEFT_VW) {
        fv sum = (fv)(0.0f);
        for (int iy = ya; iy < yb; iy++)
            for (int ix = xa; ix < xb; ix++)
                sum += load_part(x + (iy * iw + ix) * ic + c, ic - c);
        store_part(sum * scale, to + c, ic - c);
    }
}

INLINE float lanes_sum(const fv v)
{
    float lane[WEFT_VW], all = 0.0f;
    STOREV(v, lane);
    for (int i = 0; i < WEFT_VW; i++)
        all += lane[i];
    return all;
}

/* (x - mean) / sqrt(variance + epsilon) of one row. The variance is the mean of squared distances; what rounding left of the mean is taken off
 * after them. */
INLINE void gather_norm(__global const float *x, __global float *to, const int count, const float epsilon)
{
    fv sum = (fv)(0.0f), more = sum, rest = sum, squares = sum;
    int i = 0;
    for (; i + 2 * WEFT_VW <= count; i += 2 * WEFT_VW) {
        sum += LOADV(x + i);
        more += LOADV(x + i + WEFT_VW);
    }
    for (; i < count; i += WEFT_VW)
        sum += load_part(x + i, count - i);
    const float mean = lanes_sum(sum + more) / (float)count;
    for (i = 0; i + WEFT_VW <= count; i += WEFT_VW) {
        const fv v = LOADV(x + i) - mean;
        rest += v;
        squares = fma(v, v, squares);
    }
    float rest_all = lanes_sum(rest), squares_all = lanes_sum(squares);
    for (; i < count; i++) {
        const float v = x[i] - mean;
        rest_all += v;
        squares_all += v * v;
    }
    const float shift = rest_all / (float)count;
    const float inverse = 1.0f / sqrt(squares_all / (float)count - shift * shift + epsilon);
    for (i = 0; i < count; i += WEFT_VW)
        store_part((load_part(x + i, count - i) - mean - shift) * inverse, to + i, count - i);
}

/* act(sums); the activation is chosen once. */
#define ACT_CASE(number)                           \
    case number:                                   \
        for (int i = 0; i < count; i++)            \
            sums[i] = act_v(sums[i], number, a, b); \
        break;
INLINE void act_sums(fv *sums, const int count, const int act, const float a, const float b)
{
    switch (act) {
        ACT_CASE(ACT_RELU)
        ACT_CASE(ACT_CLIP)
        ACT_CASE(ACT_SIGMOID)
        ACT_CASE(ACT_SILU)
        ACT_CASE(ACT_HARD_SIGMOID)
        ACT_CASE(ACT_HARD_SWISH)
        ACT_CASE(ACT_LEAKY_RELU)
        ACT_CASE(ACT_GELU)
        ACT_CASE(ACT_TANH)
        ACT_CASE(ACT_GELU_TANH)
    default: break;
    }
}

__kernel void weft_conv(__global const float *restrict x, __global const float *restrict w,
                        __global const float *restrict bias, __global const float *res,
                        __global const float *restrict gate, __global float *y, __global float *partial,
                        __global float *scratch, const int flags, const int act, const float act_a,
                        const float act_b, const int ih, const int iw, const int ic, const int oh, const int ow,
                        const int oc, const int kh, const int kw, const int sh, const int sw, const int dh,
                        const int dw, const int pt, const int pl, const int y_stride, const int seg_rows,
                        const int mb, const int blocks, const int pg, const int tc, const int kc,
                        const int gather, const int ph, const int pw, const int xn, const int xh, const int xw,
                        const int xc, const float epsilon, const int x_at, const int res_at, const int res_image,
                        const int y_at, const int y_image, const int prefix)
{
    const int seg = (int)get_global_id(0) / blocks;
    const int block = (int)get_global_id(0) % blocks;
    const int group = (int)get_global_id(1);
    const int row0 = seg * seg_rows + block * mb;
    const int n_rows = min(mb, seg_rows - block * mb);
    const int panels = (oc + WEFT_NR - 1) / WEFT_NR;
    const int panel_end = min((group + 1) * pg, panels);
    const int per_image = oh * ow;
    const int taps_all = kh * kw;

    struct rows rows;
    struct window win = {ih, iw, ic, kw, dh, dw, 0, 0, 0, 0, 0};
    win.is_padded = pt > 0 || pl > 0 || (oh - 1) * sh - pt + (kh - 1) * dh >= ih || (ow - 1) * sw - pl + (kw - 1) * dw >= iw;
    __global const float *from = x;
    __global const float *res_block = res + res_at + seg * res_image + block * mb * oc;
    __global float *y_block = y + y_at + seg * y_image + block * mb * y_stride;
    int taps = taps_all;
    if (gather != GATHER_NONE) {
        const int k = gather == GATHER_IM2COL ? taps_all * ic : ic;
        __global float *to = scratch + (get_global_id(1) * get_global_size(0) + get_global_id(0)) * (size_t)(mb * k);
        /* Offsets of a row's elements from the window's first, for rows that lie inside the image. */
        int im2col[IM2COL_MAX];
        for (int i = 0; i < min(k, IM2COL_MAX) && gather == GATHER_IM2COL; i++)
            im2col[i] = i / ic / kw * dh * xh + i / ic % kw * dw * xw + i % ic * xc;
        const int y_inside = ih - 1 - (kh - 1) * dh;
        const int x_inside = iw - 1 - (kw - 1) * dw;
        for (int r = 0; r < n_rows; r++) {
            const int n = (row0 + r) / per_image;
            const int pixel = (row0 + r) % per_image;
            const int y0 = pixel / ow * sh - pt;
            const int x0 = pixel % ow * sw - pl;
            if (gather == GATHER_POOL) {
                gather_pool(x + x_at + n * xn, to + r * k, ih, iw, ic, y0, x0, ph, pw);
            } else if (gather == GATHER_NORM) {
                gather_norm(x + x_at + n * xn + pixel * ic, to + r * k, ic, epsilon);
            } else {
                __global const float *pixel_x = x + x_at + n * xn + y0 * xh + x0 * xw;
                __global float *out = to + r * k;
                if (k <= IM2COL_MAX && y0 >= 0 && y0 <= y_inside && x0 >= 0 && x0 <= x_inside) {
                    /* Scalar on purpose: gather instructions are slower than loads on several CPUs. */
#pragma clang loop vectorize(disable) unroll_count(4)
                    for (int i = 0; i < k; i++)
                        out[i] = pixel_x[im2col[i]];
                } else {
                    for (int i = 0; i < kh; i++)
                        for (int j = 0; j < kw; j++) {
                            const int ok = (uint)(y0 + i * dh) < (uint)ih && (uint)(x0 + j * dw) < (uint)iw;
                            for (int c = 0; c < ic; c++)
                                *out++ = ok ? pixel_x[i * dh * xh + j * dw * xw + c * xc] : 0.0f;
                        }
                }
            }
            rows.off[r] = r * k;
        }
        from = to;
        win.ih = 1;
        win.iw = 1;
        win.ic = k;
        win.kw = 1;
        win.is_padded = 0;
        taps = 1;
    } else {
        for (int r = 0; r < n_rows; r++) {
            const int n = (row0 + r) / per_image;
            const int pixel = (row0 + r) % per_image;
            rows.iy[r] = pixel / ow * sh - pt;
            rows.ix[r] = pixel % ow * sw - pl;
            rows.off[r] = x_at + n * xn + (rows.iy[r] * iw + rows.ix[r]) * ic;
        }
    }

    const int zero_count = (win.ic + 15) / 16 * 16;
    const int panel_size = taps * win.ic * WEFT_NR;
    const int tiles = (n_rows + WEFT_MR - 1) / WEFT_MR;
    const int tile_rows = n_rows / tiles;
    const int tiles_plus = n_rows % tiles; /* so many tiles have one row more */
    const int fetchers = min(tiles, 4);    /* of the next chunk */
    /* This work-item's share of the weights that a later step will stream; ph counts lines of 16 floats. */
    const int items = (int)(get_global_size(0) * get_global_size(1));
    const int item = (int)(get_global_id(1) * get_global_size(0) + get_global_id(0));
    const int share = gather == GATHER_NONE ? (ph + items - 1) / items * 16 : 0;
    __global const float *later = scratch + item * share;
    __global const float *later_end = later + share;
    fv sums[WEFT_MB_MAX + WEFT_MR][2];

    for (int p = group * pg; p < panel_end; p++) {
        __global const float *panel = w + zero_count + (size_t)p * panel_size;
        for (int t = 0; t < taps; t += tc) {
            win.tap = t;
            win.tap_end = min(t + tc, taps);
            for (int c = 0; c < win.ic; c += kc) {
                win.c = c;
                win.c_end = min(c + kc, win.ic);
                const int first = t == 0 && c == 0;
                const int is_last = t + tc >= taps && c + kc >= win.ic;
                /* The chunk after this one follows it in memory, also across taps and panels. */
                const int chunk = (win.tap_end - t) * (win.c_end - c);
                __global const float *next = panel + (t * win.ic + c + chunk) * WEFT_NR;
                int row = 0;
                for (int i = 0; i < tiles; i++) {
                    const int r = tile_rows + (i < tiles_plus);
                    __global const float *ahead = i < fetchers ? next + i * (chunk / fetchers) * WEFT_NR : panel;
                    int ahead_step = i < fetchers ? 2 * WEFT_NR / fetchers : 0;
                    if (i >= fetchers && later < later_end) {
                        ahead = later;
                        ahead_step = 2 * WEFT_NR / 4;
                        later += chunk / 4 * WEFT_NR;
                    }
                    if (is_last)
                        for (int m = row; m < row + r; m++)
                            PREFETCH_WRITE(y_block + m * y_stride + p * WEFT_NR);
                    if (r == MR_A)
                        WEFT_CAT(conv_tile_, MR_A)(from, w, panel, ahead, ahead_step, &rows, row, MR_A, &win, first, sums + row);
                    else if (r == MR_B)
                        WEFT_CAT(conv_tile_, MR_B)(from, w, panel, ahead, ahead_step, &rows, row, MR_B, &win, first, sums + row);
#ifdef MR_FEW
                    else if (r <= MR_FEW)
                        WEFT_CAT(conv_tile_, MR_FEW)(from, w, panel, ahead, ahead_step, &rows, row, r, &win, first, sums + row);
#endif
                    else
                        WEFT_CAT(conv_tile_, MR_C)(from, w, panel, ahead, ahead_step, &rows, row, r, &win, first, sums + row);
                    row += r;
                }
            }
        }

        const int ch = p * WEFT_NR;
        const int left = oc - ch;
        fv total_lo = (fv)(0.0f), total_hi = (fv)(0.0f);
        const fv bias_lo = LOADV(bias + ch), bias_hi = LOADV(bias + ch + WEFT_VW);
        __global float *out = y_block + ch;
        if (left >= WEFT_NR && act <= ACT_CLIP && !(flags & FLAG_GATE)) {
            /* The usual case without branches per row: none, relu and clip are all a clip. */
            const fv low = (fv)(act == ACT_NONE ? -INFINITY : act == ACT_RELU ? 0.0f : act_a);
            const fv high = (fv)(act == ACT_CLIP ? act_b : INFINITY);
            __global const float *add = res_block + ch;
            for (int r = 0; r < n_rows; r++) {
                fv lo = sums[r][0] + bias_lo, hi = sums[r][1] + bias_hi;
                if (flags & FLAG_RES) {
                    lo += LOADV(add);
                    hi += LOADV(add + WEFT_VW);
                    add += oc;
                }
                lo = at_most(at_least(lo, low), high);
                hi = at_most(at_least(hi, low), high);
                total_lo += lo;
                total_hi += hi;
                STOREV(lo, out);
                STOREV(hi, out + WEFT_VW);
                out += y_stride;
            }
        } else {
            for (int r = 0; r < n_rows; r++) {
                fv lo = sums[r][0] + bias_lo, hi = sums[r][1] + bias_hi;
                if (flags & FLAG_RES) {
                    __global const float *add = res_block + r * oc + ch;
                    fv add_lo = load_part(add, left), add_hi = load_part(add + WEFT_VW, left - WEFT_VW);
                    if (flags & FLAG_GATE) {
                        __global const float *g = gate + (row0 + r) / per_image * oc + ch;
                        add_lo *= load_part(g, left);
                        add_hi *= load_part(g + WEFT_VW, left - WEFT_VW);
                    }
                    lo += add_lo;
                    hi += add_hi;
                }
                sums[r][0] = lo;
                sums[r][1] = hi;
            }
            act_sums(&sums[0][0], 2 * n_rows, act, act_a, act_b);
            for (int r = 0; r < n_rows; r++) {
                total_lo += sums[r][0];
                total_hi += sums[r][1];
                store_part(sums[r][0], out, left);
                store_part(sums[r][1], out + WEFT_VW, left - WEFT_VW);
                out += y_stride;
            }
        }
        if (block == 0)
            for (int r = -prefix; r < 0; r++)
                for (int i = 0; i < WEFT_NR; i += WEFT_VW)
                    store_part(load_part(res_block + r * oc + ch + i, left - i), y_block + r * y_stride + ch + i, left - i);
        if (flags & FLAG_PARTIAL) {
            __global float *to = partial + (seg * blocks + block) * oc + ch;
            store_part(total_lo, to, left);
            store_part(total_hi, to + WEFT_VW, left - WEFT_VW);
        }
    }
}
