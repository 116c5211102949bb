# SPDX-License-Identifier: Apache-2.0
"""weft quantize next to ONNX Runtime's quantize_static: the signal-to-noise ratio at the output, of both files in ONNX Runtime on the same
images, against the float model.

Two sessions of ONNX Runtime count. `exact` computes what the file says: QuantizeLinear and DequantizeLinear in f32, without fusions.
`default` fuses, and on CPUs without 8-bit dot products its kernels add products in pairs of 16 bits, which saturate.
Knows the program by its command line and files only.
"""
import json
import os

import numpy as np
import onnx
import onnxruntime

from make_qdq import METHODS, input_of, quantise
from oracle import program, relative_error, run_package

SESSIONS = ("exact", "default")


def session_of(path, kind):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if kind == "exact":
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def outputs_of(path, kind, name, images):
    session = session_of(path, kind)
    return np.concatenate([session.run(None, {name: image})[0] for image in images]).astype(np.float64)


def ratio_db(signal, found):
    return 10 * np.log10(np.square(signal).sum() / np.square(signal - found).sum())


def weft_quantise(source, target, data, *options):
    """The answer of weft quantize --json."""
    return json.loads(program("weft", "quantize", source, "--data", data, "-o", target, "--json", "-q", *options))


def compare_methods(checks, what, folder, source, calibration, evaluation, activations=("u8", "s8"), methods=tuple(METHODS)):
    """By default settings ours is no worse than the best that ONNX Runtime's methods give, in either session."""
    name, _ = input_of(onnx.load(source))
    data, target = os.path.join(folder, "calibration.npy"), os.path.join(folder, "quantised.onnx")
    np.save(data, np.concatenate(calibration))
    signal = outputs_of(source, "exact", name, evaluation)
    best = {}
    for activation in activations:
        for method in methods:
            quantise(source, target, activation=activation, method=method, data=calibration)
            for kind in SESSIONS:
                ratio = ratio_db(signal, outputs_of(target, kind, name, evaluation))
                print(f"# {what}: quantize_static {method} {activation}, {kind}: {ratio:.2f} dB", flush=True)
                best[kind] = max(best.get(kind, (-np.inf, "")), (ratio, f"{method} {activation}"))
    for activation in activations:
        weft_quantise(source, target, data, "--activations", activation, "--measure", 0)
        onnx.checker.check_model(target, full_check=True)
        for kind in SESSIONS:
            ratio = ratio_db(signal, outputs_of(target, kind, name, evaluation))
            checks.expect(ratio >= best[kind][0],
                          f"{what}: weft quantize {activation}, {kind}: {ratio:.2f} dB, ONNX Runtime's best {best[kind][0]:.2f} dB ({best[kind][1]})")


def compare_options(checks, what, folder, source, calibration, evaluation, least_db):
    """Every method and option gives a model that ONNX Runtime and weft run alike, at least so near the float one."""
    name, _ = input_of(onnx.load(source))
    data, target, package = (os.path.join(folder, file) for file in ("calibration.npy", "quantised.onnx", "quantised.weft"))
    np.save(data, np.concatenate(calibration))
    signal = outputs_of(source, "exact", name, evaluation)
    for options in (["--method", "minmax"], ["--method", "entropy"], ["--method", "percentile"], ["--per-tensor"], ["--equalize", "off"],
                    ["--bias-correction", "off"], ["--pair-limit", "128"], ["--pair-limit", "254"], ["--activations", "s8"]):
        weft_quantise(source, target, data, "--measure", 0, *options)
        found = outputs_of(target, "exact", name, evaluation)
        program("weft", "compile", target, "-o", package, "-q")
        ours = np.concatenate([run_package(package, {name: image}, [onnx.load(target).graph.output[0].name])[0] for image in evaluation[:2]])
        ratio, apart = ratio_db(signal, found), relative_error(ours, found[:len(ours)])
        # rare roundings differ (docs/integers.md): a few steps of the 255 of the output
        checks.expect(ratio >= least_db and apart <= 0.03, f"{what} {' '.join(options)}: {ratio:.2f} dB; weft and ONNX Runtime differ by {apart:.1e}")
