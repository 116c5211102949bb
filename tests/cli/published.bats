# SPDX-License-Identifier: Apache-2.0
# weft estimate --published: the cycle model against published speeds.

load golden.bash

@test "the table says what was published, what is predicted, and how far off that is" {
    run "$weft" estimate --published
    [ "$status" -eq 0 ]
    [[ "${lines[0]}" == *"published"*"predicted"*"error"* ]]
    [[ "$output" == *"DPUCZDX8G B4096"*"KV260"*"98.2"* ]]
    [[ "${lines[-1]}" == *"median "*" %, worst "*" %, of "*" points" ]]
}

@test "the errors are those of the points, and within what is promised" {
    "$weft" estimate --published --json >published.json
    jq -e '.schema == "weft.published/1" and (.points | length) >= 10' published.json
    jq -e '[.points[] | .predicted_fps / .published_fps - 1 - .error | fabs] | max < 1e-6' published.json
    jq -e '([.points[].error | fabs] | sort | (.[(length - 1) / 2 | floor] + .[length / 2 | floor]) / 2) as $median |
           .median_error - $median | fabs < 1e-6' published.json
    jq -e '.median_error <= 0.15 and .worst_error <= 0.35' published.json
}

@test "models and published points exclude each other; one of them is needed" {
    expect_error E0513 2 estimate --published model.onnx
    expect_error E0503 2 estimate
}

setup() {
    cd "$BATS_TEST_TMPDIR"
}
