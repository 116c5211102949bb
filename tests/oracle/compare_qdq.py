# SPDX-License-Identifier: Apache-2.0
"""Quantised models in every form (see common/make_qdq.py), compiled: the same bits on every executor, layer by layer, and next to ONNX
Runtime on the same file.

usage: compare_qdq.py [NETWORK ...]     (programs in $WEFT_BUILD, else build)
Speaks TAP. ResNet-RS-50 at its full size is in large/compare_qdq.py.
"""
import os
import sys
import tempfile

import onnx

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "common"))
from make_qdq import NETWORKS, class_images, fit_head, input_of, quantise, quantise_in_graph, settle
from oracle import Checks, write_resnet_rs
from quantised import compare_model

# What quantise() and quantise_in_graph() are told.
FORMS = {
    f"{activation} {form}{'' if per_channel else ' per-tensor'}{'' if preprocess else ' with BatchNormalization'}":
        (quantise, {"activation": activation, "form": form, "per_channel": per_channel, "preprocess": preprocess})
    for activation in ("u8", "s8") for form in ("qdq", "qoperator") for per_channel, preprocess in ((True, True), (False, True), (True, False))
}
FORMS |= {f"{activation} in the graph{'' if per_channel else ' per-tensor'}":
              (quantise_in_graph, {"activation": activation, "per_channel": per_channel})
          for activation in ("u8", "s8") for per_channel in (True, False)}
RESNET_RS_FORMS = ("u8 qdq", "s8 qdq", "u8 qoperator", "u8 qdq with BatchNormalization", "s8 in the graph")


def run_form(checks, what, source, model, data, function, how):
    function(source, model, data=data, **how)
    compare_model(checks, what, model)


def run_network(checks, folder, name, forms):
    source, model = os.path.join(folder, "float.onnx"), os.path.join(folder, "model.onnx")
    if name == "resnet-rs":
        write_resnet_rs(source, "--depth", 50, "--size", 64, "--classes", 10, "--seed", 5, "--dynamic-batch")
        settle(source)
    else:
        NETWORKS[name]().save(source)
    fit_head(source)
    loaded = onnx.load(source)
    data = class_images(input_of(loaded)[1], loaded.graph.output[0].type.tensor_type.shape.dim[1].dim_value, 4, seed=1)
    for form in forms:
        checks.guard(f"{name} {form}", run_form, checks, f"{name} {form}", source, model, data, *FORMS[form])


def main():
    checks = Checks()
    for name in sys.argv[1:] or [*NETWORKS, "resnet-rs"]:
        with tempfile.TemporaryDirectory() as folder:
            checks.guard(name, run_network, checks, folder, name, RESNET_RS_FORMS if name == "resnet-rs" else FORMS)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
