/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz harness of the ONNX reader: any bytes end in a graph that verifies, or in an error. Must not
 * know about the other harnesses; replay.c runs it over files in `make check`. */
#include "compiler/import/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const weft_shape_binding shapes[] = {{"x", {.rank = 4, .dims = {-1, -1, 8, 8}}}};
    weft_arena *arena = weft_arena_create();
    weft_diag *diag = NULL;
    if (arena == NULL || weft_diag_create(&diag) != WEFT_OK) {
        weft_arena_destroy(arena);
        return 0;
    }
    if (WEFT_ARENA_TRY(arena) == 0) {
        /* Every other length comes with a shape, so that the mutator can switch it. */
        weft_import_params params = {
            .data = data, .size_bytes = size, .shapes = shapes, .shape_count = size & 1};
        weft_graph *graph = NULL;
        weft_status status = weft_import_onnx(arena, &params, &graph, diag);
        if (status == WEFT_OK) {
            WEFT_ASSERT(graph != NULL && weft_diag_error_count(diag) == 0);
            WEFT_ASSERT(weft_graph_verify(graph, "import", diag) == WEFT_OK);
        } else {
            WEFT_ASSERT(graph == NULL && weft_diag_error_count(diag) > 0);
            WEFT_ASSERT(status != WEFT_INTERNAL);
        }
    }
    weft_arena_destroy(arena);
    weft_diag_destroy(diag);
    return 0;
}
