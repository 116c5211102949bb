# SPDX-License-Identifier: Apache-2.0
"""ViT-ResNAS and ResFormer from weft-model through compile and run on PoCL and on the reference backend, next to ONNX Runtime and to
numpy's own forward pass: both exporter forms, operator sets, three ways to write attention, batches, every CPU target, and with no
optional pass.

usage: compare_transformers.py     (programs in $WEFT_BUILD, else build)
Speaks TAP. The published networks at their full sizes are in large/compare_transformers.py.
"""
import os
import sys
import tempfile

import onnx
from onnx import numpy_helper

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "common"))
import forward_pass
from oracle import Checks, Oracle, compare, compile_onnx, normal, program, run_package

# Two float32 evaluations of these networks differ by about 1e-6; another epsilon of the normalisations makes 3e-5.
TOLERANCE = 1e-5

# Head sizes and counts that no published network has, among them odd ones.
STAGES = [(48, 16, [(3, 96), (2, 64)]), (80, 24, [(3, 160)]), (97, 7, [(5, 128), (1, 33)])]
SEARCHED = ["--config", forward_pass.notation(STAGES, 37), "--size", 112]

# family, options, batch, way to write the file
CASES = [
    ("resformer", ["--variant", "tiny", "--size", 96], 1, ""),
    ("resformer", ["--variant", "tiny", "--size", 64], 2, "--form dynamo"),
    ("resformer", ["--variant", "tiny", "--size", 48], 1, "--opset 13"),
    ("resformer", ["--variant", "tiny", "--size", 64], 1, "--attention sdpa"),
    ("resformer", ["--variant", "small", "--size", 80], 1, "--form dynamo --opset 18 --attention sdpa"),
    ("resformer", ["--variant", "tiny", "--size", 64], 1, "--form dynamo --attention operator"),
    ("vit-resnas", ["--variant", "tiny", "--size", 56], 1, "--form dynamo"),
    ("vit-resnas", ["--variant", "res-tiny", "--size", 112], 1, "--fold-bn"),
    ("vit-resnas", SEARCHED, 3, ""),
    ("vit-resnas", SEARCHED, 1, "--opset 13 --fold-bn"),
    ("vit-resnas", SEARCHED, 1, "--attention operator"),
    ("vit-resnas", SEARCHED, 2, "--form dynamo --attention sdpa"),
]


def write(folder, family, *options):
    path = os.path.join(folder, "model.onnx")
    program("weft-model", family, *options, "-o", path)
    return path


def run_case(checks, folder, family, options, batch, how):
    size, name = options[-1], "searched" if options is SEARCHED else options[1]
    what = f"{family}-{name} @ {size} batch {batch} {how}".rstrip()
    model, package = write(folder, family, *options, "--batch", batch, "--seed", 7, *how.split()), os.path.join(folder, "model.weft")
    x = {"input": normal((batch, 3, size, size))}
    expected = Oracle(model).run(x)
    report = compile_onnx(model, package)
    print(f"# {what}: {report['source_nodes']} nodes in {report['schedules'][0]['steps']} steps")
    for backend in ("opencl", "ref"):
        found = run_package(package, x, ["output"], "--backend", backend)
        compare(checks, f"{what}, {backend}", found, expected, TOLERANCE)


def run_forward(checks, folder, family, options, forward):
    """Next to numpy, which was written from the architecture's description and knows no ONNX."""
    size = options[-1]
    model, package = write(folder, family, *options, "--seed", 5), os.path.join(folder, "model.weft")
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(model).graph.initializer}
    x = normal((1, 3, size, size), seed=3)
    compile_onnx(model, package)
    found = run_package(package, {"input": x}, ["output"])
    compare(checks, f"{family} @ {size} next to numpy", found, [forward(weights, x)], TOLERANCE)


def run_ways(checks, folder, family, options):
    """One small model, compiled and run in every way there is."""
    size, package = options[-1], os.path.join(folder, "model.weft")
    model = write(folder, family, *options, "--seed", 3, "--dynamic-batch")
    oracle = Oracle(model)
    inputs = {batch: {"input": normal((batch, 3, size, size), seed=batch)} for batch in (1, 3)}
    expected = {batch: oracle.run(x) for batch, x in inputs.items()}
    for how in ("--target cpu-generic", "--target cpu-avx2", "--target cpu-avx512", "--threads 1", "-O0"):
        compile_onnx(model, package, *how.split())
        compare(checks, f"{family} @ {size} {how}", run_package(package, inputs[1], ["output"]), expected[1], TOLERANCE)
    compile_onnx(model, package, "--shape", f"input=1x3x{size}x{size},3x3x{size}x{size}")
    for batch, x in inputs.items():
        for backend in ("opencl", "ref"):
            found = run_package(package, x, ["output"], "--backend", backend)
            compare(checks, f"{family} @ {size} schedule of batch {batch} on {backend}", found, expected[batch], TOLERANCE)


def main():
    checks = Checks()
    small = {"resformer": ["--variant", "tiny", "--size", 64], "vit-resnas": SEARCHED}
    forward = {"resformer": lambda w, x: forward_pass.resformer(w, x, forward_pass.HEADS["tiny"]),
               "vit-resnas": lambda w, x: forward_pass.resnas(w, x, STAGES)}
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            checks.guard(f"{case[0]} {case[3]}", run_case, checks, folder, *case)
    for family, options in small.items():
        with tempfile.TemporaryDirectory() as folder:
            checks.guard(f"{family} next to numpy", run_forward, checks, folder, family, options, forward[family])
        with tempfile.TemporaryDirectory() as folder:
            checks.guard(family, run_ways, checks, folder, family, options)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
