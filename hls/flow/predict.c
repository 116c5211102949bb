/* SPDX-License-Identifier: Apache-2.0 */
/* What weft predicted for the engines of a package, before anything was built: the numbers that the
 * tools' stand beside. Must not know about: tools, reports. */
#include <string.h>

#include "compiler/card/card.h"
#include "compiler/package/engine_params.h"
#include "hls/flow/internal.h"

static flow_resources resources_of(const weft_board_slr *slr)
{
    flow_resources made;
    made.of[FLOW_LUT] = (double)slr->lut;
    made.of[FLOW_FF] = (double)slr->ff;
    made.of[FLOW_DSP] = (double)slr->dsp;
    made.of[FLOW_BRAM36] = (double)slr->bram36;
    made.of[FLOW_URAM] = (double)slr->uram;
    return made;
}

bool weft__build_predict(const weft_flow *flow, flow_resources *out_unit)
{
    weft_engine_params params = weft_engine_params_read(&flow->manifest->engine);
    if (flow->board == NULL || !weft_engine_params_are_valid(&params))
        return false;
    weft_board_slr one = weft_card_engine_resources(flow->board, &params);
    *out_unit = resources_of(&one);
    return true;
}

bool weft__build_usable(const weft_flow *flow, int32_t slr, flow_resources *out_usable)
{
    if (flow->board == NULL || slr < 0 || slr >= flow->board->slr_count)
        return false;
    *out_usable = resources_of(&flow->board->slrs[slr]);
    return true;
}
