# SPDX-License-Identifier: Apache-2.0
"""Small networks at several sizes in one package, in float and in 8 bits: its size, every schedule next to ONNX Runtime and step by step next to plain C.

usage: compare_schedules.py     (programs in $WEFT_BUILD, else build)
Speaks TAP. The published networks are in large/compare_schedules.py.
"""
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "common"))
import schedules
from oracle import TOLERANCE, Checks

# name, family, options, sizes, options of weft compile
CASES = [
    ("ResFormer-Tiny", "resformer", ["--variant", "tiny"], (32, 48, 96), ()),
    ("ResNet-18", "resnet", ["--depth", 18, "--classes", 10], (160, 32, 64), ()),
    ("ResNet-18 for AVX2", "resnet", ["--depth", 18, "--classes", 10], (32, 96), ("--target", "cpu-avx2")),
]
# name, family, options, sizes, those on every executor, images of each
QUANTISED = [("ResFormer-Tiny in 8 bits", "resformer", ["--variant", "tiny"], (32, 48, 96), (48,), 8)]


def main():
    checks = Checks()
    for name, family, options, sizes, how in CASES:
        with tempfile.TemporaryDirectory() as folder:
            checks.guard(name, lambda: schedules.run(checks, folder, name, family, options, sizes, TOLERANCE, *how))
    for name, *case in QUANTISED:
        with tempfile.TemporaryDirectory() as folder:
            checks.guard(name, lambda: schedules.run_quantised(checks, folder, name, *case))
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
