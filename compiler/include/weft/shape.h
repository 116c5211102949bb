/* SPDX-License-Identifier: Apache-2.0 */
/* Shapes of inputs, as callers give them to the compiler and to packages. Self-contained in C and
 * C++. */
#ifndef WEFT_SHAPE_H
#define WEFT_SHAPE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weft_input_shape {
    const char *input; /* its name; NULL: the only one (of packages) */
    int rank;
    int64_t dims[8]; /* -1: as the model has it, or any (of packages) */
} weft_input_shape;

#ifdef __cplusplus
}
#endif
#endif
