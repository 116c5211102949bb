/* SPDX-License-Identifier: Apache-2.0 */
/* Planning for the engine of kernels/fpga: a node of 8-bit values becomes descriptors, or stays a
 * host step. Shared by the files engine*.c of this room only. */
#ifndef WEFT_PLAN_ENGINE_H
#define WEFT_PLAN_ENGINE_H

#include "compiler/plan/internal.h"
#include "kernels/fpga/engine.h"

_Static_assert((int)WEFT_D_WORDS == (int)WEFT_DESCRIPTOR_WORDS, "one size of descriptors");

/* Descriptors of one step, one after the other: begin, words, end. */
typedef struct engine_builder {
    schedule_state *state;
    const weft_engine_params *engine;
    weft_step *step;
    size_t capacity; /* of step->descriptors */
    weft_arg words[WEFT_D_WORDS];
} engine_builder;

void weft__engine_begin(engine_builder *builder, int kind, int flags);
void weft__engine_int(engine_builder *builder, int word, int64_t number);
/* Offset in the arena of element `plus` of a value. A constant is put there once, before the first
 * run (runtime/core/memory.c). */
void weft__engine_value(engine_builder *builder, int word, const weft_value *value, int64_t plus);
/* Offset in the weights of a constant's plain elements. */
void weft__engine_constant(engine_builder *builder, int word, const weft_value *value);
void weft__engine_blob(engine_builder *builder, int word, int32_t blob);
/* Byte `plus` of arena that belongs to the step. *io_scratch: -1 takes `bytes` of it and becomes
 * their number, with which later words mean the same bytes. */
void weft__engine_scratch(engine_builder *builder, int word, int64_t bytes, int64_t plus,
                          int32_t *io_scratch);
void weft__engine_end(engine_builder *builder);

bool weft__engine_is_8bit(const weft_value *value);
/* The same, and a step before makes it. */
bool weft__engine_is_operand(const weft_value *value);
/* Zero point and limits of one 8-bit result (<stage>_zero, _min, _max; absent limits are the
 * type's) into three words. */
void weft__engine_stage(engine_builder *builder, const char *stage, weft_dtype dtype, int zero_word,
                        int min_word, int max_word);

/* engine_window.c, engine_stream.c: false when the engine cannot do the node; nothing is added
 * then.
 */
bool weft__engine_plan_conv(engine_builder *builder, const weft_node *node);
bool weft__engine_plan_token_conv(engine_builder *builder, const weft_node *node);
bool weft__engine_plan_pool(engine_builder *builder, const weft_node *node);
bool weft__engine_plan_add(engine_builder *builder, const weft_node *node);
bool weft__engine_plan_mul(engine_builder *builder, const weft_node *node);
bool weft__engine_plan_table(engine_builder *builder, const weft_node *node);
bool weft__engine_plan_move(engine_builder *builder, const weft_node *node);
/* engine_rows.c, engine_attention.c: the same. */
bool weft__engine_plan_softmax(engine_builder *builder, const weft_node *node);
bool weft__engine_plan_layer_norm(engine_builder *builder, const weft_node *node);
bool weft__engine_plan_matmul(engine_builder *builder, const weft_node *node);
bool weft__engine_plan_attention(engine_builder *builder, const weft_node *node);

/* Whether the engine normalises rows as long as the last dimension of x, a value of the arena. */
bool weft__engine_has_row_of(const engine_builder *builder, const weft_value *x);
/* The LayerNorm of weft.QConv2D: its pixels into scratch memory as large as x. */
void weft__engine_normalise(engine_builder *builder, const weft_node *node, int32_t *out_scratch);

/* Rows of a softmax: mult, shift and table of exponentials; its result's zero point and limits. */
void weft__engine_softmax(engine_builder *builder, const weft_value *exps, const char *stage,
                          weft_dtype dtype);

/* What a window kind is tiled by. */
typedef struct engine_window {
    int64_t pixels; /* of the whole batch */
    int64_t image_pixels;
    bool has_mean;
    int64_t channels, depth; /* depth: elements of a filter, or taps */
    int64_t stretch;         /* elements of the depth that lie next to one another in x */
    bool is_strided;         /* elements of x are read one by one */
    bool has_filters;
    bool is_whole; /* a tile has all channels */
} engine_window;

/* depth: as above. */
typedef struct engine_tile {
    int64_t pixels, channels, depth;
} engine_tile;
/* No pixels: none fits, which can only be where tiles have all channels. */
engine_tile weft__engine_conv_tile(const weft_engine_params *engine, const engine_window *window);
engine_tile weft__engine_lane_tile(const weft_engine_params *engine, const engine_window *window);

#endif
