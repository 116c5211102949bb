/* SPDX-License-Identifier: Apache-2.0 */
/* One element of a tensor of any dtype, read and written as double or as 64-bit integer: the only
 * place of the reference kernels that knows how a dtype is stored. Knows nothing about operators or
 * shapes. Elements may be unaligned.
 *
 * Conversions, all defined for every value:
 * - double to a float dtype: round to nearest even, overflow to infinity.
 * - double to an integer dtype: towards zero; beyond the range to the nearest end of it; NaN to 0.
 * - integer to a narrower integer: modulo 2^bits.  Anything to bool: 0 stays 0, all else (NaN too)
 * is 1. */
#ifndef WEFT_KERNELS_REF_ELEMENT_H
#define WEFT_KERNELS_REF_ELEMENT_H

#include <math.h>
#include <string.h>

#include "compiler/base/tensor.h"

/* How arithmetic on a dtype is done: in double, in int64_t, in uint64_t, or not at all. */
typedef enum weft_ref_kind {
    WEFT_REF_KIND_NONE,
    WEFT_REF_KIND_FLOAT,
    WEFT_REF_KIND_SIGNED,
    WEFT_REF_KIND_UNSIGNED,
    WEFT_REF_KIND_BOOL
} weft_ref_kind;

static inline weft_ref_kind weft_ref_kind_of(weft_dtype dtype)
{
    switch (dtype) {
    case WEFT_DTYPE_F32:
    case WEFT_DTYPE_F64:
    case WEFT_DTYPE_F16:
    case WEFT_DTYPE_BF16: return WEFT_REF_KIND_FLOAT;
    case WEFT_DTYPE_I8:
    case WEFT_DTYPE_I16:
    case WEFT_DTYPE_I32:
    case WEFT_DTYPE_I64: return WEFT_REF_KIND_SIGNED;
    case WEFT_DTYPE_U8:
    case WEFT_DTYPE_U16:
    case WEFT_DTYPE_U32:
    case WEFT_DTYPE_U64: return WEFT_REF_KIND_UNSIGNED;
    case WEFT_DTYPE_BOOL: return WEFT_REF_KIND_BOOL;
    default: return WEFT_REF_KIND_NONE;
    }
}

/* A 16-bit float with `fraction_bits` of fraction: 10 for f16, 7 for bf16. */
static inline double weft_ref_half_decode(uint16_t bits, int fraction_bits)
{
    int exponent_bits = 15 - fraction_bits;
    int bias = (1 << (exponent_bits - 1)) - 1;
    int exponent = (bits >> fraction_bits) & ((1 << exponent_bits) - 1);
    int fraction = bits & ((1 << fraction_bits) - 1);
    double magnitude;
    if (exponent == (1 << exponent_bits) - 1)
        magnitude = fraction ? NAN : INFINITY;
    else if (exponent == 0)
        magnitude = ldexp(fraction, 1 - bias - fraction_bits);
    else
        magnitude = ldexp(fraction + (1 << fraction_bits), exponent - bias - fraction_bits);
    return bits & 0x8000u ? -magnitude : magnitude;
}

static inline uint16_t weft_ref_half_encode(double value, int fraction_bits)
{
    int exponent_bits = 15 - fraction_bits;
    int bias = (1 << (exponent_bits - 1)) - 1;
    unsigned sign = signbit(value) ? 0x8000u : 0u;
    unsigned infinity = (unsigned)((1 << exponent_bits) - 1) << fraction_bits;
    double magnitude = fabs(value);
    if (isnan(value))
        return (uint16_t)(sign | infinity | 1u << (fraction_bits - 1));
    if (isinf(value))
        return (uint16_t)(sign | infinity);
    int exponent = 1 - bias; /* of subnormals and of the smallest normals */
    if (magnitude >= ldexp(1.0, exponent)) {
        (void)frexp(magnitude, &exponent);
        exponent--; /* magnitude = 1.xxx * 2^exponent */
    }
    if (exponent > bias)
        return (uint16_t)(sign | infinity);
    /* In units of the last place; a carry out of the fraction runs into the exponent, up to
     * infinity, by itself. */
    unsigned units = (unsigned)nearbyint(ldexp(magnitude, fraction_bits - exponent));
    unsigned bits = units + ((unsigned)(exponent + bias - 1) << fraction_bits);
    return (uint16_t)(sign | bits);
}

static inline int64_t weft_ref_to_i64(double value)
{
    if (isnan(value))
        return 0;
    if (value >= 9223372036854775808.0)
        return INT64_MAX;
    if (value <= -9223372036854775808.0)
        return INT64_MIN;
    return (int64_t)value;
}

static inline uint64_t weft_ref_to_u64(double value)
{
    if (isnan(value) || value <= 0)
        return 0;
    return value >= 18446744073709551616.0 ? UINT64_MAX : (uint64_t)value;
}

static inline int64_t weft_ref_limit_i64(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* Defines weft_ref_read_<type>(tensor, index) and weft_ref_write_<type>(tensor, index, value). */
#define WEFT_REF_ACCESS(name, type)                                                                \
    static inline type weft_ref_read_##name(const weft_tensor *tensor, int64_t index)              \
    {                                                                                              \
        type value;                                                                                \
        memcpy(&value, (const char *)tensor->data + (size_t)index * sizeof value, sizeof value);   \
        return value;                                                                              \
    }                                                                                              \
    static inline void weft_ref_write_##name(const weft_tensor *tensor, int64_t index, type value) \
    {                                                                                              \
        memcpy((char *)tensor->data + (size_t)index * sizeof value, &value, sizeof value);         \
    }
WEFT_REF_ACCESS(f32, float)
WEFT_REF_ACCESS(f64, double)
WEFT_REF_ACCESS(i8, int8_t)
WEFT_REF_ACCESS(i16, int16_t)
WEFT_REF_ACCESS(i32, int32_t)
WEFT_REF_ACCESS(i64, int64_t)
WEFT_REF_ACCESS(u8, uint8_t)
WEFT_REF_ACCESS(u16, uint16_t)
WEFT_REF_ACCESS(u32, uint32_t)
WEFT_REF_ACCESS(u64, uint64_t)
#undef WEFT_REF_ACCESS

static inline double weft_ref_get_f64(const weft_tensor *tensor, int64_t index)
{
    switch (tensor->dtype) {
    case WEFT_DTYPE_F32: return (double)weft_ref_read_f32(tensor, index);
    case WEFT_DTYPE_F64: return weft_ref_read_f64(tensor, index);
    case WEFT_DTYPE_F16: return weft_ref_half_decode(weft_ref_read_u16(tensor, index), 10);
    case WEFT_DTYPE_BF16: return weft_ref_half_decode(weft_ref_read_u16(tensor, index), 7);
    case WEFT_DTYPE_I8: return weft_ref_read_i8(tensor, index);
    case WEFT_DTYPE_I16: return weft_ref_read_i16(tensor, index);
    case WEFT_DTYPE_I32: return weft_ref_read_i32(tensor, index);
    case WEFT_DTYPE_I64: return (double)weft_ref_read_i64(tensor, index);
    case WEFT_DTYPE_U8: return weft_ref_read_u8(tensor, index);
    case WEFT_DTYPE_U16: return weft_ref_read_u16(tensor, index);
    case WEFT_DTYPE_U32: return weft_ref_read_u32(tensor, index);
    case WEFT_DTYPE_U64: return (double)weft_ref_read_u64(tensor, index);
    case WEFT_DTYPE_BOOL: return weft_ref_read_u8(tensor, index) != 0;
    default: return 0;
    }
}

/* Integers and bool by value (u64 by its bits); floats as a conversion to i64. */
static inline int64_t weft_ref_get_i64(const weft_tensor *tensor, int64_t index)
{
    switch (tensor->dtype) {
    case WEFT_DTYPE_I8: return weft_ref_read_i8(tensor, index);
    case WEFT_DTYPE_I16: return weft_ref_read_i16(tensor, index);
    case WEFT_DTYPE_I32: return weft_ref_read_i32(tensor, index);
    case WEFT_DTYPE_I64: return weft_ref_read_i64(tensor, index);
    case WEFT_DTYPE_U8: return weft_ref_read_u8(tensor, index);
    case WEFT_DTYPE_U16: return weft_ref_read_u16(tensor, index);
    case WEFT_DTYPE_U32: return weft_ref_read_u32(tensor, index);
    case WEFT_DTYPE_U64: return (int64_t)weft_ref_read_u64(tensor, index);
    case WEFT_DTYPE_BOOL: return weft_ref_read_u8(tensor, index) != 0;
    default: return weft_ref_to_i64(weft_ref_get_f64(tensor, index));
    }
}

/* Integer dtypes and bool modulo 2^bits; nothing for floats. */
static inline void weft_ref_put_bits(const weft_tensor *tensor, int64_t index, uint64_t bits)
{
    switch (tensor->dtype) {
    case WEFT_DTYPE_I8:
    case WEFT_DTYPE_U8: weft_ref_write_u8(tensor, index, (uint8_t)bits); break;
    case WEFT_DTYPE_I16:
    case WEFT_DTYPE_U16: weft_ref_write_u16(tensor, index, (uint16_t)bits); break;
    case WEFT_DTYPE_I32:
    case WEFT_DTYPE_U32: weft_ref_write_u32(tensor, index, (uint32_t)bits); break;
    case WEFT_DTYPE_I64:
    case WEFT_DTYPE_U64: weft_ref_write_u64(tensor, index, bits); break;
    case WEFT_DTYPE_BOOL: weft_ref_write_u8(tensor, index, bits != 0); break;
    default: break;
    }
}

static inline void weft_ref_put_f64(const weft_tensor *tensor, int64_t index, double value)
{
    int64_t whole = 0;
    switch (tensor->dtype) {
    case WEFT_DTYPE_F32: weft_ref_write_f32(tensor, index, (float)value); return;
    case WEFT_DTYPE_F64: weft_ref_write_f64(tensor, index, value); return;
    case WEFT_DTYPE_F16: weft_ref_write_u16(tensor, index, weft_ref_half_encode(value, 10)); return;
    case WEFT_DTYPE_BF16: weft_ref_write_u16(tensor, index, weft_ref_half_encode(value, 7)); return;
    case WEFT_DTYPE_U64: weft_ref_put_bits(tensor, index, weft_ref_to_u64(value)); return;
    case WEFT_DTYPE_BOOL: weft_ref_put_bits(tensor, index, value != 0); return;
    default: whole = weft_ref_to_i64(value); break;
    }
    switch (tensor->dtype) {
    case WEFT_DTYPE_I8: whole = weft_ref_limit_i64(whole, INT8_MIN, INT8_MAX); break;
    case WEFT_DTYPE_I16: whole = weft_ref_limit_i64(whole, INT16_MIN, INT16_MAX); break;
    case WEFT_DTYPE_I32: whole = weft_ref_limit_i64(whole, INT32_MIN, INT32_MAX); break;
    case WEFT_DTYPE_U8: whole = weft_ref_limit_i64(whole, 0, UINT8_MAX); break;
    case WEFT_DTYPE_U16: whole = weft_ref_limit_i64(whole, 0, UINT16_MAX); break;
    case WEFT_DTYPE_U32: whole = weft_ref_limit_i64(whole, 0, UINT32_MAX); break;
    default: break;
    }
    weft_ref_put_bits(tensor, index, (uint64_t)whole);
}

/* Integer dtypes and bool; floats by conversion from i64, rounded once. */
static inline void weft_ref_put_i64(const weft_tensor *tensor, int64_t index, int64_t value)
{
    if (tensor->dtype == WEFT_DTYPE_F32)
        weft_ref_write_f32(tensor, index, (float)value);
    else if (weft_ref_kind_of(tensor->dtype) == WEFT_REF_KIND_FLOAT)
        weft_ref_put_f64(tensor, index, (double)value);
    else
        weft_ref_put_bits(tensor, index, (uint64_t)value);
}

#endif
