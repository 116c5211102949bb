# SPDX-License-Identifier: Apache-2.0
"""ResNet-RS from weft-model through compile and run on PoCL, next to ONNX Runtime: published and odd sizes, batches, operator
sets, both exporter forms, folded and not, every CPU target, the reference backend, and with no optional pass.

usage: compare_resnet_rs.py     (programs in $WEFT_BUILD, else build)
Speaks TAP. The published models at their full sizes are in compare_published.py.
"""
import os
import sys
import tempfile

import onnx

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "common"))
from oracle import Checks, Oracle, compare, compile_onnx, normal, products, run_package, write_resnet_rs

# depth, size, batch, classes, operator set, then what else the model writer is told.
CASES = [
    (50, 160, 1, 1000, 17, "--form torchscript"),
    (50, 160, 4, 1000, 18, "--form dynamo"),
    (50, 64, 1, 1001, 13, "--form torchscript --fold-bn"),
    (50, 47, 2, 7, 14, "--form torchscript"),
    (50, 97, 1, 10, 21, "--form dynamo --fold-bn"),
    (50, 32, 3, 11, 20, "--form dynamo"),
    (101, 96, 1, 1000, 15, "--form torchscript --fold-bn"),
    (152, 64, 2, 100, 16, "--form dynamo --fold-bn"),
    (200, 64, 1, 1000, 19, "--form torchscript"),
    (270, 64, 1, 1000, 17, "--form dynamo"),
]

# Beyond one step per convolution and linear layer.
MORE_STEPS = 3


def run_case(checks, folder, depth, size, batch, classes, opset, more):
    what = f"resnet-rs-{depth} @ {size} batch {batch} classes {classes} opset {opset} {more}"
    model, package = os.path.join(folder, "model.onnx"), os.path.join(folder, "model.weft")
    write_resnet_rs(model, "--depth", depth, "--size", size, "--batch", batch, "--classes", classes, "--opset", opset, "--seed", 7,
                    *more.split())
    limit = products(onnx.load(model)) + MORE_STEPS
    report = compile_onnx(model, package)
    steps = report["schedules"][0]["steps"]
    checks.expect(steps <= limit, f"{what}: {report['source_nodes']} nodes in {steps} steps of at most {limit}")
    x = {"input": normal((batch, 3, size, size))}
    compare(checks, what, run_package(package, x, ["output"]), Oracle(model).run(x))


def run_ways(checks, folder):
    """One small model, compiled and run in every way there is."""
    model, package = os.path.join(folder, "model.onnx"), os.path.join(folder, "model.weft")
    write_resnet_rs(model, "--depth", 50, "--size", 64, "--seed", 3, "--dynamic-batch")
    oracle = Oracle(model)
    inputs = {batch: {"input": normal((batch, 3, 64, 64), seed=batch)} for batch in (1, 4)}
    expected = {batch: oracle.run(x) for batch, x in inputs.items()}
    for how in ("--target cpu-generic", "--target cpu-avx2", "--target cpu-avx512", "--threads 1", "-O0"):
        compile_onnx(model, package, *how.split())
        found = run_package(package, inputs[1], ["output"])
        compare(checks, f"resnet-rs-50 @ 64 {how}", found, expected[1])
        found = run_package(package, inputs[1], ["output"], "--backend", "ref")
        compare(checks, f"resnet-rs-50 @ 64 {how} --backend ref", found, expected[1])
    compile_onnx(model, package, "--shape", "input=1x3x64x64,4x3x64x64")
    for batch, x in inputs.items():
        for how in ("opencl", "ref"):
            found = run_package(package, x, ["output"], "--backend", how)
            compare(checks, f"resnet-rs-50 @ 64 schedule of batch {batch} on {how}", found, expected[batch])


def main():
    checks = Checks()
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            checks.guard(f"resnet-rs {case}", run_case, checks, folder, *case)
    with tempfile.TemporaryDirectory() as folder:
        checks.guard("resnet-rs-50 @ 64", run_ways, checks, folder)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
