/* SPDX-License-Identifier: Apache-2.0 */
/* The text form: printing what was read gives the same bytes, and wrong texts are refused at the
 * right place. */
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "tests/ir/ir_text.h"

/* Canonical texts: printing them again gives exactly them. */
static const char *const canonical[] = {
    "graph \"empty\" opset 9 {\n}\n",
    "graph \"pass through\" opset 21 nodes 3 {\n"
    "  input %x: f32[]\n"
    "  output %x\n"
    "  output %x\n"
    "}\n",
    "graph \"all types\" opset 17 {\n"
    "  input %f: f32[2]\n"
    "  input %u8: u8[2]\n"
    "  input %bf: bf16[2]\n"
    "  const %ints: i64[4] = [-9223372036854775808, -1, 0, 9223372036854775807]\n"
    "  const %u64: u64[2] = [0, 18446744073709551615]\n"
    "  const %small: i8[3] = [-128, 0, 127]\n"
    "  const %flags: bool[2] = [true, false]\n"
    "  const %half: f16[2] = 0x003c00bc\n"
    "  const %double: f64[2] = [0.1, 1e+300]\n"
    "  const %special: f32[6] = [0.1, -0, inf, -inf, 1e-45, 3.4028235e+38]\n"
    "  const %payload: f32[1] = 0x0100c07f\n"
    "  const %none: i64[0] = []\n"
    "  const %matrix: f32[2x2] = [1, 2, 3, 4.5]\n"
    "  const %scalar: u16[] = 65535\n"
    "  const %large: f32[4x8] = #0123456789abcdef\n"
    "  %a: f32[2] = Relu(%f)\n"
    "  output %ints\n  output %u64\n  output %small\n  output %flags\n  output %half\n  output %double\n"
    "  output %special\n  output %payload\n  output %none\n  output %matrix\n  output %scalar\n  output %large\n"
    "}\n",
    "graph \"any \\\"name\\\" \\\\ of\\n\\tbytes \\x01\\x7f \xc3\xa4\xff\" opset 17 {\n"
    "  input %\"input:0\": f32[1x4]\n"
    "  input %/a/b-c.d_e: f32[1x4]\n"
    "  input %_: f32[1x4]\n"
    "  %\"with space\": f32[1x4] = Add(%\"input:0\", %/a/b-c.d_e) @ \"add \\\"1\\\"\" from [\"n1\", \"n \\x02\"]\n"
    "  %\"\xff\": f32[1x4] = Add(%\"with space\", %_)\n"
    "  output %\"\xff\"\n"
    "}\n",
    "graph \"optional\" opset 19 {\n"
    "  input %x: f32[1x4x6x6]\n"
    "  const %min: f32[] = -1.5\n"
    "  %p: f32[1x4x3x3], _ = MaxPool(%x) {kernel_shape=[2, 2], strides=[2, 2]}\n"
    "  %c: f32[1x4x3x3] = Clip(%p, %min, _)\n"
    "  _, %second: f32[1x2x3x3] = Split(%c) {axis=1}\n"
    "  %l: f32[1x2x3x3] = LeakyRelu(%second) {alpha=0.2}\n"
    "  output %l\n"
    "}\n",
    "graph \"weft\" opset 21 {\n"
    "  input %x: f32[2x6x6x4]\n"
    "  const %w: f32[8x3x3x4] = #0000000000000001\n"
    "  %y: f32[2x6x6x8], %mean: f32[2x8] = weft.Conv2D(%x, %w, _, _, _) {pads=[1, 1, 1, 1], act=\"relu\"} from [\"c\"]\n"
    "  output %y\n"
    "  output %mean\n"
    "}\n",
    "graph \"tensor attribute\" opset 21 {\n"
    "  input %n: i64[1]\n"
    "  const %shape: i64[2] = [300, 300]\n"
    "  %zeros: i64[300x300] = ConstantOfShape(%shape) {value=i64[1] = [5]}\n"
    "  %sum: i64[300x300] = Add(%zeros, %n)\n"
    "  output %sum\n"
    "}\n",
};

static void canonical_texts_round_trip(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof canonical / sizeof canonical[0]; i++) {
        ir_test test;
        weft_graph *graph;
        ir_test_init(&test);
        if (WEFT_ARENA_TRY(test.arena))
            fail_msg("out of memory");
        if (weft_graph_parse(test.arena, canonical[i], strlen(canonical[i]), &graph, test.diag) !=
            WEFT_OK)
            fail_msg("%s\n%s", canonical[i], ir_errors(&test));
        assert_string_equal(ir_print(&test, graph, false), canonical[i]);
        if (weft_graph_verify(graph, "reading", test.diag) != WEFT_OK)
            fail_msg("%s\n%s", canonical[i], ir_errors(&test));
        ir_test_finish(&test);
    }
}

static void data_in_full_is_exact(void **state)
{
    (void)state;
    ir_test test;
    ir_test_init(&test);
    weft_graph *graph = ir_graph(
        &test, "input %x: f32[4x8]\nconst %w: f32[8x9] = #77\n%y = MatMul(%x, %w)\noutput %y");
    const char *full = ir_print(&test, graph, true);
    assert_non_null(strstr(full, "= 0x"));
    weft_graph *again;
    assert_int_equal(weft_graph_parse(test.arena, full, strlen(full), &again, test.diag), WEFT_OK);
    assert_memory_equal(ir_value(again, "w")->data, ir_value(graph, "w")->data,
                        8 * 9 * sizeof(float));
    assert_string_equal(ir_print(&test, again, true), full);
    /* The hash of data that were read in full is that of the bytes, not the one they were made
     * from. */
    assert_null(strstr(ir_print(&test, again, false), "#0000000000000077"));
    ir_test_finish(&test);
}

static void hash_data_are_deterministic(void **state)
{
    (void)state;
    ir_test test;
    ir_test_init(&test);
    weft_graph *graph = ir_graph(
        &test, "const %a: f32[100] = #5\nconst %b: f32[100] = #5\nconst %c: f32[100] = #6\n"
               "const %i: i64[100] = #5\noutput %a\noutput %b\noutput %c\noutput %i");
    const float *a = ir_value(graph, "a")->data, *c = ir_value(graph, "c")->data;
    const int64_t *ints = ir_value(graph, "i")->data;
    assert_memory_equal(a, ir_value(graph, "b")->data, 100 * sizeof(float));
    assert_memory_not_equal(a, c, 100 * sizeof(float));
    size_t negative = 0, ones = 0;
    for (int i = 0; i < 100; i++) {
        assert_true(a[i] >= -1.0F && a[i] < 1.0F);
        assert_in_range(ints[i], 0, 1);
        negative += a[i] < 0;
        ones += ints[i] == 1;
    }
    assert_in_range(negative, 25, 75);
    assert_in_range(ones, 25, 75);
    ir_test_finish(&test);
}

static void order_and_blanks_are_free(void **state)
{
    (void)state;
    ir_test test;
    ir_test_init(&test);
    weft_graph *graph = ir_graph(&test, "// used before it is defined\n"
                                        "output %z // the result\n"
                                        "%z=Add(%y,%ones)@\"\"\n"
                                        "%y\n=\nRelu ( %x )\n"
                                        "const %ones: f32[2x3] = 1 input %x:f32 [2x3]");
    assert_string_equal(strchr(ir_print(&test, graph, false), '\n'),
                        "\n  input %x: f32[2x3]\n"
                        "  const %ones: f32[2x3] = [1, 1, 1, 1, 1, 1]\n"
                        "  %y: f32[2x3] = Relu(%x)\n"
                        "  %z: f32[2x3] = Add(%y, %ones)\n"
                        "  output %z\n"
                        "}\n");
    ir_test_finish(&test);
}

typedef struct wrong_text {
    const char *text;
    uint32_t id;
    const char *at;
} wrong_text;

#define HEAD "graph \"t\" opset 21 {\n"
static const wrong_text wrong[] = {
    {"", 230, "line 1, column 1"},
    {"grap \"t\"", 230, "line 1, column 1"},
    {"graph t", 230, "line 1, column 7"},
    {"graph \"t", 230, "line 1, column 7"},
    {"graph \"t\\q\"", 230, "line 1, column 9"},
    {"graph \"t\\x00\"", 230, "line 1, column 9"},
    {"graph \"t\" opset x {", 230, "line 1, column 17"},
    {"graph \"t\" opset 99999999999999999999 {", 230, "line 1, column 17"},
    {"graph \"t\" opset 1 nodes -1 {", 230, "line 1, column 27"},
    {HEAD, 230, "line 2, column 1"},
    {HEAD "}\nx", 230, "line 3, column 1"},
    {HEAD "inputs %x: f32[1]\n}", 230, "line 2, column 1"},
    {HEAD "input x: f32[1]\n}", 230, "line 2, column 7"},
    {HEAD "input %: f32[1]\n}", 230, "line 2, column 8"},
    {HEAD "input %\"\": f32[1]\n}", 230, "line 2, column 8"},
    {HEAD "input %x f32[1]\n}", 230, "line 2, column 10"},
    {HEAD "input %x: f33[1]\n}", 230, "line 2, column 11"},
    {HEAD "input %x: f32[1x]\n}", 230, "line 2, column 17"},
    {HEAD "input %x: f32[-1]\n}", 230, "line 2, column 15"},
    {HEAD "input %x: f32[99999999999999999999]\n}", 230, "line 2, column 15"},
    {HEAD "input %x: f32[1x1x1x1x1x1x1x1x1]\n}", 230, "line 2, column 11"},
    {HEAD "input %x: f32[1]\ninput %x: f32[1]\n}", 231, "line 3, column 7"},
    {HEAD "const %x: f32[2] = [1]\n}", 230, "line 2, column 22"},
    {HEAD "const %x: f32[2] = [1, 2, 3]\n}", 233, "line 2, column 20"},
    {HEAD "const %x: f32[2] = [1, y]\n}", 233, "line 2, column 24"},
    {HEAD "const %x: i8[1] = [128]\n}", 233, "line 2, column 20"},
    {HEAD "const %x: u8[1] = [-1]\n}", 233, "line 2, column 20"},
    {HEAD "const %x: u64[1] = [-1]\n}", 233, "line 2, column 21"},
    {HEAD "const %x: i64[1] = [9223372036854775808]\n}", 233, "line 2, column 21"},
    {HEAD "const %x: i64[1] = [1.5]\n}", 233, "line 2, column 21"},
    {HEAD "const %x: bool[1] = [2]\n}", 233, "line 2, column 22"},
    {HEAD "const %x: f16[1] = [1]\n}", 233, "line 2, column 21"},
    {HEAD "const %x: f32[1] = 0x0000\n}", 233, "line 2, column 20"},
    {HEAD "const %x: f32[1] = 0x000000000\n}", 233, "line 2, column 20"},
    {HEAD "const %x: f32[1] = #1\n}", 233, "line 2, column 20"},
    {HEAD "const %x: f32[32] = #\n}", 233, "line 2, column 21"},
    {HEAD "const %x: f32[32] = #00000000000000001\n}", 233, "line 2, column 21"},
    {HEAD "const %x: f32[1000000000] = [1, 2]\n}", 233, "line 2, column 29"},
    {HEAD "const %x: f32[1000000000] = #1\n}", 234, "line 2, column 29"},
    {HEAD "const %x: f32[1000000000] = 1\n}", 234, "line 2, column 29"},
    {HEAD "const %x: f32[10000000] = #1\nconst %y: f32[10000000] = 1\n}", 234, "line 3, column 27"},
    {HEAD "const %x: f32[4294967296x4294967296] = #1\n}", 234, "line 2, column 40"},
    {HEAD "%y = Bla()\n}", 232, "line 2, column 6"},
    {HEAD "%y = nope.Conv()\n}", 232, "line 2, column 6"},
    {HEAD "%y = Conv2D()\n}", 232, "line 2, column 6"},
    {HEAD "%y = Relu(%x)\n}", 231, "line 2, column 11"},
    {HEAD "output %x\n}", 231, "line 2, column 8"},
    {HEAD "%y, %y = Relu(%x)\n}", 231, "line 2, column 5"},
    {HEAD "input %y: f32[1]\n%y = Relu(%y)\n}", 231, "line 3, column 1"},
    {HEAD "input %x: f32[1]\n%y = Elu(%x) {beta=1}\n}", 232, "line 3, column 15"},
    {HEAD "input %x: f32[1]\n%y = Elu(%x) {alpha=1, alpha=1}\n}", 231, "line 3, column 24"},
    {HEAD "input %x: f32[1]\n%y = Elu(%x) {alpha=\"1\"}\n}", 230, "line 3, column 21"},
    {HEAD "input %x: f32[1]\n%y = Transpose(%x) {perm=[0.5]}\n}", 230, "line 3, column 27"},
    {HEAD "input %x: f32[1]\n%y = Transpose(%x) {perm=[0\n}", 230, "line 4, column 1"},
    {HEAD "input %x: f32[1]\n%y: f32[2] = Relu(%x)\n}", 235, "line 3, column 1"},
    {HEAD "input %x: f32[1]\n%y: i32[1] = Relu(%x)\n}", 235, "line 3, column 1"},
    {HEAD "input %x: f32[1]\n%y = Relu(%x) from []\n}", 230, "line 3, column 21"},
    {HEAD "input %x: f32[1]\n%y = Relu(%x) @ y\n}", 230, "line 3, column 17"},
};

static void wrong_texts_are_refused_in_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        ir_test test;
        weft_graph *graph;
        ir_test_init(&test);
        if (WEFT_ARENA_TRY(test.arena))
            fail_msg("out of memory");
        weft_status status =
            weft_graph_parse(test.arena, wrong[i].text, strlen(wrong[i].text), &graph, test.diag);
        assert_null(graph);
        if (status == WEFT_OK || ir_first_error(&test) != wrong[i].id)
            fail_msg("%s\nexpected E%04u\n%s", wrong[i].text, wrong[i].id, ir_errors(&test));
        const weft_diag_entry *entry = weft_diag_get(test.diag, 0);
        assert_int_equal(status, entry->status);
        if (strcmp(entry->fields[WEFT_DIAG_AT], wrong[i].at) != 0)
            fail_msg("%s\nexpected at %s\n%s", wrong[i].text, wrong[i].at, ir_errors(&test));
        assert_non_null(entry->fields[WEFT_DIAG_EXPECTED]);
        assert_non_null(entry->fields[WEFT_DIAG_FOUND]);
        assert_true(weft_arena_used_bytes(test.arena) < (size_t)80 << 20);
        ir_test_finish(&test);
    }
}

static void every_prefix_is_refused_cleanly(void **state)
{
    (void)state;
    const char *text = canonical[2];
    for (volatile size_t length = 0; length + 2 < strlen(text); length++) {
        ir_test test;
        weft_graph *graph;
        ir_test_init(&test);
        if (WEFT_ARENA_TRY(test.arena))
            fail_msg("out of memory");
        assert_int_not_equal(weft_graph_parse(test.arena, text, length, &graph, test.diag),
                             WEFT_OK);
        assert_int_equal(weft_diag_error_count(test.diag), 1);
        ir_test_finish(&test);
    }
}

/* Every allocation fails once; the reader leaves through the recovery point or succeeds, and
 * nothing leaks. */
static void failing_allocations_are_survived(void **state)
{
    (void)state;
    volatile size_t fail_at = 1;
    volatile bool done = false;
    while (!done) {
        ir_test test;
        ir_test_init(&test);
        weft_graph *graph = NULL;
        if (WEFT_ARENA_TRY(test.arena)) {
            fail_at++;
        } else {
            weft_arena_fail_after(fail_at);
            assert_int_equal(
                weft_graph_parse(test.arena, canonical[4], strlen(canonical[4]), &graph, test.diag),
                WEFT_OK);
            done = true;
        }
        weft_arena_fail_after(0);
        ir_test_finish(&test);
    }
    assert_true(fail_at > 10);
}

static void a_decimal_comma_changes_nothing(void **state)
{
    (void)state;
    if (!setlocale(LC_NUMERIC, "de_DE.UTF-8") && !setlocale(LC_NUMERIC, "de_DE")) {
        print_message("missing: the locale de_DE.UTF-8 (Debian package locales-all)\n");
        skip();
    }
    canonical_texts_round_trip(state);
    setlocale(LC_NUMERIC, "C");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(canonical_texts_round_trip),
        cmocka_unit_test(data_in_full_is_exact),
        cmocka_unit_test(hash_data_are_deterministic),
        cmocka_unit_test(order_and_blanks_are_free),
        cmocka_unit_test(wrong_texts_are_refused_in_place),
        cmocka_unit_test(every_prefix_is_refused_cleanly),
        cmocka_unit_test(failing_allocations_are_survived),
        cmocka_unit_test(a_decimal_comma_changes_nothing),
    };
    return cmocka_run_group_tests_name("ir text", tests, NULL, NULL);
}
