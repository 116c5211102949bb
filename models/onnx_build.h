/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A graph under construction, kept as protobuf-c messages plus what a count needs: shapes of all
 * values and the value numbers behind each node. Failure is sticky: after the first one every call
 * does nothing, and the builder's caller looks at `status` once, at the end. Knows nothing about
 * architectures, files or the command line.
 */
#ifndef WEFT_MODELS_ONNX_BUILD_H
#define WEFT_MODELS_ONNX_BUILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "models/init.h"
#include "onnx.pb-c.h"

#define WEFT_BUILD_MAX_RANK 8
#define WEFT_BUILD_MAX_INPUTS 8

typedef enum weft_build_status {
    WEFT_BUILD_OK,
    WEFT_BUILD_NO_MEMORY,
    WEFT_BUILD_TOO_LARGE, /* a tensor's element count leaves int64; `culprit` names it */
    WEFT_BUILD_NAME_TAKEN /* two values of one name; `culprit` is it */
} weft_build_status;

/* A value of the graph by number; negative: none. */
typedef int weft_build_value;
#define WEFT_BUILD_NONE (-1)

typedef struct weft_build_shape {
    int rank;
    int64_t dims[WEFT_BUILD_MAX_RANK];
} weft_build_shape;

typedef enum weft_build_elem { WEFT_BUILD_F32, WEFT_BUILD_I64, WEFT_BUILD_BOOL } weft_build_elem;

typedef struct weft_build_value_info {
    const char *name;
    weft_build_shape shape;
    weft_build_elem elem;
} weft_build_value_info;

/* A small constant: as many elements as the shape says, in the member that fits `elem`. */
typedef struct weft_build_tensor {
    weft_build_elem elem; /* f32 or i64 */
    weft_build_shape shape;
    const int64_t *ints;
    const float *floats;
} weft_build_tensor;

typedef struct weft_build_initializer {
    weft_build_value value;
    weft_init_recipe recipe; /* float data */
    const int64_t *ints;     /* data of an int64 tensor */
    bool is_parameter; /* counts as a trained parameter (batch-norm running statistics do not) */
} weft_build_initializer;

typedef struct weft_build_node {
    const char *op;
    weft_build_value inputs[WEFT_BUILD_MAX_INPUTS];
    int input_count;
    weft_build_value output; /* the first; the others have the numbers that follow */
    int output_count;
    Onnx__NodeProto *proto;
} weft_build_node;

typedef enum weft_build_attr_kind {
    WEFT_BUILD_INT,
    WEFT_BUILD_FLOAT,
    WEFT_BUILD_INTS,
    WEFT_BUILD_STRING,
    WEFT_BUILD_TENSOR
} weft_build_attr_kind;

typedef struct weft_build_attr {
    const char *name;
    weft_build_attr_kind kind;
    int64_t i;
    float f;
    const int64_t *ints;
    size_t ints_count;
    const char *s;
    const weft_build_tensor *t;
} weft_build_attr;

/* A node with all that it can have. */
typedef struct weft_build_node_spec {
    const char *op, *name;
    const weft_build_value *inputs;
    int input_count;
    const weft_build_attr *attrs;
    size_t attr_count;
    const weft_build_value_info *outputs;
    int output_count;
} weft_build_node_spec;

/* Read by anybody, changed only by the functions below. */
typedef struct weft_build {
    weft_build_status status;
    const char *culprit;
    const char *graph_name;
    int opset;
    bool with_weights;        /* false: initialisers have shapes but no data; enough for counting */
    const char *batch_symbol; /* not NULL: axis 0 of inputs, outputs and activations is written as
                                 this symbol */
    bool lists_values;        /* write types and shapes of inner activations too */
    weft_build_value input, output;
    weft_build_value_info *values;
    weft_build_initializer *initializers;
    weft_build_node *nodes;
    size_t value_count, initializer_count, node_count;
    size_t value_capacity, initializer_capacity, node_capacity;
    int *name_slots; /* open-addressed table of value numbers, WEFT_BUILD_NONE where free */
    size_t name_slot_count;
    struct weft_build_block *blocks;
} weft_build;

/* NULL when there is no memory. Strings are copied. */
weft_build *weft_build_create(const char *graph_name, int opset, bool with_weights);
void weft_build_destroy(weft_build *build);

/* Zeroed memory that lives as long as the builder; NULL after a failure. */
void *weft_build_alloc(weft_build *build, size_t count, size_t elem_bytes);
/* printf into such memory; "" after a failure. */
const char *weft_build_format(weft_build *build, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

weft_build_value weft_build_add_input(weft_build *build, const char *name,
                                      const weft_build_shape *shape);
void weft_build_set_output(weft_build *build, weft_build_value value);

/* The recipe may be NULL when the builder is without weights. */
weft_build_value weft_build_add_weight(weft_build *build, const char *name,
                                       const weft_build_shape *shape,
                                       const weft_init_recipe *recipe, bool is_parameter);
/* A one-dimensional int64 constant; the values are copied. */
weft_build_value weft_build_add_ints(weft_build *build, const char *name, const int64_t *values,
                                     size_t count);

/* A constant among the initialisers; the values are copied. */
weft_build_value weft_build_add_tensor(weft_build *build, const char *name,
                                       const weft_build_tensor *tensor);

/* Everything is copied. Returns the first output value. */
weft_build_value weft_build_add(weft_build *build, const weft_build_node_spec *spec);
/* The same for a node with one output of floats. */
weft_build_value weft_build_add_node(weft_build *build, const char *op, const char *name,
                                     const weft_build_value *inputs, int input_count,
                                     const weft_build_attr *attrs, size_t attr_count,
                                     const char *output_name, const weft_build_shape *output_shape);

/* There is a value of that name. */
bool weft_build_has(const weft_build *build, const char *name);

/* Shape of a value; rank 0 for WEFT_BUILD_NONE. */
const weft_build_shape *weft_build_shape_of(const weft_build *build, weft_build_value value);
/* Product of the dims. Never overflows for a value the builder accepted. */
int64_t weft_build_elems(const weft_build_shape *shape);

#endif
