/* SPDX-License-Identifier: Apache-2.0 */
/* The small models of make_cases.py: every older form of an operator and every way to store data,
 * imported, run with the reference kernels, and compared with what ONNX Runtime computed for them
 * (expected.txt). Must not know about targets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/import/import.h"
#include "kernels/ref/interp.h"

/* Both sides compute in f32 with other orders of summation; the largest intermediate here is a
 * dozen operations deep. */
#define TOLERANCE 1e-5f

typedef struct imported {
    weft_arena *arena;
    weft_diag *diag;
    weft_graph *graph;
    weft_tensor *outputs;
    char name[64];
} imported;

static void print_diag(const weft_diag *diag)
{
    for (size_t i = 0; i < weft_diag_count(diag); i++) {
        char text[2048];
        weft_diag_format(weft_diag_get(diag, i), text, sizeof text);
        print_message("# %s", text);
    }
}

/* The ramp of make_cases.py. */
static void fill_ramp(float *data, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        data[i] = (float)((double)((i * 37) % 101 - 50) / 25.0);
}

static void *new_tensor_data(imported *one, const weft_value *value, weft_tensor *out_tensor)
{
    size_t bytes = 0;
    assert_true(weft_shape_bytes(&value->shape, value->dtype, &bytes));
    *out_tensor = (weft_tensor){
        .dtype = value->dtype, .shape = value->shape, .data = weft_arena_alloc(one->arena, bytes)};
    return out_tensor->data;
}

static void open_case(imported *one, const char *name)
{
    *one = (imported){.arena = weft_arena_create()};
    assert_non_null(one->arena);
    assert_int_equal(weft_diag_create(&one->diag), WEFT_OK);
    if (WEFT_ARENA_TRY(one->arena))
        fail_msg("out of memory");
    snprintf(one->name, sizeof one->name, "%s", name);
    const char *path =
        weft_arena_printf(one->arena, "%s/fuzz/corpus/import/%s.onnx", WEFT_TEST_DATA, name);
    weft_import_params params = {.path = path};
    weft_status status = weft_import_onnx(one->arena, &params, &one->graph, one->diag);
    print_diag(one->diag);
    assert_int_equal(status, WEFT_OK);
    assert_int_equal(weft_graph_verify(one->graph, "import", one->diag), WEFT_OK);
    assert_int_equal(one->graph->inputs.count, 1);
    weft_tensor x;
    float *data = new_tensor_data(one, one->graph->inputs.data[0], &x);
    int64_t elems = 0;
    assert_true(weft_shape_elems(&x.shape, &elems));
    fill_ramp(data, elems);
    one->outputs = WEFT_NEW_ARRAY(one->arena, weft_tensor, one->graph->outputs.count);
    for (size_t i = 0; i < one->graph->outputs.count; i++)
        new_tensor_data(one, one->graph->outputs.data[i], &one->outputs[i]);
    status = weft_ref_run_graph(one->graph, &x, one->outputs, one->diag);
    print_diag(one->diag);
    assert_int_equal(status, WEFT_OK);
}

static void close_case(imported *one)
{
    weft_diag_destroy(one->diag);
    weft_arena_destroy(one->arena);
    *one = (imported){0};
}

/* One line of expected.txt: case, output, shape, values. */
static void compare_line(const imported *one, const char *line)
{
    const char *output = strtok(NULL, " ");
    const char *shape = strtok(NULL, " ");
    assert_non_null(shape);
    size_t index = 0;
    while (index < one->graph->outputs.count &&
           strcmp(one->graph->outputs.data[index]->name, output) != 0)
        index++;
    if (index == one->graph->outputs.count)
        fail_msg("%s has no output %s", line, output);
    const weft_tensor *tensor = &one->outputs[index];
    assert_int_equal(tensor->dtype, WEFT_DTYPE_F32);
    char found[WEFT_SHAPE_TEXT];
    assert_string_equal(weft_shape_format(&tensor->shape, found), shape);
    int64_t elems = 0;
    assert_true(weft_shape_elems(&tensor->shape, &elems));
    for (int64_t i = 0; i < elems; i++) {
        const char *text = strtok(NULL, " \n");
        assert_non_null(text);
        float expected = strtof(text, NULL), value = ((const float *)tensor->data)[i];
        if (!(fabsf(value - expected) <= TOLERANCE * fmaxf(1.0f, fabsf(expected))))
            fail_msg("%s %s[%lld]: expected %.9g, found %.9g", line, output, (long long)i,
                     (double)expected, (double)value);
    }
    assert_null(strtok(NULL, " \n"));
}

static void models_compute_what_onnx_runtime_computes(void **state)
{
    (void)state;
    FILE *file = fopen(WEFT_TEST_DATA "/import/expected.txt", "r");
    assert_non_null(file);
    static char line[65536];
    imported one = {0};
    size_t lines = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        const char *name = strtok(line, " ");
        assert_non_null(name);
        if (strcmp(name, one.name) != 0) {
            if (one.arena != NULL)
                close_case(&one);
            open_case(&one, name);
        }
        compare_line(&one, line);
        lines++;
    }
    close_case(&one);
    fclose(file);
    assert_in_range(lines, 30, 1000);
}

static size_t count_op(const weft_graph *graph, weft_op op)
{
    size_t count = 0;
    for (const weft_node *node = graph->first; node != NULL; node = node->next)
        count += node->op == op;
    return count;
}

static void old_forms_leave_only_what_they_need(void **state)
{
    (void)state;
    imported one;
    open_case(&one, "softmax_11"); /* axis -2 of three needs the long form, axis 2 does not */
    assert_int_equal(count_op(one.graph, WEFT_OP_Softmax), 2);
    assert_int_equal(count_op(one.graph, WEFT_OP_Flatten), 1);
    assert_int_equal(count_op(one.graph, WEFT_OP_Reshape), 1);
    assert_int_equal(count_op(one.graph, WEFT_OP_Shape), 0);
    close_case(&one);
    open_case(&one, "dropout_13");
    assert_int_equal(one.graph->node_count, 1);
    assert_int_equal(one.graph->first->op, WEFT_OP_Identity);
    assert_int_equal(one.graph->first->input_count, 1);
    assert_int_equal(one.graph->first->attrs.count, 0);
    close_case(&one);
    open_case(&one, "initializer_as_input");
    assert_int_equal(one.graph->inputs.count, 1);
    close_case(&one);
}

static void functions_keep_their_callers_names(void **state)
{
    (void)state;
    imported one;
    open_case(&one, "functions_17");
    const weft_node *node = one.graph->first;
    assert_int_equal(node->source_count, 1);
    assert_memory_equal(node->sources[0], "first/", 6);
    assert_int_equal(one.graph->source_node_count, 17);
    close_case(&one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(models_compute_what_onnx_runtime_computes),
        cmocka_unit_test(old_forms_leave_only_what_they_need),
        cmocka_unit_test(functions_keep_their_callers_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
