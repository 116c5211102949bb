# SPDX-License-Identifier: Apache-2.0
"""Shared by the comparisons with ONNX Runtime: TAP, the two programs, the oracle, and the measure of difference.

Knows the programs by their command lines and files only.
"""
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import onnxruntime

BUILD = os.path.abspath(os.environ.get("WEFT_BUILD", "build"))

# Largest absolute error / largest absolute reference value. Two float32 evaluations in different order differ by about 2^-24 per
# operation, amplified by some hundred layers and by the transforms of Winograd's algorithm; a wrong term changes more than 1e-2.
TOLERANCE = 1e-4


class ProgramError(Exception):
    """A program of ours ended with an exit code that was not accepted; the text is what it said."""


class Checks:
    """Numbers and prints results; the exit code of a script is that of finish()."""

    def __init__(self):
        self.count = self.failed = 0

    def expect(self, holds, what):
        self.count += 1
        self.failed += not holds
        print(f"{'ok' if holds else 'not ok'} {self.count} - {what}", flush=True)

    def skip(self, what, missing):
        self.count += 1
        print(f"ok {self.count} - {what} # SKIP {missing}", flush=True)

    def guard(self, what, function, *arguments):
        """Runs one case; whatever goes wrong in it is its failure, not the script's end."""
        try:
            return function(*arguments)
        except Exception as error:  # the oracle's own complaints are results too
            print("# " + f"{type(error).__name__}: {error}".replace("\n", "\n# "))
            self.expect(False, what + ": ends without an error")
            return None

    def finish(self):
        print(f"1..{self.count}")
        return 1 if self.failed or not self.count else 0


def program(name, *arguments, accept=(0,)):
    """Standard output of build/NAME, which must end with one of the accepted exit codes."""
    command = [os.path.join(BUILD, name), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode not in accept:
        raise ProgramError(f"{' '.join(command)}\nexit {done.returncode}\n{done.stderr.strip()}")
    return done.stdout


def write_resnet_rs(path, *options):
    program("weft-model", "resnet-rs", *options, "-o", path)
    return path


def compile_onnx(model, package, *options):
    """The report of weft compile --json."""
    return json.loads(program("weft", "compile", model, "-o", package, "--json", "-q", *options))


def run_package(package, inputs, outputs, *options):
    """Values of the named outputs for a dictionary of arrays."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = []
        for i, (name, value) in enumerate(inputs.items()):
            path = os.path.join(folder, f"in{i}.npy")
            np.save(path, value)
            arguments += ["--input", f"{name}=@{path}"]
        paths = [os.path.join(folder, f"out{i}.npy") for i in range(len(outputs))]
        for name, path in zip(outputs, paths):
            arguments += ["--output", f"{name}=@{path}"]
        program("weft", "run", package, "-q", *arguments, *options)
        return [np.load(path) for path in paths]


class Oracle:
    """ONNX Runtime with its default optimisations on one model file."""

    def __init__(self, model):
        self.session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        self.inputs = self.session.get_inputs()
        self.outputs = [output.name for output in self.session.get_outputs()]

    def run(self, inputs):
        return self.session.run(self.outputs, inputs)


def normal(shape, seed=1):
    """A seeded input: independent normal pixels."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def relative_error(found, expected):
    """Infinite when shapes differ or one side is not finite where the other is."""
    if found.shape != expected.shape or not np.isfinite(found).all() or not np.isfinite(expected).all():
        return float("inf")
    largest = np.abs(expected).max(initial=0.0)
    return float(np.abs(found - expected).max(initial=0.0) / largest) if largest > 0 else float("inf")


def compare(checks, what, found, expected, tolerance=TOLERANCE):
    """One result per output. All-zero references prove nothing and fail."""
    worst = 0.0
    for i, (one, other) in enumerate(zip(found, expected, strict=True)):
        error = relative_error(one, other)
        worst = max(worst, error)
        which = f" output {i}" if len(expected) > 1 else ""
        shape = "x".join(map(str, other.shape))
        if one.shape != other.shape:
            which += f" has shape {'x'.join(map(str, one.shape))}"
        checks.expect(error <= tolerance, f"{what}:{which} {shape} differs by {error:.1e} of {tolerance:.0e}")
    return worst


def products(model):
    """Convolutions and linear layers of a loaded model: what a fused schedule has one step for."""
    return sum(node.op_type in ("Conv", "Gemm", "MatMul") for node in model.graph.node)


def summary(model):
    """ "88 Conv, 1 Gemm" of a loaded model."""
    kinds = [node.op_type for node in model.graph.node]
    return ", ".join(f"{kinds.count(kind)} {kind}" for kind in sorted(set(kinds)))


if __name__ == "__main__":
    sys.exit("a module, not a program")
