# SPDX-License-Identifier: Apache-2.0
"""Makes PyTorch's ordinary wheel importable without NVIDIA's packages, which are several GB and useless without a card.

The wheel's libraries name NVIDIA's libraries as needed ones, so the loader refuses them although no CPU code calls in there.
This script builds, beside them, one small library per missing name, which defines the symbols that PyTorch wants; each function
returns "no device".

usage: cpu_torch.py     (with the Python whose PyTorch it is; needs a C compiler and readelf)

Knows the wheel by its ELF tables alone, so it does not depend on PyTorch's version.
"""
import collections
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile

# cudaErrorNoDevice and CUDA_ERROR_NO_DEVICE. Functions of start-up code (registration of kernels) ignore it.
NO_DEVICE = 100

# A card's driver, which is no part of the packages either.
SKIP = re.compile(r"^libcuda\.so")
VENDOR = re.compile(r"^lib(cu|nv|nccl)")


def readelf(*args):
    return subprocess.run(["readelf", "-W", *args], check=True, capture_output=True, text=True).stdout


def symbols(path):
    """(name, version or None, defined, object) of each dynamic symbol that the loader must resolve."""
    for line in readelf("--dyn-syms", path).splitlines():
        words = line.split()
        if len(words) >= 8 and words[0].rstrip(":").isdigit() and words[4] in ("GLOBAL", "WEAK"):
            name, _, version = words[7].partition("@")
            if words[6] != "UND" or words[4] == "GLOBAL":
                yield name, version.lstrip("@") or None, words[6] != "UND", words[3] == "OBJECT"


def wanted(libraries):
    """Needed vendor libraries, each with the versions and symbols that it should have."""
    present = {os.path.basename(path) for path in libraries}
    missing, versions, defined, undefined = set(), {}, set(), {}
    for path in libraries:
        needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", readelf("-d", path)))
        missing |= {name for name in needed - present if VENDOR.match(name) and not SKIP.match(name)}
        for block in re.findall(r"File: (\S+).*\n((?:.*Name: .*\n)*)", readelf("-V", path)):
            for version in re.findall(r"Name: (\S+)", block[1]):
                versions[version] = block[0]
        for name, version, is_defined, is_object in symbols(path):
            if is_defined:
                defined.add(name)
            else:
                undefined[name] = (version, is_object)
    plan = {name: collections.defaultdict(dict) for name in missing}
    first = min(missing, default=None)
    for name, (version, is_object) in undefined.items():
        library = versions.get(version, first) if version else first
        if library in missing and name not in defined and (version or re.match(r"^(cu|nccl|nv)", name)):
            plan[library][version][name] = is_object
    return plan


def build(folder, name, groups):
    """One library; symbols without version go into the base version."""
    lines = []
    script = ""
    for version, names in sorted(groups.items(), key=lambda item: item[0] or ""):
        for symbol, is_object in sorted(names.items()):
            lines.append(f"char {symbol}[4096];" if is_object else f"long {symbol}(void) {{ return {NO_DEVICE}; }}")
        if version:
            script += f"{version} {{ global: {'; '.join(sorted(names))}; }};\n"
    with tempfile.TemporaryDirectory() as scratch:
        source, exports = os.path.join(scratch, "stub.c"), os.path.join(scratch, "stub.map")
        with open(source, "w") as file:
            file.write("\n".join(lines) + "\n")
        with open(exports, "w") as file:
            file.write(script)
        options = ["-Wl,--version-script=" + exports] if script else []
        compiler = shlex.split(os.environ.get("CC") or shutil.which("cc") or "gcc")
        subprocess.run(
            [*compiler, "-shared", "-fPIC", "-w", "-fno-builtin", source, "-o", os.path.join(folder, name), "-Wl,-soname=" + name,
             *options],
            check=True,
        )


def main():
    folder = os.path.join(sysconfig.get_path("purelib"), "torch", "lib")
    libraries = sorted(os.path.join(folder, name) for name in os.listdir(folder) if ".so" in name)
    for name, groups in sorted(wanted(libraries).items()):
        build(folder, name, groups)
        print(f"{name}: {sum(len(names) for names in groups.values())} symbols")
    return 0


if __name__ == "__main__":
    sys.exit(main())
