/* SPDX-License-Identifier: Apache-2.0 */
/* The operators of the weft domain on tokens, [batch, tokens, channels]: Attention and TokenConv.
 * Scores, softmax and sums stay in double; the result is rounded once. Must not know where queries,
 * keys and values come from. */
#include <math.h>
#include <stdlib.h>

#include "kernels/ref/element.h"
#include "kernels/ref/product.h"
#include "kernels/ref/ref.h"
#include "kernels/ref/walk.h"

/* All operands that are there. */
static bool is_f32(const weft_ref_call *call)
{
    bool fits = weft_ref_out(call, 0)->dtype == WEFT_DTYPE_F32;
    for (size_t i = 0; i < call->input_count; i++)
        fits = fits && (!call->inputs[i] || call->inputs[i]->dtype == WEFT_DTYPE_F32);
    return fits;
}

/* One operand's channels: head h has `size` of them from offset + h * step on. */
typedef struct heads_of {
    const weft_tensor *tensor;
    int64_t offset, step, size, tokens, channels;
} heads_of;

static bool read_heads(const weft_ref_call *call, size_t input, int64_t heads, int64_t size,
                       const char *offset_name, const char *step_name, heads_of *out)
{
    const weft_tensor *tensor = weft_ref_in(call, input);
    if (tensor->shape.rank != 3)
        return false;
    int64_t step = weft_attrs_int(call->attrs, step_name, 0);
    *out = (heads_of){.tensor = tensor,
                      .offset = weft_attrs_int(call->attrs, offset_name, 0),
                      .step = step ? step : size,
                      .size = size,
                      .tokens = tensor->shape.dims[1],
                      .channels = tensor->shape.dims[2]};
    return heads > 0 && size > 0 && out->offset >= 0 && out->step >= 0 &&
           out->offset + (heads - 1) * out->step + size <= out->channels;
}

/* The tokens of one head of one image, as a matrix of tokens by `size`. */
static weft_ref_matrix matrix_of(const heads_of *part, int64_t image, int64_t head)
{
    return (weft_ref_matrix){.tensor = part->tensor,
                             .start = image * part->tokens * part->channels + part->offset +
                                      head * part->step,
                             .row_step = part->channels,
                             .col_step = 1};
}

/* The scaled and masked scores in scores->c become probabilities, as rows of values->a, of `count`
 * queries. Those of a query whose keys are all masked are 0. mask starts at the first query's
 * elements, `step` apart from key to key. */
static void softmax_rows(const weft_ref_product *scores, double scale, const weft_tensor *mask,
                         int64_t start, int64_t step, int64_t count, weft_ref_product *values)
{
    for (int64_t row = 0; row < count; row++) {
        double largest = -INFINITY, sum = 0;
        bool is_masked = mask != NULL;
        for (int64_t m = 0; m < scores->cols; m++) {
            double offset = mask ? weft_ref_get_f64(mask, start + m * step + row) : 0.0;
            double score = scale * weft_ref_product_get(scores, row, m) + offset;
            is_masked = is_masked && isinf(offset) && offset < 0;
            values->a[m * WEFT_REF_ROWS + row] = score;
            largest = isnan(largest) || largest > score ? largest : score;
        }
        for (int64_t m = 0; m < scores->cols; m++) {
            double *at = &values->a[m * WEFT_REF_ROWS + row];
            *at = is_masked ? 0.0 : exp(*at - largest);
            sum += *at;
        }
        for (int64_t m = 0; m < scores->cols; m++)
            values->a[m * WEFT_REF_ROWS + row] /= is_masked ? 1.0 : sum;
    }
}

typedef struct attention {
    heads_of q, k, v;
    const weft_tensor *residual, *mask, *y;
    int64_t heads, kv_heads;
    double scale;
    weft_ref_product scores, values;
} attention;

/* Where the mask of a head of an image begins. */
static int64_t mask_at(const attention *work, int64_t image, int64_t head)
{
    const int64_t *dims = work->mask ? work->mask->shape.dims : NULL;
    return dims ? ((dims[0] > 1 ? image : 0) * dims[1] + (dims[1] > 1 ? head : 0)) * dims[2] *
                      dims[3]
                : 0;
}

static void attend(attention *work, int64_t image, int64_t head)
{
    int64_t kv_head = head / (work->heads / work->kv_heads), channels = work->y->shape.dims[2];
    int64_t mask_start = mask_at(work, image, head);
    weft_ref_matrix keys = matrix_of(&work->k, image, kv_head);
    weft_ref_product_pack(&work->scores,
                          (weft_ref_matrix){keys.tensor, keys.start, 1, keys.row_step});
    weft_ref_product_pack(&work->values, matrix_of(&work->v, image, kv_head));
    for (int64_t first = 0; first < work->q.tokens; first += WEFT_REF_ROWS) {
        int64_t left = work->q.tokens - first, count = left < WEFT_REF_ROWS ? left : WEFT_REF_ROWS;
        weft_ref_product_rows(&work->scores, matrix_of(&work->q, image, head), first, count);
        softmax_rows(&work->scores, work->scale, work->mask, mask_start + first, work->q.tokens,
                     count, &work->values);
        weft_ref_product_run(&work->values);
        for (int64_t row = 0; row < count; row++) {
            int64_t start = (image * work->q.tokens + first + row) * channels + head * work->v.size;
            for (int64_t c = 0; c < work->v.size; c++)
                weft_ref_put_f64(
                    work->y, start + c,
                    weft_ref_product_get(&work->values, row, c) +
                        (work->residual ? weft_ref_get_f64(work->residual, start + c) : 0));
        }
    }
}

static bool mask_fits(const attention *work)
{
    const weft_shape *shape = work->mask ? &work->mask->shape : NULL;
    return !shape ||
           (shape->rank == 4 && (shape->dims[0] == 1 || shape->dims[0] == work->y->shape.dims[0]) &&
            (shape->dims[1] == 1 || shape->dims[1] == work->heads) &&
            shape->dims[2] == work->k.tokens && shape->dims[3] == work->q.tokens);
}

weft_status weft_ref_attention(const weft_ref_call *call)
{
    attention work = {.residual = weft_ref_in(call, 3),
                      .mask = weft_ref_in(call, 4),
                      .y = weft_ref_out(call, 0),
                      .heads = weft_attrs_int(call->attrs, "heads", 0),
                      .kv_heads = weft_attrs_int(call->attrs, "kv_heads", 0),
                      .scale = (double)weft_attrs_float(call->attrs, "scale", 1.0F)};
    int64_t size = weft_attrs_int(call->attrs, "head_size", 0),
            v_size = weft_attrs_int(call->attrs, "v_head_size", 0);
    work.kv_heads = work.kv_heads ? work.kv_heads : work.heads;
    v_size = v_size ? v_size : size;
    if (!is_f32(call))
        return WEFT_UNSUPPORTED;
    if (work.heads < 1 || work.kv_heads < 1 || work.heads % work.kv_heads != 0 ||
        !read_heads(call, 0, work.heads, size, "q_offset", "q_step", &work.q) ||
        !read_heads(call, 1, work.kv_heads, size, "k_offset", "k_step", &work.k) ||
        !read_heads(call, 2, work.kv_heads, v_size, "v_offset", "v_step", &work.v) ||
        !mask_fits(&work))
        return WEFT_INVALID;
    weft_status status = weft_ref_product_init(&work.scores, size, work.k.tokens);
    if (status == WEFT_OK) {
        status = weft_ref_product_init(&work.values, work.k.tokens, v_size);
        for (int64_t i = 0; status == WEFT_OK && i < work.y->shape.dims[0] * work.heads; i++)
            attend(&work, i / work.heads, i % work.heads);
        weft_ref_product_finish(&work.values);
    }
    weft_ref_product_finish(&work.scores);
    return status;
}

typedef struct token_window {
    const weft_tensor *x, *w;
    int64_t grid[2], pads[4], prefix, offset;
} token_window;

/* The sum over the taps that lie on the grid, for one position of the grid and one channel. */
static double window_sum(const token_window *window, int64_t image, int64_t position, int64_t c)
{
    const int64_t *w = window->w->shape.dims, *x = window->x->shape.dims;
    double sum = 0;
    for (int64_t tap = 0; tap < w[0] * w[1]; tap++) {
        int64_t row = position / window->grid[1] - window->pads[0] + tap / w[1];
        int64_t col = position % window->grid[1] - window->pads[1] + tap % w[1];
        if (row < 0 || row >= window->grid[0] || col < 0 || col >= window->grid[1])
            continue;
        int64_t token = window->prefix + row * window->grid[1] + col;
        sum += weft_ref_get_f64(window->x, (image * x[1] + token) * x[2] + window->offset + c) *
               weft_ref_get_f64(window->w, tap * w[2] + c);
    }
    return sum;
}

weft_status weft_ref_token_conv(const weft_ref_call *call)
{
    const weft_tensor *bias = weft_ref_in(call, 2), *residual = weft_ref_in(call, 3),
                      *y = weft_ref_out(call, 0);
    token_window window = {.x = weft_ref_in(call, 0),
                           .w = weft_ref_in(call, 1),
                           .prefix = weft_attrs_int(call->attrs, "prefix", 0),
                           .offset = weft_attrs_int(call->attrs, "x_offset", 0)};
    if (!is_f32(call))
        return WEFT_UNSUPPORTED;
    weft_attrs_ints(call->attrs, "grid", window.grid, 2, 0);
    weft_attrs_ints(call->attrs, "pads", window.pads, 4, 1);
    if (window.x->shape.rank != 3 || window.w->shape.rank != 3 || window.prefix < 0 ||
        window.grid[0] < 1 || window.grid[1] < 1 || window.offset < 0 ||
        window.prefix + window.grid[0] * window.grid[1] != window.x->shape.dims[1] ||
        window.offset + window.w->shape.dims[2] > window.x->shape.dims[2])
        return WEFT_INVALID;
    int64_t tokens = y->shape.dims[1], channels = y->shape.dims[2];
    for (int64_t i = 0; i < weft_ref_elems(&y->shape); i++) {
        int64_t c = i % channels, token = i / channels % tokens, image = i / channels / tokens;
        double value = residual ? weft_ref_get_f64(residual, i) : 0;
        if (token >= window.prefix)
            value += window_sum(&window, image, token - window.prefix, c) +
                     (bias ? weft_ref_get_f64(bias, c) : 0);
        weft_ref_put_f64(y, i, value);
    }
    return WEFT_OK;
}
