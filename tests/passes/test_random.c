/* SPDX-License-Identifier: Apache-2.0 */
/* Random graphs through every pass: values stay, the verifier is content, names of inputs and
 * outputs stay, a second run of a pass that says so changes nothing, and the same graph gives the
 * same text. Must not know the passes beyond their table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/passes/passes.h"
#include "tests/passes/random_graph.h"
#include "tests/passes/random_tokens.h"
#include "tests/passes/run.h"

/* A few seconds. WEFT_TEST_GRAPHS asks for more, WEFT_TEST_SEED for one seed only. */
enum { DEFAULT_GRAPHS = 400 };

static uint64_t number_of(const char *variable, uint64_t fallback)
{
    const char *text = getenv(variable);
    return text ? strtoull(text, NULL, 10) : fallback;
}

static const char *text_of(const weft_graph *graph)
{
    weft_text text;
    weft_text_init(&text, graph->arena);
    weft_graph_print(graph, true, &text);
    return text.data;
}

static void show(const weft_graph *graph)
{
    weft_text text;
    weft_text_init(&text, graph->arena);
    weft_graph_print(graph, false, &text);
    fputs(text.data, stderr); /* cmocka cuts long texts */
}

static void check_pass(weft_graph *graph, const weft_pass_row *row, uint64_t seed,
                       const run_result *reference, weft_diag *diag)
{
    size_t changes = 0;
    build_check(row->run(graph, &changes, diag), diag);
    build_check(weft_graph_verify(graph, row->name, diag), diag);
    run_result now = run_graph(graph, seed, diag);
    double difference = run_difference(reference, &now);
    if (difference > RUN_TOLERANCE) {
        show(graph);
        fail_msg("seed %d: %s changes values by %.1e", (int)seed, row->name, difference);
    }
    if (!row->idempotent)
        return;
    const char *before = text_of(graph);
    build_check(row->run(graph, &changes, diag), diag);
    const char *after = text_of(graph);
    if (changes != 0 || strcmp(before, after) != 0) {
        print_error("%s%s", before, after);
        fail_msg("seed %d: a second %s makes %zu changes", (int)seed, row->name, changes);
    }
}

typedef void (*build_graph)(build *b);

static void build_tokens(build *b)
{
    size_t attentions, token_convs;
    random_tokens_build(b, &attentions, &token_convs);
}

static void one_seed(uint64_t seed, build_graph build_it)
{
    weft_diag *diag = NULL;
    assert_int_equal(weft_diag_create(&diag), WEFT_OK);
    weft_arena *arena = weft_arena_create();
    assert_non_null(arena);
    if (WEFT_ARENA_TRY(arena))
        fail_msg("out of memory");
    build b = {.graph = weft_graph_create(arena, "random"), .diag = diag, .state = seed};
    build twin = {.graph = weft_graph_create(arena, "random"), .diag = diag, .state = seed};
    build_it(&b);
    build_it(&twin);
    build_check(weft_graph_verify(b.graph, "building", diag), diag);
    run_result reference = run_graph(b.graph, seed, diag);
    for (size_t i = 0; i < WEFT_PASS_COUNT; i++)
        check_pass(b.graph, weft_pass_get(i), seed, &reference, diag);

    weft_graph *again = NULL;
    weft_pass_params params = WEFT_PASS_PARAMS_DEFAULT;
    build_check(weft_passes_run(twin.graph, &params, NULL, diag), diag);
    const char *text = text_of(twin.graph);
    weft_arena *other = weft_arena_create();
    if (WEFT_ARENA_TRY(other))
        fail_msg("out of memory");
    build third = {.graph = weft_graph_create(other, "random"), .diag = diag, .state = seed};
    build_it(&third);
    build_check(weft_passes_run(third.graph, &params, NULL, diag), diag);
    assert_string_equal(text, text_of(third.graph));
    /* what the passes make can be written and read */
    build_check(weft_graph_parse(arena, text, strlen(text), &again, diag), diag);

    build required = {.graph = weft_graph_create(other, "random"), .diag = diag, .state = seed};
    build_it(&required);
    params.level = 0;
    params.verify = true;
    build_check(weft_passes_run(required.graph, &params, NULL, diag), diag);
    run_result lowered = run_graph(required.graph, seed, diag);
    assert_true(run_difference(&reference, &lowered) <= RUN_TOLERANCE);
    for (const weft_node *node = required.graph->first; node; node = node->next)
        if (weft_op_get(node->op)->runs == WEFT_RUNS_LOWERED)
            fail_msg("seed %d: %s is left at level 0", (int)seed, weft_op_name(node->op));
    weft_arena_destroy(other);
    weft_arena_destroy(arena);
    weft_diag_destroy(diag);
}

static void many_seeds(build_graph build_it)
{
    uint64_t seed = number_of("WEFT_TEST_SEED", 0);
    if (seed) {
        one_seed(seed, build_it);
        return;
    }
    uint64_t count = number_of("WEFT_TEST_GRAPHS", DEFAULT_GRAPHS);
    for (uint64_t i = 1; i <= count; i++)
        one_seed(i, build_it);
}

static void random_graphs_keep_their_values(void **state)
{
    (void)state;
    many_seeds(random_graph_build);
}

static void random_transformers_keep_their_values(void **state)
{
    (void)state;
    many_seeds(build_tokens);
}

static size_t count_of(const weft_graph *graph, weft_op op)
{
    size_t count = 0;
    for (const weft_node *node = graph->first; node; node = node->next)
        count += node->op == op;
    return count;
}

/* However it is spelled: no attention stays in pieces, nor a GELU, nor a
 * normalisation in front of a product. */
static void fuses(uint64_t seed)
{
    size_t attentions = 0, token_convs = 0;
    weft_diag *diag = NULL;
    assert_int_equal(weft_diag_create(&diag), WEFT_OK);
    weft_arena *arena = weft_arena_create();
    assert_non_null(arena);
    if (WEFT_ARENA_TRY(arena))
        fail_msg("out of memory");
    build b = {.graph = weft_graph_create(arena, "random"), .diag = diag, .state = seed};
    random_tokens_build(&b, &attentions, &token_convs);
    build_check(weft_passes_run(b.graph, NULL, NULL, diag), diag);
    if (count_of(b.graph, WEFT_OP_Attention) != attentions ||
        count_of(b.graph, WEFT_OP_Softmax) + count_of(b.graph, WEFT_OP_MatMul) != 0 ||
        count_of(b.graph, WEFT_OP_TokenConv) > token_convs ||
        count_of(b.graph, WEFT_OP_Gelu) + count_of(b.graph, WEFT_OP_Erf) +
                count_of(b.graph, WEFT_OP_Tanh) + count_of(b.graph, WEFT_OP_Sqrt) !=
            0) {
        show(b.graph);
        fail_msg("seed %d: %zu attentions were made, %zu are there", (int)seed, attentions,
                 count_of(b.graph, WEFT_OP_Attention));
    }
    weft_arena_destroy(arena);
    weft_diag_destroy(diag);
}

static void every_spelling_is_fused(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= DEFAULT_GRAPHS; seed++)
        fuses(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_graphs_keep_their_values),
        cmocka_unit_test(random_transformers_keep_their_values),
        cmocka_unit_test(every_spelling_is_fused),
    };
    return cmocka_run_group_tests_name("random graphs through the passes", tests, NULL, NULL);
}
