# SPDX-License-Identifier: Apache-2.0
"""Quantised models with parameters that no quantiser writes: weft check and weft compile name each with one error of its own, end with
its exit code, and leave nothing behind.

usage: hostile_qdq.py     (programs in $WEFT_BUILD, else build)
Speaks TAP.
"""
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "common"))
import oracle
from oracle import Checks

INVALID, UNSUPPORTED = 3, 4
SCALE, ZERO_POINT, COUNT, AXIS, NOT_CONSTANT, FORM = ("E0214", "E0215", "E0216", "E0217", "E0218", "E0219")
DENORMAL = np.float32(1e-42)
CHANNELS = 4


def f32(*values):
    return np.array(values if len(values) != 1 else values[0], np.float32)


def model(case):
    """x -> Q -> DQ -> Conv(DQ of weights) -> Q -> DQ -> y, with parts of it replaced by what `case` says."""
    parts = {"x_scale": f32(0.02), "x_zero": np.uint8(128), "w": np.ones((CHANNELS, 3, 1, 1), np.int8), "w_scale": f32(*[0.01] * CHANNELS),
             "w_zero": np.zeros(CHANNELS, np.int8), "y_scale": f32(0.05), "y_zero": np.uint8(3)}
    parts |= {name: values for name, values in case.items() if name in parts}
    constants = [numpy_helper.from_array(np.asarray(values), name) for name, values in parts.items() if values is not None]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 5, 5])]
    for name in ("x_scale", "w_scale", "x_zero"):
        if parts[name] is None:
            dtype = TensorProto.UINT8 if name == "x_zero" else TensorProto.FLOAT
            inputs.append(helper.make_tensor_value_info(name, dtype, [CHANNELS] if name == "w_scale" else []))
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "x_scale", "x_zero"], ["xq"], "quantize_x", **case.get("x_attributes", {})),
        helper.make_node("DequantizeLinear", ["xq", "x_scale", "x_zero"], ["xd"], "dequantize_x", **case.get("x_attributes", {})),
        helper.make_node("DequantizeLinear", ["w", "w_scale", "w_zero"], ["wd"], "dequantize_w", **({"axis": 0} | case.get("w_attributes", {}))),
        helper.make_node("Conv", ["xd", "wd"], ["c"], "conv"),
        helper.make_node("QuantizeLinear", ["c", "y_scale", "y_zero"], ["yq"], "quantize_y"),
        helper.make_node("DequantizeLinear", ["yq", "y_scale", "y_zero"], ["y"], "dequantize_y")]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, CHANNELS, 5, 5])]
    graph = helper.make_graph(nodes, "hostile", inputs, outputs, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", case.get("opset", 17))], ir_version=8)


# What is wrong, the id, the exit code, a word of the message.
CASES = [
    ("x's scale is zero", {"x_scale": f32(0)}, SCALE, INVALID, "zero"),
    ("x's scale is minus zero", {"x_scale": f32(-0.0)}, SCALE, INVALID, "zero"),
    ("x's scale is denormal", {"x_scale": f32(DENORMAL)}, SCALE, INVALID, "denormal"),
    ("x's scale is negative", {"x_scale": f32(-0.5)}, SCALE, INVALID, "negative"),
    ("x's scale is infinite", {"x_scale": f32(np.inf)}, SCALE, INVALID, "infinite"),
    ("x's scale is not a number", {"x_scale": f32(np.nan)}, SCALE, INVALID, "not a number"),
    ("y's scale is not a number", {"y_scale": f32(np.nan)}, SCALE, INVALID, "not a number"),
    ("one weight scale is zero", {"w_scale": f32(0.01, 0, 0.01, 0.01)}, SCALE, INVALID, "index 1"),
    ("the last weight scale is not a number", {"w_scale": f32(0.01, 0.01, 0.01, np.nan)}, SCALE, INVALID, "index 3"),
    ("one weight scale is infinite", {"w_scale": f32(0.01, 0.01, np.inf, 0.01)}, SCALE, INVALID, "index 2"),
    ("x's zero point has another type than its codes", {"x_zero": np.int16(3)}, FORM, UNSUPPORTED, "i16"),
    ("the weights' zero points have another type than the weights", {"w_zero": np.zeros(CHANNELS, np.uint8)}, ZERO_POINT, INVALID, "u8"),
    ("s32 weights have a zero point", {"w": np.ones((CHANNELS, 3, 1, 1), np.int32), "w_zero": np.full(CHANNELS, 9, np.int32)},
     ZERO_POINT, INVALID, "9"),
    ("the axis is beyond the rank", {"w_attributes": {"axis": 4}}, AXIS, INVALID, "axis=4"),
    ("the axis is below minus the rank", {"w_attributes": {"axis": -5}}, AXIS, INVALID, "axis=-5"),
    ("the axis has another length", {"w_attributes": {"axis": 1}}, COUNT, INVALID, "4"),
    ("a scale too few", {"w_scale": f32(0.01, 0.01, 0.01), "w_zero": np.zeros(3, np.int8)}, COUNT, INVALID, "3"),
    ("a scale too many", {"w_scale": f32(*[0.01] * 5), "w_zero": np.zeros(5, np.int8)}, COUNT, INVALID, "5"),
    ("more scales than zero points", {"w_zero": np.zeros(2, np.int8)}, COUNT, INVALID, "2"),
    ("no scale at all", {"w_scale": np.zeros(0, np.float32), "w_zero": np.zeros(0, np.int8)}, COUNT, INVALID, "0"),
    ("x's scale is an input of the model", {"x_scale": None}, NOT_CONSTANT, UNSUPPORTED, "input"),
    ("the weights' scales are an input of the model", {"w_scale": None}, NOT_CONSTANT, UNSUPPORTED, "input"),
    ("x's zero point is an input of the model", {"x_zero": None}, NOT_CONSTANT, UNSUPPORTED, "input"),
]


def run(command, *arguments):
    return subprocess.run([os.path.join(oracle.BUILD, "weft"), command, *arguments], capture_output=True, text=True)


def check_case(checks, folder, what, case, error, code, word):
    path, package = os.path.join(folder, "hostile.onnx"), os.path.join(folder, "hostile.weft")
    onnx.save(model(case), path)
    done = run("check", path, "--json")
    errors = [entry for entry in json.loads(done.stdout)["diagnostics"] if entry["severity"] == "error"]
    ids = sorted({entry["id"] for entry in errors})
    text = json.dumps(errors)
    checks.expect(done.returncode == code and ids == [error] and word in text,
                  f"{what}: {', '.join(ids)} with exit code {done.returncode}" + ("" if word in text else f", but not the word {word}: {text}"))
    per_node = {entry.get("nodes") for entry in errors}
    checks.expect(len(per_node) == len(errors), f"{what}: one error for each node it is wrong for ({len(errors)})")
    done = run("compile", path, "-o", package)
    left = sorted(set(os.listdir(folder)) - {"hostile.onnx"})
    checks.expect(done.returncode == code and error in done.stderr and not done.stdout and not left,
                  f"{what}: compile ends with exit code {done.returncode} and leaves {', '.join(left) or 'nothing'}")


def main():
    checks = Checks()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "hostile.onnx")
        onnx.save(model({}), path)
        checks.expect(run("check", path).returncode == 0, "the model that the cases start from is accepted")
        for case in CASES:
            checks.guard(case[0], check_case, checks, folder, *case)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
