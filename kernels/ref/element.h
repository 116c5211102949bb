/* SPDX-License-Identifier: Apache-2.0 */
/* One element of a tensor of any dtype, read and written as double or as 64-bit integer: the only place of the reference kernels
 * that knows how a dtype is stored. Knows nothing about operators or shapes. Elements may be unaligned.
 *
 * Conversions, all defined for every value:
 * - double to a float dtype: round to nearest even, overflow to infinity.
 * - double to an integer dtype: towards zero; beyond the range to the nearest end of it; NaN to 0.
 * - integer to a narrower integer: modulo 2^bits.  Anything to bool: 0 stays 0, all else (NaN too) is 1. */
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
    /* In units of the last place; a carry out of the fraction runs into the exponent, up to infinity, by itself. */
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

/* Reads element `index` of type `type` as a value named x. */
#define WEFT_REF_READ(type)                                                                        \
    type x;                                                                                        \
    memcpy(&x, (const char *)tensor->data + (size_t)index * sizeof x, sizeof x)

static inline double weft_ref_get_f64(const weft_tensor *tensor, int64_t index)
{
    switch (tensor->dtype) {
    case WEFT_DTYPE_F32: { WEFT_REF_READ(float); return (double)x; }
    case WEFT_DTYPE_F64: { WEFT_REF_READ(double); return x; }
    case WEFT_DTYPE_F16: { WEFT_REF_READ(uint16_t); return weft_ref_half_decode(x, 10); }
    case WEFT_DTYPE_BF16: { WEFT_REF_READ(uint16_t); return weft_ref_half_decode(x, 7); }
    case WEFT_DTYPE_I8: { WEFT_REF_READ(int8_t); return x; }
    case WEFT_DTYPE_I16: { WEFT_REF_READ(int16_t); return x; }
    case WEFT_DTYPE_I32: { WEFT_REF_READ(int32_t); return x; }
    case WEFT_DTYPE_I64: { WEFT_REF_READ(int64_t); return (double)x; }
    case WEFT_DTYPE_U8: { WEFT_REF_READ(uint8_t); return x; }
    case WEFT_DTYPE_U16: { WEFT_REF_READ(uint16_t); return x; }
    case WEFT_DTYPE_U32: { WEFT_REF_READ(uint32_t); return x; }
    case WEFT_DTYPE_U64: { WEFT_REF_READ(uint64_t); return (double)x; }
    case WEFT_DTYPE_BOOL: { WEFT_REF_READ(uint8_t); return x != 0; }
    default: return 0;
    }
}

/* Integers and bool by value (u64 by its bits); floats as a conversion to i64. */
static inline int64_t weft_ref_get_i64(const weft_tensor *tensor, int64_t index)
{
    switch (tensor->dtype) {
    case WEFT_DTYPE_I8: { WEFT_REF_READ(int8_t); return x; }
    case WEFT_DTYPE_I16: { WEFT_REF_READ(int16_t); return x; }
    case WEFT_DTYPE_I32: { WEFT_REF_READ(int32_t); return x; }
    case WEFT_DTYPE_I64: { WEFT_REF_READ(int64_t); return x; }
    case WEFT_DTYPE_U8: { WEFT_REF_READ(uint8_t); return x; }
    case WEFT_DTYPE_U16: { WEFT_REF_READ(uint16_t); return x; }
    case WEFT_DTYPE_U32: { WEFT_REF_READ(uint32_t); return x; }
    case WEFT_DTYPE_U64: { WEFT_REF_READ(int64_t); return x; }
    case WEFT_DTYPE_BOOL: { WEFT_REF_READ(uint8_t); return x != 0; }
    default: return weft_ref_to_i64(weft_ref_get_f64(tensor, index));
    }
}
#undef WEFT_REF_READ

#define WEFT_REF_WRITE(type, value)                                                                \
    type x = (type)(value);                                                                        \
    memcpy((char *)tensor->data + (size_t)index * sizeof x, &x, sizeof x)

static inline void weft_ref_put_f64(const weft_tensor *tensor, int64_t index, double value)
{
    switch (tensor->dtype) {
    case WEFT_DTYPE_F32: { WEFT_REF_WRITE(float, value); break; }
    case WEFT_DTYPE_F64: { WEFT_REF_WRITE(double, value); break; }
    case WEFT_DTYPE_F16: { WEFT_REF_WRITE(uint16_t, weft_ref_half_encode(value, 10)); break; }
    case WEFT_DTYPE_BF16: { WEFT_REF_WRITE(uint16_t, weft_ref_half_encode(value, 7)); break; }
    case WEFT_DTYPE_I8: {
        WEFT_REF_WRITE(int8_t, weft_ref_limit_i64(weft_ref_to_i64(value), INT8_MIN, INT8_MAX));
        break;
    }
    case WEFT_DTYPE_I16: {
        WEFT_REF_WRITE(int16_t, weft_ref_limit_i64(weft_ref_to_i64(value), INT16_MIN, INT16_MAX));
        break;
    }
    case WEFT_DTYPE_I32: {
        WEFT_REF_WRITE(int32_t, weft_ref_limit_i64(weft_ref_to_i64(value), INT32_MIN, INT32_MAX));
        break;
    }
    case WEFT_DTYPE_I64: { WEFT_REF_WRITE(int64_t, weft_ref_to_i64(value)); break; }
    case WEFT_DTYPE_U8: {
        WEFT_REF_WRITE(uint8_t, weft_ref_limit_i64(weft_ref_to_i64(value), 0, UINT8_MAX));
        break;
    }
    case WEFT_DTYPE_U16: {
        WEFT_REF_WRITE(uint16_t, weft_ref_limit_i64(weft_ref_to_i64(value), 0, UINT16_MAX));
        break;
    }
    case WEFT_DTYPE_U32: {
        WEFT_REF_WRITE(uint32_t, weft_ref_limit_i64(weft_ref_to_i64(value), 0, UINT32_MAX));
        break;
    }
    case WEFT_DTYPE_U64: { WEFT_REF_WRITE(uint64_t, weft_ref_to_u64(value)); break; }
    case WEFT_DTYPE_BOOL: { WEFT_REF_WRITE(uint8_t, value != 0); break; }
    default: break;
    }
}

/* Integer dtypes and bool; floats by conversion from i64, rounded once. */
static inline void weft_ref_put_i64(const weft_tensor *tensor, int64_t index, int64_t value)
{
    uint64_t bits = (uint64_t)value; /* the narrowing below is modulo 2^bits */
    switch (tensor->dtype) {
    case WEFT_DTYPE_I8:
    case WEFT_DTYPE_U8: { WEFT_REF_WRITE(uint8_t, bits); break; }
    case WEFT_DTYPE_I16:
    case WEFT_DTYPE_U16: { WEFT_REF_WRITE(uint16_t, bits); break; }
    case WEFT_DTYPE_I32:
    case WEFT_DTYPE_U32: { WEFT_REF_WRITE(uint32_t, bits); break; }
    case WEFT_DTYPE_I64:
    case WEFT_DTYPE_U64: { WEFT_REF_WRITE(uint64_t, bits); break; }
    case WEFT_DTYPE_BOOL: { WEFT_REF_WRITE(uint8_t, value != 0); break; }
    case WEFT_DTYPE_F32: { WEFT_REF_WRITE(float, value); break; }
    default: weft_ref_put_f64(tensor, index, (double)value); break;
    }
}
#undef WEFT_REF_WRITE

#endif
