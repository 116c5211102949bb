/* SPDX-License-Identifier: Apache-2.0 */
/* Targets as data: the rows of targets.def. Knows nothing of graphs or kernels. */
#ifndef WEFT_PLAN_TARGET_H
#define WEFT_PLAN_TARGET_H

#include "compiler/base/error.h"

typedef struct weft_target {
    const char *name;
    int vector_floats; /* WEFT_VW */
    int tile_rows;     /* WEFT_MR */
    int dot;           /* WEFT_DOT */
    int64_t l1_bytes, l2_bytes, l3_bytes;
    int64_t local_bytes; /* largest local argument of a kernel; not above what OpenCL devices of the
                            kind offer */
    double peak_gflops;  /* per thread */
    double peak_gops;    /* per thread, of 8-bit products */
    double memory_gbytes;
    double launch_ns;
    const char *doc;
} weft_target;

size_t weft_target_count(void);
const weft_target *weft_target_get(size_t index);
/* A copy of the row with this name. NULL asks for the row that suits this machine, cut down where
 * this machine's L2 is smaller than the row's. Errors: PLAN_TARGET listing the names. */
weft_status weft_target_find(const char *name, weft_target *out_target, weft_diag *diag);
/* The row that suits this machine: widest vectors that the processor and the system offer. */
const weft_target *weft_target_here(void);

#endif
