/* SPDX-License-Identifier: Apache-2.0 */
/* Products of two computed 8-bit matrices, and attention: such a product, softmax, such a product, without the
 * scores as a whole. The second matrix of a product is packed by a launch of its own as the panels that qdot.cl reads; then every
 * work-item takes a block of rows, WEFT_MR at a time, in local memory.
 *
 * A product wants sum (a - a_zero)(b - b_zero). Panels hold b as s8 (u8 less 128), rows hold what input_form of qdot.cl makes of a;
 * with A and B for those and zeros as they are there, for quads
 *   sum (A - a_zero)(B - b_zero) = sum A B - b_zero sum A - a_zero (sum B - K b_zero)
 * The last term is the same for a whole column and packed with it; for pairs rows hold a - a_zero, and it is 0.
 * Work-group size 1. Arguments: README.md. */

typedef uint uv __attribute__((ext_vector_type(WEFT_VW)));

#define A_SIGNED 1
#define SMALL 2
#define S_SIGNED 4
#define S_SMALL 8
#define Q_TABLED_SIGNED 16
#define S_TABLED_SIGNED 32
#define P_SIGNED 64

Q_TILES(product_tile, LOADW, STEP_BYTES, __private)

/* One s32 sum per lane to 8 bits; the ratio is a float without error (22 bits). */
INLINE iv requantise_by(const iv sum, const float ratio, const int is_small, const int zero, const int low, const int high)
{
    if (is_small)
        return round_small_v(sum, (fv)(ratio), (fv)(SMALL_ROUNDER + (low - zero)), (fv)(SMALL_ROUNDER + (high - zero))) +
               (zero - SMALL_ROUNDER_BITS);
#ifdef cl_khr_fp64
    return round_v(sum, (half_dv)(ratio), (half_dv)(ratio), (half_dv)(ROUNDER + (low - zero)), (half_dv)(ROUNDER + (high - zero))) +
           zero;
#else
    const int bits = as_int(ratio), shift = 148 - (bits >> 23);
    const int mult = ratio == 0.0f || shift > WEFT_SHIFT_MAX ? 0 : (bits & 0x7fffff | 0x800000) >> 2;
    int r[WEFT_VW];
    WEFT_CAT(vstore, WEFT_VW)(sum, 0, r);
    for (int i = 0; i < WEFT_VW; i++)
        r[i] = weft_requantise(r[i], mult, min(max(shift, 1), WEFT_SHIFT_MAX), zero, low, high);
    return WEFT_CAT(vload, WEFT_VW)(0, r);
#endif
}

/* ---- packing ---- */

/* What a column has of a step. */
#if WEFT_DOT == 4
typedef int step_any __attribute__((aligned(1)));
#else
typedef short step_any __attribute__((aligned(1)));
#endif

/* Columns of panels that lie along the rows of x (keys; a transposed b): matrix i of x has `rows` rows of `depth`
 * elements, row_step apart, from base + i / inner * outer_step + i % inner * inner_step on. flip makes s8 of what is
 * packed, behind the table where there is one. Global {matrices, panels}. */
__kernel void weft_qpack_rows(__global const uchar *restrict x, __global const uchar *restrict table, __global char *restrict panels,
                              __global int *restrict columns, const int index_flip, const int flip, const int rows,
                              const int depth, const int inner, const int outer_step, const int inner_step,
                              const int row_step, const int base, const int zero, const int other_zero)
{
    const int matrix = (int)get_global_id(0), panel = (int)get_global_id(1), count = (int)get_global_size(1);
    const int steps = (depth + WEFT_DOT - 1) / WEFT_DOT;
    __global char *out = panels + (matrix * count + panel) * steps * STEP_BYTES;
    __global const uchar *from = x + base + matrix / inner * outer_step + matrix % inner * inner_step;
    const step_any flips = (step_any)(0x01010101 * flip);
    for (int c = 0; c < WEFT_NR; c++) {
        const int row = panel * WEFT_NR + c, whole = row < rows && !table ? depth / WEFT_DOT : 0;
        __global const uchar *p = from + row * row_step;
        int sum = 0;
        for (int s = 0; s < whole; s++)
            *(__global step_any *)(out + (s * WEFT_NR + c) * WEFT_DOT) = *(__global const step_any *)(p + s * WEFT_DOT) ^ flips;
        for (int k = 0; k < whole * WEFT_DOT; k++)
            sum += (char)(p[k] ^ flip) - zero;
        for (int s = whole; s < steps; s++)
            for (int j = 0; j < WEFT_DOT; j++) {
                const int k = s * WEFT_DOT + j;
                char value = 0;
                if (row < rows && k < depth) {
                    const uchar byte = table ? table[p[k] ^ index_flip] : p[k];
                    value = (char)(byte ^ flip);
                    sum += value - zero;
                }
                out[(s * WEFT_NR + c) * WEFT_DOT + j] = value;
            }
        columns[(matrix * count + panel) * WEFT_NR + c] = WEFT_DOT == 4 ? -other_zero * sum : 0;
    }
}

/* Columns of panels that are columns of x (values; b as it is): `depth` rows of `cols` elements. */
__kernel void weft_qpack_columns(__global const uchar *restrict x, __global char *restrict panels, __global int *restrict columns,
                                 const int flip, const int cols, const int depth, const int inner, const int outer_step,
                                 const int inner_step, const int row_step, const int base, const int zero,
                                 const int other_zero)
{
    const int matrix = (int)get_global_id(0), panel = (int)get_global_id(1), count = (int)get_global_size(1);
    const int steps = (depth + WEFT_DOT - 1) / WEFT_DOT;
    __global char *out = panels + (matrix * count + panel) * steps * STEP_BYTES;
    __global const uchar *from = x + base + matrix / inner * outer_step + matrix % inner * inner_step + panel * WEFT_NR;
    for (int h = 0; h < 2; h++) {
        const int left = cols - panel * WEFT_NR - h * WEFT_VW;
        iv total = (iv)(0);
        for (int s = 0; s < steps; s++) {
            uv word = (uv)(0);
            for (int j = 0; j < WEFT_DOT; j++) {
                const int k = s * WEFT_DOT + j;
                if (k >= depth || left <= 0)
                    continue;
                const iv byte = load_bytes(from + k * row_step + h * WEFT_VW, 0, left) ^ flip;
                const iv value = ((byte << 24) >> 24) - zero;
                total += value;
                word |= __builtin_astype(byte & 255, uv) << (8 * j);
            }
            if (left < WEFT_VW) /* what load_bytes fills up with is no zero once it is flipped */
                for (int i = max(left, 0); i < WEFT_VW; i++)
                    ((uint *)&word)[i] = 0;
#if WEFT_DOT == 4
            *(__global uv *)(out + s * STEP_BYTES + h * STEP_BYTES / 2) = word;
#else
            *(__global wv *)(out + s * STEP_BYTES + h * STEP_BYTES / 2) =
                __builtin_astype(__builtin_convertvector(word, WEFT_CAT(ushort, WEFT_VW)), wv);
#endif
        }
        const iv column = WEFT_DOT == 4 ? total * -other_zero : (iv)(0);
        *(__global iv *)(columns + (matrix * count + panel) * WEFT_NR + h * WEFT_VW) = column;
    }
}

/* ---- rows ---- */

/* A row of `depth` bytes, behind the table where there is one, as rows of qdot.cl hold them; up to `padded` zeros follow.
 * Returns the sum of what the row holds. */
INLINE int load_row(__global const uchar *p, __global const uchar *table, const uchar index_flip, __local xt *row,
                    const int depth, const int padded, const struct input_form form)
{
    int k = 0, sum = 0;
    if (table)
        for (; k < depth; k++)
            row[k] = FORM(table[p[k] ^ index_flip], form);
    for (; k + 16 <= depth; k += 16)
        *(__local xt16_any *)(row + k) = FORM_16(LOAD_16(p + k), form);
    for (; k < depth; k++)
        row[k] = FORM(p[k], form);
    for (; k < padded; k++)
        row[k] = 0;
    for (k = 0; k < depth; k++)
        sum += row[k];
    return sum;
}

struct product_form {
    float ratio;
    int is_small, zero, low, high;
};

/* Matrix `index` in a stack of up to four broadcast dimensions. */
INLINE int stacked(const int index, const int d1, const int d2, const int d3, const int s0, const int s1, const int s2, const int s3)
{
    return index / (d1 * d2 * d3) * s0 + index / (d2 * d3) % d1 * s1 + index / d3 % d2 * s2 + index % d3 * s3;
}

/* y = requantised product of a, [rows, depth] in memory, and a packed b. Global {matrices * blocks, 1}. */
__kernel void weft_qmatmul(__global const uchar *restrict a, __global const char *restrict panels,
                           __global const int *restrict columns, __global uchar *restrict y, const int flags, const int a_zero,
                           const int b_zero, const int rows, const int depth, const int cols, const int d1, const int d2,
                           const int d3, const int a0, const int a1, const int a2, const int a3, const int b0, const int b1,
                           const int b2, const int b3, const int block, const int blocks, const float ratio,
                           const int y_zero, const int y_min, const int y_max, __local xt *room)
{
    const int matrix = (int)get_global_id(0) / blocks, first = (int)get_global_id(0) % blocks * block;
    const int last = min(first + block, rows);
    const int steps = (depth + WEFT_DOT - 1) / WEFT_DOT, count = (cols + WEFT_NR - 1) / WEFT_NR;
    const int b_matrix = stacked(matrix, d1, d2, d3, b0, b1, b2, b3);
    __global const uchar *from = a + stacked(matrix, d1, d2, d3, a0, a1, a2, a3) * rows * depth;
    __global uchar *to = y + matrix * rows * cols;
    const struct input_form form = {FLIP(flags & A_SIGNED), (short)a_zero};
    const struct q_runs runs = {1, 0, 0, steps};
    row_sums sums[WEFT_MR * 2];
    int off[WEFT_MR], row_sum[WEFT_MR];
    for (int row = first; row < last; row += WEFT_MR) {
        const int used = min(WEFT_MR, last - row);
        for (int r = 0; r < used; r++) {
            off[r] = r * steps * WEFT_DOT;
            row_sum[r] = b_zero * load_row(from + (row + r) * depth, 0, 0, room + off[r], depth, steps * WEFT_DOT, form);
        }
        for (int panel = 0; panel < count; panel++) {
            __global const char *b = panels + (b_matrix * count + panel) * steps * STEP_BYTES;
            __global const int *column = columns + (b_matrix * count + panel) * WEFT_NR;
            const iv start[2] = {*(__global const iv *)column, *(__global const iv *)(column + WEFT_VW)};
            Q_TILE_OF(product_tile, used, room, off, b, b, runs, start, 1, sums)
            for (int h = 0; h < 2; h++) {
                const int at = panel * WEFT_NR + h * WEFT_VW;
                if (at >= cols)
                    continue;
                for (int r = 0; r < used; r++)
                    store_bytes(requantise_by(sums[r].v[h] - row_sum[r], ratio, flags & SMALL, y_zero, y_min, y_max),
                                to + (row + r) * cols + at, cols - at);
            }
        }
    }
}

/* ---- softmax ---- */

struct softmax_form {
    int mult, shift, zero, low, high;
};

/* p[at] lane by lane. */
INLINE iv gather(__global const int *p, const iv at)
{
#if WEFT_VW == 16 && defined(__AVX512F__)
    typedef int lanes __attribute__((vector_size(64)));
    return __builtin_astype(__builtin_ia32_gathersiv16si(__builtin_astype((iv)(0), lanes), (const void *)(size_t)p, __builtin_astype(at, lanes), 0xffff, 4),
                            iv);
#elif WEFT_VW == 8 && defined(__AVX2__)
    typedef int lanes __attribute__((vector_size(32)));
    return __builtin_astype(__builtin_ia32_gatherd_d256(__builtin_astype((iv)(0), lanes), (const int *)(size_t)p, __builtin_astype(at, lanes),
                                                        __builtin_astype((iv)(-1), lanes), 4),
                            iv);
#else
    int r[WEFT_VW];
    WEFT_CAT(vstore, WEFT_VW)(at, 0, r);
    for (int i = 0; i < WEFT_VW; i++)
        r[i] = p[r[i]];
    return WEFT_CAT(vload, WEFT_VW)(0, r);
#endif
}

INLINE int largest_of(__local const uchar *t, const int count)
{
    int i = 0, largest = 0;
    if (count >= WEFT_VW) {
        bytes_v most = *(__local const bytes_v *)t;
        for (i = WEFT_VW; i + WEFT_VW <= count; i += WEFT_VW) {
            const bytes_v next = *(__local const bytes_v *)(t + i);
            most = next > most ? next : most;
        }
        uchar lanes[WEFT_VW];
        *(bytes_v *)lanes = most;
        for (int l = 0; l < WEFT_VW; l++)
            largest = max(largest, (int)lanes[l]);
    }
    for (; i < count; i++)
        largest = max(largest, (int)t[i]);
    return largest;
}

/* Exponentials of row t (codes in order) below its largest, and their sum. */
INLINE long exponentials(__local const uchar *t, const int count, __global const int *exps, __local int *e)
{
    enum { CHUNK = 64 * WEFT_VW }; /* at most 2^24 each: 64 in a lane stay below 2^31 */
    const int largest = largest_of(t, count);
    long sum = 0;
    int i = 0;
    while (i + WEFT_VW <= count) {
        iv part = (iv)(0);
        for (const int end = min(i + CHUNK, count); i + WEFT_VW <= end; i += WEFT_VW) {
            const iv one = gather(exps, largest - __builtin_convertvector(*(__local const bytes_v *)(t + i), iv));
            *(__local iv *)(e + i) = one;
            part += one;
        }
        int lanes[WEFT_VW];
        WEFT_CAT(vstore, WEFT_VW)(part, 0, lanes);
        for (int l = 0; l < WEFT_VW; l++)
            sum += lanes[l];
    }
    for (; i < count; i++) {
        e[i] = exps[largest - t[i]];
        sum += e[i];
    }
    return sum;
}

/* One vector of results. In float the value is off by less than 2^-13 where it matters (below 2^9; beyond, the limits
 * decide): only where that could move it over a half, the integers decide. */
INLINE iv softmax_v(const iv e, const float scale, const long factor, const struct softmax_form *p)
{
    const fv value = at_most(__builtin_convertvector(e, fv) * scale, (fv)(1024.0f));
    const fv rounded = value + SMALL_ROUNDER;
    const fv rest = fabs(value - (rounded - SMALL_ROUNDER));
    iv r = __builtin_astype(rounded, iv) + (p->zero - SMALL_ROUNDER_BITS);
    r = r < p->low ? p->low : r;
    r = r > p->high ? p->high : r;
    if (ANY(rest > (fv)(0.5f - 0.000244140625f))) {
        int lanes[WEFT_VW], exps[WEFT_VW];
        WEFT_CAT(vstore, WEFT_VW)(e, 0, exps);
        for (int i = 0; i < WEFT_VW; i++)
            lanes[i] = weft_softmax_stage((uint)exps[i], factor, p->shift, p->zero, p->low, p->high);
        r = WEFT_CAT(vload, WEFT_VW)(0, lanes);
    }
    return r;
}

INLINE float softmax_scale(const long factor, const int shift)
{
    return ldexp((float)factor, -(WEFT_SOFTMAX_BITS + shift));
}

/* Softmax of rows of bytes. Global {blocks of rows, 1}; room: the row as codes in order, rounded up to whole vectors, and
 * its exponentials. */
__kernel void weft_qsoftmax(__global const uchar *restrict x, __global const int *restrict exps, __global uchar *restrict y,
                            const int is_signed, const int rows, const int count, const int block, const int mult,
                            const int shift, const int zero, const int low, const int high, __local int *room)
{
    const struct softmax_form p = {mult, shift, zero, low, high};
    const int padded = (count + WEFT_VW - 1) / WEFT_VW * WEFT_VW;
    __local uchar *t = (__local uchar *)(room + padded);
    const int end = min(((int)get_global_id(0) + 1) * block, rows);
    for (int row = (int)get_global_id(0) * block; row < end; row++) {
        for (int i = 0; i < count; i++)
            t[i] = x[row * count + i] ^ FLIP(is_signed);
        const long factor = weft_softmax_factor(exponentials(t, count, exps, room), mult);
        const float scale = softmax_scale(factor, shift);
        for (int i = count; i < padded; i++)
            room[i] = 0;
        for (int i = 0; i < count; i += WEFT_VW)
            store_bytes(softmax_v(*(__local const iv *)(room + i), scale, factor, &p), y + row * count + i, count - i);
    }
}

/* ---- attention ---- */

/* Row r of scores becomes a row of the second product, in place for quads; returns the sum of what the row holds. */
INLINE int softmax_row(__local const uchar *t, __local xt *row, __local int *e, const int count, const int padded,
                       __global const int *exps, const struct softmax_form *p, const int is_signed)
{
    const long factor = weft_softmax_factor(exponentials(t, count, exps, e), p->mult);
    const float scale = softmax_scale(factor, p->shift);
    const int offset = WEFT_DOT == 4 ? FLIPPED_ZERO(0, is_signed) : -p->zero;
    iv total = (iv)(0);
    int i = 0, sum = 0;
    for (; i + WEFT_VW <= count; i += WEFT_VW) {
        const iv r = softmax_v(*(__local const iv *)(e + i), scale, factor, p) + offset;
        total += r;
#if WEFT_DOT == 4
        *(__local bytes_v *)(row + i) = __builtin_convertvector(r, bytes_v);
#else
        *(__local WEFT_CAT(short, WEFT_VW) *)(row + i) = __builtin_convertvector(r, WEFT_CAT(short, WEFT_VW));
#endif
    }
    for (; i < count; i++) {
        const int r = weft_softmax_stage((uint)e[i], factor, p->shift, p->zero, p->low, p->high) + offset;
        row[i] = (xt)r;
        sum += r;
    }
    for (; i < padded; i++)
        row[i] = 0;
    int lanes[WEFT_VW];
    WEFT_CAT(vstore, WEFT_VW)(total, 0, lanes);
    for (int l = 0; l < WEFT_VW; l++)
        sum += lanes[l];
    return sum;
}

/* Global {batch * heads * blocks, 1}: a block of queries of one head. room: WEFT_MR rows of q, as many of probabilities, for pairs as
 * many of scores as bytes, and one row of exponentials; all rows are rounded up to panels. */
__kernel void weft_qattention(__global const uchar *restrict q, __global const char *restrict k_panels,
                              __global const int *restrict k_columns, __global const char *restrict v_panels,
                              __global const int *restrict v_columns, __global const int *restrict exps,
                              __global const uchar *restrict q_table, __global const uchar *restrict s_table,
                              __global uchar *restrict y, const int flags, const int heads, const int sharing, const int queries,
                              const int keys, const int size, const int v_size, const int q_channels, const int q_offset,
                              const int q_step, const int block, const int blocks, const int q_zero, const int k_zero,
                              const int v_zero, const float s_ratio, const int s_zero, const int s_min, const int s_max,
                              const int p_mult, const int p_shift, const int p_zero, const int p_min, const int p_max,
                              const float y_ratio, const int y_zero, const int y_min, const int y_max, __local int *room)
{
    const int item = (int)get_global_id(0), first = item % blocks * block, last = min(first + block, queries);
    const int head = item / blocks % heads, image = item / blocks / heads;
    const int matrix = image * (heads / sharing) + head / sharing;
    const int q_steps = (size + WEFT_DOT - 1) / WEFT_DOT, k_panel_count = (keys + WEFT_NR - 1) / WEFT_NR;
    const int p_steps = (keys + WEFT_DOT - 1) / WEFT_DOT, v_panel_count = (v_size + WEFT_NR - 1) / WEFT_NR;
    const int padded = k_panel_count * WEFT_NR;
    const uchar q_flip = FLIP(flags & A_SIGNED), s_flip = FLIP(flags & S_SIGNED), t_flip = FLIP(flags & S_TABLED_SIGNED);
    const struct input_form form = {q_table ? FLIP(flags & Q_TABLED_SIGNED) : q_flip, (short)q_zero};
    const struct softmax_form p = {p_mult, p_shift, p_zero, p_min, p_max};
    const struct q_runs q_runs = {1, 0, 0, q_steps}, p_runs = {1, 0, 0, p_steps};
    __local int *e = room;
    __local xt *p_rows = (__local xt *)(room + padded), *q_rows = p_rows + WEFT_MR * padded;
#if WEFT_DOT == 4
    __local uchar *t = p_rows;
#else
    __local uchar *t = (__local uchar *)(q_rows + WEFT_MR * q_steps * WEFT_DOT);
#endif
    row_sums sums[WEFT_MR * 2];
    int q_off[WEFT_MR], p_off[WEFT_MR], row_sum[WEFT_MR];
    for (int r = 0; r < WEFT_MR; r++) {
        q_off[r] = r * q_steps * WEFT_DOT;
        p_off[r] = r * padded;
    }
    for (int row = first; row < last; row += WEFT_MR) {
        const int used = min(WEFT_MR, last - row);
        for (int r = 0; r < used; r++)
            row_sum[r] = k_zero * load_row(q + (image * queries + row + r) * q_channels + q_offset + head * q_step, q_table, q_flip,
                                           q_rows + q_off[r], size, q_steps * WEFT_DOT, form);
        for (int panel = 0; panel < k_panel_count; panel++) {
            __global const char *b = k_panels + (matrix * k_panel_count + panel) * q_steps * STEP_BYTES;
            __global const int *column = k_columns + (matrix * k_panel_count + panel) * WEFT_NR;
            const iv start[2] = {*(__global const iv *)column, *(__global const iv *)(column + WEFT_VW)};
            Q_TILE_OF(product_tile, used, q_rows, q_off, b, b, q_runs, start, 1, sums)
            for (int h = 0; h < 2; h++) {
                for (int r = 0; r < used; r++)
                    *(__local bytes_v *)(t + p_off[r] + panel * WEFT_NR + h * WEFT_VW) =
                        __builtin_convertvector(requantise_by(sums[r].v[h] - row_sum[r], s_ratio, flags & S_SMALL, s_zero,
                                                              s_min, s_max),
                                                bytes_v) ^
                        s_flip;
            }
        }
        for (int r = 0; r < used; r++) {
            __local uchar *scores = t + p_off[r];
            for (int i = 0; i < keys && s_table; i++)
                scores[i] = s_table[scores[i]] ^ t_flip;
            row_sum[r] = v_zero * softmax_row(scores, p_rows + p_off[r], e, keys, padded, exps, &p, flags & P_SIGNED);
        }
        for (int panel = 0; panel < v_panel_count; panel++) {
            __global const char *b = v_panels + (matrix * v_panel_count + panel) * p_steps * STEP_BYTES;
            __global const int *column = v_columns + (matrix * v_panel_count + panel) * WEFT_NR;
            const iv start[2] = {*(__global const iv *)column, *(__global const iv *)(column + WEFT_VW)};
            Q_TILE_OF(product_tile, used, p_rows, p_off, b, b, p_runs, start, 1, sums)
            for (int h = 0; h < 2; h++) {
                const int at = panel * WEFT_NR + h * WEFT_VW;
                if (at >= v_size)
                    continue;
                for (int r = 0; r < used; r++)
                    store_bytes(requantise_by(sums[r].v[h] - row_sum[r], y_ratio, flags & SMALL, y_zero, y_min, y_max),
                                y + ((image * queries + row + r) * heads + head) * v_size + at, v_size - at);
            }
        }
    }
}
