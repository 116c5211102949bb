# SPDX-License-Identifier: Apache-2.0
"""Checks files of weft-model with onnx and onnxruntime: valid ONNX in every form and operator
set, one function in all of them, folded or not, and activations in a sane range.

usage: check_models.py [path/to/weft-model]     (else $WEFT_BUILD/weft-model, build/weft-model)
Speaks TAP.

Knows the program only by its command line and its files.
"""

import os
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import helper

# Two float32 evaluations of one network in different order of operations: rounding of about 2^-24
# per operation, amplified by some hundred layers. A wrong term changes outputs by more than 1e-2.
RELATIVE_TOLERANCE = 1e-4

# Of ResNet-RS-50 with batch-norm folded, and what unfolded batch-norms add.
NODES, NORMS = 226, 56


class Checks:
    """Numbers and prints results."""

    def __init__(self):
        self.count = self.failed = 0

    def expect(self, holds, what):
        self.count += 1
        self.failed += not holds
        print(f"{'ok' if holds else 'not ok'} {self.count} - {what}")


def write(program, path, *options, family="resnet-rs"):
    subprocess.run([program, family, *options, "-o", path], check=True)
    return onnx.load(path)


def session(model):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def run(model, x):
    return session(model).run(None, {model.graph.input[0].name: x})[0]


def relative_error(y, reference):
    return float(np.abs(y - reference).max() / np.abs(reference).max())


def check_forms(checks, program, scratch):
    """Every form and operator set is valid and computes what opset 17 of the tracing form does."""
    x = np.random.default_rng(1).standard_normal((2, 3, 47, 47)).astype(np.float32)
    base = ["--depth", "50", "--size", "47", "--batch", "2", "--classes", "7", "--seed", "3"]
    reference = None
    for form, opset, extra in (
        [("torchscript", opset, []) for opset in (17, 13, 14, 15, 16, 18, 19, 20, 21)]
        + [("dynamo", opset, []) for opset in (13, 17, 18, 21)]
        + [("torchscript", 17, ["--fold-bn"]), ("dynamo", 18, ["--fold-bn"])]
        + [("torchscript", 17, ["--dynamic-batch"]), ("dynamo", 18, ["--dynamic-batch"])]
    ):
        what = f"{form} opset {opset} {' '.join(extra)}"
        path = os.path.join(scratch, "model.onnx")
        model = write(program, path, *base, "--form", form, "--opset", str(opset), *extra)
        onnx.checker.check_model(model, full_check=True)
        checks.expect(model.opset_import[0].version == opset, what + ": operator set")
        expected = NODES + (0 if "--fold-bn" in extra else NORMS)
        found = len(model.graph.node)
        checks.expect(found == expected, what + f": {found} nodes of {expected}")
        inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True)
        shape = inferred.graph.output[0].type.tensor_type.shape.dim
        checks.expect(shape[1].dim_value == 7, what + ": number of logits")
        if "--dynamic-batch" in extra:
            checks.expect(shape[0].dim_param == "batch", what + ": symbolic batch")
        y = run(model, x)
        checks.expect(y.shape == (2, 7), what + f": output shape {y.shape}")
        if reference is None:
            reference = y
        error = relative_error(y, reference)
        checks.expect(error <= RELATIVE_TOLERANCE, what + f": difference from opset 17 is {error:.2e}")
        if "--dynamic-batch" in extra:
            error = relative_error(run(model, x[:1]), reference[:1])
            checks.expect(error <= RELATIVE_TOLERANCE, what + f": difference at batch 1 is {error:.2e}")
        os.remove(path)


def check_variants(checks, program, scratch):
    """Plain ResNets are valid in both forms; variants differ in nothing but strides."""
    x = np.random.default_rng(1).standard_normal((1, 3, 64, 64)).astype(np.float32)
    path = os.path.join(scratch, "model.onnx")
    for depth in ("18", "50"):
        weights = None
        for variant in ("v1.5", "v1", "slim"):
            what = f"resnet-{depth} {variant}"
            base = ["--depth", depth, "--variant", variant, "--size", "64"]
            plain = write(program, path, *base, family="resnet")
            onnx.checker.check_model(plain, full_check=True)
            shapes = {t.name: tuple(t.dims) for t in plain.graph.initializer}
            checks.expect(weights in (None, shapes), what + ": the weights of v1.5")
            weights = shapes
            y = run(plain, x)
            for options in (["--fold-bn"], ["--form", "dynamo", "--opset", "18"]):
                other = write(program, path, *base, *options, family="resnet")
                onnx.checker.check_model(other, full_check=True)
                error = relative_error(run(other, x), y)
                name = " ".join(options)
                checks.expect(error <= RELATIVE_TOLERANCE, f"{what} {name}: differs by {error:.2e}")
    os.remove(path)


def pictures(size):
    """Two extremes of input: independent pixels, and a smooth gradient with a little of them."""
    random = np.random.default_rng(7)
    noise = random.standard_normal((1, 3, size, size)).astype(np.float32)
    ramp = np.linspace(-1.5, 1.5, size, dtype=np.float32)
    planes = [np.add.outer(ramp, ramp), np.add.outer(ramp, -ramp), np.multiply.outer(ramp, ramp)]
    smooth = np.stack(planes)[None]
    return {"noise": noise, "smooth": (smooth / smooth.std() + 0.1 * noise).astype(np.float32)}


def check_ranges(checks, program, scratch, depth, size, family="resnet-rs", logit_limit=10):
    """No layer explodes, vanishes or forgets the image."""
    path = os.path.join(scratch, "model.onnx")
    options = ["--depth", str(depth), "--size", str(size), "--seed", "7"]
    model = write(program, path, *options, family=family)
    kinds = ("Relu", "Sigmoid", "BatchNormalization", "MaxPool")
    watched = [n for n in model.graph.node if n.op_type in kinds]
    names = [n.output[0] for n in watched]
    model.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
    runner = session(model)
    logits = {}
    for kind, x in pictures(size).items():
        what = f"{family}-{depth} @ {size}, {kind}"
        values = runner.run([model.graph.output[0].name] + names, {model.graph.input[0].name: x})
        logits[kind] = values[0]
        layers = list(zip(watched, values[1:]))
        stds = [float(v.std()) for n, v in layers if n.op_type != "Sigmoid"]
        gates = [v.ravel() for n, v in layers if n.op_type == "Sigmoid"]
        gates = np.concatenate(gates) if gates else np.full(1, 0.5)
        saturated = float(((gates < 0.02) | (gates > 0.98)).mean())
        print(
            f"# {what}: layer std {min(stds):.3f} to {max(stds):.3f}, "
            f"saturated gates {100 * saturated:.2f} %, logit std {values[0].std():.3f}"
        )
        checks.expect(min(stds) > 0.05, what + f": no layer vanishes, least std {min(stds):.3g}")
        checks.expect(max(stds) < 20, what + f": no layer explodes, largest std {max(stds):.3g}")
        checks.expect(saturated < 0.1, what + f": {100 * saturated:.1f} % of gates saturated")
        checks.expect(0.3 < values[0].std() < logit_limit, what + f": logit std {values[0].std():.3g}")
    difference = float((logits["noise"] - logits["smooth"]).std())
    checks.expect(
        difference > 0.3,
        f"{family}-{depth} @ {size}: logits depend on the image by {difference:.3g}",
    )
    os.remove(path)


def main():
    if len(sys.argv) > 2:
        print(__doc__)
        return 2
    default = os.path.join(os.environ.get("WEFT_BUILD", "build"), "weft-model")
    program = sys.argv[1] if len(sys.argv) == 2 else default
    checks = Checks()
    with tempfile.TemporaryDirectory() as scratch:
        check_forms(checks, program, scratch)
        check_variants(checks, program, scratch)
        check_ranges(checks, program, scratch, 50, 160)
        check_ranges(checks, program, scratch, 101, 160)
        check_ranges(checks, program, scratch, 420, 64)
        # The stem's maximum is three times as large on noise as on a smooth picture, so no choice of
        # statistics fits both: logits of plain ResNets are further from 1.
        check_ranges(checks, program, scratch, 18, 224, "resnet", 20)
        check_ranges(checks, program, scratch, 50, 224, "resnet", 20)
    print(f"1..{checks.count}")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
