# SPDX-License-Identifier: Apache-2.0
"""One network at several sizes in one package, next to packages of one size each and to ONNX Runtime. Shared by the small comparison
and the one with published networks."""
import json
import os

from oracle import Oracle, compare, compile_onnx, normal, program, run_package

# Tables that belong to one size, such as those of positions, come on top of what the largest size needs alone.
MOST = 1.1


def megabytes(count):
    return f"{count / 1e6:.1f} MB"


def write(folder, family, options, size, *more):
    path = os.path.join(folder, f"{size}.onnx")
    program("weft-model", family, *options, "--size", size, "--seed", 7, *more, "-o", path)
    return path


def run(checks, folder, what, family, options, sizes, tolerance, *how, backends=("opencl",)):
    """how: options of weft compile."""
    package, alone = os.path.join(folder, "all.weft"), os.path.join(folder, "alone.weft")
    models = [write(folder, family, options, size) for size in sizes]
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
