/* SPDX-License-Identifier: Apache-2.0 */
/* How one element of an 8-bit operator comes about, in words and numbers: operands, the sum, and
 * each stage of kernels/include/weft_int.h with its result. For people who look for the step that
 * went wrong. */
#ifndef WEFT_KERNELS_REF_EXPLAIN_H
#define WEFT_KERNELS_REF_EXPLAIN_H

#include "kernels/ref/ref.h"

typedef struct weft_ref_line {
    const char *name, *text; /* "sum", "8123 + bias -1234 = 6889" */
} weft_ref_line;

typedef struct weft_ref_account {
    weft_arena *arena; /* of the lines; has a recovery point */
    WEFT_VEC(weft_ref_line) lines;
} weft_ref_account;

/* Appends the account of element `element` of output `output`. The call's kernel has succeeded, so
 * attributes, shapes and outputs are sound. Operators that are not of 8 bits get no line. */
void weft_ref_explain(weft_op op, const weft_ref_call *call, size_t output, int64_t element,
                      weft_ref_account *account);

#endif
