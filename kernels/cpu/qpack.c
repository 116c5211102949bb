/* SPDX-License-Identifier: Apache-2.0 */
/* Packing for the integer convolutions, see qpack.h. */
#include "kernels/cpu/qpack.h"

#include <math.h>
#include <string.h>

#include "kernels/cpu/pack_size.h"
#include "kernels/include/weft_int_row.h"

/* See qfinish.cl: products of ratio and sum must stay below 2^51. */
#define RATIO_MAX 524288.0

static size_t packed_k(size_t taps, size_t ic, size_t dot, int is_gathered)
{
    return is_gathered ? weft_pack_round_up(weft_pack_multiply(taps, ic), dot)
                       : weft_pack_multiply(taps, weft_pack_round_up(ic, dot));
}

size_t weft_qpack_conv_bytes(int oc, int ic, int kh, int kw, int nr, int dot, int is_gathered)
{
    const size_t taps = weft_pack_multiply(weft_pack_size(kh), weft_pack_size(kw));
    return weft_pack_multiply(packed_k(taps, weft_pack_size(ic), weft_pack_size(dot), is_gathered),
                              weft_pack_round_up(weft_pack_size(oc), weft_pack_size(nr)));
}

void weft_qpack_conv(int8_t *out, const int8_t *ohwi, int oc, int ic, int kh, int kw, int nr,
                     int dot, int is_gathered)
{
    if (weft_qpack_conv_bytes(oc, ic, kh, kw, nr, dot, is_gathered) == 0)
        return;
    const size_t oc_n = weft_pack_size(oc), nr_n = weft_pack_size(nr), dot_n = weft_pack_size(dot);
    const size_t taps = weft_pack_size(kh) * weft_pack_size(kw),
                 source_k = taps * weft_pack_size(ic);
    /* Gathered rows are one run of taps * ic, others a run of ic per tap. */
    const size_t runs = is_gathered ? 1 : taps, run = source_k / runs;
    const size_t padded = weft_pack_round_up(run, dot_n);
    memset(out, 0, weft_pack_round_up(oc_n, nr_n) * runs * padded);
    for (size_t o = 0; o < oc_n; o++) {
        int8_t *panel = out + o / nr_n * nr_n * runs * padded + o % nr_n * dot_n;
        for (size_t r = 0; r < runs; r++)
            for (size_t c = 0; c < run; c++)
                panel[(r * padded + c / dot_n * dot_n) * nr_n + c % dot_n] =
                    ohwi[o * source_k + r * run + c];
    }
}

/* G of F(m, 3) with its rows scaled to whole numbers: qwinograd.cl says how. */
static const int g2[4][3] = {{2, 0, 0}, {1, 1, 1}, {1, -1, 1}, {0, 0, 2}};
static const int g4[6][3] = {{6, 0, 0}, {-4, -4, -4}, {-4, 4, -4},
                             {1, 2, 4}, {1, -2, 4},   {0, 0, 8}};

static size_t winograd_side(int m)
{
    return m == 2 || m == 4 ? (size_t)m + 2 : 0;
}

size_t weft_qpack_winograd_elems(int oc, int ic, int m, int nr)
{
    const size_t side = winograd_side(m);
    return weft_pack_multiply(
        weft_pack_multiply(side * side, weft_pack_round_up(weft_pack_size(ic), 2)),
        weft_pack_round_up(weft_pack_size(oc), weft_pack_size(nr)));
}

void weft_qpack_winograd(int16_t *out, const int8_t *ohwi, int oc, int ic, int m, int nr)
{
    const size_t oc_n = weft_pack_size(oc), ic_n = weft_pack_size(ic), nr_n = weft_pack_size(nr);
    const size_t icp = weft_pack_round_up(ic_n, 2), side = winograd_side(m), count = side * side;
    const int(*g)[3] = m == 2 ? g2 : g4;
    if (nr_n == 0 || side == 0)
        return;
    memset(out, 0, weft_pack_round_up(oc_n, nr_n) * count * icp * sizeof *out);
    for (size_t o = 0; o < oc_n; o++)
        for (size_t c = 0; c < ic_n; c++) {
            int16_t *to =
                out + o / nr_n * nr_n * count * icp + c / 2 * 2 * nr_n + o % nr_n * 2 + c % 2;
            for (size_t f = 0; f < count; f++) {
                int sum = 0;
                for (size_t i = 0; i < 9; i++)
                    sum += g[f / side][i / 3] * g[f % side][i % 3] * ohwi[(o * 9 + i) * ic_n + c];
                to[f * icp * nr_n] = (int16_t)sum;
            }
        }
}

int64_t weft_qpack_sum_bound(const int8_t *ohwi, int oc, size_t k)
{
    int64_t most = 0;
    for (size_t o = 0; o < weft_pack_size(oc); o++) {
        enum { FITS_I32 = 1 << 16 };
        int64_t sum = 0;
        for (size_t begin = 0; begin < k; begin += FITS_I32) {
            size_t end = k - begin < FITS_I32 ? k : begin + FITS_I32;
            int32_t part = 0;
            for (size_t i = begin; i < end; i++)
                part += ohwi[o * k + i] < 0 ? -ohwi[o * k + i] : ohwi[o * k + i];
            sum += part;
        }
        most = sum > most ? sum : most;
    }
    return most * 255;
}

size_t weft_qpack_channel_elems(int oc, int nr)
{
    return weft_pack_multiply(1, weft_pack_round_up(weft_pack_size(oc), weft_pack_size(nr)));
}

void weft_qpack_bias(int32_t *out, const int32_t *bias, const int8_t *ohwi, int oc, size_t k,
                     int nr, int x_zero)
{
    const size_t padded = weft_pack_round_up(weft_pack_size(oc), weft_pack_size(nr));
    for (size_t o = 0; o < padded; o++) {
        uint32_t value = bias != NULL && o < weft_pack_size(oc) ? (uint32_t)bias[o] : 0;
        for (size_t i = 0; i < k && o < weft_pack_size(oc) && x_zero != 0; i++)
            value -= (uint32_t)(x_zero * ohwi[o * k + i]); /* modulo 2^32, as the kernels add */
        memcpy(&out[o], &value, sizeof value);
    }
}

void weft_qpack_ratio(double *out, const int32_t *mult, const int32_t *shift, int oc, int nr)
{
    const size_t padded = weft_pack_round_up(weft_pack_size(oc), weft_pack_size(nr));
    for (size_t o = 0; o < padded; o++) {
        const double ratio = o < weft_pack_size(oc) ? ldexp((double)mult[o], -shift[o]) : 0.0;
        out[o] = ratio > RATIO_MAX ? RATIO_MAX : ratio;
    }
}

/* With G and B the largest scale and bias in units of the result. The rule rounds the normalised
 * value to 2^-19, times G. Float rounds by 2^-24 each: the inverse and the normalised value (of a
 * product of at most 512 + B, because results beyond +-512 are cut off whatever they are), the bias
 * (of B) and the sum (of 512). */
double weft_qnorm_margin(double gamma, double beta, int beta_shift, int shift)
{
    double scale = ldexp(gamma, WEFT_UNIT_BITS - shift), bias = ldexp(beta, beta_shift - shift);
    double margin = scale * ldexp(1, -19) + (2 * (512 + bias) + bias + 512) * ldexp(1, -24);
    return margin < 0.5 ? margin + ldexp(1, -20) : 0.5;
}
