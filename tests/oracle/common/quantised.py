# SPDX-License-Identifier: Apache-2.0
"""A quantised ONNX file through weft: every executor against every other, and the logits against ONNX Runtime.

Knows the program by its command line and files only.
"""
import json
import os
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

from make_qdq import class_images, fit_head, input_of, quantise
from oracle import program, run_package

IMAGES = 64
# Executors that a machine with PoCL and a C compiler has.
EXECUTORS = ["opencl", "ref", "engine-opencl", "engine-hls"]
# Both compute the same integers but for rare roundings: where a value lies in the middle of two steps, the f32 arithmetic of ONNX Runtime
# decides by its own errors (docs/integers.md), and the layers behind carry such a step on.
LEAST_NEAR, LEAST_TOP1 = 0.99, 0.98
# In a seeded transformer every rounding of the residual stream decorrelates those behind it: one step decides nothing, ONNX Runtime's answers
# with and without optimisation lie as far apart. What a user has of the integers is how near they are to the float model, so there weft's
# logits must be as near to it as ONNX Runtime's, but for what the draw of so many roundings moves a ratio by.
SNR_MARGIN_DB = 0.5


def session_of(model, setting=None, level=onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = level
    if setting:
        options.add_session_config_entry(*setting)
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def plain_session(model):
    """ONNX Runtime without optimisation: every node as the file says, in f32."""
    return session_of(model, level=onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL)


def exact_session(model):
    """ONNX Runtime without the shortcut that its AVX2 kernels take: products of u8 and s8 summed in pairs of 16 bits, which saturate
    (docs/integers.md). The option turns s8 into u8; it knows no such kernel for QGemm with s8 activations, which needs none either,
    and does not load some transformers with s8 activations. Scales with one element in a dimension of their own, as PyTorch writes them,
    it loads without optimisation only."""
    for make in (lambda: session_of(model, ("session.x64quantprecision", "1")), lambda: session_of(model)):
        try:
            return make()
        except (onnxruntime.capi.onnxruntime_pybind11_state.NotImplemented, onnxruntime.capi.onnxruntime_pybind11_state.Fail):
            pass
    return plain_session(model)


def last_step(model):
    """Scale of the DequantizeLinear that gives the only output: one quantisation step of the last layer."""
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    constants |= {node.output[0]: node.attribute[0].t for node in model.graph.node if node.op_type == "Constant"}
    (output,) = model.graph.output
    (node,) = [node for node in model.graph.node if output.name in node.output]
    assert node.op_type == "DequantizeLinear", f"the last node is a {node.op_type}"
    return float(numpy_helper.to_array(constants[node.input[1]]).reshape(-1)[0])


def compare_executors(checks, what, package, *options):
    """Every layer's integers, by hash."""
    report = json.loads(program("weft", "verify", package, "--against", "all", "--schedule", 0, "--json", "-q", *options, accept=(0, 1)))
    ran = [one["backend"] for one in report["executors"]]
    where = f" (first: step {report['first_difference']})" if report["first_difference"] is not None else ""
    checks.expect(ran == EXECUTORS, f"{what}: runs on {', '.join(ran)}" + "".join(f"; not {m['backend']}: {m['why']}" for m in report["missing"]))
    checks.expect(report["passed"], f"{what}: {report['layers_equal']} layers equal, {report['layers_close']} of floats close, of {report['layers']} on {', '.join(ran)}{where}")


def layer_hashes(package):
    """The hash of every layer's integers on the CPU's OpenCL kernels."""
    report = json.loads(program("weft", "verify", package, "--against", "opencl,ref", "--layers", "--json", "-q"))
    return {(value["step"], value["value"]["name"]): value["hashes"]["opencl"] for value in report["values"]
            if value["value"]["dtype"] != "f32"}


def compare_targets(checks, what, model_path, shapes):
    """A package made for any target gives the same integers on this machine: other vectors, other packing, other products."""
    targets = [row["target"] for row in json.loads(program("weft", "list", "targets", "--json"))["targets"]]
    hashes = {}
    with tempfile.TemporaryDirectory() as folder:
        for target in targets:
            package = os.path.join(folder, target + ".weft")
            program("weft", "compile", model_path, "-o", package, "-q", "--shape", shapes, "--target", target)
            hashes[target] = layer_hashes(package)
    first = hashes[targets[0]]
    other = [f"{target}: {name} of step {step}" for target in targets[1:] for (step, name), one in first.items() if hashes[target].get((step, name)) != one]
    checks.expect(not other, f"{what}: {len(first)} layers equal when compiled for {', '.join(targets)}" + (f"; not {other[0]}" if other else ""))


def snr_db(truth, found):
    return 10 * np.log10(np.square(truth).sum() / np.square(found - truth).sum())


def compare_logits(checks, what, model_path, package, shape, name, batch, float_path=None):
    """float_path: the float model, where one step of the logits says nothing (SNR_MARGIN_DB)."""
    model = onnx.load(model_path)
    step, output = last_step(model), model.graph.output[0].name
    classes = model.graph.output[0].type.tensor_type.shape.dim[1].dim_value
    x = np.concatenate(class_images(shape, classes, -(-IMAGES // classes), seed=9)[:IMAGES])
    session = exact_session(model_path)
    batches = [x] if batch is None else np.split(x, IMAGES // batch)
    expected = np.concatenate([session.run([output], {name: one})[0] for one in batches])
    found = np.concatenate([run_package(package, {name: one}, [output])[0] for one in batches])
    near = float((np.abs(found - expected) <= step * 1.001).mean())
    same = float((found.argmax(axis=1) == expected.argmax(axis=1)).mean())
    is_near, nearness = near >= LEAST_NEAR, ""
    if float_path is not None:
        source = plain_session(float_path)
        truth = np.concatenate([source.run(None, {name: one})[0] for one in batches])
        ours, theirs = snr_db(truth, found), snr_db(truth, expected)
        is_near, nearness = ours >= theirs - SNR_MARGIN_DB, f" {ours:.2f} dB from the float model, ONNX Runtime {theirs:.2f} dB;"
    checks.expect(is_near and same >= LEAST_TOP1,
                  f"{what}:{nearness} {near:.2%} of logits within one step of ONNX Runtime's, at most {np.abs(found - expected).max() / step:.0f} steps away; "
                  f"top-1 equal on {same:.1%} of {IMAGES} images of {len(set(expected.argmax(axis=1)))} classes")


def compare_model(checks, what, model_path, layer_batch=2, float_path=None):
    """A model with a symbolic batch: layer_batch images layer by layer, IMAGES of them for the logits. Otherwise the model's own batch."""
    model = onnx.load(model_path)
    name, shape = input_of(model)
    size = "x".join(map(str, shape[1:]))
    is_fixed = model.graph.input[0].type.tensor_type.shape.dim[0].HasField("dim_value")
    shapes = f"{name}={shape[0]}x{size}" if is_fixed else f"{name}={layer_batch}x{size},{IMAGES}x{size}"
    with tempfile.TemporaryDirectory() as folder:
        package = os.path.join(folder, "model.weft")
        program("weft", "compile", model_path, "-o", package, "-q", "--shape", shapes)
        compare_executors(checks, what, package)
        compare_targets(checks, what, model_path, shapes.split(",")[0])
        compare_logits(checks, what, model_path, package, shape, name, shape[0] if is_fixed else None, float_path)


# How a transformer is quantised, and by whom.
TRANSFORMER_FORMS = ("u8 folded", "u8 as it is", "s8 folded", "u8 weft", "s8 weft")


def write_transformer(path, family, variant, size, classes):
    """A seeded vision transformer whose head tells class_images apart."""
    program("weft-model", family, "--variant", variant, "--size", size, "--classes", classes, "--seed", 5, "--dynamic-batch", "-o", path)
    fit_head(path, count=4)
    return path


def transformer_form(checks, what, folder, source, data, form, layer_batch):
    activation, how = form.split(" ", 1)
    model = os.path.join(folder, "model.onnx")
    if how == "weft":
        path = os.path.join(folder, "calibration.npy")
        np.save(path, np.concatenate(data))
        program("weft", "quantize", source, "--data", path, "--activations", activation, "-o", model, "-q")
    else:
        quantise(source, model, activation=activation, preprocess=how == "folded", data=data)
    compare_model(checks, what, model, layer_batch, float_path=source)


def transformer_forms(checks, what, folder, source, data, forms=TRANSFORMER_FORMS, layer_batch=2):
    for form in forms:
        checks.guard(f"{what} {form}", transformer_form, checks, f"{what} {form}", folder, source, data, form, layer_batch)
