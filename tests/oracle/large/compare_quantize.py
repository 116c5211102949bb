# SPDX-License-Identifier: Apache-2.0
"""weft quantize next to ONNX Runtime's quantize_static on networks at full size with seeded weights: seeded normal images to calibrate with,
as many others to compare on.

usage: large/compare_quantize.py [NETWORK ...]     resnet-rs, resformer, vit-resnas (programs in $WEFT_BUILD, else build)
Speaks TAP.
"""
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from oracle import Checks, normal, program
from quantise_snr import compare_methods

# What weft-model is told, images, methods of ONNX Runtime (its entropy takes an hour for a transformer).
NETWORKS = {
    "resnet-rs": (("--depth", 50, "--seed", 7), 160, 64, ("minmax", "entropy", "percentile")),
    "resformer": (("--variant", "small"), 128, 8, ("minmax", "percentile")),
    "vit-resnas": (("--variant", "tiny"), 224, 8, ("minmax", "percentile")),
}


def run(checks, name):
    options, size, count, methods = NETWORKS[name]
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "float.onnx")
        program("weft-model", name, *options, "--size", size, "-o", source)
        data = [[normal((1, 3, size, size), seed=seed + 1000 * part) for seed in range(count)] for part in range(2)]
        compare_methods(checks, f"{name} {' '.join(map(str, options))} @ {size}", folder, source, *data, methods=methods)


def main():
    checks = Checks()
    for name in sys.argv[1:] or NETWORKS:
        checks.guard(name, run, checks, name)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
