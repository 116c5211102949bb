# SPDX-License-Identifier: Apache-2.0
"""Keras' ResNet-RS-50 and 101 through tf2onnx, then through compile and run on PoCL, next to ONNX Runtime.

usage: compare_tf2onnx.py     (programs in $WEFT_BUILD, else build; needs tensorflow, tf_keras and tf2onnx: make check-exporters)
Speaks TAP. What other TensorFlow sources of the network look like after tf2onnx is in tf2onnx_patterns.py.
"""
import os
import sys
import tempfile

# The converter reads models of Keras 2, which TensorFlow takes from the package tf_keras when told so.
os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import onnx
import tensorflow as tf
import tf2onnx

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "oracle", "common"))
from oracle import Checks, Oracle, compare, compile_onnx, products, run_package, summary
from tf2onnx_patterns import MORE_STEPS, picture

MODELS = ((50, 160, 15, "softmax"), (101, 192, 18, None))


def pixels(size, seed, batch=1):
    return picture("keras", batch, size, seed)


def make(depth, size, activation):
    """Seeded weights of a network in use: no zero gammas or biases, statistics that fit the activations."""
    tf.keras.utils.set_random_seed(7)
    random = np.random.default_rng(7)
    build = getattr(tf.keras.applications.resnet_rs, f"ResNetRS{depth}")
    model = build(weights=None, input_shape=(size, size, 3), classifier_activation=activation)
    for weight in model.weights:
        shape = tuple(weight.shape)
        if "gamma" in weight.name:
            is_last = np.all(weight.numpy() == 0)  # Keras starts the last norm of a block at zero
            weight.assign(random.uniform(0.2, 0.6, shape) if is_last else random.uniform(0.6, 1.4, shape))
        elif "beta" in weight.name or "bias" in weight.name:
            weight.assign(random.uniform(-0.2, 0.2, shape))
    for layer in model.layers:
        if isinstance(layer, tf.keras.layers.BatchNormalization):
            layer.momentum = 0.0
    model(pixels(size, 3, batch=8), training=True)
    return model


def check(checks, depth, size, opset, activation):
    what = f"Keras ResNetRS{depth} @ {size}, tf2onnx opset {opset}"
    with tempfile.TemporaryDirectory() as folder:
        path, package = os.path.join(folder, "model.onnx"), os.path.join(folder, "model.weft")
        model = make(depth, size, activation)
        signature = (tf.TensorSpec((None, size, size, 3), tf.float32, name="input_1"),)
        tf2onnx.convert.from_keras(model, input_signature=signature, opset=opset, output_path=path)
        exported = onnx.load(path)
        print(f"# {what}: {summary(exported)}")
        report = compile_onnx(path, package)
        steps, limit = report["schedules"][0]["steps"], products(exported) + MORE_STEPS
        checks.expect(steps <= limit, f"{what}: {report['source_nodes']} nodes in {steps} steps of at most {limit}")
        oracle = Oracle(path)
        x = {"input_1": pixels(size, 1)}
        expected = oracle.run(x)
        change = np.abs(oracle.run({"input_1": pixels(size, 2)})[0] - expected[0]).max() / np.abs(expected[0]).max()
        checks.expect(change > 1e-2, f"{what}: the numbers depend on the image by {change:.1e}")
        compare(checks, what, run_package(package, x, oracle.outputs), expected)


def main():
    checks = Checks()
    print(f"# tensorflow {tf.__version__}, tf2onnx {tf2onnx.__version__}, onnx {onnx.__version__}")
    for case in MODELS:
        checks.guard(f"Keras ResNetRS{case[0]}", check, checks, *case)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
