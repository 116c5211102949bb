# SPDX-License-Identifier: Apache-2.0
"""weft next to ONNX Runtime and OpenVINO on the same ONNX files, interleaved round by round in one run, and next to what the machine can
do, in f32 and with 8-bit values. Prints a table; writes build/bench/bench.json. Called by `make bench`; the environment variables below
change its size.

    BENCH_MODELS      names of the models to run (default all): resnetrs50 resnetrs101 vit-resnas-tiny vit-resnas-small resformer-small,
                      and resnetrs50 and the transformers followed by -ort-u8 and -weft-u8: who made the 8-bit model
    BENCH_ROUNDS      rounds per engine (default 7); an engine's samples of all rounds are put together
    BENCH_ITERATIONS  timed runs per round (default 20)
    BENCH_THREADS     numbers of threads (default: 2 1)
    BENCH_CPU         avx2: all engines see a processor with AVX2 and nothing newer (only_avx2.c; Linux on processors with cpuid_fault)
"""
import json
import os
import shutil
import statistics
import subprocess
import sys
import time

BUILD = os.environ.get("WEFT_BUILD", "build")
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "7"))
ITERATIONS = int(os.environ.get("BENCH_ITERATIONS", "20"))
WARMUP = 5
OUT = os.path.join(BUILD, "bench")
HERE = os.path.dirname(os.path.abspath(__file__))
# Who quantised it: nobody, ONNX Runtime's quantize_static (u8 activations, s8 weights per channel, BatchNormalization folded) or weft.
# Name, what weft-model makes, size, quantiser.
RESNET_RS_50 = ("resnet-rs", "--depth", "50")
FLOAT_MODELS = [("resnetrs50", RESNET_RS_50, 160), ("resnetrs101", ("resnet-rs", "--depth", "101"), 192),
                ("vit-resnas-tiny", ("vit-resnas", "--variant", "tiny"), 224),
                ("vit-resnas-small", ("vit-resnas", "--variant", "small"), 224),
                ("resformer-small", ("resformer", "--variant", "small"), 224)]
MODELS = [(*model, None) for model in FLOAT_MODELS]
MODELS += [(f"{name}-{short}-u8", model, size, quantiser) for name, model, size in FLOAT_MODELS if name != "resnetrs101"
           for short, quantiser in (("ort", "onnxruntime"), ("weft", "weft"))]
CALIBRATION_IMAGES = 16
ENGINES = ["weft", "onnxruntime", "openvino"]
THREADS = [int(count) for count in os.environ.get("BENCH_THREADS", "2 1").split()]
CPU = os.environ.get("BENCH_CPU", "")


def show_older_processor():
    """Every process that starts from here on sees what BENCH_CPU says; PoCL's kernels for it are kept apart."""
    cache = os.path.abspath(os.path.join(OUT, f"{CPU}-cache"))
    os.makedirs(cache, exist_ok=True)
    os.environ.update(LD_PRELOAD=os.path.abspath(os.path.join(BUILD, "tests/bench/only_avx2.so")), XDG_CACHE_HOME=cache,
                      POCL_CACHE_DIR=os.path.join(cache, "pocl"))


def tool(*args, **more):
    return subprocess.run(args, check=True, capture_output=True, text=True, **more).stdout


def weft(*args):
    return tool(os.path.join(BUILD, "weft"), *args)


def quantise(source, target, quantiser):
    if quantiser == "weft":
        weft("quantize", source, "--data", "random", "--count", str(CALIBRATION_IMAGES), "-o", target, "-q")
    else:
        tool(sys.executable, os.path.join(HERE, "..", "oracle", "common", "make_qdq.py"), source, "-o", target, "--samples",
             str(CALIBRATION_IMAGES))


def prepare(name, model, size, quantiser):
    plain = os.path.join(OUT, f"{model[0]}-{model[2]}-{size}.onnx")
    onnx = os.path.join(OUT, f"{name}-{size}.onnx")
    if not os.path.exists(plain):
        tool(os.path.join(BUILD, "weft-model"), *model, "--size", str(size), "--seed", "7", "-o", plain)
    if quantiser is None:
        onnx = plain
    elif not os.path.exists(onnx):
        quantise(plain, onnx, quantiser)
    packages = {}
    for threads in THREADS:
        packages[threads] = onnx.replace(".onnx", f"-{CPU or 'native'}-t{threads}.weft")
        weft("compile", onnx, "-o", packages[threads], "--threads", str(threads), "-q")
    return onnx, packages


def run_round(engine, onnx, packages, threads):
    """Milliseconds of each timed run, and what else the engine says of itself."""
    if engine == "weft":
        report = json.loads(weft("bench", packages[threads], "--threads", str(threads), "--warmup", str(WARMUP), "--iterations",
                                 str(ITERATIONS), "--json"))
        return report["samples_ms"], report
    report = json.loads(tool(sys.executable, os.path.join(HERE, "peer.py"), engine, onnx, str(threads), str(WARMUP),
                             str(ITERATIONS)))
    return report["samples_ms"], report


def cold_and_warm(model, size):
    """Compile time from nothing, the first run with PoCL's compiler, and what the second run needs to load."""
    onnx, _ = prepare("cold", model, size, None)
    package = os.path.join(OUT, "cold.weft")
    home = os.path.abspath(os.path.join(OUT, "empty-cache"))
    shutil.rmtree(home, ignore_errors=True)
    os.makedirs(home)
    env = dict(os.environ, XDG_CACHE_HOME=home, POCL_CACHE_DIR=os.path.join(home, "pocl"))
    begin = time.perf_counter()
    tool(os.path.join(BUILD, "weft"), "compile", onnx, "-o", package, "-q", env=env)
    compiled = time.perf_counter()
    bench = ["bench", package, "--warmup", "0", "--iterations", "1", "--json"]
    first = json.loads(tool(os.path.join(BUILD, "weft"), *bench, env=env))
    cold = time.perf_counter()
    second = json.loads(tool(os.path.join(BUILD, "weft"), *bench, env=env))
    shutil.rmtree(home, ignore_errors=True)
    return {"compile_s": compiled - begin, "cold_s": cold - begin, "first_load_s": first["load"]["load_ms"] / 1e3,
            "second_load_s": second["load"]["load_ms"] / 1e3, "rss_mb": second["rss_peak_bytes"] / 1e6}


def model_name_of_processor():
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as lines:
        for line in lines:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return "unknown"


def main():
    os.makedirs(OUT, exist_ok=True)
    if CPU not in ("", "avx2"):
        sys.exit(f"bench.py: BENCH_CPU is {CPU}; avx2 is all that there is")
    if CPU:
        show_older_processor()
    peak = json.loads(tool(os.path.join(BUILD, "tests/bench/peak"), "2"))
    results = {"date": time.strftime("%Y-%m-%d"), "processor": model_name_of_processor(), "peak": peak, "models": []}
    print(f"{results['date']}  {results['processor']}  {peak['vectors']}: {peak['gflops_1']:.0f} / {peak['gflops_2']:.0f} GFLOP/s, "
          f"{peak['read_gbytes_1']:.0f} / {peak['read_gbytes_2']:.0f} GB/s on 1 / 2 threads")
    print(f"{ROUNDS} rounds of {ITERATIONS} runs, {WARMUP} warm-up runs each, engines interleaved")
    header = f"{'model':<24} {'thr':>3} {'engine':<12} {'version':<10} {'min ms':>8} {'vs peer':>8} {'median ms':>10} {'vs peer':>8} {'% of peak':>10}"
    print(header)
    wanted = os.environ.get("BENCH_MODELS", "").split()
    worst = {"f32": 0.0, "8-bit": 0.0}
    for name, model, size, quantiser in MODELS:
        if wanted and name not in wanted:
            continue
        onnx, packages = prepare(name, model, size, quantiser)
        macs = json.loads(weft("inspect", onnx, "--json"))["model"]["macs"]
        for threads in THREADS:
            samples = {engine: [] for engine in ENGINES}
            versions = {}
            for _ in range(ROUNDS):
                for engine in ENGINES:
                    times, report = run_round(engine, onnx, packages, threads)
                    samples[engine] += times
                    versions[engine] = report["version"]
            medians = {engine: statistics.median(samples[engine]) for engine in ENGINES}
            best_peer = min(medians["onnxruntime"], medians["openvino"])
            least_peer = min(samples["onnxruntime"] + samples["openvino"])
            for engine in ENGINES:
                share = None if quantiser else 100.0 * 2 * macs / (medians[engine] * 1e-3) / (peak[f"gflops_{threads}"] * 1e9)
                print(f"{name:<24} {threads:>3} {engine:<12} {versions[engine]:<10} {min(samples[engine]):>8.2f} "
                      f"{min(samples[engine]) / least_peer:>8.3f} {medians[engine]:>10.2f} {medians[engine] / best_peer:>8.3f} " +
                      (f"{share:>10.1f}" if share else f"{'-':>10}"), flush=True)
                results["models"].append({"model": f"{name}@{size}", "threads": threads, "engine": engine,
                                          "version": versions[engine], "min_ms": min(samples[engine]),
                                          "min_ratio": min(samples[engine]) / least_peer,
                                          "median_ms": medians[engine], "ratio": medians[engine] / best_peer,
                                          "percent_of_peak": share, "samples_ms": samples[engine]})
            if threads == 2:
                kind = "8-bit" if quantiser else "f32"
                worst[kind] = max(worst[kind], medians["weft"] / best_peer)
    print("% of peak: f32; it counts the multiply-adds of the model's definition, and Winograd performs fewer")
    cold = cold_and_warm(RESNET_RS_50, 160)
    weights_mb = json.loads(weft("inspect", os.path.join(OUT, "resnet-rs-50-160.onnx"), "--json"))["model"]["weight_bytes"] / 1e6
    results["resnetrs50"] = dict(cold, weights_mb=weights_mb)
    print(f"resnetrs50@160 cold: weft compile {cold['compile_s']:.2f} s, with the first run and PoCL's compiler {cold['cold_s']:.2f} s; "
          f"second load {cold['second_load_s']:.3f} s; peak RSS of a run {cold['rss_mb']:.0f} MB = "
          f"{cold['rss_mb'] / weights_mb:.2f} x the weights")
    with open(os.path.join(OUT, "bench.json"), "w", encoding="ascii") as out:
        json.dump(results, out, indent=1)
    print("weft against the faster peer with 2 threads, worst median: " +
          ", ".join(f"{kind} {ratio:.3f}" for kind, ratio in worst.items() if ratio) + f"   ({os.path.join(OUT, 'bench.json')})")


main()
