/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the pass lower-quantized only.
 *
 * The pass walks the QuantizeLinear nodes in order. What one of them reads is traced back to 8-bit
 * tensors; where the operators between have an 8-bit form, nodes are put before the QuantizeLinear
 * that give its result from those tensors. */
#ifndef WEFT_PASSES_LOWER_QUANTIZED_H
#define WEFT_PASSES_LOWER_QUANTIZED_H

#include "compiler/ir/graph.h"

enum { WEFT_LQ_CODES = 256, WEFT_LQ_MAX_THROUGH = 16 };

/* An 8-bit tensor of which a float one is a function, element by element. */
typedef struct weft_lq_codes {
    weft_value *value;    /* u8 or i8, of the float tensor's shape */
    const float *numbers; /* what each code stands for, in the order of weft_table_index */
    bool is_affine;       /* numbers are scale * (code - zero) */
    double scale;
    int32_t zero;
    const weft_node
        *through[WEFT_LQ_MAX_THROUGH]; /* the first of the nodes that are the function */
    size_t through_count;
} weft_lq_codes;

/* What the QuantizeLinear under way writes. */
typedef struct weft_lq_result {
    weft_dtype dtype;
    double scale;
    int32_t zero, low, high; /* low, high: limits (Relu, Clip) as codes */
} weft_lq_result;

/* A tensor on the way: whether it was traced, and to what. Found by value->mark - 1. */
typedef struct weft_lq_trace {
    bool is_found;
    weft_lq_codes codes;
} weft_lq_trace;

typedef struct weft_lq {
    weft_graph *graph;
    weft_diag *diag;
    weft_node *at; /* the QuantizeLinear under way: new nodes go before it */
    weft_lq_result result;
    WEFT_VEC(const weft_node *) between; /* limits and scales between the operator and it */
    weft_map reasons;                    /* node name -> why it stays in float (char *) */
    WEFT_VEC(weft_lq_trace *) traces;
    size_t changes;
} weft_lq;

/* ---- lower_quantized.c ---- */

/* Why a node stays in float; the first reason counts. */
void weft_lq_refuse(weft_lq *lq, const weft_node *node, const char *format, ...) WEFT_PRINTF(3, 4);
/* A node before the QuantizeLinear, with the sources of core and of what lies between. */
weft_node *weft_lq_add(weft_lq *lq, weft_op op, const weft_node *core, weft_value *const *inputs,
                       size_t input_count);
void weft_lq_set(weft_lq *lq, weft_node *node, const char *name, int64_t value);
void weft_lq_set_dtype(weft_lq *lq, weft_node *node, const char *name, weft_dtype dtype);
/* <stage>_zero, <stage>_min, <stage>_max; limits of the whole type are left out. */
void weft_lq_set_stage(weft_lq *lq, weft_node *node, const char *stage,
                       const weft_lq_result *result);
/* Puts value in the place of what the QuantizeLinear makes. */
weft_status weft_lq_finish(weft_lq *lq, weft_value *value);
/* Limits between value and the QuantizeLinear become limits of the result; gives what they read. */
weft_value *weft_lq_peel_limits(weft_lq *lq, weft_value *value);

/* ---- lower_quantized_codes.c ---- */

/* NULL when the tensor is no function of one 8-bit tensor. */
weft_status weft_lq_trace_codes(weft_lq *lq, weft_value *value, const weft_lq_codes **out_codes);
/* The same for operands of sums: NULL also when it is not affine. */
weft_status weft_lq_trace_affine(weft_lq *lq, weft_value *value, const weft_lq_codes **out_codes);

/* ---- lower_quantized_numbers.c ---- */

/* The reference kernel of an operator on tensors that are no values of the graph. */
bool weft_lq_evaluate(weft_op op, const weft_attrs *attrs, const weft_tensor *const *inputs,
                      size_t input_count, weft_tensor *output);
/* A constant of type f32, or dequantised constant integers; data may be new. False for others. */
bool weft_lq_constant(weft_lq *lq, const weft_value *value, weft_value *out_constant);
/* Up to WEFT_LQ_CODES numbers as codes of result, by the rule of QuantizeLinear; its limits are not
 * applied. */
void weft_lq_quantise(const weft_lq_result *result, const float *numbers, size_t count,
                      int32_t *out_codes);
/* The tensor in result's scale: the codes themselves, or through a QTable made after core. */
weft_status weft_lq_requantise(weft_lq *lq, const weft_node *core, const weft_lq_codes *codes,
                               weft_value **out_value);

/* ---- lower_quantized_rows.c ---- */

/* Goes up from value over products with positive constant numbers; gives what they scale. */
weft_value *weft_lq_peel_factors(weft_lq *lq, weft_value *value, double *out_factor);

/* ---- lower_quantized_*.c: put the result in place when the operator of core has the form ---- */

weft_status weft_lq_product(weft_lq *lq, weft_value *value, bool *out_done);
weft_status weft_lq_sum(weft_lq *lq, weft_node *core, bool *out_done);
weft_status weft_lq_multiply(weft_lq *lq, weft_node *core, bool *out_done);
weft_status weft_lq_average(weft_lq *lq, weft_node *core, bool *out_done);
/* factor: of what peel_factors went past. */
weft_status weft_lq_matmul(weft_lq *lq, weft_node *core, double factor, bool *out_done);
weft_status weft_lq_softmax(weft_lq *lq, weft_node *core, bool *out_done);
weft_status weft_lq_layer_norm(weft_lq *lq, weft_node *core, bool *out_done);
weft_status weft_lq_concat(weft_lq *lq, weft_node *core, bool *out_done);
/* Channels-last maximum of codes, channels-first; core is MaxPool or GlobalMaxPool. NULL when it
 * has no such form. */
weft_status weft_lq_maximum(weft_lq *lq, weft_node *core, weft_value *codes,
                            weft_value **out_value);

#endif
