# SPDX-License-Identifier: Apache-2.0
# weft estimate, weft compile --board and boards as users meet them. No device is needed.

load golden.bash

setup_file() {
    "${WEFT_BUILD:-build}/weft-model" resnet --depth 18 --size 32 -o "$BATS_FILE_TMPDIR/r18.onnx" >/dev/null
}

setup() {
    cd "$BATS_TEST_TMPDIR"
    r18="$BATS_FILE_TMPDIR/r18.onnx"
    boards="$here/../../hls/boards"
}

# Times of host steps are this machine's.
without_host() {
    sed -E '/ host +-$/s/[0-9.]+ host/N host/; s/^(host .*)/host steps/; s/^( +sum, .*) [0-9.]+$/\1 N/' | sed 's/ *$//'
}

@test "one model on one board: the whole answer" {
    run "$weft" estimate "$r18" --board zcu104 -q
    [ "$status" -eq 0 ]
    [[ "$output" == *"all numbers are predicted by a model"* ]]
    [[ "$output" == *"float model: taken as if quantised to 8 bits"* ]]
    expect_text golden/estimate_zcu104.txt "$(without_host <<<"$output")"
}

@test "JSON: sums agree, limits are kept, one engine more does not fit" {
    "$weft" estimate "$r18" --board u50 --json -q >u50.json
    jq -e '.schema == "weft.estimate/1" and (.estimates | length == 1)' u50.json
    jq -e '.estimates[0] | .source == "model" and .assumed_quantised and .board == "u50" and .clock_mhz <= 300' u50.json
    jq -e '.estimates[0] | ([.steps[].cycles] | add) as $sum | ($sum / .cycles) > 0.999 and ($sum / .cycles) < 1.001' u50.json
    jq -e '.estimates[0].regions | all(.used.DSP <= .limit.DSP and .used.LUT <= .limit.LUT and .used.BRAM36 <= .limit.BRAM36)' u50.json
    jq -e '.estimates[0] | (.units | length) == .engines and all(.units[]; .banks | length == 5)' u50.json
    jq -e '.estimates[0].ladder | any(.verdict == "chosen") and any(.short_of != null)' u50.json
    jq -e '.estimates[0].vendor.images_per_second == 647.1' u50.json
}

@test "comparisons: boards for a model, models by boards" {
    run "$weft" estimate "$r18" -q
    [ "$status" -eq 0 ]
    for board in aws-f1 aws-f2 u200 u250 u280 u50 u55c v80 zcu104; do
        [[ "$output" == *$'\n'"$board "* ]]
    done
    run "$weft" estimate "$r18" "$data/tiny.onnx" --board all -q
    [ "$status" -eq 0 ]
    [[ "$output" == *"r18.onnx"*"tiny.onnx"* ]]
    run "$weft" estimate "$r18" "$data/tiny.onnx" --board all --json -q
    jq -e '.estimates | length == 18' <<<"$output"
}

@test "goals and batches" {
    "$weft" estimate "$r18" --board u280 --goal latency --batch 1 --json -q >quick.json
    "$weft" estimate "$r18" --board u280 --batch 1 --json -q >fast.json
    jq -e --slurpfile fast fast.json '.estimates[0].latency_ms <= $fast[0].estimates[0].latency_ms' quick.json
    jq -e '.estimates[0].batch == 1' quick.json
    "$weft" estimate "$r18" --board u280 --batch 3 --json -q | jq -e '.estimates[0].batch == 3'
}

@test "a board of the user's own" {
    sed 's/"name": "zcu104"/"name": "mine"/' "$boards/zcu104.json" >mine.json
    "$weft" estimate "$r18" --board ./mine.json --json -q | jq -e '.estimates[0].board == "mine"'
    # Half of the DSPs: slower, never more than there are.
    sed -e 's/"name": "zcu104"/"name": "half"/' -e 's/"dsp": 1728/"dsp": 864/' "$boards/zcu104.json" >half.json
    "$weft" estimate "$r18" --board ./half.json --json -q | jq -e '.estimates[0] | .dsp_used <= 692 and .dsp_usable == 864'
    sed 's/"bram36": 305/"bram36": 9/; s/"uram": 92/"uram": 0/' "$boards/zcu104.json" >none.json
    expect_error E0610 5 estimate "$r18" --board ./none.json -q
    [[ "$stderr" == *"BRAM36 in SLR0"* ]]
}

@test "boards that are wrong: all problems at once" {
    expect_error E0600 2 estimate "$r18" --board u205 -q
    [[ "$stderr" == *"did you mean u200"* ]]
    expect_error E0980 3 estimate "$r18" --board ./absent.json -q
    echo '{"schema": "weft.board/1",' >cut.json
    expect_error E0601 3 estimate "$r18" --board ./cut.json -q
    sed -e 's/"dsp": 1728/"dsp": -1/' -e 's/"title"/"titel"/' -e 's/"mhz": 300/"mhz": "fast"/' "$boards/zcu104.json" >bad.json
    expect_error E0602 3 estimate "$r18" --board ./bad.json -q
    [[ "$stderr" == *"slrs[0].dsp"* && "$stderr" == *"clock.mhz"* ]]
    [[ "$stderr" == *'did you mean "title"?'* ]]
    head -c 2000000 /dev/zero >zeros.json
    expect_error E0601 3 estimate "$r18" --board ./zeros.json -q
    printf '[%.0s' $(seq 100000) >deep.json
    expect_error E0601 3 estimate "$r18" --board ./deep.json -q
}

@test "wrong use" {
    expect_error E0505 2 estimate x.weft --board u50 -q
    expect_error E0502 2 estimate "$r18" --board u50 --goal best -q
    expect_error E0611 4 compile "$r18" --board u50 -o r18.weft -q
    [ ! -e r18.weft ]
    expect_error E0513 2 compile "$r18" --board u50 --engine s -o r18.weft -q
}

@test "a package for a card carries the plan" {
    "$weft" quantize "$data/tiny.onnx" -o q.onnx --data random --count 2 -q >/dev/null
    run "$weft" compile q.onnx --board u280 -o q.weft -q
    [ "$status" -eq 0 ]
    [[ "$output" == *"card      u280 at 300 MHz"* ]]
    "$weft" inspect q.weft --json >q.json
    jq -e '[.. | objects | select(has("units") and has("clock_mhz"))] | length >= 1' q.json
    "$weft" inspect q.weft --verify
    # What the plan promises for the same model.
    "$weft" estimate q.onnx --board u280 --json -q | jq -e '.estimates[0].assumed_quantised == false'
}

@test "attention over more tokens than any engine holds fits no board" {
    "$(dirname "$weft")/weft-model" resformer --variant tiny --size 512 -o long.onnx >model.log
    run "$weft" estimate long.onnx --board zcu104 -q
    [ "$status" -eq 5 ]
    [[ "$output" == *"error[E0610]: no engine that fits board zcu104 holds a row of scores"* ]]
    [[ "$output" == *"at most 1024 tokens"*"1025 tokens"* ]]
    "$weft" estimate long.onnx --board u50 --json -q | jq -e '.estimates[0].images_per_second > 1'
}

@test "--simulate: every step, word by word, within a tenth of its prediction" {
    "$weft" estimate "$r18" --board u280 --simulate --json -q >simulated.json
    jq -e '.estimates[0] | (.simulation | length) == ([.steps[] | select(.bound != "host")] | length)' simulated.json
    jq -e '.estimates[0].simulation | all(.predicted_cycles / .simulated_cycles | . > 0.9 and . < 1.1)' simulated.json
    jq -e '.estimates[0].simulation | all(.simulated_cycles >= .processes.sum.busy_cycles and .processes.target.busy_cycles > 0)' simulated.json
    run "$weft" estimate "$r18" --board u280 --simulate -q
    [ "$status" -eq 0 ]
    [[ "$output" == *"largest difference of a step: "* ]]
    run "$weft" estimate "$r18" --simulate -q
    [ "$status" -eq 2 ]
    [[ "$output" == *"--simulate checks one model on one --board"* ]]
}
