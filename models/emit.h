/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One call per ONNX operator: adds the node under the name that the exporter of the chosen form
 * would give it, with the shape of its output. Constants are Constant nodes in the form of the
 * tracing exporter and initialisers in the other, as these exporters leave them. Dims must be right
 * already: only a -1 of a reshape is worked out. Knows nothing about layers or architectures.
 */
#ifndef WEFT_MODELS_EMIT_H
#define WEFT_MODELS_EMIT_H

#include "models/cnn_layers.h"

/* "To the end of the axis", as exporters write it. */
#define WEFT_EMIT_END INT64_MAX

#define WEFT_EMIT_MAX_PARTS 4

/* Any node with one output. */
weft_build_value weft_emit_node(weft_cnn *cnn, const char *op, const char *module,
                                const weft_build_value *inputs, int input_count,
                                const weft_build_attr *attrs, size_t attr_count,
                                const weft_build_shape *shape, weft_build_elem elem);

/* A constant of any shape. */
weft_build_value weft_emit_tensor(weft_cnn *cnn, const char *module,
                                  const weft_build_tensor *tensor);
/* A list and a scalar of int64, a scalar of float. */
weft_build_value weft_emit_ints(weft_cnn *cnn, const char *module, const int64_t *values,
                                size_t count);
weft_build_value weft_emit_int(weft_cnn *cnn, const char *module, int64_t value);
weft_build_value weft_emit_float(weft_cnn *cnn, const char *module, float value);

/* The output has the shape and type of the input. */
weft_build_value weft_emit_unary(weft_cnn *cnn, const char *op, const char *module,
                                 weft_build_value x);
/* With broadcasting; Equal gives bool. */
weft_build_value weft_emit_binary(weft_cnn *cnn, const char *op, const char *module,
                                  weft_build_value a, weft_build_value b);
weft_build_value weft_emit_where(weft_cnn *cnn, const char *module, weft_build_value condition,
                                 weft_build_value a, weft_build_value b);
/* Of matrices with the same leading dimensions, or b without any. */
weft_build_value weft_emit_matmul(weft_cnn *cnn, const char *module, weft_build_value a,
                                  weft_build_value b);
weft_build_value weft_emit_softmax(weft_cnn *cnn, const char *module, weft_build_value x, int axis);

weft_build_value weft_emit_transpose(weft_cnn *cnn, const char *module, weft_build_value x,
                                     const int64_t *perm);
/* One dim may be -1. With a symbolic batch, the first dim is written as -1 then. */
weft_build_value weft_emit_reshape(weft_cnn *cnn, const char *module, weft_build_value x, int rank,
                                   const int64_t *dims);
/* All dimensions from axis on become one; the tracing exporter works the list out in the graph. */
weft_build_value weft_emit_flatten(weft_cnn *cnn, const char *module, weft_build_value x, int axis);
weft_build_value weft_emit_unsqueeze(weft_cnn *cnn, const char *module, weft_build_value x,
                                     int axis);
weft_build_value weft_emit_squeeze(weft_cnn *cnn, const char *module, weft_build_value x, int axis);
/* Gather with a scalar index below WEFT_CNN_SCALARS: the axis goes away. */
weft_build_value weft_emit_pick(weft_cnn *cnn, const char *module, weft_build_value x, int axis,
                                int64_t index);
/* Elements start, start + step ... below end of one axis; a step of 0 means 1 and is not written.
 */
weft_build_value weft_emit_slice(weft_cnn *cnn, const char *module, weft_build_value x, int axis,
                                 int64_t start, int64_t end, int64_t step);
weft_build_value weft_emit_concat(weft_cnn *cnn, const char *module, const weft_build_value *parts,
                                  int count, int axis);
/* Equal parts of one axis, whose values have numbers that follow each other; the first. */
weft_build_value weft_emit_split(weft_cnn *cnn, const char *module, weft_build_value x, int axis,
                                 int parts);
weft_build_value weft_emit_cast_to_float(weft_cnn *cnn, const char *module, weft_build_value x);
/* The list of x's dimensions as a value. */
weft_build_value weft_emit_shape(weft_cnn *cnn, const char *module, weft_build_value x);
/* A tensor filled with one float or, when elem says so, int64. */
weft_build_value weft_emit_filled(weft_cnn *cnn, const char *module, weft_build_value dims,
                                  const weft_build_shape *shape, weft_build_elem elem,
                                  int64_t value);
/* x repeated along its dims of size 1, to the dims that a list says; its -1 mean "as x has it",
 * which the tracing exporter looks for in the graph. */
weft_build_value weft_emit_expand(weft_cnn *cnn, const char *module, weft_build_value x,
                                  weft_build_value dims, const weft_build_shape *shape);

#endif
