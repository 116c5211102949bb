# SPDX-License-Identifier: Apache-2.0
"""The eleven published ResNet-RS at their own resolution, batch 1 and batch 4: `weft verify --reference ref` on PoCL, and weft
next to ONNX Runtime. Prints a table; each number is the largest absolute error / largest absolute reference value.

usage: compare_published.py [all | DEPTH@SIZE ...]     (programs in $WEFT_BUILD, else build)
Without arguments the first four, a minute and a half on two cores; all take ten times as long. Models are written one at a time and
removed at once: about 2 GB of disk at most.
"""
import json
import os
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "common"))
from oracle import TOLERANCE, Checks, Oracle, compile_onnx, normal, program, relative_error, run_package, write_resnet_rs

MODELS = ["50@160", "101@160", "101@192", "152@192", "152@224", "152@256", "200@256", "270@256", "350@256", "350@320", "420@320"]
QUICK = 4  # the first ones of the list
BATCHES = (1, 4)
ROW = "# {:>8} {:>5} {:>6} {:>6}   {:>11} {:>11} {:>11}   {:>6}"


def measure(folder, depth, size):
    """Of each batch: batch, nodes, steps, error of the outputs and of the worst step against ref, error against ONNX Runtime, seconds."""
    model, package = os.path.join(folder, "model.onnx"), os.path.join(folder, "model.weft")
    write_resnet_rs(model, "--depth", depth, "--size", size, "--seed", 7, "--dynamic-batch")
    report = compile_onnx(model, package, "--shape", "input=" + ",".join(f"{batch}x3x{size}x{size}" for batch in BATCHES))
    oracle = Oracle(model)
    os.remove(model)
    for schedule, batch in enumerate(BATCHES):
        start = time.monotonic()
        x = {"input": normal((batch, 3, size, size))}
        to_oracle = relative_error(run_package(package, x, ["output"])[0], oracle.run(x)[0])
        how = ("--reference", "ref", "--schedule", schedule, "--json", "-q")
        verdict = json.loads(program("weft", "verify", package, *how, accept=(0, 1)))
        outputs = max(value["relative"] for value in verdict["values"] if value["step"] is None)
        steps = report["schedules"][schedule]["steps"]
        seconds = time.monotonic() - start
        yield batch, report["source_nodes"], steps, outputs, verdict["tolerance_needed"], to_oracle, seconds


def check(checks, name):
    depth, size = name.split("@")
    with tempfile.TemporaryDirectory() as folder:
        for batch, nodes, steps, outputs, worst, to_oracle, seconds in measure(folder, int(depth), int(size)):
            numbers = [f"{outputs:.1e}", f"{worst:.1e}", f"{to_oracle:.1e}", f"{seconds:.0f}"]
            print(ROW.format(name, batch, nodes, steps, *numbers), flush=True)
            what = f"resnet-rs {name} batch {batch}"
            checks.expect(worst <= TOLERANCE, f"{what}: every step within {TOLERANCE:.0e} of ref, worst {worst:.1e}")
            checks.expect(to_oracle <= TOLERANCE, f"{what}: {to_oracle:.1e} of {TOLERANCE:.0e} from ONNX Runtime")


def main():
    wanted = sys.argv[1:] or MODELS[:QUICK]
    if wanted == ["all"]:
        wanted = MODELS
    unknown = set(wanted) - set(MODELS)
    if unknown:
        print(f"no such model: {', '.join(sorted(unknown))}; there are {', '.join(MODELS)}", file=sys.stderr)
        return 2
    checks = Checks()
    print(ROW.format("model", "batch", "nodes", "steps", "output/ref", "worst step", "onnxruntime", "s"))
    for name in wanted:
        checks.guard(f"resnet-rs {name}", check, checks, name)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
