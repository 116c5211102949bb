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
