/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of compiler/base: arena, diagnostics, text, files, tensors, tables.
 * Must not know about: graphs, ONNX. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compiler/base/file.h"
#include "compiler/base/tensor.h"
#include "compiler/base/text.h"

static void arena_aligns_and_zeroes(void **state)
{
    (void)state;
    weft_arena *arena = weft_arena_create();
    assert_non_null(arena);
    if (WEFT_ARENA_TRY(arena))
        fail_msg("out of memory");
    static const size_t sizes[] = {0, 1, 7, 16, 255, 256, 257, 4096, 65535, 65536, 300000};
    for (size_t round = 0; round < 40; round++) {
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            unsigned char *bytes = weft_arena_alloc(arena, sizes[i]);
            assert_int_equal((uintptr_t)bytes % (sizes[i] >= 256 ? 64 : 16), 0);
            for (size_t at = 0; at < sizes[i]; at++)
                assert_int_equal(bytes[at], 0);
            memset(bytes, 0xff, sizes[i]);
        }
    }
    char *a = weft_arena_alloc(arena, 0), *b = weft_arena_alloc(arena, 0);
    assert_ptr_not_equal(a, b);
    assert_string_equal(weft_arena_printf(arena, "%d-%s", 7, "x"), "7-x");
    assert_string_equal(weft_arena_strndup(arena, "hello", 3), "hel");
    weft_arena_destroy(arena);
}

static void arena_jumps_when_out_of_memory(void **state)
{
    (void)state;
    weft_arena *arena = weft_arena_create();
    volatile int step = 0;
    if (WEFT_ARENA_TRY(arena)) {
        assert_int_equal(step, 1);
        step = 2;
    } else {
        step = 1;
        weft_arena_alloc_array(arena, SIZE_MAX / 2, 3);
        fail_msg("an overflowing product was allocated");
    }
    assert_int_equal(step, 2);
    if (WEFT_ARENA_TRY(arena) == 0) {
        weft_arena_alloc(arena, SIZE_MAX - 8);
        fail_msg("the whole address space was allocated");
    }
    weft_arena_fail_after(2);
    step = 0;
    if (WEFT_ARENA_TRY(arena) == 0) {
        weft_arena_alloc(arena, 8);
        step = 3;
        weft_arena_alloc(arena, 8);
        fail_msg("the injected failure did not happen");
    }
    assert_int_equal(step, 3);
    weft_arena_fail_after(1);
    assert_null(weft_arena_create());
    weft_arena_destroy(arena);
}

static char release_order[8];
static void release(void *object)
{
    strcat(release_order, object);
}

static void arena_releases_deferred_objects_in_reverse(void **state)
{
    (void)state;
    static char a[] = "a", b[] = "b", c[] = "c";
    release_order[0] = '\0';
    weft_arena *arena = weft_arena_create();
    if (WEFT_ARENA_TRY(arena) == 0) {
        weft_arena_defer(arena, release, a);
        weft_arena_defer(arena, release, b);
        weft_arena_fail_after(1);
        weft_arena_defer(arena, release, c); /* cannot be attached: released at once */
        fail_msg("the injected failure did not happen");
    }
    assert_string_equal(release_order, "c");
    weft_arena_destroy(arena);
    assert_string_equal(release_order, "cba");
}

static void vec_keeps_elements_while_growing(void **state)
{
    (void)state;
    weft_arena *arena = weft_arena_create();
    if (WEFT_ARENA_TRY(arena))
        fail_msg("out of memory");
    WEFT_VEC(int) vec = {0};
    for (int i = 0; i < 1000; i++)
        WEFT_VEC_PUSH(arena, &vec, i);
    assert_int_equal(vec.count, 1000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(vec.data[i], i);
    weft_arena_destroy(arena);
}

static void checked_arithmetic_refuses_overflow(void **state)
{
    (void)state;
    size_t size = 5;
    assert_false(weft_mul_size(SIZE_MAX, 2, &size));
    assert_false(weft_add_size(SIZE_MAX, 1, &size));
    assert_int_equal(size, 5);
    assert_true(weft_mul_size(SIZE_MAX, 1, &size) && size == SIZE_MAX);
    assert_true(weft_mul_size(0, SIZE_MAX, &size) && size == 0);
    int64_t number = 5;
    assert_false(weft_mul_i64(INT64_MIN, -1, &number));
    assert_false(weft_add_i64(INT64_MAX, 1, &number));
    assert_int_equal(number, 5);
    assert_true(weft_mul_i64(-3, 4, &number) && number == -12);
}

static void diag_collects_and_formats(void **state)
{
    (void)state;
    weft_diag *diag = NULL;
    assert_int_equal(weft_diag_create(&diag), WEFT_OK);
    assert_int_equal(
        weft_diag_error(diag, WEFT_E_FILE_OPEN, "cannot open %s", "a\nb\x1b\xff\xc3\xa9\xc2\x9b"),
        WEFT_IO);
    weft_diag_field_set(diag, WEFT_DIAG_WHY, "first\nsecond");
    weft_diag_field_set(diag, WEFT_DIAG_NODES, "%s", "x\ny\xe2\x80\xae");
    weft_diag_field_set(diag, WEFT_DIAG_EXPECTED, "%d", 3);
    weft_diag_note(diag, "note");
    weft_diag_warning(diag, (weft_error_id)0, "warning");
    assert_int_equal(weft_diag_count(diag), 3);
    assert_int_equal(weft_diag_error_count(diag), 1);
    static const char expected[] = "error[E0980]: cannot open a?b??\xc3\xa9??\n"
                                   "  nodes:    x?y???\n"
                                   "  expected: 3\n"
                                   "  why:      first\n"
                                   "            second\n";
    char buffer[256];
    size_t length = weft_diag_format(weft_diag_get(diag, 0), buffer, sizeof buffer);
    assert_string_equal(buffer, expected);
    assert_int_equal(length, strlen(expected));
    char small[6];
    assert_int_equal(weft_diag_format(weft_diag_get(diag, 0), small, sizeof small), length);
    assert_string_equal(small, "error");
    assert_int_equal(weft_diag_format(weft_diag_get(diag, 0), NULL, 0), length);
    weft_diag_format(weft_diag_get(diag, 1), buffer, sizeof buffer);
    assert_string_equal(buffer, "note: note\n");
    assert_null(weft_diag_get(diag, 3));
    assert_int_equal(weft_diag_error(NULL, WEFT_E_NO_MEMORY, "x"), WEFT_NO_MEMORY);
    weft_diag_destroy(diag);
    weft_diag_destroy(NULL);
}

static void diag_bounds_the_length_of_texts(void **state)
{
    (void)state;
    weft_diag *diag = NULL;
    assert_int_equal(weft_diag_create(&diag), WEFT_OK);
    enum { LONG = 1000000 };
    char *name = malloc(LONG + 1);
    memset(name, 'n', LONG);
    name[LONG] = '\0';
    weft_diag_error(diag, WEFT_E_INTERNAL, "%s", name);
    const char *summary = weft_diag_get(diag, 0)->summary;
    assert_in_range(strlen(summary), 4000, 8192);
    assert_string_equal(summary + strlen(summary) - 4, " ...");
    free(name);
    weft_diag_destroy(diag);
}

static void diag_survives_running_out_of_memory(void **state)
{
    (void)state;
    for (size_t failing = 1; failing <= 4; failing++) {
        weft_diag *diag = NULL;
        assert_int_equal(weft_diag_create(&diag), WEFT_OK);
        weft_arena_fail_after(failing); /* entries, summary, field, then none */
        assert_int_equal(weft_diag_error(diag, WEFT_E_FILE_WRITE, "one"), WEFT_IO);
        weft_diag_field_set(diag, WEFT_DIAG_WHY, "why");
        weft_arena_fail_after(0);
        size_t count = weft_diag_count(diag);
        assert_true(count > 0);
        const weft_diag_entry *last = weft_diag_get(diag, count - 1);
        assert_int_equal(last->id, failing == 4 ? WEFT_E_FILE_WRITE : WEFT_E_NO_MEMORY);
        assert_int_equal(weft_diag_error_count(diag), count);
        weft_diag_destroy(diag);
    }
    weft_diag *diag = NULL;
    weft_arena_fail_after(1);
    assert_int_equal(weft_diag_create(&diag), WEFT_NO_MEMORY);
    assert_null(diag);
}

static void error_rows_ascend_and_speak(void **state)
{
    (void)state;
    uint32_t before = 0;
    for (size_t i = 0; i < weft_error_row_count(); i++) {
        const weft_error_row *row = weft_error_row_get(i);
        assert_true(row->number > before);
        assert_true(strlen(row->title) > 0 && strlen(row->help) > 0);
        assert_int_not_equal(row->status, WEFT_OK);
        assert_ptr_equal(weft_error_row_find(row->number), row);
        before = row->number;
    }
    assert_null(weft_error_row_get(weft_error_row_count()));
    assert_null(weft_error_row_find(99999));
}

static void status_rows_have_names_and_exit_codes(void **state)
{
    (void)state;
    assert_string_equal(weft_status_name(WEFT_UNSUPPORTED), "UNSUPPORTED");
    assert_int_equal(weft_status_exit_code(WEFT_OK), 0);
    assert_int_equal(weft_status_exit_code(WEFT_UNSUPPORTED), 4);
    assert_int_equal(weft_status_exit_code(WEFT_IO), 3);
    assert_string_equal(weft_status_name((weft_status)1000), "INTERNAL");
    assert_true(strlen(weft_status_text(WEFT_TIMEOUT)) > 0);
    assert_true(strchr(weft_version(), '.') != NULL);
}

static void text_and_map_grow(void **state)
{
    (void)state;
    weft_arena *arena = weft_arena_create();
    if (WEFT_ARENA_TRY(arena))
        fail_msg("out of memory");
    weft_text text;
    weft_text_init(&text, arena);
    assert_string_equal(text.data, "");
    weft_map map;
    weft_map_init(&map, arena);
    assert_null(weft_map_get(&map, "none"));
    static int numbers[500];
    for (int i = 0; i < 500; i++) {
        weft_text_printf(&text, "%03d,", i);
        weft_map_put(&map, weft_arena_printf(arena, "key%d", i), &numbers[i]);
    }
    assert_int_equal(text.length, 2000);
    assert_memory_equal(text.data + 1996, "499,", 5);
    for (int i = 0; i < 500; i++)
        assert_ptr_equal(weft_map_get(&map, weft_arena_printf(arena, "key%d", i)), &numbers[i]);
    weft_map_put(&map, "key7", &numbers[0]);
    assert_ptr_equal(weft_map_get(&map, "key7"), &numbers[0]);
    assert_int_equal(map.count, 500);
    assert_null(weft_map_get(&map, "key500"));
    weft_arena_destroy(arena);
}

static void nearest_finds_slips_only(void **state)
{
    (void)state;
    static const char *const names[] = {"Conv", "Concat", "MatMul", "GlobalAveragePool", "input"};
    enum { COUNT = sizeof names / sizeof names[0] };
    assert_string_equal(weft_nearest("Cnov", names, COUNT), "Conv");
    assert_string_equal(weft_nearest("matmul", names, COUNT), "MatMul");
    assert_string_equal(weft_nearest("inptu", names, COUNT), "input");
    assert_string_equal(weft_nearest("GlobalAvgPool", names, COUNT), "GlobalAveragePool");
    assert_null(weft_nearest("Xyz", names, COUNT));
    assert_null(weft_nearest("", names, COUNT));
    assert_null(weft_nearest("x", names, 0));
}

static void remove_scratch(const char *folder, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    unlink(path);
}

static void files_are_mapped_and_replaced_whole(void **state)
{
    (void)state;
    char folder[] = "/tmp/weft-test-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char path[256], link_path[256];
    snprintf(path, sizeof path, "%s/file", folder);
    snprintf(link_path, sizeof link_path, "%s/link", folder);
    weft_diag *diag = NULL;
    assert_int_equal(weft_diag_create(&diag), WEFT_OK);
    weft_file_map map;
    assert_int_equal(weft_file_map_open(path, &map, diag), WEFT_IO);
    assert_int_equal(weft_diag_get(diag, 0)->id, WEFT_E_FILE_OPEN);
    assert_int_equal(weft_file_map_open(folder, &map, diag), WEFT_IO);
    assert_int_equal(weft_diag_get(diag, 1)->id, WEFT_E_FILE_KIND);
    assert_string_equal(weft_diag_get(diag, 1)->fields[WEFT_DIAG_FOUND], "a directory");

    weft_file_writer *writer = NULL;
    assert_int_equal(weft_file_writer_open(path, &writer, diag), WEFT_OK);
    static unsigned char big[200000];
    memset(big, 7, sizeof big);
    assert_int_equal(weft_file_writer_add(writer, "abc", 3), WEFT_OK);
    assert_int_equal(weft_file_writer_pad(writer, 4096), WEFT_OK);
    assert_int_equal(weft_file_writer_position(writer), 4096);
    assert_int_equal(weft_file_writer_add(writer, big, sizeof big), WEFT_OK);
    assert_int_equal(weft_file_map_open(path, &map, NULL),
                     WEFT_IO); /* not there before the commit */
    assert_int_equal(weft_file_writer_commit(writer, diag), WEFT_OK);
    assert_int_equal(weft_file_map_open(path, &map, diag), WEFT_OK);
    assert_int_equal(map.size_bytes, 4096 + sizeof big);
    assert_memory_equal(map.data, "abc\0", 4);
    assert_memory_equal(map.data + 4096, big, sizeof big);
    weft_file_map_close(&map);

    /* Aborted: the old content stays. Through a link: the link stays. */
    assert_int_equal(weft_file_writer_open(path, &writer, diag), WEFT_OK);
    weft_file_writer_add(writer, "lost", 4);
    weft_file_writer_abort(writer);
    assert_int_equal(symlink("file", link_path), 0);
    assert_int_equal(weft_file_writer_open(link_path, &writer, diag), WEFT_OK);
    assert_int_equal(weft_file_writer_commit(writer, diag), WEFT_OK);
    struct stat info;
    assert_int_equal(lstat(link_path, &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    assert_int_equal(weft_file_map_open(path, &map, diag), WEFT_OK);
    assert_int_equal(map.size_bytes, 0);
    assert_null(map.data);
    weft_file_map_close(&map);

    assert_int_equal(weft_file_writer_open("/dev/null", &writer, diag), WEFT_IO);
    assert_null(writer);
    assert_int_equal(weft_file_writer_open(folder, &writer, diag), WEFT_IO);
    assert_int_equal(weft_file_writer_open("/nonexistent/x", &writer, diag), WEFT_IO);
    weft_file_writer_abort(NULL);
    weft_diag_destroy(diag);
    remove_scratch(folder, "link");
    remove_scratch(folder, "file");
    assert_int_equal(rmdir(folder), 0); /* nothing else was left behind */
}

static void a_failed_rename_is_reported_at_commit(void **state)
{
    (void)state;
    char folder[] = "/tmp/weft-test-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char path[256], moved[256];
    snprintf(path, sizeof path, "%s/file", folder);
    snprintf(moved, sizeof moved, "%s-moved", folder);
    weft_diag *diag = NULL;
    assert_int_equal(weft_diag_create(&diag), WEFT_OK);
    weft_file_writer *writer = NULL;
    assert_int_equal(weft_file_writer_open(path, &writer, diag), WEFT_OK);
    assert_int_equal(weft_file_writer_add(writer, "x", 1), WEFT_OK);
    assert_int_equal(rename(folder, moved), 0); /* the folder disappears under the writer */
    assert_int_equal(weft_file_writer_commit(writer, diag), WEFT_IO);
    assert_int_equal(weft_diag_get(diag, 0)->id, WEFT_E_FILE_WRITE);
    weft_diag_destroy(diag);
    char temporary[64];
    snprintf(temporary, sizeof temporary, "file.tmp-%ld-0", (long)getpid());
    remove_scratch(moved, temporary);
    assert_int_equal(rmdir(moved), 0);
}

static void shapes_and_dtypes(void **state)
{
    (void)state;
    assert_int_equal(weft_dtype_from_onnx(1), WEFT_DTYPE_F32);
    assert_int_equal(weft_dtype_from_onnx(16), WEFT_DTYPE_BF16);
    assert_int_equal(weft_dtype_from_onnx(8), WEFT_DTYPE_NONE);
    assert_int_equal(weft_dtype_from_onnx(0), WEFT_DTYPE_NONE);
    for (int i = 1; i < WEFT_DTYPE_COUNT; i++)
        assert_int_equal(weft_dtype_from_name(weft_dtype_name((weft_dtype)i)), i);
    assert_int_equal(weft_dtype_from_name("none"), WEFT_DTYPE_NONE);
    assert_int_equal(weft_dtype_bytes(WEFT_DTYPE_F64), 8);
    char buffer[WEFT_SHAPE_TEXT];
    weft_shape shape = {.rank = 4, .dims = {1, 3, -1, 160}};
    assert_string_equal(weft_shape_format(&shape, buffer), "1x3x?x160");
    int64_t elems = 0;
    assert_false(weft_shape_elems(&shape, &elems));
    shape.dims[2] = 2;
    assert_true(weft_shape_elems(&shape, &elems) && elems == 960);
    size_t bytes = 0;
    assert_true(weft_shape_bytes(&shape, WEFT_DTYPE_F16, &bytes) && bytes == 1920);
    weft_shape huge = {.rank = 8};
    for (int i = 0; i < 8; i++)
        huge.dims[i] = INT64_MAX;
    assert_false(weft_shape_elems(&huge, &elems));
    assert_true(strlen(weft_shape_format(&huge, buffer)) == 8 * 19 + 7);
    huge.dims[7] = 0;
    assert_false(weft_shape_elems(&huge, &elems)); /* the other dimensions alone overflow */
    weft_shape scalar = {0};
    assert_true(weft_shape_elems(&scalar, &elems) && elems == 1);
    assert_string_equal(weft_shape_format(&scalar, buffer), "scalar");
    assert_false(weft_shape_equal(&scalar, &shape));
    assert_true(weft_shape_equal(&shape, &shape));
}

static void attributes_are_set_read_and_removed(void **state)
{
    (void)state;
    weft_arena *arena = weft_arena_create();
    if (WEFT_ARENA_TRY(arena))
        fail_msg("out of memory");
    weft_attrs attrs = {0};
    int64_t ints[] = {3, 4};
    float floats[] = {0.5f};
    weft_attrs_set_int(&attrs, arena, "group", 2);
    weft_attrs_set_ints(&attrs, arena, "pads", ints, 2);
    weft_attrs_set_floats(&attrs, arena, "scales", floats, 1);
    weft_attrs_set_string(&attrs, arena, "mode", "max");
    weft_attrs_set_float(&attrs, arena, "alpha", 0.25f);
    ints[0] = 99; /* arrays were copied */
    int64_t out[3];
    assert_int_equal(weft_attrs_ints(&attrs, "pads", out, 3, -1), 2);
    assert_true(out[0] == 3 && out[1] == 4 && out[2] == -1);
    assert_int_equal(weft_attrs_ints(&attrs, "none", out, 1, 7), 0);
    assert_int_equal(out[0], 7);
    assert_int_equal(weft_attrs_int(&attrs, "group", 1), 2);
    assert_int_equal(weft_attrs_int(&attrs, "alpha", 1), 1); /* another kind reads as absent */
    assert_true(weft_attrs_float(&attrs, "alpha", 0) == 0.25f);
    assert_string_equal(weft_attrs_string(&attrs, "mode", "x"), "max");
    weft_attrs_set_string(&attrs, arena, "mode", weft_attrs_string(&attrs, "mode", "x"));
    assert_string_equal(weft_attrs_string(&attrs, "mode", "x"), "max");
    weft_attrs_set_int(&attrs, arena, "mode", 5);
    assert_int_equal(weft_attrs_int(&attrs, "mode", 0), 5);
    assert_int_equal(attrs.count, 5);
    weft_attrs_remove(&attrs, "group");
    weft_attrs_remove(&attrs, "group");
    assert_int_equal(attrs.count, 4);
    assert_null(weft_attrs_find(&attrs, "group"));
    assert_non_null(weft_attrs_find(&attrs, "alpha"));
    weft_arena_destroy(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_aligns_and_zeroes),
        cmocka_unit_test(arena_jumps_when_out_of_memory),
        cmocka_unit_test(arena_releases_deferred_objects_in_reverse),
        cmocka_unit_test(vec_keeps_elements_while_growing),
        cmocka_unit_test(checked_arithmetic_refuses_overflow),
        cmocka_unit_test(diag_collects_and_formats),
        cmocka_unit_test(diag_bounds_the_length_of_texts),
        cmocka_unit_test(diag_survives_running_out_of_memory),
        cmocka_unit_test(error_rows_ascend_and_speak),
        cmocka_unit_test(status_rows_have_names_and_exit_codes),
        cmocka_unit_test(text_and_map_grow),
        cmocka_unit_test(nearest_finds_slips_only),
        cmocka_unit_test(files_are_mapped_and_replaced_whole),
        cmocka_unit_test(a_failed_rename_is_reported_at_commit),
        cmocka_unit_test(shapes_and_dtypes),
        cmocka_unit_test(attributes_are_set_read_and_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
