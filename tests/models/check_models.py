# SPDX-License-Identifier: Apache-2.0
"""Checks files of weft-model with onnx and onnxruntime: valid ONNX in every form and operator set, one function in
all of them, folded or not, and activations in a sane range.

usage: check_models.py path/to/weft-model [scratch directory]

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

# Two float32 evaluations of one network in different order of operations: rounding of about 2^-24 per operation,
# amplified by up to some hundred layers. A wrong term changes outputs by more than 1e-2.
RELATIVE_TOLERANCE = 1e-4

# Of ResNet-RS-50 with batch-norm folded, and what unfolded batch-norms add.
NODES, NORMS = 226, 56


class Checks:
    """Counts what held and what did not."""

    def __init__(self):
        self.passed = self.failed = 0

    def expect(self, holds, what):
        if holds:
            self.passed += 1
        else:
            self.failed += 1
            print("FAIL", what)


def write(program, path, *options):
    subprocess.run([program, "resnet-rs", *options, "-o", path], check=True)
    return onnx.load(path)


def session(model):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def run(model, x):
    return session(model).run(None, {model.graph.input[0].name: x})[0]


def relative_error(y, reference):
    return float(np.abs(y - reference).max() / np.abs(reference).max())


def check_forms(checks, program, scratch):
    """Every form and operator set is valid and computes the same as opset 17 of the tracing form."""
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
        checks.expect(len(model.graph.node) == expected, what + f": {len(model.graph.node)} nodes, not {expected}")
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
        checks.expect(error <= RELATIVE_TOLERANCE, what + f": differs by {error:.2e} from opset 17")
        if "--dynamic-batch" in extra:
            error = relative_error(run(model, x[:1]), reference[:1])
            checks.expect(error <= RELATIVE_TOLERANCE, what + f": batch 1 differs by {error:.2e}")
        os.remove(path)


def pictures(size):
    """Two extremes of input: independent pixels, and a smooth gradient with a little of them."""
    random = np.random.default_rng(7)
    noise = random.standard_normal((1, 3, size, size)).astype(np.float32)
    ramp = np.linspace(-1.5, 1.5, size, dtype=np.float32)
    smooth = np.stack([np.add.outer(ramp, ramp), np.add.outer(ramp, -ramp), np.multiply.outer(ramp, ramp)])[None]
    return {"noise": noise, "smooth": (smooth / smooth.std() + 0.1 * noise).astype(np.float32)}


def check_ranges(checks, program, scratch, depth, size):
    """No layer explodes, vanishes or forgets the image."""
    path = os.path.join(scratch, "model.onnx")
    model = write(program, path, "--depth", str(depth), "--size", str(size), "--seed", "7")
    watched = [n for n in model.graph.node if n.op_type in ("Relu", "Sigmoid", "BatchNormalization")]
    names = [n.output[0] for n in watched]
    model.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
    runner = session(model)
    logits = {}
    for kind, x in pictures(size).items():
        what = f"resnet-rs-{depth} @ {size}, {kind}"
        values = runner.run([model.graph.output[0].name] + names, {model.graph.input[0].name: x})
        logits[kind] = values[0]
        stds = [float(v.std()) for n, v in zip(watched, values[1:]) if n.op_type != "Sigmoid"]
        gates = np.concatenate([v.ravel() for n, v in zip(watched, values[1:]) if n.op_type == "Sigmoid"])
        saturated = float(((gates < 0.02) | (gates > 0.98)).mean())
        print(f"{what}: layer std {min(stds):.3f} to {max(stds):.3f}, saturated gates {100 * saturated:.2f} %, "
              f"logit std {values[0].std():.3f}")
        checks.expect(min(stds) > 0.05, what + f": a layer vanishes, std {min(stds):.3g}")
        checks.expect(max(stds) < 20, what + f": a layer explodes, std {max(stds):.3g}")
        checks.expect(saturated < 0.1, what + f": {100 * saturated:.1f} % of the gates are saturated")
        checks.expect(0.3 < values[0].std() < 10, what + f": logit std {values[0].std():.3g}")
    difference = float((logits["noise"] - logits["smooth"]).std())
    checks.expect(difference > 0.3, f"resnet-rs-{depth} @ {size}: logits hardly depend on the image, {difference:.3g}")
    os.remove(path)


def main():
    if len(sys.argv) not in (2, 3):
        print(__doc__)
        return 2
    checks = Checks()
    with tempfile.TemporaryDirectory(dir=sys.argv[2] if len(sys.argv) == 3 else None) as scratch:
        check_forms(checks, sys.argv[1], scratch)
        check_ranges(checks, sys.argv[1], scratch, 50, 160)
        check_ranges(checks, sys.argv[1], scratch, 101, 160)
        check_ranges(checks, sys.argv[1], scratch, 420, 64)
    print(f"{checks.passed} passed, {checks.failed} failed, 0 skipped")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
