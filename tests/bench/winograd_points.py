# SPDX-License-Identifier: Apache-2.0
"""Rounding errors of Winograd's F(4x4, 3x3) for several interpolation points, in f32 with exact weight transforms: why winograd.cl
uses 0, 3/4, -3/4, 3/2, -3/2, inf. Needs numpy only. Construction: Cook and Toom, as in Barabasz et al., "Error Analysis and Improving the
Accuracy of Winograd Convolution for Deep Neural Networks", 2018.

    winograd_points.py
"""
from fractions import Fraction

import numpy as np

TILES, CHANNELS, FILTERS = 64, 256, 32
CANDIDATES = ["1 2", "1 1/2", "3/4 3/2", "2/3 4/3", "5/8 5/4", "3/4 5/4", "1/2 3/2"]


def polynomial(roots):
    """Coefficients of the product of (x - root), lowest power first."""
    row = [Fraction(1)]
    for root in roots:
        row = [(row[i - 1] if i else 0) - (root * row[i] if i < len(row) else 0) for i in range(len(row) + 1)]
    return row


def transforms(a, b):
    """A^T (4x6), G (6x3) and B^T (6x6) for the points 0, a, -a, b, -b, inf."""
    points = [Fraction(0), a, -a, b, -b]
    others = [[q for q in points if q != p] for p in points]
    at = [[p**i for p in points] + [Fraction(i == 3)] for i in range(4)]
    g = [[p**i / np.prod([p - q for q in rest]) for i in range(3)] for p, rest in zip(points, others)] + [[0, 0, 1]]
    bt = [polynomial(rest) + [0] for rest in others] + [polynomial(points)]
    return [np.array([[float(x) for x in row] for row in matrix]) for matrix in (at, g, bt)]


def apply(matrix, x, axis):
    """Matrix times x along an axis, each addition rounded to f32."""
    x = np.moveaxis(x, axis, 0)
    lines = []
    for row in matrix:
        line = np.zeros(x.shape[1:], np.float32)
        for factor, part in zip(row, x):
            if factor != 0:
                line = (line + np.float32(factor) * part).astype(np.float32)
        lines.append(line)
    return np.moveaxis(np.stack(lines), 0, axis)


def errors(a, b):
    at, g, bt = transforms(a, b)
    rng = np.random.default_rng(7)
    d = np.maximum(rng.standard_normal((TILES, CHANNELS, 6, 6)), 0).astype(np.float32)
    w = (rng.standard_normal((FILTERS, CHANNELS, 3, 3)) / np.sqrt(9 * CHANNELS)).astype(np.float32)
    exact = np.zeros((TILES, FILTERS, 4, 4))
    for i in range(4):
        for j in range(4):
            exact[:, :, i, j] = np.einsum("tcab,ocab->to", d[:, :, i : i + 3, j : j + 3].astype(float), w.astype(float))
    u = np.einsum("ia,ocab,jb->ijoc", g, w.astype(float), g).astype(np.float32)
    v = apply(bt, apply(bt, d, 2), 3)
    p = np.zeros((6, 6, TILES, FILTERS), np.float32)
    for c in range(CHANNELS):
        p += np.einsum("tij,ijo->ijto", v[:, c], u[:, :, :, c])
    y = np.transpose(apply(at, apply(at, p, 0), 1), (2, 3, 0, 1))
    difference = np.abs(y - exact)
    return difference.max() / np.abs(exact).max(), np.sqrt((difference**2).mean()) / exact.std()


print(f"{'points':<24} {'largest error':>14} {'rms error':>12}")
for pair in CANDIDATES:
    a, b = map(Fraction, pair.split())
    print(f"{f'0, +-{a}, +-{b}, inf':<24} {'%.1e %.1e' % errors(a, b):>27}")
