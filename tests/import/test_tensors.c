/* SPDX-License-Identifier: Apache-2.0 */
/* Stored tensors whose data does not fit, and data in files beside the model. Tensors that are
 * right are in make_cases.py. Must not know operators beyond one that reads a tensor. */
#include "tests/import/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const int64_t two[] = {2};

static message begin(check *c)
{
    check_begin(c);
    message m = message_create(c->arena, 17);
    message_input(&m, "x", 1, "2");
    message_node(&m, "Add", "x,w", "y");
    message_output(&m, "y", NULL);
    return m;
}

static void counts_are_checked(void **state)
{
    (void)state;
    static float values[3] = {1, 2, 3};
    check c;
    message m = begin(&c);
    Onnx__TensorProto *w = message_initializer(&m, "w", 1, 1, two);
    check_message(&c, &m); /* no data at all */
    const weft_diag_entry *entry = check_only(&c, WEFT_E_TENSOR_DATA);
    check_contains(entry->summary, "initializer w");
    check_contains(entry->fields[WEFT_DIAG_EXPECTED], "2 elements for 2 of f32");
    check_contains(entry->fields[WEFT_DIAG_FOUND], "0 elements");
    w->float_data = values;
    w->n_float_data = 3;
    check_message(&c, &m);
    check_contains(check_only(&c, WEFT_E_TENSOR_DATA)->fields[WEFT_DIAG_FOUND], "3 elements");
    w->n_float_data = 2;
    check_message(&c, &m);
    check_clean(&c);
    w->n_float_data = 0;
    message_raw(&m, w, values, 7);
    check_message(&c, &m);
    entry = check_only(&c, WEFT_E_TENSOR_DATA);
    check_contains(entry->fields[WEFT_DIAG_EXPECTED], "8 bytes");
    check_contains(entry->fields[WEFT_DIAG_FOUND], "7 bytes");
    check_end(&c);
}

static void dimensions_and_types_are_checked(void **state)
{
    (void)state;
    static const int64_t dims[9] = {-1, 1, 1, 1, 1, 1, 1, 1, 1};
    static const int64_t huge[3] = {INT64_C(1) << 40, INT64_C(1) << 40, 2};
    check c;
    message m = begin(&c);
    Onnx__TensorProto *w = message_initializer(&m, "w", 1, 1, dims);
    check_message(&c, &m);
    check_only(&c, WEFT_E_TENSOR_DIMS);
    *w = *message_tensor(&m, "w", 1, 9, dims);
    check_message(&c, &m);
    check_only(&c, WEFT_E_TENSOR_RANK);
    *w = *message_tensor(&m, "w", 1, 3, huge);
    check_message(&c, &m);
    check_only(&c, WEFT_E_TENSOR_DIMS);
    *w = *message_tensor(&m, "w", 1, 1, huge); /* fits a number, not the file */
    check_message(&c, &m);
    check_only(&c, WEFT_E_TENSOR_DATA);
    *w = *message_tensor(&m, "w", 8, 1, two);
    check_message(&c, &m);
    check_contains(check_only(&c, WEFT_E_TENSOR_TYPE)->fields[WEFT_DIAG_FOUND], "string (8)");
    w->data_type = 17;
    check_message(&c, &m);
    check_contains(check_only(&c, WEFT_E_TENSOR_TYPE)->fields[WEFT_DIAG_FOUND], "float8");
    w->data_type = -5;
    check_message(&c, &m);
    check_only(&c, WEFT_E_TENSOR_TYPE);
    *w = *message_tensor(&m, "w", 1, 1, two);
    w->segment = WEFT_NEW(c.arena, Onnx__TensorProto__Segment);
    onnx__tensor_proto__segment__init(w->segment);
    check_message(&c, &m);
    check_only(&c, WEFT_E_TENSOR_FORM);
    *w = *message_tensor(&m, "", 1, 1, two);
    check_message(&c, &m);
    check_entry(&c, WEFT_E_TENSOR_NAME, 0);
    check_end(&c);
}

static void values_must_fit_their_type(void **state)
{
    (void)state;
    static int32_t numbers[2] = {0, 128};
    static const struct {
        int32_t type;
        int32_t fits, beyond;
    } types[] = {{3, -128, 128},     {2, 255, -1}, {4, 65535, 65536},
                 {5, -32768, 32768}, {9, 1, 2},    {10, 65535, -1}};
    check c;
    message m = begin(&c);
    m.graph->node[0] = message_loose_node(&m, "Cast", "w", "y");
    message_attr(&m, m.graph->node[0], "to", ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT)->has_i = 1;
    m.graph->node[0]->attribute[0]->i = 1;
    Onnx__TensorProto *w = message_initializer(&m, "w", 3, 1, two);
    w->int32_data = numbers;
    w->n_int32_data = 2;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        w->data_type = types[i].type;
        numbers[1] = types[i].fits;
        check_message(&c, &m);
        check_clean(&c);
        numbers[1] = types[i].beyond;
        check_message(&c, &m);
        check_contains(check_only(&c, WEFT_E_TENSOR_DATA)->fields[WEFT_DIAG_FOUND], "element 1 is");
    }
    check_end(&c);
}

static void write_file(const char *path, const void *data, size_t size_bytes)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size_bytes, file), size_bytes);
    assert_int_equal(fclose(file), 0);
}

static void check_file(check *c, const message *m, const char *path)
{
    size_t size = 0;
    const uint8_t *bytes = message_pack(m, &size);
    write_file(path, bytes, size);
    check_params(c, &(weft_import_params){.path = path});
}

static void external_data_is_read_in_place(void **state)
{
    (void)state;
    char folder[] = "/tmp/weft-test-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char model[64], weights[64];
    snprintf(model, sizeof model, "%s/model.onnx", folder);
    snprintf(weights, sizeof weights, "%s/w.bin", folder);
    static const float values[4] = {1, 2, 3, 4};
    uint8_t bytes[17] = {0};
    memcpy(bytes + 1, values + 2, 8); /* at an odd offset: copied; at 4: used in place */
    memcpy(bytes + 4 + 5, values, 8);
    check c;
    message m = begin(&c);
    Onnx__TensorProto *w = message_initializer(&m, "w", 1, 1, two);
    message_external(&m, w, "location", "w.bin");
    check_file(&c, &m, model);
    const weft_diag_entry *entry = check_only(&c, WEFT_E_EXTERNAL_MISSING);
    check_contains(entry->summary, weights);
    assert_int_equal(c.status, WEFT_IO);
    write_file(weights, bytes, sizeof bytes);
    message_external(&m, w, "offset", "1");
    message_external(&m, w, "length", "8");
    check_file(&c, &m, model);
    check_clean(&c);
    assert_memory_equal(weft_graph_find_value(c.graph, "w")->data, values + 2, 8);
    w->external_data[1]->value = weft_arena_strdup(c.arena, "9");
    check_file(&c, &m, model);
    check_clean(&c);
    assert_memory_equal(weft_graph_find_value(c.graph, "w")->data, values, 8);
    static const struct {
        int field;
        const char *value;
        weft_error_id id;
    } wrong[] = {
        {1, "10", WEFT_E_EXTERNAL_RANGE},
        {1, "18446744073709551615", WEFT_E_EXTERNAL_RANGE},
        {1, "99999999999999999999", WEFT_E_EXTERNAL_RANGE},
        {1, "-1", WEFT_E_EXTERNAL_RANGE},
        {1, "", WEFT_E_EXTERNAL_RANGE},
        {2, "7", WEFT_E_EXTERNAL_RANGE},
        {2, "8x", WEFT_E_EXTERNAL_RANGE},
        {0, "", WEFT_E_EXTERNAL_PATH},
        {0, "/etc/passwd", WEFT_E_EXTERNAL_PATH},
        {0, "../w.bin", WEFT_E_EXTERNAL_PATH},
        {0, "a/../../w.bin", WEFT_E_EXTERNAL_PATH},
        {0, "..", WEFT_E_EXTERNAL_PATH},
        {0, ".", WEFT_E_FILE_KIND},
        {0, "other.bin", WEFT_E_EXTERNAL_MISSING},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char *right = w->external_data[wrong[i].field]->value;
        w->external_data[wrong[i].field]->value = weft_arena_strdup(c.arena, wrong[i].value);
        check_file(&c, &m, model);
        check_only(&c, wrong[i].id);
        w->external_data[wrong[i].field]->value = right;
    }
    size_t size = 0;
    const uint8_t *packed = message_pack(&m, &size);
    check_bytes(&c, packed, size);
    check_contains(check_only(&c, WEFT_E_EXTERNAL_PATH)->fields[WEFT_DIAG_WHY], "bytes");
    check_end(&c);
    unlink(model);
    unlink(weights);
    assert_int_equal(rmdir(folder), 0);
}

static void a_missing_file_is_reported_once(void **state)
{
    (void)state;
    char path[] = "/tmp/weft-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    check c;
    message m = begin(&c);
    message_external(&m, message_initializer(&m, "w", 1, 1, two), "location", "weft-no-such-file");
    message_external(&m, message_initializer(&m, "v", 1, 1, two), "location", "weft-no-such-file");
    check_file(&c, &m, path);
    check_only(&c, WEFT_E_EXTERNAL_MISSING);
    unlink(path);
    check_end(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_checked),
        cmocka_unit_test(dimensions_and_types_are_checked),
        cmocka_unit_test(values_must_fit_their_type),
        cmocka_unit_test(external_data_is_read_in_place),
        cmocka_unit_test(a_missing_file_is_reported_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
