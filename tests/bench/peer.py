# SPDX-License-Identifier: Apache-2.0
"""Runs a model in one peer engine and prints its times as JSON; called by bench.py, one process per round.

    peer.py onnxruntime|openvino MODEL THREADS WARMUP ITERATIONS
"""
import json
import sys
import time

import numpy as np


def onnxruntime_session(path, threads):
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    shape = [d if isinstance(d, int) else 1 for d in session.get_inputs()[0].shape]
    name = session.get_inputs()[0].name
    return shape, lambda x: session.run(None, {name: x})[0], ort.__version__


def openvino_session(path, threads):
    import openvino as ov

    core = ov.Core()
    compiled = core.compile_model(
        path,
        "CPU",
        {
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f32",
        },
    )
    request = compiled.create_infer_request()
    shape = [int(d) for d in compiled.input(0).shape]

    def run(x):
        request.infer([x], share_inputs=True)
        return request.get_output_tensor(0).data

    return shape, run, ov.__version__.split("-")[0]


def main():
    engine, path, threads, warmup, iterations = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6])
    make = {"onnxruntime": onnxruntime_session, "openvino": openvino_session}[engine]
    shape, run, version = make(path, threads)
    x = np.random.default_rng(7).standard_normal(shape).astype(np.float32)
    for _ in range(warmup):
        run(x)
    samples = []
    for _ in range(iterations):
        begin = time.perf_counter()
        run(x)
        samples.append((time.perf_counter() - begin) * 1e3)
    print(json.dumps({"engine": engine, "version": version, "samples_ms": samples}))


main()
