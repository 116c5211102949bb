/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of a manifest: every index, offset and size against what it counts. The runtime relies
 * on them and checks nothing again. Must not know about: JSON, files. */
#ifndef WEFT_PACKAGE_MANIFEST_CHECK_H
#define WEFT_PACKAGE_MANIFEST_CHECK_H

#include "compiler/package/internal.h"

/* A terabyte: more than a device has, and small enough that sums of two sizes cannot overflow. */
#define WEFT_CHECK_MAX_BYTES (UINT64_C(1) << 40)

typedef struct weft__check {
    const weft_manifest *manifest;
    const weft_manifest_limits *limits;
    const weft_schedule *schedule; /* NULL: outside of schedules */
    size_t schedule_index;
    weft_text *reason;
} weft__check;

/* Writes the reason; always false. */
bool weft__check_fail(const weft__check *c, const char *format, ...) WEFT_PRINTF(2, 3);
/* Whether offset and size lie below the limit; sums cannot overflow. */
bool weft__check_range(uint64_t offset, uint64_t size, uint64_t limit);
/* manifest_check_step.c: a step of c->schedule, whose values are known to be good. */
bool weft__check_step(const weft__check *c, size_t index);

#endif
