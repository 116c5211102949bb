/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layers of vision transformers on top of the graph builder, on tokens B x T x C. A layer is named
 * by its dotted module path in PyTorch's state dict ("blocks.0.attn.qkv"); its nodes are those that
 * the exporter of the chosen form writes. Weights of linear layers are stored input channels first,
 * as MatMul reads them. Knows nothing about any architecture, about files or the command line.
 *
 * Weights are drawn so that activations keep their range: normalised tokens have variance 1, and
 * what a layer is given tells how large its output becomes.
 */
#ifndef WEFT_MODELS_TOKEN_LAYERS_H
#define WEFT_MODELS_TOKEN_LAYERS_H

#include "models/emit.h"

/* How PyTorch takes queries, keys and values out of the product that makes all three. */
typedef enum weft_tokens_parting {
    WEFT_TOKENS_INDEX, /* Gather with a scalar index, three times */
    WEFT_TOKENS_UNBIND /* Split or, of the torch.export based exporter, Slice; then Squeeze */
} weft_tokens_parting;

/* How the heads' products are written. */
typedef enum weft_tokens_attention {
    WEFT_TOKENS_PLAIN,   /* the scores are multiplied by the scale */
    WEFT_TOKENS_SDPA,    /* scaled_dot_product_attention: q and k are multiplied by its root */
    WEFT_TOKENS_OPERATOR /* ONNX's Attention, from operator set 23 on */
} weft_tokens_attention;
/* By the name in WEFT_TOKENS_ATTENTIONS. */
#define WEFT_TOKENS_ATTENTIONS "plain|sdpa|operator"
weft_tokens_attention weft_tokens_attention_of(const char *name);

/* Adds a trained tensor of bell-shaped numbers around 0. */
weft_build_value weft_tokens_weight(weft_cnn *cnn, const char *name, const weft_build_shape *shape,
                                    double sigma);

/* LayerNormalization over the channels, epsilon 1e-6; as single steps before operator set 17. */
weft_build_value weft_tokens_norm(weft_cnn *cnn, weft_build_value x, const char *module);

/* x W + b. For inputs of mean square 1 the outputs have the standard deviation `gain`. */
weft_build_value weft_tokens_linear(weft_cnn *cnn, weft_build_value x, const char *module,
                                    int64_t channels, double gain);
/* The same for B x C, where exporters write Gemm. */
weft_build_value weft_tokens_gemm(weft_cnn *cnn, weft_build_value x, const char *module,
                                  int64_t channels, double gain, const char *output_name);

/* The exact (erf) form. */
weft_build_value weft_tokens_gelu(weft_cnn *cnn, weft_build_value x, const char *module);

/* A convolution with bias and square windows. For inputs of mean square 1 the outputs have the
 * standard deviation `gain`. The tensors can be shared: a module's second call would be an error.
 */
typedef struct weft_tokens_window {
    int64_t kernel, stride, pad, group;
} weft_tokens_window;
weft_build_value weft_tokens_conv(weft_cnn *cnn, weft_build_value x, const char *module,
                                  int64_t channels, weft_tokens_window window, double gain);

/* B x C x H x W to B x (H W) x C, and back for a square grid. */
weft_build_value weft_tokens_from_map(weft_cnn *cnn, weft_build_value x, const char *module);
weft_build_value weft_tokens_to_map(weft_cnn *cnn, weft_build_value x, const char *module,
                                    int64_t side);

/* A list of dims whose first is the batch: a constant or, when the batch is a symbol, looked up in
 * x. */
weft_build_value weft_tokens_batch_dims(weft_cnn *cnn, const char *module, weft_build_value x,
                                        int rank, const int64_t *dims);

/* Zeros to be concatenated with something of x's batch, or of batch 1 when x is none. */
weft_build_value weft_tokens_zeros(weft_cnn *cnn, const char *module, weft_build_value x,
                                   const weft_build_shape *shape);

/* The learned class token "name" (1 x 1 x C) in front of the tokens. */
weft_build_value weft_tokens_prepend_class(weft_cnn *cnn, weft_build_value x, const char *name,
                                           double sigma);

/* What goes into the heads' products, of one block. */
typedef struct weft_tokens_heads {
    weft_build_value q, k, v; /* B x heads x T x head size */
    int64_t heads, head_size;
} weft_tokens_heads;

/* The product "module.qkv" (outputs part, head, channel), parted. */
weft_tokens_heads weft_tokens_qkv(weft_cnn *cnn, weft_build_value x, const char *module,
                                  int64_t heads, int64_t head_size, weft_tokens_parting parting);
/* softmax(q k^T / sqrt(head size)) v, B x heads x T x head size. */
weft_build_value weft_tokens_attend(weft_cnn *cnn, const weft_tokens_heads *heads,
                                    const char *module, weft_tokens_attention attention);
/* Heads side by side, then the projection "module.proj". */
weft_build_value weft_tokens_project(weft_cnn *cnn, weft_build_value x, const char *module,
                                     int64_t channels);

/* fc1, GELU, fc2. */
weft_build_value weft_tokens_mlp(weft_cnn *cnn, weft_build_value x, const char *module,
                                 int64_t hidden);

#endif
