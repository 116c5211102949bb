# SPDX-License-Identifier: Apache-2.0
# weft quantize as users meet it: data of every kind, the answer, going on after an interruption, errors.

load golden.bash

setup() {
    cd "$BATS_TEST_TMPDIR"
    export WEFT_CACHE_DIR="$BATS_FILE_TMPDIR/cache" XDG_CACHE_HOME="$BATS_FILE_TMPDIR/cache"
}

quantize() {
    "$weft" quantize "$data/tiny.onnx" -q "$@"
}

# samples FILE COUNT [VALUE [SIZE]]: an npy file of COUNT equal samples of 3 x SIZE x SIZE; VALUE is a float's four bytes.
samples() {
    local size="${4:-16}"
    {
        printf '\x93NUMPY\x01\x00\x76\x00'
        printf '%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': ($2, 3, $size, $size), }"
        printf "${3:-\\x00\\x00\\x00\\x3f}%.0s" $(seq $(($2 * 3 * size * size)))
    } >"$1"
}

@test "random data: a table, worst first, and a model that compiles to 8 bits" {
    run quantize -o q.onnx --data random:3 --count 4
    [ "$status" -eq 0 ]
    [[ "$output" == *"tensor"*"SNR dB"* ]]
    [[ "$output" == *"q.onnx  7 tensors in 8 bits, 4 samples"* ]]
    [[ "$output" == *"method      mse, activations u8, weights s8 per channel, pairs within 160"* ]]
    [[ "$output" == *"over 8 samples that were not calibrated with"* ]]
    [[ "$output" == *"in float    nothing: all layers compute in 8 bits"* ]]
    "$weft" compile q.onnx -o q.weft -q
    "$weft" run q.weft --input image=random:5 -q
}

@test "--json and --report are the same answer" {
    quantize -o q.onnx --data random --count 4 --json --report report.json >answer.json
    jq -e '.schema == "weft.quantize/1" and .samples == 4 and .method == "mse" and .float_layers == []' answer.json
    jq -e '[.tensors[] | select(.snr_db != null) | .snr_db] | . == sort and length == 6 and .[0] > 15' answer.json
    jq -e '[.tensors[] | select(.is_output)] | length == 1 and .[0].name == "scores" and .[0].snr_db > 20' answer.json
    diff <(jq 'del(.seconds)' answer.json) <(jq 'del(.seconds)' report.json)
}

@test "every method and option writes a model" {
    for options in "--method minmax" "--method percentile --percentile 99" "--method entropy" "--activations s8" "--per-tensor" \
        "--equalize off --bias-correction off" "--exclude conv1,fc" "--pair-limit 254" "--backend ref"; do
        quantize -o q.onnx --data random --count 2 --measure 1 $options >answer.txt
        "$weft" check q.onnx -q >check.txt
    done
    quantize -o q.onnx --data random --count 2 --measure 1 --exclude conv1 | grep -E '^conv1 +Conv .* its weights are not 8-bit constants'
}

@test "a folder of pictures and one npy file" {
    mkdir pictures
    cp "$data/rgb.png" "$data/colour.jpg" pictures
    echo "no picture" >pictures/README.txt
    quantize -o q.onnx --data pictures --json | jq -e '.samples == 2 and .measured_held_out == false and .data == "files colour.jpg rgb.png"'
    samples one.npy 1
    cp one.npy pictures/last.npy
    quantize -o q.onnx --data pictures --json | jq -e '.samples == 3'
    samples many.npy 3 '\x00\x00\x80\x3f'
    quantize -o q.onnx --data many.npy --count 2 --measure 1 --json | jq -e '.samples == 2 and .measured_held_out'
}

@test "--resume goes on where a run ended, with the same result" {
    quantize -o whole.onnx --data random:1 --count 6 --measure 0 >whole.txt
    quantize -o part.onnx --data random:1 --count 2 --measure 0 --resume seen.stat >part.txt
    [ -s seen.stat ]
    "$weft" quantize "$data/tiny.onnx" -o resumed.onnx --data random:1 --count 6 --measure 0 --resume seen.stat >resumed.txt 2>notes.txt
    grep "seen.stat holds 2 samples already" notes.txt
    cmp whole.onnx resumed.onnx
    quantize -o other.onnx --data random:1 --count 6 --measure 0 --method entropy --resume seen.stat >other.txt
    quantize -o fresh.onnx --data random:1 --count 6 --measure 0 --method entropy >fresh.txt
    cmp other.onnx fresh.onnx
}

@test "statistics of other data, another model or none are refused" {
    quantize -o q.onnx --data random:1 --count 1 --measure 0 --resume seen.stat >answer.txt
    expect_error E0274 3 quantize "$data/tiny.onnx" -o q.onnx --data random:2 --count 2 -q --resume seen.stat
    [[ "$stderr" == *"another model, other data or other settings"* ]]
    expect_error E0274 3 quantize "$data/two.onnx" -o q.onnx --data random:1 --count 2 -q --resume seen.stat
    expect_error E0274 3 quantize "$data/tiny.onnx" -o q.onnx --data random:1 --count 2 -q --resume "$data/tiny.onnx"
    [[ "$stderr" == *"no file of calibration statistics"* ]]
}

@test "no data" {
    expect_error E0535 2 quantize "$data/tiny.onnx" -o q.onnx
    [[ "$stderr" == *"DIR, FILE.npy or random"* ]]
    mkdir empty
    expect_error E0535 2 quantize "$data/tiny.onnx" -o q.onnx --data empty
    [[ "$stderr" == *"empty holds no sample"* ]]
    mkdir pictures
    cp "$data/rgb.png" pictures
    expect_error E0535 2 quantize "$data/tiny.onnx" -o q.onnx --data pictures --count 2
    expect_error E0540 3 quantize "$data/tiny.onnx" -o q.onnx --data nowhere.npy
    [ ! -e q.onnx ]
}

@test "data of the wrong shape or with values that are not finite" {
    mkdir folder
    samples folder/small.npy 1 '\x00\x00\x80\x3f' 8
    expect_error E0522 3 quantize "$data/tiny.onnx" -o q.onnx --data folder -q
    [[ "$stderr" == *"1x3x16x16"* ]]
    expect_error E0522 3 quantize "$data/tiny.onnx" -o q.onnx --data folder/small.npy -q
    cp "$data/rgb.png.rgb.npy" bytes.npy
    expect_error E0521 3 quantize "$data/tiny.onnx" -o q.onnx --data bytes.npy -q
    samples nan.npy 1 '\x00\x00\xc0\x7f'
    expect_error E0273 3 quantize "$data/tiny.onnx" -o q.onnx --data nan.npy -q
    [[ "$stderr" == *"tensor: image"* ]]
    [ ! -e q.onnx ]
}

@test "what cannot be quantised, and what is no question" {
    expect_error E0270 3 quantize "$data/quantised.onnx" -o q.onnx --data random -q
    expect_error E0272 2 quantize "$data/tiny.onnx" -o q.onnx --data random --exclude conv9 -q
    [[ "$stderr" == *"conv"* ]]
    expect_error E0271 4 quantize "$data/two.onnx" -o q.onnx --data random --exclude plus,minus -q
    expect_error E0503 2 quantize "$data/tiny.onnx" --data random
    expect_error E0502 2 quantize "$data/tiny.onnx" -o q.onnx --data random --method best
    expect_error E0502 2 quantize "$data/tiny.onnx" -o q.onnx --data random:x
    expect_error E0513 2 quantize "$data/tiny.onnx" -o q.onnx --data random --per-tensor --per-channel
    cp "$data/tiny.onnx" same.onnx
    expect_error E0513 2 quantize same.onnx -o same.onnx --data random
    cmp same.onnx "$data/tiny.onnx"
}
