#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The runtime's suite on a card, and cards on the command line, under the real XRT with the software card.

setup() {
    build=$(realpath "${WEFT_BUILD:-build}")
    weft=$build/weft
    cd "$BATS_TEST_TMPDIR"
    ldconfig -p | grep -q libxrt_coreutil.so.2 || skip "XRT is not installed (Debian: libxrt1)"
}

@test "the runtime's suite passes on a card, through XRT and through its OpenCL" {
    run "$weft" softcard -- "$build/tests/runtime/test_runtime"
    echo "$output"
    [ "$status" -eq 0 ]
    [ "$(grep -c 'ok .* results_are_right_with_any_threads\|OK . results_are_right_with_any_threads' <<<"$output")" -eq 2 ]
}

@test "devices: both ways to the card, and two cards" {
    run "$weft" softcard --devices 2 -- "$weft" devices --json
    [ "$status" -eq 0 ]
    [ "$(jq '[.devices[] | select(.backend == "xrt" and .usable)] | length' <<<"$output")" -eq 2 ]
    [ "$(jq '[.devices[] | select(.backend == "xrt-opencl" and .usable)] | length' <<<"$output")" -eq 2 ]
}

@test "devices without a card: why not, and nothing crashes" {
    run env -u XILINX_XRT -u XCL_EMULATION_MODE "$weft" devices
    [ "$status" -eq 0 ]
    [[ "$output" == *xrt* ]]
    WEFT_XRT_LIBRARY=libnone.so run "$weft" devices
    [ "$status" -eq 0 ]
    [[ "$output" == *"apt-get install libxrt1"* ]]
}

@test "doctor names card and software card" {
    run "$weft" doctor --json
    [ "$(jq -r '.checks[] | select(.check == "software card") | .verdict' <<<"$output")" = ok ]
    [ "$(jq '[.checks[] | select(.check == "card")] | length' <<<"$output")" -eq 1 ]
}
