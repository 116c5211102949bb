/* SPDX-License-Identifier: Apache-2.0 */
/* Random programs of one descriptor for the engine, with what the arena must hold afterwards. Small
 * shapes with every option of the descriptor, values and multipliers that favour extremes; both
 * memories are exactly as large as the descriptor needs, and everything that it must not write is
 * random. Must not know how an engine is built or called. */
#ifndef WEFT_TESTS_FPGA_ENGINE_CASE_H
#define WEFT_TESTS_FPGA_ENGINE_CASE_H

#include "kernels/fpga/engine.h"
#include "tests/contract/draw.h"

enum { CASE_CHANNELS_MAX = 64 };

struct engine_case {
    uint32_t program[2 * WEFT_D_WORDS];  /* the descriptor and END */
    uint8_t *weights, *arena, *expected; /* whole words of the engine */
    size_t weights_bytes, arena_bytes;
    int32_t bias[CASE_CHANNELS_MAX]; /* as the operator has it */
};

/* A named engine, or one that only the tests have: "narrow", "odd", "wide", "broad". Together they
 * have words of 8, 16, 32 and 64 bytes. "tiny" is the named one with products of two activations,
 * softmax and LayerNorm, as the first three of these are; "broad" has the products alone. */
const weft_engine_params *engine_case_engine(const char *name);

/* A random descriptor of this kind with tiles that this engine takes. */
void engine_case_make(draw *d, int kind, const weft_engine_params *params,
                      struct engine_case *out_case);
void engine_case_free(struct engine_case *c);

/* Computes `expected` from the other memories, by loops over the definition (engine_naive.c). */
void engine_naive_run(struct engine_case *c);
/* The same of MATMUL, SOFTMAX and LAYER_NORM (engine_naive_attention.c). */
void engine_naive_attention(struct engine_case *c);

/* Runs `count` cases of each kind that the engine has through `run`, which executes c->program on
 * c->arena; prints the first case that differs. 1 when all are equal. */
typedef void engine_run(void *context, const struct engine_case *c);
int engine_cases_pass(engine_run *run, void *context, const weft_engine_params *params, int count);

/* Damages words of `count` cases of each kind; runs what weft_descriptor_check lets pass, for
 * sanitizers to look at. 0 when it refuses a case that was not damaged, or nearly all or nothing.
 */
int engine_fuzz_pass(engine_run *run, void *context, const weft_engine_params *params, int count);

#endif
