/* SPDX-License-Identifier: Apache-2.0 */
/* How many steps a transformer block takes, in float and in 8 bits: small networks of each family
 * as both of PyTorch's exporters write them (golden/pipeline, where the values are compared)
 * through all passes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "compiler/base/file.h"
#include "compiler/passes/passes.h"
#include "compiler/quant/assume.h"
#include "tests/passes/build.h"

static const struct network {
    const char *name;
    size_t blocks, steps_per_block;
    /* Embedding, reduction between stages, rows of the class token, head; in 8 bits also where
     * floats become codes and codes floats, and the last normalisation with the choice of its row.
     */
    size_t others, others_8bit;
} networks[] = {
    {"vit_torchscript", 2, 5, 5, 8},          {"vit_dynamo", 2, 5, 5, 8},
    {"resformer_torchscript", 2, 6, 4, 8},    {"resformer_dynamo", 2, 6, 4, 8},
    {"vit_resnas_torchscript", 2, 5, 15, 21}, {"vit_resnas_dynamo", 2, 5, 15, 21},
};

static size_t count_steps(const weft_graph *graph)
{
    size_t count = 0;
    for (const weft_node *node = graph->first; node; node = node->next)
        count += node->op != WEFT_OP_Reshape;
    return count;
}

static void one_network(const struct network *network, bool in_8bit)
{
    weft_diag *diag = NULL;
    assert_int_equal(weft_diag_create(&diag), WEFT_OK);
    weft_arena *arena = weft_arena_create();
    assert_non_null(arena);
    if (WEFT_ARENA_TRY(arena))
        fail_msg("out of memory");
    weft_graph *graph = NULL;
    weft_file_map map;
    const char *path =
        weft_arena_printf(arena, "%s/passes/golden/pipeline/%s.ir", WEFT_TEST_DATA, network->name);
    build_check(weft_file_map_open(path, &map, diag), diag);
    build_check(weft_graph_parse(arena, (const char *)map.data, map.size_bytes, &graph, diag),
                diag);
    weft_file_map_close(&map);
    if (in_8bit)
        build_check(weft_quant_assume(arena, graph, &graph, diag), diag);
    build_check(weft_passes_run(graph, NULL, NULL, diag), diag);
    size_t steps = count_steps(graph), most = network->blocks * network->steps_per_block +
                                              (in_8bit ? network->others_8bit : network->others);
    print_message("  %s%s: %zu steps, at most %zu\n", network->name, in_8bit ? " in 8 bits" : "",
                  steps, most);
    assert_true(steps <= most);
    weft_arena_destroy(arena);
    weft_diag_destroy(diag);
}

static void blocks_take_few_steps(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof networks / sizeof networks[0]; i++)
        one_network(&networks[i], false);
}

static void blocks_take_as_few_in_8_bits(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof networks / sizeof networks[0]; i++)
        one_network(&networks[i], true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(blocks_take_few_steps),
                                       cmocka_unit_test(blocks_take_as_few_in_8_bits)};
    return cmocka_run_group_tests_name("steps of transformer blocks", tests, NULL, NULL);
}
