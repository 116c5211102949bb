# SPDX-License-Identifier: Apache-2.0
"""timm's ResNet-RS-50 and 101 from both of PyTorch's exporters, through compile and run on PoCL, next to ONNX Runtime.

usage: compare_pytorch.py     (programs in $WEFT_BUILD, else build; needs torch and timm: make check-exporters)
Speaks TAP.
"""
import contextlib
import io
import logging
import os
import sys
import tempfile
import warnings

import onnx
import timm
import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "oracle", "common"))
from oracle import Checks, Oracle, compare, compile_onnx, normal, products, relative_error, run_package, summary

# Beyond one step per convolution and linear layer.
MORE_STEPS = 3

# The exporter's file against PyTorch itself: only tells a file that lost its meaning (folded biases of some releases were wrong).
FAITHFUL = 1e-3


def randomise(model, images):
    """Seeded weights of a network in use: no zero gammas, statistics that fit the activations of these images."""
    random = torch.Generator().manual_seed(7)

    def uniform(tensor, low, high):
        with torch.no_grad():
            tensor.copy_(torch.empty_like(tensor).uniform_(low, high, generator=random))

    norms = {name: module for name, module in model.named_modules() if isinstance(module, torch.nn.BatchNorm2d)}
    for name, module in norms.items():
        # The last norm of a block scales what is added to the shortcut; below 1, so that sums of many blocks stay sane.
        uniform(module.weight, *((0.2, 0.6) if name.endswith("bn3") else (0.6, 1.4)))
        uniform(module.bias, -0.2, 0.2)
        module.momentum = 1.0
    model.train()
    with torch.no_grad():
        model(images)
    return model.eval()


BATCH = ({0: torch.export.Dim("batch", min=1, max=64)},)
EXPORTS = [
    ("TorchScript opset 17", {"dynamo": False, "opset_version": 17}),
    ("TorchScript opset 18, dynamic batch", {"dynamo": False, "opset_version": 18, "dynamic_axes": {"input0": {0: "batch"}}}),
    ("TorchScript opset 17, batch-norm kept",
     {"dynamo": False, "opset_version": 17, "training": torch.onnx.TrainingMode.PRESERVE, "do_constant_folding": False}),
    ("dynamo, external data", {"dynamo": True, "external_data": True}),
    ("dynamo opset 21, dynamic batch, not optimised",
     {"dynamo": True, "opset_version": 21, "optimize": False, "dynamic_shapes": BATCH}),
]


def check(checks, model, name, size, title, options):
    what = f"{name} @ {size}, {title}"
    with tempfile.TemporaryDirectory() as folder:
        path, package = os.path.join(folder, "model.onnx"), os.path.join(folder, "model.weft")
        x = normal((1, 3, size, size))
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(model, (torch.from_numpy(x),), path, input_names=["input0"], output_names=["output0"], **options)
        exported = onnx.load(path, load_external_data=False)
        opsets = ", ".join(f"{entry.domain or 'ai.onnx'} {entry.version}" for entry in exported.opset_import)
        print(f"# {what}: {opsets}; files {', '.join(sorted(os.listdir(folder)))}; {summary(exported)}")
        report = compile_onnx(path, package)
        steps, limit = report["schedules"][0]["steps"], products(exported) + MORE_STEPS
        checks.expect(steps <= limit, f"{what}: {report['source_nodes']} nodes in {steps} steps of at most {limit}")
        expected = Oracle(path).run({"input0": x})
        compare(checks, what, run_package(package, {"input0": x}, ["output0"]), expected)
        with torch.no_grad():
            error = relative_error(expected[0], model(torch.from_numpy(x)).numpy())
        checks.expect(error <= FAITHFUL, f"{what}: the file means what PyTorch computes, difference {error:.1e}")


def main():
    logging.disable(logging.WARNING)
    checks = Checks()
    print(f"# torch {torch.__version__}, timm {timm.__version__}, onnx {onnx.__version__}")
    for name, size in (("resnetrs50", 160), ("resnetrs101", 192)):
        torch.manual_seed(7)
        model = randomise(timm.create_model(name, pretrained=False), torch.from_numpy(normal((8, 3, size, size), seed=7)))
        for title, options in EXPORTS:
            checks.guard(f"{name}, {title}", check, checks, model, name, size, title, options)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
