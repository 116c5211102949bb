/* SPDX-License-Identifier: Apache-2.0 */
/* Files that other programs show: a Chrome trace (Perfetto) and an overlay for Netron.
 * Must not know about: sessions. */
#ifndef WEFT_CLI_TRACE_H
#define WEFT_CLI_TRACE_H

#include <jansson.h>

#include "weft/package.h"
#include "weft/runtime.h"

/* One run: the host's call on one track, the steps of the queue on another; microseconds. On a card
 * the host's steps are on its own track, each unit has one, and so have the two ways and dispatch.
 */
json_t *weft_cli_trace_json(const weft_package *package, size_t schedule,
                            const weft_step_time *times, const char *device, bool is_card,
                            double wall_us);

/* signature netron:attachment; every ONNX node gets the time of the step it went into, and which
 * step that is. */
json_t *weft_cli_overlay_json(const weft_package *package, size_t schedule,
                              const double *measured_us);

#endif
