/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's HLS C compiled by gcc and clang, on random descriptors of every kind, against loops
 * over their definition: all bits of the arena. Both forms of the products, and with sanitizers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/fpga/engine_build.h"
#include "tests/fpga/engine_case.h"

/* Of each kind, over all engines, which have words of 8 to 64 bytes. "tiny" and "narrow" meet every
 * edge of their buffers. */
enum { CASES = 10000, SANITIZED_CASES = 2500 };
static const char *const engines[] = {"tiny", "s", "narrow", "odd", "wide", "broad"};
enum { ENGINES = sizeof engines / sizeof engines[0] };

static void run(void *context, const struct engine_case *c)
{
    struct engine_library *library = context;
    void *arena = c->arena, *weights = c->weights;
    library->call(c->program, weights, arena, arena, arena, 2);
}

static void check(const char *cc, const char *flags, int count)
{
    if (!engine_has_compiler(cc)) {
        printf("missing: %s\n", cc);
        skip();
    }
    for (int i = 0; i < ENGINES; i++) {
        const weft_engine_params *params = engine_case_engine(engines[i]);
        struct engine_library library;
        int is_equal = engine_library_open(cc, flags, params, &library) &&
                       engine_cases_pass(run, &library, params, count / ENGINES + 1);
        engine_library_close(&library);
        assert_true(is_equal);
    }
}

static void gcc_computes_the_contract(void **state)
{
    (void)state;
    check("gcc", "", CASES);
}

static void clang_computes_the_contract(void **state)
{
    (void)state;
    check("clang", "", CASES);
}

static void plain_products_have_the_same_bits(void **state)
{
    (void)state;
    check("gcc", "-O2 -DWEFT_PACKED=0", CASES);
}

static void check_sanitized(const char *cc)
{
    if (!engine_has_compiler(cc)) {
        printf("missing: %s\n", cc);
        skip();
    }
    for (int i = 0; i < ENGINES; i++)
        assert_true(engine_run_sanitized(cc, engine_case_engine(engines[i]),
                                         SANITIZED_CASES / ENGINES + 1));
}

static void gcc_sanitizers_find_nothing(void **state)
{
    (void)state;
    check_sanitized("gcc");
}

static void clang_sanitizers_find_nothing(void **state)
{
    (void)state;
    check_sanitized("clang");
}

static uint32_t word_at(const struct engine_case *c, int index)
{
    return c->program[index];
}

/* The walk stops at END, and after `count` descriptors without one. */
static void a_program_ends_where_it_says(void **state)
{
    (void)state;
    const weft_engine_params *params = weft_engine_find("tiny");
    struct engine_library library;
    struct engine_case c;
    draw d = {.state = 1};
    uint32_t stopped[2 * WEFT_D_WORDS] = {WEFT_KIND_END};
    assert_true(engine_library_open("gcc", "", params, &library));
    engine_case_make(&d, WEFT_KIND_FILL, params, &c);
    for (int i = 0; i < WEFT_D_WORDS; i++)
        stopped[WEFT_D_WORDS + i] = word_at(&c, i);
    uint8_t *y = c.arena + word_at(&c, WEFT_D_Y);
    void *arena = c.arena, *weights = c.weights;
    uint8_t before = *y = (uint8_t)~word_at(&c, WEFT_D_FILL);
    library.call(stopped, weights, arena, arena, arena, 2);
    assert_int_equal(*y, before);
    library.call(c.program, weights, arena, arena, arena, 0);
    assert_int_equal(*y, before);
    library.call(c.program, weights, arena, arena, arena, 1);
    assert_int_equal(*y, word_at(&c, WEFT_D_FILL));
    engine_case_free(&c);
    engine_library_close(&library);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gcc_computes_the_contract),
        cmocka_unit_test(clang_computes_the_contract),
        cmocka_unit_test(plain_products_have_the_same_bits),
        cmocka_unit_test(gcc_sanitizers_find_nothing),
        cmocka_unit_test(clang_sanitizers_find_nothing),
        cmocka_unit_test(a_program_ends_where_it_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
