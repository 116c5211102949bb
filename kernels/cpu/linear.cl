/* SPDX-License-Identifier: Apache-2.0 */
/* Products of one row with a matrix, f32: classifier heads and squeeze-excite. They stream each weight once, so
 * memory bandwidth is their roof. Weights are [oc / WEFT_NR][k][WEFT_NR] from weft_pack_linear, bias is padded to WEFT_NR.
 *
 *   weft_linear   y[n][oc] = act(w . (scale * sum over parts of x[n][part][k]) + bias + res[n][oc])
 *                 parts > 1 reads the channel sums that a convolution left: mean and first squeeze-excite layer are one step;
 *                 with flag 64 the row becomes (row - mean) / sqrt(variance + epsilon) first
 *   weft_se_gate  g[n][oc] = gate_act(w . h[n] + bias), then, pixel by pixel, y = act(t * g + res)
 *
 * Work-group size 1. weft_linear: global {panel groups, 1}. weft_se_gate: global {images * pixel blocks, panel groups};
 * each pixel block computes the gate of its channels again. Local memory: k floats. */

#define FLAG_RES 1
#define FLAG_PARTIAL 4
#define FLAG_APPLY 8       /* read t, write y */
#define FLAG_STORE_GATE 16 /* write g */
#define FLAG_SUMS_ONLY 32  /* with FLAG_APPLY and FLAG_PARTIAL: do not write y */
#define FLAG_NORM 64

#define GATE_PANELS_MAX 32

/* How far in front of its use a weight is fetched from memory, in floats: two pages, because the hardware
 * prefetcher stops at the end of a page. */
#define STREAM_AHEAD 2048

#define DOT_STEP(i)                                        \
    {                                                      \
        const fv av = (fv)(a[k + i]);                      \
        lo##i = fma(av, LOADV(b + i * WEFT_NR), lo##i);    \
        hi##i = fma(av, LOADV(b + i * WEFT_NR + WEFT_VW), hi##i); \
        PREFETCH(b + i * WEFT_NR + STREAM_AHEAD);          \
    }

INLINE void dot_panel(__local const float *a, __global const float *b, const int k_count, fv *out)
{
    fv lo0 = (fv)(0.0f), lo1 = lo0, lo2 = lo0, lo3 = lo0;
    fv hi0 = lo0, hi1 = lo0, hi2 = lo0, hi3 = lo0;
    int k = 0;
    for (; k + 4 <= k_count; k += 4) {
        DOT_STEP(0)
        DOT_STEP(1)
        DOT_STEP(2)
        DOT_STEP(3)
        b += 4 * WEFT_NR;
    }
    for (; k < k_count; k++) {
        DOT_STEP(0)
        b += WEFT_NR;
    }
    out[0] = (lo0 + lo1) + (lo2 + lo3);
    out[1] = (hi0 + hi1) + (hi2 + hi3);
}

/* (row - mean) / sqrt(variance + epsilon). The variance is the mean of squared distances; what rounding left of the mean is taken off
 * after them. Sums of lanes, then of the rest. */
INLINE void normalise(__local float *row, const int count, const float epsilon)
{
    const int vectors_end = count / WEFT_VW * WEFT_VW;
    float mean = 0.0f, rest = 0.0f, squares = 0.0f;
    float lanes[2 * WEFT_VW];
    fv sum = (fv)(0.0f), square = (fv)(0.0f);
    for (int i = 0; i < vectors_end; i += WEFT_VW)
        sum += LOADV(row + i);
    STOREV(sum, lanes);
    for (int i = 0; i < WEFT_VW; i++)
        mean += lanes[i];
    for (int i = vectors_end; i < count; i++)
        mean += row[i];
    mean /= (float)count;
    sum = (fv)(0.0f);
    for (int i = 0; i < vectors_end; i += WEFT_VW) {
        const fv v = LOADV(row + i) - mean;
        sum += v;
        square = fma(v, v, square);
        STOREV(v, row + i);
    }
    STOREV(sum, lanes);
    STOREV(square, lanes + WEFT_VW);
    for (int i = 0; i < WEFT_VW; i++) {
        rest += lanes[i];
        squares += lanes[WEFT_VW + i];
    }
    for (int i = vectors_end; i < count; i++) {
        row[i] -= mean;
        rest += row[i];
        squares += row[i] * row[i];
    }
    rest /= (float)count;
    const float inverse = 1.0f / sqrt(squares / (float)count - rest * rest + epsilon);
    for (int i = 0; i < count; i++)
        row[i] = (row[i] - rest) * inverse;
}

__kernel void weft_linear(__global const float *restrict x, __global const float *restrict w,
                          __global const float *restrict bias, __global float *restrict y, __local float *restrict in,
                          const int act, const float act_a, const float act_b, const int images, const int k,
                          const int oc, const int parts, const float scale, const int y_stride, const int pg,
                          const int flags, const float epsilon, __global const float *res)
{
    const int panels = (oc + WEFT_NR - 1) / WEFT_NR;
    const int p0 = (int)get_global_id(0) * pg;
    const int p1 = min(p0 + pg, panels);
    for (int n = 0; n < images; n++) {
        __global const float *row = x + n * parts * k;
        for (int i = 0; i < k; i += WEFT_VW) {
            if (k - i >= WEFT_VW) {
                fv sum = LOADV(row + i);
                for (int part = 1; part < parts; part++)
                    sum += LOADV(row + part * k + i);
                STOREV(sum * scale, in + i);
            } else {
                for (int j = i; j < k; j++) {
                    float sum = row[j];
                    for (int part = 1; part < parts; part++)
                        sum += row[part * k + j];
                    in[j] = sum * scale;
                }
            }
        }
        if (flags & FLAG_NORM)
            normalise(in, k, epsilon);
        for (int p = p0; p < p1; p++) {
            fv out[2];
            dot_panel(in, w + p * k * WEFT_NR, k, out);
            for (int h = 0; h < 2; h++) {
                const int ch = p * WEFT_NR + h * WEFT_VW;
                if (ch >= oc)
                    break;
                fv sum = out[h] + LOADV(bias + ch);
                if (flags & FLAG_RES)
                    sum += load_part(res + n * oc + ch, oc - ch);
                store_part(act_v(sum, act, act_a, act_b), y + n * y_stride + ch, oc - ch);
            }
        }
    }
}

__kernel void weft_se_gate(__global const float *restrict hidden, __global const float *restrict w,
                           __global const float *restrict bias, __global const float *t, __global const float *res,
                           __global float *g, __global float *y, __global float *partial, __local float *restrict in,
                           const int flags, const int gate_act, const float gate_a, const float gate_b, const int act,
                           const float act_a, const float act_b, const int k, const int oc, const int pixels,
                           const int pixels_per_block, const int blocks, const int pg)
{
    const int n = (int)get_global_id(0) / blocks;
    const int block = (int)get_global_id(0) % blocks;
    const int panels = (oc + WEFT_NR - 1) / WEFT_NR;
    const int p0 = (int)get_global_id(1) * pg;
    const int p1 = min(p0 + pg, panels);
    const int vectors = (min(p1 * WEFT_NR, oc) - p0 * WEFT_NR + WEFT_VW - 1) / WEFT_VW;
    fv gate[2 * GATE_PANELS_MAX];
    fv total[2 * GATE_PANELS_MAX];

    for (int i = 0; i < k; i++)
        in[i] = hidden[n * k + i];
    for (int p = p0; p < p1; p++)
        dot_panel(in, w + p * k * WEFT_NR, k, gate + 2 * (p - p0));
    for (int i = 0; i < vectors; i++) {
        const int ch = p0 * WEFT_NR + i * WEFT_VW;
        gate[i] = act_v(gate[i] + LOADV(bias + ch), gate_act, gate_a, gate_b);
        total[i] = (fv)(0.0f);
        if ((flags & FLAG_STORE_GATE) && block == 0)
            store_part(gate[i], g + n * oc + ch, oc - ch);
    }
    if (!(flags & FLAG_APPLY))
        return;
    const int pixel_end = min((block + 1) * pixels_per_block, pixels);
    const int is_fast = act <= ACT_CLIP && oc % WEFT_VW == 0 && !(flags & (FLAG_PARTIAL | FLAG_SUMS_ONLY));
    /* None, relu and clip are all a clip. */
    const fv low = (fv)(act == ACT_NONE ? -INFINITY : act == ACT_RELU ? 0.0f : act_a);
    const fv high = (fv)(act == ACT_CLIP ? act_b : INFINITY);
    for (int pixel = block * pixels_per_block; pixel < pixel_end; pixel++) {
        const int at = (n * pixels + pixel) * oc + p0 * WEFT_NR;
        if (is_fast && (flags & FLAG_RES)) {
            for (int i = 0; i < vectors; i++) {
                const fv out = fma(LOADV(t + at + i * WEFT_VW), gate[i], LOADV(res + at + i * WEFT_VW));
                STOREV(at_most(at_least(out, low), high), y + at + i * WEFT_VW);
            }
            continue;
        }
        for (int i = 0; i < vectors; i++) {
            const int left = oc - p0 * WEFT_NR - i * WEFT_VW;
            fv out = load_part(t + at + i * WEFT_VW, left) * gate[i];
            if (flags & FLAG_RES)
                out += load_part(res + at + i * WEFT_VW, left);
            out = act_v(out, act, act_a, act_b);
            total[i] += out;
            if (!(flags & FLAG_SUMS_ONLY))
                store_part(out, y + at + i * WEFT_VW, left);
        }
    }
    if (flags & FLAG_PARTIAL)
        for (int i = 0; i < vectors; i++) {
            const int ch = p0 * WEFT_NR + i * WEFT_VW;
            store_part(total[i], partial + (n * blocks + block) * oc + ch, oc - ch);
        }
}
