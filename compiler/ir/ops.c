/* SPDX-License-Identifier: Apache-2.0 */
/* The operator table made from ops.def, and questions about its rows. Must not know about graphs'
 * contents. */
#include <string.h>

#include "compiler/ir/graph.h"
#include "compiler/ir/infer.h"
#include "kernels/ref/ref.h"

static const weft_op_row rows[] = {
    [WEFT_OP_NONE] = {.name = "none", .domain = "none", .attrs = "", .doc = ""},
#define WEFT_OP(op, op_name, op_domain, op_since, op_until, min_in, max_in, min_out, max_out,      \
                op_attrs, infer_fn, ref_fn, op_runs, op_doc)                                       \
    [WEFT_OP_##op] = {.name = op_name,                                                             \
                      .domain = op_domain,                                                         \
                      .since = op_since,                                                           \
                      .until = op_until,                                                           \
                      .min_inputs = min_in,                                                        \
                      .max_inputs = max_in,                                                        \
                      .min_outputs = min_out,                                                      \
                      .max_outputs = max_out,                                                      \
                      .attrs = op_attrs,                                                           \
                      .infer = infer_fn,                                                           \
                      .ref = ref_fn,                                                               \
                      .runs = op_runs,                                                             \
                      .doc = op_doc},
#include "compiler/ir/ops.def"
#undef WEFT_OP
};
_Static_assert(sizeof rows / sizeof rows[0] == WEFT_OP_COUNT, "one row per operator");

static const char *const full_names[] = {
    [WEFT_OP_NONE] = "none",
#define WEFT_OP(op, op_name, op_domain, ...)                                                       \
    [WEFT_OP_##op] = sizeof op_domain > 1 ? op_domain "." op_name : op_name,
#include "compiler/ir/ops.def"
#undef WEFT_OP
};

const weft_op_row *weft_op_get(weft_op op)
{
    return &rows[op > WEFT_OP_NONE && op < WEFT_OP_COUNT ? op : WEFT_OP_NONE];
}

weft_op weft_op_find(const char *domain, const char *name)
{
    if (strcmp(domain, "ai.onnx") == 0)
        domain = "";
    for (int op = WEFT_OP_NONE + 1; op < WEFT_OP_COUNT; op++)
        if (strcmp(rows[op].name, name) == 0 && strcmp(rows[op].domain, domain) == 0)
            return (weft_op)op;
    return WEFT_OP_NONE;
}

const char *weft_op_name(weft_op op)
{
    return full_names[op > WEFT_OP_NONE && op < WEFT_OP_COUNT ? op : WEFT_OP_NONE];
}

const char *weft_op_runs_name(weft_op_runs runs)
{
    static const char *const names[] = {
        [WEFT_RUNS_KERNEL] = "kernel",
        [WEFT_RUNS_LOWERED] = "lowered",
        [WEFT_RUNS_FOLDED] = "folded",
    };
    _Static_assert(sizeof names / sizeof names[0] == WEFT_RUNS_COUNT, "one name per way to run");
    return runs < WEFT_RUNS_COUNT ? names[runs] : "unknown";
}

static const char *const kind_names[] = {
    [WEFT_ATTR_INT] = "int",   [WEFT_ATTR_FLOAT] = "float",   [WEFT_ATTR_STRING] = "string",
    [WEFT_ATTR_INTS] = "ints", [WEFT_ATTR_FLOATS] = "floats", [WEFT_ATTR_TENSOR] = "tensor",
};

const char *weft_attr_kind_name(weft_attr_kind kind)
{
    return kind <= WEFT_ATTR_TENSOR ? kind_names[kind] : "unknown";
}

/* Reads one "name:kind[=default]" at *cursor and moves it to the next. The table is ours, so its
 * form is asserted. */
static bool next_attr(const char **cursor, weft_op_attr *out_attr)
{
    const char *at = *cursor + strspn(*cursor, " ");
    if (!*at)
        return false;
    size_t length = strcspn(at, " ");
    const char *colon = memchr(at, ':', length);
    WEFT_ASSERT(colon);
    const char *kind = colon + 1, *end = at + length;
    const char *equals = memchr(kind, '=', (size_t)(end - kind));
    size_t kind_length = (size_t)((equals ? equals : end) - kind);
    *out_attr = (weft_op_attr){.name = at, .name_length = (size_t)(colon - at)};
    size_t i = 0;
    while (strlen(kind_names[i]) != kind_length || strncmp(kind_names[i], kind, kind_length) != 0) {
        i++;
        WEFT_ASSERT(i < sizeof kind_names / sizeof kind_names[0]);
    }
    out_attr->kind = (weft_attr_kind)i;
    if (equals) {
        out_attr->default_text = equals + 1;
        out_attr->default_length = (size_t)(end - equals - 1);
    }
    *cursor = end;
    return true;
}

bool weft_op_attr_get(weft_op op, size_t index, weft_op_attr *out_attr)
{
    const char *cursor = weft_op_get(op)->attrs;
    while (next_attr(&cursor, out_attr))
        if (index-- == 0)
            return true;
    return false;
}

bool weft_op_attr_known(weft_op op, const char *name, weft_attr_kind *out_kind)
{
    const char *cursor = weft_op_get(op)->attrs;
    size_t length = strlen(name);
    weft_op_attr attr;
    while (next_attr(&cursor, &attr))
        if (attr.name_length == length && memcmp(attr.name, name, length) == 0) {
            if (out_kind)
                *out_kind = attr.kind;
            return true;
        }
    return false;
}
