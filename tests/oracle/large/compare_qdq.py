# SPDX-License-Identifier: Apache-2.0
"""ResNet-RS-50 at 160 x 160, quantised: the same bits on every executor, layer by layer, and next to ONNX Runtime on the same file.

usage: large/compare_qdq.py [ACTIVATION ...]     u8, s8; both without arguments (programs in $WEFT_BUILD, else build)
Speaks TAP. Quantised by ONNX Runtime per channel, with batch normalisation folded and not, and by weft.
"""
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
import numpy as np
from make_qdq import ACTIVATIONS, class_images, fit_head, quantise, settle
from oracle import Checks, program, write_resnet_rs
from quantised import compare_model

SIZE, CLASSES = 160, 10


def weft_quantise(source, target, activation, data, folder):
    """weft quantize, calibrated with the same images."""
    path = os.path.join(folder, "calibration.npy")
    np.save(path, np.concatenate(data))
    program("weft", "quantize", source, "--data", path, "--activations", activation, "-o", target, "-q")


def run_form(checks, what, folder, activation, data, how):
    source, model = os.path.join(folder, "float.onnx"), os.path.join(folder, "model.onnx")
    if how == "weft":
        weft_quantise(source, model, activation, data, folder)
    else:
        quantise(source, model, activation=activation, preprocess=how == "folded", data=data)
    compare_model(checks, what, model, layer_batch=1)


def main():
    checks = Checks()
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "float.onnx")
        write_resnet_rs(source, "--depth", 50, "--size", SIZE, "--classes", CLASSES, "--seed", 5, "--dynamic-batch")
        settle(source)
        fit_head(source, count=4)
        data = class_images((1, 3, SIZE, SIZE), CLASSES, 2, seed=1)
        for activation in sys.argv[1:] or ACTIVATIONS:
            for how in ("folded", "with BatchNormalization", "weft"):
                what = f"resnet-rs-50 @ {SIZE} {activation} {how}"
                checks.guard(what, run_form, checks, what, folder, activation, data, how)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
