# SPDX-License-Identifier: Apache-2.0
"""ViT-ResNAS-Tiny at 224 x 224, ResFormer-Small at 128 x 128 and two small ones, quantised: the same bits on every executor, layer by layer, and next to ONNX
Runtime on the same file.

usage: large/compare_qdq_transformers.py     (programs in $WEFT_BUILD, else build)
Speaks TAP. Quantised by ONNX Runtime per channel with its pre-processing, and by weft.
"""
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
from make_qdq import class_images
from oracle import Checks
from quantised import TRANSFORMER_FORMS, transformer_forms, write_transformer

TWO = ("u8 folded", "s8 weft")
# Small images in every form, large ones in two.
NETWORKS = (("vit-resnas", "res-tiny", 56, TRANSFORMER_FORMS), ("resformer", "tiny", 48, TRANSFORMER_FORMS),
            ("vit-resnas", "tiny", 224, TWO), ("resformer", "small", 128, TWO))
CLASSES = 10


def main():
    checks = Checks()
    for family, variant, size, forms in NETWORKS:
        with tempfile.TemporaryDirectory() as folder:
            source = write_transformer(os.path.join(folder, "float.onnx"), family, variant, size, CLASSES)
            data = class_images((1, 3, size, size), CLASSES, 1, seed=1)
            transformer_forms(checks, f"{family}-{variant} @ {size}", folder, source, data, forms, layer_batch=1)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
