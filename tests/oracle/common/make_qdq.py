# SPDX-License-Identifier: Apache-2.0
"""Quantised models for the integer tests, from a float ONNX file, a named network or weft-model: what ONNX Runtime's quantize_static
writes in all its variants, and what PyTorch's exporter writes for a network with fake quantisation.

usage: make_qdq.py [options] -o OUT.onnx FILE.onnx | every-kind | narrow | resnet-rs [weft-model options]
The same arguments give the same bytes. As a module it knows nothing of weft.
"""
import argparse
import contextlib
import io
import logging
import os
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from network import Net

ACTIVATIONS = {"u8": QuantType.QUInt8, "s8": QuantType.QInt8}
FORMATS = {"qdq": QuantFormat.QDQ, "qoperator": QuantFormat.QOperator}
# Of fit_head, in units of the mean eigenvalue: directions in which the images hardly differ are left alone.
RIDGE = 4
METHODS = {"minmax": CalibrationMethod.MinMax, "entropy": CalibrationMethod.Entropy, "percentile": CalibrationMethod.Percentile}


def images(shape, count, seed):
    """Seeded inputs, one batch each: a colour, a smooth picture and noise, so that images, channels and places differ."""
    random = np.random.default_rng(seed)
    for _ in range(count):
        coarse = 1.5 * random.standard_normal((*shape[:2], 1, 1)) + random.standard_normal((*shape[:2], 4, 4))
        rows, columns = np.arange(shape[2]) * 4 // shape[2], np.arange(shape[3]) * 4 // shape[3]
        yield (coarse[:, :, rows][:, :, :, columns] + 0.5 * random.standard_normal(shape)).astype(np.float32)


class Reader(CalibrationDataReader):
    def __init__(self, name, data):
        self.name, self.data = name, iter(data)

    def get_next(self):
        batch = next(self.data, None)
        return None if batch is None else {self.name: batch}


def input_of(model):
    """Name and shape of the only input; a symbolic batch counts as one."""
    constants = {tensor.name for tensor in model.graph.initializer}
    (value,) = [value for value in model.graph.input if value.name not in constants]
    return value.name, tuple(dim.dim_value or 1 for dim in value.type.tensor_type.shape.dim)


def class_images(shape, classes, count, seed):
    """count seeded images of each class, the classes in turn: the class's picture under noise. The pictures are the same for every seed."""
    random = np.random.default_rng(seed)
    pictures = list(images((1, *shape[1:]), classes, seed=1000))
    return [(picture + 0.3 * random.standard_normal(picture.shape)).astype(np.float32) for _ in range(count) for picture in pictures]


def settle(source, share=0.25):
    """Scales the last BatchNormalization of every residual branch of a ResNet-RS file. Trained branches are small beside their shortcut;
    random ones are not, and a network of them makes a difference of one rounding grow from block to block."""
    model = onnx.load(source)
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "BatchNormalization" and "/bn3/" in node.name:
            for name in node.input[1:3]:
                values = numpy_helper.to_array(constants[name]) * np.float32(share)
                constants[name].CopyFrom(numpy_helper.from_array(values, name))
    onnx.save(model, source)


def fit_head(source, count=8, seed=3):
    """Gives the last layer (a Gemm with transposed weights) the weights and bias that tell the classes of class_images apart, by least
    squares. With random ones the same class would win every time, or a tie."""
    model = onnx.load(source)
    name, shape = input_of(model)
    (head,) = [node for node in model.graph.node if node.output[0] == model.graph.output[0].name]
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    classes = constants[head.input[1]].dims[0]
    model.graph.output.append(helper.make_empty_tensor_value_info(head.input[0]))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    features = np.concatenate([session.run([head.input[0]], {name: x})[0] for x in class_images(shape, classes, count, seed)])
    del model.graph.output[-1]
    mean = features.mean(axis=0)
    centred = (features - mean).astype(np.float64)
    wanted = np.tile(np.eye(classes), (count, 1)) - 1 / classes
    gram = centred @ centred.T
    weights = centred.T @ np.linalg.solve(gram + RIDGE * np.trace(gram) / len(gram) * np.eye(len(gram)), wanted)
    for name, values in ((head.input[1], weights.T), (head.input[2], -mean @ weights)):
        constants[name].CopyFrom(numpy_helper.from_array(values.astype(np.float32), name))
    onnx.save(model, source)


@contextlib.contextmanager
def quiet():
    """ONNX Runtime's quantiser advises on the root logger and on standard output."""
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(logging.NOTSET)


def fold(source, target):
    """Infers shapes and lets ONNX Runtime fold BatchNormalization, as its quantiser advises."""
    with quiet():
        quant_pre_process(source, target, skip_symbolic_shape=True)


def quantise(source, target, activation="u8", per_channel=True, form="qdq", preprocess=True, method="minmax", samples=64, seed=1,
             data=None):
    """Writes target with quantize_static; weights are s8 and symmetric. data: images to calibrate with instead of seeded ones."""
    with tempfile.TemporaryDirectory() as folder:
        if preprocess:
            fold(source, os.path.join(folder, "folded.onnx"))
            source = os.path.join(folder, "folded.onnx")
        name, shape = input_of(onnx.load(source))
        with quiet():
            quantize_static(source, target, Reader(name, data or images(shape, samples, seed)), quant_format=FORMATS[form],
                            per_channel=per_channel, activation_type=ACTIVATIONS[activation], weight_type=QuantType.QInt8,
                            calibrate_method=METHODS[method])


class FakeQuantised:
    """A float graph with the nodes that torch.onnx.export writes for fake_quantize modules: QuantizeLinear and DequantizeLinear around
    every activation, weights that stay f32 and are quantised in the graph along axis 0, a bias that stays f32."""

    # What a fake_quantize module stands behind; an activation function right after a layer is fused with it, as in torch.
    LAYERS = {"Conv", "Gemm", "Add", "Mul", "Concat", "AveragePool", "GlobalAveragePool", "Sigmoid", "HardSwish", "HardSigmoid", "LeakyRelu"}
    FUSED = {"Relu", "Clip"}
    EPSILON = float(np.finfo(np.float32).eps)

    def __init__(self, model, activation, per_channel):
        self.model, self.activation, self.per_channel = model, activation, per_channel
        self.graph = model.graph
        self.nodes, self.constants, self.renamed = [], [], {}
        self.weights = {tensor.name: tensor for tensor in self.graph.initializer}

    def constant(self, name, values):
        """Scales and zero points are Constant nodes in torch's files."""
        self.nodes.append(helper.make_node("Constant", [], [name], name=f"{name}_node", value=numpy_helper.from_array(values, name)))
        return name

    def pair(self, value, scale, zero, axis=None):
        where = {} if axis is None else {"axis": axis}
        s, z = self.constant(f"{value}_scale", scale), self.constant(f"{value}_zero_point", zero)
        q, d = f"{value}_quantized", f"{value}_dequantized"
        self.nodes.append(helper.make_node("QuantizeLinear", [value, s, z], [q], name=f"{value}/QuantizeLinear", **where))
        self.nodes.append(helper.make_node("DequantizeLinear", [q, s, z], [d], name=f"{value}/DequantizeLinear", **where))
        return d

    def activation_pair(self, value, low, high):
        low, high = min(low, 0.0), max(high, 0.0)
        first, last, dtype = (0, 255, np.uint8) if self.activation == "u8" else (-128, 127, np.int8)
        scale = np.float32(max((high - low) / 255, self.EPSILON))
        zero = int(np.clip(first - round(low / float(scale)), first, last))
        return self.pair(value, np.array(scale, np.float32), np.array(zero, dtype))

    def weight_pair(self, name):
        values = numpy_helper.to_array(self.weights[name])
        largest = np.abs(values.reshape(values.shape[0], -1)).max(axis=1) if self.per_channel else np.abs(values).max()
        scale = np.maximum(np.asarray(largest, np.float32) / np.float32(127.5), np.float32(self.EPSILON))
        return self.pair(name, scale, np.zeros(scale.shape, np.int8), 0 if self.per_channel else None)

    def quantised_values(self):
        consumers = {}
        for node in self.graph.node:
            for name in node.input:
                consumers.setdefault(name, []).append(node)
        wanted = {input_of(self.model)[0]}
        for node in self.graph.node:
            after = consumers.get(node.output[0], [])
            fused = len(after) == 1 and after[0].op_type in self.FUSED
            if node.op_type in self.LAYERS | self.FUSED and not fused:
                wanted.add(node.output[0])
        return wanted

    def ranges(self, values, data):
        """Smallest and largest element of each value over the data."""
        probe = onnx.ModelProto()
        probe.CopyFrom(self.model)
        known = {output.name for output in probe.graph.output}
        name = input_of(self.model)[0]
        inner = sorted(values - {name})
        probe.graph.output.extend(helper.make_empty_tensor_value_info(value) for value in inner if value not in known)
        session = onnxruntime.InferenceSession(probe.SerializeToString(), providers=["CPUExecutionProvider"])
        found = {}
        for batch in data:
            arrays = dict(zip(inner, session.run(inner, {name: batch})), **{name: batch})
            for value, array in arrays.items():
                low, high = found.get(value, (np.inf, -np.inf))
                found[value] = min(low, float(array.min())), max(high, float(array.max()))
        return found

    def build(self, data):
        ranges = self.ranges(self.quantised_values(), data)
        outputs = {output.name for output in self.graph.output}
        name = input_of(self.model)[0]
        self.renamed[name] = self.activation_pair(name, *ranges[name])
        for node in self.graph.node:
            if node.op_type in ("Conv", "Gemm") and node.input[1] not in self.renamed:
                self.renamed[node.input[1]] = self.weight_pair(node.input[1])
            node.input[:] = [self.renamed.get(value, value) for value in node.input]
            self.nodes.append(node)
            value = node.output[0]
            if value not in ranges:
                continue
            if value not in outputs:
                self.renamed[value] = self.activation_pair(value, *ranges[value])
                continue
            # The graph's output keeps its name: it is what DequantizeLinear gives.
            node.output[0] = f"{value}_float"
            self.activation_pair(node.output[0], *ranges[value])
            self.nodes[-1].output[0] = value
        graph = helper.make_graph(self.nodes, "main_graph", list(self.graph.input), list(self.graph.output), list(self.graph.initializer))
        opset = max(entry.version for entry in self.model.opset_import if entry.domain == "")
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", max(opset, 13))], ir_version=8, producer_name="pytorch")
        onnx.checker.check_model(model)
        return model


def quantise_in_graph(source, target, activation="u8", per_channel=True, samples=64, seed=1, data=None):
    """Writes target the way PyTorch's exporter does; BatchNormalization is folded first."""
    with tempfile.TemporaryDirectory() as folder:
        fold(source, os.path.join(folder, "folded.onnx"))
        model = onnx.load(os.path.join(folder, "folded.onnx"))
    _, shape = input_of(model)
    onnx.save(FakeQuantised(model, activation, per_channel).build(data or list(images(shape, samples, seed))), target)


def every_kind():
    """One layer or more of each kind that the integer path knows, on odd sizes, for any batch.

    The averages are over nine elements everywhere, the padding counted: an average over an even number often lies exactly between two
    steps, where ONNX Runtime's f32 arithmetic decides by its own rounding errors, and the layers behind amplify such a step.
    """
    net = Net(("batch", 3, 37, 33))
    x = net.add("Relu", net.norm(net.conv(net.x, 3, 16, bias=False, strides=[2, 2], pads=[1, 1, 1, 1]), 16))
    x = net.add("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    # A bottleneck with squeeze and excitation and a pooled shortcut.
    y = net.add("Relu", net.norm(net.conv(x, 16, 12, 1, bias=False), 12))
    y = net.add("Relu", net.norm(net.conv(y, 12, 12, bias=False, strides=[2, 2], pads=[1, 1, 1, 1]), 12))
    y = net.excite(net.norm(net.conv(y, 12, 40, 1, bias=False), 40), 40)
    s = net.add("AveragePool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], count_include_pad=1)
    x = net.add("Relu", net.add("Add", net.norm(net.conv(s, 16, 40, 1, bias=False), 40), y))
    # Depthwise, dilated, grouped, wide; each with its activation.
    y = net.add("HardSwish", net.conv(x, 40, 40, 5, group=40))
    y = net.add("LeakyRelu", net.conv(y, 40, 24, dilations=[2, 2]), alpha=0.1)
    y = net.clip(net.conv(y, 24, 24, group=4), 0, 6)
    y = net.conv(y, 24, 40, (1, 3), pads=[0, 1, 0, 1])
    x = net.add("Add", x, y)
    # Two branches side by side.
    a = net.conv(x, 40, 9, 1)
    a = net.add("Mul", a, net.add("Sigmoid", a))
    b = net.add("AveragePool", x, kernel_shape=[3, 3], strides=[1, 1], pads=[1, 1, 1, 1], count_include_pad=1)
    b = net.add("HardSigmoid", net.conv(b, 40, 7, strides=[1, 1], pads=[0, 1, 2, 1]), alpha=0.2, beta=0.5)
    x = net.add("Concat", a, b, axis=1)
    x = net.add("Flatten", net.add("GlobalAveragePool", net.add("Relu", net.conv(x, 16, 33, 1))))
    x = net.add("Relu", net.linear(x, 33, 21))
    return net.output(net.linear(x, 21, 10))


def narrow():
    """Few channels and pixels: what a block size does not divide, and what is smaller than one block."""
    net = Net(("batch", 1, 7, 5), seed=2)
    x = net.add("Relu", net.conv(net.x, 1, 3, strides=[2, 1], pads=[2, 0, 1, 1]))
    y = net.conv(x, 3, 5, 1)
    y = net.add("Add", net.conv(net.add("Relu", y), 5, 5, group=5), y)
    x = net.add("MaxPool", net.add("Relu", y), kernel_shape=[2, 3], strides=[1, 2])
    x = net.add("AveragePool", net.conv(x, 5, 2, 1), kernel_shape=[3, 1], strides=[2, 1], pads=[0, 0, 2, 0])
    return net.output(net.linear(net.add("Flatten", net.add("GlobalAveragePool", x)), 2, 3))


NETWORKS = {"every-kind": every_kind, "narrow": narrow}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("model", help="FILE.onnx, or one of: resnet-rs, " + ", ".join(NETWORKS))
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--style", choices=["static", "in-graph", "float"], default="static",
                        help="ONNX Runtime's quantize_static, PyTorch's export of fake quantisation, or no quantisation")
    parser.add_argument("--activation", choices=ACTIVATIONS, default="u8")
    parser.add_argument("--per-tensor", action="store_true")
    parser.add_argument("--format", choices=FORMATS, default="qdq")
    parser.add_argument("--no-preprocess", action="store_true", help="leave BatchNormalization in the graph")
    parser.add_argument("--method", choices=METHODS, default="minmax")
    parser.add_argument("--samples", type=int, default=64)
    parser.add_argument("--seed", type=int, default=1)
    args, more = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "float.onnx")
        if args.model in NETWORKS:
            NETWORKS[args.model]().save(source)
        elif args.model == "resnet-rs":
            writer = os.path.join(os.environ.get("WEFT_BUILD", "build"), "weft-model")
            subprocess.run([writer, "resnet-rs", *more, "-o", source], check=True, stdout=subprocess.DEVNULL)
            more = []
        else:
            source = args.model
        if more:
            parser.error(f"unknown arguments: {' '.join(more)}")
        if args.style == "static":
            quantise(source, args.output, args.activation, not args.per_tensor, args.format, not args.no_preprocess, args.method,
                     args.samples, args.seed)
        elif args.style == "in-graph":
            quantise_in_graph(source, args.output, args.activation, not args.per_tensor, args.samples, args.seed)
        else:
            onnx.save(onnx.load(source), args.output)


if __name__ == "__main__":
    main()
