# SPDX-License-Identifier: Apache-2.0
"""timm's ResNet-RS-50 under PyTorch's fake quantisation (quantize_fx, as for training with it), exported: every layer in 8 bits, the same
integers on every executor, and as near to the float network as ONNX Runtime is with the same file.

usage: compare_pytorch_qdq.py     (programs in $WEFT_BUILD, else build; needs torch and timm: make check-exporters)
Speaks TAP.
"""
import copy
import logging
import os
import sys
import tempfile
import warnings

import numpy as np
import onnx
import timm
import torch
from torch.ao.quantization import (FakeQuantize, MinMaxObserver, PerChannelMinMaxObserver, QConfig,
                                   QConfigMapping, disable_observer, quantize_fx)

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "oracle", "common"))
from compare_pytorch import randomise
from make_qdq import class_images
from oracle import Checks, compile_onnx, summary
from quantised import compare_model

SIZE, CLASSES, BATCH = 64, 10, 2

WEIGHTS = {
    "per channel": {"observer": PerChannelMinMaxObserver, "qscheme": torch.per_channel_symmetric, "ch_axis": 0},
    "per tensor": {"observer": MinMaxObserver, "qscheme": torch.per_tensor_symmetric},
}
# Weights, and whether batch normalisation was folded before: left to quantize_fx, it stays in the file, behind weights that
# carry its scale and a division that takes the scale off again.
FORMS = [("per channel", True), ("per channel", False), ("per tensor", True)]


def fit_head(model, images, labels):
    """Weights and bias of the last layer that tell the classes apart, by least squares; with random ones the same class would win."""
    with torch.no_grad():
        features = model.forward_head(model.forward_features(images), pre_logits=True)
        known = torch.cat([features, torch.ones(len(features), 1)], dim=1)
        wanted = torch.nn.functional.one_hot(labels, CLASSES).float() * 10
        solution = torch.linalg.lstsq(known, wanted).solution
        model.fc.weight.copy_(solution[:-1].T)
        model.fc.bias.copy_(solution[-1])


def fake_quantised(model, images, weight, is_folded):
    """The network with a FakeQuantize at every activation and weight, calibrated on the images."""
    config = QConfig(
        activation=FakeQuantize.with_args(observer=MinMaxObserver, dtype=torch.quint8, quant_min=0, quant_max=255,
                                          qscheme=torch.per_tensor_affine),
        weight=FakeQuantize.with_args(dtype=torch.qint8, quant_min=-128, quant_max=127, **WEIGHTS[weight]))
    model = copy.deepcopy(model)
    model = quantize_fx.fuse_fx(model.eval()) if is_folded else model
    quantised = quantize_fx.prepare_qat_fx(model.train(), QConfigMapping().set_global(config), (images,))
    with torch.no_grad():
        quantised.eval()(images)
    return quantised.apply(disable_observer)


def export(model, path):
    torch.onnx.export(model, (torch.zeros(BATCH, 3, SIZE, SIZE),), path, dynamo=False, opset_version=17,
                      input_names=["input0"], output_names=["output0"])


def check(checks, folder, model, images, source, weight, is_folded):
    what = f"ResNet-RS-50 @ {SIZE}, weights {weight}, batch normalisation {'folded' if is_folded else 'in the graph'}"
    path = os.path.join(folder, "quantised.onnx")
    export(fake_quantised(model, images, weight, is_folded), path)
    print(f"# {what}: {summary(onnx.load(path))}")
    report = compile_onnx(path, os.path.join(folder, "model.weft"))
    in_float = report["float_layers"]
    checks.expect(not in_float, f"{what}: all layers compute in 8 bits" + (f", but {in_float[0]}" if in_float else ""))
    compare_model(checks, what, path, float_path=source)


def main():
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")  # torch's about itself
    checks = Checks()
    print(f"# torch {torch.__version__}, timm {timm.__version__}, onnx {onnx.__version__}")
    torch.manual_seed(7)
    images = torch.from_numpy(np.concatenate(class_images((1, 3, SIZE, SIZE), CLASSES, 4, seed=1)))
    model = randomise(timm.create_model("resnetrs50", pretrained=False, num_classes=CLASSES), images)
    fit_head(model, images, torch.arange(len(images)) % CLASSES)
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "float.onnx")
        export(model, source)
        for form in FORMS:
            checks.guard(str(form), check, checks, folder, model, images, source, *form)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
