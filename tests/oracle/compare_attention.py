# SPDX-License-Identifier: Apache-2.0
"""Attention with masks, causal order and shared heads: every case of ONNX's own conformance data for its operator (made by the onnx
package; the mask as input and as constant), and the spellings of PyTorch's exporters next to ONNX Runtime.

usage: compare_attention.py     (programs in $WEFT_BUILD, else build)
Speaks TAP.
"""
import os
import sys
import tempfile
import warnings

import numpy as np
import onnx
from onnx import numpy_helper

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "common"))
from network import Net
from oracle import Checks, Oracle, ProgramError, compare, compile_onnx, normal, program, run_package

TOLERANCE = 1e-5

# What the messages of a refusal must name, by a word in the name of the case; the first that fits counts.
REFUSED = {
    "past": ("E0111", "earlier runs"),
    "qk_matmul": ("E0111", "output Y alone"),
    "window_gqa": ("E0111", "output Y alone"),
    "nonpad": ("E0111", "earlier runs"),
    "padded_kv": ("E0111", "earlier runs"),
    "ext_cache": ("E0111", "earlier runs"),
    "window": ("E0111", "windows"),
    "softcap_neginf_mask": ("E0251", "without any key"),
}


def conformance():
    """Name, model, inputs and outputs of the operator's cases in f32; functions expanded are other operators' cases."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of cases of other operators
        from onnx.backend.test.case.node import collect_testcases
        cases = collect_testcases("Attention")
    for case in cases:
        tensors = [*case.data_sets[0][0], *case.data_sets[0][1]]
        if case.name.startswith("test_attention") and "_expanded" not in case.name and all(t.dtype in (np.float32, np.bool_) for t in tensors):
            names = [value.name for value in case.model.graph.input]
            yield case.name[5:], case.model, dict(zip(names, case.data_sets[0][0])), case.data_sets[0][1]


def constant_mask(model, inputs):
    """The same with the mask as an initializer; None without a mask."""
    if "attn_mask" not in inputs:
        return None
    fixed = onnx.ModelProto()
    fixed.CopyFrom(model)
    kept = [value for value in fixed.graph.input if value.name != "attn_mask"]
    fixed.graph.ClearField("input")
    fixed.graph.input.extend(kept)
    fixed.graph.initializer.append(numpy_helper.from_array(inputs["attn_mask"], "attn_mask"))
    return fixed, {name: value for name, value in inputs.items() if name != "attn_mask"}


def check_case(checks, name, model, inputs, outputs):
    """True when it ran."""
    with tempfile.TemporaryDirectory() as folder:
        path, package = os.path.join(folder, "model.onnx"), os.path.join(folder, "model.weft")
        onnx.save(model, path)
        found = next((REFUSED[word] for word in REFUSED if word in name), None)
        if inputs.get("attn_mask", np.zeros(1)).dtype == np.bool_ and not found:
            found = ("E0251", "mask of bool")
        try:
            compile_onnx(path, package)
        except ProgramError as error:
            text = str(error)
            checks.expect(found is not None and text.count("error[") == 1 and all(word in text for word in found), f"{name} is refused"
                          if found else f"{name}: {text}")
            return False
        compare(checks, name, run_package(package, inputs, [value.name for value in model.graph.output]), outputs, TOLERANCE)
        return True


def qkv(net, heads=3, tokens=21, size=16):
    """Queries (the input), keys and values of a batch of two."""
    shape = (2, heads, tokens, size)
    return net.x, net.input("k", shape), net.input("v", shape)


def finish(net, scores, v, guard=False):
    weights = net.add("Softmax", scores, axis=-1)
    if guard:
        weights = net.add("Where", net.add("IsNaN", weights), net.constant(0.0), weights)
    return net.add("MatMul", weights, v)


def scaled_scores(net, q, k):
    root = net.constant(0.5)
    return net.add("MatMul", net.add("Mul", q, root), net.add("Mul", net.add("Transpose", k, perm=[0, 1, 3, 2]), root))


def new_net():
    return Net((2, 3, 21, 16), opset=20)


def causal():
    """scaled_dot_product_attention(is_causal=True): a triangle of ones, computed from shapes, becomes minus infinity and zeros."""
    net = new_net()
    q, k, v = qkv(net)
    sizes = [net.add("Slice", net.add("Shape", x), net.ints(-2), net.ints(-1)) for x in (q, k)]
    ones = net.add("Expand", net.constant(1.0), net.add("Concat", *sizes, axis=0))
    lower = net.add("Trilu", ones, upper=0)
    mask = net.add("Where", net.add("Equal", lower, net.constant(0.0)), net.constant(-np.inf), net.constant(0.0))
    return net.output(finish(net, net.add("Add", scaled_scores(net, q, k), mask), v))


def boolean(empty_rows):
    """scaled_dot_product_attention(attn_mask=bool): the guard against rows of minus infinity alone; a mask made of two."""
    net = new_net()
    q, k, v = qkv(net)
    chosen = net.random.random((21, 21)) < 0.5
    chosen[:, 3] = True
    if empty_rows:
        chosen[[2, 17]] = False
    both = net.add("And", net.constant(chosen, np.bool_), net.add("Not", net.constant(np.zeros((3, 1, 1)), np.bool_)))
    mask = net.add("Where", both, net.constant(0.0), net.constant(-np.inf))
    return net.output(finish(net, net.add("Add", scaled_scores(net, q, k), mask), v, guard=True))


def filled(number):
    """masked_fill on the scores."""
    net = new_net()
    q, k, v = qkv(net)
    future = net.constant(np.triu(np.ones((21, 21)), 1), np.bool_)
    return net.output(finish(net, net.add("Where", future, net.constant(number), scaled_scores(net, q, k)), v))


def bias():
    """A bias for each head, on tokens cut from one product, and the last class token's row taken."""
    net = Net((2, 17, 24), opset=17)
    weight = net.constant(0.2 * net.random.standard_normal((24, 72)))
    heads = net.add("Reshape", net.add("MatMul", net.x, weight), net.ints(2, 17, 3, 4, 6))
    parts = net.add("Transpose", heads, perm=[2, 0, 3, 1, 4])
    q, k, v = (net.add("Gather", parts, net.constant(i, np.int64), axis=0) for i in range(3))
    scores = net.add("Mul", net.add("MatMul", q, net.add("Transpose", k, perm=[0, 1, 3, 2])), net.constant(0.4))
    y = finish(net, net.add("Add", net.constant(net.random.standard_normal((1, 4, 17, 17))), scores), v)
    rows = net.add("Reshape", net.add("Transpose", y, perm=[0, 2, 1, 3]), net.ints(2, 17, 24))
    return net.output(rows, net.add("Gather", rows, net.constant(0, np.int64), axis=1))


def grouped():
    """Two heads of keys and values for six of queries."""
    net = Net((2, 6, 21, 16), opset=20)
    parts = [net.input(name, (2, 2, 21, 16)) for name in ("k", "v")]
    for i, part in enumerate(parts):
        wide = net.add("Expand", net.add("Unsqueeze", part, net.ints(2)), net.ints(2, 2, 3, 21, 16))
        parts[i] = net.add("Reshape", wide, net.ints(2, 6, 21, 16))
    return net.output(finish(net, scaled_scores(net, net.x, parts[0]), parts[1]))


SPELLINGS = {
    "causal": causal,
    "boolean mask": lambda: boolean(False),
    "boolean mask with empty rows": lambda: boolean(True),
    "filled with minus infinity": lambda: filled(-np.inf),
    "filled with the lowest number": lambda: filled(np.finfo(np.float32).min),
    "bias of each head": bias,
    "heads that share keys": grouped,
}


def check_spelling(checks, name):
    with tempfile.TemporaryDirectory() as folder:
        path, package = os.path.join(folder, "net.onnx"), os.path.join(folder, "net.weft")
        net = SPELLINGS[name]()
        net.save(path)
        compile_onnx(path, package)
        graph = program("weft", "inspect", package, "--ir")
        inputs = {key: normal(shape, seed) for seed, (key, shape) in enumerate(net.inputs.items())}
        found = run_package(package, inputs, net.outputs)
        compare(checks, name, found, Oracle(path).run(inputs), TOLERANCE)
        checks.expect(graph.count("weft.Attention(") == 1 and "Softmax(" not in graph, f"{name}: runs in one step")


def main():
    checks, ran, refused = Checks(), 0, 0
    for name, model, inputs, outputs in conformance():
        forms = [(name, model, inputs)]
        if (fixed := constant_mask(model, inputs)) and not any(word in name for word in REFUSED if "neginf" not in word):
            forms.append((name + ", constant mask", *fixed))
        for what, form, values in forms:
            done = checks.guard(what, check_case, checks, what, form, values, outputs)
            ran, refused = ran + bool(done), refused + (done is False)
    print(f"# of ONNX's cases {ran} run, {refused} are refused")
    checks.expect(ran >= 52, "most of ONNX's cases without caches run")
    for name in SPELLINGS:
        checks.guard(name, check_spelling, checks, name)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
