# SPDX-License-Identifier: Apache-2.0
"""ResNet-RS in the patterns that tf2onnx leaves in its files (operator set 15), written with onnx.helper, through compile and
run on PoCL, next to ONNX Runtime.

keras        Keras applications: NHWC pixels of 0..255, Mul, Sub and Div in front of the Transpose, Pad nodes before stride-2
             convolutions, squeeze by GlobalAveragePool, Squeeze and Reshape, MatMul + Add + Softmax
keras-batch  the same with a symbolic batch: the Reshape's target comes from Shape, Slice, Concat and Cast; normalisation after
             the Transpose
tpu          batch-norms kept, squeeze without Squeeze, no preprocessing, logits
tpu-rank     squeeze by ReduceMean over [1, 2] between transposes, as when the converter does not know the rank
garden       TensorFlow's Model Garden: SAME padding (asymmetric at stride 2), swish, a stride-1 average pool in the first
             shortcut, 1001 classes, auto_pad in the other shortcuts

usage: tf2onnx_patterns.py     (programs in $WEFT_BUILD, else build)
Speaks TAP.
"""
import os
import sys
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "oracle", "common"))
from oracle import Checks, Oracle, compare, compile_onnx, normal, products, run_package

OPSET = 15
BLOCKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}
VARIANTS = ("keras", "keras-batch", "tpu", "tpu-rank", "garden")

# Beyond one step per convolution and linear layer.
MORE_STEPS = 3

SWISH_GAIN = 1.15
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Writer:
    """Nodes and initializers of one graph, named as TensorFlow names them."""

    def __init__(self, variant, batch, seed):
        self.variant, self.batch = variant, batch
        self.is_garden, self.is_keras = variant == "garden", variant.startswith("keras")
        self.random = np.random.default_rng(seed)
        self.nodes, self.initializers, self.scope = [], [], "resnet"

    def node(self, kind, inputs, **attributes):
        name = f"{self.scope}/{kind}__{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name + ":0"], name=name, **attributes))
        return name + ":0"

    def constant(self, values, dtype=np.float32):
        name = f"{self.scope}/const__{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def ints(self, *values):
        return self.constant(values, np.int64)

    def normal(self, shape, deviation, mean=0.0):
        return self.constant(mean + deviation * self.random.standard_normal(shape))

    def activation(self, x):
        return self.node("Mul", [x, self.node("Sigmoid", [x])]) if self.is_garden else self.node("Relu", [x])

    def conv(self, x, inputs, outputs, side, stride, gain=1.0, norm=True):
        """gain: of the deviation, next to one that keeps activations as they are; swish lets less than half through."""
        gain *= SWISH_GAIN if self.is_garden and norm else 1.0
        weight = self.normal((outputs, inputs, side, side), gain * np.sqrt(2.0 / (inputs * side * side)))
        before = after = side // 2
        if stride == 2 and self.is_garden:
            before, after = before - 1, after
        elif stride == 2 and self.is_keras:
            x = self.node("Pad", [x, self.ints(0, 0, before, before, 0, 0, after, after)], mode="constant")
            before = after = 0
        attributes = {"kernel_shape": [side, side], "strides": [stride, stride], "pads": [before, before, after, after],
                      "dilations": [1, 1], "group": 1}
        if not norm or self.variant != "tpu":
            return self.node("Conv", [x, weight, self.normal(outputs, 0.1)], **attributes)
        x = self.node("Conv", [x, weight], **attributes)
        statistics = [self.constant(self.random.uniform(0.8, 1.2, outputs)), self.normal(outputs, 0.1), self.normal(outputs, 0.1),
                      self.constant(self.random.uniform(0.8, 1.2, outputs))]
        return self.node("BatchNormalization", [x, *statistics], epsilon=1e-5)

    def squeeze(self, x, channels):
        """Mean of each channel as N x C x 1 x 1."""
        if self.variant == "tpu-rank":
            x = self.node("Transpose", [x], perm=[0, 2, 3, 1])
            x = self.node("ReduceMean", [x], axes=[1, 2], keepdims=1)
            return self.node("Transpose", [x], perm=[0, 3, 1, 2])
        x = self.node("GlobalAveragePool", [x])
        if not self.is_keras:
            return x
        x = self.node("Squeeze", [x, self.ints(2, 3)])
        if self.variant == "keras":
            return self.node("Reshape", [x, self.ints(self.batch, channels, 1, 1)])
        size = self.node("Cast", [self.node("Shape", [x])], to=TensorProto.INT32)
        size = self.node("Slice", [size, self.ints(0), self.ints(1), self.ints(0)])
        size = self.node("Concat", [size, self.constant((1, 1, channels), np.int32)], axis=0)
        x = self.node("Reshape", [x, self.node("Cast", [size], to=TensorProto.INT64)])
        return self.node("Transpose", [x], perm=[0, 3, 1, 2])

    def squeeze_excite(self, x, channels):
        gate = self.squeeze(x, channels)
        gate = self.node("Relu", [self.conv(gate, channels, channels // 4, 1, 1, norm=False)])
        gate = self.node("Sigmoid", [self.conv(gate, channels // 4, channels, 1, 1, norm=False)])
        return self.node("Mul", [x, gate])

    def pool(self, x, stride):
        attributes = {"kernel_shape": [2, 2], "strides": [stride, stride], "count_include_pad": 0}
        if stride == 1:
            attributes["pads"] = [0, 0, 1, 1]
        elif self.is_garden:
            attributes["auto_pad"] = "SAME_UPPER"
        else:
            attributes["pads"] = [0, 0, 0, 0]
        return self.node("AveragePool", [x], **attributes)

    def block(self, x, inputs, planes, stride, is_first):
        shortcut = x
        y = self.activation(self.conv(x, inputs, planes, 1, 1))
        y = self.activation(self.conv(y, planes, planes, 3, stride))
        y = self.squeeze_excite(self.conv(y, planes, 4 * planes, 1, 1, gain=0.5), 4 * planes)
        if is_first:
            if stride == 2 or self.is_garden:
                shortcut = self.pool(shortcut, stride)
            shortcut = self.conv(shortcut, inputs, 4 * planes, 1, 1, gain=0.7)
        return self.activation(self.node("Add", [y, shortcut]))

    def preprocess(self, x, shape):
        x = self.node("Mul", [x, self.constant(1 / 255)])
        x = self.node("Sub", [x, self.constant(np.reshape(MEAN, shape))])
        return self.node("Div", [x, self.constant(np.reshape(STD, shape))])

    def image(self, x):
        if self.variant == "keras":
            x = self.preprocess(x, (1, 1, 1, 3))
        x = self.node("Transpose", [x], perm=[0, 3, 1, 2])
        return self.preprocess(x, (1, 3, 1, 1)) if self.variant == "keras-batch" else x

    def head(self, x, classes):
        x = self.node("Squeeze", [self.node("GlobalAveragePool", [x]), self.ints(2, 3)])
        x = self.node("Add", [self.node("MatMul", [x, self.normal((2048, classes), 0.02)]), self.normal(classes, 0.1)])
        return self.node("Softmax", [x], axis=-1) if self.is_keras else x


def write(path, variant, depth, size, batch, seed=7):
    """One model; returns the shapes of input and output. A batch of 0 stays symbolic."""
    writer = Writer(variant, batch, seed)
    x = writer.image("input_1")
    inputs = 3
    for i, (outputs, stride) in enumerate(((32, 2), (32, 1), (64, 1), (64, 2))):
        writer.scope = f"resnet/stem_{i}"
        x = writer.activation(writer.conv(x, inputs, outputs, 3, stride))
        inputs = outputs
    for stage, count in enumerate(BLOCKS[depth]):
        planes = 64 << stage
        for i in range(count):
            writer.scope = f"resnet/stage_{stage}/block_{i}"
            x = writer.block(x, inputs, planes, 2 if stage > 0 and i == 0 else 1, i == 0)
            inputs = 4 * planes
    writer.scope = "resnet/head"
    classes = 1001 if writer.is_garden else 1000
    writer.nodes.append(helper.make_node("Identity", [writer.head(x, classes)], ["predictions"], name="Identity"))
    first = batch or "unk__1"
    graph = helper.make_graph(
        writer.nodes, "tf2onnx", [helper.make_tensor_value_info("input_1", TensorProto.FLOAT, [first, size, size, 3])],
        [helper.make_tensor_value_info("predictions", TensorProto.FLOAT, [first, classes])], writer.initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return model


def picture(variant, batch, size, seed):
    """Patches of colour with some noise: pure noise looks alike to a network that averages."""
    patches = np.random.default_rng(seed).standard_normal((batch, 4, 4, 3))
    side = -(-size // 4)
    x = np.repeat(np.repeat(patches, side, axis=1), side, axis=2)[:, :size, :size] + 0.3 * normal((batch, size, size, 3), seed)
    x = np.clip(127.5 + 64 * x, 0, 255) if variant.startswith("keras") else x
    return x.astype(np.float32)


def check(checks, variant, depth, size, batch, *options):
    what = f"tf2onnx patterns, {variant}, resnet-rs-{depth} @ {size} batch {batch or 1}{' ' if options else ''}{' '.join(options)}"
    with tempfile.TemporaryDirectory() as folder:
        path, package = os.path.join(folder, "model.onnx"), os.path.join(folder, "model.weft")
        model = write(path, variant, depth, size, batch)
        report = compile_onnx(path, package, *options)
        steps, limit = report["schedules"][0]["steps"], products(model) + MORE_STEPS
        if "-O0" not in options:
            checks.expect(steps <= limit, f"{what}: {report['source_nodes']} nodes in {steps} steps of at most {limit}")
        oracle = Oracle(path)
        x, other = (picture(variant, batch or 1, size, seed) for seed in (1, 2))
        expected = oracle.run({"input_1": x})
        change = np.abs(oracle.run({"input_1": other})[0] - expected[0]).max() / np.abs(expected[0]).max()
        checks.expect(change > 1e-2, f"{what}: the numbers depend on the image by {change:.1e}")
        compare(checks, what, run_package(package, {"input_1": x}, ["predictions"]), expected)


def main():
    checks = Checks()
    for depth, size in ((50, 160), (101, 192)):
        for variant in VARIANTS:
            batch = 0 if variant == "keras-batch" else 1
            checks.guard(f"{variant} {depth}", check, checks, variant, depth, size, batch)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
