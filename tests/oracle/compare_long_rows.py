# SPDX-License-Identifier: Apache-2.0
"""Attention over 4,097 tokens, 64 x 64 patches and a class token, in 8 bits: its rows of scores are longer than a line of the named engines. Every step
but the first and the last is the engine's, with the same bits on every executor, and as near to the float model as ONNX Runtime.

usage: compare_long_rows.py     (programs in $WEFT_BUILD, else build)
Speaks TAP.
"""
import os
import sys
import tempfile

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper, save

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "common"))
from oracle import Checks, compile_onnx, normal, program, run_package
from quantised import SNR_MARGIN_DB, compare_executors, exact_session, plain_session, snr_db

GRID, PATCH, CHANNELS = 64, 2, 8


class Maker:
    """Nodes and seeded weights of a graph."""

    def __init__(self):
        self.random, self.nodes, self.constants = np.random.default_rng(3), [], []

    def constant(self, value):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def weights(self, *shape, scale=0.5):
        return self.constant((self.random.standard_normal(shape) * scale).astype(np.float32))

    def node(self, operator, *inputs, **attributes):
        name = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], name=name, **attributes))
        return name

    def ints(self, *numbers):
        return self.constant(np.array(numbers, np.int64))

    def linear(self, x, inputs, outputs):
        return self.node("Add", self.node("MatMul", x, self.weights(inputs, outputs)), self.weights(outputs))

    def norm(self, x):
        return self.node("LayerNormalization", x, self.weights(CHANNELS), self.weights(CHANNELS), epsilon=1e-6)


def write_model(path):
    """Patches, class token, positions, one block with one head."""
    make, tokens = Maker(), GRID * GRID + 1
    patches = make.node("Conv", "x", make.weights(CHANNELS, 3, PATCH, PATCH), make.weights(CHANNELS), kernel_shape=[PATCH] * 2, strides=[PATCH] * 2)
    patches = make.node("Transpose", make.node("Reshape", patches, make.ints(1, CHANNELS, GRID * GRID)), perm=[0, 2, 1])
    x = make.node("Concat", make.weights(1, 1, CHANNELS), patches, axis=1)
    x = make.node("Add", x, make.weights(1, tokens, CHANNELS))
    q, k, v = (make.linear(normed, CHANNELS, CHANNELS) for normed in [make.norm(x)] * 3)
    scores = make.node("MatMul", q, make.node("Transpose", k, perm=[0, 2, 1]))
    scores = make.node("Softmax", make.node("Mul", scores, make.constant(np.float32(CHANNELS**-0.5))), axis=-1)
    x = make.node("Add", x, make.linear(make.node("MatMul", scores, v), CHANNELS, CHANNELS))
    hidden = make.node("Relu", make.linear(make.norm(x), CHANNELS, 4 * CHANNELS))
    make.nodes.append(helper.make_node("Add", [x, make.linear(hidden, 4 * CHANNELS, CHANNELS)], ["y"], name="y"))
    side = GRID * PATCH
    graph = helper.make_graph(make.nodes, "long_rows", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, side, side])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, tokens, CHANNELS])], make.constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model)
    save(model, path)


def main():
    checks, what = Checks(), f"{GRID * GRID + 1} tokens"
    with tempfile.TemporaryDirectory() as folder:
        source, model, package = (os.path.join(folder, name) for name in ("float.onnx", "model.onnx", "model.weft"))
        write_model(source)
        program("weft", "quantize", source, "-o", model, "--data", "random", "--count", 1, "--measure", 0, "-q")
        compile_onnx(model, package)
        steps = program("weft", "inspect", package).splitlines()
        engine = next((line.strip() for line in steps if line.strip().startswith("engine ")), "no engine")
        words = engine.replace(":", "").split()
        count = [int(word) for word in words if word.isdigit()][-2:]
        checks.expect(len(count) == 2 and count[0] == count[1] - 2, f"{what}: {engine}")
        compare_executors(checks, what, package)
        x = {"x": normal((1, 3, GRID * PATCH, GRID * PATCH))}
        truth, expected = plain_session(source).run(None, x)[0], exact_session(model).run(None, x)[0]
        ours, theirs = snr_db(truth, run_package(package, x, ["y"])[0]), snr_db(truth, expected)
        checks.expect(ours >= theirs - SNR_MARGIN_DB, f"{what}: {ours:.2f} dB from the float model, ONNX Runtime {theirs:.2f} dB")
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
