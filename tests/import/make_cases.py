# SPDX-License-Identifier: Apache-2.0
"""Writes the small models that tests/import/test_forms.c reads and that seed the import fuzzer, and what ONNX Runtime computes for them.

Usage: python tests/import/make_cases.py   (needs onnx, numpy, onnxruntime; run from the repository root)
Each model has one f32 input x, which is a fixed ramp, and f32 outputs. Each covers one older form of an operator, or one way to store something.
"""
import pathlib

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper as nh

MODELS = pathlib.Path("tests/fuzz/corpus/import")
EXPECTED = pathlib.Path("tests/import/expected.txt")
CASES = []


def ramp(shape):
    count = int(np.prod(shape))
    return (((np.arange(count) * 37) % 101 - 50) / np.float32(25)).astype(np.float32).reshape(shape)


def const(name, values, dtype=np.int64):
    return nh.from_array(np.array(values, dtype=dtype), name)


def case(name, opset, shape, nodes, outputs, consts=(), ir=None, functions=(), imports=()):
    graph = h.make_graph(
        nodes, name, [h.make_tensor_value_info("x", T.FLOAT, shape)],
        [h.make_tensor_value_info(o, T.FLOAT, None) for o in outputs], list(consts))
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", opset), *imports], functions=list(functions))
    model.ir_version = ir or (4 if opset < 12 else 8)
    model.producer_name = ""
    CASES.append((name, model, shape))


n = h.make_node
case("clip_9", 9, [2, 5], [n("Clip", ["x"], ["y"], min=-0.5, max=1.25)], ["y"])
case("clip_9_min", 9, [2, 5], [n("Clip", ["x"], ["y"], min=-0.25)], ["y"])
case("squeeze_11", 11, [2, 1, 3, 1], [n("Squeeze", ["x"], ["s"], axes=[1, 3]), n("Unsqueeze", ["s"], ["y"], axes=[0, 2])],
     ["s", "y"])
case("reduce_11", 11, [2, 3, 4], [n("ReduceMean", ["x"], ["y"], axes=[1], keepdims=0), n("ReduceSum", ["x"], ["z"], axes=[-1]),
                                  n("ReduceMax", ["x"], ["w"])], ["y", "z", "w"])
case("reduce_17", 17, [2, 3, 4], [n("ReduceMin", ["x"], ["y"], axes=[0, 2], keepdims=1),
                                  n("ReduceSum", ["x", "axes"], ["z"], keepdims=0)], ["y", "z"], [const("axes", [1])])
case("split_11", 11, [2, 6], [n("Split", ["x"], ["a", "b"], axis=1, split=[2, 4])], ["a", "b"])
case("split_13", 13, [2, 6], [n("Split", ["x"], ["a", "b", "c"], axis=1)], ["a", "b", "c"])
case("pad_9", 9, [1, 1, 2, 3], [n("Pad", ["x"], ["y"], pads=[0, 0, 1, 0, 0, 0, 0, 2], value=0.5)], ["y"])
case("slice_9", 9, [4, 5], [n("Slice", ["x"], ["y"], starts=[1, -3], ends=[1000, -1], axes=[0, 1])], ["y"])
case("upsample_9", 9, [1, 1, 2, 3], [n("Upsample", ["x", "s"], ["y"], mode="nearest")], ["y"],
     [const("s", [1, 1, 2, 3], np.float32)])
case("resize_10", 10, [1, 1, 3, 4], [n("Resize", ["x", "s"], ["y"], mode="nearest")], ["y"],
     [const("s", [1, 1, 2.5, 2], np.float32)])
case("resize_11", 11, [1, 2, 3, 4], [n("Resize", ["x", "roi", "none", "sizes"], ["y"], mode="nearest",
                                       coordinate_transformation_mode="asymmetric", nearest_mode="floor")], ["y"],
     [const("roi", [], np.float32), const("none", [], np.float32), const("sizes", [1, 2, 6, 8])])
case("softmax_9", 9, [2, 2, 3], [n("Softmax", ["x"], ["y"])], ["y"])
case("softmax_11", 11, [2, 2, 3], [n("Softmax", ["x"], ["y"], axis=-2), n("Softmax", ["x"], ["z"], axis=2)], ["y", "z"])
case("softmax_12_shape", 12, [2, 6],
     [n("Shape", ["x"], ["s"]), n("Gather", ["s", "zero"], ["n"], axis=0), n("Unsqueeze", ["n"], ["n1"], axes=[0]),
      n("Concat", ["n1", "rest"], ["target"], axis=0), n("Reshape", ["x", "target"], ["r"]), n("Softmax", ["r"], ["y"], axis=1)],
     ["y"], [const("zero", 0), const("rest", [2, 3])])
case("dropout_9", 9, [2, 3], [n("Dropout", ["x"], ["y", "mask"], ratio=0.3)], ["y"])
case("dropout_13", 13, [2, 3], [n("Dropout", ["x", "ratio", "off"], ["y"], seed=3)], ["y"],
     [const("ratio", 0.3, np.float32), const("off", False, np.bool_)])
case("batch_norm_9", 9, [1, 2, 2, 2], [n("BatchNormalization", ["x", "s", "b", "m", "v"], ["y"], epsilon=0.01, momentum=0.5)], ["y"],
     [const("s", [1, 2], np.float32), const("b", [0.5, -0.5], np.float32), const("m", [0.1, 0.2], np.float32),
      const("v", [1.5, 0.5], np.float32)])
case("constants_13", 13, [2], [n("Constant", [], ["a"], value_float=0.5), n("Constant", [], ["b"], value_floats=[1.0, -2.0]),
                               n("Constant", [], ["i"], value_int=3), n("Constant", [], ["l"], value_ints=[1, -1]),
                               n("Cast", ["i"], ["j"], to=T.FLOAT), n("Cast", ["l"], ["m"], to=T.FLOAT),
                               n("Constant", [], ["t"], value=const("", [[0.25, 4]], np.float32)),
                               n("Sum", ["x", "a", "b", "j", "m", "t"], ["y"])], ["y"])
# How the dynamo exporter writes batch-norm parameters when nothing is optimised, and a type that only inference tells.
case("cast_like_21", 21, [2, 3], [n("Shape", ["x"], ["s"], start=1), n("CastLike", ["i", "x"], ["f"]), n("Expand", ["f", "s"], ["e"]),
                                  n("CastLike", ["s", "e"], ["t"]), n("Mul", ["x", "e"], ["m"]), n("Add", ["m", "t"], ["y"])], ["y"],
     [const("i", 2, np.int32)])
# Every field that holds elements.
stored = []
for field, dtype, values in [
        ("f32", T.FLOAT, [0.5, -1.5]), ("f64", T.DOUBLE, [0.25, 3]), ("i64", T.INT64, [-7, 9]), ("i32", T.INT32, [5, -6]),
        ("u64", T.UINT64, [1, 2]), ("u32", T.UINT32, [3, 4]), ("i8", T.INT8, [-128, 127]), ("u8", T.UINT8, [0, 255]),
        ("i16", T.INT16, [-300, 300]), ("u16", T.UINT16, [0, 65535]), ("f16", T.FLOAT16, [1.5, -2.25]),
        ("bool", T.BOOL, [True, False])]:
    stored.append(h.make_tensor(field, dtype, [2], values))
case("typed_data_13", 13, [2],
     [n("Cast", [t.name], ["c_" + t.name], to=T.FLOAT) for t in stored] +
     [n("Sum", ["x"] + ["c_" + t.name for t in stored], ["y"])], ["y"], stored)
raw = [const("r_bool", [True, False], np.bool_), const("r_f16", [0.5, 2], np.float16), const("r_i8", [-1, 7], np.int8)]
case("raw_data_13", 13, [2], [n("Cast", [t.name], ["c_" + t.name], to=T.FLOAT) for t in raw] +
     [n("Sum", ["x"] + ["c_" + t.name for t in raw], ["y"])], ["y"], raw)
case("initializer_as_input", 9, [2], [n("Add", ["x", "w"], ["y"])], ["y"], [const("w", [1, 2], np.float32)], ir=3)
CASES[-1][1].graph.input.append(h.make_tensor_value_info("w", T.FLOAT, [2]))


# Functions: attribute by reference and by default, a call inside a call.
def attr_ref(name, reference, kind):
    attr = onnx.AttributeProto(name=name, ref_attr_name=reference, type=kind)
    return attr


leaky = n("LeakyRelu", ["v"], ["t"])
leaky.attribute.append(attr_ref("alpha", "slope", onnx.AttributeProto.FLOAT))
inner = h.make_function("local", "Inner", ["v"], ["r", "v2"], [leaky, n("Neg", ["t"], ["r"]), n("Identity", ["v"], ["v2"])],
                        [h.make_opsetid("", 17)], attribute_protos=[h.make_attribute("slope", 0.5)])
call = n("Inner", ["a"], ["p", "u1"], domain="local")
call.attribute.append(attr_ref("slope", "k", onnx.AttributeProto.FLOAT))
outer = h.make_function("local", "Outer", ["a", "b"], ["q", "p"],
                        [call, n("Inner", ["b"], ["d", "u2"], domain="local"), n("Softmax", ["d"], ["e"], axis=-1),
                         n("Add", ["p", "e"], ["q"])],
                        [h.make_opsetid("", 17), h.make_opsetid("local", 1)], ["k"])
case("functions_17", 17, [2, 3], [n("Outer", ["x", "x"], ["y", "u"], "first", domain="local", k=0.125),
                                  n("Outer", ["y", "x"], ["t", "z"], domain="local", k=2.0),
                                  n("Mul", ["t", "y"], ["w"])], ["y", "z", "w"], functions=[inner, outer],
     imports=[h.make_opsetid("local", 1)])

# Quantised tensors. Results lie away from halves of a step, where f32 arithmetic in another order may round the other way.
u8, i8, i32, f32 = np.uint8, np.int8, np.int32, np.float32
MICROSOFT = h.make_opsetid("com.microsoft", 1)
case("quantize_10", 10, [2, 5], [n("QuantizeLinear", ["x", "s", "z"], ["q"]), n("DequantizeLinear", ["q", "s", "z"], ["y"])], ["y"],
     [const("s", 0.03, f32), const("z", 100, u8)])
case("quantize_axis_13", 13, [2, 3], [n("QuantizeLinear", ["x", "s", "z"], ["q"], axis=-1),
                                      n("DequantizeLinear", ["q", "s", "z"], ["y"], axis=1)], ["y"],
     [const("s", [0.03, 0.07, 0.11], f32), const("z", [-3, 0, 9], i8)])
case("quantize_21", 21, [2, 3], [n("QuantizeLinear", ["x", "s"], ["q"], output_dtype=T.INT8, saturate=1),
                                 n("DequantizeLinear", ["q", "s"], ["y"]),
                                 n("DequantizeLinear", ["b", "t"], ["c"], axis=0), n("Add", ["c", "y"], ["z"])], ["y", "z"],
     [const("s", 0.03, f32), const("b", [[100, -7, 3], [1, 2, 3]], i32), const("t", [0.01, 0.02], f32)])
case("qlinear_conv_13", 13, [1, 2, 4, 4],
     [n("QuantizeLinear", ["x", "xs", "xz"], ["q"]),
      n("QLinearConv", ["q", "xs", "xz", "w", "ws", "wz", "ys", "yz", "b"], ["c"], pads=[1, 0, 1, 0], name="conv"),
      n("DequantizeLinear", ["c", "ys", "yz"], ["y"])], ["y"],
     [const("xs", 0.017, f32), const("xz", 120, u8), const("w", [[[[1, -2]], [[3, 4]]], [[[-5, 6]], [[7, 8]]], [[[0, 9]], [[-9, 1]]]], i8),
      const("ws", [0.1, 0.03, 0.07], f32), const("wz", [0, 0, 0], i8), const("ys", 0.0231, f32), const("yz", 128, u8),
      const("b", [10, -20, 30], i32)])
case("qlinear_matmul_13", 13, [2, 3],
     [n("QuantizeLinear", ["x", "xs", "xz"], ["q"]), n("QLinearMatMul", ["q", "xs", "xz", "w", "ws", "wz", "ys", "yz"], ["c"]),
      n("DequantizeLinear", ["c", "ys", "yz"], ["y"])], ["y"],
     [const("xs", 0.017, f32), const("xz", 120, u8), const("w", [[1, -2, 3, 4], [5, 6, -7, 8], [9, 1, 2, 3]], i8),
      const("ws", [0.1, 0.03, 0.07, 0.2], f32), const("wz", [0, 0, 0, 0], i8), const("ys", 0.0871, f32), const("yz", 128, u8)])


def microsoft(op_type, inputs, output, **attrs):
    return n(op_type, inputs, [output], domain="com.microsoft", **attrs)


case("qlinear_elements", 17, [1, 2, 3, 4],
     [microsoft("QuantizeLinear", ["x", "xs", "xz"], "q"), microsoft("QLinearSigmoid", ["q", "xs", "xz", "ss", "sz"], "a"),
      microsoft("QLinearMul", ["q", "xs", "xz", "a", "ss", "sz", "xs", "xz"], "m"),
      microsoft("QLinearAdd", ["m", "xs", "xz", "q", "xs", "xz", "ys", "yz"], "s"),
      microsoft("QLinearLeakyRelu", ["s", "ys", "yz", "ys", "yz"], "l", alpha=0.25),
      microsoft("DequantizeLinear", ["l", "ys", "yz"], "y")], ["y"],
     [const("xs", 0.017, f32), const("xz", 120, u8), const("ss", 0.0041, f32), const("sz", 0, u8), const("ys", 0.0293, f32), const("yz", 90, u8)],
     imports=[MICROSOFT])
case("qlinear_windows", 17, [1, 2, 4, 4],
     [n("QuantizeLinear", ["x", "xs", "xz"], ["q"]),
      microsoft("QLinearAveragePool", ["q", "xs", "xz", "ys", "yz"], "p", kernel_shape=[3, 2], strides=[1, 2]),
      microsoft("QLinearGlobalAveragePool", ["q", "xs", "xz", "ys", "yz"], "g", channels_last=0),
      microsoft("QLinearConcat", ["ys", "yz", "p", "ys", "yz", "p", "xs", "xz"], "c", axis=1),
      n("DequantizeLinear", ["c", "ys", "yz"], ["y"]), n("DequantizeLinear", ["g", "ys", "yz"], ["z"])], ["y", "z"],
     [const("xs", 0.017, f32), const("xz", 120, u8), const("ys", 0.0137, f32), const("yz", 128, u8)], imports=[MICROSOFT])
case("qlinear_gemm", 17, [2, 3],
     [n("QuantizeLinear", ["x", "xs", "xz"], ["q"]),
      microsoft("QGemm", ["q", "xs", "xz", "w", "ws", "wz", "b", "ys", "yz"], "c", transB=1),
      microsoft("QGemm", ["q", "xs", "xz", "w", "ws", "wz"], "z", transB=1),
      n("DequantizeLinear", ["c", "ys", "yz"], ["y"])], ["y", "z"],
     [const("xs", 0.017, f32), const("xz", 120, u8), const("w", [[1, -2, 3], [4, 5, 6]], i8), const("ws", [0.1, 0.2], f32),
      const("wz", [0, 0], i8), const("b", [100, -200], i32), const("ys", 0.0271, f32), const("yz", 128, u8)], imports=[MICROSOFT])


def main():
    MODELS.mkdir(parents=True, exist_ok=True)
    lines = []
    for name, model, shape in CASES:
        data = model.SerializeToString()
        (MODELS / f"{name}.onnx").write_bytes(data)
        session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
        for output, value in zip(session.get_outputs(), session.run(None, {"x": ramp(shape)})):
            lines.append(" ".join([name, output.name, "x".join(map(str, value.shape)) or "scalar", *(f"{v:.9g}" for v in value.ravel())]))
    EXPECTED.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
