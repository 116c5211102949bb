# SPDX-License-Identifier: Apache-2.0
# The software card as users meet it: host programs under `weft softcard` on the real XRT. Every run is bounded.

bats_require_minimum_version 1.5.0

setup_file() {
    export root="$(realpath "$BATS_TEST_DIRNAME/../..")"
    export build="$(realpath "${WEFT_BUILD:-build}")"
    export weft="$build/weft" bound="timeout -k 5 60"
    cd "$BATS_FILE_TMPDIR"
    if ! ldconfig -p | grep -q 'libxrt_swemu\.so\.2'; then
        touch no-xrt
        return 0
    fi
    gcc -O2 -shared -fPIC "$root/tests/softcard/host/vadd.c" -o vadd.so
    gcc -O2 -shared -fPIC -DCRASHES "$root/tests/softcard/host/vadd.c" -o crash.so
    gcc -std=c11 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -I"$root" -I"$root/compiler/include" -I"$root/runtime/include" \
        "$root/tests/softcard/host/host.c" "$root/tests/softcard/sample_xclbin.c" "$build/libweftbase.a" \
        $(pkg-config --libs OpenCL jansson libxxhash) -ldl -lm -o host
    ./host make vadd.xclbin vadd.so 1 weft_any_softcard_1_0
    ./host make units.xclbin vadd.so 4 weft_any_softcard_1_0
    ./host make crash.xclbin crash.so 1 weft_any_softcard_1_0
}

setup() {
    cd "$BATS_FILE_TMPDIR"
    [ ! -e no-xrt ] || skip "XRT is not installed (Debian package libxrt1)"
    export XDG_CACHE_HOME="$BATS_TEST_TMPDIR/cache"
}

# folder_of FILE: the card's folder, which `weft softcard -v` writes to standard error.
folder_of() {
    sed -n 's/^EMCONFIG_PATH=//p' "$1"
}

# is_over FOLDER: neither the folder nor a process of it is there.
is_over() {
    [ -n "$1" ]
    for i in $(seq 40); do
        [ -e "$1" ] || grep -lsz "$1" /proc/[0-9]*/environ | grep -q . || return 0
        sleep 0.1
    done
    ls -d "$1"
    return 1
}

@test "XRT's C API: a kernel runs, and nothing is left behind" {
    $bound "$weft" softcard -v -- ./host native vadd.xclbin 0 2>err | tee out
    grep -q '^0 of 4096 sums wrong' out
    is_over "$(folder_of err)"
}

@test "OpenCL: a kernel runs, and the platforms that were there still are" {
    $bound "$weft" softcard -- ./host opencl vadd.xclbin 0 | tee out
    grep -q '^0 of 4096 sums wrong' out
    grep -q '^platform Xilinx' out
    [ ! -e /etc/OpenCL/vendors/pocl.icd ] || grep -q '^platform Portable Computing Language' out
}

@test "several units share a kernel's runs" {
    $bound "$weft" softcard -- ./host native units.xclbin 0
    $bound "$weft" softcard -- ./host opencl units.xclbin 0
}

@test "two devices" {
    $bound "$weft" softcard --devices 2 -- sh -c './host native vadd.xclbin 1 && ./host opencl vadd.xclbin 1' | tee out
    [ "$(grep -c '^0 of 4096' out)" -eq 2 ]
    grep -q ', 2 there$' out
}

@test "every board that weft knows, with all its banks" {
    for board in "$root"/hls/boards/*.json; do
        board="$(basename "$board" .json)"
        $bound "$weft" softcard -v --board "$board" -- ./host native vadd.xclbin 0 2>err
        grep -q '^card ' err
    done
    $bound "$weft" softcard --board u280 -- ./host opencl vadd.xclbin 0 | grep '^device xilinx_u280'
}

@test "what is not sent to the card is not there" {
    run $bound "$weft" softcard -- ./host native vadd.xclbin 0 forget
    [ "$status" -eq 3 ]
    export WEFT_SOFTCARD_MEMORY=shared
    $bound "$weft" softcard -- ./host native vadd.xclbin 0 forget
}

@test "the exit status is the command's" {
    run $bound "$weft" softcard -- sh -c 'exit 7'
    [ "$status" -eq 7 ]
    run $bound "$weft" softcard -- sh -c 'kill -9 $$'
    [ "$status" -eq 137 ]
    run -127 $bound "$weft" softcard -- ./no-such-command
    [[ "$output" == *"error[E0551]"* ]]
    run $bound "$weft" softcard -- ./vadd.xclbin
    [ "$status" -eq 126 ]
    [ "$($bound "$weft" softcard -- printf '%s|' a 'b c' --quiet)" = "a|b c|--quiet|" ]
}

@test "a signal reaches the command, and the folder is removed" {
    $bound "$weft" softcard -v -- sh -c 'trap "echo caught; exit 5" TERM; echo ready; while :; do sleep 0.05; done' >out 2>err &
    weft_pid=$!
    for i in $(seq 100); do grep -q ready out && break; sleep 0.05; done
    kill -TERM "$weft_pid"
    code=0
    wait "$weft_pid" || code=$?
    grep -q caught out
    is_over "$(folder_of err)"
}

@test "weft killed: the command ends and the folder is removed" {
    "$weft" softcard -v -- sh -c 'echo ready; ./host native crash.xclbin 0; sleep 50' >out 2>err 3>&- &
    weft_pid=$!
    for i in $(seq 100); do grep -q ready out && break; sleep 0.05; done
    sleep 0.3
    kill -KILL "$weft_pid"
    wait "$weft_pid" || true
    is_over "$(folder_of err)"
}

@test "what the command leaves running is ended" {
    $bound "$weft" softcard -v -- sh -c 'sleep 50 & exit 0' 2>err 3>&-
    is_over "$(folder_of err)"
}

@test "--keep leaves the folder" {
    $bound "$weft" softcard --keep -- true 2>err
    folder="$(sed -n 's/^kept //p' err)"
    jq -e '.Platform.Boards[0].Devices[0].Name' "$folder/emconfig.json"
    rm -r "$folder"
}

@test "faults: a unit that hangs, one that crashes, memory that is full" {
    run $bound env WEFT_SOFTCARD_FAULT=hang:2 "$weft" softcard -- ./host native vadd.xclbin 0
    [ "$status" -eq 4 ]
    [[ "$output" == *"run 1 ended"* && "$output" != *"run 2 ended"* ]]
    run $bound env WEFT_SOFTCARD_FAULT=crash "$weft" softcard -- ./host native vadd.xclbin 0
    [ "$status" -eq 4 ]
    [[ "$output" == *"ended by signal 11"* ]]
    run $bound "$weft" softcard -- ./host native crash.xclbin 0
    [ "$status" -eq 4 ]
    [[ "$output" == *"ended by signal 11"* ]]
    run $bound env WEFT_SOFTCARD_FAULT=nomem "$weft" softcard -- ./host native vadd.xclbin 0
    [ "$status" -ne 0 ] # XRT 2.13 does not pass the refusal on: buffers without memory, wrong sums
}

@test "fault: the device vanishes; the command is stuck in XRT, and a bound ends it" {
    run timeout -k 5 3 env WEFT_SOFTCARD_FAULT=vanish:1 "$weft" softcard -v -- ./host native vadd.xclbin 0
    [ "$status" -ne 0 ]
    printf '%s\n' "$output" >err
    is_over "$(folder_of err)"
}

@test "a fault that does not exist is said" {
    run timeout -k 5 3 env WEFT_SOFTCARD_FAULT=fire "$weft" softcard -- ./host native vadd.xclbin 0
    [ "$status" -ne 0 ]
    [[ "$output" == *"WEFT_SOFTCARD_FAULT is not hang, crash, vanish or nomem"* ]]
}

@test "without XRT the message names the package" {
    run $bound env LD_LIBRARY_PATH="$BATS_TEST_TMPDIR" sh -c 'printf x >"$0/libxrt_coreutil.so.2"; exec "$1" softcard -- true' \
        "$BATS_TEST_TMPDIR" "$weft"
    [ "$status" -eq 6 ]
    [[ "$output" == *"error[E0660]"*"libxrt1"* ]]
}

@test "without weft's own files the message names them" {
    cp "$weft" lonely
    run $bound ./lonely softcard -- true
    [ "$status" -eq 6 ]
    [[ "$output" == *"error[E0661]"*"weft-softcard-"*"libexec/weft"* ]]
}

@test "a quantised model: built, run by XRT, the integers of ref" {
    "$weft" quantize -q "$root/tests/cli/data/tiny.onnx" --data random --count 2 --measure 0 --shape image=1x3x16x16 -o q.onnx
    "$weft" compile -q q.onnx --shape image=1x3x16x16 --engine tiny -o q.weft
    "$weft" build q.weft --target softcard --json | jq -e '.units == 1 and .platform == "weft_any_softcard_1_0"'
    $bound "$weft" softcard -- "$weft" verify q.weft --backend xrt --tolerance 0
    "$weft" compile -q q.onnx --shape image=1x3x16x16 --board u280 -o b.weft
    "$weft" build b.weft --target softcard -o b.xclbin | grep 'xilinx_u280'
    $bound "$weft" softcard --board b.weft -- "$weft" verify b.weft --backend xrt --tolerance 0
    $bound "$weft" softcard -- "$weft" verify b.weft --backend xrt --tolerance 0 # the package says which card
    run $bound "$weft" softcard --board u50 -- "$weft" verify b.weft --backend xrt
    [[ "$output" == *"error[E0711]"*"weft softcard --board"* ]]
}

@test "build --target softcard: what it refuses" {
    run "$weft" build q.weft --target softcard --jobs 2
    [ "$status" -eq 2 ]
    [[ "$output" == *"error[E0513]"* ]]
    "$weft" compile -q "$root/tests/cli/data/tiny.onnx" --shape image=1x3x16x16 -o f32.weft
    run "$weft" build f32.weft --target softcard
    [ "$status" -eq 4 ]
    [[ "$output" == *"error[E0415]"* ]]
    printf '\x01' | dd of=q.xclbin bs=1 seek=332 conv=notrunc status=none
    run "$weft" build q.weft --target softcard
    [ "$status" -eq 2 ]
    [[ "$output" == *"error[E0665]"* ]]
    run env CC=/nonexistent/cc "$weft" build b.weft --target softcard -o c.xclbin
    [ "$status" -eq 6 ]
    [[ "$output" == *"error[E0418]"* ]]
    [ ! -e c.xclbin ]
}
