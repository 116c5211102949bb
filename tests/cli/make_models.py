# SPDX-License-Identifier: Apache-2.0
"""Makes the models of tests/cli/data. Run once, with onnx and NumPy:  python tests/cli/make_models.py

tiny.onnx   two convolutions with a residual, global mean, linear; symbolic batch
two.onnx    two inputs, two outputs, no weights
bad.onnx    ten nodes of ten kinds that are not supported
quantised.onnx  8-bit values between QuantizeLinear and DequantizeLinear
sizes.onnx  as tiny, for pictures of any size
"""
import pathlib

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

folder = pathlib.Path(__file__).parent / "data"
random = numpy.random.default_rng(3)


def constant(name, *shape):
    return numpy_helper.from_array(random.normal(0, 0.3, shape).astype("float32"), name)


def save(name, nodes, inputs, outputs, constants=()):
    graph = helper.make_graph(nodes, name, inputs, outputs, list(constants))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, folder / f"{name}.onnx")


def value(name, *shape):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))


node = helper.make_node
save(
    "tiny",
    [
        node("Conv", ["image", "w0", "b0"], ["c0"], "conv0", pads=[1, 1, 1, 1], strides=[2, 2]),
        node("Relu", ["c0"], ["r0"], "relu0"),
        node("Conv", ["r0", "w1", "b1"], ["c1"], "conv1", pads=[1, 1, 1, 1]),
        node("Add", ["c1", "r0"], ["s1"], "add1"),
        node("Relu", ["s1"], ["r1"], "relu1"),
        node("GlobalAveragePool", ["r1"], ["g"], "pool"),
        node("Flatten", ["g"], ["f"], "flatten"),
        node("Gemm", ["f", "w2", "b2"], ["scores"], "fc", transB=1),
    ],
    [value("image", "N", 3, 16, 16)],
    [value("scores", "N", 10)],
    [constant("w0", 16, 3, 3, 3), constant("b0", 16), constant("w1", 16, 16, 3, 3), constant("b1", 16),
     constant("w2", 10, 16), constant("b2", 10)],
)
save(
    "two",
    [node("Add", ["left", "right"], ["sum"], "plus"), node("Sub", ["left", "right"], ["difference"], "minus")],
    [value("left", 2, 3), value("right", 2, 3)],
    [value("sum", 2, 3), value("difference", 2, 3)],
)
bad = ["Acos", "Asinh", "Atan", "Cosh", "Hardmax", "IsInf", "LogSoftmax", "NonZero", "Sinh", "Tan"]
save(
    "bad",
    [node(op, ["x"], [f"y{i}"], f"node_{op}") for i, op in enumerate(bad)],
    [value("x", 2, 3)],
    [helper.make_empty_tensor_value_info(f"y{i}") for i in range(len(bad))],
)


def quantised_model():
    """Per-tensor u8 activations, s8 weights per channel: two convolutions with a residual, gate, windows, sum, mean, linear."""
    nodes, constants = [], []

    def initial(name, values):
        constants.append(numpy_helper.from_array(values, name))
        return name

    def codes(name, x, scale, zero=0):
        parameters = [initial(f"{name}_scale", numpy.float32(scale)), initial(f"{name}_zero", numpy.uint8(zero))]
        nodes.append(node("QuantizeLinear", [x, *parameters], [f"{name}_q"], f"{name}_quantize"))
        nodes.append(node("DequantizeLinear", [f"{name}_q", *parameters], [name], f"{name}_dequantize"))
        return name

    def layer(op, name, x, shape, x_scale, **attributes):
        scales = random.uniform(0.002, 0.004, shape[0]).astype("float32")
        for part, values, scale in (("w", random.integers(-127, 128, shape).astype("int8"), scales),
                                    ("b", random.integers(-900, 900, shape[0]).astype("int32"), scales * numpy.float32(x_scale))):
            stored = [initial(f"{name}_{part}_q", values), initial(f"{name}_{part}_scale", scale),
                      initial(f"{name}_{part}_zero", numpy.zeros(shape[0], values.dtype))]
            nodes.append(node("DequantizeLinear", stored, [f"{name}_{part}"], f"{name}_{part}_dequantize", axis=0))
        nodes.append(node(op, [x, f"{name}_w", f"{name}_b"], [f"{name}_out"], name, **attributes))
        return f"{name}_out"

    x = codes("x", "image", 0.02, 128)
    y = layer("Conv", "conv0", x, (16, 3, 3, 3), 0.02, pads=[1, 1, 1, 1], strides=[2, 2])
    nodes.append(node("Relu", [y], ["r0"], "relu0"))
    y = codes("a0", "r0", 0.025)
    z = codes("a1", layer("Conv", "conv1", y, (16, 16, 3, 3), 0.025, pads=[1, 1, 1, 1]), 0.06, 130)
    nodes.append(node("Add", [z, y], ["s1"], "add1"))
    nodes.append(node("Relu", ["s1"], ["r1"], "relu1"))
    y = codes("a2", "r1", 0.04)
    nodes.append(node("Sigmoid", [y], ["t"], "sigmoid"))
    nodes.append(node("Mul", [y, codes("a6", "t", 1 / 256)], ["m"], "gate"))
    y = codes("a7", "m", 0.035)
    nodes.append(node("MaxPool", [y], ["p0"], "max", kernel_shape=[2, 2], strides=[2, 2]))
    nodes.append(node("AveragePool", [y], ["p1"], "average", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]))
    nodes.append(node("Add", [codes("a8", "p0", 0.035), codes("a9", "p1", 0.03)], ["s2"], "add2"))
    y = codes("a10", "s2", 0.05)
    nodes.append(node("GlobalAveragePool", [y], ["g"], "pool"))
    y = codes("a3", "g", 0.015)
    nodes.append(node("Flatten", [y], ["f"], "flatten"))
    y = codes("a4", layer("Gemm", "fc", codes("a5", "f", 0.015), (10, 16), 0.015, transB=1), 0.02, 120)
    nodes.append(node("Identity", [y], ["scores"], "out"))
    save("quantised", nodes, [value("image", 1, 3, 16, 16)], [value("scores", 1, 10)], constants)


quantised_model()

save(
    "sizes",
    [
        node("Conv", ["image", "w0", "b0"], ["c0"], "conv0", pads=[1, 1, 1, 1], strides=[2, 2]),
        node("Relu", ["c0"], ["r0"], "relu0"),
        node("Conv", ["r0", "w1", "b1"], ["c1"], "conv1", pads=[1, 1, 1, 1]),
        node("Add", ["c1", "r0"], ["s1"], "add1"),
        node("Relu", ["s1"], ["r1"], "relu1"),
        node("GlobalAveragePool", ["r1"], ["g"], "pool"),
        node("Flatten", ["g"], ["f"], "flatten"),
        node("Gemm", ["f", "w2", "b2"], ["scores"], "fc", transB=1),
    ],
    [value("image", "N", 3, "H", "W")],
    [value("scores", "N", 10)],
    [constant("w0", 16, 3, 3, 3), constant("b0", 16), constant("w1", 16, 16, 3, 3), constant("b1", 16),
     constant("w2", 10, 16), constant("b2", 10)],
)
