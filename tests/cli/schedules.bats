# SPDX-License-Identifier: Apache-2.0
# One network at several shapes in one package: compiling, choosing, showing and verifying. On the reference backend, and on OpenCL
# where there is a device.

load golden.bash

setup_file() {
    weft="$(realpath "${WEFT_BUILD:-build}/weft")"
    model="$(realpath "${WEFT_BUILD:-build}/weft-model")"
    data="$(realpath "$BATS_TEST_DIRNAME")/data"
    export models="$BATS_FILE_TMPDIR"
    export XDG_CACHE_HOME="$BATS_FILE_TMPDIR/cache"
    for size in 32 48 64; do
        "$model" resformer --variant tiny --size $size --classes 10 --seed 5 -o "$models/m_$size.onnx" >/dev/null
    done
    "$weft" compile "$models/m_32.onnx" "$models/m_48.onnx" "$models/m_64.onnx" -o "$models/m.weft" -q >/dev/null
    "$weft" compile "$data/sizes.onnx" --shape image=1x3x16x16,1x3x24x32,2x3x16x16 -o "$models/sizes.weft" -q >/dev/null
    "$weft" compile "$data/two.onnx" -o "$models/two.weft" -q >/dev/null
}

setup() {
    cd "$BATS_TEST_TMPDIR"
    sizes="$models/sizes.weft"
    m="$models/m.weft"
}

need_opencl() {
    "$weft" devices --json | jq -e '[.devices[] | select(.backend == "opencl" and .usable)] | length > 0' >/dev/null ||
        skip "no usable OpenCL device"
}

@test "compile: several files, a line of progress each, equal weights once" {
    "$weft" compile "$models"/m_*.onnx -o all.weft >stdout.txt 2>stderr.txt
    [ "$(grep -c '^\[1/3\] rewrite the graph of m_[0-9]*.onnx, 1x3x' stderr.txt)" -eq 3 ]
    grep -q '^3 schedules over one set of weights' stdout.txt
    # The same bytes again, wherever it is written.
    cmp all.weft "$m"
    "$weft" compile "$models/m_64.onnx" -o one.weft -q >/dev/null
    [ "$(stat -c %s all.weft)" -lt "$(($(stat -c %s one.weft) * 11 / 10))" ]
    "$weft" compile "$models"/m_*.onnx -o all.weft --json >answer.json 2>stderr.txt
    jq -e '[.schedules[].inputs[0].shape] == [[1, 3, 32, 32], [1, 3, 48, 48], [1, 3, 64, 64]]' answer.json
    # What the others have of their own are tables of positions.
    jq -e '.schedules[1:] | all(.own_constant_bytes < .constant_bytes / 100)' answer.json
}

@test "compile: files that do not belong together" {
    model="$(realpath "$(dirname "$weft")/weft-model")"
    "$model" resformer --variant tiny --size 48 --classes 10 --seed 5 --input-name image -o name.onnx >/dev/null
    "$model" resformer --variant tiny --size 48 --classes 10 --seed 5 --output-name scores -o result.onnx >/dev/null
    expect_error E0303 2 compile "$models/m_32.onnx" name.onnx -o x.weft -q
    [[ "$stderr" == *"name.onnx does not belong into one package with"*"m_32.onnx"* ]]
    [[ "$stderr" == *"expected: input 0: input f32, in any shape of rank 4"* ]]
    [[ "$stderr" == *"found:    input 0: image f32 1x3x48x48"* ]]
    expect_error E0303 2 compile "$models/m_32.onnx" result.onnx "$data/two.onnx" -o x.weft -q
    [[ "$stderr" == *"found:    output 0: scores f32 1x10"* ]]
    [[ "$stderr" == *"two.onnx does not belong"*"expected: 1 input"*"found:    2"* ]]
    expect_error E0304 2 compile "$models/m_32.onnx" "$models/m_48.onnx" "$models/m_32.onnx" -o x.weft -q
    [[ "$stderr" == *"m_32.onnx and "*"m_32.onnx take inputs of the same shapes"* ]]
    expect_error E0304 2 compile "$data/sizes.onnx" --shape image=1x3x16x16,1x3x16x16 -o x.weft -q
    expect_error E0303 2 check "$models/m_32.onnx" name.onnx -q
    [ ! -e x.weft ]
}

@test "check and estimate take several" {
    run "$weft" check "$models/m_32.onnx" "$models/m_64.onnx" -q
    [ "$status" -eq 0 ]
    [[ "$output" == *"1x3x32x32"*"1x3x64x64"*"supported   yes"* ]]
    "$weft" check "$models/m_32.onnx" "$models/m_64.onnx" --json -q |
        jq -e '.supported and (.models | length == 2) and (.placement.schedules | length == 2)'
    run "$weft" estimate "$data/sizes.onnx" --shape image=1x3x16x16,1x3x32x32 --board u280 -q
    [ "$status" -eq 0 ]
    [[ "$output" == *"sizes.onnx 1x3x16x16 "*"sizes.onnx 1x3x32x32 "* ]]
    "$weft" estimate "$data/sizes.onnx" --shape image=1x3x16x16,1x3x32x32 --board u280 --json -q |
        jq -e '[.estimates[].macs] | length == 2 and .[1] > 3 * .[0]'
}

@test "inspect: the list, and one of them" {
    run "$weft" inspect "$sizes" -q
    [ "$status" -eq 0 ]
    [[ "$output" == *"schedules   3, over one set of weights"* ]]
    [[ "$output" == *" 0 image 1x3x16x16 "*" 1 image 1x3x24x32 "*" 2 image 2x3x16x16 "* ]]
    "$weft" inspect "$sizes" --json >list.json
    jq -e '.schedules | length == 3 and (.[1].macs == 3 * .[0].macs or .[1].macs > 2 * .[0].macs)' list.json
    jq -e '.schedules | .[0].own_constant_bytes == .[0].constant_bytes and .[2].own_constant_bytes < .[2].constant_bytes' list.json
    run "$weft" inspect "$sizes" --shape image=1x3x24x32 -q
    [[ "$output" == *"schedule 1 "*"f32 1x3x24x32"* && "$output" != *"16x16"* ]]
    for view in layers memory weights; do
        "$weft" inspect "$sizes" --shape 1x3x24x32 --$view >shape.txt 2>stderr.txt
        "$weft" inspect "$sizes" --schedule 1 --$view | diff shape.txt -
        [ ! -s stderr.txt ]
        "$weft" inspect "$sizes" --$view >first.txt 2>stderr.txt
        grep -q 'the first of 3 schedules, image 1x3x16x16; --shape chooses another' stderr.txt
        "$weft" inspect "$sizes" --schedule 0 --$view | diff first.txt -
    done
    [ "$("$weft" inspect "$sizes" --ir | grep -c '^graph ')" -eq 3 ]
    [ "$("$weft" inspect "$sizes" --ir --shape 1x3x24x32 | grep -c '^graph ')" -eq 1 ]
    "$weft" inspect "$sizes" --ir --schedule 1 | grep -q '24x32\]'
    "$weft" inspect "$sizes" --ir --schedule 2 | grep -q '\[2x3x16x16\]'
    for schedule in 0 1 2; do
        "$weft" inspect "$sizes" --ir --schedule $schedule
    done | diff - <("$weft" inspect "$sizes" --ir)
    "$weft" inspect "$sizes" --plan | jq -e '.schedules | length == 3'
    "$weft" inspect "$sizes" --plan --shape 1x3x24x32 | jq -e '.schedules | length == 1 and .[0].values[.[0].inputs[0]].shape == [1, 3, 24, 32]'
    "$weft" inspect "$sizes" --plan --json --schedule 2 | jq -e '.plan.schedules | length == 1'
}

@test "a shape that is not there is answered with those that are" {
    for command in "inspect --layers" "run --backend ref -i zeros" "verify --backend ref" "bench --backend ref" "profile --backend ref"; do
        expect_error E0363 2 ${command%% *} "$sizes" ${command#* } --shape image=1x3x17x16 -q
        [[ "$stderr" == *"the package was not compiled for image 1x3x17x16"* ]]
        [[ "$stderr" == *"one of: image 1x3x16x16; image 1x3x24x32; image 2x3x16x16"* ]]
    done
    expect_error E0364 2 inspect "$sizes" --shape input=1x3x16x16
    [[ "$stderr" == *"expected: image"* ]]
    expect_error E0364 2 inspect "$models/two.weft" --shape 2x3
    expect_error E0506 2 inspect "$sizes" --shape image=1x3x16x16,1x3x24x32
    expect_error E0506 2 inspect "$sizes" --shape image=1xx3
    expect_error E0513 2 inspect "$sizes" --shape image=1x3x16x16 --schedule 0
    expect_error E0511 2 run "$sizes" --backend ref -i zeros --schedule 3
    "$weft" inspect "$models/two.weft" --shape left=2x3 --shape right='?x3' --layers -q >/dev/null
}

@test "run: by the shape of the npy input, by --shape, or the first" {
    "$weft" run "$sizes" --backend ref -i random:1 --shape 1x3x24x32 -o y.npy --json -q >answer.json
    jq -e '.schedule == 1 and .inputs[0].shape == [1, 3, 24, 32]' answer.json
    "$weft" run "$sizes" --backend ref -i random:1 --shape '2x?x?x?' --json -q | jq -e '.schedule == 2 and .outputs[0].shape == [2, 10]'
    "$weft" run "$sizes" --backend ref -i random:1 --json >answer.json 2>stderr.txt
    jq -e '.schedule == 0' answer.json
    grep -q 'note: the first of 3 schedules, image 1x3x16x16; --shape chooses another' stderr.txt
    python3 - <<'END'
header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3, 24, 32), }"
open("x.npy", "wb").write(b"\x93NUMPY\x01\x00" + bytes([len(header), 0]) + header + bytes(4 * 3 * 24 * 32))
END
    "$weft" run "$sizes" --backend ref -i @x.npy --json >answer.json 2>stderr.txt
    jq -e '.schedule == 1' answer.json
    ! grep -q 'the first of' stderr.txt
    expect_error E0522 3 run "$sizes" --backend ref -i @x.npy --shape 1x3x16x16
    [[ "$stderr" == *"that is the shape of another schedule"* ]]
}

@test "run: a picture is scaled to the shape that is asked for" {
    # A binary PPM is no picture here; a PNG of the test data is.
    picture="$(ls "$data"/*.png | head -1)"
    [ -n "$picture" ] || skip "no picture"
    for shape in 1x3x32x32 1x3x64x64; do
        "$weft" run "$m" --backend ref -i "@$picture" --shape $shape --json -q >answer.json
        jq -e --arg shape $shape '.inputs[0].shape | map(tostring) | join("x") == $shape' answer.json
    done
    "$weft" run "$m" --backend ref -i "@$picture" --json 2>stderr.txt | jq -e '.schedule == 0'
    grep -q 'the first of 3 schedules, input 1x3x32x32' stderr.txt
}

@test "verify: every schedule, a line each, or the one that is chosen" {
    run "$weft" verify "$sizes" --backend ref -q
    [ "$status" -eq 0 ]
    [ "$(grep -c ' passed$' <<<"$output")" -eq 4 ]
    [[ "$output" == *"3 of 3 schedules passed"* ]]
    [ "${lines[-1]}" = PASSED ]
    "$weft" verify "$sizes" --backend ref --json -q >answer.json
    jq -e '.schema == "weft.verify/1" and .passed and (.schedules | length == 3)' answer.json
    jq -e '[.schedules[].schedule] == [0, 1, 2] and .schedules[2].inputs[0].shape == [2, 3, 16, 16]' answer.json
    jq -e '.schedules | all(.passed and (.values | length > 3))' answer.json
    run "$weft" verify "$sizes" --backend ref -q --shape 1x3x24x32
    [ "$status" -eq 0 ]
    [[ "$output" != *"schedules passed"* ]]
    run "$weft" verify "$sizes" --backend ref --layers -q
    [ "$(grep -c '^schedule [0-2]: image ' <<<"$output")" -eq 3 ]
}

@test "verify: every schedule on a device, and what fails" {
    need_opencl
    run "$weft" verify "$m" -q
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$output" == *"3 of 3 schedules passed"* ]]
    run "$weft" verify "$m" -q --tolerance 0
    [ "$status" -eq 1 ]
    [ "${lines[-1]}" = FAILED ]
    [[ "$output" == *"FAILED at step "*"; --schedule 2 shows more"* ]]
    run "$weft" verify "$sizes" --against ref,opencl -q
    [ "$status" -eq 0 ]
    [ "$(grep -c '^schedule [0-2]: image ' <<<"$output")" -eq 3 ]
    [ "${lines[-1]}" = "PASSED: 3 schedules" ]
    "$weft" verify "$sizes" --against ref,opencl --json -q >answer.json
    jq -e '.schema == "weft.against/1" and .passed and (.schedules | length == 3 and all(.passed))' answer.json
    got=0
    "$weft" verify "$sizes" --against ref,opencl --tolerance 0 --reduce layer.weft -q >stdout.txt || got=$?
    [ "$got" -eq 1 ]
    [ "$(grep -c '^schedule ' stdout.txt)" -eq 1 ] && [ -e layer.weft ]
}

@test "bench and profile: the schedule that is chosen" {
    "$weft" bench "$sizes" --backend ref -n 2 -w 0 --shape 1x3x24x32 --json -q | jq -e '.schedule == 1 and .inputs[0].shape == [1, 3, 24, 32]'
    "$weft" bench "$sizes" --backend ref -n 2 -w 0 --json 2>stderr.txt | jq -e '.schedule == 0'
    grep -q 'the first of 3 schedules' stderr.txt
    run "$weft" profile "$sizes" --backend ref -n 2 -w 0 --shape 2x3x16x16 -q
    [ "$status" -eq 0 ]
    [[ "$output" == *"2x8x8x16"* ]]
}

@test "a quantised network at several shapes: engine and card are planned once" {
    for size in 16 48; do
        "$weft" quantize "$data/sizes.onnx" --shape image=1x3x${size}x$size -o q_$size.onnx --data random --count 2 -q >/dev/null
    done
    run "$weft" compile q_16.onnx q_48.onnx -o q.weft -q
    [ "$status" -eq 0 ]
    "$weft" inspect q.weft --engine --shape 1x3x48x48 -q >large.txt
    "$weft" inspect q.weft --engine --shape 1x3x16x16 -q >small.txt
    ! cmp -s large.txt small.txt
    run "$weft" compile q_16.onnx q_48.onnx --board u280 -o card.weft -q
    [ "$status" -eq 0 ]
    [[ "$output" == *"predicted ms"* ]]
    # The engine is that of the larger one alone.
    "$weft" compile q_48.onnx --board u280 -o alone.weft -q >/dev/null
    "$weft" inspect alone.weft --json | jq .engine >alone.json
    "$weft" inspect card.weft --json | jq .engine | diff alone.json -
    need_opencl
    run "$weft" verify q.weft --against ref,opencl,engine-opencl -q
    echo "$output"
    [ "$status" -eq 0 ]
    [ "${lines[-1]}" = "PASSED: 2 schedules" ]
}
