/* SPDX-License-Identifier: Apache-2.0 */
/* Seeded random numbers for property tests of the integer contract: uniform ones, and 32-bit ones
 * that favour extremes, powers of two and their neighbours. Knows no rule. */
#ifndef WEFT_TESTS_CONTRACT_DRAW_H
#define WEFT_TESTS_CONTRACT_DRAW_H

#include <math.h>
#include <stdint.h>

typedef struct draw {
    uint64_t state;
} draw;

/* splitmix64: an additive sequence and a mixing function. */
static inline uint64_t draw_bits(draw *d)
{
    uint64_t z = d->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Uniform in [low, high], both at most 2^62 apart. */
static inline int64_t draw_in(draw *d, int64_t low, int64_t high)
{
    return low + (int64_t)(draw_bits(d) % (uint64_t)(high - low + 1));
}

static inline double draw_real(draw *d, double low, double high)
{
    return low + (high - low) * ((double)(draw_bits(d) >> 11) * 0x1p-53);
}

/* Uniform in the exponent. */
static inline double draw_scale(draw *d, double low, double high)
{
    return exp(draw_real(d, log(low), log(high)));
}

/* Within [low, high]: a limit, a power of two or its neighbour, any width of bits, or uniform. */
static inline int64_t draw_edgy(draw *d, int64_t low, int64_t high)
{
    int64_t power = (int64_t)1 << draw_in(d, 0, 61), value = low;
    switch (draw_in(d, 0, 5)) {
    case 0: value = low + draw_in(d, 0, 2); break;
    case 1: value = high - draw_in(d, 0, 2); break;
    case 2: value = power + draw_in(d, -1, 1); break;
    case 3: value = -power + draw_in(d, -1, 1); break;
    case 4: value = draw_in(d, -power, power); break;
    default: value = draw_in(d, low, high); break;
    }
    return value < low || value > high ? draw_in(d, low, high) : value;
}

#endif
