/* SPDX-License-Identifier: Apache-2.0 */
/* What the IR's tests share: an arena with diagnostics, graphs from text, and questions about the
 * errors. */
#ifndef WEFT_TESTS_IR_TEXT_H
#define WEFT_TESTS_IR_TEXT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "compiler/ir/graph.h"

typedef struct ir_test {
    weft_arena *arena;
    weft_diag *diag;
} ir_test;

void ir_test_init(ir_test *test);
void ir_test_finish(ir_test *test);

/* Reads lines between "graph "t" opset 21 {" and "}"; status into *out_status, NULL graph on
 * failure. */
weft_graph *ir_read_lines(ir_test *test, const char *lines, weft_status *out_status);
/* The same, and fails the test when the lines are refused. */
weft_graph *ir_graph(ir_test *test, const char *lines);
/* Whether some error has this id; the first one's id (0: none); text of all, for messages. */
bool ir_has_error(const ir_test *test, uint32_t id);
uint32_t ir_first_error(const ir_test *test);
const char *ir_errors(ir_test *test);
weft_value *ir_value(const weft_graph *graph, const char *name);
/* "f32[1x2]" of a value. */
const char *ir_type(ir_test *test, const weft_value *value);
const char *ir_print(ir_test *test, const weft_graph *graph, bool with_data);

#endif
