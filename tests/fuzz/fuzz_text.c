/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the reader of the text form. What it accepts must verify, and must print to a text that
 * reads back to the same text. Must not know about ONNX. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/ir/graph.h"

/* Printing more constant data in full than this only slows the search down. */
enum { FULL_DATA_BYTES = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void stop(const char *what, const char *text, weft_diag *diag)
{
    fprintf(stderr, "fuzz_text: %s\n%s\n", what, text ? text : "");
    for (size_t i = 0; i < weft_diag_count(diag); i++)
        fprintf(stderr, "%s\n", weft_diag_get(diag, i)->summary);
    abort();
}

static size_t constant_bytes(const weft_graph *graph)
{
    size_t total = 0, bytes;
    for (size_t i = 0; i < graph->values.count; i++)
        if (graph->values.data[i]->data &&
            weft_shape_bytes(&graph->values.data[i]->shape, graph->values.data[i]->dtype, &bytes))
            total += bytes;
    return total;
}

static void check_round_trip(weft_arena *arena, weft_graph *graph, bool with_data, weft_diag *diag)
{
    weft_text first, second;
    weft_text_init(&first, arena);
    weft_text_init(&second, arena);
    weft_graph_print(graph, with_data, &first);
    weft_graph *again;
    if (weft_graph_parse(arena, first.data, first.length, &again, diag) != WEFT_OK)
        stop("the printed text is refused", first.data, diag);
    weft_graph_print(again, with_data, &second);
    if (first.length != second.length || memcmp(first.data, second.data, first.length) != 0) {
        fprintf(stderr, "%s\n", first.data);
        stop("the text changes when it is read and printed", second.data, diag);
    }
}

static void run(weft_arena *arena, const uint8_t *data, size_t size_bytes, weft_diag *diag)
{
    weft_graph *graph;
    weft_status status = weft_graph_parse(arena, (const char *)data, size_bytes, &graph, diag);
    if (status != WEFT_OK) {
        if (status == WEFT_INTERNAL || weft_diag_error_count(diag) == 0)
            stop("an error without a diagnostic, or an internal one", NULL, diag);
        return;
    }
    if (weft_graph_verify(graph, "reading", diag) != WEFT_OK)
        stop("the graph does not verify", NULL, diag);
    check_round_trip(arena, graph, false, diag);
    if (constant_bytes(graph) <= FULL_DATA_BYTES)
        check_round_trip(arena, graph, true, diag);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    weft_arena *arena = weft_arena_create();
    weft_diag *diag;
    if (!arena || weft_diag_create(&diag) != WEFT_OK)
        return 0;
    if (!WEFT_ARENA_TRY(arena))
        run(arena, data, size_bytes, diag);
    weft_diag_destroy(diag);
    weft_arena_destroy(arena);
    return 0;
}
