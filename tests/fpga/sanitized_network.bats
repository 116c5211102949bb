# SPDX-License-Identifier: Apache-2.0
# A whole ResNet-RS through the engine's HLS C compiled with sanitizers: no access out of bounds, no undefined operation, the bits of ref.

setup() {
    weft="$(realpath "${WEFT_BUILD:-build}/weft")"
    model="$(realpath "${WEFT_BUILD:-build}/weft-model")"
    cd "$BATS_TEST_TMPDIR"
    # weft itself has no sanitizers here; the run-time must be there before the engine's library is loaded.
    export WEFT_HLS_CFLAGS="-fsanitize=address,undefined -fno-sanitize-recover=all"
    runtime="$(gcc -print-file-name=libasan.so)"
    export CC=gcc ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1
}

@test "every layer of a small ResNet-RS has the bits of ref under address and undefined-behaviour sanitizers" {
    "$model" resnet-rs --depth 50 --size 64 --classes 10 --seed 5 -o float.onnx
    "$weft" quantize float.onnx --data random --count 4 --measure 0 -o model.onnx -q
    "$weft" compile model.onnx --engine s -o model.weft -q
    run env LD_PRELOAD="$runtime" "$weft" verify model.weft --against ref,engine-hls
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$output" == *"PASSED: "*" layers equal on ref, engine-hls"* ]]
}
