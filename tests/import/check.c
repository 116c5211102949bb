/* SPDX-License-Identifier: Apache-2.0 */
/* See check.h. */
#include "tests/import/check.h"

#include <stdio.h>

void check_begin(check *c)
{
    *c = (check){.arena = weft_arena_create()};
    assert_non_null(c->arena);
    if (WEFT_ARENA_TRY(c->arena))
        fail_msg("out of memory");
}

void check_end(check *c)
{
    weft_diag_destroy(c->diag);
    weft_arena_destroy(c->arena);
}

void check_params(check *c, const weft_import_params *params)
{
    weft_diag_destroy(c->diag);
    assert_int_equal(weft_diag_create(&c->diag), WEFT_OK);
    c->status = weft_import_onnx(c->arena, params, &c->graph, c->diag);
    assert_true((c->status == WEFT_OK) == (c->graph != NULL));
    assert_true((c->status == WEFT_OK) == (weft_diag_error_count(c->diag) == 0));
    if (c->graph != NULL)
        assert_int_equal(weft_graph_verify(c->graph, "import", c->diag), WEFT_OK);
}

void check_bytes(check *c, const void *data, size_t size_bytes)
{
    check_params(c, &(weft_import_params){.data = data, .size_bytes = size_bytes});
}

void check_message(check *c, const message *m)
{
    check_message_shapes(c, m, NULL, 0);
}

void check_message_shapes(check *c, const message *m, const weft_shape_binding *shapes,
                          size_t shape_count)
{
    weft_import_params params = {.shapes = shapes, .shape_count = shape_count};
    params.data = message_pack(m, &params.size_bytes);
    check_params(c, &params);
}

static void fail_with_reports(const check *c, const char *problem, uint32_t id)
{
    for (size_t i = 0; i < weft_diag_count(c->diag); i++) {
        char text[2048];
        weft_diag_format(weft_diag_get(c->diag, i), text, sizeof text);
        print_message("# %s", text);
    }
    fail_msg("%s: E%04u", problem, id);
}

size_t check_count(const check *c, weft_error_id id)
{
    size_t count = 0;
    for (size_t i = 0; i < weft_diag_count(c->diag); i++)
        count += weft_diag_get(c->diag, i)->id == (uint32_t)id;
    return count;
}

const weft_diag_entry *check_entry(const check *c, weft_error_id id, size_t nth)
{
    for (size_t i = 0; i < weft_diag_count(c->diag); i++)
        if (weft_diag_get(c->diag, i)->id == (uint32_t)id && nth-- == 0)
            return weft_diag_get(c->diag, i);
    fail_with_reports(c, "not reported", (uint32_t)id);
    return NULL;
}

const weft_diag_entry *check_only(const check *c, weft_error_id id)
{
    const weft_diag_entry *entry = check_entry(c, id, 0);
    if (weft_diag_count(c->diag) != 1)
        fail_with_reports(c, "other reports besides", (uint32_t)id);
    assert_int_equal(c->status, entry->status);
    return entry;
}

void check_contains(const char *text, const char *part)
{
    assert_non_null(text);
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", part, text);
}

void check_clean(const check *c)
{
    if (c->status != WEFT_OK || weft_diag_count(c->diag) > 0)
        fail_with_reports(c, "not clean", (uint32_t)c->status);
}
