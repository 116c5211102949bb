/* SPDX-License-Identifier: Apache-2.0 */
/* What a kernel left in a buffer against what naive loops say, as a cmocka assertion. Knows no
 * kernel. */
#ifndef WEFT_TESTS_KERNELS_CHECK_H
#define WEFT_TESTS_KERNELS_CHECK_H

#include "tests/kernels/cl_harness.h"

/* f32 sums of up to 2048 terms, and OpenCL's exp, log and pow (a few units in the last place). */
#define WEFT_CHECK_TOLERANCE 1e-5

/* Fails, naming `what`, unless the largest error over the largest wanted value is within the
 * tolerance. */
void weft_check_close(struct cl_harness *h, cl_mem buffer, const double *want, size_t count,
                      const char *what);
/* Fails unless every element has the bits of the wanted one; any NaN serves for a NaN. */
void weft_check_same(struct cl_harness *h, cl_mem buffer, const float *want, size_t count,
                     const char *what);
double *weft_check_doubles(size_t count); /* zeros */

/* A buffer for a result of so many bytes, filled with a pattern, with more of it behind unless the
 * device is an interpreter, which sees accesses past the end by itself. */
cl_mem weft_check_guarded(struct cl_harness *h, size_t bytes);
/* Fails, naming `what`, unless such a buffer holds the wanted bytes and the pattern behind them.
 * Releases the buffer. */
void weft_check_bytes(struct cl_harness *h, cl_mem guarded, const void *want, size_t bytes,
                      const char *what);

#endif
