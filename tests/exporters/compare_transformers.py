# SPDX-License-Identifier: Apache-2.0
"""Vision transformers from both of PyTorch's exporters, through compile and run on PoCL, next to ONNX Runtime: timm's ViT-Ti and
DeiT-S, and ResFormer and ViT-ResNAS-Tiny as modules of vision_transformers.py, whose functions are also compared with the files that
weft-model writes.

usage: compare_transformers.py [NAME ...]     (all, or those models; programs in $WEFT_BUILD, else build; needs torch and timm: make check-exporters)
Speaks TAP.
"""
import contextlib
import io
import logging
import os
import sys
import tempfile
import warnings

import numpy as np
import onnx
import timm
import torch
from onnx import numpy_helper

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "oracle", "common"))
from oracle import Checks, Oracle, compare, compile_onnx, normal, program, relative_error, run_package, summary
from vision_transformers import TINY_STAGES, ResFormer, VitResNas, randomise

TOLERANCE = 1e-5

BATCH = ({0: torch.export.Dim("batch", min=1, max=64)},)
EXPORTS = [
    ("TorchScript opset 17", {"dynamo": False, "opset_version": 17}),
    ("TorchScript opset 16", {"dynamo": False, "opset_version": 16}),
    ("TorchScript opset 17, dynamic batch", {"dynamo": False, "opset_version": 17, "dynamic_axes": {"input0": {0: "batch"}}}),
    ("TorchScript opset 17, nothing folded",
     {"dynamo": False, "opset_version": 17, "training": torch.onnx.TrainingMode.PRESERVE, "do_constant_folding": False}),
    ("dynamo opset 20, external data", {"dynamo": True, "opset_version": 20, "external_data": True}),
    ("dynamo opset 23", {"dynamo": True, "opset_version": 23}),
    ("dynamo opset 18, dynamic batch, not optimised",
     {"dynamo": True, "opset_version": 18, "optimize": False, "dynamic_shapes": BATCH}),
]


def models():
    """Name, module, size."""
    torch.manual_seed(7)
    yield "vit_tiny_patch16_224", timm.create_model("vit_tiny_patch16_224", pretrained=False), 224
    yield "deit_small_patch16_224", timm.create_model("deit_small_patch16_224", pretrained=False), 224
    yield "ResFormer-T", ResFormer(heads=3), 160
    yield "ViT-ResNAS-Tiny", VitResNas(TINY_STAGES), 224


def export(model, x, path, options):
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(model, (torch.from_numpy(x),), path, input_names=["input0"], output_names=["output0"], **options)


def check(checks, model, name, size, title, options):
    what = f"{name} @ {size}, {title}"
    with tempfile.TemporaryDirectory() as folder:
        path, package = os.path.join(folder, "model.onnx"), os.path.join(folder, "model.weft")
        x = normal((1, 3, size, size))
        # torch.export takes a size of 1 in its example for a size that is always 1
        export(model, np.concatenate((x, x)) if "dynamic_shapes" in options else x, path, options)
        exported = onnx.load(path, load_external_data=False)
        opsets = ", ".join(f"{entry.domain or 'ai.onnx'} {entry.version}" for entry in exported.opset_import)
        report = compile_onnx(path, package)
        print(f"# {what}: {opsets}; {summary(exported)}; {report['schedules'][0]['steps']} steps")
        expected = Oracle(path).run({"input0": x})
        compare(checks, what, run_package(package, {"input0": x}, ["output0"]), expected, TOLERANCE)
        with torch.no_grad():
            error = relative_error(expected[0], model(torch.from_numpy(x)).numpy())
        checks.expect(error <= TOLERANCE, f"{what}: the file means what PyTorch computes, difference {error:.1e}")


def check_weights(checks, family, model, size):
    """weft-model's weights in the PyTorch module give the logits of weft-model's file."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.onnx")
        program("weft-model", family, "--variant", "tiny", "--size", size, "--seed", 7, "-o", path)
        written = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer}
        x = normal((1, 3, size, size))
        expected = Oracle(path).run({"input": x})[0]
    state = model.state_dict()
    for name, tensor in state.items():
        if "num_batches" not in name:
            value = torch.tensor(written[name])
            is_product = tensor.dim() == 2 and name.split(".")[-2] in ("qkv", "proj", "fc1", "fc2")
            tensor.copy_(value.T if is_product else value)
    model.load_state_dict(state)
    with torch.no_grad():
        error = relative_error(model.eval()(torch.from_numpy(x)).numpy(), expected)
    checks.expect(error <= TOLERANCE, f"{family}-tiny @ {size}: weft-model's file means what PyTorch computes, difference {error:.1e}")


def main():
    logging.disable(logging.WARNING)
    checks = Checks()
    print(f"# torch {torch.__version__}, timm {timm.__version__}, onnx {onnx.__version__}")
    checks.guard("resformer", check_weights, checks, "resformer", ResFormer(heads=3), 160)
    checks.guard("vit-resnas", check_weights, checks, "vit-resnas", VitResNas(TINY_STAGES), 224)
    for name, model, size in models():
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        randomise(model)
        for title, options in EXPORTS:
            checks.guard(f"{name}, {title}", check, checks, model, name, size, title, options)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
