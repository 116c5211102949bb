/* SPDX-License-Identifier: Apache-2.0 */
/* What the two files of a lane share.
 *
 * Any call of the driver may be stuck for ever. The watch (units.c) then gives the run up: the
 * request is told, and may be gone when the call returns after all. So after each call a lane asks
 * whether it is still wanted before it touches what belongs to the request or the session. */
#ifndef WEFT_RUNTIME_XRT_LANE_H
#define WEFT_RUNTIME_XRT_LANE_H

#include "runtime/backends/xrt/xrt_backend.h"

#define SECOND_NS UINT64_C(1000000000)
/* Calls that are not launches: seconds are a hundred times what they take, data moved at a tenth of
 * what the slowest emulation moves. */
enum { CALL_BOUND_S = 10, SLOW_BYTES_PER_S = 20000000 };

/* Copies between host memory of the request and a buffer; false, and nothing is touched, when the
 * lane was given up. */
bool weft__xrt_lane_copy(xrt_lane *lane, void *to, const void *from, size_t bytes);
/* One value after the other to the card. False when a call failed or the lane was given up. */
bool weft__xrt_lane_send(xrt_lane *lane, const xrt_buffer *arena, const xrt_moves *moves);
/* The lane's memory in the banks of a group: values and program. What was made before a failure is
 * dropped by the caller. */
bool weft__xrt_lane_make_place(xrt_lane *lane, uint32_t group, xrt_failure *failure);
void weft__xrt_lane_drop_place(xrt_lane *lane, xrt_place *place);

#endif
