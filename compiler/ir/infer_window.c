/* SPDX-License-Identifier: Apache-2.0 */
/* Sliding windows: the arithmetic that convolutions and pools share. Must not know about channels
 * or layouts.
 *
 * Per spatial dimension, with input size I, kernel K, stride S, dilation D, padding B before and E
 * after: effective kernel  F = (K - 1) * D + 1 output size       O = floor((I + B + E - F) / S) + 1
 * With ceil_mode the division rounds up, and a last window that would start after the input and the
 * padding before it
 * ((O - 1) * S >= I + B) is dropped: the rule of opset 19 and later, which the frameworks always
 * had. */
#include <inttypes.h>
#include <stdio.h>

#include "compiler/ir/infer.h"

enum { AUTO_NOTSET, AUTO_SAME_UPPER, AUTO_SAME_LOWER, AUTO_VALID };

/* Kernels, strides, dilations and pads beyond 31 bits are damage; below, no product here can
 * overflow. */
#define MAX_PARAMETER INT32_MAX

static int64_t effective_kernel(const weft_infer_window *window, int i)
{
    return (window->kernel[i] - 1) * window->dilations[i] + 1;
}

static weft_status read_kernel(const weft_node *node, weft_infer_window *window, weft_diag *diag)
{
    int64_t kernel[WEFT_MAX_RANK];
    size_t spatial = (size_t)window->spatial;
    bool from_weights = window->kernel[0] != 0;
    if (weft_attrs_find(&node->attrs, "kernel_shape"))
        WEFT_INFER_TRY(
            weft_infer_attr_ints(node, "kernel_shape", kernel, spatial, 1, 1, MAX_PARAMETER, diag));
    else if (from_weights)
        return WEFT_OK;
    else
        return weft_infer_fail(node, NULL, WEFT_E_INFER_ATTR, diag, "attribute kernel_shape",
                               "none", "a required attribute is missing");
    for (int i = 0; i < window->spatial; i++) {
        if (from_weights && kernel[i] != window->kernel[i]) {
            char expected[64], found[64];
            snprintf(expected, sizeof expected, "%" PRId64 " as in the weights", window->kernel[i]);
            snprintf(found, sizeof found, "%" PRId64, kernel[i]);
            return weft_infer_fail(node, NULL, WEFT_E_INFER_ATTR, diag, expected, found,
                                   "kernel_shape contradicts the shape of the weights");
        }
        window->kernel[i] = kernel[i];
    }
    return WEFT_OK;
}

weft_status weft_infer_window_read(const weft_node *node, const int64_t *input_dims,
                                   weft_infer_window *window, weft_diag *diag)
{
    size_t spatial = (size_t)window->spatial;
    int64_t pads[2 * WEFT_MAX_RANK], ceil_mode;
    int auto_pad;
    WEFT_INFER_TRY(read_kernel(node, window, diag));
    WEFT_INFER_TRY(
        weft_infer_attr_ints(node, "strides", window->strides, spatial, 1, 1, MAX_PARAMETER, diag));
    WEFT_INFER_TRY(weft_infer_attr_ints(node, "dilations", window->dilations, spatial, 1, 1,
                                        MAX_PARAMETER, diag));
    WEFT_INFER_TRY(
        weft_infer_attr_ints(node, "pads", pads, 2 * spatial, 0, 0, MAX_PARAMETER, diag));
    WEFT_INFER_TRY(weft_infer_attr_int(node, "ceil_mode", 0, 0, 1, &ceil_mode, diag));
    WEFT_INFER_TRY(weft_infer_attr_word(node, "auto_pad", "NOTSET|SAME_UPPER|SAME_LOWER|VALID",
                                        &auto_pad, diag));
    window->ceil_mode = ceil_mode != 0;
    for (int i = 0; i < window->spatial; i++) {
        int64_t stride = window->strides[i];
        int64_t total = 0;
        if (auto_pad == AUTO_SAME_UPPER || auto_pad == AUTO_SAME_LOWER) {
            int64_t out = (input_dims[i] + stride - 1) / stride;
            total = (out - 1) * stride + effective_kernel(window, i) - input_dims[i];
            total = total > 0 ? total : 0;
        }
        window->pads_begin[i] = auto_pad == AUTO_NOTSET       ? pads[i]
                                : auto_pad == AUTO_SAME_LOWER ? total - total / 2
                                                              : total / 2;
        window->pads_end[i] =
            auto_pad == AUTO_NOTSET ? pads[(size_t)i + spatial] : total - window->pads_begin[i];
    }
    return WEFT_OK;
}

weft_status weft_infer_window_apply(const weft_node *node, const int64_t *input_dims,
                                    const weft_infer_window *window, int64_t *out_dims,
                                    weft_diag *diag)
{
    for (int i = 0; i < window->spatial; i++) {
        int64_t padded = input_dims[i] + window->pads_begin[i] + window->pads_end[i];
        int64_t effective = effective_kernel(window, i), stride = window->strides[i];
        if (input_dims[i] < 1 || padded < effective) {
            char expected[96], found[96];
            snprintf(expected, sizeof expected,
                     "at least %" PRId64 " in spatial dimension %d, padding included", effective,
                     i);
            snprintf(found, sizeof found, "%" PRId64 " + %" PRId64, input_dims[i],
                     padded - input_dims[i]);
            return weft_infer_fail(node, weft_node_input(node, 0), WEFT_E_INFER_SHAPE, diag,
                                   expected, found, "the input is smaller than the kernel");
        }
        out_dims[i] = (padded - effective + (window->ceil_mode ? stride - 1 : 0)) / stride + 1;
        if (window->ceil_mode &&
            (out_dims[i] - 1) * stride >= input_dims[i] + window->pads_begin[i])
            out_dims[i]--;
    }
    return WEFT_OK;
}
