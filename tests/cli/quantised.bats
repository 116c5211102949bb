# SPDX-License-Identifier: Apache-2.0
# What the commands say about quantised models: which layers stay in float, and why.

setup() {
    weft="$(realpath "${WEFT_BUILD:-build}/weft")"
    models="$(realpath "$BATS_TEST_DIRNAME/../fuzz/corpus/import")"
    cd "$BATS_TEST_TMPDIR"
}

@test "check names the layers that stay in float" {
    run "$weft" check "$models/qlinear_gemm.onnx"
    [ "$status" -eq 0 ]
    [[ "$output" == *"in float    1 layer of a quantised model"* ]]
    [[ "$output" == *"QGemm:z Gemm 0.000 its result is not quantised"* ]]
    "$weft" check --json "$models/qlinear_gemm.onnx" |
        jq -e '.float_layers == [{name: "QGemm:z", op: "Gemm", macs: 12, reason: "its result is not quantised"}]'
}

@test "a model that computes in 8 bits throughout is said to" {
    run "$weft" compile "$models/qlinear_conv_13.onnx" -o conv.weft -q
    [ "$status" -eq 0 ]
    [[ "$output" == *"in float    nothing: all layers compute in 8 bits"* ]]
    "$weft" check --json "$models/qlinear_conv_13.onnx" | jq -e '.float_layers == []'
}

@test "a float model has no such list" {
    run "$weft" check "$models/batch_norm_9.onnx"
    [ "$status" -eq 0 ]
    [[ "$output" != *"in float"* ]]
    "$weft" check --json "$models/batch_norm_9.onnx" | jq -e '.float_layers == null'
}

@test "a package for an engine shows the engine's program" {
    run "$weft" compile "$models/qlinear_conv_13.onnx" --engine tiny -o conv.weft -q
    [ "$status" -eq 0 ]
    [[ "$output" == *"engine    tiny, 2 x 8 x 8: 1 of 4 steps, the others run on the host"* ]]
    run "$weft" inspect conv.weft --engine
    [ "$status" -eq 0 ]
    [[ "${lines[-1]}" == "0    1 conv "*"8=weights+"* ]]
    "$weft" inspect conv.weft --engine --json |
        jq -e '.engine.name == "tiny" and (.descriptors | length == 1 and .[0].kind == "conv")'
}

@test "an engine that does not exist is refused with the names of those that do" {
    run "$weft" compile "$models/qlinear_conv_13.onnx" --engine tny -o conv.weft -q
    [ "$status" -eq 2 ]
    [[ "$output" == *"E0302"* ]]
    [[ "$output" == *"one of: none, tiny, s, m, l"* ]]
    [ ! -e conv.weft ]
}

@test "a float model asks nothing of the engine" {
    "$weft" compile "$models/batch_norm_9.onnx" --engine tiny -o float.weft -q
    run "$weft" inspect float.weft --engine
    [ "$status" -eq 0 ]
    [[ "$output" == *"no engine: no step of this package was compiled for one"* ]]
}
