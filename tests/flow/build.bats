# SPDX-License-Identifier: Apache-2.0
# weft build for a card as its users meet it. The tool is tests/flow/standin/v++, a stand-in: no vendor's tool is run.

bats_require_minimum_version 1.5.0

setup_file() {
    export weft="$(realpath "${WEFT_BUILD:-build}/weft")"
    export WEFT_STANDIN_XCLBIN="$(realpath "${WEFT_BUILD:-build}/tests/flow/standin_xclbin")"
    export standin="$(realpath "$BATS_TEST_DIRNAME/standin")"
    export package="$BATS_FILE_TMPDIR/model.weft"
    "$weft" compile "$BATS_TEST_DIRNAME/../cli/data/quantised.onnx" --board u280 -o "$package" -q
}

setup() {
    cd "$BATS_TEST_TMPDIR"
    cp "$package" model.weft
}

# expect_error ID EXIT ARGUMENTS...: the id on standard error, the exit code, nothing on standard output.
expect_error() {
    local id="$1" code="$2" got=0
    shift 2
    "$weft" "$@" >stdout.txt 2>stderr.txt || got=$?
    cat stderr.txt
    [ "$got" -eq "$code" ]
    grep -qF "error[$id]: " stderr.txt
    [ ! -s stdout.txt ]
}

@test "--dry-run shows files and commands without a tool and writes nothing" {
    PATH=/usr/bin:/bin run "$weft" build model.weft --dry-run
    [ "$status" -eq 0 ]
    [[ "$output" == *"with v++ 2025.1 (assumed: no tool was asked), kernel in HLS C"* ]]
    [[ "$output" == *"nk=weft_engine:"* ]]
    [[ "$output" == *"v++ -c --mode hls --platform xilinx_u280_gen3x16_xdma_1_202211_1 --freqhz="* ]]
    [[ "$output" == *"v++ -l -t hw --platform "* ]]
    [[ "$output" == *"xclbinutil --input link/weft.xclbin --add-section USER_METADATA:RAW:notes.json --output weft.xclbin --force"* ]]
    [ "$(ls | tr '\n' ' ')" = "model.weft " ]
    "$weft" build model.weft --dry-run --tool-version 2022.2 --json >plan.json
    jq -e '(keys_unsorted | .[0] == "schema") and .schema == "weft.build/1" and .verdict == "planned" and .tool.version == "2022.2"' plan.json
    jq -e '.steps[0].command | index("-k") != null and index("--kernel_frequency") != null' plan.json
    jq -e '.files["link.cfg"] | test("freqHz") | not' plan.json
}

@test "a release is only taken as given where nothing is run" {
    expect_error E0513 2 build model.weft --tool "$standin/v++" --tool-version 2023.2
}

@test "a build: progress with times, figures by source, report beside the bitstream" {
    run --separate-stderr "$weft" build model.weft --tool "$standin/v++"
    echo "$stderr"
    [ "$status" -eq 0 ]
    [[ "$stderr" == *"[1/3] compile the engine: high-level synthesis: done after 0:00:"* ]]
    [[ "$stderr" == *"[2/3] link: place and route: done after 0:00:"* ]]
    [[ "${lines[0]}" == "bitstream   model.xclbin, "* ]]
    [[ "$output" == *"tool        v++ 2023.2, "* ]]
    [[ "$output" == *"slack       +0.010 ns (route)"* ]]
    grep -qE '^part +resource +model +hls +synthesis +route +available +%$' <<<"$output"
    jq -e '.verdict == "built" and .clock.achieved_source == "route"' model.json
    jq -e '[.resources[] | select(.scope == "weft_engine_1")] | length == 5 and all(.model != null and .hls != null and .route != null)' model.json
    "$WEFT_STANDIN_XCLBIN" --info model.xclbin >info.txt
    grep -q '"schema": "weft.bitstream/1"' info.txt
    grep -q '^unit weft_engine_1 ' info.txt
    grep -q STAND-IN model.build/link.log

    run --separate-stderr "$weft" build model.weft --tool "$standin/v++"
    [ "$status" -eq 0 ]
    [ "$(grep -c 'kept from an earlier run' <<<"$stderr")" -eq 3 ]
}

@test "a failure: the cause, what to try, the end of the log, the exit code" {
    export WEFT_STANDIN_FAULT=resources
    expect_error E0766 5 build model.weft --tool "$standin/v++"
    grep -q 'why: .*DSP: 9100 needed, 8496 in Pblock' stderr.txt
    grep -q 'try: .*weft compile MODEL.onnx --board ./lower.json' stderr.txt
    grep -q '^last lines of the log:' stderr.txt
    [ ! -e model.xclbin ] && [ ! -e model.json ]
    jq -e '.verdict == "failed" and .failure.id == "E0766" and .failure.step == "link"' model.build/build.json
    WEFT_STANDIN_FAULT=timing_fixed expect_error E0767 7 build model.weft --tool "$standin/v++"
    got=0
    WEFT_STANDIN_FAULT=license "$weft" build model.weft --tool "$standin/v++" --json >failed.json 2>stderr.txt || got=$?
    [ "$got" -eq 7 ]
    jq -e '.schema == "weft.build/1" and .failure.id == "E0763"' failed.json
}

@test "a clock that the linker lowered is a warning with both clocks" {
    WEFT_STANDIN_FAULT=timing_scaled "$weft" build model.weft --tool "$standin/v++" >stdout.txt 2>stderr.txt
    grep -q 'warning\[E0775\]: the circuit runs at ' stderr.txt
    jq -e '.clock.achieved_mhz < .clock.asked_mhz and .timing.worst_slack_ns < 0' model.json
}

@test "Ctrl-C ends the tool with all its programs, and the next run goes on" {
    WEFT_STANDIN_FAULT=slow "$weft" build model.weft --tool "$standin/v++" >stdout.txt 2>stderr.txt &
    build=$!
    for i in $(seq 200); do [ -s model.build/link/helper.pid ] && break; sleep 0.1; done
    helper="$(cat model.build/link/helper.pid)"
    kill -0 "$helper"
    # While it works, a second build in the same folder is refused.
    expect_error E0759 6 build model.weft --tool "$standin/v++"
    kill -TERM "$build" # a shell's background job ignores SIGINT
    got=0
    wait "$build" || got=$?
    [ "$got" -eq 1 ]
    for i in $(seq 50); do kill -0 "$helper" 2>/dev/null || break; sleep 0.1; done
    ! kill -0 "$helper" 2>/dev/null
    run --separate-stderr "$weft" build model.weft --tool "$standin/v++"
    [ "$status" -eq 0 ]
    [ "$(grep -c 'kept from an earlier run' <<<"$stderr")" -eq 1 ]
}

@test "without v++: where it was looked for" {
    unset XILINX_VITIS
    PATH=/usr/bin:/bin expect_error E0751 6 build model.weft
    grep -q 'it is not in PATH, and XILINX_VITIS is not set' stderr.txt
    XILINX_VITIS=/nowhere PATH=/usr/bin:/bin expect_error E0751 6 build model.weft
    grep -q 'XILINX_VITIS is /nowhere' stderr.txt
    mkdir -p vitis/bin
    ln -s "$standin"/* vitis/bin/
    XILINX_VITIS="$PWD/vitis" PATH=/usr/bin:/bin "$weft" build model.weft -q >stdout.txt
    PATH="$PWD/vitis/bin:$PATH" "$weft" build model.weft -o again.xclbin -q >stdout.txt
    "$weft" build model.weft -o folder.xclbin --tool vitis -q >stdout.txt
}

@test "a folder with other files is left alone" {
    mkdir mine
    echo precious >mine/letter.txt
    expect_error E0760 2 build model.weft --tool "$standin/v++" --work mine
    [ "$(cat mine/letter.txt)" = precious ]
}

@test "a package without a card is answered with the command that makes one" {
    "$weft" compile "$BATS_TEST_DIRNAME/../cli/data/quantised.onnx" -o cpu.weft -q
    expect_error E0750 4 build cpu.weft --tool "$standin/v++"
    grep -q 'try: weft compile MODEL.onnx --board' stderr.txt
    expect_error E0750 4 inspect cpu.weft --connectivity
}

@test "inspect --connectivity is the linker's file of the newest release" {
    "$weft" inspect model.weft --connectivity >link.cfg
    grep -q '^nk=weft_engine:' link.cfg
    "$weft" build model.weft --dry-run --json | jq -j '.files["link.cfg"]' | diff - link.cfg
    "$weft" inspect model.weft --connectivity --json | jq -e '.connectivity | startswith("[connectivity]\n")'
}
