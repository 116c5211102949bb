# SPDX-License-Identifier: Apache-2.0
"""ResFormer (arXiv 2212.00776) and ViT-ResNAS (arXiv 2109.00642) as PyTorch modules with seeded weights, for the exporters to chew on.

Knows nothing of weft. Module and parameter names are those of the authors' state dicts, so that weights of either side fit.
"""
import math

import torch
from torch import nn
from torch.nn import functional

EPSILON = 1e-6  # of every LayerNorm


class Mlp(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.fc1, self.act, self.fc2 = nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width)

    def forward(self, x):
        return self.fc2(self.act(self.fc1(x)))


class Attention(nn.Module):
    """Heads of any size, not tied to the width; indexing takes q, k and v apart."""

    def __init__(self, width, heads, head_size):
        super().__init__()
        self.heads, self.head_size = heads, head_size
        self.qkv = nn.Linear(width, 3 * heads * head_size)
        self.proj = nn.Linear(heads * head_size, width)

    def parts(self, x):
        batch, tokens, _ = x.shape
        qkv = self.qkv(x).reshape(batch, tokens, 3, self.heads, self.head_size).permute(2, 0, 3, 1, 4)
        return qkv[0], qkv[1], qkv[2]

    def forward(self, x):
        batch, tokens, _ = x.shape
        q, k, v = self.parts(x)
        scores = (q @ k.transpose(-2, -1)) * self.head_size**-0.5
        y = self.mix(scores.softmax(dim=-1), v)
        return self.proj(y.transpose(1, 2).reshape(batch, tokens, self.heads * self.head_size))

    def mix(self, weights, v):
        return weights @ v


class LocalAttention(Attention):
    """ResFormer's: a depthwise convolution of the values' image, shared by the heads, is added before the projection."""

    def __init__(self, width, heads, head_size):
        super().__init__(width, heads, head_size)
        self.get_v = nn.Conv2d(head_size, head_size, 3, padding=1, groups=head_size)

    def parts(self, x):
        batch, tokens, _ = x.shape
        return self.qkv(x).reshape(batch, tokens, 3, self.heads, self.head_size).permute(2, 0, 3, 1, 4).unbind(0)

    def mix(self, weights, v):
        batch, heads, tokens, size = v.shape
        side = math.isqrt(tokens - 1)
        image = v[:, :, 1:].transpose(-2, -1).reshape(batch * heads, size, side, side)
        local = self.get_v(image).reshape(batch, heads, size, side * side).transpose(-2, -1)
        return weights @ v + torch.cat([torch.zeros(batch, heads, 1, size), local], dim=2)


class Block(nn.Module):
    def __init__(self, width, attention, hidden):
        super().__init__()
        self.norm1, self.attn = nn.LayerNorm(width, eps=EPSILON), attention
        self.norm2, self.mlp = nn.LayerNorm(width, eps=EPSILON), Mlp(width, hidden)

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


def to_tokens(image):
    return image.flatten(2).transpose(1, 2)


def to_image(tokens):
    batch, count, width = tokens.shape
    side = math.isqrt(count)
    return tokens.transpose(1, 2).reshape(batch, width, side, side)


class PatchEmbed(nn.Module):
    def __init__(self, width, patch):
        super().__init__()
        self.proj = nn.Conv2d(3, width, patch, patch)

    def forward(self, x):
        return to_tokens(self.proj(x))


class Positions(nn.Module):
    """ResFormer's position table, computed for the grid at hand: sines and cosines of the relative row and column, then a depthwise
    convolution. The class token gets zeros."""

    def __init__(self, width):
        super().__init__()
        self.width = width
        self.embed_layer = nn.Conv2d(width, width, 3, padding=1, groups=width)

    def waves(self, places):
        half = self.width // 2
        lengths = torch.arange(half, dtype=torch.float32)
        lengths = 10000 ** (2 * torch.div(lengths, 2, rounding_mode="floor") / half)
        angles = places[:, :, :, None] / lengths
        return torch.stack((angles[:, :, :, 0::2].sin(), angles[:, :, :, 1::2].cos()), dim=4).flatten(3)

    def table(self, side):
        ones = torch.ones(1, side, side)
        rows, columns = ones.cumsum(1, dtype=torch.float32), ones.cumsum(2, dtype=torch.float32)
        rows = rows / (rows[:, -1:, :] + 1e-6) * (2 * math.pi)
        columns = columns / (columns[:, :, -1:] + 1e-6) * (2 * math.pi)
        return torch.cat((self.waves(rows), self.waves(columns)), dim=3).permute(0, 3, 1, 2)

    def forward(self, x):
        table = to_tokens(self.embed_layer(self.table(math.isqrt(x.shape[1] - 1))))
        return x + torch.cat((torch.zeros(1, 1, self.width), table), dim=1)


class ResFormer(nn.Module):
    def __init__(self, heads, depth=12, patch=16, head_size=64, classes=1000):
        super().__init__()
        width = heads * head_size
        self.patch_embed = PatchEmbed(width, patch)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = Positions(width)
        self.blocks = nn.ModuleList(Block(width, LocalAttention(width, heads, head_size), 4 * width) for _ in range(depth))
        self.norm, self.head = nn.LayerNorm(width, eps=EPSILON), nn.Linear(width, classes)

    def forward(self, x):
        x = self.patch_embed(x)
        x = self.pos_embed(torch.cat((self.cls_token.expand(x.shape[0], -1, -1), x), dim=1))
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x)[:, 0])


class ConvNorm(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x):
        return functional.relu(self.bn(self.conv(x)))


class Stem(nn.Module):
    def __init__(self, width, inner=24):
        super().__init__()
        self.conv1, self.conv2, self.conv3 = ConvNorm(3, inner, 2), ConvNorm(inner, inner, 1), ConvNorm(inner, inner, 1)
        self.conv_proj = nn.Conv2d(inner, width, 7, 7)

    def forward(self, x):
        x = self.conv1(x)
        return to_tokens(self.conv_proj(self.conv3(self.conv2(x)) + x))


class Reduction(nn.Module):
    """Residual spatial reduction: the token grid halves, the width grows; new channels of the skip path are zero."""

    def __init__(self, inputs, outputs, side):
        super().__init__()
        self.more = outputs - inputs
        self.pos_embed = nn.Parameter(torch.zeros(1, (side // 2) ** 2, outputs))
        self.norm = nn.LayerNorm(inputs, eps=EPSILON)
        self.patch_reduce = nn.Conv2d(inputs, outputs, 3, 2, 1)
        self.token_transform = nn.Linear(inputs, outputs)

    def forward(self, x):
        y = self.norm(x)
        patches = to_tokens(self.patch_reduce(to_image(y[:, 1:]))) + self.pos_embed
        y = torch.cat((self.token_transform(y[:, 0]).unsqueeze(1), patches), dim=1)
        skip = torch.cat((x[:, 0:1], to_tokens(functional.avg_pool2d(to_image(x[:, 1:]), 2, 2))), dim=1)
        zeros = torch.zeros(1, 1, self.more).expand(skip.shape[0], skip.shape[1], -1)
        return y + torch.cat((skip, zeros), dim=2)


class VitResNas(nn.Module):
    """stages: (width, head size, [(heads, hidden), ...]) each."""

    def __init__(self, stages, size=224, classes=1000):
        super().__init__()
        width, side, blocks = stages[0][0], size // 14, []
        self.patch_embed = Stem(width)
        self.tokens = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, side * side + 1, width))
        for next_width, head_size, members in stages:
            if blocks:
                blocks.append(Reduction(width, next_width, side))
                width, side = next_width, side // 2
            blocks += [Block(width, Attention(width, heads, head_size), hidden) for heads, hidden in members]
        self.blocks = nn.ModuleList(blocks)
        self.norm, self.cls_head = nn.LayerNorm(width, eps=EPSILON), nn.Linear(width, classes)

    def forward(self, x):
        x = self.patch_embed(x)
        x = torch.cat((self.tokens.expand(x.shape[0], -1, -1), x), dim=1) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        return self.cls_head(self.norm(x[:, 0]))


TINY_STAGES = [
    (176, 32, [(3, 704), (3, 576), (3, 640), (4, 576), (4, 704)]),
    (352, 48, [(10, 1408), (8, 1408), (8, 1280), (8, 1408), (10, 1280), (10, 1024)]),
    (704, 64, [(10, 2560), (10, 1792), (10, 2816), (8, 2816), (8, 2560)]),
]


def randomise(model, seed=7):
    """Seeded weights of a network in use: nothing is zero, normalised streams keep their range."""
    random = torch.Generator().manual_seed(seed)
    for name, tensor in model.state_dict().items():
        if "num_batches" in name:
            continue
        noise = torch.empty_like(tensor).uniform_(-1, 1, generator=random)
        if tensor.dim() == 1:
            centre = 1.0 if name.endswith(("norm1.weight", "norm2.weight", "norm.weight", "bn.weight", "running_var")) else 0.0
            tensor.copy_(centre + 0.2 * noise)
        elif "pos_embed" in name and tensor.dim() == 3 or name in ("tokens", "cls_token"):
            tensor.copy_(0.3 * noise)
        else:
            tensor.copy_(noise * math.sqrt(3 / tensor[0].numel()))
    return model.eval()
