/* SPDX-License-Identifier: Apache-2.0 */
/* Elements of tensors as numbers: reading any dtype, comparing two tensors, the largest elements.
 * Must not know about: packages, devices, files. */
#ifndef WEFT_CLI_VALUES_H
#define WEFT_CLI_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Element i of a dense array of the dtype ("f32"), as a double. */
double weft_cli_value_get(const char *dtype, const void *data, size_t index);

/* How far `actual` is from `reference`. */
typedef struct weft_cli_comparison {
    size_t count;
    double max_error;     /* largest absolute difference */
    double max_reference; /* largest absolute finite reference value */
    double relative;      /* max_error / max_reference; infinite when one side is not finite and the
                             other differs */
    size_t worst; /* where max_error is, or the first element that only one side has as a number */
    double actual, reference; /* both values there */
    size_t nonfinite_mismatches, nan_both;
} weft_cli_comparison;
weft_cli_comparison weft_cli_values_compare(const char *dtype, const void *actual,
                                            const void *reference, size_t count);

/* Indices of the largest elements, descending, ties by index; NaN comes last. Returns how many (at
 * most top). */
size_t weft_cli_values_top(const char *dtype, const void *data, size_t count, size_t top,
                           size_t *out_indices);

#endif
