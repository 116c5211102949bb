/* SPDX-License-Identifier: Apache-2.0 */
/* Reading an ONNX model into a graph.
 *
 * Accepts IR versions 3 and newer and opsets 9 to 26 of the default domain; every operator arrives
 * in the form of the newest opset. Model-local functions are expanded. All problems of a model are
 * collected in diag before the first one's status is returned. Must not know about passes, targets
 * and kernels. */
#ifndef WEFT_IMPORT_IMPORT_H
#define WEFT_IMPORT_IMPORT_H

#include "compiler/ir/graph.h"

enum {
    WEFT_IMPORT_MIN_OPSET = 9,
    WEFT_IMPORT_MAX_OPSET = 26, /* the newest one whose operators were compared with the table */
    WEFT_IMPORT_MIN_IR = 3,
    WEFT_IMPORT_MAX_IR = 13
};

/* The shape of one graph input. A dimension of -1 is taken from the model. */
typedef struct weft_shape_binding {
    const char *input;
    weft_shape shape;
} weft_shape_binding;

typedef struct weft_import_params {
    const char
        *path; /* for messages, and the folder of external data; may be NULL when data is given */
    const void *data; /* NULL: the file at path is mapped */
    size_t size_bytes;
    const weft_shape_binding *shapes;
    size_t shape_count;
} weft_import_params;

/* Reads a model. The graph lives in arena, whose recovery point (WEFT_ARENA_TRY) is the caller's;
 * weights are borrowed from what is attached to the arena, not from params. *out_graph is NULL
 * unless WEFT_OK is returned; it is inferred then: every value has type and shape. Errors:
 * 0100-0149 of errors.def, those of weft_graph_sort and weft_graph_infer, FILE_*. */
weft_status weft_import_onnx(weft_arena *arena, const weft_import_params *params,
                             weft_graph **out_graph, weft_diag *diag);

#endif
