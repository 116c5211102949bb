# SPDX-License-Identifier: Apache-2.0
"""Makes the models of tests/cli/data. Run once, with onnx and NumPy:  python tests/cli/make_models.py

tiny.onnx   two convolutions with a residual, global mean, linear; symbolic batch
two.onnx    two inputs, two outputs, no weights
bad.onnx    ten nodes of ten kinds that are not supported
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
bad = ["Acos", "Asinh", "Atan", "Cosh", "Hardmax", "IsNaN", "LogSoftmax", "NonZero", "Sinh", "Tan"]
save(
    "bad",
    [node(op, ["x"], [f"y{i}"], f"node_{op}") for i, op in enumerate(bad)],
    [value("x", 2, 3)],
    [helper.make_empty_tensor_value_info(f"y{i}") for i in range(len(bad))],
)
