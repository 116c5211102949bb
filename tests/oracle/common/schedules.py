# SPDX-License-Identifier: Apache-2.0
"""One network at several sizes in one package, next to packages of one size each and to ONNX Runtime. Shared by the small comparison
and the one with published networks."""
import json
import os

import numpy as np
from oracle import Oracle, compare, compile_onnx, normal, program, run_package
from quantised import SNR_MARGIN_DB, exact_session, plain_session, snr_db

# Tables that belong to one size, such as those of positions, come on top of what the largest size needs alone.
MOST = 1.1
# Images of each size that a quantised network is calibrated with.
CALIBRATION = 2


def megabytes(count):
    return f"{count / 1e6:.1f} MB"


def write(folder, family, options, size, *more):
    path = os.path.join(folder, f"{size}.onnx")
    program("weft-model", family, *options, "--size", size, "--seed", 7, *more, "-o", path)
    return path


def compile_all(checks, folder, what, models, sizes, *how):
    """All models in one package, whose size is compared with those of one each."""
    package, alone = os.path.join(folder, "all.weft"), os.path.join(folder, "alone.weft")
    single = [compile_onnx(model, alone, *how)["file_bytes"] for model in models]
    os.remove(alone)
    report = json.loads(program("weft", "compile", *models, "-o", package, "--json", "-q", *how))
    shapes = [schedule["inputs"][0]["shape"] for schedule in report["schedules"]]
    checks.expect(shapes == [[1, 3, size, size] for size in sizes], f"{what}: {len(sizes)} schedules in the order given")
    total, largest = report["file_bytes"], max(single)
    checks.expect(
        total <= MOST * largest,
        f"{what}: {megabytes(total)} for {len(sizes)} sizes, {total / largest:.3f} of the largest alone ({megabytes(largest)}), "
        f"{megabytes(sum(single))} in {len(sizes)} packages",
    )
    return package


def run(checks, folder, what, family, options, sizes, tolerance, *how, backends=("opencl",)):
    """how: options of weft compile."""
    models = [write(folder, family, options, size) for size in sizes]
    package = compile_all(checks, folder, what, models, sizes, *how)
    for model, size in zip(models, sizes):
        x = {"input": normal((1, 3, size, size), seed=size)}
        expected = Oracle(model).run(x)
        for backend in backends:
            found = run_package(package, x, ["output"], "--backend", backend)
            compare(checks, f"{what} @ {size} on {backend}", found, expected, tolerance)
        os.remove(model)
    answer = json.loads(program("weft", "verify", package, "--json", "-q", accept=(0, 1)))
    checks.expect(
        answer["passed"] and len(answer["schedules"]) == len(sizes),
        f"{what}: every step of every schedule verified, {answer['tolerance_needed']:.1e} of {answer['tolerance']:.0e}",
    )


def quantise(folder, models, images):
    """Every model with the statistics of all of them, so that they share their weights, biases and tables."""
    statistics, quantised = [model + ".statistics" for model in models], [model[:-5] + "_q.onnx" for model in models]
    for model, kept in zip(models, statistics):
        program("weft", "quantize", model, "-o", quantised[0], "--data", "random", "--count", images, "--measure", 0, "--resume", kept, "-q")
    for model, made in zip(models, quantised):
        program("weft", "quantize", model, "-o", made, "--statistics", ",".join(statistics), "--measure", 0, "-q")
    return quantised


def run_quantised(checks, folder, what, family, options, sizes, on_all, images=1):
    """Sizes of on_all on every executor, layer by layer; the others on the CPU's kernels and plain C. How near the float model is, with
    so many images of each size, is a matter of all together: from one to the next the ratio to ONNX Runtime's error moves by 0.8 dB (measured on 48)."""
    models = [write(folder, family, options, size) for size in sizes]
    quantised = quantise(folder, models, CALIBRATION)
    package = compile_all(checks, folder, what, quantised, sizes)
    answers = []
    for model, made, size in zip(models, quantised, sizes):
        source, oracle = plain_session(model), exact_session(made)
        for image in range(images):
            x = {"input": normal((1, 3, size, size), seed=size + 1000 * image)}
            answers.append((source.run(None, x)[0], run_package(package, x, ["output"])[0], oracle.run(None, x)[0]))
        against = "all" if size in on_all else "opencl,ref"
        report = json.loads(program("weft", "verify", package, "--against", against, "--shape", f"input=1x3x{size}x{size}", "--json", "-q", accept=(0, 1)))
        ran = ", ".join(one["backend"] for one in report["executors"])
        checks.expect(report["passed"], f"{what} @ {size}: {report['layers_equal']} layers equal, {report['layers_close']} of floats close, of {report['layers']} on {ran}")
    truth, found, expected = (np.concatenate(one) for one in zip(*answers))
    ours, theirs = snr_db(truth, found), snr_db(truth, expected)
    checks.expect(ours >= theirs - SNR_MARGIN_DB, f"{what}: {ours:.2f} dB from the float model, ONNX Runtime {theirs:.2f} dB")
