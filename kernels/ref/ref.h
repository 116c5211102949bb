/* SPDX-License-Identifier: Apache-2.0 */
/* The reference kernels: one plain C function per operator row of compiler/ir/ops.def, the oracle
 * of every other kernel.
 *
 * A kernel reads call->inputs, writes call->outputs and knows nothing about graphs, plans or
 * devices. Shapes and dtypes were checked by inference; data were not, so a kernel is memory-safe
 * for any data. Returns WEFT_OK, WEFT_UNSUPPORTED for a dtype or option it does not have,
 * WEFT_INVALID for data outside the operator's domain (an index out of range), WEFT_NO_MEMORY.
 * Arithmetic: f32 sums and products of matrix, convolution, normalisation and reduction kernels
 * accumulate in double and are rounded once; element-wise f32 functions are evaluated in double and
 * rounded once. Thread rule: safe on distinct outputs. */
#ifndef WEFT_KERNELS_REF_REF_H
#define WEFT_KERNELS_REF_REF_H

#include "compiler/ir/graph.h"

/* clang-format off */
/* X(name): declares weft_ref_<name>. */
#define WEFT_REF_LIST(X)                                                                           \
    X(abs) X(add) X(and) X(average_pool) X(batch_normalization) X(cast) X(ceil) X(clip) X(concat)  \
    X(constant_of_shape) X(conv) X(cos) X(cum_sum) X(is_nan) X(trilu) X(div) X(elu) X(equal) X(erf) X(exp) X(expand)  \
    X(flatten) X(floor) X(gather) X(gelu) X(gemm) X(global_average_pool) X(global_max_pool)        \
    X(greater) X(greater_or_equal) X(hard_sigmoid) X(hard_swish) X(identity)                       \
    X(layer_normalization) X(leaky_relu) X(less) X(less_or_equal) X(log) X(mat_mul) X(max)         \
    X(max_pool) X(min) X(mod) X(mul) X(neg) X(not) X(or) X(pad) X(pow) X(p_relu) X(range)          \
    X(reciprocal) X(reduce_max) X(reduce_mean) X(reduce_min) X(reduce_prod) X(reduce_sum) X(relu)  \
    X(reshape) X(resize) X(round) X(shape) X(sigmoid) X(sin) X(size) X(slice) X(softmax)           \
    X(softplus) X(split) X(sqrt) X(squeeze) X(sub) X(sum) X(tanh) X(tile) X(transpose)             \
    X(unsqueeze) X(where)                                                                          \
    X(conv2d) X(linear) X(gate) X(pool2d) X(attention) X(token_conv)                               \
    X(quantize_linear) X(dequantize_linear) X(q_conv2d) X(q_add) X(q_mul) X(q_pool2d) X(q_table) \
    X(q_matmul) X(q_softmax) X(q_token_conv) X(q_layer_norm) X(q_attention)
/* clang-format on */

#define WEFT_REF_DECLARE(name) weft_status weft_ref_##name(const weft_ref_call *call);
WEFT_REF_LIST(WEFT_REF_DECLARE)
#undef WEFT_REF_DECLARE

#endif
