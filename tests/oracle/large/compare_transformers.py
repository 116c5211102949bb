# SPDX-License-Identifier: Apache-2.0
"""Every published ViT-ResNAS and ResFormer at its own resolutions: `weft verify --reference ref` on PoCL, and weft next to ONNX
Runtime. Prints a table; each number is the largest absolute error / largest absolute reference value.

usage: compare_transformers.py [all | FAMILY | FAMILY-VARIANT | FAMILY-VARIANT@SIZE ...]     (programs in $WEFT_BUILD, else build)
Without arguments all. Models are written one at a time and removed at once: about 1.5 GB of disk at most.
"""
import json
import os
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from oracle import Checks, Oracle, compile_onnx, normal, program, relative_error, run_package

# Two float32 evaluations of these networks differ by about 1e-6; another epsilon of the normalisations makes 3e-5.
TOLERANCE = 1e-5

# Every second model is in the form of the torch.export based exporter.
FORMS = ("torchscript", "dynamo")
ROW = "# {:<24} {:<11} {:>6} {:>6}   {:>11} {:>11} {:>11}   {:>6}"


def published():
    """Names of all members that weft-model lists."""
    members = json.loads(program("weft-model", "list", "--json"))["models"]
    return [f"{m['family']}-{m['variant']}@{m['size']}" for m in members if m["family"] in ("resformer", "vit-resnas")]


def check(checks, name, form):
    member, size = name.split("@")
    family = next(f for f in ("resformer", "vit-resnas") if member.startswith(f))
    with tempfile.TemporaryDirectory() as folder:
        model, package = os.path.join(folder, "model.onnx"), os.path.join(folder, "model.weft")
        start = time.monotonic()
        program("weft-model", family, "--variant", member[len(family) + 1:], "--size", size, "--form", form, "--seed", 7, "-o", model)
        report = compile_onnx(model, package)
        x = {"input": normal((1, 3, int(size), int(size)))}
        expected = Oracle(model).run(x)[0]
        os.remove(model)
        to_oracle = relative_error(run_package(package, x, ["output"])[0], expected)
        verdict = json.loads(program("weft", "verify", package, "--reference", "ref", "--json", "-q", accept=(0, 1)))
        outputs = max(value["relative"] for value in verdict["values"] if value["step"] is None)
        worst, steps = verdict["tolerance_needed"], report["schedules"][0]["steps"]
        numbers = [f"{outputs:.1e}", f"{worst:.1e}", f"{to_oracle:.1e}", f"{time.monotonic() - start:.0f}"]
        print(ROW.format(name, form, report["source_nodes"], steps, *numbers), flush=True)
        checks.expect(worst <= TOLERANCE, f"{name}: every step within {TOLERANCE:.0e} of ref, worst {worst:.1e}")
        checks.expect(to_oracle <= TOLERANCE, f"{name}: {to_oracle:.1e} of {TOLERANCE:.0e} from ONNX Runtime")


def main():
    members = published()
    wanted = []
    for word in sys.argv[1:] or ["all"]:
        found = [name for name in members if word in ("all", name) or name.startswith((word + "-", word + "@"))]
        if not found:
            print(f"no such model: {word}; there are {', '.join(members)}", file=sys.stderr)
            return 2
        wanted += found
    checks = Checks()
    print(ROW.format("model", "form", "nodes", "steps", "output/ref", "worst step", "onnxruntime", "s"))
    for i, name in enumerate(wanted):
        checks.guard(name, check, checks, name, FORMS[i % len(FORMS)])
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
