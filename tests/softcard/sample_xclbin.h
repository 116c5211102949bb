/* SPDX-License-Identifier: Apache-2.0 */
/* An xclbin for tests: kernel vadd(a, b, c, n). */
#ifndef WEFT_TESTS_SOFTCARD_SAMPLE_XCLBIN_H
#define WEFT_TESTS_SOFTCARD_SAMPLE_XCLBIN_H

#include "hls/softcard/xclbin.h"

enum { SAMPLE_ARGUMENTS = 4 };

/* With so many units; unit i has its pointers in memory i % 2 of DDR[0], DDR[1]. */
weft_xclbin sample_xclbin(weft_arena *arena, size_t unit_count, const char *platform);

#endif
