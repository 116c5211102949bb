/* SPDX-License-Identifier: Apache-2.0 */
/* Operators in terms of others: what their files share. Internal to this folder. */
#ifndef WEFT_IMPORT_EXPAND_H
#define WEFT_IMPORT_EXPAND_H

#include "compiler/import/importer.h"

typedef struct weft_import_expansion {
    weft_importer *importer;
    const weft_import_node *node;     /* the one that is expanded */
    WEFT_VEC(weft_import_node) nodes; /* the new list */
    weft_map names;                   /* set of all names of tensors */
    uint64_t counter;
} weft_import_expansion;

/* The name of an input; "" when it is omitted. */
const char *weft_import_input_of(const weft_import_node *node, size_t index);
/* NULL when the node has no such attribute. */
const weft_import_attr *weft_import_find_attr(const weft_import_node *node, const char *name);
int64_t weft_import_int_of(const weft_import_node *node, const char *name, int64_t fallback);

/* Adds a node of ONNX's own domain in the newest form, under the name of the one that is expanded.
 * output NULL: a fresh name from word. */
weft_import_node *weft_import_expand_to(weft_import_expansion *expansion, const char *op_type,
                                        const char *const *inputs, size_t input_count,
                                        const char *output, const char *word);
/* Attributes of such a node; lists are copied. */
void weft_import_add_int(weft_import_expansion *expansion, weft_import_node *node, const char *name,
                         int64_t value);
void weft_import_add_ints(weft_import_expansion *expansion, weft_import_node *node,
                          const char *name, const int64_t *values, size_t count);
void weft_import_add_float(weft_import_expansion *expansion, weft_import_node *node,
                           const char *name, float value);

/* A set of operators. */
typedef struct weft_import_definition {
    bool (*defines)(const weft_import_node *node);
    const char *(*problem_of)(const weft_import_node *node); /* why not, or NULL */
    void (*expand)(weft_import_expansion *expansion);
    const char *problem; /* what the message says of the operator, before why */
    const char *advice;  /* what to do about it */
} weft_import_definition;

extern const weft_import_definition weft_import_quantised; /* qlinear.c */
extern const weft_import_definition weft_import_attention; /* attention.c */

#endif
