# SPDX-License-Identifier: Apache-2.0
"""weft quantize next to ONNX Runtime's quantize_static on small networks: signal-to-noise ratios at the output, all options.

usage: compare_quantize.py     (programs in $WEFT_BUILD, else build)
Speaks TAP. ResNet-RS-50 at 160 x 160 is in large/compare_quantize.py.
"""
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "common"))
from make_qdq import NETWORKS, images, input_of
from oracle import Checks, normal, write_resnet_rs
from quantise_snr import compare_methods, compare_options

import onnx

# Eight bits through a dozen layers, one scale for all channels included; a wrong scale or zero point leaves less than 5 dB.
LEAST_DB = 12


def run_network(checks, folder, name):
    source = os.path.join(folder, "float.onnx")
    NETWORKS[name]().save(source)
    shape = input_of(onnx.load(source))[1]
    compare_options(checks, name, folder, source, list(images(shape, 16, seed=1)), list(images(shape, 16, seed=2)), LEAST_DB)


def run_resnet_rs(checks, folder):
    source = os.path.join(folder, "float.onnx")
    write_resnet_rs(source, "--depth", 50, "--size", 64, "--seed", 7)
    data = [[normal((1, 3, 64, 64), seed=seed + 1000 * part) for seed in range(16)] for part in range(2)]
    compare_methods(checks, "resnet-rs-50 @ 64", folder, source, *data, activations=("u8",))


def main():
    checks = Checks()
    for name in NETWORKS:
        with tempfile.TemporaryDirectory() as folder:
            checks.guard(name, run_network, checks, folder, name)
    with tempfile.TemporaryDirectory() as folder:
        checks.guard("resnet-rs", run_resnet_rs, checks, folder)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
