/* SPDX-License-Identifier: Apache-2.0 */
/* From a float model to a quantised one: what is equalised stays the same, what is written can be
 * read, what is interrupted goes on, what cannot be done is said. Must not know how ranges are
 * chosen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compiler/base/file.h"
#include "compiler/passes/rewrite.h"
#include "compiler/quant/quant.h"
#include "tests/quant/net.h"

enum { SAMPLES = 6 };

static weft_quant_params defaults(void)
{
    return (weft_quant_params)WEFT_QUANT_PARAMS_DEFAULT;
}

static char *temporary(const char *name)
{
    const char *folder = getenv("TMPDIR");
    char *path = malloc(512);
    assert_non_null(path);
    snprintf(path, 512, "%s/weft-quant-%ld-%s", folder ? folder : "/tmp", (long)getpid(), name);
    return path;
}

static bool is_same_file(const char *a, const char *b)
{
    weft_file_map x, y;
    assert_int_equal(weft_file_map_open(a, &x, NULL), WEFT_OK);
    assert_int_equal(weft_file_map_open(b, &y, NULL), WEFT_OK);
    bool same = x.size_bytes == y.size_bytes && memcmp(x.data, y.data, x.size_bytes) == 0;
    weft_file_map_close(&x);
    weft_file_map_close(&y);
    return same;
}

static void write_model(weft_quant *quant, const char *path)
{
    weft_diag *diag = NULL;
    assert_int_equal(weft_diag_create(&diag), WEFT_OK);
    net_check(weft_quant_write(quant, path, diag), diag);
    weft_diag_destroy(diag);
}

/* ---- equalisation ---- */

/* Channels of very different size. */
static void stretch(weft_model *model, const char *name)
{
    weft_value *value = weft_graph_find_value(model->graph, name);
    int64_t elems = 0;
    assert_non_null(value);
    assert_true(weft_shape_elems(&value->shape, &elems));
    float *data = weft_arena_dup(model->arena, value->data, (size_t)elems * sizeof(float));
    int64_t depth = elems / value->shape.dims[0];
    for (int64_t i = 0; i < elems; i++)
        data[i] *= 0.3F * (float)(1 << 2 * (i / depth % 5));
    value->data = data;
    value->text_hash = 0;
}

static void equalisation_is_exact(void **state)
{
    (void)state;
    weft_diag *diag = NULL;
    assert_int_equal(weft_diag_create(&diag), WEFT_OK);
    weft_tensor *outputs[2];
    weft_model *models[2], *source = net_open(net_text);
    weft_quant *quants[2];
    stretch(source, "w1");
    stretch(source, "w3");
    for (int i = 0; i < 2; i++) {
        weft_quant_params params = defaults();
        params.equalize = i == 1;
        net_check(weft_quant_create(source, &params, diag, &quants[i]), diag);
        net_check(weft_quant_observer(quants[i], diag, &models[i]), diag);
        outputs[i] = net_run(models[i], 3);
    }
    /* c1 to c2 in two groups, c3 to c4; not c0, whose result the sum reads, too */
    assert_int_equal(weft_quant_equalized(quants[0]), 0);
    assert_int_equal(weft_quant_equalized(quants[1]), 2);
    size_t changed = 0;
    for (size_t i = 0; i < models[0]->graph->outputs.count; i++) {
        const weft_value *value = models[0]->graph->outputs.data[i];
        size_t bytes = 0;
        weft_shape_bytes(&value->shape, value->dtype, &bytes);
        bool same = memcmp(outputs[0][i].data, outputs[1][i].data, bytes) == 0;
        bool between = strcmp(value->name, "r1") == 0 || strcmp(value->name, "r3") == 0;
        assert_true(same || between); /* to the last bit: factors are powers of two */
        changed += !same;
    }
    assert_int_equal(changed, 2);
    for (int i = 0; i < 2; i++) {
        weft_model_close(models[i]);
        weft_quant_destroy(quants[i]);
    }
    weft_model_close(source);
    weft_diag_destroy(diag);
}

/* ---- the quantised graph ---- */

static void golden_graph(void **state)
{
    (void)state;
    weft_quant_params params = defaults();
    weft_model *source = net_open(net_text);
    weft_quant *quant = net_quantise(source, &params, SAMPLES);
    weft_text text;
    weft_text_init(&text, quant->arena);
    weft_graph_print(quant->graph, false, &text);
    const char *path = WEFT_TEST_DATA "/quant/golden/small.expect";
    if (getenv("GOLDEN_UPDATE")) {
        FILE *file = fopen(path, "wb");
        assert_non_null(file);
        assert_int_equal(fwrite(text.data, 1, text.length, file), text.length);
        assert_int_equal(fclose(file), 0);
    }
    weft_file_map map;
    assert_int_equal(weft_file_map_open(path, &map, NULL), WEFT_OK);
    bool same = map.size_bytes == text.length && memcmp(map.data, text.data, text.length) == 0;
    if (!same)
        print_error("%s differs; found:\n%s", path, text.data);
    weft_file_map_close(&map);
    weft_quant_destroy(quant);
    weft_model_close(source);
    assert_true(same);
}

static void verified_and_near(void **state)
{
    (void)state;
    for (weft_quant_method method = 0; method < WEFT_QUANT_METHOD_COUNT; method++)
        for (int i = 0; i < 4; i++) {
            weft_quant_params params = defaults();
            params.method = method;
            params.signed_values = i % 2 == 1;
            params.per_channel = i < 2;
            weft_diag *diag = NULL;
            assert_int_equal(weft_diag_create(&diag), WEFT_OK);
            weft_model *checker = NULL, *source = net_open(net_text);
            weft_quant *quant = net_quantise(source, &params, SAMPLES);
            net_check(weft_graph_verify(quant->graph, "quantising", diag), diag);
            net_check(weft_quant_checker(quant, diag, &checker), diag);
            const weft_tensor *found = net_run(checker, SAMPLES),
                              *expected = net_run(source, SAMPLES);
            size_t last = checker->graph->outputs.count - 1;
            assert_string_equal(checker->graph->outputs.data[last]->name, "y");
            weft_quant_compare(quant, weft_quant_tensor_count(quant) - 1, expected[0].data,
                               found[last].data);
            weft_quant_tensor tensor;
            weft_quant_get_tensor(quant, weft_quant_tensor_count(quant) - 1, &tensor);
            assert_true(tensor.is_model_output);
            /* eight bits through seven layers: around 30 dB; a wrong scale leaves less than 10 */
            assert_true(tensor.snr_db > 20 && tensor.snr_db < 60);
            weft_model_close(checker);
            weft_quant_destroy(quant);
            weft_model_close(source);
            weft_diag_destroy(diag);
        }
}

/* Codes of the weights of a product. */
static const int8_t *weights_of(const weft_quant *quant, const char *name, weft_shape *out_shape)
{
    for (const weft_node *node = quant->graph->first; node != NULL; node = node->next)
        if (strcmp(node->name, name) == 0) {
            const weft_value *codes = node->inputs[1]->producer->inputs[0];
            *out_shape = codes->shape;
            return codes->data;
        }
    fail_msg("no node %s", name);
    return NULL;
}

static void pairs_keep_their_limit(void **state)
{
    (void)state;
    static const int limits[] = {128, 160, 254};
    for (size_t i = 0; i < 3; i++) {
        weft_quant_params params = defaults();
        params.pair_limit = limits[i];
        weft_model *source = net_open(net_text);
        weft_quant *quant = net_quantise(source, &params, 1);
        weft_shape shape = {0};
        const int8_t *codes = weights_of(quant, "c0", &shape);
        int largest = 0, taps = 9, channels = 3, depth = taps * channels;
        assert_int_equal(shape.dims[1], channels);
        for (int o = 0; o < shape.dims[0]; o++)
            for (int k = 0; k + 1 < depth; k += 2) { /* taps, then channels within */
                int a = codes[o * depth + k % channels * taps + k / channels];
                int b = codes[o * depth + (k + 1) % channels * taps + (k + 1) / channels];
                largest = abs(a + b) > largest ? abs(a + b) : largest;
            }
        assert_true(largest <= limits[i]);
        assert_true(largest > 110); /* the codes are used to the full */
        weft_quant_destroy(quant);
        weft_model_close(source);
    }
}

/* The mean error that rounded weights leave in a layer's result, per channel, largest. */
static double mean_error(bool corrects)
{
    weft_quant_params params = defaults();
    params.bias_correction = corrects;
    params.equalize = false;
    weft_model *source = net_open(net_text), *observer = NULL;
    weft_quant *quant = net_quantise(source, &params, SAMPLES);
    weft_diag *diag = NULL;
    assert_int_equal(weft_diag_create(&diag), WEFT_OK);
    /* the float input of c2 through its float and its rounded weights */
    weft_quant *plain = NULL;
    net_check(weft_quant_create(source, &params, diag, &plain), diag);
    net_check(weft_quant_observer(plain, diag, &observer), diag);
    weft_graph *graph = observer->graph;
    weft_node *exact = NULL, *rounded = NULL;
    for (weft_node *node = graph->first; node != NULL; node = node->next)
        exact = strcmp(node->name, "c2") == 0 ? node : exact;
    for (weft_node *node = quant->graph->first; node != NULL; node = node->next)
        rounded = strcmp(node->name, "c2") == 0 ? node : rounded;
    assert_true(exact != NULL && rounded != NULL);
    weft_value *inputs[3] = {exact->inputs[0], NULL, NULL};
    for (size_t i = 1; i < rounded->input_count; i++) {
        const weft_node *dequantize = rounded->inputs[i]->producer;
        weft_value *constants[3];
        for (size_t k = 0; k < 3; k++)
            constants[k] =
                weft_graph_add_constant(graph, NULL, dequantize->inputs[k]->dtype,
                                        &dequantize->inputs[k]->shape, dequantize->inputs[k]->data);
        weft_node *copy = weft_graph_add_node(graph, exact, WEFT_OP_DequantizeLinear, NULL,
                                              constants, 3, (const char *[]){NULL}, 1);
        weft_rewrite_copy_attrs(graph, copy, dequantize);
        net_check(weft_node_infer(graph, copy, diag), diag);
        inputs[i] = copy->outputs[0];
    }
    weft_node *twin = weft_graph_add_node(graph, exact->next, WEFT_OP_Conv, "twin", inputs,
                                          rounded->input_count, (const char *[]){"twin"}, 1);
    weft_rewrite_copy_attrs(graph, twin, exact);
    net_check(weft_node_infer(graph, twin, diag), diag);
    weft_graph_add_output(graph, twin->outputs[0]);
    size_t exact_index = 0;
    for (size_t i = 0; i < graph->outputs.count; i++)
        exact_index = graph->outputs.data[i] == exact->outputs[0] ? i : exact_index;
    double sums[8] = {0}, largest = 0;
    for (uint64_t sample = 0; sample < SAMPLES; sample++) {
        const weft_tensor *outputs = net_run(observer, sample);
        const float *a = outputs[exact_index].data, *b = outputs[graph->outputs.count - 1].data;
        for (int i = 0; i < 8 * 36; i++)
            sums[i / 36] += (double)b[i] - (double)a[i];
    }
    for (int c = 0; c < 8; c++)
        largest = fmax(largest, fabs(sums[c]) / (36 * SAMPLES));
    weft_model_close(observer);
    weft_quant_destroy(plain);
    weft_quant_destroy(quant);
    weft_model_close(source);
    weft_diag_destroy(diag);
    return largest;
}

static void bias_takes_the_mean_error(void **state)
{
    (void)state;
    double without = mean_error(false), with = mean_error(true);
    /* What is left: padded borders are not the mean of their channel, and the bias is rounded. */
    assert_true(without > 0);
    assert_true(with < without / 3);
}

/* ---- files ---- */

static void round_trip(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        weft_quant_params params = defaults();
        params.signed_values = i == 1;
        weft_diag *diag = NULL;
        assert_int_equal(weft_diag_create(&diag), WEFT_OK);
        weft_model *checker = NULL, *read = NULL, *source = net_open(net_text);
        weft_quant *quant = net_quantise(source, &params, SAMPLES);
        char *path = temporary("model.onnx");
        write_model(quant, path);
        weft_model_params open = WEFT_MODEL_PARAMS_DEFAULT;
        open.path = path;
        net_check(weft_model_open(&open, diag, &read), diag);
        net_check(weft_quant_checker(quant, diag, &checker), diag);
        const weft_tensor *found = net_run(read, 9), *expected = net_run(checker, 9);
        size_t last = checker->graph->outputs.count - 1;
        assert_int_equal(read->graph->outputs.count, 1);
        assert_string_equal(read->graph->outputs.data[0]->name, "y");
        assert_memory_equal(found[0].data, expected[last].data, 5 * sizeof(float));
        static const char *const kept[] = {"c0", "c2", "gate", "sum", "y"};
        for (size_t k = 0; k < 5; k++) {
            bool is_found = false;
            for (const weft_node *node = read->graph->first; node != NULL; node = node->next)
                is_found = is_found || strcmp(node->name, kept[k]) == 0;
            if (!is_found)
                fail_msg("node %s is gone", kept[k]);
        }
        unlink(path);
        free(path);
        weft_model_close(read);
        weft_model_close(checker);
        weft_quant_destroy(quant);
        weft_model_close(source);
        weft_diag_destroy(diag);
    }
}

static void resumed_is_uninterrupted(void **state)
{
    (void)state;
    weft_quant_params params = defaults();
    weft_diag *diag = NULL;
    assert_int_equal(weft_diag_create(&diag), WEFT_OK);
    char *whole_path = temporary("whole.onnx"), *resumed_path = temporary("resumed.onnx"),
         *whole_state = temporary("whole.stat"), *state_path = temporary("part.stat");
    weft_model *source = net_open(net_text);
    weft_quant *whole = NULL, *first = NULL, *second = NULL;
    net_check(weft_quant_create(source, &params, diag, &whole), diag);
    net_check(weft_quant_create(source, &params, diag, &first), diag);
    params.method = WEFT_QUANT_ENTROPY; /* the file serves all methods */
    net_check(weft_quant_create(source, &params, diag, &second), diag);
    net_observe(whole, 0, SAMPLES);
    net_observe(first, 0, 2);
    net_check(weft_quant_save(first, state_path, diag), diag);
    net_check(weft_quant_load(second, state_path, diag), diag);
    assert_int_equal(weft_quant_samples(second), 2);
    net_observe(second, 2, SAMPLES - 2);
    net_check(weft_quant_save(second, state_path, diag), diag);
    net_check(weft_quant_save(whole, whole_state, diag), diag);
    assert_true(is_same_file(state_path, whole_state));
    second->params.method = whole->params.method;
    net_check(weft_quant_finish(whole, diag), diag);
    net_check(weft_quant_finish(second, diag), diag);
    write_model(whole, whole_path);
    write_model(second, resumed_path);
    assert_true(is_same_file(whole_path, resumed_path));
    char *const paths[] = {whole_path, resumed_path, whole_state, state_path};
    for (size_t i = 0; i < 4; i++) {
        unlink(paths[i]);
        free(paths[i]);
    }
    weft_quant_destroy(whole);
    weft_quant_destroy(first);
    weft_quant_destroy(second);
    weft_model_close(source);
    weft_diag_destroy(diag);
}

/* Two sizes of one network, each with the statistics of both. */
static void sizes_share_a_calibration(void **state)
{
    (void)state;
    weft_quant_params params = defaults();
    weft_diag *diag = NULL;
    assert_int_equal(weft_diag_create(&diag), WEFT_OK);
    char *paths[2] = {temporary("small.stat"), temporary("large.stat")}, *text = strdup(net_text);
    assert_non_null(text);
    char *size = strstr(text, "12x12");
    assert_non_null(size);
    memcpy(size, "16x16", 5);
    weft_model *sources[2] = {net_open(net_text), net_open(text)};
    weft_quant *alone[2], *shared[2], *other;
    for (int i = 0; i < 2; i++) {
        params.data = i == 0 ? "small" : "large";
        net_check(weft_quant_create(sources[i], &params, diag, &alone[i]), diag);
        net_observe(alone[i], (size_t)i * SAMPLES, SAMPLES);
        net_check(weft_quant_save(alone[i], paths[i], diag), diag);
    }
    for (int i = 0; i < 2; i++) {
        net_check(weft_quant_create(sources[i], &params, diag, &shared[i]), diag);
        for (int k = 0; k < 2; k++)
            net_check(weft_quant_add(shared[i], paths[k], diag), diag);
        assert_int_equal(weft_quant_samples(shared[i]), 2 * SAMPLES);
        net_check(weft_quant_finish(shared[i], diag), diag);
    }
    for (size_t i = 0; i < weft_quant_tensor_count(shared[0]); i++) {
        weft_quant_tensor tensors[2], own;
        for (int k = 0; k < 2; k++)
            weft_quant_get_tensor(shared[k], i, &tensors[k]);
        weft_quant_get_tensor(alone[1], i, &own);
        assert_true(tensors[0].scale == tensors[1].scale && tensors[0].zero == tensors[1].zero);
        assert_true(tensors[0].least <= own.least && tensors[0].most >= own.most);
    }
    for (char *name; (name = strstr(text, "%r3")) != NULL;)
        memcpy(name, "%s3", 3);
    weft_model *renamed = net_open(text);
    net_check(weft_quant_create(renamed, &params, diag, &other), diag);
    assert_int_equal(weft_quant_add(other, paths[0], diag), WEFT_INVALID);
    weft_quant_destroy(other);
    weft_model_close(renamed);
    for (int i = 0; i < 2; i++) {
        weft_quant_destroy(alone[i]);
        weft_quant_destroy(shared[i]);
        weft_model_close(sources[i]);
        unlink(paths[i]);
        free(paths[i]);
    }
    free(text);
    weft_diag_destroy(diag);
}

/* ---- what cannot be done ---- */

static void expect_error(weft_diag *diag, weft_error_id id, const char *text)
{
    assert_int_equal(weft_diag_error_count(diag), 1);
    const weft_diag_entry *entry = weft_diag_get(diag, weft_diag_count(diag) - 1);
    assert_int_equal(entry->id, id);
    char printed[1024];
    weft_diag_format(entry, printed, sizeof printed);
    if (strstr(printed, text) == NULL)
        fail_msg("'%s' is not in: %s", text, printed);
    weft_diag_destroy(diag);
}

static void hostile_states(void **state)
{
    (void)state;
    weft_quant_params params = defaults();
    char *path = temporary("hostile.stat");
    weft_model *source = net_open(net_text);
    weft_quant *quant = NULL, *other = NULL;
    net_check(weft_quant_create(source, &params, NULL, &quant), NULL);
    params.data = "other pictures";
    net_check(weft_quant_create(source, &params, NULL, &other), NULL);
    net_observe(quant, 0, 1);
    net_check(weft_quant_save(quant, path, NULL), NULL);
    weft_diag *diag = NULL;
    assert_int_equal(weft_diag_create(&diag), WEFT_OK);
    assert_int_equal(weft_quant_load(other, path, diag), WEFT_INVALID);
    expect_error(diag, WEFT_E_QUANT_STATE, "another model, other data");
    assert_int_equal(weft_quant_samples(other), 0);
    weft_file_map map;
    assert_int_equal(weft_file_map_open(path, &map, NULL), WEFT_OK);
    uint8_t *bytes = malloc(map.size_bytes);
    assert_non_null(bytes);
    size_t size_bytes = map.size_bytes;
    memcpy(bytes, map.data, size_bytes);
    weft_file_map_close(&map);
    const size_t cuts[] = {0, 5, 8, 16, 31, 40, size_bytes / 2, size_bytes - 1, size_bytes};
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        FILE *file = fopen(path, "wb");
        assert_non_null(file);
        bytes[size_bytes / 3] ^= cuts[i] == size_bytes ? 1 : 0; /* whole, but one bit is wrong */
        assert_int_equal(fwrite(bytes, 1, cuts[i], file), cuts[i]);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(weft_diag_create(&diag), WEFT_OK);
        assert_int_equal(weft_quant_load(quant, path, diag), WEFT_INVALID);
        expect_error(diag, WEFT_E_QUANT_STATE, i < 3 ? "no file of calibration" : "damaged");
    }
    free(bytes);
    unlink(path);
    free(path);
    weft_quant_destroy(quant);
    weft_quant_destroy(other);
    weft_model_close(source);
}

/* A bias joins its product as Gemm, the factor of scores is no rounding of its own, parts of a
 * product share its range, and softmax, layer normalisation and GELU are quantised. */
static void tokens(void **state)
{
    (void)state;
    static const char text[] =
        "graph \"tokens\" opset 17 {\n"
        "  input %x: f32[1x5x8]\n"
        "  const %g: f32[8] = 1\n  const %w: f32[8x24] = #1\n  const %b: f32[24] = #2\n"
        "  const %cut: i64[5] = [1, 5, 3, 2, 4]\n  const %half: f32[] = 0.5\n"
        "  const %i0: i64[] = 0\n  const %i1: i64[] = 1\n  const %i2: i64[] = 2\n"
        "  const %root: f32[] = 1.41421354\n  const %one: f32[] = 1\n"
        "  %n = LayerNormalization(%x, %g)\n"
        "  %m = MatMul(%n, %w)\n"
        "  %p = Add(%b, %m)\n"
        "  %c = Reshape(%p, %cut)\n"
        "  %t = Transpose(%c) {perm=[2, 0, 3, 1, 4]}\n"
        "  %q = Gather(%t, %i0)\n  %k = Gather(%t, %i1)\n  %v = Gather(%t, %i2)\n"
        "  %d = Transpose(%k) {perm=[0, 1, 3, 2]}\n"
        "  %s = MatMul(%q, %d)\n"
        "  %f = Mul(%s, %half)\n"
        "  %a = Softmax(%f) {axis=-1}\n"
        "  %o = MatMul(%a, %v)\n"
        "  %e = Div(%o, %root)\n  %h = Erf(%e)\n  %l = Add(%h, %one)\n"
        "  %u = Mul(%o, %l)\n  %y = Mul(%u, %half)\n"
        "  output %y\n}\n";
    static const char *const names[] = {"n", "q", "k", "v", "f", "a", "o", "y"};
    weft_quant_params params = defaults();
    weft_model *model = net_open(text);
    weft_quant *quant = net_quantise(model, &params, 3);
    float product = 0;
    size_t found = 0;
    for (size_t i = 0; i < weft_quant_tensor_count(quant); i++) {
        weft_quant_tensor tensor;
        weft_quant_get_tensor(quant, i, &tensor);
        assert_true(strcmp(tensor.name, "s") != 0 && strcmp(tensor.name, "m") != 0 &&
                    strcmp(tensor.name, "h") != 0);
        for (size_t k = 0; k < sizeof names / sizeof names[0]; k++)
            found += strcmp(tensor.name, names[k]) == 0;
        if (strcmp(tensor.op, "Gemm") == 0)
            product = tensor.scale;
        if (strcmp(tensor.name, "q") == 0 || strcmp(tensor.name, "v") == 0)
            assert_true(tensor.scale == product);
    }
    assert_int_equal(found, sizeof names / sizeof names[0]);
    assert_true(product > 0);
    weft_quant_destroy(quant);
    weft_model_close(model);
}

/* Nodes of one name are no ONNX file. */
static void products_of_one_value_share_its_rows(void **state)
{
    (void)state;
    static const char text[] =
        "graph \"heads\" opset 17 {\n  input %x: f32[1x5x8]\n"
        "  const %w: f32[8x8] = #1\n  const %b: f32[8] = 0.5\n"
        "  const %v: f32[8x4] = #3\n  const %d: f32[4] = 0.25\n"
        "  %m = MatMul(%x, %w)\n  %q = Add(%m, %b)\n  %n = MatMul(%x, %v)\n  %k = Add(%n, %d)\n"
        "  output %q\n  output %k\n}\n";
    weft_quant_params params = defaults();
    weft_model *model = net_open(text);
    weft_quant *quant = net_quantise(model, &params, 2);
    size_t rows = 0, products = 0;
    for (size_t i = 0; i < weft_quant_tensor_count(quant); i++) {
        weft_quant_tensor tensor;
        weft_quant_get_tensor(quant, i, &tensor);
        rows += strncmp(tensor.name, "x/rows", strlen("x/rows")) == 0;
        products += strcmp(tensor.op, "Gemm") == 0;
    }
    assert_int_equal(products, 2);
    assert_int_equal(rows, 1);
    weft_quant_destroy(quant);
    weft_model_close(model);
}

static void errors(void **state)
{
    (void)state;
    static const char maximum[] = "graph \"s\" opset 18 {\n  input %x: f32[1x4]\n"
                                  "  %y = ReduceMax(%x) from [\"y\"]\n  output %y\n}\n";
    weft_quant_params params = defaults();
    weft_quant *quant = NULL;
    weft_diag *diag = NULL;
    weft_model *model = net_open(maximum);
    assert_int_equal(weft_diag_create(&diag), WEFT_OK);
    assert_int_equal(weft_quant_create(model, &params, diag, &quant), WEFT_UNSUPPORTED);
    assert_null(quant);
    expect_error(diag, WEFT_E_QUANT_NOTHING, "nothing in the model");
    weft_model_close(model);

    model = net_open(net_text);
    const char *unknown = "gat";
    params.exclude = &unknown;
    params.exclude_count = 1;
    assert_int_equal(weft_diag_create(&diag), WEFT_OK);
    assert_int_equal(weft_quant_create(model, &params, diag, &quant), WEFT_USAGE);
    expect_error(diag, WEFT_E_QUANT_EXCLUDE, "gate");

    params = defaults();
    net_check(weft_quant_create(model, &params, NULL, &quant), NULL);
    assert_int_equal(weft_diag_create(&diag), WEFT_OK);
    assert_int_equal(weft_quant_finish(quant, diag), WEFT_USAGE);
    expect_error(diag, WEFT_E_QUANT_NO_SAMPLES, "no sample");
    weft_quant_tensor tensor;
    weft_quant_get_tensor(quant, 2, &tensor);
    float *data = calloc((size_t)tensor.elements, sizeof *data);
    assert_non_null(data);
    data[tensor.elements - 1] = NAN;
    assert_int_equal(weft_diag_create(&diag), WEFT_OK);
    assert_int_equal(weft_quant_observe(quant, 2, data, diag), WEFT_INVALID);
    expect_error(diag, WEFT_E_QUANT_NOT_FINITE, tensor.name);
    free(data);
    weft_quant_destroy(quant);

    weft_quant *done = net_quantise(model, &params, 1);
    weft_model *checker = NULL;
    net_check(weft_quant_checker(done, NULL, &checker), NULL);
    assert_int_equal(weft_diag_create(&diag), WEFT_OK);
    assert_int_equal(weft_quant_create(checker, &params, diag, &quant), WEFT_INVALID);
    expect_error(diag, WEFT_E_QUANT_ALREADY, "quantised already");
    weft_model_close(checker);
    weft_quant_destroy(done);
    weft_model_close(model);
}

/* An excluded layer keeps its float weights, and what it reads and writes can still be 8 bits. */
static void excluded_stays_float(void **state)
{
    (void)state;
    const char *names[] = {"c2", "y"};
    weft_quant_params params = defaults();
    params.exclude = names;
    params.exclude_count = 2;
    weft_model *source = net_open(net_text);
    weft_quant *quant = net_quantise(source, &params, 1);
    size_t found = 0;
    for (const weft_node *node = quant->graph->first; node != NULL; node = node->next)
        if (strcmp(node->name, "c2") == 0 || strcmp(node->name, "y") == 0) {
            assert_true(weft_value_is_constant(node->inputs[1]));
            assert_int_equal(node->inputs[1]->dtype, WEFT_DTYPE_F32);
            found++;
        }
    assert_int_equal(found, 2);
    weft_quant_destroy(quant);
    weft_model_close(source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equalisation_is_exact),
        cmocka_unit_test(golden_graph),
        cmocka_unit_test(verified_and_near),
        cmocka_unit_test(pairs_keep_their_limit),
        cmocka_unit_test(bias_takes_the_mean_error),
        cmocka_unit_test(round_trip),
        cmocka_unit_test(resumed_is_uninterrupted),
        cmocka_unit_test(sizes_share_a_calibration),
        cmocka_unit_test(hostile_states),
        cmocka_unit_test(tokens),
        cmocka_unit_test(products_of_one_value_share_its_rows),
        cmocka_unit_test(errors),
        cmocka_unit_test(excluded_stays_float),
    };
    return cmocka_run_group_tests_name("quantising a model", tests, NULL, NULL);
}
