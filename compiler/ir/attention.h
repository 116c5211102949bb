/* SPDX-License-Identifier: Apache-2.0 */
/* Where the heads of an attention operator lie in the channels of q, k and v: read from its
 * attributes here, once, for shape rules, kernels and planner. Must not know element types. */
#ifndef WEFT_IR_ATTENTION_H
#define WEFT_IR_ATTENTION_H

#include "compiler/ir/graph.h"

/* Channels of one operand: head h has `size` of them from offset + h * step on. */
typedef struct weft_head_form {
    int64_t size, offset, step;
} weft_head_form;

typedef struct weft_attention {
    int64_t heads, kv_heads; /* head h reads key and value head h / (heads / kv_heads) */
    weft_head_form q, k, v;
} weft_attention;

static inline weft_head_form weft_head_form_read(const weft_attrs *attrs, const char *offset,
                                                 const char *step, int64_t size)
{
    weft_head_form form = {.size = size,
                           .offset = weft_attrs_int(attrs, offset, 0),
                           .step = weft_attrs_int(attrs, step, 0)};
    form.step = form.step == 0 ? size : form.step;
    return form;
}

/* With the defaults filled in: kv_heads 0 is heads, v_head_size 0 head_size, a step of 0 the size.
 * The numbers are as the attributes have them; weft_infer_attention has checked those of a graph.
 */
static inline weft_attention weft_attention_read(const weft_attrs *attrs)
{
    weft_attention found = {.heads = weft_attrs_int(attrs, "heads", 1)};
    int64_t kv_heads = weft_attrs_int(attrs, "kv_heads", 0),
            size = weft_attrs_int(attrs, "head_size", 1),
            v_size = weft_attrs_int(attrs, "v_head_size", 0);
    found.kv_heads = kv_heads == 0 ? found.heads : kv_heads;
    found.q = weft_head_form_read(attrs, "q_offset", "q_step", size);
    found.k = weft_head_form_read(attrs, "k_offset", "k_step", size);
    found.v = weft_head_form_read(attrs, "v_offset", "v_step", v_size == 0 ? size : v_size);
    return found;
}

#endif
