/* SPDX-License-Identifier: Apache-2.0 */
/* What the IR's tests share. Must not know about single tests. */
#include "tests/ir/ir_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ir_test_init(ir_test *test)
{
    test->arena = weft_arena_create();
    assert_non_null(test->arena);
    assert_int_equal(weft_diag_create(&test->diag), WEFT_OK);
}

void ir_test_finish(ir_test *test)
{
    weft_diag_destroy(test->diag);
    weft_arena_destroy(test->arena);
}

weft_graph *ir_read_lines(ir_test *test, const char *lines, weft_status *out_status)
{
    if (WEFT_ARENA_TRY(test->arena))
        fail_msg("out of memory");
    weft_text text;
    weft_text_init(&text, test->arena);
    weft_text_printf(&text, "graph \"t\" opset 21 {\n%s\n}\n", lines);
    weft_graph *graph;
    *out_status = weft_graph_parse(test->arena, text.data, text.length, &graph, test->diag);
    return graph;
}

weft_graph *ir_graph(ir_test *test, const char *lines)
{
    weft_status status;
    weft_graph *graph = ir_read_lines(test, lines, &status);
    if (status != WEFT_OK)
        fail_msg("refused:\n%s\n%s", lines, ir_errors(test));
    return graph;
}

bool ir_has_error(const ir_test *test, uint32_t id)
{
    for (size_t i = 0; i < weft_diag_count(test->diag); i++)
        if (weft_diag_get(test->diag, i)->id == id)
            return true;
    return false;
}

uint32_t ir_first_error(const ir_test *test)
{
    return weft_diag_count(test->diag) > 0 ? weft_diag_get(test->diag, 0)->id : 0;
}

const char *ir_errors(ir_test *test)
{
    weft_text text;
    weft_text_init(&text, test->arena);
    for (size_t i = 0; i < weft_diag_count(test->diag); i++) {
        char buffer[2048];
        weft_diag_format(weft_diag_get(test->diag, i), buffer, sizeof buffer);
        weft_text_add(&text, buffer);
    }
    return text.data;
}

weft_value *ir_value(const weft_graph *graph, const char *name)
{
    weft_value *value = weft_graph_find_value(graph, name);
    if (!value)
        fail_msg("no value %s", name);
    return value;
}

const char *ir_type(ir_test *test, const weft_value *value)
{
    char shape[WEFT_SHAPE_TEXT];
    return weft_arena_printf(test->arena, "%s[%s]", weft_dtype_name(value->dtype),
                             value->shape.rank ? weft_shape_format(&value->shape, shape) : "");
}

const char *ir_print(ir_test *test, const weft_graph *graph, bool with_data)
{
    weft_text text;
    weft_text_init(&text, test->arena);
    weft_graph_print(graph, with_data, &text);
    return text.data;
}
