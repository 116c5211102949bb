/* SPDX-License-Identifier: Apache-2.0 */
/* Counting with whole numbers. Arguments are not negative, blocks at least 1, and what is summed
 * stays below 2^63. */
#ifndef WEFT_BASE_INTEGER_H
#define WEFT_BASE_INTEGER_H

#include <stdint.h>

static inline int64_t weft_least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t weft_most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* How many blocks hold `count`, the last one perhaps in part. */
static inline int64_t weft_blocks(int64_t count, int64_t block)
{
    return (count + block - 1) / block;
}

static inline int64_t weft_round_up(int64_t count, int64_t block)
{
    return weft_blocks(count, block) * block;
}

#endif
