/* SPDX-License-Identifier: Apache-2.0 */
/* Packing of weights for the CPU kernels, see pack.h. Transforms are computed in double and rounded
 * once. */
#include "kernels/cpu/pack.h"

#include <string.h>

#include "kernels/cpu/pack_size.h"

static size_t zero_elems(size_t row_elems)
{
    return weft_pack_round_up(row_elems, 16);
}

size_t weft_pack_conv_elems(int oc, int ic, int kh, int kw, int nr, int is_gathered)
{
    const size_t taps = weft_pack_multiply(weft_pack_size(kh), weft_pack_size(kw));
    const size_t k = weft_pack_multiply(taps, weft_pack_size(ic));
    const size_t panels =
        weft_pack_multiply(k, weft_pack_round_up(weft_pack_size(oc), weft_pack_size(nr)));
    const size_t zeros = zero_elems(is_gathered ? k : weft_pack_size(ic));
    return panels == 0 || panels > WEFT_PACK_ELEMS_MAX - zeros ? 0 : panels + zeros;
}

void weft_pack_conv(float *out, const float *ohwi, int oc, int ic, int kh, int kw, int nr,
                    int is_gathered)
{
    const size_t oc_n = weft_pack_size(oc), ic_n = weft_pack_size(ic), nr_n = weft_pack_size(nr);
    const size_t taps = weft_pack_size(kh) * weft_pack_size(kw);
    const size_t zeros = zero_elems(is_gathered ? taps * ic_n : ic_n);
    memset(out, 0, zeros * sizeof *out);
    out += zeros;
    for (size_t o0 = 0; o0 < oc_n; o0 += nr_n)
        for (size_t tap = 0; tap < taps; tap++)
            for (size_t c = 0; c < ic_n; c++)
                for (size_t o = o0; o < o0 + nr_n; o++)
                    *out++ = o < oc_n ? ohwi[(o * taps + tap) * ic_n + c] : 0.0f;
}

/* G of Winograd's minimal filtering F(m, 3): weights U = G g G^T. Points 0, 1, -1, inf for m = 2
 * and 0, +-A, +-B, inf for m = 4; the kernels (winograd.cl) hold the matching B^T and A^T. Row of a
 * point p: (1, p, p^2) divided by the product of its distances to the other points. */
#define A (3.0 / 4)
#define B (3.0 / 2)
#define AT_ZERO (A * A * B * B)
#define AT_A (2 * A * A * (A * A - B * B))
#define AT_B (2 * B * B * (B * B - A * A))
static const double g2[4][3] = {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}};
static const double g4[6][3] = {{1 / AT_ZERO, 0, 0},
                                {1 / AT_A, A / AT_A, A *A / AT_A},
                                {1 / AT_A, -A / AT_A, A *A / AT_A},
                                {1 / AT_B, B / AT_B, B *B / AT_B},
                                {1 / AT_B, -B / AT_B, B *B / AT_B},
                                {0, 0, 1}};

static size_t winograd_side(int m)
{
    return m == 2 || m == 4 ? (size_t)m + 2 : 0;
}

size_t weft_pack_winograd_elems(int oc, int ic, int m, int nr)
{
    const size_t side = winograd_side(m);
    const size_t panels =
        weft_pack_multiply(weft_pack_multiply(side * side, weft_pack_size(ic)),
                           weft_pack_round_up(weft_pack_size(oc), weft_pack_size(nr)));
    const size_t zeros = zero_elems(weft_pack_size(ic));
    return panels == 0 || panels > WEFT_PACK_ELEMS_MAX - zeros ? 0 : panels + zeros;
}

/* U = G g G^T of one 3x3 filter whose taps lie `step` floats apart, as [side][side]. */
static void transform_filter(const double (*g)[3], size_t side, const float *taps, size_t step,
                             double *u)
{
    double half_done[6][3];
    for (size_t i = 0; i < side; i++)
        for (size_t b = 0; b < 3; b++)
            half_done[i][b] = g[i][0] * (double)taps[b * step] +
                              g[i][1] * (double)taps[(3 + b) * step] +
                              g[i][2] * (double)taps[(6 + b) * step];
    for (size_t i = 0; i < side; i++)
        for (size_t j = 0; j < side; j++)
            u[i * side + j] =
                half_done[i][0] * g[j][0] + half_done[i][1] * g[j][1] + half_done[i][2] * g[j][2];
}

void weft_pack_winograd(float *out, const float *ohwi, int oc, int ic, int m, int nr)
{
    const size_t oc_n = weft_pack_size(oc), ic_n = weft_pack_size(ic), nr_n = weft_pack_size(nr);
    const size_t side = winograd_side(m);
    const double(*g)[3] = m == 2 ? g2 : g4;
    double u[36] = {0};
    memset(out, 0, zero_elems(ic_n) * sizeof *out);
    out += zero_elems(ic_n);
    for (size_t o0 = 0; o0 < oc_n; o0 += nr_n)
        for (size_t c = 0; c < ic_n; c++)
            for (size_t o = o0; o < o0 + nr_n; o++) {
                float *to = out + o0 * ic_n * side * side + c * nr_n + (o - o0);
                if (o < oc_n)
                    transform_filter(g, side, ohwi + o * 9 * ic_n + c, ic_n, u);
                for (size_t f = 0; f < side * side; f++)
                    to[f * ic_n * nr_n] = o < oc_n ? (float)u[f] : 0.0f;
            }
}

size_t weft_pack_linear_elems(int oc, int k, int nr)
{
    return weft_pack_multiply(weft_pack_size(k),
                              weft_pack_round_up(weft_pack_size(oc), weft_pack_size(nr)));
}

void weft_pack_linear(float *out, const float *source, int oc, int k, int nr, int is_transposed)
{
    const size_t oc_n = weft_pack_size(oc), k_n = weft_pack_size(k), nr_n = weft_pack_size(nr);
    for (size_t o0 = 0; o0 < oc_n; o0 += nr_n)
        for (size_t c = 0; c < k_n; c++)
            for (size_t o = o0; o < o0 + nr_n; o++)
                *out++ = o >= oc_n       ? 0.0f
                         : is_transposed ? source[c * oc_n + o]
                                         : source[o * k_n + c];
}

size_t weft_pack_bias_elems(int oc, int nr)
{
    return weft_pack_multiply(1, weft_pack_round_up(weft_pack_size(oc), weft_pack_size(nr)));
}

void weft_pack_bias(float *out, const float *source, int oc, int nr)
{
    const size_t padded = weft_pack_round_up(weft_pack_size(oc), weft_pack_size(nr));
    for (size_t o = 0; o < padded; o++)
        out[o] = source != NULL && o < weft_pack_size(oc) ? source[o] : 0.0f;
}

size_t weft_pack_depthwise_elems(int oc, int ic_per_group, int kh, int kw, int nr)
{
    const size_t taps = weft_pack_multiply(weft_pack_size(kh), weft_pack_size(kw));
    return weft_pack_multiply(weft_pack_multiply(taps, weft_pack_size(ic_per_group)),
                              weft_pack_round_up(weft_pack_size(oc), weft_pack_size(nr)));
}

void weft_pack_depthwise(float *out, const float *source, int oc, int ic_per_group, int kh, int kw,
                         int nr)
{
    const size_t oc_n = weft_pack_size(oc), ic_n = weft_pack_size(ic_per_group),
                 taps = weft_pack_size(kh) * weft_pack_size(kw);
    const size_t padded = weft_pack_round_up(oc_n, weft_pack_size(nr));
    for (size_t tap = 0; tap < taps; tap++)
        for (size_t c = 0; c < ic_n; c++)
            for (size_t o = 0; o < padded; o++)
                *out++ = o < oc_n ? source[(o * taps + tap) * ic_n + c] : 0.0f;
}
