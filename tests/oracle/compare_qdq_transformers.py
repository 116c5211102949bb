# SPDX-License-Identifier: Apache-2.0
"""Quantised vision transformers, compiled: the same bits on every executor, layer by layer, and next to ONNX Runtime on the same file. Small
images, all layers; quantised by ONNX Runtime and by weft.

usage: compare_qdq_transformers.py [FAMILY ...]     resformer, vit-resnas (programs in $WEFT_BUILD, else build)
Speaks TAP. All forms and full sizes are in large/compare_qdq_transformers.py.
"""
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "common"))
from make_qdq import class_images
from oracle import Checks
from quantised import transformer_forms, write_transformer

SIZES = {"resformer": ("tiny", 48), "vit-resnas": ("res-tiny", 56)}
CLASSES = 10
FORMS = ("u8 folded", "s8 weft")


def main():
    checks = Checks()
    for family in sys.argv[1:] or SIZES:
        variant, size = SIZES[family]
        with tempfile.TemporaryDirectory() as folder:
            source = write_transformer(os.path.join(folder, "float.onnx"), family, variant, size, CLASSES)
            data = class_images((1, 3, size, size), CLASSES, 2, seed=1)
            transformer_forms(checks, f"{family}-{variant} @ {size}", folder, source, data, FORMS)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
