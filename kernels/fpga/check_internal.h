/* SPDX-License-Identifier: Apache-2.0 */
/* A descriptor being examined: words, memories, numbers. Shared by the files check*.c only. Every
 * sum and product is in 64 bits and every factor below 2^31, so nothing overflows before it is
 * refused. */
#ifndef WEFT_KERNELS_FPGA_CHECK_INTERNAL_H
#define WEFT_KERNELS_FPGA_CHECK_INTERNAL_H

#include "compiler/base/integer.h"
#include "kernels/fpga/check.h"
#include "kernels/include/weft_int.h"

/* Sizes above this make loop counters of the engine overflow. */
#define SIZE_MAX_ELEMS ((int64_t)1 << 24)
#define STREAM_MAX_ELEMS ((int64_t)1 << 30)
#define ADDRESS_END ((int64_t)INT32_MAX)

typedef struct examined {
    const uint32_t *words;
    const weft_engine_params *params;
    const weft_descriptor_memory *memory;
    const char *wrong; /* the first thing found */
} examined;

static inline int64_t word(const examined *e, int index)
{
    return (int32_t)e->words[index];
}

static inline bool has(const examined *e, int flag)
{
    return (word(e, WEFT_D_FLAGS) & flag) != 0;
}

static inline void refuse_unless(examined *e, bool is_good, const char *wrong)
{
    if (!is_good && e->wrong == NULL)
        e->wrong = wrong;
}

static inline void in_range(examined *e, int index, int64_t low, int64_t high, const char *wrong)
{
    refuse_unless(e, word(e, index) >= low && word(e, index) <= high, wrong);
}

/* ---- memory ---- */

/* Elements at `offset` with so many steps of such sizes: all addresses are s32 on the way, and
 * within `bytes`. */
static inline void region(examined *e, int64_t offset, const int64_t *sizes, const int64_t *steps,
                          int count, uint64_t bytes, const char *wrong)
{
    int64_t low = offset, high = offset, reach = offset;
    for (int i = 0; i < count; i++) {
        int64_t distance = (sizes[i] - 1) * steps[i];
        low += distance < 0 ? distance : 0;
        high += distance > 0 ? distance : 0;
        reach += distance < 0 ? -distance : distance;
        refuse_unless(e, reach < ADDRESS_END, wrong);
        if (e->wrong != NULL)
            return;
    }
    refuse_unless(e, low >= 0 && high < (int64_t)bytes, wrong);
}

static inline void in_weights(examined *e, int index, int64_t count, int64_t alignment,
                              const char *wrong)
{
    int64_t step = 1;
    refuse_unless(e, word(e, index) % alignment == 0, wrong);
    region(e, word(e, index), &count, &step, 1, e->memory->weights_bytes, wrong);
}

/* Vectors are read only when they are known to be there. */
static inline int64_t vector_at(const examined *e, int64_t at)
{
    uint32_t value = 0;
    for (int i = 0; i < 4; i++)
        value |= (uint32_t)e->memory->weights[at + i] << (8 * i);
    return (int32_t)value;
}

/* ---- numbers ---- */

static inline void is_ratio(examined *e, int64_t mult, int64_t shift)
{
    refuse_unless(e, mult >= 0 && mult <= WEFT_MULT_MAX, "a multiplier is out of range");
    refuse_unless(e, shift >= WEFT_SHIFT_MIN && shift <= WEFT_SHIFT_MAX, "a shift is out of range");
}

static inline void is_value(examined *e, int index)
{
    in_range(e, index, -128, 255, "a zero point is not of 8 bits");
}

static inline void are_limits(examined *e, int min, bool is_signed_only, bool is_unsigned_only)
{
    in_range(e, min, is_unsigned_only ? 0 : -128, is_signed_only ? 127 : 255,
             "a limit is not of the type");
    in_range(e, min + 1, word(e, min), is_signed_only ? 127 : 255, "limits are crossed");
}

static inline void is_add_stage(examined *e)
{
    in_range(e, WEFT_D_A_MULT, 0, WEFT_ADD_MULT_MAX, "a multiplier of a sum is out of range");
    in_range(e, WEFT_D_B_MULT, 0, WEFT_ADD_MULT_MAX, "a multiplier of a sum is out of range");
    in_range(e, WEFT_D_ADD_SHIFT, 1, WEFT_ADD_SHIFT_MAX, "the shift of a sum is out of range");
    is_value(e, WEFT_D_A_ZERO);
    is_value(e, WEFT_D_B_ZERO);
    is_value(e, WEFT_D_Y_ZERO);
    are_limits(e, WEFT_D_Y_MIN, false, false);
}

/* ---- streams ---- */

/* An operand of a stream. */
static inline void check_operand(examined *e, int offset, int first_step, bool is_used,
                                 const char *wrong)
{
    int64_t sizes[WEFT_D_DIMS], steps[WEFT_D_DIMS];
    for (int i = 0; i < WEFT_D_DIMS; i++) {
        sizes[i] = word(e, WEFT_D_SIZES + i);
        steps[i] = word(e, first_step + i);
    }
    if (is_used)
        region(e, word(e, offset), sizes, steps, WEFT_D_DIMS, e->memory->arena_bytes, wrong);
    for (int i = 0; i < WEFT_D_DIMS && !is_used; i++)
        refuse_unless(e, steps[i] == 0, "an operand that does not exist has steps");
}

static inline void check_stream_sizes(examined *e)
{
    int64_t elements = 1;
    for (int i = 0; i < WEFT_D_DIMS; i++)
        in_range(e, WEFT_D_SIZES + i, 1, STREAM_MAX_ELEMS, "a size is out of range");
    for (int i = 0; i < WEFT_D_DIMS && e->wrong == NULL; i++) {
        elements *= word(e, WEFT_D_SIZES + i);
        refuse_unless(e, elements <= STREAM_MAX_ELEMS, "there are too many elements");
    }
}

/* check_attention.c: MATMUL; SOFTMAX and LAYER_NORM. */
void weft__check_matmul(examined *e);
void weft__check_rows(examined *e);

#endif
