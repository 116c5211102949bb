/* SPDX-License-Identifier: Apache-2.0 */
/* Element types, shapes and attribute lists.
 * Must not know about: graphs, operators, devices. */
#include "compiler/base/tensor.h"

#include <stdio.h>
#include <string.h>

typedef struct dtype_row {
    const char *name;
    size_t bytes;
    int32_t onnx;
} dtype_row;

static const dtype_row dtype_rows[WEFT_DTYPE_COUNT] = {[WEFT_DTYPE_NONE] = {"none", 0, 0},
#define DTYPE_ROW(name, text, size, onnx) [WEFT_DTYPE_##name] = {text, size, onnx},
                                                       WEFT_DTYPE_LIST(DTYPE_ROW)
#undef DTYPE_ROW
};

static const dtype_row *row_of(weft_dtype dtype)
{
    return &dtype_rows[(size_t)dtype < WEFT_DTYPE_COUNT ? dtype : WEFT_DTYPE_NONE];
}

const char *weft_dtype_name(weft_dtype dtype)
{
    return row_of(dtype)->name;
}

size_t weft_dtype_bytes(weft_dtype dtype)
{
    return row_of(dtype)->bytes;
}

weft_dtype weft_dtype_from_name(const char *text)
{
    for (int i = WEFT_DTYPE_NONE + 1; i < WEFT_DTYPE_COUNT; i++)
        if (strcmp(dtype_rows[i].name, text) == 0)
            return (weft_dtype)i;
    return WEFT_DTYPE_NONE;
}

weft_dtype weft_dtype_from_onnx(int32_t onnx_data_type)
{
    for (int i = WEFT_DTYPE_NONE + 1; i < WEFT_DTYPE_COUNT; i++)
        if (dtype_rows[i].onnx == onnx_data_type)
            return (weft_dtype)i;
    return WEFT_DTYPE_NONE;
}

bool weft_shape_elems(const weft_shape *shape, int64_t *out_elems)
{
    int64_t elems = 1;
    bool is_empty = false;
    for (int i = 0; i < shape->rank; i++) {
        if (shape->dims[i] < 0)
            return false;
        if (shape->dims[i] == 0)
            is_empty = true;
        else if (!weft_mul_i64(elems, shape->dims[i], &elems))
            return false;
    }
    *out_elems = is_empty ? 0 : elems;
    return true;
}

bool weft_shape_bytes(const weft_shape *shape, weft_dtype dtype, size_t *out_bytes)
{
    int64_t elems = 0;
    if (!weft_shape_elems(shape, &elems) || (uint64_t)elems > SIZE_MAX)
        return false;
    return weft_mul_size((size_t)elems, weft_dtype_bytes(dtype), out_bytes);
}

bool weft_shape_equal(const weft_shape *a, const weft_shape *b)
{
    if (a->rank != b->rank)
        return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dims[i] != b->dims[i])
            return false;
    return true;
}

char *weft_shape_format(const weft_shape *shape, char *buffer)
{
    if (shape->rank == 0) {
        snprintf(buffer, WEFT_SHAPE_TEXT, "scalar");
        return buffer;
    }
    size_t at = 0;
    for (int i = 0; i < shape->rank; i++) {
        const char *cross = i == 0 ? "" : "x";
        int length = shape->dims[i] < 0 ? snprintf(buffer + at, WEFT_SHAPE_TEXT - at, "%s?", cross)
                                        : snprintf(buffer + at, WEFT_SHAPE_TEXT - at, "%s%lld",
                                                   cross, (long long)shape->dims[i]);
        at += (size_t)length;
    }
    return buffer;
}

const weft_attr *weft_attrs_find(const weft_attrs *attrs, const char *name)
{
    for (size_t i = 0; i < attrs->count; i++)
        if (strcmp(attrs->data[i].name, name) == 0)
            return &attrs->data[i];
    return NULL;
}

static const weft_attr *find_kind(const weft_attrs *attrs, const char *name, weft_attr_kind kind)
{
    const weft_attr *attr = weft_attrs_find(attrs, name);
    return attr != NULL && attr->kind == kind ? attr : NULL;
}

int64_t weft_attrs_int(const weft_attrs *attrs, const char *name, int64_t fallback)
{
    const weft_attr *attr = find_kind(attrs, name, WEFT_ATTR_INT);
    return attr != NULL ? attr->i : fallback;
}

float weft_attrs_float(const weft_attrs *attrs, const char *name, float fallback)
{
    const weft_attr *attr = find_kind(attrs, name, WEFT_ATTR_FLOAT);
    return attr != NULL ? attr->f : fallback;
}

const char *weft_attrs_string(const weft_attrs *attrs, const char *name, const char *fallback)
{
    const weft_attr *attr = find_kind(attrs, name, WEFT_ATTR_STRING);
    return attr != NULL ? attr->s : fallback;
}

size_t weft_attrs_ints(const weft_attrs *attrs, const char *name, int64_t *out, size_t count,
                       int64_t fallback)
{
    const weft_attr *attr = find_kind(attrs, name, WEFT_ATTR_INTS);
    size_t present = attr != NULL ? attr->count : 0;
    for (size_t i = 0; i < count; i++)
        out[i] = i < present ? attr->ints[i] : fallback;
    return present;
}

/* The attribute of that name, made when absent, with its value cleared. */
static weft_attr *set_attr(weft_attrs *attrs, weft_arena *arena, const char *name,
                           weft_attr_kind kind, size_t count)
{
    weft_attr *attr = NULL;
    for (size_t i = 0; i < attrs->count && attr == NULL; i++)
        if (strcmp(attrs->data[i].name, name) == 0)
            attr = &attrs->data[i];
    const char *kept_name = attr != NULL ? attr->name : weft_arena_strdup(arena, name);
    if (attr == NULL) {
        if (attrs->count == attrs->capacity)
            attrs->data = weft_arena_grow(arena, attrs->data, attrs->count, &attrs->capacity,
                                          sizeof *attrs->data);
        attr = &attrs->data[attrs->count++];
    }
    *attr = (weft_attr){.name = kept_name, .kind = kind, .count = count};
    return attr;
}

void weft_attrs_set_int(weft_attrs *attrs, weft_arena *arena, const char *name, int64_t value)
{
    set_attr(attrs, arena, name, WEFT_ATTR_INT, 0)->i = value;
}

void weft_attrs_set_float(weft_attrs *attrs, weft_arena *arena, const char *name, float value)
{
    set_attr(attrs, arena, name, WEFT_ATTR_FLOAT, 0)->f = value;
}

void weft_attrs_set_string(weft_attrs *attrs, weft_arena *arena, const char *name,
                           const char *value)
{
    const char *copy = weft_arena_strdup(arena, value);
    set_attr(attrs, arena, name, WEFT_ATTR_STRING, 0)->s = copy;
}

void weft_attrs_set_ints(weft_attrs *attrs, weft_arena *arena, const char *name,
                         const int64_t *values, size_t count)
{
    int64_t *copy = WEFT_NEW_ARRAY(arena, int64_t, count);
    if (count > 0)
        memcpy(copy, values, count * sizeof *copy);
    set_attr(attrs, arena, name, WEFT_ATTR_INTS, count)->ints = copy;
}

void weft_attrs_set_floats(weft_attrs *attrs, weft_arena *arena, const char *name,
                           const float *values, size_t count)
{
    float *copy = WEFT_NEW_ARRAY(arena, float, count);
    if (count > 0)
        memcpy(copy, values, count * sizeof *copy);
    set_attr(attrs, arena, name, WEFT_ATTR_FLOATS, count)->floats = copy;
}

void weft_attrs_set_tensor(weft_attrs *attrs, weft_arena *arena, const char *name,
                           const weft_tensor *tensor)
{
    set_attr(attrs, arena, name, WEFT_ATTR_TENSOR, 0)->tensor = tensor;
}

void weft_attrs_remove(weft_attrs *attrs, const char *name)
{
    for (size_t i = 0; i < attrs->count; i++) {
        if (strcmp(attrs->data[i].name, name) != 0)
            continue;
        memmove(&attrs->data[i], &attrs->data[i + 1], (attrs->count - i - 1) * sizeof *attrs->data);
        attrs->count--;
        return;
    }
}
