/* SPDX-License-Identifier: Apache-2.0 */
/* What the shape rules share: messages, checks of inputs and attributes, setting of outputs. Must
 * not know about single operators. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "compiler/ir/infer.h"

enum { WORD_BYTES = 160 }; /* texts of "expected" and "found" that are put together here */

/* What a reader can do about each kind of error. */
static const char *advice(weft_error_id id)
{
    switch ((int)id) {
    case WEFT_E_INFER_NOT_CONSTANT:
        return "export the model with fixed shapes, or simplify it so that shapes become constants";
    case WEFT_E_INFER_SHAPE:
        return "check the input shapes given with --shape, and the model with the ONNX checker";
    case WEFT_E_INFER_TOO_LARGE: return "check the input shapes given with --shape";
    case WEFT_E_INFER_OPTION: return "export the model for inference, without this option";
    case WEFT_E_QUANT_SCALE:
    case WEFT_E_QUANT_ZERO_POINT:
    case WEFT_E_QUANT_COUNT:
    case WEFT_E_QUANT_AXIS: return "quantise the model again, with data that reach this tensor";
    case WEFT_E_QUANT_NOT_CONSTANT: return "quantise the model statically";
    case WEFT_E_QUANT_FORM: return "quantise to 8 bits, with one scale or one per channel";
    case WEFT_E_INFER_DTYPE: return "export the model in f32, or add the missing Cast";
    default: return "export the model again, and check it with the ONNX checker";
    }
}

weft_status weft_infer_fail(const weft_node *node, const weft_value *tensor, weft_error_id id,
                            weft_diag *diag, const char *expected, const char *found,
                            const char *summary, ...)
{
    char text[256];
    va_list args;
    va_start(args, summary);
    vsnprintf(text, sizeof text, summary, args);
    va_end(args);
    weft_status status = weft_diag_error(diag, id, "%s: %s", weft_op_name(node->op), text);
    weft_diag_field_set(diag, WEFT_DIAG_NODES, "%s", node->name);
    if (tensor)
        weft_diag_field_set(diag, WEFT_DIAG_TENSOR, "%s", tensor->name);
    if (expected)
        weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "%s", expected);
    if (found)
        weft_diag_field_set(diag, WEFT_DIAG_FOUND, "%s", found);
    weft_diag_field_set(diag, WEFT_DIAG_TRY, "%s", advice(id));
    return status;
}

static unsigned class_of(weft_dtype dtype)
{
    switch (dtype) {
    case WEFT_DTYPE_F32:
    case WEFT_DTYPE_F16:
    case WEFT_DTYPE_BF16:
    case WEFT_DTYPE_F64: return WEFT_CLASS_FLOAT;
    case WEFT_DTYPE_BOOL: return WEFT_CLASS_BOOL;
    case WEFT_DTYPE_U8:
    case WEFT_DTYPE_I8:
    case WEFT_DTYPE_U16:
    case WEFT_DTYPE_I16:
    case WEFT_DTYPE_I32:
    case WEFT_DTYPE_I64:
    case WEFT_DTYPE_U32:
    case WEFT_DTYPE_U64: return WEFT_CLASS_INT;
    case WEFT_DTYPE_NONE:
    case WEFT_DTYPE_COUNT: break;
    }
    return 0;
}

weft_status weft_infer_check_class(const weft_node *node, size_t input, weft_infer_class allowed,
                                   weft_diag *diag)
{
    const weft_value *value = weft_node_input(node, input);
    if (!value || (class_of(value->dtype) & (unsigned)allowed) != 0)
        return WEFT_OK;
    const char *expected = allowed == WEFT_CLASS_FLOAT     ? "a floating-point type"
                           : allowed == WEFT_CLASS_INT     ? "an integer type"
                           : allowed == WEFT_CLASS_BOOL    ? "bool"
                           : allowed == WEFT_CLASS_NUMERIC ? "a numeric type"
                                                           : "a type";
    return weft_infer_fail(node, value, WEFT_E_INFER_DTYPE, diag, expected,
                           weft_dtype_name(value->dtype),
                           "input %zu has an element type that is not allowed", input);
}

weft_status weft_infer_check_dtype(const weft_node *node, size_t input, weft_dtype dtype,
                                   weft_diag *diag)
{
    const weft_value *value = weft_node_input(node, input);
    if (!value || value->dtype == dtype)
        return WEFT_OK;
    return weft_infer_fail(node, value, WEFT_E_INFER_DTYPE, diag, weft_dtype_name(dtype),
                           weft_dtype_name(value->dtype),
                           "input %zu has another element type than needed", input);
}

weft_status weft_infer_check_rank(const weft_node *node, size_t input, int min_rank, int max_rank,
                                  weft_diag *diag)
{
    const weft_value *value = weft_node_input(node, input);
    if (!value || (value->shape.rank >= min_rank && value->shape.rank <= max_rank))
        return WEFT_OK;
    char expected[WORD_BYTES], found[WEFT_SHAPE_TEXT];
    if (min_rank == max_rank)
        snprintf(expected, sizeof expected, "%d dimension%s", min_rank, min_rank == 1 ? "" : "s");
    else
        snprintf(expected, sizeof expected, "%d to %d dimensions", min_rank, max_rank);
    return weft_infer_fail(node, value, WEFT_E_INFER_SHAPE, diag, expected,
                           weft_shape_format(&value->shape, found), "input %zu has %d dimension%s",
                           input, value->shape.rank, value->shape.rank == 1 ? "" : "s");
}

weft_status weft_infer_check_shape(const weft_node *node, size_t input, const weft_shape *shape,
                                   weft_diag *diag)
{
    const weft_value *value = weft_node_input(node, input);
    if (!value || weft_shape_equal(&value->shape, shape))
        return WEFT_OK;
    char expected[WEFT_SHAPE_TEXT], found[WEFT_SHAPE_TEXT];
    return weft_infer_fail(
        node, value, WEFT_E_INFER_SHAPE, diag, weft_shape_format(shape, expected),
        weft_shape_format(&value->shape, found), "input %zu has another shape than needed", input);
}

weft_status weft_infer_set(weft_node *node, size_t output, weft_dtype dtype,
                           const weft_shape *shape, weft_diag *diag)
{
    weft_value *value = output < node->output_count ? node->outputs[output] : NULL;
    char found[WEFT_SHAPE_TEXT];
    if (!value)
        return WEFT_OK;
    if (shape->rank < 0 || shape->rank > WEFT_MAX_RANK) {
        snprintf(found, sizeof found, "%d dimensions", shape->rank);
        return weft_infer_fail(node, value, WEFT_E_INFER_TOO_LARGE, diag, "at most 8 dimensions",
                               found, "the result has too many dimensions");
    }
    for (int i = 0; i < shape->rank; i++)
        if (shape->dims[i] < 0)
            return weft_infer_fail(node, value, WEFT_E_INFER_SHAPE, diag, "dimensions of 0 or more",
                                   weft_shape_format(shape, found),
                                   "the result has a negative dimension");
    size_t bytes;
    if (!weft_shape_bytes(shape, dtype, &bytes) || bytes > (uint64_t)WEFT_IR_MAX_VALUE_BYTES)
        return weft_infer_fail(node, value, WEFT_E_INFER_TOO_LARGE, diag, "at most 2^40 bytes",
                               weft_shape_format(shape, found), "the result is too large");
    value->dtype = dtype;
    value->has_shape = true;
    value->shape = *shape;
    return WEFT_OK;
}

bool weft_infer_broadcast(weft_shape *io_shape, const weft_shape *shape)
{
    weft_shape out = {.rank = io_shape->rank > shape->rank ? io_shape->rank : shape->rank};
    for (int i = 1; i <= out.rank; i++) { /* dimensions counted from the end */
        int64_t a = i <= io_shape->rank ? io_shape->dims[io_shape->rank - i] : 1;
        int64_t b = i <= shape->rank ? shape->dims[shape->rank - i] : 1;
        if (a != b && a != 1 && b != 1)
            return false;
        out.dims[out.rank - i] = a == 1 ? b : a;
    }
    *io_shape = out;
    return true;
}

static weft_status fail_axis(const weft_node *node, int64_t axis, int low, int high,
                             weft_diag *diag)
{
    char expected[WORD_BYTES], found[WORD_BYTES];
    snprintf(expected, sizeof expected, "an axis from %d to %d", low, high);
    snprintf(found, sizeof found, "%" PRId64, axis);
    return weft_infer_fail(node, weft_node_input(node, 0), WEFT_E_INFER_AXIS, diag, expected, found,
                           "the axis is out of range");
}

weft_status weft_infer_axis(const weft_node *node, int64_t axis, int rank, bool allow_end,
                            int *out_axis, weft_diag *diag)
{
    *out_axis = 0;
    int high = allow_end ? rank : rank - 1;
    if (axis < -rank || axis > high)
        return fail_axis(node, axis, -rank, high, diag);
    *out_axis = (int)(axis < 0 ? axis + rank : axis);
    return WEFT_OK;
}

weft_status weft_infer_const_ints(const weft_node *node, size_t input, int64_t *out,
                                  size_t capacity, size_t *out_count, weft_diag *diag)
{
    const weft_value *value = weft_node_input(node, input);
    *out_count = 0;
    if (value->dtype != WEFT_DTYPE_I64 && value->dtype != WEFT_DTYPE_I32)
        return weft_infer_fail(node, value, WEFT_E_INFER_DTYPE, diag, "i64 or i32",
                               weft_dtype_name(value->dtype),
                               "input %zu must be a list of integers", input);
    WEFT_INFER_TRY(weft_infer_check_rank(node, input, 0, 1, diag));
    if (!weft_value_const_ints(value, out, capacity, out_count))
        return weft_infer_fail(node, value, WEFT_E_INFER_NOT_CONSTANT, diag, "a constant",
                               "a value that depends on the model's input data",
                               "input %zu decides a shape and is not constant", input);
    if (*out_count > capacity) {
        char expected[WORD_BYTES], found[WORD_BYTES];
        snprintf(expected, sizeof expected, "at most %zu elements", capacity);
        snprintf(found, sizeof found, "%zu elements", *out_count);
        *out_count = 0;
        return weft_infer_fail(node, value, WEFT_E_INFER_SHAPE, diag, expected, found,
                               "input %zu has too many elements", input);
    }
    return WEFT_OK;
}

weft_status weft_infer_axes(const weft_node *node, size_t input, int rank, uint32_t *out_mask,
                            weft_diag *diag)
{
    int64_t axes[WEFT_MAX_RANK];
    size_t count;
    *out_mask = 0;
    WEFT_INFER_TRY(weft_infer_const_ints(node, input, axes, WEFT_MAX_RANK, &count, diag));
    for (size_t i = 0; i < count; i++) {
        int axis;
        WEFT_INFER_TRY(weft_infer_axis(node, axes[i], rank, false, &axis, diag));
        if (*out_mask & (1U << axis)) {
            char found[WORD_BYTES];
            snprintf(found, sizeof found, "axis %d twice", axis);
            return weft_infer_fail(node, weft_node_input(node, input), WEFT_E_INFER_AXIS, diag,
                                   "each axis once", found, "an axis is given twice");
        }
        *out_mask |= 1U << axis;
    }
    return WEFT_OK;
}

/* ---- attributes ---- */

static weft_status fail_attr(const weft_node *node, const char *name, int64_t value, int64_t min,
                             int64_t max, weft_diag *diag)
{
    char expected[WORD_BYTES], found[WORD_BYTES];
    if (max == INT64_MAX)
        snprintf(expected, sizeof expected, "%" PRId64 " or more", min);
    else
        snprintf(expected, sizeof expected, "%" PRId64 " to %" PRId64, min, max);
    snprintf(found, sizeof found, "%" PRId64, value);
    return weft_infer_fail(node, NULL, WEFT_E_INFER_ATTR, diag, expected, found,
                           "attribute %s is out of range", name);
}

weft_status weft_infer_attr_int(const weft_node *node, const char *name, int64_t fallback,
                                int64_t min, int64_t max, int64_t *out, weft_diag *diag)
{
    *out = weft_attrs_int(&node->attrs, name, fallback);
    return *out < min || *out > max ? fail_attr(node, name, *out, min, max, diag) : WEFT_OK;
}

weft_status weft_infer_attr_ints(const weft_node *node, const char *name, int64_t *out,
                                 size_t count, int64_t fallback, int64_t min, int64_t max,
                                 weft_diag *diag)
{
    bool present = weft_attrs_find(&node->attrs, name) != NULL;
    size_t found_count = weft_attrs_ints(&node->attrs, name, out, count, fallback);
    if (present && found_count != count) {
        char expected[WORD_BYTES], found[WORD_BYTES];
        snprintf(expected, sizeof expected, "%zu elements", count);
        snprintf(found, sizeof found, "%zu elements", found_count);
        return weft_infer_fail(node, NULL, WEFT_E_INFER_ATTR, diag, expected, found,
                               "attribute %s has the wrong length", name);
    }
    for (size_t i = 0; i < count; i++)
        if (out[i] < min || out[i] > max)
            return fail_attr(node, name, out[i], min, max, diag);
    return WEFT_OK;
}

weft_status weft_infer_attr_word(const weft_node *node, const char *name, const char *words,
                                 int *out_index, weft_diag *diag)
{
    *out_index = 0;
    const weft_attr *attr = weft_attrs_find(&node->attrs, name);
    if (!attr)
        return WEFT_OK;
    size_t length = strlen(attr->s);
    const char *word = words;
    for (int index = 0;; index++) {
        size_t word_length = strcspn(word, "|");
        if (word_length == length && memcmp(word, attr->s, length) == 0) {
            *out_index = index;
            return WEFT_OK;
        }
        word += word_length;
        if (!*word)
            break;
        word++;
    }
    return weft_infer_fail(node, NULL, WEFT_E_INFER_ATTR, diag, words, attr->s,
                           "attribute %s has a value that is not known", name);
}
