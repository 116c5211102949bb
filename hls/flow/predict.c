/* SPDX-License-Identifier: Apache-2.0 */
/* What weft predicted for the engines of a package, before anything was built: the numbers that the
 * tools' stand beside. Must not know about: tools, reports. */
#include <string.h>

#include "compiler/card/card.h"
#include "hls/flow/internal.h"

/* The engine's parameters as the manifest has them. */
static weft_engine_params params_of(const weft_engine *engine)
{
    const weft_attrs *p = &engine->parameters;
    return (weft_engine_params){.name = engine->name,
                                .rows = (int32_t)weft_attrs_int(p, "rows", 0),
                                .cols = (int32_t)weft_attrs_int(p, "columns", 0),
                                .simd = (int32_t)weft_attrs_int(p, "simd", 0),
                                .lanes = (int32_t)weft_attrs_int(p, "lanes", 0),
                                .x_bytes = (int32_t)weft_attrs_int(p, "x_bytes", 0),
                                .w_bytes = (int32_t)weft_attrs_int(p, "w_bytes", 0),
                                .sums = (int32_t)weft_attrs_int(p, "sums", 0),
                                .lane_bytes = (int32_t)weft_attrs_int(p, "lane_bytes", 0),
                                .line = (int32_t)weft_attrs_int(p, "line", 0),
                                .port = (int32_t)weft_attrs_int(p, "port", 0)};
}

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
    weft_engine_params params = params_of(&flow->manifest->engine);
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
