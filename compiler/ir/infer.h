/* SPDX-License-Identifier: Apache-2.0 */
/* Shape rules of the operators (named in ops.def) and the helpers they share. Internal to
 * compiler/ir; must not know about passes, kernels' code or devices.
 *
 * A rule reads the dtypes, shapes and, where the operator needs them, the constant data of its
 * inputs, and sets dtype and shape of the outputs that exist. weft_node_infer has checked before
 * that arity fits the row, that required inputs are present, that every present input has dtype and
 * shape, and that attributes are known and of the right kind. */
#ifndef WEFT_IR_INFER_H
#define WEFT_IR_INFER_H

#include "compiler/ir/graph.h"

/* A value of more bytes is refused: shapes come from files, and offsets into values must stay far
 * from overflow. */
#define WEFT_IR_MAX_VALUE_BYTES (INT64_C(1) << 40)

/* Constant expressions with outputs up to this size are evaluated during inference: large enough
 * for any shape arithmetic, too small for weights (folding those is a pass). Inputs and work are
 * bounded too, so that a file cannot claim much of either. */
#define WEFT_IR_FOLD_LIMIT_BYTES ((size_t)64 << 10)
#define WEFT_IR_FOLD_INPUT_BYTES ((size_t)1 << 20)
#define WEFT_IR_FOLD_FLOPS (INT64_C(1) << 24)
/* All outputs that one inference evaluates together; more is an error. */
#define WEFT_IR_FOLD_TOTAL_BYTES ((size_t)64 << 20)
/* Larger outputs (weights folded by a pass) are made only while the graph's arena holds less than
 * this. */
#define WEFT_IR_FOLD_ARENA_BYTES ((size_t)2 << 30)

/* clang-format off */
#define WEFT_INFER_LIST(X) \
    X(arithmetic) X(attention) X(batch_norm) X(cast) X(clip) X(compare) X(concat) X(constant_of_shape) \
    X(conv) X(conv2d) X(cum_sum) X(is_nan) X(trilu) X(dequantize_linear) X(expand) X(flatten) X(floating) X(gate) X(gather) X(gemm) \
    X(global_pool) X(layer_norm) X(linear) X(logic) X(matmul) X(numeric) X(pad) X(pool) \
    X(pool2d) X(pow) X(prelu) X(q_add) X(q_attention) X(q_conv2d) X(q_layer_norm) X(q_matmul) \
    X(q_mul) X(q_pool2d) X(q_softmax) X(q_token_conv) X(q_table) X(quantize_linear) \
    X(range) X(reduce) X(reshape) X(resize) X(same) X(shape) X(size) X(slice) \
    X(softmax) X(split) X(squeeze) X(tile) X(token_conv) X(transpose) X(unsqueeze) X(where)
/* clang-format on */
#define WEFT_INFER_DECLARE(name)                                                                   \
    weft_status weft_infer_##name(weft_graph *graph, weft_node *node, weft_diag *diag);
WEFT_INFER_LIST(WEFT_INFER_DECLARE)
#undef WEFT_INFER_DECLARE

/* ---- helpers ---- */

#define WEFT_INFER_TRY(expression)                                                                 \
    do {                                                                                           \
        weft_status try_status_ = (expression);                                                    \
        if (try_status_ != WEFT_OK)                                                                \
            return try_status_;                                                                    \
    } while (0)

/* What an element type may be, as a set of classes. */
typedef enum weft_infer_class {
    WEFT_CLASS_FLOAT = 1,
    WEFT_CLASS_INT = 2,
    WEFT_CLASS_BOOL = 4,
    WEFT_CLASS_NUMERIC = WEFT_CLASS_FLOAT | WEFT_CLASS_INT,
    WEFT_CLASS_ANY = WEFT_CLASS_NUMERIC | WEFT_CLASS_BOOL
} weft_infer_class;

/* Appends an error that names operator, node and, when given, tensor; returns its status. expected
 * and found are texts. */
weft_status weft_infer_fail(const weft_node *node, const weft_value *tensor, weft_error_id id,
                            weft_diag *diag, const char *expected, const char *found,
                            const char *summary, ...) WEFT_PRINTF(7, 8);
/* The input's element type must be in the class, or be exactly the given one. */
weft_status weft_infer_check_class(const weft_node *node, size_t input, weft_infer_class allowed,
                                   weft_diag *diag);
weft_status weft_infer_check_dtype(const weft_node *node, size_t input, weft_dtype dtype,
                                   weft_diag *diag);
weft_status weft_infer_check_rank(const weft_node *node, size_t input, int min_rank, int max_rank,
                                  weft_diag *diag);
/* Input must have exactly this shape. */
weft_status weft_infer_check_shape(const weft_node *node, size_t input, const weft_shape *shape,
                                   weft_diag *diag);
/* Sets an output (nothing when it was not asked for) after checking rank, dimensions >= 0 and the
 * size limit. */
weft_status weft_infer_set(weft_node *node, size_t output, weft_dtype dtype,
                           const weft_shape *shape, weft_diag *diag);
/* Multidirectional broadcasting of shape into *io_shape; false when they do not fit. */
bool weft_infer_broadcast(weft_shape *io_shape, const weft_shape *shape);
/* Brings axis into 0..rank-1 (or 0..rank with allow_end). */
weft_status weft_infer_axis(const weft_node *node, int64_t axis, int rank, bool allow_end,
                            int *out_axis, weft_diag *diag);
/* A set of distinct axes from a constant input; bit i of the mask is axis i. */
weft_status weft_infer_axes(const weft_node *node, size_t input, int rank, uint32_t *out_mask,
                            weft_diag *diag);
/* A constant 1-D integer input of at most capacity elements. */
weft_status weft_infer_const_ints(const weft_node *node, size_t input, int64_t *out,
                                  size_t capacity, size_t *out_count, weft_diag *diag);
/* A list attribute: absent gives count times fallback; present must have count elements, each in
 * [min, max]. */
weft_status weft_infer_attr_ints(const weft_node *node, const char *name, int64_t *out,
                                 size_t count, int64_t fallback, int64_t min, int64_t max,
                                 weft_diag *diag);
/* An integer attribute in [min, max]; absent gives fallback. */
weft_status weft_infer_attr_int(const weft_node *node, const char *name, int64_t fallback,
                                int64_t min, int64_t max, int64_t *out, weft_diag *diag);
/* A string attribute that must be one of the words of a '|'-separated list; gives the word's index,
 * 0 when absent. */
weft_status weft_infer_attr_word(const weft_node *node, const char *name, const char *words,
                                 int *out_index, weft_diag *diag);

/* What of a QuantizeLinear's or DequantizeLinear's parameters does not depend on its data: form,
 * scales and zero points. Of two faulty nodes in a row it reports the second too. */
weft_status weft_infer_quantisation(const weft_node *node, weft_diag *diag);

/* Sliding windows: spatial dimensions of convolution and pooling, all of ONNX's rules (auto_pad,
 * ceil_mode, dilation). */
typedef struct weft_infer_window {
    int spatial; /* number of spatial dimensions, 1..6 */
    int64_t kernel[WEFT_MAX_RANK], strides[WEFT_MAX_RANK], dilations[WEFT_MAX_RANK];
    int64_t pads_begin[WEFT_MAX_RANK], pads_end[WEFT_MAX_RANK];
    bool ceil_mode;
} weft_infer_window;

/* Resolves attributes of an ONNX Conv, AveragePool or MaxPool against the spatial input dimensions
 * (kernel already set when it comes from weights, else 0): explicit pads, SAME_UPPER, SAME_LOWER,
 * VALID. */
weft_status weft_infer_window_read(const weft_node *node, const int64_t *input_dims,
                                   weft_infer_window *window, weft_diag *diag);
/* Output dimensions; an error when the window does not fit. */
weft_status weft_infer_window_apply(const weft_node *node, const int64_t *input_dims,
                                    const weft_infer_window *window, int64_t *out_dims,
                                    weft_diag *diag);

/* weft.Conv2D and weft.QConv2D (input 0, weights 1; bias and the like are the caller's business):
 * geometry attributes and channels checked, and the shape of the result. */
weft_status weft_infer_conv2d_shape(const weft_node *node, weft_shape *out_shape, weft_diag *diag);
/* The same for weft.Pool2D and weft.QPool2D. */
weft_status weft_infer_pool2d_shape(const weft_node *node, weft_infer_window *out_window,
                                    weft_shape *out_shape, weft_diag *diag);
/* Attribute norm_epsilon, where the node has it. */
weft_status weft_infer_norm_epsilon(const weft_node *node, weft_diag *diag);

/* ---- 8-bit operators (infer_quant_weft.c, infer_quant_rows.c) ---- */

enum { WEFT_INFER_TABLE_ENTRIES = 256 };

/* The operand, if it is there, is u8 or i8; the attribute `zero` (NULL: none) is of its range. */
weft_status weft_infer_q_operand(const weft_node *node, size_t input, const char *zero,
                                 weft_diag *diag);
/* The operand, if it is there, is a table of 8-bit values. */
weft_status weft_infer_q_table_operand(const weft_node *node, size_t input, weft_diag *diag);
/* An attribute that is "i8" or "u8". */
weft_status weft_infer_q_dtype(const weft_node *node, const char *attr, weft_dtype *out_dtype,
                               weft_diag *diag);
/* Zero point and limits of one 8-bit result; limits that are absent are those of the type. */
weft_status weft_infer_q_stage(const weft_node *node, const char *zero, const char *min,
                               const char *max, weft_dtype dtype, weft_diag *diag);
/* A multiplier and a shift in the ranges of weft_int.h. */
weft_status weft_infer_q_ratio(const weft_node *node, const char *mult, const char *shift,
                               weft_diag *diag);

/* Scale and bias of a LayerNorm of rows of `channels` elements: inputs `input` and the next, and
 * the attributes <prefix>epsilon, <prefix>beta_shift, <prefix>shift. */
weft_status weft_infer_q_norm(const weft_node *node, size_t input, int64_t channels,
                              const char *prefix, weft_diag *diag);

/* Whether weft.QConv2D is a product of pixels, channels last, with one matrix: what may normalise
 * them. */
bool weft_infer_q_is_pointwise(const weft_node *node);

/* Attention in any type (inputs 0 to 2 are q, k, v): heads checked, and the shape of the result. */
weft_status weft_infer_attention_shape(const weft_node *node, weft_shape *out_shape,
                                       weft_diag *diag);
/* A convolution over tokens with a window of kh x kw x channels, in any type: input 0, grid, pads,
 * prefix and x_offset checked, and the shape of the result. */
weft_status weft_infer_token_grid(const weft_node *node, const weft_shape *window,
                                  weft_shape *out_shape, weft_diag *diag);

#endif
