# SPDX-License-Identifier: Apache-2.0
"""Small networks of the operators that convolutional networks other than ResNet-RS use, next to ONNX Runtime: building blocks of known
families, then seeded random compositions.

usage: compare_ops.py [NAME ...]     (programs in $WEFT_BUILD, else build)
Speaks TAP.
"""
import os
import sys
import tempfile

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "common"))
from network import Net
from oracle import Checks, Oracle, compare, compile_onnx, normal, run_package

# A few layers only, so less than for whole networks.
TOLERANCE = 2e-5
RANDOM_GRAPHS = 24


def mobilenet():
    net = Net((1, 3, 33, 33))
    x = net.add("HardSwish", net.conv(net.x, 3, 16, strides=[2, 2], pads=[1, 1, 1, 1]))
    y = net.clip(net.norm(net.conv(x, 16, 16, group=16, bias=False), 16), 0, 6)
    x = net.add("Add", net.conv(y, 16, 16, 1), x)
    y = net.add("HardSwish", net.conv(x, 16, 40, 1))
    y = net.conv(y, 40, 40, 5, group=40, strides=[2, 2], pads=[2, 2, 2, 2])
    x = net.conv(net.add("HardSwish", net.excite(y, 40, "HardSigmoid")), 40, 24, 1)
    x = net.add("Flatten", net.add("GlobalAveragePool", net.clip(x, 0, 6)))
    return net.output(net.linear(net.clip(x, 0, 6), 24, 10))


def efficientnet():
    net = Net((2, 3, 32, 32))

    def swish(x):
        return net.add("Mul", x, net.add("Sigmoid", x))

    x = swish(net.conv(net.x, 3, 24, strides=[2, 2], pads=[0, 0, 1, 1]))
    for _ in range(2):
        y = swish(net.conv(x, 24, 96, 1))
        y = swish(net.norm(net.conv(y, 96, 96, group=96, bias=False), 96))
        x = net.add("Add", net.norm(net.conv(net.excite(y, 96), 96, 24, 1, bias=False), 24), x)
    return net.output(x)


def vgg():
    net = Net((1, 3, 32, 32), opset=13)
    x = net.x
    for inputs, outputs in ((3, 16), (16, 32), (32, 32)):
        x = net.add("Relu", net.conv(x, inputs, outputs))
        x = net.add("Relu", net.conv(x, outputs, outputs))
        x = net.add("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    x = net.add("Relu", net.linear(net.add("Flatten", x), 512, 64))
    return net.output(net.add("Softmax", net.linear(x, 64, 21), axis=1))


def alexnet():
    net = Net((2, 3, 63, 63))
    x = net.add("Relu", net.conv(net.x, 3, 32, 11, strides=[4, 4], pads=[2, 2, 2, 2]))
    x = net.add("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2])
    x = net.add("Relu", net.conv(x, 32, 48, 5, group=2))
    x = net.add("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
    return net.output(x)


def inception():
    net = Net((1, 32, 17, 17))
    one = net.add("Relu", net.conv(net.x, 32, 16, 1))
    three = net.add("Relu", net.conv(net.add("Relu", net.conv(net.x, 32, 12, 1)), 12, 24))
    seven = net.conv(net.conv(net.x, 32, 20, (1, 7)), 20, 20, (7, 1))
    pool = net.conv(net.add("MaxPool", net.x, kernel_shape=[3, 3], strides=[1, 1], pads=[1, 1, 1, 1]), 32, 7, 1)
    mean = net.add("AveragePool", net.x, kernel_shape=[3, 3], strides=[1, 1], pads=[1, 1, 1, 1], count_include_pad=1)
    x = net.add("Concat", one, three, seven, pool, net.conv(mean, 32, 9, 1), axis=1)
    return net.output(net.add("Relu", net.conv(x, 76, 30, strides=[2, 2], pads=[0, 0, 0, 0])))


def densenet():
    net = Net((1, 16, 20, 20))
    parts, channels = [net.x], 16
    for _ in range(3):
        x = parts[0] if len(parts) == 1 else net.add("Concat", *parts, axis=1)
        y = net.conv(net.add("Relu", net.norm(x, channels)), channels, 32, 1, bias=False)
        parts.append(net.conv(net.add("Relu", net.norm(y, 32)), 32, 12, bias=False))
        channels += 12
    x = net.conv(net.add("Relu", net.norm(net.add("Concat", *parts, axis=1), channels)), channels, 26, 1, bias=False)
    return net.output(net.add("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2]))


def resnext():
    net = Net((1, 64, 14, 14))
    y = net.add("Relu", net.norm(net.conv(net.x, 64, 64, 1, bias=False), 64))
    y = net.add("Relu", net.norm(net.conv(y, 64, 64, group=8, bias=False), 64))
    y = net.norm(net.conv(y, 64, 64, 1, bias=False), 64)
    return net.output(net.add("Relu", net.add("Add", net.x, y)))


def dilated():
    net = Net((1, 5, 29, 31))
    x = net.add("LeakyRelu", net.conv(net.x, 5, 13, dilations=[2, 2]), alpha=0.1)
    x = net.add("LeakyRelu", net.conv(x, 13, 13, dilations=[4, 1]), alpha=0.2)
    x = net.conv(x, 13, 13, group=13, dilations=[2, 3])
    return net.output(net.add("MaxPool", x, kernel_shape=[3, 3], dilations=[2, 2], strides=[1, 1], pads=[2, 2, 2, 2]))


def padded():
    net = Net((1, 4, 19, 22))
    x = net.conv(net.x, 4, 8, pads=[2, 0, 1, 3], strides=[2, 1])
    x = net.add("Pad", x, net.ints(0, 0, 1, 2, 0, 0, 0, 1), net.constant(0.0))
    x = net.conv(x, 8, 8, (3, 5), pads=[0, 1, 2, 0])
    y = net.add("Pad", x, net.ints(0, 0, 1, 1, 0, 0, 1, 1), net.constant(0.75))
    y = net.conv(y, 8, 8, pads=[0, 0, 0, 0])
    z = net.add("AveragePool", y, kernel_shape=[3, 2], strides=[2, 1], pads=[1, 0, 0, 1], count_include_pad=0)
    return net.output(x, z)


def same():
    net = Net((1, 6, 23, 20))
    x = net.conv(net.x, 6, 12, strides=[2, 2], auto_pad="SAME_UPPER")
    y = net.conv(net.x, 6, 12, (4, 4), strides=[2, 2], auto_pad="SAME_LOWER")
    x = net.add("Add", x, y)
    x = net.add("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2], auto_pad="SAME_LOWER")
    x = net.add("AveragePool", x, kernel_shape=[2, 2], strides=[1, 1], auto_pad="SAME_UPPER")
    return net.output(net.conv(x, 12, 5, auto_pad="VALID"))


def activations():
    net = Net((1, 8, 9, 7), opset=18)
    slopes = net.constant(net.random.uniform(-0.5, 0.5, (8, 1, 1)))
    x = net.conv(net.x, 8, 8, 1)
    names = [net.add(kind, x) for kind in ("Sigmoid", "Tanh", "Elu", "Softplus", "HardSwish", "HardSigmoid", "Abs", "Neg", "Exp", "Floor",
                                           "Ceil", "Erf", "Cos", "Sin", "Round")]
    names += [net.add("PRelu", x, slopes), net.add("LeakyRelu", x, alpha=-0.5), net.add("Elu", x, alpha=0.3), net.clip(x, -0.5, 2)]
    names += [net.add("Sqrt", net.add("Abs", x)), net.add("Log", net.add("Exp", x)), net.add("Reciprocal", net.clip(x, 0.5, 4))]
    return net.output(*names)


def fused_activations():
    """Each right after a convolution, where it can be fused."""
    net = Net((1, 8, 12, 12))
    slopes = net.constant(net.random.uniform(-0.5, 0.5, (8, 1, 1)))
    half = net.constant(1 / np.sqrt(2))

    def after(*kinds):
        x = net.conv(net.x, 8, 8)
        for kind, attributes in kinds:
            x = net.add(kind, x, **attributes)
        return x

    net.output(after(("Relu", {})), after(("Sigmoid", {})), after(("Tanh", {})), after(("HardSwish", {})), after(("HardSigmoid", {})),
               after(("LeakyRelu", {"alpha": 0.3})), after(("Elu", {"alpha": 0.7})), after(("Relu", {}), ("Sigmoid", {})))
    net.output(net.clip(net.conv(net.x, 8, 8), -0.25, 0.75), net.add("PRelu", net.conv(net.x, 8, 8), slopes))
    x = net.conv(net.x, 8, 8)
    one = net.add("Add", net.add("Erf", net.add("Mul", x, half)), net.constant(1.0))
    return net.output(net.add("Mul", net.add("Mul", x, one), net.constant(0.5)))


def arithmetic():
    net = Net((2, 6, 10, 11))
    scale, shift = (net.constant(net.random.uniform(0.5, 2, (6, 1, 1))) for _ in range(2))
    other = net.input("other", (2, 6, 10, 11))
    row = net.input("row", (1, 6, 1, 11))
    x = net.add("Add", net.add("Mul", net.x, scale), shift)
    y = net.add("Sub", net.add("Div", x, scale), other)
    z = net.add("Max", net.add("Mul", y, row), x)
    z = net.add("Min", z, net.add("Pow", net.add("Abs", other), net.constant(1.5)))
    return net.output(y, z, net.add("Sum", x, y, z))


def shufflenet():
    net = Net((1, 24, 12, 12), opset=15)
    left, right = net.add("Split", net.x, net.ints(12, 12), outputs=2, axis=1)
    right = net.add("Relu", net.conv(right, 12, 12, 1))
    right = net.add("Relu", net.conv(net.conv(right, 12, 12, group=12), 12, 12, 1))
    x = net.add("Concat", left, right, axis=1)
    x = net.add("Reshape", x, net.ints(1, 2, 12, 12, 12))
    x = net.add("Reshape", net.add("Transpose", x, perm=[0, 2, 1, 3, 4]), net.ints(1, 24, 12, 12))
    part = net.add("Slice", x, net.ints(3), net.ints(17), net.ints(1))
    return net.output(net.conv(part, 14, 10), x)


def heads():
    net = Net((3, 20, 6, 5))
    x = net.conv(net.x, 20, 33, 1)
    top = net.add("Flatten", net.add("GlobalMaxPool", x))
    mean = net.add("ReduceMean", x, axes=[2, 3], keepdims=0)
    joined = net.add("Concat", top, mean, net.add("ReduceMax", x, axes=[-1, -2], keepdims=0), axis=1)
    weight = net.constant(net.random.standard_normal((99, 12)) / 10)
    logits = net.add("Add", net.add("MatMul", joined, weight), net.constant(net.random.standard_normal(12)))
    return net.output(logits, net.add("Softmax", logits), net.add("Softmax", x, axis=1), net.add("ReduceSum", x, net.ints(1), keepdims=1))


def tiny():
    """Single pixels, single channels, strides beyond the kernel."""
    net = Net((1, 1, 7, 1))
    x = net.conv(net.x, 1, 3, (3, 1), pads=[0, 0, 0, 0])
    x = net.add("Relu", net.conv(x, 3, 1, 1, strides=[3, 2]))
    y = net.conv(net.input("pixel", (4, 17, 1, 1)), 17, 1, 3)
    return net.output(x, y, net.add("GlobalAveragePool", net.conv(y, 1, 50, 1)))


def shared():
    """Values with several readers, outputs that others read, an input that is an output's only operand."""
    net = Net((1, 8, 8, 8))
    x = net.add("Relu", net.conv(net.x, 8, 8))
    y = net.conv(x, 8, 8)
    z = net.add("Relu", net.add("Add", y, x))
    w = net.add("Add", net.add("Relu", y), net.add("Mul", x, x))
    return net.output(x, y, z, net.add("Add", w, w), net.add("Identity", net.x))


def stem():
    """ResNet's classic stem, and a preprocessing in front of it."""
    net = Net((1, 3, 50, 50))
    x = net.add("Div", net.add("Sub", net.x, net.constant(np.reshape([0.4, 0.5, 0.6], (1, 3, 1, 1)))), net.constant(0.25))
    x = net.add("Relu", net.norm(net.conv(x, 3, 64, 7, bias=False, strides=[2, 2], pads=[3, 3, 3, 3]), 64))
    return net.output(net.add("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]))


def attention():
    """The operator: heads in a dimension of their own and among the channels, keys of another number and values of another
    width, another scale."""
    net = Net((2, 3, 17, 16), opset=23)
    keys, values = net.input("k", (2, 3, 29, 16)), net.input("v", (2, 3, 29, 12))
    own = net.add("Attention", net.x, keys, values)
    scaled = net.add("Attention", net.x, net.x, net.x, scale=0.4)
    rows = [net.input(name, (2, tokens, width)) for name, tokens, width in (("qr", 17, 40), ("kr", 23, 40), ("vr", 23, 30))]
    return net.output(own, scaled, net.add("Attention", *rows, q_num_heads=5, kv_num_heads=5))


def random_net(seed):
    """A chain of random layers; some values come back later by Add or Concat."""
    random = np.random.default_rng(1000 + seed)
    channels, height, width = (int(random.integers(*r)) for r in ((1, 40), (9, 26), (9, 26)))
    net = Net((int(random.integers(1, 3)), channels, height, width), seed=seed)
    x, kept = net.x, {}

    def pick(*values):
        return values[random.integers(len(values))]

    for _ in range(int(random.integers(4, 9))):
        kind = pick("conv", "conv", "conv", "depthwise", "group", "pool", "activation", "add", "concat", "norm", "excite")
        stride = pick(1, 1, 2) if min(height, width) >= 6 else 1
        kernel = pick(1, 3, 3, 5)
        pads = [int(p) for p in random.integers(0, kernel // 2 + 1, 4)]
        if min(height, width) < 6:
            pads = [kernel // 2] * 4
        window = {"strides": [stride, stride], "pads": pads}
        if kind in ("conv", "depthwise", "group"):
            group = channels if kind == "depthwise" else 2 if kind == "group" and channels % 2 == 0 else 1
            outputs = channels if group > 1 else int(random.integers(1, 65))
            x = net.conv(x, channels, outputs, kernel, bias=bool(random.integers(2)), group=group, **window)
            channels = outputs
        elif kind == "pool":
            pool = pick("MaxPool", "AveragePool")
            more = {"count_include_pad": int(random.integers(2))} if pool == "AveragePool" else {}
            x = net.add(pool, x, kernel_shape=[kernel, kernel], **window, **more)
        elif kind == "activation":
            x = net.clip(x, 0, 6) if random.integers(4) == 0 else net.add(pick("Relu", "Sigmoid", "HardSwish", "LeakyRelu", "Tanh"), x)
        elif kind == "norm":
            x = net.norm(x, channels)
        elif kind == "excite":
            x = net.excite(x, channels)
        elif (height, width) in kept and kind == "concat":
            other, count = kept[height, width]
            x = net.add("Concat", x, other, axis=1)
            channels += count
        elif (height, width) in kept:
            other, count = kept[height, width]
            x = net.add("Add", x, other if count == channels else net.conv(other, count, channels, 1))
        if kind in ("conv", "depthwise", "group", "pool"):
            height = (height + pads[0] + pads[2] - kernel) // stride + 1
            width = (width + pads[1] + pads[3] - kernel) // stride + 1
        kept.setdefault((height, width), (x, channels))
    return net.output(net.conv(x, channels, 9, 1))


NETS = [mobilenet, efficientnet, vgg, alexnet, inception, densenet, resnext, dilated, padded, same, activations, fused_activations,
        arithmetic, shufflenet, heads, tiny, shared, stem, attention]


def check(checks, name, net):
    with tempfile.TemporaryDirectory() as folder:
        model, package = os.path.join(folder, "model.onnx"), os.path.join(folder, "model.weft")
        net.save(model)
        inputs = {name: normal(shape, seed) for seed, (name, shape) in enumerate(net.inputs.items())}
        expected = Oracle(model).run(inputs)
        for level in ("-O1", "-O0"):
            compile_onnx(model, package, level)
            for backend in ("opencl", "ref"):
                found = run_package(package, inputs, net.outputs, "--backend", backend)
                compare(checks, f"{name} {level} {backend}", found, expected, TOLERANCE)


def main():
    checks = Checks()
    nets = {net.__name__: net for net in NETS}
    nets |= {f"random_{seed}": (lambda seed=seed: random_net(seed)) for seed in range(RANDOM_GRAPHS)}
    unknown = set(sys.argv[1:]) - set(nets)
    if unknown:
        print(f"no such network: {', '.join(sorted(unknown))}; there are {', '.join(nets)}", file=sys.stderr)
        return 2
    for name in sys.argv[1:] or nets:
        checks.guard(name, lambda name=name: check(checks, name, nets[name]()))
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
