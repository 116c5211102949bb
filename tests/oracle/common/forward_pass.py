# SPDX-License-Identifier: Apache-2.0
"""ViT-ResNAS and ResFormer in numpy and double precision, written from the architectures' descriptions alone: says what a file of
weft-model must compute.

weights: trained tensors of such a file by name (linear layers' weights have the input channels first). mistakes: a set of names of
mistakes to make on purpose, which shows what a tolerance is good for.

Knows nothing of weft, ONNX graphs or operators.
"""
import math

import numpy as np

HEADS = {"tiny": 3, "small": 6, "base": 12}  # of ResFormer

# (width, head size, [(heads, hidden), ...]) of each stage of ViT-ResNAS-Tiny
TINY_STAGES = [
    (176, 32, [(3, 704), (3, 576), (3, 640), (4, 576), (4, 704)]),
    (352, 48, [(10, 1408), (8, 1408), (8, 1280), (8, 1408), (10, 1280), (10, 1024)]),
    (704, 64, [(10, 2560), (10, 1792), (10, 2816), (8, 2816), (8, 2560)]),
]



def notation(stages, classes):
    """Such stages in the compact notation of the search."""
    items = [f"(4, {stages[0][0]})"]
    for i, (width, size, blocks) in enumerate(stages):
        if i > 0:
            items.append(f"(3, {stages[i - 1][0]}, {width})")
        items += [f"(1, ({width}, {heads}, {size}), ({width}, {hidden}), 1)" for heads, hidden in blocks]
    return "(" + ", ".join(items) + f", (2, {stages[-1][0]}, {classes}))"


erf = np.vectorize(math.erf, otypes=[np.float64])


class Network:
    def __init__(self, weights, mistakes=()):
        self.weights = {name: value.astype(np.float64) for name, value in weights.items() if value.dtype == np.float32}
        self.mistakes = set(mistakes)

    def pair(self, name):
        return self.weights[name + ".weight"], self.weights[name + ".bias"]

    def norm(self, x, name):
        scale, shift = self.pair(name)
        centred = x - x.mean(-1, keepdims=True)
        epsilon = 1e-5 if "epsilon" in self.mistakes else 1e-6
        return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + epsilon) * scale + shift

    def linear(self, x, name):
        weight, bias = self.pair(name)
        return x @ weight + bias

    def last_linear(self, x, name):
        """Of B x C: the weight has the output channels first."""
        weight, bias = self.pair(name)
        return x @ weight.T + bias

    def gelu(self, x):
        if "tanh" in self.mistakes:
            return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
        return 0.5 * x * (1 + erf(x / math.sqrt(2)))

    def conv(self, x, name, stride=1, pad=0, depthwise=False, bias=True):
        weight = self.weights[name + ".weight"]
        side = weight.shape[2]
        x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
        windows = np.lib.stride_tricks.sliding_window_view(x, (side, side), axis=(2, 3))[:, :, ::stride, ::stride]
        if depthwise:
            y = np.einsum("bchwij,cij->bchw", windows, weight[:, 0], optimize=True)
        else:
            y = np.einsum("bchwij,ocij->bohw", windows, weight, optimize=True)
        return y + self.weights[name + ".bias"][:, None, None] if bias else y

    def attention(self, x, name, heads, local=None):
        batch, tokens, _ = x.shape
        qkv = self.linear(x, name + ".qkv")
        size = qkv.shape[-1] // 3 // heads
        # Output channels of the product are numbered part, head, channel.
        q, k, v = (qkv.reshape(batch, tokens, 3, heads, size)[:, :, i].transpose(0, 2, 1, 3) for i in range(3))
        scores = q @ k.transpose(0, 1, 3, 2) * size**-0.5 * (1.01 if "scale" in self.mistakes else 1)
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        y = scores / scores.sum(-1, keepdims=True) @ v
        if local:
            y += local(v)
        return self.linear(y.transpose(0, 2, 1, 3).reshape(batch, tokens, heads * size), name + ".proj")

    def mlp(self, x, name):
        return self.linear(self.gelu(self.linear(x, name + ".fc1")), name + ".fc2")

    def block(self, x, name, heads, local=None):
        x = x + self.attention(self.norm(x, name + ".norm1"), name + ".attn", heads, local)
        return x + self.mlp(self.norm(x, name + ".norm2"), name + ".mlp")


def to_tokens(image):
    return image.reshape(*image.shape[:2], -1).transpose(0, 2, 1)


def to_image(tokens):
    side = math.isqrt(tokens.shape[1])
    return tokens.transpose(0, 2, 1).reshape(len(tokens), -1, side, side)


def with_class(token, tokens):
    return np.concatenate([np.broadcast_to(token, (len(tokens), 1, tokens.shape[2])), tokens], axis=1)


def sinusoid(side, width):
    """ResFormer's position table before its convolution, width x side x side: rows in the first half of the channels."""
    half = width // 2
    lengths = 10000 ** (2 * np.arange(half // 2) / half)
    angles = 2 * math.pi * np.arange(1, side + 1)[:, None] / (side + 1e-6) / lengths
    waves = np.stack([np.sin(angles), np.cos(angles)], axis=2).reshape(side, half).T
    rows = np.broadcast_to(waves[:, :, None], (half, side, side))
    columns = np.broadcast_to(waves[:, None, :], (half, side, side))
    return np.concatenate([rows, columns])


def resformer(weights, x, heads, mistakes=()):
    net = Network(weights, mistakes)
    tokens = to_tokens(net.conv(x.astype(np.float64), "patch_embed.proj", stride=16))
    side = math.isqrt(tokens.shape[1])
    table = sinusoid(side, tokens.shape[2])
    if "swapped" in net.mistakes:
        table = table.transpose(0, 2, 1)
    x = with_class(net.weights["cls_token"], tokens + to_tokens(net.conv(table[None], "pos_embed.embed_layer", pad=1, depthwise=True)))
    for i in range(12):

        def local(v, name=f"blocks.{i}.attn.get_v"):
            """The same filters for each head; nothing for the class token."""
            image = v[:, :, 1:].transpose(0, 1, 3, 2).reshape(-1, v.shape[3], side, side)
            y = to_tokens(net.conv(image, name, pad=1, depthwise=True)).reshape(*v.shape[:2], side * side, -1)
            return np.pad(y, ((0, 0), (0, 0), (1, 0), (0, 0))) * ("local" not in net.mistakes)

        x = net.block(x, f"blocks.{i}", heads, local)
    return net.last_linear(net.norm(x, "norm")[:, 0], "head")


def resnas_stem(net, x):
    def conv(x, name, stride=1):
        x = net.conv(x, name + ".conv", stride, 1, bias=False)
        mean, var = (net.weights[f"{name}.bn.running_{kind}"][:, None, None] for kind in ("mean", "var"))
        scale, shift = (value[:, None, None] for value in net.pair(name + ".bn"))
        return np.maximum(x if "batch-norm" in net.mistakes else (x - mean) / np.sqrt(var + 1e-5) * scale + shift, 0)

    x = conv(x, "patch_embed.conv1", 2)
    return to_tokens(net.conv(conv(conv(x, "patch_embed.conv2"), "patch_embed.conv3") + x, "patch_embed.conv_proj", stride=7))


def resnas_reduction(net, x, name):
    y = net.norm(x, name + ".norm")
    patches = to_tokens(net.conv(to_image(y[:, 1:]), name + ".patch_reduce", 2, 1))
    if "table" not in net.mistakes:
        patches = patches + net.weights[name + ".pos_embed"]
    token = net.last_linear(y[:, 0], name + ".token_transform")[:, None]
    image = to_image(x[:, 1:])
    batch, width, side, _ = image.shape
    pooled = to_tokens(image.reshape(batch, width, side // 2, 2, side // 2, 2).mean((3, 5)))
    y = np.concatenate([token, patches], axis=1)
    y[:, :, :width] += np.concatenate([x[:, :1], pooled], axis=1)
    return y


def resnas(weights, x, stages=None, mistakes=()):
    net = Network(weights, mistakes)
    x = with_class(net.weights["tokens"], resnas_stem(net, x.astype(np.float64))) + net.weights["pos_embed"]
    index = 0
    for stage, (_, _, blocks) in enumerate(stages or TINY_STAGES):
        if stage > 0:
            x = resnas_reduction(net, x, f"blocks.{index}")
            index += 1
        for heads, _ in blocks:
            x = net.block(x, f"blocks.{index}", heads)
            index += 1
    return net.last_linear(net.norm(x[:, 0], "norm"), "cls_head")
