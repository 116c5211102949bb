/* SPDX-License-Identifier: Apache-2.0 */
/* Attention, f32: y[b,n,h] = softmax over m of (scale * q[b,n,h] . k[b,m,h] + mask[m,n]) times v[b,m,h], plus a residual, for any
 * number of queries, keys and channels. The N x M scores never exist as a whole; a mask lies in memory as the scores do.
 *
 * Lanes are queries. A panel is NR queries of one head; its scores, weights and sums all lie as [key or channel][NR], so that
 * softmax runs down the rows without a reduction across lanes, and neither keys nor values are copied: both products read them
 * in place, one broadcast element per row of a register tile.
 *
 *   scores[key][query]   = sum over i of k[key][i] * qt[i][query]          tile rows: keys
 *   o[channel][query]   += sum over keys of v[key][channel] * p[key][query] tile rows: channels
 *
 * Only the queries are transposed on the way in (and multiplied by scale * log2 e, so that exponentials are powers of two) and the
 * sums on the way out. Keys come in chunks of `kc`; the largest score so far and the sum of the weights are kept per query, and the sums are
 * scaled when a chunk has a larger score ("online softmax": Milakov and Gimelshein 2018).
 *
 * One work-item (work-group size 1) computes `pg` panels of one head of one image; global {images * heads * blocks, 1}.
 * Local memory, in floats: NR * (pg * (depth + channels + 2) + kc). A panel of at most VW queries computes one vector per row. */

#define FLAG_RES 1
#define FLAG_MASK 2

/* ---- transposition of a square of WEFT_VW rows ---- */

#if WEFT_VW == 4
#define STAGES 2
#define ZIP_LOW(a, b) (fv)((a).s0, (b).s0, (a).s1, (b).s1)
#define ZIP_HIGH(a, b) (fv)((a).s2, (b).s2, (a).s3, (b).s3)
#elif WEFT_VW == 8
#define STAGES 3
#define ZIP_LOW(a, b) (fv)((a).s0, (b).s0, (a).s1, (b).s1, (a).s2, (b).s2, (a).s3, (b).s3)
#define ZIP_HIGH(a, b) (fv)((a).s4, (b).s4, (a).s5, (b).s5, (a).s6, (b).s6, (a).s7, (b).s7)
#else
#define STAGES 4
#define ZIP_LOW(a, b)                                                                                                        \
    (fv)((a).s0, (b).s0, (a).s1, (b).s1, (a).s2, (b).s2, (a).s3, (b).s3, (a).s4, (b).s4, (a).s5, (b).s5, (a).s6, (b).s6, (a).s7, \
         (b).s7)
#define ZIP_HIGH(a, b)                                                                                                       \
    (fv)((a).s8, (b).s8, (a).s9, (b).s9, (a).sa, (b).sa, (a).sb, (b).sb, (a).sc, (b).sc, (a).sd, (b).sd, (a).se, (b).se, (a).sf, \
         (b).sf)
#endif

/* Each stage interleaves the upper rows with the lower ones; log2(rows) such shuffles transpose. */
INLINE void transpose(fv *t)
{
    for (int stage = 0; stage < STAGES; stage++) {
        fv u[WEFT_VW];
        for (int i = 0; i < WEFT_VW / 2; i++) {
            u[2 * i] = ZIP_LOW(t[i], t[i + WEFT_VW / 2]);
            u[2 * i + 1] = ZIP_HIGH(t[i], t[i + WEFT_VW / 2]);
        }
        for (int i = 0; i < WEFT_VW; i++)
            t[i] = u[i];
    }
}

/* ---- register tiles ---- */

#define ROWS_1(X) X(0)
#define ROWS_8(X) ROWS_6(X) X(6) X(7)

/* R keys times a panel of queries. Rows lie k_row apart. `wide`: both vectors of the panel, else the first. */
#define SCORE_START(m) fv lo##m = (fv)(0.0f), hi##m = (fv)(0.0f);
#define SCORE_STEP(m)                          \
    {                                          \
        const fv av = (fv)(k[m * k_row + i]);  \
        lo##m = fma(av, b_lo, lo##m);          \
        if (wide)                              \
            hi##m = fma(av, b_hi, hi##m);      \
    }
#define SCORE_END(m)                             \
    STOREV(lo##m, to + m * WEFT_NR);             \
    low = lo##m > low ? lo##m : low;             \
    if (wide) {                                  \
        STOREV(hi##m, to + m * WEFT_NR + WEFT_VW); \
        high = hi##m > high ? hi##m : high;      \
    }
#define SCORE_TILE(R)                                                                                                      \
    INLINE void WEFT_CAT(score_tile_, R)(__global const float *k, const int k_row, __local const float *b, const int depth, \
                                         __local float *to, const int wide, fv *most)                                      \
    {                                                                                                                      \
        ROWS(R, SCORE_START)                                                                                               \
        for (int i = 0; i < depth; i++, b += WEFT_NR) {                                                                    \
            const fv b_lo = LOADV(b);                                                                                      \
            const fv b_hi = wide ? LOADV(b + WEFT_VW) : b_lo;                                                              \
            ROWS(R, SCORE_STEP)                                                                                            \
        }                                                                                                                  \
        fv low = most[0], high = most[1];                                                                                  \
        ROWS(R, SCORE_END)                                                                                                 \
        most[0] = low;                                                                                                     \
        most[1] = high;                                                                                                    \
    }
SCORE_TILE(MR_A)
SCORE_TILE(MR_B)
SCORE_TILE(MR_C)
SCORE_TILE(1)

/* R channels times the weights of a chunk of keys, onto what earlier chunks gave. The first `skip` rows belong to the tile before. */
#define VALUE_START(m)                                                                \
    fv lo##m = is_first ? (fv)(0.0f) : LOADV(o + m * WEFT_NR) * shrink[0];            \
    fv hi##m = is_first || !wide ? (fv)(0.0f) : LOADV(o + m * WEFT_NR + WEFT_VW) * shrink[1];
#define VALUE_STEP(m)                     \
    {                                     \
        const fv av = (fv)(v[m]);         \
        lo##m = fma(av, b_lo, lo##m);     \
        if (wide)                         \
            hi##m = fma(av, b_hi, hi##m); \
    }
#define VALUE_END(m)                                 \
    if (m >= skip) {                                 \
        STOREV(lo##m, o + m * WEFT_NR);              \
        if (wide)                                    \
            STOREV(hi##m, o + m * WEFT_NR + WEFT_VW); \
    }
#define VALUE_TILE(R)                                                                                                    \
    INLINE void WEFT_CAT(value_tile_, R)(__global const float *v, const int v_row, __local const float *b, const int keys, \
                                         __local float *o, const int skip, const int wide, const int is_first,           \
                                         const fv *shrink)                                                               \
    {                                                                                                                    \
        ROWS(R, VALUE_START)                                                                                             \
        for (int key = 0; key < keys; key++, b += WEFT_NR, v += v_row) {                                                 \
            const fv b_lo = LOADV(b);                                                                                    \
            const fv b_hi = wide ? LOADV(b + WEFT_VW) : b_lo;                                                            \
            ROWS(R, VALUE_STEP)                                                                                          \
        }                                                                                                                \
        ROWS(R, VALUE_END)                                                                                               \
    }
VALUE_TILE(MR_A)
VALUE_TILE(MR_B)
VALUE_TILE(MR_C)
VALUE_TILE(1)
#if WEFT_MR == 14
SCORE_TILE(8)
VALUE_TILE(8)
#define MR_D 8
#else
#define MR_D MR_C
#endif

/* The height of the tile that computes `rows` rows of `all`. It may reach above them; 1 where there are too few rows for any other. */
INLINE int tile_height(const int rows, const int all)
{
    const int height = rows > MR_B ? MR_A : rows > MR_C ? MR_B : rows > MR_D ? MR_C : MR_D;
    return height <= all ? height : 1;
}

/* Rows of tile i of `tiles` nearly equal ones. */
INLINE int tile_share(const int rows, const int tiles, const int i)
{
    return rows / tiles + (i < rows % tiles);
}

/* Scores of `keys` keys, and the largest per query. */
INLINE void scores(__global const float *k, const int k_row, const int keys, __local const float *qt, const int depth,
                   __local float *to, const int wide, fv *most)
{
    const int tiles = (keys + MR_A - 1) / MR_A;
    for (int i = 0, done = 0; done < keys; i++) {
        const int height = tile_height(min(tile_share(keys, tiles, i), keys - done), keys);
        const int row = min(done, keys - height);
        done = row + height;
        __global const float *from = k + row * k_row;
        __local float *at = to + row * WEFT_NR;
        if (height == MR_A)
            WEFT_CAT(score_tile_, MR_A)(from, k_row, qt, depth, at, wide, most);
        else if (height == MR_B)
            WEFT_CAT(score_tile_, MR_B)(from, k_row, qt, depth, at, wide, most);
        else if (height == MR_C)
            WEFT_CAT(score_tile_, MR_C)(from, k_row, qt, depth, at, wide, most);
#if MR_D != MR_C
        else if (height == MR_D)
            WEFT_CAT(score_tile_, MR_D)(from, k_row, qt, depth, at, wide, most);
#endif
        else
            score_tile_1(from, k_row, qt, depth, at, wide, most);
    }
}

INLINE void values(__global const float *v, const int v_row, const int keys, const int channels, __local const float *p,
                   __local float *o, const int wide, const int is_first, const fv *shrink)
{
    const int tiles = (channels + MR_A - 1) / MR_A;
    for (int i = 0, done = 0; done < channels; i++) {
        const int height = tile_height(min(tile_share(channels, tiles, i), channels - done), channels);
        const int c = min(done, channels - height), skip = done - c;
        done = c + height;
        __local float *at = o + c * WEFT_NR;
        if (height == MR_A)
            WEFT_CAT(value_tile_, MR_A)(v + c, v_row, p, keys, at, skip, wide, is_first, shrink);
        else if (height == MR_B)
            WEFT_CAT(value_tile_, MR_B)(v + c, v_row, p, keys, at, skip, wide, is_first, shrink);
        else if (height == MR_C)
            WEFT_CAT(value_tile_, MR_C)(v + c, v_row, p, keys, at, skip, wide, is_first, shrink);
#if MR_D != MR_C
        else if (height == MR_D)
            WEFT_CAT(value_tile_, MR_D)(v + c, v_row, p, keys, at, skip, wide, is_first, shrink);
#endif
        else
            value_tile_1(v + c, v_row, p, keys, at, skip, wide, is_first, shrink);
    }
}

/* ---- panels ---- */

/* qt[i][query] = scale * q[query][i] for the panel's vectors; lanes past `left` repeat the last query. */
INLINE void pack_queries(__global const float *q, const int q_row, const int left, const int depth, const float scale,
                         __local float *qt)
{
    for (int first = 0; first < WEFT_NR && first < left; first += WEFT_VW)
        for (int c = 0; c < depth; c += WEFT_VW) {
            fv t[WEFT_VW];
            for (int i = 0; i < WEFT_VW; i++)
                t[i] = load_part(q + min(first + i, left - 1) * q_row + c, depth - c) * scale;
            transpose(t);
            for (int i = 0; i < min(WEFT_VW, depth - c); i++)
                STOREV(t[i], qt + (c + i) * WEFT_NR + first);
        }
}

/* y[query][c] = o[c][query] / sum[query] (+ res); 0 (+ res) for a query whose keys are all masked. */
INLINE void store_panel(__local const float *o, __local const float *state, const int left, const int channels,
                        __global const float *res, __global float *y, const int y_row, const int flags)
{
    for (int first = 0; first < WEFT_NR && first < left; first += WEFT_VW) {
        const fv inverse = LOADV(state + first) > -FLT_MAX ? 1.0f / LOADV(state + WEFT_NR + first) : (fv)(0.0f);
        for (int c = 0; c < channels; c += WEFT_VW) {
            const int c_left = channels - c;
            fv t[WEFT_VW];
            for (int i = 0; i < WEFT_VW; i++)
                t[i] = i < c_left ? LOADV(o + (c + i) * WEFT_NR + first) * inverse : (fv)(0.0f);
            transpose(t);
            for (int i = 0; i < min(WEFT_VW, left - first); i++) {
                const int at = (first + i) * y_row + c;
                if (flags & FLAG_RES)
                    t[i] += load_part(res + at, c_left);
                store_part(t[i], y + at, c_left);
            }
        }
    }
}

/* Adds the mask to the scores of a chunk and takes the largest anew. */
INLINE void add_mask(__global const float *mask, const int mask_row, const int keys, const int left, __local float *s, const int wide,
                     fv *most)
{
    for (int key = 0; key < keys; key++)
        for (int h = 0; h <= wide; h++) {
            __local float *at = s + key * WEFT_NR + h * WEFT_VW;
            const fv score = fma(load_part(mask + key * mask_row + h * WEFT_VW, left - h * WEFT_VW), 1.44269504f, LOADV(at));
            STOREV(score, at);
            most[h] = score > most[h] ? score : most[h];
        }
}

/* One chunk of keys for one panel: scores, weights, weighted values. state is the largest score and the sum of weights per query.
 * The largest score starts at a finite one, so that chunks with masked keys alone do not make NaN of infinity - infinity. */
INLINE void attend(__global const float *k, const int k_row, __global const float *v, const int v_row, const int keys,
                   __local const float *qt, const int depth, const int channels, __local float *s, __local float *o,
                   __local float *state, __global const float *mask, const int mask_row, const int left, const int flags,
                   const int wide, const int is_first)
{
    fv most[2] = {(fv)(-FLT_MAX), (fv)(-FLT_MAX)}, shrink[2] = {(fv)(0.0f), (fv)(0.0f)}, sum[2] = {(fv)(0.0f), (fv)(0.0f)};
    if (!is_first)
        for (int h = 0; h <= wide; h++)
            most[h] = LOADV(state + h * WEFT_VW);
    const fv low_before = most[0], high_before = most[1];
    scores(k, k_row, keys, qt, depth, s, wide, most);
    if (flags & FLAG_MASK) {
        most[0] = low_before;
        most[1] = high_before;
        add_mask(mask, mask_row, keys, left, s, wide, most);
    }
    if (!is_first)
        for (int h = 0; h <= wide; h++)
            shrink[h] = exp2_v(LOADV(state + h * WEFT_VW) - most[h]);
    const fv low = most[0], high = most[1];
    for (int key = 0; key < keys; key++) {
        __local float *at = s + key * WEFT_NR;
        const fv lo = exp2_v(LOADV(at) - low);
        STOREV(lo, at);
        sum[0] += lo;
        if (wide) {
            const fv hi = exp2_v(LOADV(at + WEFT_VW) - high);
            STOREV(hi, at + WEFT_VW);
            sum[1] += hi;
        }
    }
    for (int h = 0; h <= wide; h++) {
        __local float *total = state + WEFT_NR + h * WEFT_VW;
        STOREV(most[h], state + h * WEFT_VW);
        STOREV(is_first ? sum[h] : fma(LOADV(total), shrink[h], sum[h]), total);
    }
    values(v, v_row, keys, channels, s, o, wide, is_first, shrink);
}

__kernel void weft_attention(__global const float *restrict q, __global const float *restrict k, __global const float *restrict v,
                             __global const float *res, __global const float *mask, __global float *y, __local float *restrict work, const int flags,
                             const int n, const int m, const int heads, const int sharing, const int depth, const int channels,
                             const float scale, const int q_row, const int q_offset, const int q_step, const int k_row,
                             const int k_offset, const int k_step, const int v_row, const int v_offset, const int v_step,
                             const int mask_image, const int mask_head, const int pg, const int blocks, const int kc)
{
    const int item = (int)get_global_id(0);
    const int query = item % blocks * pg * WEFT_NR, head = item / blocks % heads, image = item / blocks / heads;
    const int y_row = heads * channels, panels = min(pg, (n - query + WEFT_NR - 1) / WEFT_NR);
    __global const float *from = q + (image * n + query) * q_row + q_offset + head * q_step;
    k += image * m * k_row + k_offset + head / sharing * k_step;
    v += image * m * v_row + v_offset + head / sharing * v_step;
    mask += image * mask_image + head * mask_head + query;
    const int y_at = (image * n + query) * y_row + head * channels;
    __local float *qt = work, *o = qt + pg * depth * WEFT_NR, *state = o + pg * channels * WEFT_NR, *s = state + pg * 2 * WEFT_NR;

    for (int p = 0; p < panels; p++)
        pack_queries(from + p * WEFT_NR * q_row, q_row, n - query - p * WEFT_NR, depth, scale * 1.44269504f,
                     qt + p * depth * WEFT_NR);
    for (int key = 0; key < m; key += kc)
        for (int p = 0; p < panels; p++) {
            __local const float *panel = qt + p * depth * WEFT_NR;
            __local float *sums = o + p * channels * WEFT_NR, *at = state + p * 2 * WEFT_NR;
            __global const float *masks = mask + key * n + p * WEFT_NR;
            const int keys = min(kc, m - key), left = n - query - p * WEFT_NR;
            if (left > WEFT_VW)
                attend(k + key * k_row, k_row, v + key * v_row, v_row, keys, panel, depth, channels, s, sums, at, masks, n, left, flags,
                       1, key == 0);
            else
                attend(k + key * k_row, k_row, v + key * v_row, v_row, keys, panel, depth, channels, s, sums, at, masks, n, left, flags,
                       0, key == 0);
        }
    for (int p = 0; p < panels; p++)
        store_panel(o + p * channels * WEFT_NR, state + p * 2 * WEFT_NR, n - query - p * WEFT_NR, channels,
                    res + y_at + p * WEFT_NR * y_row, y + y_at + p * WEFT_NR * y_row, y_row, flags);
}
