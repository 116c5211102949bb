/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays in the memories of an UltraScale+ device. Must not know which arrays there are. */
#include "compiler/card/pack.h"

#include "compiler/base/integer.h"

/* A RAMB18 with one reading and one writing port (UG573): half a block RAM. */
static const struct {
    int64_t width, depth;
} ram18[] = {{36, 512}, {18, 1024}, {9, 2048}, {4, 4096}, {2, 8192}, {1, 16384}};

static int64_t ram18_of(int64_t depth, int64_t bits)
{
    int64_t best = INT64_MAX;
    for (size_t i = 0; i < sizeof ram18 / sizeof ram18[0]; i++) {
        int64_t count = weft_blocks(bits, ram18[i].width) * weft_blocks(depth, ram18[i].depth);
        best = count < best ? count : best;
    }
    return best;
}

/* Eight LUTs of a SLICEM hold 64 x 7 or 32 x 14 bits with one reading and one writing port
 * (RAM64M8, RAM32M16: UG574). */
static int64_t lutram_of(int64_t depth, int64_t bits)
{
    if (depth <= 32)
        return 8 * weft_blocks(bits, 14);
    return 8 * weft_blocks(bits, 7) * weft_blocks(depth, 64);
}

/* An UltraRAM is 72 bits wide and 4096 deep, nothing else (UG573). */
enum { URAM_WIDTH = 72, URAM_DEPTH = 4096 };

weft__card_storage weft__card_pack(int64_t banks, int64_t depth, int64_t bits)
{
    weft__card_storage storage = {0};
    /* Vitis HLS puts small memories into LUTs: a block RAM costs 512 words at least. */
    if (depth <= 64 || depth * bits <= 1024) {
        storage.lut = banks * lutram_of(depth, bits);
        return storage;
    }
    int64_t halves = banks * ram18_of(depth, bits);
    int64_t ultra = banks * weft_blocks(bits, URAM_WIDTH) * weft_blocks(depth, URAM_DEPTH);
    /* An UltraRAM holds as much as 8 block RAMs; where it would be more than half empty, block RAM
     * is the better use of the device. */
    if (depth >= URAM_DEPTH / 2 && halves >= 8 * ultra)
        storage.uram = ultra;
    else
        storage.bram18 = halves;
    return storage;
}
