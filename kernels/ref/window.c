/* SPDX-License-Identifier: Apache-2.0 */
/* The geometry of window.h. */
#include "kernels/ref/window.h"

#include <string.h>

weft_status weft_ref_window_read(weft_ref_window *window, const weft_attrs *attrs)
{
    int rank = window->in.rank;
    int64_t pads[2 * WEFT_MAX_RANK];
    const char *auto_pad = weft_attrs_string(attrs, "auto_pad", "NOTSET");
    weft_attrs_ints(attrs, "strides", window->stride, WEFT_MAX_RANK, 1);
    weft_attrs_ints(attrs, "dilations", window->dilation, WEFT_MAX_RANK, 1);
    weft_attrs_ints(attrs, "pads", pads, 2 * WEFT_MAX_RANK, 0);
    bool same_upper = strcmp(auto_pad, "SAME_UPPER") == 0,
         same_lower = strcmp(auto_pad, "SAME_LOWER") == 0;
    bool valid = strcmp(auto_pad, "VALID") == 0;
    if (!same_upper && !same_lower && !valid && strcmp(auto_pad, "NOTSET") != 0)
        return WEFT_UNSUPPORTED;
    for (int d = 0; d < rank; d++) {
        if (window->stride[d] < 1 || window->dilation[d] < 1)
            return WEFT_INVALID;
        if (same_upper || same_lower) {
            int64_t total = (window->out.dims[d] - 1) * window->stride[d] +
                            (window->kernel.dims[d] - 1) * window->dilation[d] + 1 -
                            window->in.dims[d];
            total = total < 0 ? 0 : total;
            window->before[d] = same_upper ? total / 2 : total - total / 2;
            window->after[d] = total - window->before[d];
        } else {
            window->before[d] = valid ? 0 : pads[d];
            window->after[d] = valid ? 0 : pads[rank + d];
        }
    }
    return WEFT_OK;
}

int64_t weft_ref_window_source(const weft_ref_window *window, const int64_t *at, const int64_t *tap,
                               bool *out_counted)
{
    int64_t position = 0;
    bool inside = true, counted = true;
    for (int d = 0; d < window->in.rank; d++) {
        int64_t from = at[d] * window->stride[d] - window->before[d] + tap[d] * window->dilation[d];
        inside = inside && from >= 0 && from < window->in.dims[d];
        counted =
            counted && from >= -window->before[d] && from < window->in.dims[d] + window->after[d];
        position = position * window->in.dims[d] + from;
    }
    if (out_counted)
        *out_counted = counted;
    return inside ? position : -1;
}

weft_ref_image weft_ref_image_of(const weft_tensor *tensor, bool channels_last)
{
    const weft_shape *shape = &tensor->shape;
    int channel_axis = channels_last ? shape->rank - 1 : 1;
    int64_t channels = shape->dims[channel_axis], positions = 1;
    for (int d = 1; d < shape->rank; d++)
        positions *= d == channel_axis ? 1 : shape->dims[d];
    weft_ref_image image = {.tensor = tensor, .batch_step = channels * positions};
    image.channel_step = channels_last ? 1 : positions;
    image.position_step = channels_last ? channels : 1;
    return image;
}
