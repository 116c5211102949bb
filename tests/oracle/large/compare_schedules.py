# SPDX-License-Identifier: Apache-2.0
"""Published networks at many sizes in one package, in float and in 8 bits: its size, every schedule next to ONNX Runtime and step by step next to plain C.

usage: large/compare_schedules.py [NAME ...]     all without arguments (programs in $WEFT_BUILD, else build)
Speaks TAP.
"""
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "common"))
import schedules
from oracle import TOLERANCE, Checks

# The sizes of ResFormer are those it was published for; those of ResNet-RS-50 span the family's.
RESFORMER = (96, 112, 128, 160, 192, 224, 288, 384, 448, 512, 640)
NETWORKS = {
    "ResFormer-Small": ("resformer", ["--variant", "small"], RESFORMER),
    "ResNet-RS-50": ("resnet-rs", ["--depth", 50], (128, 160, 192, 224, 256, 320)),
}
# With the sizes that run on the engine as well, in both of its languages.
QUANTISED = {
    "ResFormer-Small in 8 bits": ("resformer", ["--variant", "small"], RESFORMER, (96, 128, 160, 224)),
}


def main():
    checks = Checks()
    for name in sys.argv[1:] or [*NETWORKS, *QUANTISED]:
        with tempfile.TemporaryDirectory() as folder:
            if name in QUANTISED:
                checks.guard(name, lambda: schedules.run_quantised(checks, folder, name, *QUANTISED[name]))
            else:
                checks.guard(name, lambda: schedules.run(checks, folder, name, *NETWORKS[name], TOLERANCE))
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
