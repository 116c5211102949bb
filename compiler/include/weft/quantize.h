/* SPDX-License-Identifier: Apache-2.0 */
/* Quantising float models to 8 bits: a float ONNX model and example data in, an ONNX model with
 * QuantizeLinear and DequantizeLinear nodes (QDQ) out. Self-contained in C and C++.
 *
 *   create -> observer model -> (the caller runs it on data) -> observe ... -> finish -> write
 *                                                                  \-> checker model -> compare ...
 *
 * This library never runs a model: the caller compiles and runs the observer with the runtime of
 * its choice and hands the results back. Nothing here prints; no global state; a weft_quant is
 * externally locked. The methods and their sources: docs/quantize.md. */
#ifndef WEFT_QUANTIZE_H
#define WEFT_QUANTIZE_H

#include "weft/compiler.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weft_quant weft_quant;

typedef enum weft_quant_method {
    WEFT_QUANT_MSE,        /* the range with the least expected squared error */
    WEFT_QUANT_MINMAX,     /* everything that was seen */
    WEFT_QUANT_PERCENTILE, /* all but the outermost share on both sides */
    WEFT_QUANT_ENTROPY,    /* the range that keeps the distribution (Kullback-Leibler) */
    WEFT_QUANT_METHOD_COUNT
} weft_quant_method;
const char *weft_quant_method_name(weft_quant_method method); /* "mse" */
bool weft_quant_method_find(const char *name, weft_quant_method *out_method);

typedef struct weft_quant_params {
    size_t size; /* sizeof(weft_quant_params) */
    weft_quant_method method;
    double percentile;  /* share of elements that stays in range, in percent */
    bool signed_values; /* activations s8, otherwise u8 */
    bool per_channel;   /* a scale per output channel of weights, otherwise one per tensor */
    bool equalize;      /* cross-layer equalisation */
    int pair_limit; /* most that two neighbouring weights add up to, 128 to 254. CPUs without 8-bit
                       dot products (AVX2) add the products of a pair in 16 bits with saturation:
                       within 128 that is always exact, within 160 all but always; 254: no limit */
    bool bias_correction; /* take the mean error of quantised weights off the biases */
    const char *data;     /* what the samples are, for the key of saved statistics; may be NULL */
    const char *const *exclude; /* names of nodes that stay in float */
    size_t exclude_count;
} weft_quant_params;
#define WEFT_QUANT_PARAMS_DEFAULT                                                                  \
    {                                                                                              \
        sizeof(weft_quant_params), WEFT_QUANT_MSE, 99.99, false, true, true, 160, true, NULL,      \
            NULL, 0                                                                                \
    }

/* Folds the model's batch normalisation, equalises, and decides which tensors are quantised. The
 * model must stay open until the quant is destroyed. Errors: QUANT_*. */
weft_status weft_quant_create(const weft_model *model, const weft_quant_params *params,
                              weft_diag *diag, weft_quant **out_quant);
void weft_quant_destroy(weft_quant *quant); /* NULL accepted */

/* A tensor that is quantised. Scale and zero point are set after finish, snr_db after compare. */
typedef struct weft_quant_tensor {
    const char *name;
    const char *op;   /* of the node that makes it; "input" for a graph input */
    int input;        /* index among the model's inputs, or -1: an output of observer and checker */
    int output;       /* which output of observer and checker; -1 for an input */
    int64_t elements; /* per sample */
    int shares;       /* tensor whose scale and zero point this one has: itself, or another */
    float least, most; /* seen so far; 0 and 0 before */
    float scale;
    int zero;
    bool is_model_output;
    double snr_db; /* NaN when it was not compared */
} weft_quant_tensor;
size_t weft_quant_tensor_count(const weft_quant *quant);
void weft_quant_get_tensor(const weft_quant *quant, size_t index, weft_quant_tensor *out_tensor);

/* Pairs of layers that were equalised. */
size_t weft_quant_equalized(const weft_quant *quant);

/* The float model with every quantised tensor among its outputs. The caller closes it, before the
 * quant is destroyed. */
weft_status weft_quant_observer(weft_quant *quant, weft_diag *diag, weft_model **out_model);
/* Adds what one run left in a tensor. Errors: QUANT_NAN naming the tensor. */
weft_status weft_quant_observe(weft_quant *quant, size_t index, const float *data, weft_diag *diag);
/* Counts a sample all of whose tensors were observed; the number is saved with the statistics. */
void weft_quant_add_sample(weft_quant *quant);
size_t weft_quant_samples(const weft_quant *quant);

/* Statistics so far as a file, and back, into a quant that observed nothing yet. A file of another
 * model or other settings, or a damaged one: QUANT_STATE. */
weft_status weft_quant_save(const weft_quant *quant, const char *path, weft_diag *diag);
weft_status weft_quant_load(weft_quant *quant, const char *path, weft_diag *diag);
/* Adds the statistics of a file of the same model for inputs of any size: one calibration for all
 * sizes. Errors as weft_quant_load. */
weft_status weft_quant_add(weft_quant *quant, const char *path, weft_diag *diag);

/* Chooses scales, quantises weights and biases, and puts the nodes in. Needs at least one sample.
 */
weft_status weft_quant_finish(weft_quant *quant, weft_diag *diag);
/* The quantised model with the same outputs as the observer, each dequantised. After finish. */
weft_status weft_quant_checker(weft_quant *quant, weft_diag *diag, weft_model **out_model);
/* Adds a float tensor and its quantised form to the signal-to-noise ratio. */
void weft_quant_compare(weft_quant *quant, size_t index, const float *signal,
                        const float *quantised);
/* Writes the quantised model as ONNX, opset 21. After finish. */
weft_status weft_quant_write(const weft_quant *quant, const char *path, weft_diag *diag);

#ifdef __cplusplus
}
#endif
#endif
