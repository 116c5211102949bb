/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of docs/estimate.md are what the program prints. GOLDEN_UPDATE=1 rewrites them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/published_table.h"
#include "weft/published.h"

/* Numbers of JSON answers carry 9 digits. */
static const double JSON_ERROR = 1e-8;
static const char page_path[] = WEFT_TEST_DATA "/../docs/estimate.md";

static void print_block(FILE *out)
{
    fputs("```\n", out);
    weft__published_print(out, false);
    fputs("```\n", out);
}

/* What a function prints, to be freed. */
static char *printed(void (*print)(FILE *))
{
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);
    assert_non_null(out);
    print(out);
    assert_int_equal(fclose(out), 0);
    return text;
}

static char *read_page(void)
{
    FILE *file = fopen(page_path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    size_t bytes = (size_t)ftell(file);
    rewind(file);
    char *text = calloc(bytes + 1, 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, bytes, file), bytes);
    fclose(file);
    return text;
}

/* The page between <!-- name --> and <!-- end -->. */
static void check_part(const char *name, void (*print)(FILE *))
{
    char marker[64];
    snprintf(marker, sizeof marker, "<!-- %s -->\n", name);
    char *page = read_page(), *expected = printed(print);
    char *begin = strstr(page, marker);
    assert_non_null(begin);
    begin += strlen(marker);
    char *end = strstr(begin, "<!-- end -->\n");
    assert_non_null(end);
    if (getenv("GOLDEN_UPDATE") != NULL) {
        FILE *file = fopen(page_path, "wb");
        assert_non_null(file);
        fprintf(file, "%.*s%s%s", (int)(begin - page), page, expected, end);
        assert_int_equal(fclose(file), 0);
    } else if (strlen(expected) != (size_t)(end - begin) ||
               memcmp(expected, begin, strlen(expected)) != 0) {
        fail_msg("docs/estimate.md, part %s, is not what the program prints:\n%s", name, expected);
    }
    free(page);
    free(expected);
}

static void test_page(void **state)
{
    (void)state;
    check_part("published", print_block);
    check_part("assumptions", weft__published_print_assumptions);
    check_part("changes", weft__published_print_changes);
}

static void print_json(FILE *out)
{
    weft__published_print(out, true);
}

static void test_json(void **state)
{
    (void)state;
    char *text = printed(print_json);
    json_t *json = json_loads(text, 0, NULL);
    assert_non_null(json);
    assert_string_equal(json_string_value(json_object_get(json, "schema")), "weft.published/1");
    const json_t *points = json_object_get(json, "points");
    assert_int_equal(json_array_size(points), weft_published_count());
    for (size_t i = 0; i < weft_published_count(); i++) {
        weft_published_point p = weft_published_get(i);
        const json_t *point = json_array_get(points, i);
        double predicted = json_number_value(json_object_get(point, "predicted_fps"));
        assert_string_equal(json_string_value(json_object_get(point, "board")), p.board);
        assert_true(fabs(predicted - p.predicted_fps) <= JSON_ERROR * p.predicted_fps);
    }
    json_decref(json);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_page),
        cmocka_unit_test(test_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
