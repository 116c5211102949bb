/* SPDX-License-Identifier: Apache-2.0 */
/* The printer of the engine: the texts of a small engine as they stand in golden/ (GOLDEN_UPDATE=1
 * rewrites them; look at the difference then), the same bytes each time, and which parameters and
 * tiles are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compiler/codegen/engine_print.h"

#define GOLDEN WEFT_TEST_DATA "/fpga/golden/"

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return NULL;
    fseek(file, 0, SEEK_END);
    size_t size = (size_t)ftell(file);
    rewind(file);
    char *text = calloc(size + 1, 1);
    size_t got = text != NULL ? fread(text, 1, size, file) : 0;
    fclose(file);
    if (got == size)
        return text;
    free(text);
    return NULL;
}

static int first_difference(const char *a, const char *b)
{
    int line = 1;
    for (; *a == *b && *a != '\0'; a++, b++)
        line += *a == '\n';
    return line;
}

static void check_golden(const char *path, bool is_plain, weft_dialect dialect)
{
    weft_arena *arena = weft_arena_create();
    const weft_engine_params params =
        weft_engine_with(weft_engine_find("tiny"), !is_plain, !is_plain);
    const char *text = weft_engine_print(arena, &params, dialect);
    const char *again = weft_engine_print(arena, &params, dialect);
    assert_string_equal(text, again);
    if (getenv("GOLDEN_UPDATE") != NULL) {
        FILE *file = fopen(path, "wb");
        assert_non_null(file);
        assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
        assert_int_equal(fclose(file), 0);
    }
    char *expected = read_file(path);
    assert_non_null(expected);
    int is_equal = strcmp(text, expected) == 0, line = first_difference(text, expected);
    free(expected);
    weft_arena_destroy(arena);
    if (!is_equal)
        fail_msg("%s: the first difference is in line %d", path, line);
}

static void hls_is_golden(void **state)
{
    (void)state;
    check_golden(GOLDEN "tiny.c", true, WEFT_DIALECT_HLS_C);
    check_golden(GOLDEN "tiny_attention.c", false, WEFT_DIALECT_HLS_C);
}

static void opencl_is_golden(void **state)
{
    (void)state;
    check_golden(GOLDEN "tiny.cl", true, WEFT_DIALECT_OPENCL);
    check_golden(GOLDEN "tiny_attention.cl", false, WEFT_DIALECT_OPENCL);
}

/* No marker and no word of the other dialect is left over. */
static void dialects_are_separate(void **state)
{
    (void)state;
    weft_arena *arena = weft_arena_create();
    for (const weft_engine_params *p = weft_engines; p->name != NULL; p++) {
        const weft_engine_params with = weft_engine_with(p, true, true);
        const char *hls = weft_engine_print(arena, &with, WEFT_DIALECT_HLS_C);
        const char *opencl = weft_engine_print(arena, &with, WEFT_DIALECT_OPENCL);
        assert_null(strchr(hls, '@'));
        assert_null(strchr(opencl, '@'));
        assert_null(strstr(hls, "xcl_"));
        assert_null(strstr(hls, "__global"));
        assert_null(strstr(opencl, "#pragma HLS"));
        assert_null(strstr(hls, "GLOBAL"));
        assert_null(strstr(opencl, "GLOBAL"));
        assert_non_null(strstr(opencl, "reqd_work_group_size(1, 1, 1)"));
    }
    weft_arena_destroy(arena);
}

static void named_engines_are_valid(void **state)
{
    (void)state;
    assert_null(weft_engine_find("none of them"));
    for (const weft_engine_params *p = weft_engines; p->name != NULL; p++) {
        assert_true(weft_engine_params_are_valid(p));
        assert_ptr_equal(weft_engine_find(p->name), p);
        const weft_engine_params with = weft_engine_with(p, true, true);
        assert_true(weft_engine_params_are_valid(&with));
        assert_true(weft_engine_has_kind(&with, WEFT_KIND_MATMUL));
        assert_true(weft_engine_has_kind(&with, WEFT_KIND_LAYER_NORM));
        assert_false(weft_engine_has_kind(p, WEFT_KIND_MATMUL));
        assert_false(weft_engine_has_kind(p, WEFT_KIND_SOFTMAX));
        assert_true(weft_engine_has_kind(p, WEFT_KIND_CONV));
    }
}

static void wrong_parameters_are_refused(void **state)
{
    (void)state;
    const weft_engine_params good = *weft_engine_find("tiny");
    static const struct {
        size_t offset;
        int32_t value;
    } wrong[] = {
#define WRONG(field, value) {offsetof(weft_engine_params, field), value}
        WRONG(rows, 3),          WRONG(rows, 0),    WRONG(rows, 1 << 20), WRONG(cols, 12),
        WRONG(cols, 0),          WRONG(simd, 4),    WRONG(simd, 16),      WRONG(simd, 0),
        WRONG(lanes, 0),         WRONG(lanes, 4),   WRONG(lanes, 24),     WRONG(lanes, 128),
        WRONG(x_bytes, 100),     WRONG(x_bytes, 0), WRONG(x_bytes, -256), WRONG(w_bytes, 250),
        WRONG(w_bytes, 4 << 20), WRONG(sums, 8),    WRONG(sums, 1 << 21), WRONG(sums, INT32_MAX),
        WRONG(lane_bytes, 2),    WRONG(line, 12),   WRONG(line, 0),       WRONG(line, 256),
        WRONG(piece, 0),         WRONG(piece, 12),  WRONG(piece, 136),    WRONG(port, 0),
        WRONG(port, 4),          WRONG(port, 24),   WRONG(port, 128),     WRONG(b_bytes, 4),
        WRONG(norms, 2),         WRONG(norms, -1),  WRONG(b_bytes, -64),
#undef WRONG
    };
    assert_true(weft_engine_params_are_valid(&good));
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        weft_engine_params params = good;
        memcpy((char *)&params + wrong[i].offset, &wrong[i].value, sizeof wrong[i].value);
        assert_false(weft_engine_params_are_valid(&params));
    }
}

/* "tiny": rows 2, cols 8, simd 8, lanes 8, 256 bytes of patches and of windows, 512 of filters, 128
 * sums, lines of 16. */
static void tiles_fit_or_not(void **state)
{
    (void)state;
    const weft_engine_params *p = weft_engine_find("tiny");
    assert_true(weft_engine_tile_fits(p, WEFT_KIND_CONV, 16, 8, 16));
    assert_false(weft_engine_tile_fits(p, WEFT_KIND_CONV, 17, 8, 8));  /* 18 x 8 sums */
    assert_false(weft_engine_tile_fits(p, WEFT_KIND_CONV, 9, 9, 8));   /* 10 x 16 sums */
    assert_false(weft_engine_tile_fits(p, WEFT_KIND_CONV, 16, 8, 24)); /* 384 bytes of patches */
    assert_false(weft_engine_tile_fits(p, WEFT_KIND_CONV, 1, 16, 40)); /* 640 bytes of filters */
    assert_false(weft_engine_tile_fits(p, WEFT_KIND_CONV, 1, 8, 12));  /* not whole groups */
    assert_false(weft_engine_tile_fits(p, WEFT_KIND_CONV, 1, 17, 8));  /* longer than a line */
    assert_false(weft_engine_tile_fits(p, WEFT_KIND_CONV, 0, 8, 8));
    assert_true(weft_engine_tile_fits(p, WEFT_KIND_POOL, 16, 1, 2));
    assert_false(weft_engine_tile_fits(p, WEFT_KIND_POOL, 16, 1, 3));
    assert_false(weft_engine_tile_fits(p, WEFT_KIND_POOL, 17, 1, 1)); /* 18 x 8 sums */
    assert_true(weft_engine_tile_fits(p, WEFT_KIND_GROUPED, 1, 9, 16));
    assert_true(weft_engine_tile_fits(p, WEFT_KIND_GROUPED, 1, 1, 32));
    assert_false(weft_engine_tile_fits(p, WEFT_KIND_GROUPED, 1, 1, 33)); /* 264 bytes of windows */
}

/* What the counts of resources are made from: "tiny" by hand. */
static void arrays_are_listed(void **state)
{
    (void)state;
    weft_engine_array list[WEFT_ENGINE_ARRAYS_MAX];
    const weft_engine_params *p = weft_engine_find("tiny");
    static const weft_engine_array wanted[] = {
        {"x_words", 2, 16, 64, 2}, {"w_words", 8, 8, 64, 2}, {"x_lanes", 4, 8, 64, 2},
        {"partial", 16, 8, 32, 1}, {"sums", 16, 8, 32, 2},   {"bias", 4, 2, 64, 3},
        {"residual", 4, 4, 64, 2}, {"values", 4, 4, 64, 2},  {"totals", 8, 2, 32, 1},
        {"means", 4, 1, 64, 2},    {"table", 8, 32, 64, 1},
    };
    size_t count = weft_engine_arrays(p, list);
    assert_true(count <= WEFT_ENGINE_ARRAYS_MAX);
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        size_t at = 0;
        while (at < count && strcmp(list[at].name, wanted[i].name) != 0)
            at++;
        assert_true(at < count);
        assert_int_equal(list[at].banks, wanted[i].banks);
        assert_int_equal(list[at].depth, wanted[i].depth);
        assert_int_equal(list[at].bits, wanted[i].bits);
        assert_int_equal(list[at].copies, wanted[i].copies);
    }
    weft_engine_dsps dsps = weft_engine_multipliers(p);
    assert_int_equal(dsps.array, 64);
    assert_int_equal(dsps.lanes, 8 * 8 + 4);
    assert_int_equal(dsps.attention, 0);
}

/* What products of two activations and rows add to it. */
static void arrays_of_attention_are_listed(void **state)
{
    (void)state;
    weft_engine_array list[WEFT_ENGINE_ARRAYS_MAX];
    const weft_engine_params plain = *weft_engine_find("tiny");
    const weft_engine_params params = weft_engine_with(&plain, true, true);
    static const weft_engine_array wanted[] = {
        {"b_words", 8, 8, 64, 2},  {"row_sums", 2, 8, 32, 2}, {"column_sums", 8, 8, 32, 2},
        {"residual", 4, 4, 64, 3}, {"codes", 4, 4, 64, 1},    {"exps", 8, 256, 32, 1},
        {"highest", 1, 16, 32, 1}, {"factors", 1, 16, 64, 1},
    };
    size_t count = weft_engine_arrays(&params, list);
    assert_true(count <= WEFT_ENGINE_ARRAYS_MAX);
    assert_true(count > weft_engine_arrays(&plain, list) + 10);
    weft_engine_arrays(&params, list);
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        size_t at = 0;
        while (at < count && strcmp(list[at].name, wanted[i].name) != 0)
            at++;
        assert_true(at < count);
        assert_int_equal(list[at].banks, wanted[i].banks);
        assert_int_equal(list[at].depth, wanted[i].depth);
        assert_int_equal(list[at].bits, wanted[i].bits);
        assert_int_equal(list[at].copies, wanted[i].copies);
    }
    weft_engine_dsps dsps = weft_engine_multipliers(&params);
    assert_int_equal(dsps.attention, 8 * 9 + 8 + 9 * 2);
    assert_int_equal(dsps.sizes, weft_engine_multipliers(&plain).sizes);
}

/* Every array of the list stands in the text, with so many buffers. */
static void check_arrays_of_text(const weft_engine_params *p)
{
    weft_arena *arena = weft_arena_create();
    weft_engine_array list[WEFT_ENGINE_ARRAYS_MAX];
    const char *text = strstr(weft_engine_print(arena, p, WEFT_DIALECT_HLS_C), "run_descriptor(");
    assert_non_null(text);
    const char *region = strstr(text, "#pragma HLS DATAFLOW");
    assert_non_null(region);
    size_t count = weft_engine_arrays(p, list);
    for (size_t i = 0; i < count; i++) {
        char declared[64];
        snprintf(declared, sizeof declared, " %s[", list[i].name);
        const char *at = strstr(text, declared);
        assert_non_null(at);
        assert_int_equal(at > region, list[i].copies > 1);
        snprintf(declared, sizeof declared, "STREAM variable=%s type=pipo depth=3", list[i].name);
        assert_int_equal(strstr(text, declared) != NULL, list[i].copies == 3);
    }
    weft_arena_destroy(arena);
}

static void arrays_are_those_of_the_text(void **state)
{
    (void)state;
    for (int units = 0; units < 4; units++) {
        const weft_engine_params params =
            weft_engine_with(weft_engine_find("tiny"), units % 2, units / 2);
        check_arrays_of_text(&params);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hls_is_golden),
        cmocka_unit_test(opencl_is_golden),
        cmocka_unit_test(dialects_are_separate),
        cmocka_unit_test(named_engines_are_valid),
        cmocka_unit_test(wrong_parameters_are_refused),
        cmocka_unit_test(tiles_fit_or_not),
        cmocka_unit_test(arrays_are_listed),
        cmocka_unit_test(arrays_of_attention_are_listed),
        cmocka_unit_test(arrays_are_those_of_the_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
