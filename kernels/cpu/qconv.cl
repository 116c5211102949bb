/* SPDX-License-Identifier: Apache-2.0 */
/* Integer convolution as an implicit matrix product, NHWC, groups = 1: 1x1, k x k, any stride, dilation, pads; products of
 * rows and matrices are 1x1, and may normalise their pixels (qnorm.cl) while they bring them in. What is computed is weft.QConv2D; sums are
 * exact, so the order of work is free.
 *
 * One work-item (work-group size 1) computes `mb` rows (output pixels) of one segment by `pg` panels of WEFT_NR channels. It first
 * brings the activations it needs into local memory, in the form of qdot.cl, once for all its panels:
 *   Q_PATCH  the lines of the image under its rows, with the padding written out: taps are offsets
 *   Q_ROWS   one row of taps x channels per pixel (im2col), through element strides xn, xh, xw, xc: few
 *            channels, NCHW input, 1x1 with a stride, dilations that make a patch too large
 * K is walked in chunks of `tc` runs by `kc` elements, so that a chunk of the panel stays in L1 while all rows pass over it;
 * a run is what lies next to each other in both operands: one kernel row with dw = 1, one tap otherwise. */

Q_TILES(q_tile_, LOADW, STEP_BYTES, __private)

#ifndef WEFT_MB_MAX
#define WEFT_MB_MAX 128
#endif

#define Q_PATCH 0
#define Q_ROWS 1
#define IM2COL_MAX 512 /* longer rows are gathered without the table of offsets */

INLINE int round_up_dot(const int n)
{
    return (n + WEFT_DOT - 1) / WEFT_DOT * WEFT_DOT;
}

INLINE void form_run(__global const uchar *from, __local xt *to, const int count, const struct input_form form)
{
    int i = 0;
    for (; i + 16 <= count; i += 16)
        *(__local xt16_any *)(to + i) = FORM_16(LOAD_16(from + i), form);
    for (; i < count; i++)
        to[i] = (xt)FORM(from[i], form);
}

INLINE void pad_run(__local xt *to, const int count, const struct input_form form)
{
    for (int i = 0; i < count; i++)
        to[i] = FORM_PAD(form);
}

/* `count` pixels of ic channels, rounded up to WEFT_DOT. */
INLINE void form_pixels(__global const uchar *from, __local xt *to, const int count, const int ic,
                        const struct input_form form)
{
    const int icp = round_up_dot(ic);
    if (icp == ic) {
        form_run(from, to, count * ic, form);
        return;
    }
    for (int p = 0; p < count; p++) {
        form_run(from + p * ic, to + p * icp, ic, form);
        pad_run(to + p * icp + ic, icp - ic, form);
    }
}

#if WEFT_DOT == 2
typedef short xt_v __attribute__((ext_vector_type(WEFT_VW), aligned(2)));
#else
typedef uchar xt_v __attribute__((ext_vector_type(WEFT_VW), aligned(1)));
#endif

/* `count` pixels of ic channels, each normalised; f rounds to what the rows hold. Meanwhile memory is idle: weights from `ahead` on are
 * asked for, a line per vector. */
INLINE void norm_pixels(__global const uchar *from, __local xt *to, const int count, const int ic, const uchar flip,
                        const long epsilon, __global const int *gamma, __global const int *beta,
                        const struct norm_form *f, const struct input_form form, __global const char *ahead,
                        __global const char *ahead_end)
{
    const int icp = round_up_dot(ic), whole = ic / WEFT_VW * WEFT_VW;
    for (int p = 0; p < count; p++) {
        struct row_numbers row;
        norm_row(from, flip, ic, epsilon, &row);
        for (int i = 0; i < whole; i += WEFT_VW) {
            const iv v = __builtin_convertvector(*(__global const bytes_v *)(from + i) ^ flip, iv);
            if (ahead < ahead_end) {
                PREFETCH(ahead);
                ahead += 64;
            }
            *(__local xt_v *)(to + i) = __builtin_convertvector(norm_v(v, gamma + i, beta + i, WEFT_VW, &row, f), xt_v);
        }
        if (whole < ic) {
            int lanes[WEFT_VW];
            const iv v = load_row(from + whole, flip, ic - whole);
            WEFT_CAT(vstore, WEFT_VW)(norm_v(v, gamma + whole, beta + whole, ic - whole, &row, f), 0, lanes);
            for (int i = whole; i < ic; i++)
                to[i] = (xt)lanes[i - whole];
        }
        pad_run(to + ic, icp - ic, form);
        from += ic;
        to += icp;
    }
}

__kernel void weft_qconv(__global const uchar *restrict x, __global const char *restrict w,
                         __global const int *restrict bias, __global const ratio_t *restrict ratio,
                         __global const uchar *restrict table, __global const uchar *res, __global uchar *y,
                         __global int *partial, __global const char *later, __local xt *rows, const int flags,
                         const int ih, const int iw, const int ic, const int oh, const int ow, const int oc, const int kh,
                         const int kw, const int sh, const int sw, const int dh, const int dw, const int pt, const int pl,
                         const int y_stride, const int x_zero, const int seg_rows, const int mb, const int blocks,
                         const int pg, const int tc, const int kc, const int gather, const int xn, const int xh,
                         const int xw, const int xc, const int later_lines, const int c_zero, const int c_min,
                         const int c_max, const int a_zero, const int a_mult, const int b_zero, const int b_mult,
                         const int add_shift, const int y_zero, const int y_min, const int y_max, const int mean_zero,
                         __global const int *restrict gamma, __global const int *restrict beta, const int epsilon_high,
                         const int epsilon_low, const int beta_shift, const int norm_shift, const int norm_min,
                         const int norm_max, const float norm_margin)
{
    const int seg = (int)get_global_id(0) / blocks;
    const int block = (int)get_global_id(0) % blocks;
    const int group = (int)get_global_id(1);
    const int row0 = seg * seg_rows + block * mb;
    const int n_rows = min(mb, seg_rows - block * mb);
    const int panels = (oc + WEFT_NR - 1) / WEFT_NR;
    const int panel_end = min((group + 1) * pg, panels);
    const int per_image = oh * ow;
    const int is_normalised = flags & QFLAG_NORM;
    const uchar flip = FLIP(flags & (is_normalised ? QFLAG_NORM_SIGNED : QFLAG_X_SIGNED));
    const struct input_form form = {flip, (short)(x_zero + flip)};
    const struct finish finish = {flags,  c_zero, c_min,     c_max,  a_zero, a_mult,   b_zero,
                                  b_mult, max(add_shift, 1), y_zero, y_min,  y_max, mean_zero};
    /* What is normalised is rounded to the form of the rows. */
    const int to_form = WEFT_DOT == 2 ? -x_zero : flip;
    struct norm_form norm;
    if (is_normalised)
        make_norm_form(beta_shift, norm_shift, x_zero + to_form, norm_min + to_form, norm_max + to_form, norm_margin, &norm);
    int off[WEFT_MB_MAX];
    /* All runs of a row: run_count of run_elems elements, in groups of `across` (taps of a kernel row that are runs of their own). */
    int run_count, run_elems, across, step_across, step_down;

    if (gather == Q_ROWS) {
        const int taps = kh * kw, k = taps * ic, kp = round_up_dot(k);
        int im2col[IM2COL_MAX];
        for (int i = 0; i < min(k, IM2COL_MAX); i++)
            im2col[i] = i / ic / kw * dh * xh + i / ic % kw * dw * xw + i % ic * xc;
        const int y_inside = ih - 1 - (kh - 1) * dh;
        const int x_inside = iw - 1 - (kw - 1) * dw;
        int n = row0 / per_image, oy = row0 % per_image / ow, ox = row0 % ow;
        for (int r = 0; r < n_rows; r++) {
            const int y0 = oy * sh - pt, x0 = ox * sw - pl;
            __local xt *to = rows + r * kp;
            if (k <= IM2COL_MAX && (xc != 1 || ic < 16) && y0 >= 0 && y0 <= y_inside && x0 >= 0 && x0 <= x_inside) {
                __global const uchar *pixel_x = x + n * xn + y0 * xh + x0 * xw;
                /* Scalar on purpose: gather instructions are slower than loads on several CPUs. */
#pragma clang loop vectorize(disable) unroll_count(4)
                for (int i = 0; i < k; i++)
                    to[i] = (xt)FORM(pixel_x[im2col[i]], form);
            } else {
                for (int i = 0; i < kh; i++)
                    for (int j = 0; j < kw; j++) {
                        const int iy = y0 + i * dh, ix = x0 + j * dw;
                        __local xt *tap = to + (i * kw + j) * ic;
                        if ((uint)iy >= (uint)ih || (uint)ix >= (uint)iw) {
                            pad_run(tap, ic, form);
                            continue;
                        }
                        __global const uchar *from = x + n * xn + iy * xh + ix * xw;
                        if (xc == 1)
                            form_run(from, tap, ic, form);
                        else
                            for (int c = 0; c < ic; c++)
                                tap[c] = (xt)FORM(from[c * xc], form);
                    }
            }
            pad_run(to + k, kp - k, form);
            off[r] = r * kp;
            ox++;
            if (ox == ow) {
                ox = 0;
                oy++;
            }
            if (oy == oh) {
                oy = 0;
                n++;
            }
        }
        run_count = 1;
        run_elems = kp;
        across = 1;
        step_across = 0;
        step_down = 0;
    } else {
        /* The block's lines; of a block inside one line only the columns it needs. */
        const int icp = round_up_dot(ic);
        const int n = row0 / per_image, first = row0 % per_image, last = first + n_rows - 1;
        const int oy0 = first / ow, oy1 = last / ow;
        const int ox0 = oy0 == oy1 ? first % ow : 0;
        const int ox1 = oy0 == oy1 ? last % ow : ow - 1;
        const int width = (ox1 - ox0) * sw + (kw - 1) * dw + 1;
        const int lines = (oy1 - oy0) * sh + (kh - 1) * dh + 1;
        const int left = clamp(pl - ox0 * sw, 0, width);
        const int ix0 = max(ox0 * sw - pl, 0);
        const int inside = clamp(iw - ix0, 0, width - left);
        __local xt *to = rows;
        for (int l = 0; l < lines; l++) {
            const int iy = oy0 * sh - pt + l;
            __global const uchar *from = x + ((n * ih + iy) * iw + ix0) * ic;
            if (is_normalised) {
                norm_pixels(from, to, inside, ic, FLIP(flags & QFLAG_X_SIGNED),
                            ((long)epsilon_high << 32) | (uint)epsilon_low, gamma, beta, &norm, form,
                            w + (size_t)(group * pg) * icp * WEFT_NR, w + (size_t)panel_end * icp * WEFT_NR);
            } else if ((uint)iy >= (uint)ih) {
                pad_run(to, width * icp, form);
            } else {
                pad_run(to, left * icp, form);
                form_pixels(from, to + left * icp, inside, ic, form);
                pad_run(to + (left + inside) * icp, (width - left - inside) * icp, form);
            }
            to += width * icp;
        }
        int oy = oy0, ox = first % ow;
        for (int r = 0; r < n_rows; r++) {
            off[r] = ((oy - oy0) * sh * width + (ox - ox0) * sw) * icp;
            ox++;
            if (ox == ow) {
                ox = 0;
                oy++;
            }
        }
        across = dw == 1 ? 1 : kw;
        run_count = kh * across;
        run_elems = dw == 1 ? kw * icp : icp;
        step_across = dw * icp;
        step_down = dh * width * icp;
    }

    const int panel_bytes = run_count * run_elems * WEFT_NR;
    const int tiles = (n_rows + WEFT_MR - 1) / WEFT_MR;
    const int tile_rows = n_rows / tiles;
    const int tiles_plus = n_rows % tiles; /* so many tiles have one row more */
    /* This work-item's share of the weights that a later step will stream, in lines of 64 bytes. */
    const int items = (int)(get_global_size(0) * get_global_size(1));
    const int item = (int)(get_global_id(1) * get_global_size(0) + get_global_id(0));
    const int share = (later_lines + items - 1) / items * 64;
    __global const char *fetch = later + item * share;
    __global const char *fetch_end = fetch + share;
    row_sums sums[WEFT_MB_MAX + WEFT_MR];

    for (int p = group * pg; p < panel_end; p++) {
        __global const char *panel = w + (size_t)p * panel_bytes;
        const int ch = p * WEFT_NR;
        const iv bias_v[2] = {WEFT_CAT(vload, WEFT_VW)(0, bias + ch), WEFT_CAT(vload, WEFT_VW)(0, bias + ch + WEFT_VW)};
        for (int t = 0; t < run_count;) {
            /* Runs of one kernel row at a time where taps are runs of their own. */
            const int in_line = across == 1 ? run_count - t : across - t % across;
            const int t_count = min(tc, in_line);
            for (int c = 0; c < run_elems; c += kc) {
                const int c_count = min(kc, run_elems - c);
                const int first = t == 0 && c == 0;
                const int is_last = t + t_count >= run_count && c + c_count >= run_elems;
                const struct q_runs runs = {t_count, across == 1 ? step_down : step_across, run_elems * WEFT_NR,
                                            c_count / WEFT_DOT};
                __local const xt *from = rows + t / across * step_down + t % across * step_across + c;
                __global const char *chunk = panel + (t * run_elems + c) * WEFT_NR;
                /* The chunk after this one follows it in memory, also across runs and panels. */
                const int chunk_bytes = t_count * c_count * WEFT_NR;
                int row = 0;
                for (int i = 0; i < tiles; i++) {
                    const int r = tile_rows + (i < tiles_plus);
                    __global const char *ahead = i < 2 ? chunk + chunk_bytes + i * (chunk_bytes / 2) : chunk;
                    if (i >= 2 && fetch < fetch_end) {
                        ahead = fetch;
                        fetch += chunk_bytes / 2;
                    }
                    if (is_last)
                        for (int m = row; m < row + r; m++)
                            PREFETCH_WRITE(y + (row0 + m) * y_stride + p * WEFT_NR);
                    Q_TILE_OF(q_tile_, r, from, off + row, chunk, ahead, runs, bias_v, first, sums + row)
                    row += r;
                }
            }
            t += t_count;
        }

        const int left = oc - ch;
        iv total[2] = {(iv)(0), (iv)(0)};
        if (left >= WEFT_NR && !(flags & (QFLAG_TABLE | QFLAG_RES))) {
            finish_rows(sums, n_rows, ratio + ch, y + row0 * y_stride + ch, y_stride, 0, &finish, total);
        } else if (left >= WEFT_NR) {
            finish_rows_on(sums, n_rows, ratio + ch, table, res + row0 * oc + ch, oc, y + row0 * y_stride + ch, y_stride,
                           &finish, total);
        } else {
            const fv small[2] = {small_ratios_v(ratio + ch, &finish), small_ratios_v(ratio + ch + WEFT_VW, &finish)};
            for (int r = 0; r < n_rows; r++)
                finish_pixel(sums + r, small, ratio + ch, table, res + (row0 + r) * oc + ch,
                             y + (row0 + r) * y_stride + ch, left, &finish, total);
        }
        if (flags & QFLAG_PARTIAL)
            for (int h = 0; h < 2; h++)
                store_sums(total[h], partial + (seg * blocks + block) * oc + ch + h * WEFT_VW, left - h * WEFT_VW);
    }
}

/* The means of channel sums: y = clamp(round(sum over blocks * mult / 2^shift) + zero, low, high).
 * Global size {images, ceil(c / block)}. */
__kernel void weft_qmean(__global const int *restrict partial, __global uchar *restrict y, const int parts, const int c,
                         const int block, const int mult, const int shift, const int zero, const int low,
                         const int high)
{
    const int n = (int)get_global_id(0), c0 = (int)get_global_id(1) * block;
    for (int i = c0; i < min(c0 + block, c); i++) {
        int sum = 0;
        for (int p = 0; p < parts; p++)
            sum += partial[(n * parts + p) * c + i];
        y[n * c + i] = (uchar)weft_requantise(sum, mult, shift, zero, low, high);
    }
}
