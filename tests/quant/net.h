/* SPDX-License-Identifier: Apache-2.0 */
/* A small network with every kind of place that is quantised, and running the models of a
 * quantisation with the reference kernels. Must not know how ranges are chosen. */
#ifndef WEFT_TESTS_QUANT_NET_H
#define WEFT_TESTS_QUANT_NET_H

#include "compiler/api/model.h"
#include "weft/quantize.h"

/* Convolution with batch normalisation, pools, a residual with gate, a grouped pair, a constant
 * operand, mean, linear layer. */
extern const char net_text[];

/* A model of a text form; fails the test when it is none. */
weft_model *net_open(const char *text);
/* Seeded values for input `input` of a sample. */
void net_fill(float *data, int64_t count, uint64_t seed);

/* Outputs of a model for a sample; they live in the model. */
weft_tensor *net_run(weft_model *model, uint64_t seed);
/* Observes samples first to first + count - 1. */
void net_observe(weft_quant *quant, size_t first, size_t count);
/* A quant of the model, with `count` samples observed and the ranges chosen. */
weft_quant *net_quantise(const weft_model *model, const weft_quant_params *params, size_t count);

/* Fails the test with the diagnostics unless status is OK. */
void net_check(weft_status status, const weft_diag *diag);

#endif
