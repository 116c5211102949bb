# SPDX-License-Identifier: Apache-2.0
# Vision transformers on the engine: all but the rounding of the input and the way back to float, the bits of ref on both engines, under sanitizers,
# and on a card through the real XRT.

setup_file() {
    export weft="$(realpath "${WEFT_BUILD:-build}/weft")"
    model="$(realpath "${WEFT_BUILD:-build}/weft-model")"
    cd "$BATS_FILE_TMPDIR"
    # Three stages with reductions between them, heads of 16 and 24 channels.
    "$model" vit-resnas --config "((5, 32, 16), (1, (32, 2, 16), (32, 64), 1), (3, 32, 64), (1, (64, 4, 16), (64, 128), 1), (3, 64, 96),
        (1, (96, 4, 24), (96, 192), 1), (2, 96, 5))" --size 56 --seed 3 -o float.onnx
    "$weft" quantize -q float.onnx --data random --count 2 --measure 0 -o model.onnx
    "$weft" compile -q model.onnx --engine s -o model.weft
    ldconfig -p | grep -q 'libxrt_swemu\.so\.2' || touch no-xrt
}

setup() {
    cd "$BATS_FILE_TMPDIR"
}

@test "two steps are left to the host" {
    "$weft" inspect model.weft --engine | tee program
    for kind in conv matmul layer_norm; do
        awk '{ print $3 }' program | grep -qx "$kind"
    done
    steps="$("$weft" inspect model.weft | sed -n 's/.*-> \([0-9]*\) steps.*/\1/p')"
    "$weft" inspect model.weft | grep "engine .*: $((steps - 2)) of $steps steps"
}

@test "every layer has the bits of ref in both dialects" {
    run "$weft" verify model.weft --against ref,engine-hls,engine-opencl
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$output" == *"PASSED: "*" layers equal on ref, engine-hls, engine-opencl"* ]]
}

@test "sanitizers find nothing" {
    # weft itself has no sanitizers here; the run-time must be there before the engine's library is loaded.
    export WEFT_HLS_CFLAGS="-fsanitize=address,undefined -fno-sanitize-recover=all" XDG_CACHE_HOME="$BATS_TEST_TMPDIR"
    export CC=gcc ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1
    run env LD_PRELOAD="$(gcc -print-file-name=libasan.so)" "$weft" verify model.weft --against ref,engine-hls
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$output" == *"PASSED: "*" layers equal on ref, engine-hls"* ]]
}

@test "planned for a card, built, run by XRT: the bits of ref" {
    [ ! -e no-xrt ] || skip "XRT is not installed (Debian package libxrt1)"
    "$weft" compile -q model.onnx --board u280 -o card.weft
    "$weft" build card.weft --target softcard
    timeout -k 5 60 "$weft" softcard --board card.weft -- "$weft" verify card.weft --against ref,xrt | tee out
    grep 'PASSED: .* layers equal on ref, xrt' out
}

@test "an engine has the units only where a model needs them" {
    "$weft" inspect model.weft --source=engine_s | grep -q 'WEFT_NORMS'
    "$weft" quantize -q "$BATS_TEST_DIRNAME/../cli/data/tiny.onnx" --data random --count 2 --measure 0 --shape image=1x3x16x16 -o net.onnx
    "$weft" compile -q net.onnx --shape image=1x3x16x16 --engine s -o net.weft
    run "$weft" inspect net.weft --source=engine_s
    [ "$status" -eq 0 ]
    [[ "$output" != *WEFT_NORMS* && "$output" != *WEFT_B_BYTES* ]]
}
