/* SPDX-License-Identifier: Apache-2.0 */
/* Cycles that no tile and no overlap can avoid, to order candidates by. Must not know about:
 * boards, how engines are chosen. */
#include <math.h>

#include "compiler/base/integer.h"
#include "compiler/card/plan.h"

static int64_t word_of(const uint32_t d[WEFT_D_WORDS], int word)
{
    return (int32_t)d[word];
}

static int64_t product_of(const uint32_t d[WEFT_D_WORDS], int first, int count)
{
    int64_t product = 1;
    for (int i = 0; i < count; i++)
        product *= word_of(d, first + i);
    return product;
}

/* Cycles of a descriptor that no tile and no overlap can avoid: its products on the array, its
 * results through the lanes, and its bytes through the bank of the values. */
static double bound_of(const uint32_t d[WEFT_D_WORDS], const weft_engine_params *p,
                       double bank_bytes)
{
    int64_t kind = word_of(d, WEFT_D_KIND);
    if (!weft_engine_has_tiles((int)kind)) {
        double elements = (double)product_of(d, WEFT_D_SIZES, WEFT_D_DIMS);
        double operands = kind == WEFT_KIND_ADD ? 3 : kind == WEFT_KIND_MUL ? 4 : 2;
        double passes = kind == WEFT_KIND_SOFTMAX || kind == WEFT_KIND_LAYER_NORM ? 2 : 1;
        return fmax(passes * elements / p->lanes, operands * elements / bank_bytes);
    }
    bool is_matrix = kind == WEFT_KIND_MATMUL;
    int64_t pixels = product_of(d, WEFT_D_OUT_HEIGHT, 2) * word_of(d, WEFT_D_BATCH);
    pixels *= is_matrix ? word_of(d, WEFT_D_HEADS) : 1;
    int64_t channels = word_of(d, WEFT_D_OUT_CHANNELS),
            taps = product_of(d, WEFT_D_KERNEL_HEIGHT, 2);
    double finish = (double)(pixels * weft_blocks(channels, p->lanes));
    if (kind != WEFT_KIND_CONV && !is_matrix)
        return finish * (double)taps;
    if ((word_of(d, WEFT_D_FLAGS) & WEFT_FLAG_SOFTMAX) != 0 && is_matrix)
        finish *= 2;
    int64_t depth = taps * word_of(d, WEFT_D_IN_CHANNELS);
    double array = (double)(weft_blocks(pixels, p->rows) * weft_blocks(channels, p->cols)) *
                   (double)weft_blocks(depth, p->simd);
    /* Patches are read again for every tile of channels; a tile has no more than the sums of one
     * row of blocks allow. */
    int64_t most_channels = p->sums / p->rows;
    double read = (double)(pixels * depth) * (double)weft_blocks(channels, most_channels);
    return fmax(fmax(array, finish), (read + (double)(pixels * channels)) / bank_bytes);
}

double weft_card_bound(const weft_card_work *work, const weft_engine_params *p, double bank_bytes)
{
    double sum = 0;
    for (size_t i = 0; i < work->count; i++)
        sum += (double)work->items[i]->times * bound_of(work->items[i]->words, p, bank_bytes);
    return sum;
}
