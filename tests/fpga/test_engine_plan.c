/* SPDX-License-Identifier: Apache-2.0 */
/* From an operator to its descriptors: products of matrices, rows, attention and convolutions over
 * tokens as the planner makes them, executed by the printed HLS C, against the reference kernels.
 * Random shapes, types, zero points and places of heads; engines that hold the scores of a row and
 * such that do not. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compiler/base/integer.h"
#include "compiler/base/text.h"
#include "compiler/plan/plan.h"
#include "kernels/fpga/check.h"
#include "kernels/include/weft_int_row.h"
#include "tests/contract/draw.h"
#include "tests/fpga/engine_build.h"
#include "tests/fpga/engine_case.h"

enum { CASES = 400 };

/* ---- graphs ---- */

typedef struct maker {
    draw d;
    weft_text declarations, attrs;
} maker;

static int64_t any(maker *m, int64_t low, int64_t high)
{
    return draw_in(&m->d, low, high);
}

static const char *any_type(maker *m)
{
    return any(m, 0, 1) != 0 ? "i8" : "u8";
}

static int64_t zero_of(maker *m, const char *type)
{
    return draw_edgy(&m->d, type[0] == 'i' ? -128 : 0, type[0] == 'i' ? 127 : 255);
}

static void add_attr(maker *m, const char *name, int64_t value)
{
    weft_text_printf(&m->attrs, ", %s=%" PRId64, name, value);
}

/* mult, shift and zero point of a requantised result. */
static void add_stage(maker *m, const char *mult, const char *shift, const char *zero,
                      const char *type, int bits)
{
    add_attr(m, mult, any(m, WEFT_MULT_MAX / 2, WEFT_MULT_MAX));
    add_attr(m, shift, any(m, bits, bits + 4));
    add_attr(m, zero, zero_of(m, type));
}

static void add_exps(maker *m)
{
    int64_t value = WEFT_EXP_ONE, slope = any(m, 128, 255);
    weft_text_add(&m->declarations, "  const %exps: i32[256] = [");
    for (int i = 0; i < WEFT_ENGINE_EXPS; i++) {
        weft_text_printf(&m->declarations, "%s%" PRId64, i > 0 ? ", " : "", value);
        value = value * slope / 256;
    }
    weft_text_add(&m->declarations, "]\n");
}

static void add_constant(maker *m, const char *name, const char *type, const char *dims,
                         int64_t count, int64_t low, int64_t high)
{
    weft_text_printf(&m->declarations, "  const %%%s: %s[%s] = [", name, type, dims);
    for (int64_t i = 0; i < count; i++)
        weft_text_printf(&m->declarations, "%s%" PRId64, i > 0 ? ", " : "", any(m, low, high));
    weft_text_add(&m->declarations, "]\n");
}

static void add_vector(maker *m, const char *name, const char *type, int64_t count, int64_t low,
                       int64_t high)
{
    char dims[24];
    snprintf(dims, sizeof dims, "%" PRId64, count);
    add_constant(m, name, type, dims, count, low, high);
}

/* Scale, bias and numbers of a LayerNorm. */
static void add_norm(maker *m, int64_t channels, const char *prefix)
{
    char name[32];
    add_vector(m, "gamma", "i32", channels, -WEFT_MULT_MAX, WEFT_MULT_MAX);
    add_vector(m, "beta", "i32", channels, -(1 << 20), 1 << 20);
    snprintf(name, sizeof name, "%sepsilon", prefix);
    add_attr(m, name, any(m, 0, 1) != 0 ? any(m, 0, 1 << 30) : any(m, 0, WEFT_SPREAD_EPSILON_MAX));
    snprintf(name, sizeof name, "%sbeta_shift", prefix);
    add_attr(m, name, any(m, 0, 20));
    snprintf(name, sizeof name, "%sshift", prefix);
    add_attr(m, name, any(m, 30, 36));
}

/* A zero point, and limits or those of the type. */
static void add_limits(maker *m, const char *zero, const char *min, const char *max,
                       const char *type)
{
    int64_t a = zero_of(m, type), b = zero_of(m, type);
    add_attr(m, zero, zero_of(m, type));
    if (any(m, 0, 1) != 0)
        return;
    add_attr(m, min, weft_least(a, b));
    add_attr(m, max, weft_most(a, b));
}

static const char *graph_of(maker *m, weft_arena *arena, const char *call)
{
    /* Attributes begin with ", ". */
    return weft_arena_printf(arena,
                             "graph \"one\" opset 20 {\n%s  %%o = %s {%s}\n  output %%o\n}\n",
                             m->declarations.data, call, m->attrs.data + 2);
}

static const char *make_matmul(maker *m, weft_arena *arena)
{
    const char *a = any_type(m), *b = any_type(m), *y = any_type(m);
    int64_t rows = any(m, 1, 20), depth = any(m, 1, 40), columns = any(m, 1, 30);
    int transposed = (int)any(m, 0, 1), is_shared = (int)any(m, 0, 1);
    int64_t outer = any(m, 1, 3), inner = any(m, 1, 3);
    weft_text_printf(&m->declarations,
                     "  input %%a: %s[%" PRId64 "x%" PRId64 "x%" PRId64 "x%" PRId64 "]\n", a, outer,
                     inner, rows, depth);
    weft_text_printf(&m->declarations,
                     "  input %%b: %s[%" PRId64 "x%" PRId64 "x%" PRId64 "x%" PRId64 "]\n", b,
                     is_shared ? 1 : outer, is_shared && any(m, 0, 1) ? 1 : inner,
                     transposed ? columns : depth, transposed ? depth : columns);
    add_attr(m, "b_transposed", transposed);
    add_attr(m, "a_zero", zero_of(m, a));
    add_attr(m, "b_zero", zero_of(m, b));
    add_stage(m, "mult", "shift", "y_zero", y, 30);
    weft_text_printf(&m->attrs, ", to=\"%s\"", y);
    return graph_of(m, arena, "weft.QMatMul(%a, %b)");
}

static const char *make_softmax(maker *m, weft_arena *arena)
{
    const char *y = any_type(m);
    weft_text_printf(&m->declarations, "  input %%x: %s[%" PRId64 "x%" PRId64 "x%" PRId64 "]\n",
                     any_type(m), any(m, 1, 5), any(m, 1, 9), any(m, 1, 60));
    add_exps(m);
    add_stage(m, "mult", "shift", "y_zero", y, 13);
    weft_text_printf(&m->attrs, ", to=\"%s\"", y);
    return graph_of(m, arena, "weft.QSoftmax(%x, %exps)");
}

static const char *make_layer_norm(maker *m, weft_arena *arena)
{
    const char *y = any_type(m);
    int64_t channels = any(m, 1, 60);
    weft_text_printf(&m->declarations, "  input %%x: %s[%" PRId64 "x%" PRId64 "x%" PRId64 "]\n",
                     any_type(m), any(m, 1, 5), any(m, 1, 9), channels);
    add_norm(m, channels, "");
    add_attr(m, "y_zero", zero_of(m, y));
    weft_text_printf(&m->attrs, ", to=\"%s\"", y);
    return graph_of(m, arena, "weft.QLayerNorm(%x, %gamma, %beta)");
}

/* The stage that adds a residual of type r and rounds to type y. */
static void add_sum(maker *m, const char *r, const char *y)
{
    add_attr(m, "a_mult", any(m, 1 << 20, WEFT_ADD_MULT_MAX));
    add_attr(m, "b_mult", any(m, 1 << 20, WEFT_ADD_MULT_MAX));
    add_attr(m, "b_zero", zero_of(m, r));
    add_attr(m, "add_shift", any(m, 20, 22));
    add_attr(m, "y_zero", zero_of(m, y));
}

/* A product of normalised rows, with a table or without, with a residual or without. */
static const char *make_normalised(maker *m, weft_arena *arena)
{
    const char *x = any_type(m), *codes = any_type(m), *c = any_type(m), *table = any_type(m),
               *r = any_type(m), *y = any_type(m);
    int64_t images = any(m, 1, 3), rows = any(m, 1, 9), channels = any(m, 1, 60),
            outputs = any(m, 1, 30);
    bool has_table = any(m, 0, 1) != 0, has_residual = any(m, 0, 1) != 0;
    const char *a = has_table ? table : c;
    weft_text_printf(&m->declarations, "  input %%x: %s[%" PRId64 "x%" PRId64 "x1x%" PRId64 "]\n",
                     x, images, rows, channels);
    const char *filters = weft_arena_printf(arena, "%" PRId64 "x1x1x%" PRId64, outputs, channels);
    add_constant(m, "w", "i8", filters, outputs * channels, -128, 127);
    add_vector(m, "bias", "i32", outputs, -20000, 20000);
    add_vector(m, "mult", "i32", outputs, WEFT_MULT_MAX / 2, WEFT_MULT_MAX);
    add_vector(m, "shift", "i32", outputs, 29, 33);
    if (has_table)
        add_vector(m, "t", table, 256, table[0] == 'i' ? -128 : 0, table[0] == 'i' ? 127 : 255);
    if (has_residual)
        weft_text_printf(&m->declarations,
                         "  input %%r: %s[%" PRId64 "x%" PRId64 "x1x%" PRId64 "]\n", r, images,
                         rows, outputs);
    add_norm(m, channels, "norm_");
    add_limits(m, "x_zero", "norm_min", "norm_max", codes);
    add_attr(m, "c_zero", zero_of(m, c));
    add_attr(m, "a_zero", zero_of(m, a));
    if (has_residual)
        add_sum(m, r, y);
    weft_text_printf(&m->attrs, ", norm_type=\"%s\", c_type=\"%s\", to=\"%s\"", codes, c,
                     has_residual ? y : a);
    return graph_of(m, arena,
                    weft_arena_printf(
                        arena,
                        "weft.QConv2D(%%x, %%w, %%bias, %%mult, %%shift, %s, %s, %%gamma, %%beta)",
                        has_table ? "%t" : "_", has_residual ? "%r" : "_"));
}

/* q, k and v as three values or as parts of one; heads in order or apart; tables before the scores
 * and behind them. */
static const char *make_attention(maker *m, weft_arena *arena)
{
    const char *types[3] = {any_type(m), any_type(m), any_type(m)};
    const char *s = any_type(m), *p = any_type(m), *y = any_type(m);
    int64_t images = any(m, 1, 3), kv_heads = any(m, 1, 3), heads = kv_heads * any(m, 1, 2);
    int64_t size = any(m, 1, 20), v_size = any(m, 1, 20), queries = any(m, 1, 20),
            keys = any(m, 1, any(m, 0, 3) == 0 ? 50 : 20), gap = any(m, 0, 3);
    bool is_one = any(m, 0, 1) != 0;
    int64_t channels[3] = {heads * (size + gap), kv_heads * (size + gap),
                           kv_heads * (v_size + gap)};
    int64_t offsets[3] = {any(m, 0, 2), 0, 0};
    if (is_one) {
        keys = queries;
        offsets[1] = offsets[0] + channels[0];
        offsets[2] = offsets[1] + channels[1];
        types[1] = types[2] = types[0];
    }
    static const char *const names[3] = {"q", "k", "v"};
    for (int i = 0; i < (is_one ? 1 : 3); i++)
        weft_text_printf(&m->declarations,
                         "  input %%%s: %s[%" PRId64 "x%" PRId64 "x%" PRId64 "]\n", names[i],
                         types[i], images, i == 0 ? queries : keys,
                         is_one ? offsets[2] + channels[2] : offsets[i] + channels[i]);
    add_exps(m);
    const char *tables[3] = {"", "", ""}; /* of q, k, the scores */
    const char *zero_types[2] = {types[0], types[1]};
    static const char *const table_names[3] = {"qt", "kt", "st"};
    for (int i = 0; i < 3; i++) {
        const char *type = any_type(m);
        if (any(m, 0, 2) != 0)
            continue;
        add_vector(m, table_names[i], type, 256, type[0] == 'i' ? -128 : 0,
                   type[0] == 'i' ? 127 : 255);
        tables[i] = weft_arena_printf(arena, "%%%s", table_names[i]);
        if (i < 2)
            zero_types[i] = type;
    }
    add_attr(m, "heads", heads);
    add_attr(m, "kv_heads", kv_heads);
    add_attr(m, "head_size", size);
    add_attr(m, "v_head_size", v_size);
    static const char *const offset_names[3] = {"q_offset", "k_offset", "v_offset"};
    static const char *const step_names[3] = {"q_step", "k_step", "v_step"};
    for (int i = 0; i < 3; i++) {
        add_attr(m, offset_names[i], offsets[i]);
        add_attr(m, step_names[i], (i < 2 ? size : v_size) + gap);
    }
    add_attr(m, "q_zero", zero_of(m, zero_types[0]));
    add_attr(m, "k_zero", zero_of(m, zero_types[1]));
    add_attr(m, "v_zero", zero_of(m, types[2]));
    add_stage(m, "s_mult", "s_shift", "s_zero", s, 30);
    add_stage(m, "p_mult", "p_shift", "p_zero", p, 13);
    add_stage(m, "y_mult", "y_shift", "y_zero", y, 28);
    weft_text_printf(&m->attrs, ", s_type=\"%s\", p_type=\"%s\", to=\"%s\"", s, p, y);
    const char *call = weft_arena_printf(
        arena, "weft.QAttention(%%q, %%%s, %%%s, %%exps, %s, %s, %s)", is_one ? "q" : "k",
        is_one ? "q" : "v", tables[0][0] != '\0' ? tables[0] : "_",
        tables[1][0] != '\0' ? tables[1] : "_", tables[2][0] != '\0' ? tables[2] : "_");
    return graph_of(m, arena, call);
}

/* Class tokens or none; with a table, with a residual, or without. */
static const char *make_token_conv(maker *m, weft_arena *arena)
{
    const char *x = any_type(m), *c = any_type(m), *table = any_type(m), *r = any_type(m);
    const char *y = any_type(m), *a = c;
    int64_t images = any(m, 1, 2), height = any(m, 1, 6), width = any(m, 1, 6),
            prefix = any(m, 0, 2), channels = any(m, 1, 24), offset = any(m, 0, 5),
            row = offset + channels + any(m, 0, 5), kernel[2] = {any(m, 1, 3), any(m, 1, 3)},
            pads[2] = {any(m, 0, kernel[0] - 1), any(m, 0, kernel[1] - 1)};
    bool has_table = any(m, 0, 1) != 0, has_residual = any(m, 0, 1) != 0;
    weft_text_printf(&m->declarations, "  input %%x: %s[%" PRId64 "x%" PRId64 "x%" PRId64 "]\n", x,
                     images, prefix + height * width, row);
    const char *filters = weft_arena_printf(arena, "%" PRId64 "x%" PRId64 "x%" PRId64 "x1",
                                            channels, kernel[0], kernel[1]);
    add_constant(m, "w", "i8", filters, channels * kernel[0] * kernel[1], -128, 127);
    add_vector(m, "bias", "i32", channels, -2000, 2000);
    add_vector(m, "mult", "i32", channels, WEFT_MULT_MAX / 2, WEFT_MULT_MAX);
    add_vector(m, "shift", "i32", channels, 27, 31);
    if (has_table) {
        add_vector(m, "t", table, 256, table[0] == 'i' ? -128 : 0, table[0] == 'i' ? 127 : 255);
        a = table;
    }
    if (has_residual)
        weft_text_printf(&m->declarations, "  input %%r: %s[%" PRId64 "x%" PRId64 "x%" PRId64 "]\n",
                         r, images, prefix + height * width, channels);
    weft_text_printf(&m->attrs, ", grid=[%" PRId64 ", %" PRId64 "]", height, width);
    weft_text_printf(&m->attrs, ", pads=[%" PRId64 ", %" PRId64 ", %" PRId64 ", %" PRId64 "]",
                     pads[0], pads[1], kernel[0] - 1 - pads[0], kernel[1] - 1 - pads[1]);
    add_attr(m, "prefix", prefix);
    add_attr(m, "x_offset", offset);
    add_attr(m, "x_zero", zero_of(m, x));
    add_attr(m, "c_zero", zero_of(m, c));
    add_attr(m, "a_zero", zero_of(m, a));
    if (has_residual)
        add_sum(m, r, y);
    weft_text_printf(&m->attrs, ", c_type=\"%s\", to=\"%s\"", c, has_residual ? y : a);
    return graph_of(m, arena,
                    weft_arena_printf(arena,
                                      "weft.QTokenConv(%%x, %%w, %%bias, %%mult, %%shift, %s, %s)",
                                      has_table ? "%t" : "_", has_residual ? "%r" : "_"));
}

/* ---- both sides ---- */

typedef struct sides {
    weft_arena *arena;
    weft_diag *diag;
    weft_graph *graph;
    weft_plan *plan;
    uint8_t *weights, *memory; /* whole words */
    int64_t weights_bytes, memory_bytes;
    int64_t *offsets; /* of the schedule's values */
} sides;

static void fail_with(const sides *s, const char *what, const char *text)
{
    char message[1024] = "";
    if (weft_diag_count(s->diag) > 0)
        weft_diag_format(weft_diag_get(s->diag, 0), message, sizeof message);
    fail_msg("%s: %s\n%s", what, message, text);
}

/* Memory for the weights, and for the arena with inputs and outputs behind it. */
static void place_all(sides *s)
{
    const weft_manifest *manifest = &s->plan->manifest;
    const weft_schedule *schedule = &manifest->schedules[0];
    int64_t word = WEFT_ENGINE_PORT_MAX;
    for (size_t i = 0; i < manifest->blob_count; i++) {
        int64_t end = (int64_t)(manifest->blobs[i].offset_bytes + manifest->blobs[i].size_bytes);
        s->weights_bytes = weft_most(s->weights_bytes, weft_round_up(end, word));
    }
    s->weights = weft_arena_alloc(s->arena, (size_t)s->weights_bytes + 1);
    for (size_t i = 0; i < manifest->blob_count; i++)
        assert_int_equal(
            weft_plan_blob_bytes(s->plan, i, s->weights + manifest->blobs[i].offset_bytes),
            WEFT_OK);
    s->memory_bytes = weft_round_up((int64_t)schedule->arena_bytes, word);
    s->offsets = WEFT_NEW_ARRAY(s->arena, int64_t, schedule->value_count);
    for (size_t i = 0; i < schedule->value_count; i++) {
        const weft_schedule_value *value = &schedule->values[i];
        s->offsets[i] = (int64_t)value->offset_bytes;
        if (value->place == WEFT_PLACE_INPUT || value->place == WEFT_PLACE_OUTPUT) {
            s->offsets[i] = s->memory_bytes;
            s->memory_bytes += weft_round_up((int64_t)value->size_bytes, word);
        }
    }
    s->memory = weft_arena_alloc(s->arena, (size_t)s->memory_bytes);
}

static uint32_t resolve(const sides *s, const weft_arg *word)
{
    int64_t base = 0;
    if (word->kind == WEFT_ARG_VALUE)
        base = s->offsets[word->index];
    else if (word->kind == WEFT_ARG_BLOB)
        base = (int64_t)s->plan->manifest.blobs[word->index].offset_bytes;
    else if (word->kind == WEFT_ARG_SCRATCH)
        base = (int64_t)word->offset_bytes;
    return (uint32_t)(base + word->i);
}

/* The descriptors of the one step; each is checked as the runtime does. */
static void run_engine(sides *s, const struct engine_library *library,
                       const weft_engine_params *params)
{
    const weft_step *step = &s->plan->manifest.schedules[0].steps[0];
    const weft_descriptor_memory memory = {s->weights, (uint64_t)s->weights_bytes,
                                           (uint64_t)s->memory_bytes};
    uint32_t *words =
        WEFT_NEW_ARRAY(s->arena, uint32_t, (step->descriptor_count + 1) * WEFT_D_WORDS);
    for (size_t d = 0; d < step->descriptor_count; d++) {
        uint32_t *at = words + d * WEFT_D_WORDS;
        for (size_t i = 0; i < step->descriptors[d].word_count; i++)
            at[i] = resolve(s, &step->descriptors[d].words[i]);
        const char *wrong = weft_descriptor_check(at, params, &memory);
        if (wrong != NULL)
            fail_msg("descriptor %zu: %s", d, wrong);
    }
    void *arena = s->memory, *weights = s->weights;
    library->call(words, weights, arena, arena, arena, (uint32_t)step->descriptor_count + 1);
}

/* The node by its reference kernel, from the same inputs. */
static void run_reference(const sides *s, uint8_t *out)
{
    const weft_node *node = s->graph->first;
    const weft_schedule *schedule = &s->plan->manifest.schedules[0];
    const weft_step *step = &schedule->steps[0];
    weft_tensor inputs[9],
        y = {.dtype = node->outputs[0]->dtype, .shape = node->outputs[0]->shape, .data = out};
    const weft_tensor *in[9];
    weft_tensor *outputs[1] = {&y};
    for (size_t i = 0; i < node->input_count; i++) {
        const weft_value *value = node->inputs[i];
        in[i] = value != NULL ? &inputs[i] : NULL;
        if (value == NULL)
            continue;
        inputs[i] = (weft_tensor){.dtype = value->dtype, .shape = value->shape};
        inputs[i].data = weft_value_is_constant(value) ? (void *)(uintptr_t)value->data
                                                       : s->memory + s->offsets[step->inputs[i]];
    }
    const weft_ref_call call = {&node->attrs, in, node->input_count, outputs, 1};
    assert_int_equal(weft_op_get(node->op)->ref(&call), WEFT_OK);
}

static size_t check_case(const char *text, const struct engine_library *library,
                         const weft_engine_params *params, draw *d)
{
    sides s = {.arena = weft_arena_create()};
    weft_target target;
    assert_int_equal(weft_diag_create(&s.diag), WEFT_OK);
    assert_int_equal(weft_target_find("cpu-avx2", &target, s.diag), WEFT_OK);
    if (weft_graph_parse(s.arena, text, strlen(text), &s.graph, s.diag) != WEFT_OK)
        fail_with(&s, "the graph of the test is wrong", text);
    if (weft_plan_build(s.arena, &s.graph, 1, &target, 1, params, &s.plan, s.diag) != WEFT_OK)
        fail_with(&s, "no plan", text);
    const weft_step *step = &s.plan->manifest.schedules[0].steps[0];
    size_t count = step->descriptor_count;
    if (count > 0) {
        place_all(&s);
        for (int64_t i = 0; i < s.memory_bytes; i++)
            s.memory[i] = (uint8_t)draw_bits(d);
        size_t bytes = (size_t)s.plan->manifest.schedules[0].values[step->outputs[0]].size_bytes;
        uint8_t *expected = weft_arena_alloc(s.arena, bytes);
        run_reference(&s, expected);
        run_engine(&s, library, params);
        if (memcmp(expected, s.memory + s.offsets[step->outputs[0]], bytes) != 0)
            fail_msg("other bits than the reference:\n%s", text);
    }
    weft_diag_destroy(s.diag);
    weft_arena_destroy(s.arena);
    return count;
}

/* ---- tests ---- */

typedef const char *make_graph(maker *m, weft_arena *arena);

/* Runs random graphs on two engines; the descriptors that were executed. */
static size_t check(make_graph *make, const char *engine, uint64_t seed)
{
    const weft_engine_params *params = engine_case_engine(engine);
    const weft_engine_params with = weft_engine_with(params, true, true);
    struct engine_library library;
    size_t count = 0;
    if (!engine_has_compiler("gcc")) {
        printf("missing: gcc\n");
        skip();
    }
    assert_true(engine_library_open("gcc", "-O1", &with, &library));
    maker m = {.d = {.state = seed}};
    for (int i = 0; i < CASES; i++) {
        weft_arena *arena = weft_arena_create();
        weft_text_init(&m.declarations, arena);
        weft_text_init(&m.attrs, arena);
        count += check_case(make(&m, arena), &library, &with, &m.d);
        weft_arena_destroy(arena);
    }
    engine_library_close(&library);
    return count;
}

static void products_of_matrices(void **state)
{
    (void)state;
    assert_true(check(make_matmul, "tiny", 1) >= CASES - CASES / 10);
    assert_true(check(make_matmul, "odd", 2) >= CASES - CASES / 10);
}

/* A line of "tiny" has 16 elements, of "wide" 128: longer rows stay with the host. */
static void rows_that_fit_a_line(void **state)
{
    (void)state;
    assert_true(check(make_softmax, "tiny", 3) < CASES / 2);
    assert_int_equal(check(make_softmax, "wide", 4), CASES);
    assert_int_equal(check(make_layer_norm, "wide", 5), CASES);
}

/* Two descriptors, the second reads what the first leaves in scratch memory. */
static void products_of_normalised_rows(void **state)
{
    (void)state;
    assert_true(check(make_normalised, "tiny", 11) < CASES);
    assert_int_equal(check(make_normalised, "wide", 12), 2 * CASES);
}

/* "tiny" holds no row of 17 scores; "odd" holds them on the chip, or in scratch memory. */
static void attention_in_groups_of_heads(void **state)
{
    (void)state;
    check(make_attention, "tiny", 6);
    assert_true(check(make_attention, "odd", 7) > 2 * CASES);
    assert_true(check(make_attention, "wide", 8) > 2 * CASES);
}

/* Two descriptors where there are class tokens. */
static void convolutions_over_tokens(void **state)
{
    (void)state;
    assert_true(check(make_token_conv, "tiny", 9) > CASES + CASES / 2);
    assert_true(check(make_token_conv, "wide", 10) > CASES + CASES / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_of_matrices),
        cmocka_unit_test(rows_that_fit_a_line),
        cmocka_unit_test(products_of_normalised_rows),
        cmocka_unit_test(attention_in_groups_of_heads),
        cmocka_unit_test(convolutions_over_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
