/* SPDX-License-Identifier: Apache-2.0 */
/* An engine's parameters in a manifest: one name for each, written by the planner and read by
 * everybody who needs the engine of a package. Must not know about: plans, devices. */
#ifndef WEFT_PACKAGE_ENGINE_PARAMS_H
#define WEFT_PACKAGE_ENGINE_PARAMS_H

#include "compiler/package/schedule.h"
#include "kernels/fpga/engine.h"

void weft_engine_params_write(const weft_engine_params *params, weft_arena *arena,
                              weft_attrs *out_attrs);
/* What the descriptors of these schedules ask an engine for: products of two activations; softmax
 * and LayerNorm. */
void weft_engine_needs_of(const weft_schedule *schedules, size_t count, bool *out_products,
                          bool *out_norms);
/* The engine with these, which are there only where one of them is used. */
weft_engine_params weft_engine_params_for(const weft_engine_params *params,
                                          const weft_schedule *schedules, size_t count);
/* What is not there is 0: weft_engine_params_are_valid tells whether it is an engine of weft's. */
weft_engine_params weft_engine_params_read(const weft_engine *engine);

#endif
