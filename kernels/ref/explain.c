/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts of single elements; see explain.h. The arithmetic is that of the contract, element by
 * element, so it shares no loop with the kernels. Must not know about: steps, devices. */
#include "kernels/ref/explain.h"

#include <inttypes.h>
#include <string.h>

#include "compiler/base/text.h"
#include "kernels/ref/quant.h"
#include "kernels/ref/window.h"

/* So many products are listed of a sum, and so many elements of a window. */
enum { SHOWN_TERMS = 4, SHOWN_ELEMENTS = 32 };

static void line(weft_ref_account *account, const char *name, const char *format, ...)
    WEFT_PRINTF(3, 4);

static void line(weft_ref_account *account, const char *name, const char *format, ...)
{
    weft_text text;
    va_list args;
    weft_text_init(&text, account->arena);
    va_start(args, format);
    weft_text_vprintf(&text, format, args);
    va_end(args);
    WEFT_VEC_PUSH(account->arena, &account->lines, (weft_ref_line){name, text.data});
}

static int32_t attr(const weft_ref_call *call, const char *name, int32_t fallback)
{
    return (int32_t)weft_attrs_int(call->attrs, name, fallback);
}

static void unravel(const weft_shape *shape, int64_t element, int64_t *out_index)
{
    for (int d = shape->rank - 1; d >= 0; d--) {
        out_index[d] = element % shape->dims[d];
        element /= shape->dims[d];
    }
}

static const char *position(weft_arena *arena, const weft_shape *shape, int64_t element)
{
    int64_t index[WEFT_MAX_RANK];
    weft_text text;
    unravel(shape, element, index);
    weft_text_init(&text, arena);
    for (int d = 0; d < shape->rank; d++)
        weft_text_printf(&text, "%s%" PRId64, d == 0 ? "[" : ",", index[d]);
    weft_text_add(&text, shape->rank == 0 ? "[]" : "]");
    return text.data;
}

/* ---- stages ---- */

static int32_t requantise_line(weft_ref_account *account, const char *name, int32_t sum,
                               int32_t mult, int32_t shift, weft_ref_q_stage stage)
{
    int32_t value = weft_requantise(sum, mult, shift, stage.zero, stage.low, stage.high);
    line(account, name,
         "clamp(round(%" PRId32 " * %" PRId32 " / 2^%" PRId32 ") + %" PRId32 ", %" PRId32
         ", %" PRId32 ") = %" PRId32,
         sum, mult, shift, stage.zero, stage.low, stage.high, value);
    return value;
}

static int32_t add_line(weft_ref_account *account, const char *name, const weft_ref_q_sum *sum,
                        int32_t a, int32_t b)
{
    int32_t value = weft_ref_q_add_stage(sum, a, b);
    line(account, name,
         "clamp(round(((%" PRId32 " - %" PRId32 ") * %" PRId32 " + (%" PRId32 " - %" PRId32
         ") * %" PRId32 ") / 2^%" PRId32 ") + %" PRId32 ", %" PRId32 ", %" PRId32 ") = %" PRId32,
         a, sum->a_zero, sum->a_mult, b, sum->b_zero, sum->b_mult, sum->shift, sum->y.zero,
         sum->y.low, sum->y.high, value);
    return value;
}

static int32_t table_line(weft_ref_account *account, const weft_tensor *table, weft_dtype from,
                          int32_t value)
{
    int32_t index = weft_table_index(value, from == WEFT_DTYPE_I8);
    int32_t entry = weft_ref_q_get(table, index);
    line(account, "table", "table[%" PRId32 "] = %" PRId32, index, entry);
    return entry;
}

/* ---- windows ---- */

typedef struct term {
    int64_t at; /* element of x */
    int32_t x, w, product;
} term;

/* Keeps the largest products, largest first. */
static void keep_term(term *terms, size_t *count, term one)
{
    size_t at = *count < SHOWN_TERMS ? (*count)++ : SHOWN_TERMS;
    for (; at > 0; at--) {
        int64_t mine = one.product, theirs = terms[at - 1].product;
        if ((mine < 0 ? -mine : mine) <= (theirs < 0 ? -theirs : theirs))
            break;
        if (at < SHOWN_TERMS)
            terms[at] = terms[at - 1];
    }
    if (at < SHOWN_TERMS)
        terms[at] = one;
}

/* The sum of one output element, with its window and largest products. */
static int32_t conv_sum(const weft_ref_call *call, const weft_tensor *x, const int64_t *at,
                        weft_ref_account *account)
{
    const weft_tensor *w = weft_ref_in(call, 1);
    bool is_nchw = weft_attrs_int(call->attrs, "x_nchw", 0) != 0;
    int64_t channels = w->shape.dims[3], taps = 0, padded = 0;
    int64_t group = at[3] / (w->shape.dims[0] / weft_attrs_int(call->attrs, "group", 1));
    int32_t x_zero = attr(call, "x_zero", 0);
    uint32_t sum = 0;
    term terms[SHOWN_TERMS];
    size_t shown = 0;
    weft_ref_image image = weft_ref_image_of(x, !is_nchw);
    weft_ref_window window = {.in = weft_ref_spatial(&x->shape, is_nchw ? 2 : 1, 2),
                              .out = weft_ref_spatial(&weft_ref_out(call, 0)->shape, 1, 2),
                              .kernel = weft_ref_spatial(&w->shape, 1, 2)};
    weft_ref_window_read(&window, call->attrs);
    weft_ref_walk tap = weft_ref_walk_over(&window.kernel);
    for (; tap.left > 0; weft_ref_walk_next(&tap), taps++) {
        int64_t source = weft_ref_window_source(&window, at + 1, tap.index, NULL);
        padded += source < 0;
        for (int64_t k = 0; source >= 0 && k < channels; k++) {
            term one = {.at = at[0] * image.batch_step + source * image.position_step +
                              (group * channels + k) * image.channel_step};
            one.x = weft_ref_q_get(x, one.at);
            one.w =
                weft_ref_q_get(w, (at[3] * weft_ref_elems(&window.kernel) + taps) * channels + k);
            one.product = (one.x - x_zero) * one.w;
            sum += (uint32_t)one.product;
            keep_term(terms, &shown, one);
        }
    }
    line(account, "window",
         "%" PRId64 " x %" PRId64 " taps of %" PRId64 " channels from channel %" PRId64 "; %" PRId64
         " taps lie in the padding",
         window.kernel.dims[0], window.kernel.dims[1], channels, group * channels, padded);
    for (size_t i = 0; i < shown; i++)
        line(account, i == 0 ? "products" : "",
             "x%s: (%" PRId32 " - %" PRId32 ") * %" PRId32 " = %" PRId32 "%s",
             position(account->arena, &x->shape, terms[i].at), terms[i].x, x_zero, terms[i].w,
             terms[i].product, i + 1 == shown && taps * channels > SHOWN_TERMS ? ", ..." : "");
    return (int32_t)sum;
}

static void explain_mean(const weft_ref_call *call, int64_t element, weft_ref_account *account)
{
    const weft_tensor *y = weft_ref_out(call, 0), *mean = weft_ref_out(call, 1);
    int64_t channels = y->shape.dims[3], positions = y->shape.dims[1] * y->shape.dims[2];
    int32_t y_zero = attr(call, weft_ref_in(call, 6) ? "y_zero" : "a_zero", 0);
    int64_t start = element / channels * positions * channels + element % channels;
    int32_t low = mean->dtype == WEFT_DTYPE_U8 ? 0 : -128, sum = 0;
    for (int64_t p = 0; p < positions; p++)
        sum += weft_ref_q_get(y, start + p * channels) - y_zero;
    line(account, "sum", "of y - %" PRId32 " over %" PRId64 " positions = %" PRId32, y_zero,
         positions, sum);
    requantise_line(account, "mean", sum, attr(call, "mean_mult", 0), attr(call, "mean_shift", 1),
                    (weft_ref_q_stage){attr(call, "mean_zero", 0), low, low + 255});
}

/* What the convolution multiplies: x, or its normalised pixels; NULL: there are none. */
static const weft_tensor *conv_input(const weft_ref_call *call, const int64_t *at,
                                     weft_ref_account *account)
{
    const weft_tensor *x = weft_ref_in(call, 0);
    if (weft_ref_in(call, 7) == NULL)
        return x;
    weft_tensor *made = WEFT_NEW(account->arena, weft_tensor);
    *made = (weft_tensor){weft_ref_q_conv_dtype(call), x->shape,
                          weft_arena_alloc(account->arena, (size_t)weft_ref_elems(&x->shape))};
    if (weft_ref_q_conv_norm(call, made->data) != WEFT_OK)
        return NULL;
    int64_t channels = x->shape.dims[3], sum = 0, squares = 0,
            from = ((at[0] * x->shape.dims[1] + at[1]) * x->shape.dims[2] + at[2]) * channels;
    for (int64_t i = from; i < from + channels; i++) {
        sum += weft_ref_q_get(x, i);
        squares += weft_ref_q_get(x, i) * weft_ref_q_get(x, i);
    }
    line(account, "norm",
         "x becomes its LayerNorm: %" PRId64 " channels, of which the sum is %" PRId64
         ", that of the squares %" PRId64,
         channels, sum, squares);
    return made;
}

static void explain_conv(const weft_ref_call *call, size_t output, int64_t element,
                         weft_ref_account *account)
{
    const weft_tensor *table = weft_ref_in(call, 5), *residual = weft_ref_in(call, 6),
                      *y = weft_ref_out(call, 0);
    const int32_t *bias = weft_ref_in(call, 2)->data, *mult = weft_ref_in(call, 3)->data,
                  *shift = weft_ref_in(call, 4)->data;
    weft_dtype c_type = weft_ref_q_dtype(call->attrs, "c_type");
    int64_t at[WEFT_MAX_RANK] = {0};
    if (output == 1) {
        explain_mean(call, element, account);
        return;
    }
    unravel(&y->shape, element, at);
    const weft_tensor *x = conv_input(call, at, account);
    if (x == NULL)
        return;
    int32_t sum = conv_sum(call, x, at, account);
    int32_t total = (int32_t)((uint32_t)sum + (uint32_t)bias[at[3]]);
    line(account, "sum", "%" PRId32 " + bias %" PRId32 " = %" PRId32, sum, bias[at[3]], total);
    int32_t value =
        requantise_line(account, residual || table ? "c" : "y", total, mult[at[3]], shift[at[3]],
                        weft_ref_q_stage_read(call->attrs, "c_zero", "c_min", "c_max", c_type));
    if (table)
        value = table_line(account, table, c_type, value);
    if (residual) {
        weft_ref_q_sum stage = {
            attr(call, "a_zero", 0),
            attr(call, "a_mult", 0),
            attr(call, "b_zero", 0),
            attr(call, "b_mult", 0),
            attr(call, "add_shift", 1),
            weft_ref_q_stage_read(call->attrs, "y_zero", "y_min", "y_max", y->dtype)};
        add_line(account, "y", &stage, value, weft_ref_q_get(residual, element));
    }
}

static void explain_pool(const weft_ref_call *call, int64_t element, weft_ref_account *account)
{
    const weft_tensor *x = weft_ref_in(call, 0), *y = weft_ref_out(call, 0);
    weft_ref_q_stage stage =
        weft_ref_q_stage_read(call->attrs, "y_zero", "y_min", "y_max", y->dtype);
    weft_ref_window window = {.in = weft_ref_spatial(&x->shape, 1, 2),
                              .out = weft_ref_spatial(&y->shape, 1, 2),
                              .kernel = {.rank = 2}};
    bool counts_padding = weft_attrs_int(call->attrs, "count_include_pad", 0) != 0;
    int32_t x_zero = attr(call, "x_zero", 0), sum = 0, best = stage.low;
    int64_t at[WEFT_MAX_RANK] = {0}, count = 0, present = 0, channels = x->shape.dims[3];
    weft_text values;
    weft_text_init(&values, account->arena);
    unravel(&y->shape, element, at);
    weft_attrs_ints(call->attrs, "kernel_shape", window.kernel.dims, 2, 1);
    weft_ref_window_read(&window, call->attrs);
    weft_ref_walk tap = weft_ref_walk_over(&window.kernel);
    for (; tap.left > 0; weft_ref_walk_next(&tap)) {
        bool is_counted;
        int64_t source = weft_ref_window_source(&window, at + 1, tap.index, &is_counted);
        count += counts_padding ? is_counted : source >= 0;
        if (source < 0)
            continue;
        int32_t value =
            weft_ref_q_get(x, (at[0] * weft_ref_elems(&window.in) + source) * channels + at[3]);
        sum += value - x_zero;
        best = value > best ? value : best;
        if (present++ < SHOWN_ELEMENTS)
            weft_text_printf(&values, "%s%" PRId32, values.length == 0 ? "" : ", ", value);
    }
    line(account, "x", "%s%s", values.data, present > SHOWN_ELEMENTS ? ", ..." : "");
    if (strcmp(weft_attrs_string(call->attrs, "mode", "max"), "max") == 0) {
        line(account, "y", "clamp(largest, %" PRId32 ", %" PRId32 ") = %" PRId32, stage.low,
             stage.high, weft_clamp32(best, stage.low, stage.high));
        return;
    }
    line(account, "sum", "of x - %" PRId32 " = %" PRId32 ", divided by %" PRId64, x_zero, sum,
         count);
    const weft_attr *counts = weft_attrs_find(call->attrs, "counts");
    for (size_t i = 0; i < counts->count; i++)
        if (counts->ints[i] == count)
            requantise_line(account, "y", sum,
                            (int32_t)weft_attrs_find(call->attrs, "mults")->ints[i],
                            (int32_t)weft_attrs_find(call->attrs, "shifts")->ints[i], stage);
}

/* Where the operands of an element of y stand, by broadcasting. */
static int64_t broadcast(const weft_tensor *operand, const weft_tensor *y, int64_t element)
{
    int64_t index[WEFT_MAX_RANK], strides[WEFT_MAX_RANK], at = 0;
    int skip = y->shape.rank - operand->shape.rank;
    unravel(&y->shape, element, index);
    weft_ref_strides(&operand->shape, strides);
    for (int d = 0; d < operand->shape.rank; d++)
        at += operand->shape.dims[d] == 1 ? 0 : index[skip + d] * strides[d];
    return at;
}

static void explain_add(const weft_ref_call *call, int64_t element, weft_ref_account *account)
{
    const weft_tensor *a = weft_ref_in(call, 0), *b = weft_ref_in(call, 1),
                      *y = weft_ref_out(call, 0);
    weft_ref_q_sum stage = {
        attr(call, "a_zero", 0),
        attr(call, "a_mult", 0),
        attr(call, "b_zero", 0),
        attr(call, "b_mult", 0),
        attr(call, "shift", 1),
        weft_ref_q_stage_read(call->attrs, "y_zero", "y_min", "y_max", y->dtype)};
    add_line(account, "y", &stage, weft_ref_q_get(a, broadcast(a, y, element)),
             weft_ref_q_get(b, broadcast(b, y, element)));
}

static void explain_mul(const weft_ref_call *call, int64_t element, weft_ref_account *account)
{
    const weft_tensor *a = weft_ref_in(call, 0), *b = weft_ref_in(call, 1),
                      *residual = weft_ref_in(call, 2), *y = weft_ref_out(call, 0);
    int32_t a_zero = attr(call, "a_zero", 0), b_zero = attr(call, "b_zero", 0);
    int32_t a_value = weft_ref_q_get(a, broadcast(a, y, element)),
            b_value = weft_ref_q_get(b, broadcast(b, y, element));
    int32_t product = (a_value - a_zero) * (b_value - b_zero);
    weft_ref_q_stage c = weft_ref_q_stage_read(call->attrs, "c_zero", "c_min", "c_max",
                                               weft_ref_q_dtype(call->attrs, "c_type"));
    line(account, "product", "(%" PRId32 " - %" PRId32 ") * (%" PRId32 " - %" PRId32 ") = %" PRId32,
         a_value, a_zero, b_value, b_zero, product);
    int32_t value = requantise_line(account, residual ? "c" : "y", product, attr(call, "mult", 0),
                                    attr(call, "shift", 1), c);
    if (residual == NULL)
        return;
    weft_ref_q_sum stage = {
        c.zero,
        attr(call, "c_mult", 0),
        attr(call, "r_zero", 0),
        attr(call, "r_mult", 0),
        attr(call, "add_shift", 1),
        weft_ref_q_stage_read(call->attrs, "y_zero", "y_min", "y_max", y->dtype)};
    add_line(account, "y", &stage, value,
             weft_ref_q_get(residual, broadcast(residual, y, element)));
}

void weft_ref_explain(weft_op op, const weft_ref_call *call, size_t output, int64_t element,
                      weft_ref_account *account)
{
    switch (op) {
    case WEFT_OP_QConv2D: explain_conv(call, output, element, account); break;
    case WEFT_OP_QPool2D: explain_pool(call, element, account); break;
    case WEFT_OP_QAdd: explain_add(call, element, account); break;
    case WEFT_OP_QMul: explain_mul(call, element, account); break;
    case WEFT_OP_QTable: {
        const weft_tensor *x = weft_ref_in(call, 0);
        table_line(account, weft_ref_in(call, 1), x->dtype, weft_ref_q_get(x, element));
        break;
    }
    default: break;
    }
}
