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
    for (size_t i = 0; i < sizeof passes / sizeof passes[0]; i++) {
        size_t changes;
        weft_status status = passes[i](quant->graph, &changes, diag);
        if (status != WEFT_OK)
            return status;
    }
    return WEFT_OK;
}
