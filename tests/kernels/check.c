/* SPDX-License-Identifier: Apache-2.0 */
/* See check.h. */
#include "tests/kernels/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/kernels/naive.h"

double *weft_check_doubles(size_t count)
{
    double *data = calloc(count, sizeof *data);
    assert_non_null(data);
    return data;
}

void weft_check_close(struct cl_harness *h, cl_mem buffer, const double *want, size_t count,
                      const char *what)
{
    float *got = malloc(count * sizeof *got);
    assert_non_null(got);
    weft_harness_read(h, buffer, got, count);
    const double error = weft_naive_error(got, want, count);
    if (!(error <= WEFT_CHECK_TOLERANCE))
        print_error("%s: %zu values, error %g\n", what, count, error);
    assert_true(error <= WEFT_CHECK_TOLERANCE);
    free(got);
}

void weft_check_same(struct cl_harness *h, cl_mem buffer, const float *want, size_t count,
                     const char *what)
{
    float *got = malloc(count * sizeof *got);
    assert_non_null(got);
    weft_harness_read(h, buffer, got, count);
    for (size_t i = 0; i < count; i++) {
        const int is_same =
            isnan(want[i]) ? isnan(got[i]) : memcmp(got + i, want + i, sizeof *got) == 0;
        if (!is_same)
            print_error("%s: element %zu is %g, not %g\n", what, i, (double)got[i],
                        (double)want[i]);
        assert_true(is_same);
    }
    free(got);
}

enum { GUARD_BYTES = 64, GUARD = 0xa5 };

static size_t guarded_bytes(const struct cl_harness *h, size_t bytes)
{
    return bytes + (h->is_slow ? 0 : GUARD_BYTES);
}

cl_mem weft_check_guarded(struct cl_harness *h, size_t bytes)
{
    const size_t total = guarded_bytes(h, bytes);
    uint8_t *fill = malloc(total);
    assert_non_null(fill);
    memset(fill, GUARD, total);
    cl_mem buffer = weft_harness_bytes(h, fill, total);
    free(fill);
    return buffer;
}

void weft_check_bytes(struct cl_harness *h, cl_mem guarded, const void *want, size_t bytes,
                      const char *what)
{
    const size_t total = guarded_bytes(h, bytes);
    uint8_t *got = malloc(total);
    assert_non_null(got);
    weft_harness_read_bytes(h, guarded, got, total);
    for (size_t i = 0; i < total; i++) {
        const int is_wanted = i < bytes ? ((const uint8_t *)want)[i] : GUARD;
        if (got[i] != is_wanted)
            fail_msg("%s: byte %zu of %zu is %d, not %d", what, i, bytes, got[i], is_wanted);
    }
    clReleaseMemObject(guarded);
    free(got);
}
