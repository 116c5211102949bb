/* SPDX-License-Identifier: Apache-2.0 */
/* Building graphs in tests: a node, its attributes, its types, seeded constants. Must not know
 * passes. */
#ifndef WEFT_TESTS_PASSES_BUILD_H
#define WEFT_TESTS_PASSES_BUILD_H

#include "compiler/ir/graph.h"

typedef struct build {
    weft_graph *graph;
    weft_diag *diag;
    uint64_t state; /* of the random numbers */
} build;

/* A number in [0, bound); the same sequence for the same seed everywhere. */
uint32_t build_random(build *b, uint32_t bound);
/* A number in [low, high). */
float build_uniform(build *b, float low, float high);

weft_value *build_input(build *b, const char *name, int rank, const int64_t *dims);
/* A constant of random numbers in [low, high). */
weft_value *build_random_constant(build *b, int rank, const int64_t *dims, float low, float high);
weft_value *build_scalar(build *b, float number);
weft_value *build_ints(build *b, size_t count, const int64_t *numbers);

/* A node with one output; its own name is its source. Attributes may be set until build_done. */
weft_node *build_node(build *b, weft_op op, size_t input_count, weft_value *const *inputs);
void build_int(build *b, weft_node *node, const char *name, int64_t number);
void build_list(build *b, weft_node *node, const char *name, size_t count, const int64_t *numbers);
/* Infers the node and returns output 0; fails the test with the diagnostics when inference does. */
weft_value *build_done(build *b, weft_node *node);

weft_value *build_unary(build *b, weft_op op, weft_value *x);
weft_value *build_binary(build *b, weft_op op, weft_value *x, weft_value *y);
weft_value *build_transpose(build *b, weft_value *x, const int64_t *perm);
weft_value *build_reshape(build *b, weft_value *x, size_t rank, const int64_t *dims);

/* Prints the entries of a diag when status is not OK, and fails the test then. */
void build_check(weft_status status, const weft_diag *diag);

#endif
