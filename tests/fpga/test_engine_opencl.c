/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's OpenCL C on the first OpenCL device (PoCL; oclgrind with few cases), on the random
 * descriptors of test_engine_hls.c: the same bits. The buffers are exactly as large as the
 * descriptor needs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/fpga/engine_build.h"
#include "tests/fpga/engine_case.h"
#include "tests/kernels/cl_harness.h"

/* Of each kind, over all engines, which have words of 8 to 64 bytes. */
enum { CASES = 10000, CASES_ON_INTERPRETER = 8, ENGINES = 6 };

struct device {
    struct cl_harness harness;
    cl_kernel kernel;
};

static size_t at_least_one(size_t bytes)
{
    return bytes > 0 ? bytes : 1;
}

static void run(void *context, const struct engine_case *c)
{
    struct device *device = context;
    struct cl_harness *h = &device->harness;
    cl_mem program = weft_harness_bytes(h, c->program, sizeof c->program);
    cl_mem weights = weft_harness_bytes(h, c->weights, at_least_one(c->weights_bytes));
    cl_mem arena = weft_harness_bytes(h, c->arena, at_least_one(c->arena_bytes));
    weft_harness_args(device->kernel, "bbbbbi", program, weights, arena, arena, arena, 2);
    weft_harness_launch(h, device->kernel, 1, 1);
    weft_harness_read_bytes(h, arena, c->arena, at_least_one(c->arena_bytes));
    clReleaseMemObject(program);
    clReleaseMemObject(weights);
    clReleaseMemObject(arena);
}

static void check(const char *name)
{
    struct device device;
    const weft_engine_params *params = engine_case_engine(name);
    if (!weft_harness_open(&device.harness))
        skip();
    weft_arena *arena = weft_arena_create();
    cl_program program = weft_harness_build_text(
        &device.harness, weft_engine_print(arena, params, WEFT_DIALECT_OPENCL), name);
    device.kernel = weft_harness_kernel(program, WEFT_ENGINE_KERNEL);
    int is_equal = engine_cases_pass(
        run, &device, params, device.harness.is_slow ? CASES_ON_INTERPRETER : CASES / ENGINES + 1);
    clReleaseKernel(device.kernel);
    clReleaseProgram(program);
    weft_arena_destroy(arena);
    weft_harness_close(&device.harness);
    assert_true(is_equal);
}

static void engine_tiny(void **state)
{
    (void)state;
    check("tiny");
}

static void engine_s(void **state)
{
    (void)state;
    check("s");
}

static void engine_narrow(void **state)
{
    (void)state;
    check("narrow");
}

static void engine_odd(void **state)
{
    (void)state;
    check("odd");
}

static void engine_wide(void **state)
{
    (void)state;
    check("wide");
}

static void engine_broad(void **state)
{
    (void)state;
    check("broad");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(engine_tiny),   cmocka_unit_test(engine_s),
        cmocka_unit_test(engine_narrow), cmocka_unit_test(engine_odd),
        cmocka_unit_test(engine_wide),   cmocka_unit_test(engine_broad),
    };
    _Static_assert(sizeof tests / sizeof tests[0] == ENGINES, "the cases are spread over engines");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
