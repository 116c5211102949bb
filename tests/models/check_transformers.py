# SPDX-License-Identifier: Apache-2.0
"""Checks weft-model's ViT-ResNAS and ResFormer with onnx, onnxruntime and numpy: valid ONNX in every form and operator set, the
function that an independent forward pass in double precision computes, the position tables' known values, and activations in a sane
range.

usage: check_transformers.py     (weft-model in $WEFT_BUILD, else build)
Speaks TAP.

Knows the program only by its command line and its files.
"""
import os
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "oracle", "common"))
import forward_pass
from oracle import Checks, normal, program, relative_error

# Float rounding gives about 1e-6 here. The smallest of the mistakes below, another epsilon, gives 3e-5.
TOLERANCE = 1e-5

# A small network of the second family: all of its layers in little time.
STAGES = [(48, 16, [(3, 96), (2, 64)]), (80, 24, [(3, 160)]), (96, 8, [(4, 128), (1, 33)])]
FAMILIES = {
    "resformer": (["--variant", "tiny", "--size", 64], lambda *a, **k: forward_pass.resformer(*a, heads=3, **k)),
    "vit-resnas": (["--config", forward_pass.notation(STAGES, 37), "--size", 112],
                   lambda *a, **k: forward_pass.resnas(*a, stages=STAGES, **k)),
}
MISTAKES = {
    "resformer": ("epsilon", "tanh", "scale", "swapped", "local"),
    "vit-resnas": ("epsilon", "tanh", "scale", "table", "batch-norm"),
}
# form, operator set, more options
FORMS = (
    [("torchscript", opset, []) for opset in (17, 13, 16, 23)]
    + [("dynamo", opset, []) for opset in (20, 18, 23)]
    + [("torchscript", 17, ["--attention", "sdpa"]), ("dynamo", 20, ["--attention", "sdpa"])]
    + [("torchscript", 23, ["--attention", "operator"]), ("dynamo", 23, ["--attention", "operator"])]
    + [("torchscript", 17, ["--dynamic-batch"]), ("dynamo", 20, ["--dynamic-batch"])]
    + [("dynamo", 23, ["--dynamic-batch", "--attention", "operator"]), ("torchscript", 17, ["--fold-bn"])]
)

# Of the table before its convolution: grid side, variant, place, and channels 0 to 3, H - 2 and H - 1, H to H + 3, and the last two.
TABLES = [
    (14, "tiny", (0, 0), [0.433884, 0.900969, 0.362026, 0.932168, 0.000054, 1.0,
                          0.433884, 0.900969, 0.362026, 0.932168, 0.000054, 1.0]),
    (14, "small", (3, 5), [0.974928, -0.222521, 0.998190, -0.060134, 0.000198, 1.0,
                           0.433884, -0.900969, 0.640495, -0.767962, 0.000296, 1.0]),
    (8, "small", (7, 0), [-0.000001, 1.0, -0.543668, 0.839300, 0.000692, 1.0,
                          0.707107, 0.707107, 0.654520, 0.756044, 0.000086, 1.0]),
    (14, "base", (13, 13), [0.0, 1.0, -0.290063, 0.957007, 0.000659, 1.0, 0.0, 1.0, -0.290063, 0.957007, 0.000659, 1.0]),
]
TABLE_TOLERANCE = 2e-6  # six digits, and angles in single precision


def write(folder, family, *options):
    path = os.path.join(folder, "model.onnx")
    program("weft-model", family, *options, "-o", path)
    return onnx.load(path)


def session(model):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def weights_of(model):
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def check_function(checks, folder, family):
    """Every form computes what numpy does, and the tolerance finds mistakes."""
    base, forward = FAMILIES[family]
    base = [*base, "--batch", 2, "--classes", 37, "--seed", 3]
    size = base[3]
    x = normal((2, 3, size, size))
    weights = weights_of(write(folder, family, *base))
    expected = forward(weights, x)
    for form, opset, more in FORMS:
        what = f"{family} {form} opset {opset} {' '.join(more)}".rstrip()
        model = write(folder, family, *base, "--form", form, "--opset", opset, *more)
        onnx.checker.check_model(model, full_check=True)
        onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
        runner = session(model)
        error = relative_error(runner.run(None, {"input": x})[0], expected)
        checks.expect(error <= TOLERANCE, f"{what}: {error:.1e} from numpy")
        if "--dynamic-batch" in more:
            error = relative_error(runner.run(None, {"input": x[:1]})[0], expected[:1])
            checks.expect(error <= TOLERANCE, f"{what}: {error:.1e} from numpy at batch 1")
    for mistake in MISTAKES[family]:
        error = relative_error(forward(weights, x, mistakes=[mistake]), expected)
        checks.expect(error > 2 * TOLERANCE, f"{family}: the mistake \"{mistake}\" would be seen, it makes {error:.1e}")


def check_tables(checks, folder):
    for form in ("torchscript", "dynamo"):
        for side, variant, (row, column), known in TABLES:
            model = write(folder, "resformer", "--variant", variant, "--size", 16 * side, "--form", form)
            (conv,) = [node for node in model.graph.node if "pos_embed.embed_layer.weight" in node.input]
            model.graph.output.append(helper.make_empty_tensor_value_info(conv.input[0]))
            table = session(model).run([conv.input[0]], {"input": normal((1, 3, 16 * side, 16 * side))})[0][0]
            width, half = len(table), len(table) // 2
            places = [0, 1, 2, 3, half - 2, half - 1, half, half + 1, half + 2, half + 3, width - 2, width - 1]
            error = np.abs(table[places, row, column] - known).max()
            what = f"resformer-{variant} {form}, {side} x {side}: the position table"
            checks.expect(error <= TABLE_TOLERANCE, f"{what} at ({row}, {column}) differs by {error:.1e} from known values")
            error = np.abs(table - forward_pass.sinusoid(side, width)).max()
            checks.expect(error <= TABLE_TOLERANCE, f"{what} differs by {error:.1e} from numpy's")


def pictures(size):
    """Two extremes of input: independent pixels, and a smooth gradient with a little of them."""
    noise = normal((1, 3, size, size), seed=7)
    ramp = np.linspace(-1.5, 1.5, size, dtype=np.float32)
    smooth = np.stack([np.add.outer(ramp, ramp), np.add.outer(ramp, -ramp), np.multiply.outer(ramp, ramp)])[None]
    return {"noise": noise, "smooth": (smooth / smooth.std() + 0.1 * noise).astype(np.float32)}


def check_ranges(checks, folder, family, variant, size):
    """No layer explodes, vanishes, forgets the image or looks at one token only."""
    model = write(folder, family, "--variant", variant, "--size", size, "--seed", 7)
    watched = [node for node in model.graph.node if node.op_type in ("LayerNormalization", "Softmax", "Erf", "Conv")]
    model.graph.output.extend(helper.make_empty_tensor_value_info(node.input[0]) for node in watched)
    names = [model.graph.output[0].name] + [node.input[0] for node in watched]
    runner, logits = session(model), {}
    for kind, x in pictures(size).items():
        what = f"{family}-{variant} @ {size}, {kind}"
        values = runner.run(names, {"input": x})
        logits[kind] = values[0]
        layers = {op: [v for node, v in zip(watched, values[1:]) if node.op_type == op] for op in ("LayerNormalization", "Softmax", "Erf")}
        stream = [float(v.std()) for v in layers["LayerNormalization"]]
        spread = [float((v - v.mean(-1, keepdims=True)).std()) for v in layers["Softmax"]]
        print(f"# {what}: stream {min(stream):.2f} to {max(stream):.2f}, scores {min(spread):.2f} to {max(spread):.2f}, "
              f"logits {values[0].std():.2f}")
        checks.expect(0.05 < min(stream) and max(stream) < 20, f"{what}: the stream keeps its range")
        checks.expect(0.1 < min(spread) and max(spread) < 6, f"{what}: attention prefers some tokens and forgets none")
        checks.expect(min(float(v.std()) for v in layers["Erf"]) > 0.2, f"{what}: hidden units are in use")
        checks.expect(0.3 < values[0].std() < 3, f"{what}: logits of order 1, deviation {values[0].std():.2f}")
    difference = float((logits["noise"] - logits["smooth"]).std())
    checks.expect(difference > 0.1, f"{family}-{variant} @ {size}: logits depend on the image by {difference:.2f}")


def main():
    checks = Checks()
    with tempfile.TemporaryDirectory() as folder:
        for family in FAMILIES:
            checks.guard(family, check_function, checks, folder, family)
        checks.guard("position tables", check_tables, checks, folder)
        for family, variant, size in (("resformer", "tiny", 224), ("vit-resnas", "tiny", 224)):
            checks.guard(f"{family}-{variant}", check_ranges, checks, folder, family, variant, size)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
