/* SPDX-License-Identifier: Apache-2.0 */
/* The lint of generated HLS C: it finds nothing in any named engine, and each rule finds the
 * violation that is put into the engine's text for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compiler/base/text.h"
#include "compiler/codegen/engine_print.h"
#include "tests/fpga/hls_lint.h"

struct tally {
    const char *wanted;
    int hits, others;
};

static void count(void *context, const char *rule, int line)
{
    struct tally *tally = context;
    int is_wanted = tally->wanted != NULL && strcmp(rule, tally->wanted) == 0;
    tally->hits += is_wanted;
    tally->others += !is_wanted;
    if (!is_wanted)
        printf("line %d: %s\n", line, rule);
}

static void engines_are_clean(void **state)
{
    (void)state;
    weft_arena *arena = weft_arena_create();
    for (const weft_engine_params *p = weft_engines; p->name != NULL; p++)
        for (int units = 0; units < 4; units++) { /* products of two activations, rows */
            struct tally tally = {0};
            const weft_engine_params with = weft_engine_with(p, units % 2, units / 2);
            const char *text = weft_engine_print(arena, &with, WEFT_DIALECT_HLS_C);
            assert_int_equal(hls_lint(text, WEFT_ENGINE_KERNEL, count, &tally), 0);
        }
    weft_arena_destroy(arena);
}

/* `found` in the text is replaced by `seed`; an empty `found` puts a function in front of the top
 * function. */
static const struct {
    const char *rule, *found, *seed;
} seeds[] = {
    {"heap", "words[i] = (weft_s32)program", "free(0); words[i] = (weft_s32)program"},
    {"heap", "words[i] = (weft_s32)program", "weft_u8 p = malloc(8); words[i] = (weft_s32)program"},
    {"io", "words[i] = (weft_s32)program", "printf(\"x\"); words[i] = (weft_s32)program"},
    {"goto", "break;", "goto end;"},
    {"float", "", "static void f(const float x) { (void)x; }"},
    {"float", "", "static const double table[2] = {0, 0};"},
    {"float", "", "static weft_s32 f(void) { return (weft_s32)(1.5); }"},
    {"float", "", "static weft_s32 f(void) { return (weft_s32)(1e3); }"},
    {"include", "#include <stdint.h>", "#include <math.h>"},
    {"include", "#include <stdint.h>", "#include <stdint.h>\n#include <stdlib.h>"},
    {"cxx", "", "static weft_s32 f(const ap_int x) { return x; }"},
    {"cxx", "", "template <int N> static void f(void) { }"},
    {"pointer-to-pointer", "", "static void f(weft_u8 **x) { (void)x; }"},
    {"pointer-to-pointer", "", "static void f(weft_u8 *const *x) { (void)x; }"},
    {"pointer-to-pointer", "", "static void f(weft_u8 *x[4]) { (void)x; }"},
    {"function-pointer", "", "static void f(void (*g)(void)) { (void)g; }"},
    {"pointer-cast", "words[i] = (weft_s32)program",
     "const weft_u32 *q = (const weft_u32 *)weights; words[i] = (weft_s32)program"},
    {"variadic", "", "static void f(const weft_s32 x, ...) { (void)x; }"},
    {"array-size", "weft_s32 words[WEFT_D_WORDS];", "weft_s32 words[count];"},
    {"array-size", "", "static void f(const weft_s32 n) { weft_u8 x[2][4 * n]; (void)x; }"},
    {"array-size", "", "static void f(const weft_u8 x[]) { (void)x; }"},
    {"recursion", "", "static weft_s32 f(const weft_s32 n) { return n < 1 ? 0 : f(n - 1); }"},
    {"recursion", "", "static weft_s32 f(const weft_s32 n);"},
    {"global", "", "static weft_s32 state;"},
    {"global", "", "weft_u8 buffer[16] = {0};"},
    {"top", "", "void other(void) { }"},
    {"top", "const weft_u32 *program", "const weft_u32 program[4]"},
    {"top", "#pragma HLS AGGREGATE variable=second compact=auto\n", ""},
    {"top", "const weft_u32 count)", "const struct tile count)"},
    {"interface", "#pragma HLS INTERFACE s_axilite port=return bundle=control\n", ""},
    {"interface", "const weft_u32 count)", "const weft_u32 count, const weft_u32 extra)"},
    {"loop", "#pragma HLS UNROLL factor=1\n", ""},
    {"loop", "", "static void f(void) { for (weft_s32 i = 0; i < 4; i++) (void)i; }"},
    {"loop", "", "static void f(weft_s32 n) { while (n > 0) { n--; } }"},
    {"dataflow", "#pragma HLS DATAFLOW\n", "#pragma HLS DATAFLOW\n if (index > 3) { continue; }\n"},
    {"dataflow", "store(target, job, run, y_walk, values, means)",
     "store(target, job, run, y_walk, residual, means)"},
    {"dataflow", "#pragma HLS DATAFLOW\n", "#pragma HLS DATAFLOW\n partial[0][0][0] = 1;\n"},
};

static const char *with_seed(weft_arena *arena, const char *text, const char *found,
                             const char *seed)
{
    weft_text out;
    const char *at = strstr(text, found[0] != '\0' ? found : "void weft_engine(");
    assert_non_null(at);
    weft_text_init(&out, arena);
    weft_text_add_bytes(&out, text, (size_t)(at - text));
    weft_text_add(&out, seed);
    weft_text_add(&out, found[0] != '\0' ? "" : "\n");
    weft_text_add(&out, at + strlen(found));
    return out.data;
}

static void every_rule_fires(void **state)
{
    (void)state;
    weft_arena *arena = weft_arena_create();
    const char *text = weft_engine_print(arena, weft_engine_find("tiny"), WEFT_DIALECT_HLS_C);
    for (size_t i = 0; i < sizeof seeds / sizeof seeds[0]; i++) {
        struct tally tally = {.wanted = seeds[i].rule};
        const char *bad = with_seed(arena, text, seeds[i].found, seeds[i].seed);
        hls_lint(bad, WEFT_ENGINE_KERNEL, count, &tally);
        if (tally.hits == 0)
            fail_msg("%s: not found in: %s", seeds[i].rule, seeds[i].seed);
    }
    weft_arena_destroy(arena);
}

/* Words in comments and names that only contain a forbidden word are no violation. */
static void harmless_text_is_clean(void **state)
{
    (void)state;
    weft_arena *arena = weft_arena_create();
    struct tally tally = {0};
    const char *text = weft_engine_print(arena, weft_engine_find("tiny"), WEFT_DIALECT_HLS_C);
    const char *good = with_seed(arena, text, "",
                                 "/* float malloc(1.5) goto class */ // printf\n"
                                 "static weft_s32 free_slots(const weft_s32 new_ones)\n"
                                 "{ return new_ones * 0xef; }\n");
    assert_int_equal(hls_lint(good, WEFT_ENGINE_KERNEL, count, &tally), 0);
    weft_arena_destroy(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(engines_are_clean),
        cmocka_unit_test(every_rule_fires),
        cmocka_unit_test(harmless_text_is_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
