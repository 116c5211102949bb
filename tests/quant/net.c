/* SPDX-License-Identifier: Apache-2.0 */
/* The network of the quantisation tests; see net.h. Must not know how ranges are chosen. */
#include "tests/quant/net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "kernels/ref/interp.h"
#include "tests/passes/build.h"

const char net_text[] =
    "graph \"small\" opset 18 {\n"
    "  input %x: f32[1x3x12x12]\n"
    "  const %w0: f32[8x3x3x3] = #1\n"
    "  const %g: f32[8] = [1, 2, 3, 0.5, 1, 2, 0.25, 4]\n"
    "  const %b: f32[8] = [0.5, -1, 0, 1, 0.25, 0, 2, -2]\n"
    "  const %m: f32[8] = [0.25, 0, -1, 2, 0, 0.5, 0, 1]\n"
    "  const %v: f32[8] = [1, 4, 0.25, 0.5, 1, 1, 2, 3]\n"
    "  const %w1: f32[16x8x1x1] = #2\n"
    "  const %b1: f32[16] = [0.5, -0.5, 0, 1, 2, 0.25, -1, 0, 0.5, 1, -2, 0.5, 0, 0.75, 1, -1]\n"
    "  const %w2: f32[8x8x3x3] = #4\n"
    "  const %w3: f32[4x8x1x1] = #5\n"
    "  const %b3: f32[4] = [0.5, -0.5, 0, 1]\n"
    "  const %w4: f32[8x4x1x1] = #6\n"
    "  const %axes: i64[2] = [2, 3]\n"
    "  const %shape: i64[2] = [1, 8]\n"
    "  const %half: f32[1x8x1x1] = [0.5, 1, -1, 2, 0.25, 0.5, -0.5, 1]\n"
    "  const %w5: f32[5x8] = #7\n"
    "  const %b5: f32[5] = [0.5, -0.5, 0, 1, 2]\n"
    "  %c0 = Conv(%x, %w0) {pads=[1, 1, 1, 1]} from [\"c0\"]\n"
    "  %n0 = BatchNormalization(%c0, %g, %b, %m, %v) from [\"n0\"]\n"
    "  %r0 = Relu(%n0) from [\"r0\"]\n"
    "  %p0 = MaxPool(%r0) {kernel_shape=[2, 2], strides=[2, 2]} from [\"p0\"]\n"
    "  %c1 = Conv(%p0, %w1, %b1) from [\"c1\"]\n"
    "  %r1 = Relu(%c1) from [\"r1\"]\n"
    "  %c2 = Conv(%r1, %w2) {group=2, pads=[1, 1, 1, 1]} from [\"c2\"]\n"
    "  %mean = ReduceMean(%c2, %axes) from [\"mean\"]\n"
    "  %c3 = Conv(%mean, %w3, %b3) from [\"c3\"]\n"
    "  %r3 = Relu(%c3) from [\"r3\"]\n"
    "  %c4 = Conv(%r3, %w4) from [\"c4\"]\n"
    "  %gate = Sigmoid(%c4) from [\"gate\"]\n"
    "  %scaled = Mul(%c2, %gate) from [\"scaled\"]\n"
    "  %sum = Add(%scaled, %p0) from [\"sum\"]\n"
    "  %r4 = Relu(%sum) from [\"r4\"]\n"
    "  %moved = Mul(%r4, %half) from [\"moved\"]\n"
    "  %pool = GlobalAveragePool(%moved) from [\"pool\"]\n"
    "  %flat = Reshape(%pool, %shape) from [\"flat\"]\n"
    "  %y = Gemm(%flat, %w5, %b5) {transB=1} from [\"y\"]\n"
    "  output %y\n"
    "}\n";

void net_check(weft_status status, const weft_diag *diag)
{
    build_check(status, diag);
}

weft_model *net_open(const char *text)
{
    weft_arena *arena = weft_arena_create();
    weft_diag *diag = NULL;
    weft_graph *graph = NULL;
    assert_non_null(arena);
    assert_int_equal(weft_diag_create(&diag), WEFT_OK);
    if (WEFT_ARENA_TRY(arena))
        fail_msg("out of memory");
    net_check(weft_graph_parse(arena, text, strlen(text), &graph, diag), diag);
    net_check(weft_graph_infer(graph, diag), diag);
    weft_diag_destroy(diag);
    return weft__model_wrap(arena, graph);
}

void net_fill(float *data, int64_t count, uint64_t seed)
{
    build b = {.state = seed * 7919 + 1};
    for (int64_t i = 0; i < count; i++)
        data[i] = build_uniform(&b, -2.0F, 2.0F) * build_uniform(&b, 0.0F, 1.0F);
}

static weft_tensor make_tensor(weft_graph *graph, const weft_value *value)
{
    weft_tensor tensor = {.dtype = value->dtype, .shape = value->shape};
    size_t bytes = 0;
    assert_true(weft_shape_bytes(&tensor.shape, tensor.dtype, &bytes));
    tensor.data = weft_arena_alloc(graph->arena, bytes);
    return tensor;
}

weft_tensor *net_run(weft_model *model, uint64_t seed)
{
    weft_graph *graph = model->graph;
    weft_diag *diag = NULL;
    assert_int_equal(weft_diag_create(&diag), WEFT_OK);
    weft_tensor input = make_tensor(graph, graph->inputs.data[0]);
    weft_tensor *outputs = WEFT_NEW_ARRAY(graph->arena, weft_tensor, graph->outputs.count);
    int64_t elems = 0;
    assert_true(weft_shape_elems(&input.shape, &elems));
    net_fill(input.data, elems, seed);
    for (size_t i = 0; i < graph->outputs.count; i++)
        outputs[i] = make_tensor(graph, graph->outputs.data[i]);
    net_check(weft_ref_run_graph(graph, &input, outputs, diag), diag);
    weft_diag_destroy(diag);
    return outputs;
}

void net_observe(weft_quant *quant, size_t first, size_t count)
{
    weft_model *observer = NULL;
    weft_diag *diag = NULL;
    assert_int_equal(weft_diag_create(&diag), WEFT_OK);
    net_check(weft_quant_observer(quant, diag, &observer), diag);
    for (size_t sample = first; sample < first + count; sample++) {
        const weft_tensor *outputs = net_run(observer, sample);
        for (size_t i = 0; i < weft_quant_tensor_count(quant); i++) {
            weft_quant_tensor tensor;
            weft_quant_get_tensor(quant, i, &tensor);
            float *input =
                weft_arena_alloc(observer->arena, (size_t)tensor.elements * sizeof(float));
            if (tensor.input >= 0)
                net_fill(input, tensor.elements, sample);
            net_check(weft_quant_observe(
                          quant, i, tensor.input >= 0 ? input : outputs[tensor.output].data, diag),
                      diag);
        }
        weft_quant_add_sample(quant);
    }
    weft_model_close(observer);
    weft_diag_destroy(diag);
}

weft_quant *net_quantise(const weft_model *model, const weft_quant_params *params, size_t count)
{
    weft_quant *quant = NULL;
    weft_diag *diag = NULL;
    assert_int_equal(weft_diag_create(&diag), WEFT_OK);
    net_check(weft_quant_create(model, params, diag, &quant), diag);
    net_observe(quant, 0, count);
    net_check(weft_quant_finish(quant, diag), diag);
    weft_diag_destroy(diag);
    return quant;
}
