# SPDX-License-Identifier: Apache-2.0
"""Small sizes of what tests/exporters/tf2onnx_patterns.py writes; the full ones are in `make check-exporters`.

usage: compare_tf2onnx_patterns.py     (programs in $WEFT_BUILD, else build)
Speaks TAP.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "exporters"))
from tf2onnx_patterns import Checks, check


def main():
    checks = Checks()
    cases = [("keras", 2), ("keras-batch", 0), ("tpu", 1), ("tpu-rank", 1), ("garden", 1), ("garden", 1, "-O0")]
    for variant, batch, *options in cases:
        checks.guard(f"{variant} {' '.join(options)}", check, checks, variant, 50, 64, batch, *options)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
