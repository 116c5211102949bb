/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seeded values for reference models: a counter-based random stream per tensor and the recipes that
 * turn it into weights. Only integer arithmetic and single IEEE double operations are used (no libm
 * beyond sqrt, which IEEE 754 rounds correctly), so a seed gives the same bytes on every machine.
 * Knows nothing about ONNX, graphs or architectures.
 */
#ifndef WEFT_MODELS_INIT_H
#define WEFT_MODELS_INIT_H

#include <stddef.h>
#include <stdint.h>

/* The stream of one tensor: any two names or seeds give unrelated streams, and element i needs no
 * element before it. */
uint64_t weft_init_stream(uint64_t seed, const char *tensor_name);

/* Element `index` of a stream, as a uniform number in [-1, 1), a multiple of 2^-52. */
double weft_init_uniform(uint64_t stream, uint64_t index);

/* How the elements of one float tensor come about. Pointers are borrowed and must outlive the
 * recipe. */
typedef struct weft_init_recipe {
    const float *table;      /* not NULL: the elements themselves, already computed */
    uint64_t stream;         /* else: bell-shaped numbers of mean 0 from this stream ... */
    double sigma;            /* ... with this standard deviation ... */
    const double *row_scale; /* ... and, when not NULL, row r multiplied by row_scale[r] */
    size_t row_elems;        /* elements per row; at least 1 when row_scale is set */
} weft_init_recipe;

/* Writes elements [first, first + count) of the recipe's tensor to out. */
void weft_init_fill(const weft_init_recipe *recipe, size_t first, size_t count, float *out);

#endif
