/* SPDX-License-Identifier: Apache-2.0 */
/* State of one quantisation, shared by the files of this room only.
 *
 *   prepare.c   model -> float graph without batch normalisation    equalize.c  cross-layer
 * equalisation points.c    which tensors are quantised                         histogram.c, range.c
 * statistics -> ranges weights.c   weights and biases as integers                      insert.c
 * scales -> QDQ nodes state.c     statistics as a file                                onnx_out.c  a
 * graph as an ONNX file quantize.c  the public functions */
#ifndef WEFT_QUANT_QUANT_H
#define WEFT_QUANT_QUANT_H

#include "compiler/ir/graph.h"
#include "compiler/quant/histogram.h"

/* A tensor that is quantised. */
typedef struct weft_quant_point {
    weft_value
        *value; /* in quant->graph: the float tensor until finish, the dequantised one after */
    const char *name, *op; /* of the float tensor and of what makes it; "input" for graph inputs */
    size_t shares;         /* the point whose range it has; its own index when it has one */
    int input;             /* index among the graph's inputs, or -1 */
    int output;            /* index among the observer's outputs; -1 for a graph input */
    bool is_model_output;
    int64_t elements;
    int64_t channels, inner; /* along axis 1, or the last below rank 3; elements behind each */
    weft_histogram seen;
    double *sums;    /* per channel, of all elements seen: for bias correction */
    uint64_t summed; /* elements in each of them */
    weft_quant_range range;
    double signal, noise; /* powers */
    uint64_t compared;    /* elements */
} weft_quant_point;

struct weft_quant {
    weft_arena *arena;
    weft_quant_params params;
    weft_graph *graph; /* float until finish, quantised after */
    WEFT_VEC(weft_quant_point) points;
    size_t output_count; /* of the observer */
    size_t equalized;    /* pairs of layers */
    size_t samples;
    uint64_t key;     /* of graph, tensors and data, for the state file */
    uint64_t tensors; /* of tensors alone: the same for all sizes of the model */
    bool is_finished;
};

/* ---- prepare.c ---- */
weft_status weft_quant_prepare(weft_quant *quant, weft_diag *diag);

/* ---- equalize.c ---- */
/* Returns how many pairs of layers were equalised. */
size_t weft_quant_equalize(weft_quant *quant);

/* ---- points.c ---- */
weft_status weft_quant_find_points(weft_quant *quant, weft_diag *diag);
/* The point of a value of quant->graph, or NULL. */
weft_quant_point *weft_quant_point_of(const weft_quant *quant, const weft_value *value);
/* Whether a node's operands and results are quantised. */
bool weft_quant_takes(const weft_quant *quant, const weft_node *node);
/* A convolution or matrix product by constant weights. */
bool weft_quant_is_product(const weft_node *node);

/* ---- weights.c ---- */
/* Weights of s8 and bias of s32 with their DequantizeLinear, for a product whose input has this
 * range. */
weft_status weft_quant_make_weights(weft_quant *quant, weft_node *node, weft_diag *diag);
/* A DequantizeLinear of new constants before node; scales along axis, or of one element. */
weft_status weft_quant_add_dequantised(weft_quant *quant, weft_node *node, const char *name,
                                       weft_value *codes, const float *scales,
                                       const void *zero_points, int64_t count, int axis,
                                       weft_value **out_value, weft_diag *diag);

/* ---- insert.c ---- */
weft_status weft_quant_insert(weft_quant *quant, weft_diag *diag);

/* ---- onnx_out.c ---- */
weft_status weft_quant_write_onnx(const weft_graph *graph, const char *path, weft_diag *diag);

#endif
