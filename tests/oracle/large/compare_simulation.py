# SPDX-License-Identifier: Apache-2.0
"""Predicted cycles of three networks at full size against their simulation.

usage: large/compare_simulation.py [BOARD ...]     several without arguments (programs in $WEFT_BUILD, else build)
Speaks TAP. In the cases of BY_STEP every step is within a tenth; elsewhere the sum of all steps is (docs/estimate.md says what differs).
"""
import json
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from oracle import Checks, program

MODELS = {
    "resnet-rs-50 @ 160": ("resnet-rs", "--depth", 50, "--size", 160),
    "resnet-50 @ 224": ("resnet", "--depth", 50, "--size", 224),
    "resnet-18 @ 224": ("resnet", "--depth", 18, "--size", 224),
}
GOALS = {"throughput": (), "latency": ("--goal", "latency", "--batch", 1)}
BOARDS = ("u280", "u50", "u250", "zcu104")
BY_STEP = {(name, board, goal) for name in MODELS for board in ("u280", "u50") for goal in GOALS}
BY_STEP |= {(name, "u250", "throughput") for name in MODELS}
BY_STEP.add(("resnet-rs-50 @ 160", "u250", "latency"))
MOST = 0.1


def difference(step):
    return step["predicted_cycles"] / step["simulated_cycles"] - 1


def compare(checks, name, model, board, goal):
    what, by_step = f"{name} on {board} for {goal}", (name, board, goal) in BY_STEP
    answer = json.loads(program("weft", "estimate", model, "--board", board, "--simulate", "--json", "-q", *GOALS[goal]))
    steps = answer["estimates"][0]["simulation"]
    expected = [step for step in answer["estimates"][0]["steps"] if step["bound"] != "host"]
    worst = max(steps, key=lambda step: abs(difference(step)))
    sums = [sum(step[key] for step in steps) for key in ("predicted_cycles", "simulated_cycles")]
    holds = abs(difference(worst)) <= MOST if by_step else abs(sums[0] / sums[1] - 1) <= MOST
    checks.expect(
        holds and len(steps) == len(expected) > 0,
        f"{what}: {len(steps)} steps, all together {100 * (sums[0] / sums[1] - 1):+.1f} %, "
        f"worst {100 * difference(worst):+.1f} % ({worst['name']}); "
        + ("by step" if by_step else "in sum"),
    )


def main():
    checks = Checks()
    with tempfile.TemporaryDirectory() as folder:
        for name, options in MODELS.items():
            model = os.path.join(folder, "model.onnx")
            program("weft-model", *options, "-o", model)
            for board in sys.argv[1:] or BOARDS:
                for goal in GOALS:
                    what = f"{name} on {board} for {goal}"
                    checks.guard(what, compare, checks, name, model, board, goal)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
