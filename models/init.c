/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random streams and weight recipes; see init.h. A stream is SplitMix64 used as a function of the
 * counter. Knows nothing about ONNX, graphs or architectures.
 */
#include "models/init.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <string.h>

/* A fused multiply-add rounds once instead of twice and would change bytes; GCC does not contract
 * under -std=c11. */
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif
static_assert(FLT_EVAL_METHOD == 0, "double arithmetic must round to double after each operation");

#define SPLITMIX_GAMMA UINT64_C(0x9e3779b97f4a7c15)
#define FNV_OFFSET UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)

/* The finaliser of SplitMix64: a bijection of 64-bit words in which every input bit reaches every
 * output bit. */
static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t bits_at(uint64_t stream, uint64_t index)
{
    return mix(stream + (index + 1) * SPLITMIX_GAMMA);
}

/*
 * Sum of the word's four 16-bit lanes, each uniform on 0..65535, minus the mean: an Irwin-Hall bell
 * on
 * [-131070, 131070] whose variance is exactly 4 (65536^2 - 1) / 12 = (2^32 - 1) / 3.
 */
static int32_t bell(uint64_t word)
{
    uint32_t sum = (uint32_t)(word & 0xffff) + (uint32_t)((word >> 16) & 0xffff) +
                   (uint32_t)((word >> 32) & 0xffff) + (uint32_t)(word >> 48);
    return (int32_t)sum - 131070;
}

uint64_t weft_init_stream(uint64_t seed, const char *tensor_name)
{
    uint64_t hash = FNV_OFFSET;
    for (const char *c = tensor_name; *c != '\0'; c++)
        hash = (hash ^ (uint8_t)*c) * FNV_PRIME;
    return mix(mix(seed + SPLITMIX_GAMMA) ^ hash);
}

double weft_init_uniform(uint64_t stream, uint64_t index)
{
    /* 53 bits are exact in a double; the scale is a power of two, so nothing is rounded. */
    return (double)(bits_at(stream, index) >> 11) * 0x1p-52 - 1.0;
}

void weft_init_fill(const weft_init_recipe *recipe, size_t first, size_t count, float *out)
{
    if (recipe->table) {
        memcpy(out, recipe->table + first, count * sizeof *out);
        return;
    }
    double scale = recipe->sigma / sqrt(4294967295.0 / 3.0);
    if (!recipe->row_scale) {
        for (size_t i = 0; i < count; i++)
            out[i] = (float)((double)bell(bits_at(recipe->stream, first + i)) * scale);
        return;
    }
    size_t row = first / recipe->row_elems;
    size_t left = recipe->row_elems - first % recipe->row_elems;
    for (size_t i = 0; i < count; i++) {
        if (left == 0) {
            row++;
            left = recipe->row_elems;
        }
        left--;
        /* The weight is rounded to float first: folding starts from the same weights that the
         * unfolded file holds. */
        float weight = (float)((double)bell(bits_at(recipe->stream, first + i)) * scale);
        out[i] = (float)((double)weight * recipe->row_scale[row]);
    }
}
