/* SPDX-License-Identifier: Apache-2.0 */
/* State of planning one schedule, shared by the files of this room only. */
#ifndef WEFT_PLAN_INTERNAL_H
#define WEFT_PLAN_INTERNAL_H

#include "compiler/codegen/program.h"
#include "compiler/plan/plan.h"
#include "kernels/cpu/tile_rule.h"

typedef WEFT_VEC(weft_blob) blob_list;
typedef WEFT_VEC(weft_blob_recipe) recipe_list;

/* The ways to a convolution that read its weights in different forms: enum weft_cpu_method, enum
 * weft_cpu_qmethod. */
enum { WEFT__METHODS = 3 };
typedef struct method_costs {
    double seconds[WEFT__METHODS]; /* expected; 0: not possible */
    uint64_t bytes[WEFT__METHODS]; /* of the form, beyond one that is stored in any case */
} method_costs;
typedef struct form_table form_table;

/* What all schedules of a package share. */
typedef struct planner {
    weft_arena *arena;
    const weft_target *target;
    int threads;
    const struct weft_engine_params *engine; /* NULL: no descriptors are made */
    bool is_deep; /* so many convolutions in a row that each must round little */
    weft_program_set *programs;
    blob_list blobs;
    recipe_list recipes;
    weft_map blob_keys;     /* content hash and packing -> index + 1 */
    uint64_t weights_bytes; /* of section "weights" so far */
    uint64_t plain_bytes;   /* of section "plain" so far */
    weft_map plain_keys;
    weft_map readable_keys; /* content -> a blob that it can be got back from, index + 1 */
    weft_map *hashes;       /* address of a constant's data -> its hash, as text */
    form_table *forms;      /* NULL: one schedule, which has what is fastest */
    bool is_survey;         /* only to fill forms */
    weft_diag *diag;
} planner;

/* A piece of arena that belongs to one step only. */
typedef struct scratch_use {
    int32_t step;
    size_t launch, arg; /* of the step; the argument receives the offset */
    bool is_descriptor; /* launch and arg are a descriptor and a word of it */
    uint64_t bytes;
    int32_t same_as; /* index of the use whose bytes these are; -1: its own */
} scratch_use;

typedef struct schedule_state {
    planner *planner;
    weft_graph *graph;
    weft_schedule *out;
    const weft_value **graph_values; /* per schedule value */
    WEFT_VEC(scratch_use) scratch;
    size_t index;        /* of the schedule */
    size_t engine_steps; /* with descriptors */
} schedule_state;

/* values.c */
void weft__plan_own_outputs(weft_graph *graph);
bool weft__plan_is_alias(const weft_node *node);
weft_status weft__plan_values(schedule_state *state);
int32_t
weft__plan_value_index(const weft_value *value); /* -1 for NULL; valid while planning its graph */

/* The target as the kernels' tile rule sees it. */
struct weft_cpu_device weft__plan_device(const planner *planner);

/* The value that owns the storage of `value`. */
const weft_schedule_value *weft__plan_storage(const schedule_state *state, const weft_value *value);
/* A mean may stay as sums per block when every reader is a Linear of few rows, which adds them up
 * as it reads. */
bool weft__plan_can_be_partial(const schedule_state *state, const weft_value *mean);
void weft__plan_set_partial(schedule_state *state, const weft_value *mean, int64_t images,
                            int64_t blocks, int64_t channels, int64_t positions);

/* arena.c: offsets for every ARENA value and scratch of the schedule; sets arena_bytes and
 * arena_unshared_bytes. */
void weft__plan_arena(schedule_state *state);

/* prefetch.c: convolutions fetch the weights of bandwidth-bound steps that follow. */
void weft__plan_prefetch(schedule_state *state);

/* engine.c: descriptors of the steps that the planner's engine can execute; how many steps these
 * are. Then its programs, behind those of the kernels. */
size_t weft__plan_engine_steps(schedule_state *state);
void weft__plan_engine_programs(planner *shared, weft_manifest *manifest);

/* deps.c */
void weft__plan_deps(schedule_state *state);

/* cost.c */
void weft__plan_cost(const schedule_state *state, const weft_node *node, weft_step *step);

/* blobs.c: index of a blob, made once per content and packing. */
int32_t weft__plan_blob(schedule_state *state, const weft_value *value, weft_recipe recipe,
                        int panel, int winograd);
/* Index of a blob with a table that the planner made; data stays where it is. count > 0. */
int32_t weft__plan_table(schedule_state *state, weft_dtype dtype, const void *data, int64_t count);
/* Finds a form that a constant can be got back from (by the reference backend): a blob of any
 * schedule, or the plain elements. After all schedules; value is its index. */
void weft__plan_need_plain(schedule_state *state, size_t value);
/* Text that is equal for constants of equal elements, type and shape. */
const char *weft__plan_content(schedule_state *state, const weft_value *value);
/* Bytes of a blob that weft__plan_blob would make. */
uint64_t weft__plan_blob_bytes(const schedule_state *state, const weft_value *value,
                               weft_recipe recipe, int panel, int winograd);

/* forms.c: a survey notes what every method would take for every convolution, choose decides whose
 * forms are stored, kept says which methods (1 << method; 0: all) a convolution with these weights
 * may use. key: weft__plan_content. */
form_table *weft__forms_create(weft_arena *arena, size_t schedule_count);
void weft__forms_note(form_table *table, size_t schedule, const char *key,
                      const method_costs *costs);
void weft__forms_choose(form_table *table);
unsigned weft__forms_kept(const form_table *table, const char *key);

/* kernels_*.c: fill step->launch for a node; WEFT_UNSUPPORTED with a diagnostic when no kernel
 * fits. */
weft_status weft__plan_conv2d(schedule_state *state, const weft_node *node, weft_step *step);
weft_status weft__plan_linear(schedule_state *state, const weft_node *node, weft_step *step);
weft_status weft__plan_gate(schedule_state *state, const weft_node *node, weft_step *step);
weft_status weft__plan_pool2d(schedule_state *state, const weft_node *node, weft_step *step);
weft_status weft__plan_elementwise(schedule_state *state, const weft_node *node, weft_step *step);
weft_status weft__plan_move(schedule_state *state, const weft_node *node, weft_step *step);
weft_status weft__plan_reduce(schedule_state *state, const weft_node *node, weft_step *step);
weft_status weft__plan_softmax(schedule_state *state, const weft_node *node, weft_step *step);
weft_status weft__plan_layer_norm(schedule_state *state, const weft_node *node, weft_step *step);
weft_status weft__plan_matmul(schedule_state *state, const weft_node *node, weft_step *step);
weft_status weft__plan_attention(schedule_state *state, const weft_node *node, weft_step *step);
weft_status weft__plan_token_conv(schedule_state *state, const weft_node *node, weft_step *step);
weft_status weft__plan_gather(schedule_state *state, const weft_node *node, weft_step *step);
weft_status weft__plan_resize(schedule_state *state, const weft_node *node, weft_step *step);
weft_status weft__plan_q_conv2d(schedule_state *state, const weft_node *node, weft_step *step);
weft_status weft__plan_q_grouped(schedule_state *state, const weft_node *node, weft_step *step);
weft_status weft__plan_q_token_conv(schedule_state *state, const weft_node *node, weft_step *step);
weft_status weft__plan_q_pool2d(schedule_state *state, const weft_node *node, weft_step *step);
weft_status weft__plan_q_add(schedule_state *state, const weft_node *node, weft_step *step);
weft_status weft__plan_q_mul(schedule_state *state, const weft_node *node, weft_step *step);
weft_status weft__plan_q_table(schedule_state *state, const weft_node *node, weft_step *step);
weft_status weft__plan_q_matmul(schedule_state *state, const weft_node *node, weft_step *step);
weft_status weft__plan_q_attention(schedule_state *state, const weft_node *node, weft_step *step);
weft_status weft__plan_q_softmax(schedule_state *state, const weft_node *node, weft_step *step);
weft_status weft__plan_q_layer_norm(schedule_state *state, const weft_node *node, weft_step *step);
weft_status weft__plan_quantize_linear(schedule_state *state, const weft_node *node,
                                       weft_step *step);
weft_status weft__plan_dequantize_linear(schedule_state *state, const weft_node *node,
                                         weft_step *step);

/* The dimensions of a node's first output and the element strides of its first two inputs, 0 where
 * they broadcast; neighbours are merged wherever both inputs allow it, the last one is innermost.
 * False when more are left. */
enum { WEFT__BROADCAST_DIMS = 6 };
bool weft__plan_broadcast(const weft_node *node, int64_t dims[WEFT__BROADCAST_DIMS],
                          int64_t strides[2][WEFT__BROADCAST_DIMS]);

/* The dimensions in front of two stacks of matrices, neighbours merged, and the strides of both in
 * units of a_matrix and b_matrix, 0 where they broadcast. False when more are left. */
enum { WEFT__STACK_DIMS = 4 };
bool weft__plan_stack(const weft_shape *a, const weft_shape *b, int64_t a_matrix, int64_t b_matrix,
                      int64_t *out_dims, int64_t *out_a, int64_t *out_b);

/* How a convolution or a pool steps over its input; kernel is 1 without kernel_shape. */
typedef struct plan_window {
    int64_t kernel[2], strides[2], dilations[2], pads[4];
} plan_window;
plan_window weft__plan_window(const weft_attrs *attrs);

/* Floats a work-item of an element-wise kernel handles: large enough to hide its start, small
 * enough to share out. */
enum { WEFT__ELEMENT_BLOCK = 4096 };
/* Elements of a value of the graph. */
int64_t weft__plan_elems(const weft_value *value);
/* Refuses a node unless its first output and as many of its inputs are f32. */
weft_status weft__plan_check_f32(schedule_state *state, const weft_node *node, size_t inputs);

/* launch.c: building argument lists; begin once per step, end once per launch. */
typedef struct launch_builder {
    schedule_state *state;
    weft_step *step;
    size_t capacity; /* of step->launches */
    WEFT_VEC(weft_arg) args;
} launch_builder;
void weft__launch_begin(launch_builder *builder, schedule_state *state, weft_step *step);
void weft__launch_value(launch_builder *builder, const weft_value *value); /* NULL: null pointer */
void weft__launch_blob(launch_builder *builder, int32_t blob);
/* A tensor operand: activations by value, constants by a plain blob; NULL: null pointer. */
void weft__launch_operand(launch_builder *builder, const weft_value *value);
void weft__launch_int(launch_builder *builder, int64_t number);
void weft__launch_ints(launch_builder *builder, const int64_t *numbers, size_t count);
/* Kernel, strides, dilations and pads. */
void weft__launch_window(launch_builder *builder, const plan_window *window);
void weft__launch_float(launch_builder *builder, double number);
void weft__launch_local(launch_builder *builder, uint64_t bytes);
/* Returns a number for weft__launch_scratch_again: a later launch of the step that wants the same
 * bytes. */
int32_t weft__launch_scratch(launch_builder *builder, uint64_t bytes);
void weft__launch_scratch_again(launch_builder *builder, int32_t scratch);
void weft__launch_end(launch_builder *builder, weft_kernel_family family, const char *kernel,
                      int64_t global0, int64_t global1, const char *tile);
/* "no kernel for ..." with the node's name; returns WEFT_UNSUPPORTED. */
weft_status weft__plan_unsupported(schedule_state *state, const weft_node *node, const char *why,
                                   const char *try_this);

/* Copies the node's first input to its first output, element by element, of any type. */
weft_status weft__launch_whole_copy(launch_builder *builder, const weft_node *node);
/* Padding by reflection, repetition of the edge or wrapping: the node's first input with
 * before[axis] elements in front. */
weft_status weft__launch_pad_tables(launch_builder *builder, const weft_node *node,
                                    const int64_t *before, const char *mode);
/* A second launch: mean over H and W of y [N,H,W,C], stored plainly. */
void weft__launch_mean(launch_builder *builder, const weft_value *y, const weft_value *mean);
/* act, act_a, act_b of a node as the kernels take them (common.cl), from its attributes
 * <prefix>act, _min, _max. */
void weft__launch_act(launch_builder *builder, const weft_attrs *attrs, const char *prefix);

#endif
