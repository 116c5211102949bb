/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are no model, or a damaged or hostile one, and running out of memory. Must not know
 * operators beyond one that is needed to have a model. */
#include "tests/import/check.h"

#include <stdlib.h>
#include <unistd.h>

static message small_model(weft_arena *arena)
{
    message m = message_create(arena, 17);
    message_input(&m, "x", 1, "1,4");
    message_node(&m, "Relu", "x", "y");
    message_output(&m, "y", "1,4");
    return m;
}

static void a_small_model_is_read(void **state)
{
    (void)state;
    check c;
    check_begin(&c);
    message m = small_model(c.arena);
    check_message(&c, &m);
    check_clean(&c);
    assert_int_equal(c.graph->node_count, 1);
    assert_int_equal(c.graph->opset, 17);
    assert_string_equal(c.graph->first->name, "Relu:y");
    check_end(&c);
}

static void files_that_cannot_be_read_have_ids(void **state)
{
    (void)state;
    check c;
    check_begin(&c);
    check_params(&c, &(weft_import_params){.path = "/nonexistent/model.onnx"});
    check_only(&c, WEFT_E_FILE_OPEN);
    check_params(&c, &(weft_import_params){.path = "/tmp"});
    check_only(&c, WEFT_E_FILE_KIND);
    char path[] = "/tmp/weft-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    check_params(&c, &(weft_import_params){.path = path});
    check_contains(check_only(&c, WEFT_E_MODEL_EMPTY)->summary, path);
    unlink(path);
    check_end(&c);
}

static void other_files_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *found;
    } files[] = {
        {"\x89PNG\r\n\x1a\n....", 12, "89 50 4e 47 0d 0a 1a 0a, a PNG picture"},
        {"version https://git-lfs.github.com/spec/v1\n", 43, "a Git LFS pointer"},
        {"hello, this is text\n", 20, "text"},
        {"PK\x03\x04........", 12, "a ZIP archive"},
        {"\x1c\0\0\0TFL3....", 12, "a TensorFlow Lite model"},
        {"\0\0\0\0\0\0\0\0", 8, "00 00 00 00 00 00 00 00"},
        {"\xff", 1, "ff"},
    };
    check c;
    check_begin(&c);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        check_bytes(&c, files[i].bytes, files[i].size);
        check_contains(check_only(&c, WEFT_E_NOT_ONNX)->fields[WEFT_DIAG_FOUND], files[i].found);
    }
    check_bytes(&c, "\x08\x08", 2); /* an IR version and nothing else */
    check_only(&c, WEFT_E_NO_GRAPH);
    check_end(&c);
}

static void every_truncation_is_an_error(void **state)
{
    (void)state;
    check c;
    check_begin(&c);
    message m = small_model(c.arena);
    size_t size = 0;
    const uint8_t *bytes = message_pack(&m, &size);
    size_t corrupt = 0;
    for (size_t length = 1; length < size; length++) {
        check_bytes(&c, weft_arena_dup(c.arena, bytes, length), length);
        assert_int_not_equal(c.status, WEFT_OK);
        corrupt += check_count(&c, WEFT_E_MODEL_CORRUPT);
    }
    assert_true(corrupt > size / 2);
    check_bytes(&c, bytes, size - 1);
    check_contains(check_only(&c, WEFT_E_MODEL_CORRUPT)->fields[WEFT_DIAG_AT], "byte ");
    check_end(&c);
}

static void every_changed_byte_is_survived(void **state)
{
    (void)state;
    check c;
    check_begin(&c);
    message m = small_model(c.arena);
    size_t size = 0;
    const uint8_t *bytes = message_pack(&m, &size);
    for (size_t at = 0; at < size; at++) {
        for (int bit = 0; bit < 8; bit++) {
            uint8_t *changed = weft_arena_dup(c.arena, bytes, size);
            changed[at] ^= (uint8_t)(1 << bit);
            check_bytes(&c, changed, size); /* checks that status, graph and reports agree */
        }
    }
    check_end(&c);
}

/* Wraps bytes in a field with a length, back to front. */
static uint8_t *prepend(uint8_t *start, const uint8_t *end, uint8_t key)
{
    size_t length = (size_t)(end - start);
    uint8_t digits[10];
    size_t count = 0;
    do {
        digits[count++] = (uint8_t)((length & 0x7f) | (length > 0x7f ? 0x80 : 0));
        length >>= 7;
    } while (length > 0);
    while (count > 0)
        *--start = digits[--count];
    *--start = key;
    return start;
}

static void deep_nesting_does_not_recurse(void **state)
{
    (void)state;
    enum { LEVELS = 100000 };
    check c;
    check_begin(&c);
    uint8_t *buffer = weft_arena_alloc(c.arena, LEVELS * 16 + 16);
    uint8_t *end = buffer + LEVELS * 16, *start = end;
    for (int i = 0; i < LEVELS; i++) {
        start = prepend(start, end, 6 << 3 | 2); /* AttributeProto.g */
        start = prepend(start, end, 5 << 3 | 2); /* NodeProto.attribute */
        start = prepend(start, end, 1 << 3 | 2); /* GraphProto.node */
    }
    start = prepend(start, end, 7 << 3 | 2); /* ModelProto.graph */
    check_bytes(&c, start, (size_t)(end - start));
    check_only(&c, WEFT_E_MODEL_NESTED);
    check_end(&c);
}

static void claims_beyond_the_size_are_refused(void **state)
{
    (void)state;
    enum { NODES = 1000000 };
    check c;
    check_begin(&c);
    uint8_t *buffer = weft_arena_alloc(c.arena, NODES * 2 + 16);
    uint8_t *end = buffer + NODES * 2 + 16, *start = end;
    for (int i = 0; i < NODES;
         i++) { /* empty initializers: two bytes of file, hundreds of memory */
        *--start = 0;
        *--start = 5 << 3 | 2;
    }
    start = prepend(start, end, 7 << 3 | 2);
    check_bytes(&c, start, (size_t)(end - start));
    check_only(&c, WEFT_E_MODEL_EXPANDS);
    /* A graph given twice would be merged at quadratic cost. */
    static const uint8_t twice[] = {0x08, 8, 7 << 3 | 2, 0, 7 << 3 | 2, 0};
    check_bytes(&c, twice, sizeof twice);
    check_contains(check_only(&c, WEFT_E_MODEL_CORRUPT)->fields[WEFT_DIAG_WHY], "twice");
    check_end(&c);
}

/* Imports with the nth allocation failing. */
static weft_status import_failing_at(size_t nth)
{
    weft_diag *diag = NULL;
    assert_int_equal(weft_diag_create(&diag), WEFT_OK);
    weft_arena *arena = weft_arena_create();
    assert_non_null(arena);
    volatile weft_status status = WEFT_NO_MEMORY;
    if (WEFT_ARENA_TRY(arena) == 0) {
        weft_graph *graph = NULL;
        weft_arena_fail_after(nth);
        status = weft_import_onnx(
            arena,
            &(weft_import_params){.path = WEFT_TEST_DATA "/fuzz/corpus/import/functions_17.onnx"},
            &graph, diag);
    }
    weft_arena_fail_after(0);
    weft_arena_destroy(arena);
    weft_diag_destroy(diag);
    return status;
}

static void running_out_of_memory_is_a_status(void **state)
{
    (void)state;
    size_t nth = 1;
    weft_status status = import_failing_at(nth);
    while (status != WEFT_OK) {
        assert_int_equal(status, WEFT_NO_MEMORY);
        status = import_failing_at(++nth);
    }
    assert_in_range(nth, 100, 100000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_model_is_read),
        cmocka_unit_test(files_that_cannot_be_read_have_ids),
        cmocka_unit_test(other_files_are_named),
        cmocka_unit_test(every_truncation_is_an_error),
        cmocka_unit_test(every_changed_byte_is_survived),
        cmocka_unit_test(deep_nesting_does_not_recurse),
        cmocka_unit_test(claims_beyond_the_size_are_refused),
        cmocka_unit_test(running_out_of_memory_is_a_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
