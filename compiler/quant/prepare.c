/* SPDX-License-Identifier: Apache-2.0 */
/* From an imported model to the graph that is quantised: constants folded, batch normalisation in
 * the weights, ONNX operators and layout kept. Must not know: statistics, integers. */
#include "compiler/passes/passes.h"
#include "compiler/quant/quant.h"

weft_status weft_quant_prepare(weft_quant *quant, weft_diag *diag)
{
    static weft_status (*const passes[])(weft_graph *, size_t *, weft_diag *) = {
        weft_pass_fold_constants, weft_pass_split_variadic, weft_pass_simplify,
        weft_pass_fold_batchnorm, weft_pass_cleanup};
    weft_graph *graph = quant->graph;
    for (size_t i = 0; i < sizeof passes / sizeof passes[0]; i++) {
        size_t changes;
        weft_status status = passes[i](graph, &changes, diag);
        if (status != WEFT_OK)
            return status;
    }
    /* Constants were shared with the model, which may be closed first. */
    for (size_t i = 0; i < graph->values.count; i++) {
        weft_value *value = graph->values.data[i];
        size_t bytes = 0;
        if (weft_value_is_constant(value) && value->use_count > 0 &&
            weft_shape_bytes(&value->shape, value->dtype, &bytes))
            value->data = weft_arena_dup(quant->arena, value->data, bytes);
    }
    return WEFT_OK;
}
