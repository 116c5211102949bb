# SPDX-License-Identifier: Apache-2.0
"""weft quantize next to ONNX Runtime's quantize_static on ResNet-RS-50 at 160 x 160 with seeded weights: 64 seeded normal images to
calibrate with, 64 others to compare on.

usage: large/compare_quantize.py     (programs in $WEFT_BUILD, else build)
Speaks TAP.
"""
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from oracle import Checks, normal, write_resnet_rs
from quantise_snr import compare_methods

SIZE, COUNT = 160, 64


def main():
    checks = Checks()
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "float.onnx")
        write_resnet_rs(source, "--depth", 50, "--size", SIZE, "--seed", 7)
        data = [[normal((1, 3, SIZE, SIZE), seed=seed + 1000 * part) for seed in range(COUNT)] for part in range(2)]
        checks.guard("resnet-rs", compare_methods, checks, f"resnet-rs-50 @ {SIZE}", folder, source, *data)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
