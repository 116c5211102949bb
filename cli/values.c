/* SPDX-License-Identifier: Apache-2.0 */
/* Elements of tensors as numbers. Must not know about: packages, devices, files. */
#include <math.h>
#include <string.h>

#include "cli/text.h"
#include "cli/values.h"

/* IEEE 754 binary16. */
static double half_to_double(uint16_t bits)
{
    int exponent = (bits >> 10) & 31, fraction = bits & 1023;
    double value = exponent == 31  ? (fraction != 0 ? NAN : INFINITY)
                   : exponent == 0 ? ldexp(fraction, -24)
                                   : ldexp(fraction + 1024, exponent - 25);
    return (bits & 0x8000) != 0 ? -value : value;
}

static double bfloat_to_double(uint16_t bits)
{
    uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return value;
}

static double read_integer(const char *dtype, const uint8_t *at, size_t bytes)
{
    uint64_t bits = 0;
    memcpy(&bits, at, bytes); /* little-endian machines only, as everywhere in weft */
    if (dtype[0] == 'i' && bytes < 8 && (bits >> (8 * bytes - 1)) != 0)
        bits |= UINT64_MAX << (8 * bytes);
    return dtype[0] == 'i' ? (double)(int64_t)bits : (double)bits;
}

double weft_cli_value_get(const char *dtype, const void *data, size_t index)
{
    size_t bytes = weft_cli_dtype_bytes(dtype);
    const uint8_t *at = (const uint8_t *)data + index * bytes;
    uint16_t half = 0;
    if (strcmp(dtype, "f32") == 0) {
        float value;
        memcpy(&value, at, sizeof value);
        return value;
    }
    if (strcmp(dtype, "f64") == 0) {
        double value;
        memcpy(&value, at, sizeof value);
        return value;
    }
    if (bytes == 2)
        memcpy(&half, at, sizeof half);
    if (strcmp(dtype, "f16") == 0)
        return half_to_double(half);
    if (strcmp(dtype, "bf16") == 0)
        return bfloat_to_double(half);
    return read_integer(dtype, at, bytes);
}

/* Equal when both are NaN, or the same infinity. */
static bool nonfinite_differ(double a, double b)
{
    if (isnan(a) || isnan(b))
        return !(isnan(a) && isnan(b));
    return (isinf(a) || isinf(b)) && a != b;
}

weft_cli_comparison weft_cli_values_compare(const char *dtype, const void *actual,
                                            const void *reference, size_t count)
{
    weft_cli_comparison result = {.count = count};
    for (size_t i = 0; i < count; i++) {
        double a = weft_cli_value_get(dtype, actual, i),
               r = weft_cli_value_get(dtype, reference, i);
        if (isfinite(r) && fabs(r) > result.max_reference)
            result.max_reference = fabs(r);
        result.nan_both += isnan(a) && isnan(r) ? 1 : 0;
        if (nonfinite_differ(a, r)) {
            if (result.nonfinite_mismatches++ == 0) {
                result.worst = i;
                result.actual = a;
                result.reference = r;
            }
            continue;
        }
        double error = isfinite(a) && isfinite(r) ? fabs(a - r) : 0;
        if ((error > result.max_error || i == 0) && result.nonfinite_mismatches == 0) {
            result.worst = i;
            result.actual = a;
            result.reference = r;
        }
        result.max_error = error > result.max_error ? error : result.max_error;
    }
    if (result.nonfinite_mismatches > 0)
        result.max_error = INFINITY;
    if (result.max_error > 0)
        result.relative =
            result.max_reference > 0 ? result.max_error / result.max_reference : INFINITY;
    return result;
}

/* a before b: larger first, NaN last, then by index. */
static bool comes_before(double a, size_t a_index, double b, size_t b_index)
{
    if (isnan(a) || isnan(b))
        return isnan(a) && isnan(b) ? a_index < b_index : isnan(b);
    return a != b ? a > b : a_index < b_index;
}

size_t weft_cli_values_top(const char *dtype, const void *data, size_t count, size_t top,
                           size_t *out_indices)
{
    size_t found = 0;
    for (size_t i = 0; top > 0 && i < count; i++) {
        double value = weft_cli_value_get(dtype, data, i);
        size_t at = found;
        while (at > 0 &&
               comes_before(value, i, weft_cli_value_get(dtype, data, out_indices[at - 1]),
                            out_indices[at - 1]))
            at--;
        if (at >= top)
            continue;
        size_t last = found < top ? found : top - 1;
        for (size_t k = last; k > at; k--)
            out_indices[k] = out_indices[k - 1];
        out_indices[at] = i;
        found += found < top ? 1 : 0;
    }
    return found;
}
