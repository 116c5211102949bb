/* SPDX-License-Identifier: Apache-2.0 */
/* Host memory of a request: arena, inputs and outputs. Must not know about: backends, threads. */
#ifndef WEFT_RUNTIME_CORE_MEMORY_H
#define WEFT_RUNTIME_CORE_MEMORY_H

#include "runtime/backends/backend.h"

/* False when out of memory; *out_needed_bytes then says how much was asked for. With keep_values no
 * two values share arena. */
bool weft__memory_init(const weft_schedule *schedule, bool keep_values, bool ports_in_arena,
                       weft_run_memory *out_memory, uint64_t *out_needed_bytes);
void weft__memory_finish(const weft_schedule *schedule, weft_run_memory *memory);

#endif
