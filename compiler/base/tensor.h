/* SPDX-License-Identifier: Apache-2.0 */
/* Element types, dense tensors and attributes: what the graph, the reference kernels, the package
 * and the runtime share. */
#ifndef WEFT_BASE_TENSOR_H
#define WEFT_BASE_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compiler/base/arena.h"

enum { WEFT_MAX_RANK = 8 };

/* X(name, text in the IR, size in bytes, ONNX TensorProto.DataType) */
#define WEFT_DTYPE_LIST(X)                                                                         \
    X(F32, "f32", 4, 1)                                                                            \
    X(U8, "u8", 1, 2)                                                                              \
    X(I8, "i8", 1, 3)                                                                              \
    X(U16, "u16", 2, 4)                                                                            \
    X(I16, "i16", 2, 5)                                                                            \
    X(I32, "i32", 4, 6)                                                                            \
    X(I64, "i64", 8, 7)                                                                            \
    X(BOOL, "bool", 1, 9)                                                                          \
    X(F16, "f16", 2, 10)                                                                           \
    X(F64, "f64", 8, 11)                                                                           \
    X(U32, "u32", 4, 12)                                                                           \
    X(U64, "u64", 8, 13)                                                                           \
    X(BF16, "bf16", 2, 16)

typedef enum weft_dtype {
    WEFT_DTYPE_NONE = 0,
#define WEFT_DTYPE_ENUM(name, text, size, onnx) WEFT_DTYPE_##name,
    WEFT_DTYPE_LIST(WEFT_DTYPE_ENUM)
#undef WEFT_DTYPE_ENUM
        WEFT_DTYPE_COUNT
} weft_dtype;

const char *weft_dtype_name(weft_dtype dtype);           /* "f32"; "none" for NONE */
size_t weft_dtype_bytes(weft_dtype dtype);               /* 0 for NONE */
weft_dtype weft_dtype_from_name(const char *text);       /* NONE when unknown */
weft_dtype weft_dtype_from_onnx(int32_t onnx_data_type); /* NONE when unknown */

typedef struct weft_shape {
    int rank; /* 0 = scalar */
    int64_t dims[WEFT_MAX_RANK];
} weft_shape;

/* Elements and bytes of a fully known shape; false on overflow or a negative dimension. */
bool weft_shape_elems(const weft_shape *shape, int64_t *out_elems);
bool weft_shape_bytes(const weft_shape *shape, weft_dtype dtype, size_t *out_bytes);
bool weft_shape_equal(const weft_shape *a, const weft_shape *b);
/* "1x3x160x160" ("scalar" for rank 0) into a buffer of at least WEFT_SHAPE_TEXT bytes; returns it.
 */
enum { WEFT_SHAPE_TEXT = 192 };
char *weft_shape_format(const weft_shape *shape, char *buffer);

/* A dense, row-major tensor; data is borrowed. */
typedef struct weft_tensor {
    weft_dtype dtype;
    weft_shape shape;
    void *data;
} weft_tensor;

typedef enum weft_attr_kind {
    WEFT_ATTR_INT,
    WEFT_ATTR_FLOAT,
    WEFT_ATTR_STRING,
    WEFT_ATTR_INTS,
    WEFT_ATTR_FLOATS,
    WEFT_ATTR_TENSOR
} weft_attr_kind;

typedef struct weft_attr {
    const char *name;
    weft_attr_kind kind;
    size_t count; /* of ints, floats */
    union {
        int64_t i;
        float f;
        const char *s;
        const int64_t *ints;
        const float *floats;
        const weft_tensor *tensor;
    };
} weft_attr;

typedef struct weft_attrs {
    weft_attr *data;
    size_t count, capacity;
} weft_attrs;

/* Reading: the fallback when absent or of another kind. */
const weft_attr *weft_attrs_find(const weft_attrs *attrs, const char *name);
int64_t weft_attrs_int(const weft_attrs *attrs, const char *name, int64_t fallback);
float weft_attrs_float(const weft_attrs *attrs, const char *name, float fallback);
const char *weft_attrs_string(const weft_attrs *attrs, const char *name, const char *fallback);
/* Copies up to count ints, missing ones become fallback; returns how many the attribute has (0 when
 * absent). */
size_t weft_attrs_ints(const weft_attrs *attrs, const char *name, int64_t *out, size_t count,
                       int64_t fallback);

/* Writing: replaces or appends; arrays and strings are copied into the arena. */
void weft_attrs_set_int(weft_attrs *attrs, weft_arena *arena, const char *name, int64_t value);
void weft_attrs_set_float(weft_attrs *attrs, weft_arena *arena, const char *name, float value);
void weft_attrs_set_string(weft_attrs *attrs, weft_arena *arena, const char *name,
                           const char *value);
void weft_attrs_set_ints(weft_attrs *attrs, weft_arena *arena, const char *name,
                         const int64_t *values, size_t count);
void weft_attrs_set_floats(weft_attrs *attrs, weft_arena *arena, const char *name,
                           const float *values, size_t count);
/* The tensor and its data are borrowed. */
void weft_attrs_set_tensor(weft_attrs *attrs, weft_arena *arena, const char *name,
                           const weft_tensor *tensor);
void weft_attrs_remove(weft_attrs *attrs, const char *name);

#endif
