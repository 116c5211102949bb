/* SPDX-License-Identifier: Apache-2.0 */
/* Packages of several schedules: which one takes which shapes, what each takes of the package, and
 * what they must have in common. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compiler/base/error.h"
#include "tests/package/sample.h"

/* A package with the sample's content after `change`, opened. */
static weft_status write_changed(void (*change)(weft_arena *, weft_manifest *), weft_diag *diag,
                                 weft_package **out_package)
{
    char path[] = "/tmp/weft-test-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
    weft_arena *arena = weft_arena_create();
    if (WEFT_ARENA_TRY(arena))
        fail_msg("out of memory");
    weft_package_content *content = sample_content(arena);
    if (change != NULL)
        change(arena, (weft_manifest *)(uintptr_t)content->manifest); /* the sample's own */
    weft_status status = weft_package_write(path, content, diag);
    *out_package = NULL;
    if (status == WEFT_OK)
        status = weft_package_open(path, diag, out_package);
    weft_arena_destroy(arena);
    unlink(path);
    return status;
}

static weft_package *sample_package(void)
{
    weft_package *package = NULL;
    assert_int_equal(write_changed(NULL, NULL, &package), WEFT_OK);
    return package;
}

static void shapes_find_their_schedule(void **state)
{
    (void)state;
    static const struct {
        weft_input_shape shape;
        size_t schedule;
    } cases[] = {{{"input", 4, {1, 4, 4, 8}}, 0},
                 {{"input", 4, {2, 4, 4, 8}}, 1},
                 {{NULL, 4, {2, 4, 4, 8}}, 1},
                 {{NULL, 4, {2, -1, -1, -1}}, 1},
                 {{"input", 4, {-1, 4, 4, 8}}, 0}};
    weft_package *package = sample_package();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t found = 99;
        assert_int_equal(weft_package_find_schedule(package, &cases[i].shape, 1, NULL, &found),
                         WEFT_OK);
        assert_int_equal(found, cases[i].schedule);
    }
    size_t found = 99;
    assert_int_equal(weft_package_find_schedule(package, NULL, 0, NULL, &found), WEFT_OK);
    assert_int_equal(found, 0);
    weft_package_close(package);
}

static void a_shape_that_is_not_there_is_answered_with_those_that_are(void **state)
{
    (void)state;
    static const struct {
        weft_input_shape shape;
        uint32_t id;
        const char *summary, *expected;
    } cases[] = {{{"input", 4, {3, 4, 4, 8}},
                  WEFT_E_PACKAGE_SHAPE,
                  "the package was not compiled for input 3x4x4x8",
                  "one of: input 1x4x4x8; input 2x4x4x8"},
                 {{NULL, 2, {-1, 8}},
                  WEFT_E_PACKAGE_SHAPE,
                  "the package was not compiled for input ?x8",
                  "one of: input 1x4x4x8; input 2x4x4x8"},
                 {{"image", 4, {1, 4, 4, 8}},
                  WEFT_E_PACKAGE_INPUT,
                  "the package has no input image",
                  "input"}};
    weft_package *package = sample_package();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        weft_diag *diag = NULL;
        size_t found = 99;
        assert_int_equal(weft_diag_create(&diag), WEFT_OK);
        assert_int_equal(weft_package_find_schedule(package, &cases[i].shape, 1, diag, &found),
                         WEFT_USAGE);
        assert_int_equal(found, 0);
        const weft_diag_entry *entry = weft_diag_get(diag, 0);
        assert_int_equal(entry->id, cases[i].id);
        assert_string_equal(entry->summary, cases[i].summary);
        assert_string_equal(entry->fields[WEFT_DIAG_EXPECTED], cases[i].expected);
        weft_diag_destroy(diag);
    }
    weft_package_close(package);
}

static void constants_are_counted_once(void **state)
{
    (void)state;
    weft_package *package = sample_package();
    weft_schedule_info first, second, none;
    weft_package_get_schedule(package, 0, &first);
    weft_package_get_schedule(package, 1, &second);
    weft_package_get_schedule(package, 2, &none);
    assert_int_equal(first.macs, 1000);
    /* Three blobs of 128 bytes, and 512 plain ones that both schedules read. */
    assert_int_equal(first.constant_bytes, 896);
    assert_int_equal(first.own_bytes, 896);
    assert_int_equal(second.constant_bytes, 896);
    assert_int_equal(second.own_bytes, 0);
    assert_int_equal(none.step_count, 0);
    weft_package_close(package);
}

/* ---- what schedules have in common ---- */

static size_t count_of(const weft_package *package, const char *text)
{
    weft_section_info manifest;
    weft_package_get_section(package, 0, &manifest);
    size_t count = 0, length = strlen(text);
    for (size_t i = 0; i + length <= manifest.size_bytes; i++)
        count += memcmp((const char *)manifest.data + i, text, length) == 0;
    return count;
}

/* A host step, with another result that lies elsewhere, and a step with other attributes. */
static void differ(weft_arena *arena, weft_manifest *manifest)
{
    weft_schedule *second = &manifest->schedules[1];
    second->steps[0].descriptor_count = 0;
    second->steps[0].cost.cycles = 0;
    second->values[3].place = WEFT_PLACE_ARENA;
    second->values[3].alias_of = -1;
    second->values[3].offset_bytes = 256;
    second->values[4].partial_blocks = 0;
    second->values[4].partial_count = 0;
    weft_attrs_set_int(&second->steps[1].attrs, arena, "axis", 1);
}

static void what_schedules_share_is_written_once(void **state)
{
    (void)state;
    weft_package *package = sample_package();
    assert_int_equal(count_of(package, "\"name\":\"conv1\""), 1);
    assert_int_equal(count_of(package, "\"name\":\"mean\""), 1);
    assert_int_equal(count_of(package, "{\"as_before\":true}"), 7); /* 2 steps, 5 values */
    weft_package_close(package);
    assert_int_equal(write_changed(differ, NULL, &package), WEFT_OK);
    const weft_schedule *first = &weft_package_get_view(package)->manifest->schedules[0];
    const weft_schedule *second = &first[1];
    assert_int_equal(first->steps[0].descriptor_count, 2);
    assert_int_equal(first->steps[0].cost.cycles, 77);
    assert_int_equal(second->steps[0].descriptor_count, 0);
    assert_int_equal(second->steps[0].cost.cycles, 0);
    assert_string_equal(second->steps[0].name, "conv1");
    assert_int_equal(first->steps[1].attrs.count, 0);
    assert_int_equal(second->steps[1].attrs.count, 1);
    assert_int_equal(second->steps[1].dep_count, 1);
    assert_int_equal(first->values[3].place, WEFT_PLACE_ALIAS);
    assert_int_equal(second->values[3].place, WEFT_PLACE_ARENA);
    assert_int_equal(second->values[3].alias_of, -1);
    assert_int_equal(second->values[3].offset_bytes, 256);
    assert_int_equal(first->values[4].partial_blocks, 2);
    assert_int_equal(second->values[4].partial_blocks, 0);
    assert_int_equal(second->values[4].offset_bytes, 640);
    assert_int_equal(second->values[1].offset_bytes, first->values[1].offset_bytes);
    assert_true(second->values[1].has_plain);
    weft_step_info step;
    weft_package_get_step(package, 1, 1, &step);
    assert_string_equal(step.attrs, "axis=1");
    weft_package_close(package);
}

static void rename_input(weft_arena *arena, weft_manifest *manifest)
{
    (void)arena;
    manifest->schedules[1].values[0].name = "image";
}

static void retype_input(weft_arena *arena, weft_manifest *manifest)
{
    (void)arena;
    manifest->schedules[1].values[0].dtype = WEFT_DTYPE_I32;
}

static void reshape_input(weft_arena *arena, weft_manifest *manifest)
{
    (void)arena;
    manifest->schedules[1].values[0].shape = (weft_shape){3, {2, 16, 8}};
}

static void rename_output(weft_arena *arena, weft_manifest *manifest)
{
    (void)arena;
    manifest->schedules[1].values[5].name = "result";
}

static void repeat_shape(weft_arena *arena, weft_manifest *manifest)
{
    (void)arena;
    manifest->schedules[1].values[0].shape.dims[0] = 1;
    manifest->schedules[1].values[0].size_bytes /= 2;
}

static void drop_input(weft_arena *arena, weft_manifest *manifest)
{
    (void)arena;
    manifest->schedules[1].input_count = 0;
    manifest->schedules[1].values[0].place = WEFT_PLACE_ARENA;
}

static void too_many(weft_arena *arena, weft_manifest *manifest)
{
    weft_schedule *list = WEFT_NEW_ARRAY(arena, weft_schedule, 1025);
    for (size_t i = 0; i < 1025; i++)
        list[i] = manifest->schedules[0];
    manifest->schedules = list;
    manifest->schedule_count = 1025;
}

static void schedules_of_other_networks_are_refused(void **state)
{
    (void)state;
    static const struct {
        void (*change)(weft_arena *, weft_manifest *);
        const char *says;
    } cases[] = {{rename_input, "schedules[1].inputs[0]: another name"},
                 {retype_input, "schedules[1].inputs[0]: another name, type"},
                 {reshape_input, "schedules[1].inputs[0]: another name, type or rank"},
                 {rename_output, "schedules[1].outputs[0]: another name"},
                 {repeat_shape, "schedules[1].inputs: schedule 0 takes the same shapes"},
                 {drop_input, "schedules[1].inputs: 0, but the first schedule has 1"},
                 {too_many, "schedules: 1025"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        weft_diag *diag = NULL;
        weft_package *package = NULL;
        assert_int_equal(weft_diag_create(&diag), WEFT_OK);
        assert_int_equal(write_changed(cases[i].change, diag, &package), WEFT_INTERNAL);
        const char *why = weft_diag_get(diag, 0)->fields[WEFT_DIAG_WHY];
        if (strstr(why, cases[i].says) == NULL)
            fail_msg("expected %s, got %s", cases[i].says, why);
        weft_diag_destroy(diag);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_find_their_schedule),
        cmocka_unit_test(a_shape_that_is_not_there_is_answered_with_those_that_are),
        cmocka_unit_test(constants_are_counted_once),
        cmocka_unit_test(what_schedules_share_is_written_once),
        cmocka_unit_test(schedules_of_other_networks_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
