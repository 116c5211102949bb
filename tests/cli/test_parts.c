/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the small parts of the program: statistics, comparisons, options, shapes, texts,
 * bindings, random numbers. Must not know about: models, devices. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/input.h"
#include "cli/name.h"
#include "cli/random.h"
#include "cli/shape.h"
#include "cli/stats.h"
#include "cli/text.h"
#include "cli/values.h"

/* numpy.percentile([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5], [50, 90, 95, 99, 25, 75]) = [4,
 * 6, 7.5, 8.7, 2.5, 5] */
static void statistics_match_numpy(void **state)
{
    (void)state;
    static const double samples[] = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5};
    weft_cli_stats stats = weft_cli_stats_of(samples, sizeof samples / sizeof samples[0]);
    assert_true(stats.count == 11 && stats.min == 1 && stats.max == 9 && stats.median == 4);
    assert_true(fabs(stats.mean - 4) < 1e-12 && fabs(stats.p90 - 6) < 1e-12);
    assert_true(fabs(stats.p95 - 7.5) < 1e-12 && fabs(stats.p99 - 8.7) < 1e-12);
    assert_true(fabs(stats.spread - 2.5 / 4) < 1e-12);
    stats = weft_cli_stats_of(samples, 1);
    assert_true(stats.median == 3 && stats.p99 == 3 && stats.spread == 0);
    assert_true(weft_cli_stats_of(samples, 0).median == 0);
}

static weft_cli_comparison compare(const float *a, const float *r, size_t count)
{
    return weft_cli_values_compare("f32", a, r, count);
}

static void comparisons_find_the_worst(void **state)
{
    (void)state;
    const float a[4] = {1, -4.5f, 3, 0}, r[4] = {1, -4, 3, 0.25f};
    weft_cli_comparison c = compare(a, r, 4);
    assert_true(c.max_error == 0.5 && c.max_reference == 4 && c.relative == 0.125 && c.worst == 1);
    assert_true(c.actual == -4.5 && c.reference == -4);
    const float zero[2] = {0, 0}, tiny[2] = {0, 1e-30f};
    assert_true(compare(zero, zero, 2).relative == 0);
    assert_true(isinf(compare(tiny, zero, 2).relative)); /* no reference to relate to */
}

static void comparisons_fail_on_one_sided_nan(void **state)
{
    (void)state;
    const float a[3] = {1, NAN, INFINITY}, same[3] = {1, NAN, INFINITY}, r[3] = {1, 2, INFINITY};
    weft_cli_comparison c = compare(a, same, 3);
    assert_true(c.relative == 0 && c.nan_both == 1 && c.nonfinite_mismatches == 0);
    c = compare(a, r, 3);
    assert_true(isinf(c.relative) && c.nonfinite_mismatches == 1 && c.worst == 1 &&
                isnan(c.actual) && c.reference == 2);
    c = compare(r, a, 3);
    assert_true(isinf(c.relative) && c.worst == 1);
    const float minus[1] = {-INFINITY}, plus[1] = {INFINITY}, number[1] = {3};
    assert_true(isinf(compare(minus, plus, 1).relative));
    assert_true(isinf(compare(plus, number, 1).relative));
    assert_true(compare(plus, plus, 1).relative == 0);
    /* a NaN after a large error does not hide, and is the one that is shown */
    const float b[2] = {100, NAN}, s[2] = {0, 0};
    c = compare(b, s, 2);
    assert_true(isinf(c.max_error) && c.worst == 1);
}

static void values_of_every_type(void **state)
{
    (void)state;
    static const uint16_t halves[] = {0x3c00, 0xc000, 0x0001, 0x7c00, 0x7bff};
    assert_true(weft_cli_value_get("f16", halves, 0) == 1 &&
                weft_cli_value_get("f16", halves, 1) == -2);
    assert_true(weft_cli_value_get("f16", halves, 2) == ldexp(1, -24) &&
                isinf(weft_cli_value_get("f16", halves, 3)));
    assert_true(weft_cli_value_get("f16", halves, 4) == 65504);
    static const uint16_t brains[] = {0x3f80, 0xc0a0};
    assert_true(weft_cli_value_get("bf16", brains, 0) == 1 &&
                weft_cli_value_get("bf16", brains, 1) == -5);
    static const int8_t bytes[] = {-1, 127};
    assert_true(weft_cli_value_get("i8", bytes, 0) == -1 &&
                weft_cli_value_get("u8", bytes, 0) == 255);
    static const int64_t longs[] = {-5};
    assert_true(weft_cli_value_get("i64", longs, 0) == -5);
    static const double doubles[] = {0.1};
    assert_true(weft_cli_value_get("f64", doubles, 0) == 0.1);
}

static void top_is_sorted_and_stable(void **state)
{
    (void)state;
    const float values[7] = {3, NAN, 7, 7, -1, 9, 3};
    size_t top[7];
    assert_int_equal(weft_cli_values_top("f32", values, 7, 4, top), 4);
    assert_true(top[0] == 5 && top[1] == 2 && top[2] == 3 && top[3] == 0);
    assert_int_equal(weft_cli_values_top("f32", values, 7, 7, top), 7);
    assert_true(top[6] == 1 && top[5] == 4);
    assert_int_equal(weft_cli_values_top("f32", values, 3, 0, top), 0);
    assert_int_equal(weft_cli_values_top("f32", values, 2, 5, top), 2);
}

static const weft_cli_option test_options[] = {
    {"shape", 's', WEFT_CLI_LIST, "S", NULL, 0, 0, ""},
    {"threads", 't', WEFT_CLI_INT, "N", NULL, 0, 64, ""},
    {"rate", 0, WEFT_CLI_REAL, "R", NULL, 0, 1, ""},
    {"sort", 0, WEFT_CLI_TEXT, "W", "order|time", 0, 0, ""},
    {"source", 0, WEFT_CLI_TEXT_OPTIONAL, "NAME", NULL, 0, 0, ""},
    {"verbose", 'v', WEFT_CLI_FLAG, NULL, NULL, 0, 0, ""},
    {"optimize", 'O', WEFT_CLI_INT, "N", NULL, 0, 1, ""},
    WEFT_CLI_OPTIONS_END,
};
static const weft_cli_option_groups test_groups = {test_options};

enum { MAX_WORDS = 16 };

/* Parses a command line written with single spaces. */
static weft_status parse(const char *line, char *storage, weft_cli_errors *errors,
                         weft_cli_args *args)
{
    char *words[MAX_WORDS];
    int count = 0;
    strcpy(storage, line);
    for (char *word = strtok(storage, " "); word != NULL && count < MAX_WORDS;
         word = strtok(NULL, " "))
        words[count++] = word;
    return weft_cli_args_parse(test_groups, "test", count, words, errors, args);
}

static void options_in_every_form(void **state)
{
    (void)state;
    char storage[256];
    weft_cli_args args;
    assert_int_equal(
        parse("a.onnx --threads 4 --shape=x=1x2 -s y=3 -vv -O0 --source -t8 --rate .5 -- -b.onnx",
              storage, NULL, &args),
        WEFT_OK);
    assert_int_equal(args.operand_count, 2);
    assert_string_equal(args.operands[1], "-b.onnx");
    assert_int_equal(weft_cli_args_int(&args, "threads", 0), 8); /* the last one wins */
    assert_string_equal(weft_cli_args_list(&args, "shape", 0), "x=1x2");
    assert_string_equal(weft_cli_args_list(&args, "shape", 1), "y=3");
    assert_null(weft_cli_args_list(&args, "shape", 2));
    assert_int_equal(weft_cli_args_int(&args, "optimize", 1), 0);
    assert_true(weft_cli_args_has(&args, "source") &&
                weft_cli_args_text(&args, "source", NULL) == NULL);
    assert_true(weft_cli_args_real(&args, "rate", 0) == 0.5);
    assert_true(weft_cli_args_has(&args, "verbose") && !weft_cli_args_has(&args, "sort"));
    weft_cli_args_finish(&args);
}

static void expect_option_error(const char *line, uint32_t id, const char *hint)
{
    char storage[256];
    weft_cli_args args;
    weft_cli_errors errors = {0};
    assert_int_equal(parse(line, storage, &errors, &args), WEFT_USAGE);
    assert_int_equal(errors.count, 1);
    assert_int_equal(errors.entries[0].id, id);
    if (hint != NULL)
        assert_non_null(strstr(errors.entries[0].fields[WEFT_DIAG_TRY], hint));
    weft_cli_errors_finish(&errors);
    weft_cli_args_finish(&args);
}

static void wrong_options_are_named(void **state)
{
    (void)state;
    expect_option_error("--shpae x", WEFT_CLI_E_OPTION, "did you mean --shape?");
    expect_option_error("--thread=3", WEFT_CLI_E_OPTION, "did you mean --threads?");
    expect_option_error("--opt=1", WEFT_CLI_E_OPTION, "did you mean --optimize?");
    expect_option_error("--zzzzzz", WEFT_CLI_E_OPTION, "lists the options");
    expect_option_error("-x", WEFT_CLI_E_OPTION, NULL);
    expect_option_error("-vx", WEFT_CLI_E_OPTION_VALUE, NULL);
    expect_option_error("--verbose=1", WEFT_CLI_E_OPTION_VALUE, NULL);
    expect_option_error("--threads", WEFT_CLI_E_OPTION_VALUE, NULL);
    expect_option_error("--threads 65", WEFT_CLI_E_OPTION_VALUE, NULL);
    expect_option_error("--threads 4x", WEFT_CLI_E_OPTION_VALUE, NULL);
    expect_option_error("--threads=", WEFT_CLI_E_OPTION_VALUE, NULL);
    expect_option_error("--rate nan", WEFT_CLI_E_OPTION_VALUE, NULL);
    expect_option_error("--rate 1.5", WEFT_CLI_E_OPTION_VALUE, NULL);
    expect_option_error("--sort tim", WEFT_CLI_E_OPTION_VALUE, NULL);
    expect_option_error("--sort order|time", WEFT_CLI_E_OPTION_VALUE, NULL);
}

/* Parses --shape arguments as the verbs do. */
static weft_status parse_shapes(const char *line, weft_cli *cli, char *storage,
                                weft_cli_shapes *shapes)
{
    *cli = (weft_cli){0};
    assert_int_equal(parse(line, storage, NULL, &cli->args), WEFT_OK);
    return weft_cli_shapes_parse(cli, shapes);
}

static void shapes_become_schedules(void **state)
{
    (void)state;
    char storage[256];
    weft_cli cli;
    weft_cli_shapes shapes;
    assert_int_equal(
        parse_shapes("--shape a=b=1x3x?x8,4x3x?x9 --shape m=5", &cli, storage, &shapes), WEFT_OK);
    assert_int_equal(shapes.schedule_count, 2);
    assert_int_equal(shapes.input_count, 2);
    assert_string_equal(shapes.items[0].input, "a=b");
    assert_int_equal(shapes.items[0].rank, 4);
    assert_int_equal(shapes.items[0].dims[2], -1);
    assert_int_equal(shapes.items[2].dims[0], 4);
    assert_int_equal(shapes.items[2].dims[3], 9);
    assert_int_equal(shapes.items[1].dims[0], 5);
    assert_int_equal(shapes.items[3].dims[0], 5);
    weft_cli_shapes_finish(&shapes);
    weft_cli_args_finish(&cli.args);
    assert_int_equal(parse_shapes("a.onnx", &cli, storage, &shapes), WEFT_OK);
    assert_int_equal(shapes.schedule_count, 1);
    assert_int_equal(shapes.input_count, 0);
    weft_cli_shapes_finish(&shapes);
    weft_cli_args_finish(&cli.args);
    static const char *const wrong[] = {"x",
                                        "x=",
                                        "=1x2",
                                        "x=1x",
                                        "x=0x2",
                                        "x=-1",
                                        "x=1x2,",
                                        "x=,1",
                                        "x=1xx2",
                                        "x=1 2",
                                        "x=1.5",
                                        "x=9999999999999999999",
                                        "x=1x1x1x1x1x1x1x1x1"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char line[64];
        snprintf(line, sizeof line, "--shape %s", wrong[i]);
        if (strchr(wrong[i], ' ') != NULL)
            continue;
        assert_int_equal(parse_shapes(line, &cli, storage, &shapes), WEFT_USAGE);
        weft_cli_shapes_finish(&shapes);
        weft_cli_errors_finish(&cli.errors);
        weft_cli_args_finish(&cli.args);
    }
    assert_int_equal(parse_shapes("--shape a=1,2 --shape b=1,2,3", &cli, storage, &shapes),
                     WEFT_USAGE);
    weft_cli_shapes_finish(&shapes);
    weft_cli_errors_finish(&cli.errors);
    weft_cli_args_finish(&cli.args);
}

static void bindings_keep_odd_names(void **state)
{
    (void)state;
    static const struct {
        const char *text, *name, *value;
    } good[] = {{"x=@a.npy", "x", "@a.npy"},
                {"@a.npy", NULL, "@a.npy"},
                {"random:7", NULL, "random:7"},
                {"a=b=random", "a=b", "random"},
                {"x=@dir/a=b.npy", "x", "@dir/a=b.npy"},
                {"zeros", NULL, "zeros"},
                {"ones=ones", "ones", "ones"},
                {"in:0=zeros", "in:0", "zeros"}};
    static const char *const wrong[] = {"x",   "x=",     "=@a.npy", "@",
                                        "x=@", "x=twos", "",        "x=randomly"};
    weft_cli_binding binding;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(weft_cli_binding_parse(good[i].text, &binding));
        assert_string_equal(binding.value, good[i].value);
        if (good[i].name == NULL)
            assert_null(binding.name);
        else
            assert_string_equal(binding.name, good[i].name);
        free(binding.name);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(weft_cli_binding_parse(wrong[i], &binding));
}

static void texts_for_people(void **state)
{
    (void)state;
    char text[64];
    static const int64_t dims[] = {1, 3, 160, 160};
    char shape[WEFT_CLI_SHAPE_TEXT];
    assert_string_equal(weft_cli_format_shape(4, dims, shape), "1x3x160x160");
    assert_string_equal(weft_cli_format_shape(0, dims, shape), "scalar");
    assert_string_equal(weft_cli_format_bytes(999, text), "999 B");
    assert_string_equal(weft_cli_format_bytes(142500000, text), "142.5 MB");
    assert_string_equal(weft_cli_format_bytes(999999999, text), "1.0 GB");
    assert_string_equal(weft_cli_format_count(35686312, text), "35 686 312");
    assert_string_equal(weft_cli_format_count(-1000, text), "-1 000");
    assert_string_equal(weft_cli_format_hash(0xabc, text), "0000000000000abc");
    char *path = weft_cli_with_ending("dir.d/model.onnx", ".weft");
    assert_string_equal(path, "dir.d/model.weft");
    free(path);
    path = weft_cli_with_ending("dir.d/model", ".weft");
    assert_string_equal(path, "dir.d/model.weft");
    free(path);
    path = weft_cli_with_ending(".onnx", ".weft");
    assert_string_equal(path, ".onnx.weft");
    free(path);
}

/* SplitMix64 from seed 1234567: the published first outputs. Normal numbers: mean and deviation of
 * many. */
static void random_numbers_repeat(void **state)
{
    (void)state;
    weft_cli_random random = {1234567};
    assert_true(weft_cli_random_next(&random) == UINT64_C(6457827717110365317));
    assert_true(weft_cli_random_next(&random) == UINT64_C(3203168211198807973));
    double sum = 0, squares = 0;
    enum { COUNT = 100000 };
    for (int i = 0; i < COUNT; i++) {
        double value = weft_cli_random_normal(&random);
        sum += value;
        squares += value * value;
    }
    assert_true(fabs(sum / COUNT) < 0.02 &&
                fabs(squares / COUNT - 1) < 0.02); /* 6 and 4 standard errors */
}

/* No two options of a verb share a name or a letter: the second would never be found. */
static void option_tables_are_unambiguous(void **state)
{
    (void)state;
    for (const weft_cli_verb *const *verb = weft_cli_verbs; *verb != NULL; verb++)
        for (const weft_cli_option *const *a = (*verb)->groups; *a != NULL; a++)
            for (const weft_cli_option *x = *a; x->name != NULL; x++)
                for (const weft_cli_option *const *b = (*verb)->groups; *b != NULL; b++)
                    for (const weft_cli_option *y = *b; y->name != NULL; y++)
                        if (x != y && (strcmp(x->name, y->name) == 0 ||
                                       (x->letter != 0 && x->letter == y->letter)))
                            fail_msg("weft %s: --%s and --%s", (*verb)->name, x->name, y->name);
}

/* Rows ascend, own and library ones merged, so that each id is found and listed once. */
static void error_rows_ascend(void **state)
{
    (void)state;
    for (size_t i = 1; i < weft_cli_error_row_count(); i++)
        assert_true(weft_cli_error_row_get(i - 1).number < weft_cli_error_row_get(i).number);
}

static void names_from_files_are_escaped(void **state)
{
    (void)state;
    static const struct {
        const char *text, *escaped;
        bool keeps_lines;
    } cases[] = {
        {"conv1/Conv", "conv1/Conv", false},
        {"\xc3\xa9 \xe4\xb8\xad \xf0\x9f\x98\x80", "\xc3\xa9 \xe4\xb8\xad \xf0\x9f\x98\x80", false},
        {"a\033[31m\x7f", "a\\x1b[31m\\x7f", false},
        {"a\nb", "a\\x0ab", false},
        {"a\nb\r", "a\nb\\x0d", true},
        {"\xc2\x9b", "\\xc2\\x9b", false},          /* control sequence introducer */
        {"\xe2\x80\xae", "\\xe2\\x80\\xae", false}, /* right-to-left override */
        {"\xff\xc3", "\\xff\\xc3", false},          /* not UTF-8 */
        {"\xc0\x8a", "\\xc0\\x8a", false},          /* a line end, overlong */
        {"\xed\xa0\x80", "\\xed\\xa0\\x80", false}, /* surrogate */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *escaped = weft_cli_escape(cases[i].text, cases[i].keeps_lines);
        assert_string_equal(escaped, cases[i].escaped);
        free(escaped);
    }
    char longer[WEFT_CLI_NAME_TEXT * 2], buffer[WEFT_CLI_NAME_TEXT];
    for (size_t i = 0; i + 2 < sizeof longer; i += 2)
        memcpy(longer + i, "\xc3\xa9", 3);
    weft_cli_format_name(longer, buffer);
    assert_true(strlen(buffer) < sizeof buffer);
    assert_string_equal(buffer + strlen(buffer) - 5, "\xc3\xa9...");
    assert_string_equal(weft_cli_format_name("x", buffer), "x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_from_files_are_escaped),
        cmocka_unit_test(statistics_match_numpy),
        cmocka_unit_test(comparisons_find_the_worst),
        cmocka_unit_test(comparisons_fail_on_one_sided_nan),
        cmocka_unit_test(values_of_every_type),
        cmocka_unit_test(top_is_sorted_and_stable),
        cmocka_unit_test(options_in_every_form),
        cmocka_unit_test(wrong_options_are_named),
        cmocka_unit_test(shapes_become_schedules),
        cmocka_unit_test(bindings_keep_odd_names),
        cmocka_unit_test(texts_for_people),
        cmocka_unit_test(random_numbers_repeat),
        cmocka_unit_test(option_tables_are_unambiguous),
        cmocka_unit_test(error_rows_ascend),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
