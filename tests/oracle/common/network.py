# SPDX-License-Identifier: Apache-2.0
"""A small ONNX network under construction: the layers that the oracle scripts build from. Knows nothing of weft."""
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Net:
    """A graph under construction; methods add nodes and return the name of the first output. shape: of the last value, from inference."""

    def __init__(self, shape, opset=17, seed=1):
        self.opset, self.random = opset, np.random.default_rng(seed)
        self.inputs, self.nodes, self.initializers, self.outputs = {}, [], [], []
        self.x = self.input("x", shape)

    def input(self, name, shape):
        self.inputs[name] = shape
        return name

    def constant(self, values, dtype=np.float32):
        name = f"c{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def ints(self, *values):
        return self.constant(values, np.int64)

    def add(self, kind, *inputs, outputs=1, **attributes):
        index = len(self.nodes)
        names = [f"v{index}" if i == 0 else f"v{index}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, name=f"{kind}_{index}", **attributes))
        return names[0] if outputs == 1 else names

    def conv(self, x, inputs, outputs, kernel=3, bias=True, group=1, **attributes):
        kernel = kernel if isinstance(kernel, tuple) else (kernel, kernel)
        if "pads" not in attributes and "auto_pad" not in attributes:
            dilations = attributes.get("dilations", [1, 1])
            before = [(k - 1) * d // 2 for k, d in zip(kernel, dilations)]
            attributes["pads"] = before * 2
        shape = (outputs, inputs // group, *kernel)
        weight = self.constant(self.random.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:])))
        extra = [self.constant(0.2 * self.random.standard_normal(outputs))] if bias else []
        return self.add("Conv", x, weight, *extra, kernel_shape=kernel, group=group, **attributes)

    def norm(self, x, channels):
        def values(low, high):
            return self.constant(self.random.uniform(low, high, channels))

        return self.add("BatchNormalization", x, values(0.5, 1.5), values(-0.5, 0.5), values(-0.5, 0.5), values(0.5, 2), epsilon=1e-3)

    def excite(self, x, channels, gate="Sigmoid"):
        s = self.add("GlobalAveragePool", x)
        s = self.add("Relu", self.conv(s, channels, max(channels // 4, 1), 1))
        s = self.conv(s, max(channels // 4, 1), channels, 1)
        s = self.add("HardSigmoid", s, alpha=1 / 6, beta=0.5) if gate == "HardSigmoid" else self.add(gate, s)
        return self.add("Mul", x, s)

    def clip(self, x, low, high):
        return self.add("Clip", x, self.constant(low), self.constant(high))

    def linear(self, x, inputs, outputs):
        weight = self.constant(self.random.standard_normal((outputs, inputs)) / np.sqrt(inputs))
        return self.add("Gemm", x, weight, self.constant(self.random.standard_normal(outputs)), transB=1)

    def output(self, *names):
        self.outputs += names
        return self

    def save(self, path):
        graph = helper.make_graph(
            self.nodes, "net", [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in self.inputs.items()],
            [helper.make_empty_tensor_value_info(name) for name in self.outputs], self.initializers)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8)
        model = onnx.shape_inference.infer_shapes(model, strict_mode=True)
        onnx.checker.check_model(model)
        onnx.save(model, path)
