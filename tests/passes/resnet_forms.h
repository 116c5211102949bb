/* SPDX-License-Identifier: Apache-2.0 */
/* ResNet-RS as the exporters write it, built directly in the IR: the same network in the shapes
 * that the passes must see through. Must not know passes. */
#ifndef WEFT_TESTS_PASSES_RESNET_FORMS_H
#define WEFT_TESTS_PASSES_RESNET_FORMS_H

#include "tests/passes/build.h"

typedef enum form_bn { BN_FOLDED, BN_NODES, BN_MUL_ADD } form_bn;

typedef enum form_mean {
    MEAN_REDUCE,       /* ReduceMean over [2, 3] */
    MEAN_POOL,         /* GlobalAveragePool */
    MEAN_SQUEEZE,      /* GlobalAveragePool, Squeeze, Reshape to [N, C, 1, 1] */
    MEAN_SQUEEZE_NHWC, /* the same to [N, 1, 1, C], then Transpose */
    MEAN_NHWC          /* ReduceMean over [1, 2] between transposes */
} form_mean;

typedef enum form_head {
    HEAD_GEMM,   /* GlobalAveragePool, Flatten, Gemm with transB */
    HEAD_DYNAMO, /* ReduceMean over [-1, -2], Reshape, Gemm with transB */
    HEAD_MATMUL, /* GlobalAveragePool, Squeeze, MatMul, Add */
    HEAD_SOFTMAX /* the same, Softmax */
} form_head;

typedef struct resnet_form {
    const char *name;
    form_bn bn;
    form_mean mean;
    form_head head;
    bool nhwc_input; /* an NHWC input and a Transpose */
    bool preprocess; /* Mul, Sub, Div in front */
    bool pad_nodes;  /* Pad in front of stride-2 convolutions */
    bool same_pads;  /* Model Garden: SAME padding, asymmetric at stride 2; an average pool in the
                        first shortcut */
    bool swish;
    bool shortcut_first;   /* the shortcut's nodes stand before the main path's */
    size_t expected_nodes; /* of ResNet-RS-50 after the passes, views not counted */
} resnet_form;

extern const resnet_form resnet_forms[];
extern const size_t resnet_form_count;

/* ResNet-RS-50 with all widths divided by `divisor`, for images of size x size. */
void resnet_form_build(build *b, const resnet_form *form, int64_t batch, int64_t size,
                       int64_t divisor);

#endif
