/* SPDX-License-Identifier: Apache-2.0 */
/* One case per rule: golden/<pass>/<case>.ir goes through that pass ("pipeline": through all) and
 * must come out as golden/<pass>/<case>.expect says, with the same values. A case that must not be
 * rewritten has "changes: 0" there. GOLDEN_UPDATE=1 writes the expected files. Must not know the
 * passes beyond their table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/base/file.h"
#include "compiler/passes/passes.h"
#include "tests/passes/build.h"
#include "tests/passes/run.h"

enum { MAX_CASES = 256 };

static bool has_suffix(const char *name, const char *suffix)
{
    size_t length = strlen(name), end = strlen(suffix);
    return length > end && strcmp(name + length - end, suffix) == 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static size_t list_cases(weft_arena *arena, const char *folder, const char **names)
{
    size_t count = 0;
    DIR *dir = opendir(folder);
    if (!dir)
        fail_msg("no folder %s: every pass has golden cases", folder);
    for (struct dirent *entry; (entry = readdir(dir));)
        if (has_suffix(entry->d_name, ".ir") && count < MAX_CASES)
            names[count++] = weft_arena_strndup(arena, entry->d_name, strlen(entry->d_name) - 3);
    closedir(dir);
    qsort(names, count, sizeof *names, by_name);
    return count;
}

static weft_status run_rows(const weft_pass_row *row, weft_graph *graph, size_t *changes,
                            weft_diag *diag)
{
    if (row)
        return row->run(graph, changes, diag);
    weft_pass_stats stats[WEFT_PASS_COUNT];
    weft_status status = weft_passes_run(graph, NULL, stats, diag);
    for (size_t i = 0; status == WEFT_OK && i < WEFT_PASS_COUNT; i++)
        *changes += stats[i].changes;
    return status;
}

static bool check_text(const char *path, const char *text)
{
    if (getenv("GOLDEN_UPDATE")) {
        FILE *file = fopen(path, "wb");
        assert_non_null(file);
        assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
        assert_int_equal(fclose(file), 0);
        return true;
    }
    weft_file_map map;
    if (weft_file_map_open(path, &map, NULL) != WEFT_OK) {
        print_error("%s is missing; GOLDEN_UPDATE=1 writes it:\n%s", path, text);
        return false;
    }
    bool same = map.size_bytes == strlen(text) && memcmp(map.data, text, map.size_bytes) == 0;
    if (!same)
        print_error("%s differs; expected:\n%.*sfound:\n%s", path, (int)map.size_bytes,
                    (const char *)map.data, text);
    weft_file_map_close(&map);
    return same;
}

static bool run_case(const weft_pass_row *row, const char *folder, const char *name)
{
    weft_diag *diag = NULL;
    assert_int_equal(weft_diag_create(&diag), WEFT_OK);
    weft_arena *arena = weft_arena_create();
    assert_non_null(arena);
    if (WEFT_ARENA_TRY(arena))
        fail_msg("out of memory");
    weft_graph *graph = NULL;
    weft_file_map map;
    print_message("  %s\n", name);
    build_check(weft_file_map_open(weft_arena_printf(arena, "%s/%s.ir", folder, name), &map, diag),
                diag);
    build_check(weft_graph_parse(arena, (const char *)map.data, map.size_bytes, &graph, diag),
                diag);
    weft_file_map_close(&map);
    build_check(weft_graph_verify(graph, "reading", diag), diag);
    run_result before = run_graph(graph, 3, diag);
    size_t changes = 0;
    build_check(run_rows(row, graph, &changes, diag), diag);
    build_check(weft_graph_verify(graph, "the pass", diag), diag);
    run_result after = run_graph(graph, 3, diag);
    double difference = run_difference(&before, &after);
    weft_text text;
    weft_text_init(&text, arena);
    weft_text_printf(&text, "// changes: %zu\n", changes);
    weft_graph_print(graph, false, &text);
    bool good = check_text(weft_arena_printf(arena, "%s/%s.expect", folder, name), text.data);
    if (difference > RUN_TOLERANCE) {
        print_error("%s: values change by %.1e\n%s", name, difference, text.data);
        good = false;
    }
    weft_arena_destroy(arena);
    weft_diag_destroy(diag);
    return good;
}

static void run_folder(const weft_pass_row *row, const char *pass)
{
    weft_arena *arena = weft_arena_create();
    assert_non_null(arena);
    const char *names[MAX_CASES];
    const char *folder = weft_arena_printf(arena, "%s/passes/golden/%s", WEFT_TEST_DATA, pass);
    size_t count = list_cases(arena, folder, names), bad = 0;
    print_message("%s: %zu cases\n", pass, count);
    assert_true(count > 0);
    for (size_t i = 0; i < count; i++)
        bad += !run_case(row, folder, names[i]);
    weft_arena_destroy(arena);
    assert_int_equal(bad, 0);
}

static void pass_cases(void **state)
{
    const size_t *index = *state;
    run_folder(weft_pass_get(*index), weft_pass_get(*index)->name);
}

static void pipeline_cases(void **state)
{
    (void)state;
    run_folder(NULL, "pipeline");
}

int main(void)
{
    size_t indices[WEFT_PASS_COUNT];
    struct CMUnitTest tests[WEFT_PASS_COUNT + 1];
    for (size_t i = 0; i < WEFT_PASS_COUNT; i++) {
        indices[i] = i;
        tests[i] = (struct CMUnitTest){weft_pass_get(i)->name, pass_cases, NULL, NULL, &indices[i]};
    }
    tests[WEFT_PASS_COUNT] = (struct CMUnitTest)cmocka_unit_test(pipeline_cases);
    return cmocka_run_group_tests_name("golden cases of the passes", tests, NULL, NULL);
}
