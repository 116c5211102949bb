/* SPDX-License-Identifier: Apache-2.0 */
/* Small random transformers in ONNX form, each part in one of the spellings that exporters have.
 * Must not know passes. */
#ifndef WEFT_TESTS_PASSES_RANDOM_TOKENS_H
#define WEFT_TESTS_PASSES_RANDOM_TOKENS_H

#include "tests/passes/build.h"

/* Fills b->graph; the same graph for the same b->state. Gives the number of attentions and of
 * convolutions over tokens that the outputs depend on. */
void random_tokens_build(build *b, size_t *out_attentions, size_t *out_token_convs);

#endif
