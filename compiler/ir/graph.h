/* SPDX-License-Identifier: Apache-2.0 */
/* The IR: a graph of nodes in topological order over values with types and shapes.
 *
 * Conventions
 * - One canonical form per operator, the newest ONNX opset's (axes, pads, slices and shapes are
 * inputs); import upgrades older forms.
 * - A value is a graph input, a constant (data != NULL) or the output of one node. Names are unique
 * and non-empty.
 * - After weft_graph_infer every value has a dtype and a fully known shape; every pass keeps that
 * true.
 * - Node inputs may be NULL (omitted optional input); trailing NULLs are allowed.
 * - `sources` of a node are the names of the ONNX nodes it came from; fusing concatenates them.
 * - Domain "weft" operators (see ops.def and docs/operators.md) are channels-last; ONNX operators
 * keep ONNX's layout.
 * - Everything lives in graph->arena; passes free nothing. Thread rule: externally locked. */
#ifndef WEFT_IR_GRAPH_H
#define WEFT_IR_GRAPH_H

#include "compiler/base/tensor.h"
#include "compiler/base/text.h"

typedef enum weft_op {
    WEFT_OP_NONE = 0,
#define WEFT_OP(name, ...) WEFT_OP_##name,
#include "compiler/ir/ops.def"
#undef WEFT_OP
    WEFT_OP_COUNT
} weft_op;

typedef struct weft_node weft_node;
typedef struct weft_value weft_value;

struct weft_value {
    const char *name;
    weft_dtype dtype;
    bool has_shape;
    weft_shape shape;
    weft_node *producer; /* NULL for graph inputs and constants */
    int output_index;    /* which output of the producer */
    const void *data; /* constants: row-major elements, borrowed or in the arena; otherwise NULL */
    bool is_input;
    size_t use_count;   /* node inputs plus graph outputs; kept by the functions below */
    uint64_t text_hash; /* of a constant that the text form gave by hash only; 0 for all others */
    uint32_t mark;      /* scratch for passes; undefined between passes */
};

struct weft_node {
    weft_op op;
    const char *name;
    weft_value **inputs;
    size_t input_count;
    weft_value **outputs; /* NULL entries: output not asked for */
    size_t output_count;
    weft_attrs attrs;
    const char **sources;
    size_t source_count;
    weft_node *prev, *next;
    uint32_t mark;
};

/* A node of a quantised model that computes in f32. */
typedef struct weft_float_node {
    const char *name;
    weft_op op; /* as imported */
    const char *reason;
    int64_t macs;
} weft_float_node;

typedef struct weft_graph {
    weft_arena *arena;
    const char *name;
    int64_t opset; /* of the ONNX default domain, as imported */
    weft_node *first, *last;
    size_t node_count;
    WEFT_VEC(weft_value *) inputs;
    WEFT_VEC(weft_value *) outputs;
    WEFT_VEC(weft_value *) values;    /* all ever made; those without use are skipped by everyone */
    weft_map names;                   /* value name -> weft_value */
    size_t source_node_count;         /* nodes of the model as imported, before any pass */
    bool is_quantised;                /* has tensors of 8 bits; set by lower-quantized, */
    WEFT_VEC(weft_float_node) floats; /* with what of it computes in f32 */
    uint64_t unique_counter;
} weft_graph;

weft_graph *weft_graph_create(weft_arena *arena, const char *name);

/* Values. A name that is taken gets a suffix of a dot and a number; NULL asks for a fresh name. */
weft_value *weft_graph_add_input(weft_graph *graph, const char *name, weft_dtype dtype,
                                 const weft_shape *shape);
weft_value *weft_graph_add_constant(weft_graph *graph, const char *name, weft_dtype dtype,
                                    const weft_shape *shape, const void *data);
weft_value *weft_graph_add_constant_ints(weft_graph *graph, const char *name, const int64_t *values,
                                         size_t count);
weft_value *weft_graph_find_value(const weft_graph *graph, const char *name);
void weft_graph_add_output(weft_graph *graph, weft_value *value);

/* Nodes. Inserts before `before` (NULL: at the end). Outputs are made fresh with output_names[i]
 * (NULL: a fresh name, "": the output is not asked for and its entry is NULL), no shape yet. name
 * NULL or "" becomes the first output's name. */
weft_node *weft_graph_add_node(weft_graph *graph, weft_node *before, weft_op op, const char *name,
                               weft_value *const *inputs, size_t input_count,
                               const char *const *output_names, size_t output_count);
void weft_node_set_input(weft_graph *graph, weft_node *node, size_t index,
                         weft_value *value); /* grows with NULLs */
void weft_node_add_sources(weft_graph *graph, weft_node *node, const weft_node *from);
/* Gives one more output to a node (fresh value). */
weft_value *weft_node_add_output(weft_graph *graph, weft_node *node, const char *name);
/* Removes a node; its outputs must have no use left. */
void weft_graph_remove_node(weft_graph *graph, weft_node *node);
/* All uses of `from`, graph outputs included, become uses of `to`. When `from` is a graph output
 * the two swap names so that the model's output names survive; a graph input or another output as
 * `to` is the caller's business to avoid. */
void weft_graph_replace_uses(weft_graph *graph, weft_value *from, weft_value *to);
/* Moves node to just before `before`. */
void weft_graph_move_before(weft_graph *graph, weft_node *node, weft_node *before);

/* Questions */
weft_value *weft_node_input(const weft_node *node,
                            size_t index); /* NULL when omitted or beyond the end */
bool weft_value_is_output(const weft_graph *graph, const weft_value *value);
bool weft_value_is_constant(const weft_value *value);
/* The single node that reads value, or NULL (several readers, none, or it is a graph output). */
weft_node *weft_value_only_user(const weft_graph *graph, const weft_value *value);
/* Constant integer list of an input (i64 or i32 constant): false when absent or not constant; count
 * is set in any case. */
bool weft_value_const_ints(const weft_value *value, int64_t *out, size_t capacity,
                           size_t *out_count);
/* Constant scalar (any numeric dtype, one element) as double. */
bool weft_value_const_scalar(const weft_value *value, double *out);
weft_tensor weft_value_tensor(const weft_value *value);

/* Fixes the order of nodes to a topological one (stable). Errors: GRAPH_CYCLE naming nodes of the
 * cycle. */
weft_status weft_graph_sort(weft_graph *graph, weft_diag *diag);

/* ---- operators: one row each in ops.def ---- */

typedef struct weft_op_cost {
    int64_t macs;         /* multiply-accumulates of convolutions and matrix products */
    int64_t flops;        /* every f32 operation, 2 per MAC */
    int64_t weight_bytes; /* constants read */
    int64_t input_bytes;  /* activations read, each input once */
    int64_t output_bytes;
} weft_op_cost;

/* A call of a reference kernel: tensors with data; outputs have shape and memory. NULL input =
 * omitted. */
typedef struct weft_ref_call {
    const weft_attrs *attrs;
    const weft_tensor *const *inputs;
    size_t input_count;
    weft_tensor *const *outputs;
    size_t output_count;
} weft_ref_call;
typedef weft_status (*weft_ref_kernel)(const weft_ref_call *call);

/* Sets dtype and shape of the node's outputs from its inputs; on failure appends errors that name
 * the node. */
typedef weft_status (*weft_infer_fn)(weft_graph *graph, weft_node *node, weft_diag *diag);

/* How a node of the operator comes to run on a device. The reference backend runs them all. */
typedef enum weft_op_runs {
    WEFT_RUNS_KERNEL, /* a kernel family executes it; views of the same storage count as executed */
    WEFT_RUNS_LOWERED, /* a required pass turns it into operators that kernels execute */
    WEFT_RUNS_FOLDED,  /* no kernel: it must be computed while compiling, from constants and shapes
                        */
    WEFT_RUNS_COUNT
} weft_op_runs;

typedef struct weft_op_row {
    const char *name;   /* "Conv" */
    const char *domain; /* "" for ONNX's default, "weft" for ours */
    int since, until;   /* opset range import understands; until = newest one checked */
    int min_inputs, max_inputs, min_outputs, max_outputs; /* max -1: any number */
    const char *attrs; /* "strides:ints group:int=1 ..." every attribute the operator knows */
    weft_infer_fn infer;
    weft_ref_kernel ref;
    weft_op_runs runs;
    const char *doc; /* one line for docs/operators.md */
} weft_op_row;

const weft_op_row *weft_op_get(weft_op op);
weft_op weft_op_find(const char *domain, const char *name); /* NONE when unknown */
const char *weft_op_name(weft_op op);                       /* "Conv", "weft.Conv2D" */
const char *weft_op_runs_name(weft_op_runs runs);           /* "kernel", "lowered", "folded" */
/* Whether the operator's row names the attribute; *out_kind (NULL accepted) gets its kind. */
bool weft_op_attr_known(weft_op op, const char *name, weft_attr_kind *out_kind);
/* The attributes of a row one by one; false beyond the end. The texts are not NUL-terminated. */
typedef struct weft_op_attr {
    const char *name;
    size_t name_length;
    weft_attr_kind kind;
    const char *default_text; /* NULL without a default */
    size_t default_length;
} weft_op_attr;
bool weft_op_attr_get(weft_op op, size_t index, weft_op_attr *out_attr);
const char *weft_attr_kind_name(weft_attr_kind kind); /* "ints" */
weft_op_cost weft_node_cost(const weft_node *node);

/* ---- inference, verification, text (in this folder) ---- */

/* Types and shapes for every value in order; small constant sub-expressions (shape arithmetic) are
 * evaluated on the way. Collects the errors of all nodes before it returns the first one's status.
 */
weft_status weft_graph_infer(weft_graph *graph, weft_diag *diag);
weft_status weft_node_infer(weft_graph *graph, weft_node *node, weft_diag *diag);
/* Evaluates a node whose inputs are all constant with its reference kernel; its outputs become
 * constants and the node is removed. WEFT_UNSUPPORTED without diagnostics when the operator has no
 * reference kernel or an input is not constant. */
weft_status weft_node_fold(weft_graph *graph, weft_node *node, weft_diag *diag);
/* Structure, order, use counts, arity, attributes, dtypes and shapes against re-inference. `after`
 * names the pass for the message. */
weft_status weft_graph_verify(weft_graph *graph, const char *after, weft_diag *diag);

/* The text form; grammar in docs/ir.md. Small constants are written out; large ones as hash, or in
 * full with data = true. */
void weft_graph_print(const weft_graph *graph, bool with_data, weft_text *out_text);
weft_status weft_graph_parse(weft_arena *arena, const char *text, size_t length,
                             weft_graph **out_graph, weft_diag *diag);

#endif
