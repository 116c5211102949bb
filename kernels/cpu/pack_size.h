/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes of packed weights: 0 stands for what does not exist or is too large. For pack.c and
 * qpack.c. */
#ifndef WEFT_KERNELS_CPU_PACK_SIZE_H
#define WEFT_KERNELS_CPU_PACK_SIZE_H

#include <stddef.h>
#include <stdint.h>

/* Kernels index with int, so a packed tensor must stay below 2^31 elements. */
#define WEFT_PACK_ELEMS_MAX ((size_t)INT32_MAX)

static inline size_t weft_pack_multiply(size_t a, size_t b)
{
    return a == 0 || b == 0 || a > WEFT_PACK_ELEMS_MAX / b ? 0 : a * b;
}

static inline size_t weft_pack_size(int value)
{
    return value > 0 ? (size_t)value : 0;
}

static inline size_t weft_pack_round_up(size_t value, size_t step)
{
    return step == 0 ? 0 : (value + step - 1) / step * step;
}

#endif
