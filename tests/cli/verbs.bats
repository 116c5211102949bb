# SPDX-License-Identifier: Apache-2.0
# The commands on small models, on the reference backend and, where there is one, on an OpenCL device.

load golden.bash

setup_file() {
    weft="$(realpath "${WEFT_BUILD:-build}/weft")"
    data="$(realpath "$BATS_TEST_DIRNAME")/data"
    export packages="$BATS_FILE_TMPDIR"
    export XDG_CACHE_HOME="$BATS_FILE_TMPDIR/cache"
    "$weft" compile "$data/tiny.onnx" --shape 'image=1x3x16x16,3x?x?x?' -o "$packages/tiny.weft" -q
    "$weft" compile "$data/two.onnx" -o "$packages/two.weft" -q
}

setup() {
    cd "$BATS_TEST_TMPDIR"
    tiny="$packages/tiny.weft"
    two="$packages/two.weft"
}

# npy FILE DESCR SHAPE BYTES: an array of zeros.
npy() {
    local header="{'descr': '$2', 'fortran_order': False, 'shape': ($3), }"
    {
        printf '\x93NUMPY\x01\x00'
        printf "\\x$(printf %02x ${#header})\\x00%s" "$header"
        head -c "$4" /dev/zero
    } >"$1"
}

need_opencl() {
    "$weft" devices --json | jq -e '[.devices[] | select(.backend == "opencl" and .usable)] | length > 0' >/dev/null ||
        skip "no usable OpenCL device"
}

# schema NAME ARGUMENTS...: a valid document with schema and version first; kept in answer.json.
schema() {
    local name="$1"
    shift
    "$weft" "$@" --json >answer.json 2>stderr.txt
    jq -e --arg name "$name" '.schema == $name and (keys_unsorted[0:2] == ["schema", "version"])' answer.json
}

@test "check: yes, with a summary" {
    run "$weft" check "$data/tiny.onnx"
    [ "$status" -eq 0 ]
    [[ "$output" == *"image  f32 1x3x16x16"* ]]
    [[ "$output" == *"supported   yes"* ]]
    schema weft.check/1 check "$data/tiny.onnx"
    jq -e '.supported and .exit_code == 0 and .model.nodes == 8 and .placement.schedules[0].steps < 8' answer.json
}

@test "check: no, with all ten problems" {
    got=0
    "$weft" check "$data/bad.onnx" >stdout.txt 2>stderr.txt || got=$?
    [ "$got" -eq 4 ]
    [ "$(grep -c '^error\[E' stderr.txt)" -eq 10 ]
    for op in Acos Asinh Atan Cosh Hardmax IsInf LogSoftmax NonZero Sinh Tan; do
        grep -q "node_$op" stderr.txt
    done
    grep -q 'supported   no: 10 problems above' stdout.txt
    got=0
    "$weft" check "$data/bad.onnx" --json >answer.json 2>stderr.txt || got=$?
    [ "$got" -eq 4 ]
    jq -e '(.supported | not) and .exit_code == 4 and ([.diagnostics[] | select(.severity == "error")] | length == 10)' answer.json
}

@test "compile: damaged and impossible files have ids of their own and leave nothing" {
    : >empty.onnx
    head -c 6000 "$data/tiny.onnx" >cut.onnx
    mkdir folder.onnx
    ids=
    for model in empty.onnx cut.onnx folder.onnx absent.onnx; do
        got=0
        "$weft" compile "$model" -o out.weft 2>stderr.txt >stdout.txt || got=$?
        echo "$model $got"
        cat stderr.txt
        [ "$got" -eq 3 ]
        [ ! -s stdout.txt ]
        [ ! -e out.weft ]
        ids="$ids $(grep -o 'E[0-9]*' stderr.txt | head -1)"
    done
    got=0
    "$weft" compile "$data/tiny.onnx" --shape image=1x4x16x16 -o out.weft 2>stderr.txt || got=$?
    [ ! -e out.weft ]
    id="$(grep -o 'E[0-9]*' stderr.txt | head -1)"
    [ "$got" -eq "$("$weft" list errors --json | jq -r --arg id "$id" '.errors[] | select(.id == $id).exit_code')" ]
    ids="$ids $id"
    [ "$(echo $ids | tr ' ' '\n' | sort -u | wc -l)" -eq 5 ]
    [ "$(ls -A | grep -c weft)" -eq 0 ]
}

@test "compile: progress, result, next commands" {
    "$weft" compile "$data/tiny.onnx" -o t.weft >stdout.txt 2>stderr.txt
    grep -q '^\[1/3\] ' stderr.txt
    grep -q 'next: weft verify t.weft' stderr.txt
    grep -q '8 nodes -> [0-9]* steps' stdout.txt
    "$weft" compile "$data/tiny.onnx" -o t.weft -q >stdout.txt 2>stderr.txt
    [ ! -s stderr.txt ]
    cp "$data/tiny.onnx" model.onnx
    "$weft" compile model.onnx -q >stdout.txt
    [ -s model.weft ]
}

@test "compile: passes timed, graph dumped, plan written" {
    run "$weft" compile "$data/tiny.onnx" -o t.weft -q --time-passes
    [[ "$output" == *"layout"* && "$output" == *"write package"* ]]
    "$weft" compile "$data/tiny.onnx" -o t.weft -q --dump-after layout --plan plan.json >stdout.txt 2>stderr.txt
    head -1 stdout.txt | grep -q '^// after layout'
    sed -n 2p stdout.txt | grep -q '^graph "tiny"'
    grep -q 'nodes ->' stderr.txt
    jq -e '.schema == "weft.plan/1"' plan.json
    schema weft.compile/1 compile "$data/tiny.onnx" -o t.weft
    jq -e '.source_nodes == 8 and (.stages | length > 3)' answer.json
    schema weft.compile/1 compile "$data/tiny.onnx" -o t.weft --dump-after layout
    jq -e '.dumps | length == 1 and (.[0].pass == "layout") and (.[0].text | startswith("graph "))' answer.json
    "$weft" compile "$data/tiny.onnx" -o o0.weft -q -O0
    [ "$("$weft" inspect o0.weft --json | jq '.schedules[0].steps')" -gt "$("$weft" inspect t.weft --json | jq '.schedules[0].steps')" ]
}

@test "compile: the same model gives the same bytes" {
    "$weft" compile "$data/tiny.onnx" -o a.weft -q
    "$weft" compile "$data/tiny.onnx" -o b.weft -q
    cmp a.weft b.weft
}

@test "inspect: every view, text and JSON" {
    for view in --verify --layers --memory --kernels --source --plan --weights --hash --ir; do
        run "$weft" inspect "$tiny" $view
        echo "$view"
        [ "$status" -eq 0 ]
        [ -n "$output" ]
    done
    schema weft.inspect/1 inspect "$tiny" --verify --layers --memory --kernels --weights --source --plan --ir
    jq -e '.intact and (.sections | length > 3) and (.layers | length == 3) and (.kernels | length > 0)' answer.json
    jq -e '.schedules | length == 2' answer.json
    jq -e '.plan.schedules[0].steps | length == 3' answer.json
    jq -e '.ir | startswith("graph ")' answer.json
    jq -e '([.kernels[].launches] | add) >= ([.layers[].launches | length] | add) and all(.layers[]; .launches[0].kernel == .kernel)' answer.json
    "$weft" inspect "$tiny" --plan | jq -e . >/dev/null
    name="$("$weft" inspect "$tiny" --kernels --json | jq -r '.kernels[0].kernel')"
    "$weft" inspect "$tiny" --source="$name" | grep -q "$name"
    "$weft" inspect "$tiny" --source "$name" | grep -q "$name"
    expect_error E0514 2 inspect "$tiny" --source=nothing
    expect_error E0511 2 inspect "$tiny" --schedule 7
}

@test "inspect: a model" {
    run "$weft" inspect "$data/tiny.onnx" --layers -q
    [ "$status" -eq 0 ]
    expect_text golden/tiny_layers.txt "$output"
    schema weft.inspect/1 inspect "$data/tiny.onnx" --layers
    jq -e '.kind == "model" and (.layers | length == 8)' answer.json
    schema weft.inspect/1 inspect "$data/tiny.onnx" --ir
    jq -e '.ir | startswith("graph ")' answer.json
}

@test "inspect: a damaged package is refused" {
    cp "$tiny" damaged.weft
    size=$(stat -c %s damaged.weft)
    printf '\xff' | dd of=damaged.weft bs=1 seek=$((size / 2)) conv=notrunc status=none
    cmp -s damaged.weft "$tiny" && printf '\x00' | dd of=damaged.weft bs=1 seek=$((size / 2)) conv=notrunc status=none
    for verb in "inspect" "run --input random" "verify" "bench"; do
        got=0
        "$weft" ${verb%% *} damaged.weft 2>stderr.txt >stdout.txt || got=$?
        [ "$got" -eq 3 ]
        grep -q '^error\[E03' stderr.txt
    done
}

@test "run: the schedule whose shape the input has" {
    npy one.npy '<f4' '1, 3, 16, 16' 3072
    npy three.npy '<f4' '3, 3, 16, 16' 9216
    schema weft.run/1 run "$tiny" --backend ref -i image=@one.npy -o y.npy
    jq -e '.schedule == 0 and .outputs[0].shape == [1, 10] and .outputs[0].file == "y.npy" and (.outputs[0].top[0] | length == 5)' answer.json
    schema weft.run/1 run "$tiny" --backend ref -i @three.npy
    jq -e '.schedule == 1 and (.outputs[0].top | length == 3)' answer.json
    [ "$(head -c 6 y.npy | tail -c 5)" = NUMPY ]
}

@test "run: several inputs and outputs" {
    "$weft" run "$two" --backend ref -i left=ones -i right=ones -o sum=@s.npy -o difference=@d.npy --top 1 >stdout.txt 2>stderr.txt
    grep -q '^sum -> s.npy' stdout.txt
    [ "$(tail -c 24 s.npy | od -An -tf4 -v | tr -s ' \n' ' ')" = " 2 2 2 2 2 2 " ]
    [ "$(tail -c 24 d.npy | od -An -tf4 -v | tr -s ' \n' ' ')" = " 0 0 0 0 0 0 " ]
    expect_error E0510 2 run "$two" --backend ref -i left=ones -i right=ones -o total=@s.npy
    [[ "$stderr" == *"sum, difference"* ]]
    expect_error E0510 2 run "$two" --backend ref -i left=ones -i right=ones -o s.npy
    expect_error E0508 2 run "$two" --backend ref -i ones
}

@test "run: seeds repeat" {
    "$weft" run "$tiny" --backend ref -q -i random:5 -o a.npy >/dev/null
    "$weft" run "$tiny" --backend ref -q -i random:5 -o b.npy >/dev/null
    "$weft" run "$tiny" --backend ref -q -i random:6 -o c.npy >/dev/null
    "$weft" run "$tiny" --backend ref -q -i random --seed 5 -o d.npy >/dev/null
    cmp a.npy b.npy
    cmp a.npy d.npy
    if cmp -s a.npy c.npy; then false; fi
}

@test "run: pictures" {
    for picture in rgb.png alpha.png palette.png colour.jpg progressive.jpg grey.jpg; do
        "$weft" run "$tiny" --backend ref -q -i "@$data/$picture" --softmax --top 3 >stdout.txt
        [ "$(wc -l <stdout.txt)" -eq 5 ]
    done
    seq 100 109 >labels.txt
    run "$weft" run "$tiny" --backend ref -q -i "@$data/rgb.png" --labels labels.txt --crop 1 --mean 0 --std 1,1,1
    [[ "$output" == *label* && "$output" == *" 10"[0-9]* ]]
    expect_error E0531 3 run "$tiny" --backend ref -i "@$data/cmyk.jpg"
    expect_error E0533 3 run "$two" --backend ref -i "left=@$data/rgb.png" -i right=ones
    expect_error E0502 2 run "$tiny" --backend ref -i "@$data/rgb.png" --std 1,0,1
    expect_error E0502 2 run "$tiny" --backend ref -i "@$data/rgb.png" --crop 1.2
}

@test "run: wrong arrays say what was expected and found" {
    npy double.npy '<f8' '1, 3, 16, 16' 6144
    npy flat.npy '<f4' '768,' 3072
    npy cut.npy '<f4' '1, 3, 16, 16' 3000
    echo hello >text.npy
    expect_error E0521 3 run "$tiny" --backend ref -i image=@double.npy
    expect_text golden/wrong_dtype.txt "$stderr"
    expect_error E0522 3 run "$tiny" --backend ref -i image=@flat.npy
    expect_text golden/wrong_shape.txt "$stderr"
    expect_error E0523 3 run "$tiny" --backend ref -i image=@cut.npy
    expect_error E0520 3 run "$tiny" --backend ref -i image=@text.npy
    expect_error E0540 3 run "$tiny" --backend ref -i image=@absent.npy
    expect_error E0540 3 run "$tiny" --backend ref -i image=@.
}

@test "run: wrong bindings" {
    expect_error E0509 2 run "$tiny" --backend ref
    expect_error E0508 2 run "$tiny" --backend ref -i imgae=random
    expect_error E0508 2 run "$tiny" --backend ref -i random -i random
    expect_error E0507 2 run "$tiny" --backend ref -i image=twos
    expect_error E0507 2 run "$tiny" --backend ref -i image=random:x
    expect_error E0511 2 run "$tiny" --backend ref -i random --schedule 2
}

@test "run: an output that cannot be written" {
    expect_error E0541 3 run "$tiny" --backend ref -i random -o /nonexistent/y.npy
    [ "$(ls -A | grep -vc 'std')" -eq 0 ]
}

@test "run: an unknown backend or device" {
    got=0
    "$weft" run "$tiny" --backend abacus -i random >stdout.txt 2>stderr.txt || got=$?
    echo "$got"; cat stderr.txt
    [ "$got" -ne 0 ]
    [ "$got" -ne 70 ]
    grep -q '^error\[E04' stderr.txt
}

@test "names from a model cannot drive the terminal" {
    LC_ALL=C sed 's/image/i\x1b\xc2\x9be/g' "$data/tiny.onnx" >evil.onnx
    "$weft" check evil.onnx >text.txt 2>&1
    "$weft" compile evil.onnx -o evil.weft >>text.txt 2>&1
    for view in "" --layers --memory --kernels --verify --weights; do
        "$weft" inspect evil.weft $view >>text.txt 2>&1
    done
    "$weft" run evil.weft --backend ref -i random >>text.txt 2>&1
    "$weft" run evil.weft --backend ref >>text.txt 2>&1 || [ $? -eq 2 ]
    "$weft" bench evil.weft --backend ref -n 1 -w 0 >>text.txt 2>&1
    grep -qF 'i\x1b\xc2\x9be' text.txt
    ! LC_ALL=C grep -q $'[\033\233]' text.txt
    schema weft.inspect/1 inspect evil.weft
    jq -e '.schedules[0].inputs[0].name == "i\u001b\u009be"' answer.json
}

@test "an answer that cannot be written is an error with a reason" {
    got=0
    "$weft" inspect "$tiny" --source >/dev/full 2>stderr.txt || got=$?
    [ "$got" -eq 3 ]
    grep -q 'error\[E0541\]: cannot write the answer' stderr.txt
}

@test "compile: a limit of the file size is a full disk, and nothing is left" {
    got=0
    (ulimit -f 8 && exec "$weft" compile "$data/tiny.onnx" -o limited.weft 2>stderr.txt) || got=$?
    [ "$got" -eq 3 ]
    grep -q 'error\[E0983\]' stderr.txt
    [ -z "$(ls limited.weft* 2>/dev/null)" ]
}

@test "run: a cache folder that cannot be made" {
    need_opencl
    : >file # a home that is a file: not even root can make folders in it
    run env -u XDG_CACHE_HOME -u POCL_CACHE_DIR HOME="$PWD/file" TMPDIR="$PWD" "$weft" run "$tiny" -i random
    [ "$status" -eq 0 ]
    [[ "$output" == *"note: PoCL's cache $PWD/file/.cache/pocl/kcache cannot be written"* ]]
    [ -z "$(ls -d weft-pocl* 2>/dev/null)" ]
}

@test "inspect: a narrow terminal gets fewer columns" {
    script -qc "stty cols 80; '$weft' inspect '$tiny' --layers --schedule 0" /dev/null >narrow.txt
    script -qc "stty cols 200; '$weft' inspect '$tiny' --layers --schedule 0" /dev/null >wide.txt
    head -1 narrow.txt | grep -q 'from nodes.*ideal us *bound'
    ! head -1 narrow.txt | grep -q 'tile'
    head -1 wide.txt | grep -q 'tile.*source'
    [ "$(head -1 narrow.txt | tr -d '\r' | wc -L)" -le 80 ]
}

@test "files of one command do not overwrite each other" {
    cp "$data/tiny.onnx" m.onnx
    ln -s m.onnx link.weft
    expect_error E0513 2 compile m.onnx -o m.onnx
    expect_error E0513 2 compile m.onnx -o link.weft
    expect_error E0513 2 compile m.onnx -o p.weft --plan ./m.onnx
    expect_error E0513 2 compile m.onnx -o p.weft --plan p.weft
    cmp m.onnx "$data/tiny.onnx"
    [ ! -e p.weft ]
    expect_error E0513 2 run "$two" -i left=zeros -i right=zeros -o sum=@a.npy -o difference=@a.npy --backend ref
    [ ! -e a.npy ]
}

@test "inspect: what only a package has" {
    for view in --verify --memory --kernels --source --plan --weights --hash; do
        expect_error E0504 2 inspect "$data/tiny.onnx" "$view"
    done
}

@test "verify: against itself and stored outputs" {
    run "$weft" verify "$tiny" --backend ref --reference ref -q
    [ "$status" -eq 0 ]
    [ "${lines[-1]}" = PASSED ]
    [[ "${lines[-2]}" == "tolerance needed 0, given"* ]]
    "$weft" run "$tiny" --backend ref -q -i random:2 -o y.npy >/dev/null
    run "$weft" verify "$tiny" --backend ref -q -i random:2 --expected scores=@y.npy
    [ "$status" -eq 0 ]
    run "$weft" verify "$tiny" --backend ref -q -i random:3 --expected y.npy
    [ "$status" -eq 1 ]
    [ "${lines[-1]}" = FAILED ]
    got=0
    "$weft" verify "$tiny" --backend ref -i random:3 --expected y.npy --json >answer.json 2>stderr.txt || got=$?
    [ "$got" -eq 1 ]
    jq -e '.schema == "weft.verify/1" and (.passed | not) and .tolerance_needed > 1e-3' answer.json
    expect_error E0513 2 verify "$tiny" --reference ref --expected y.npy
    expect_error E0509 2 verify "$tiny" --backend ref --expected y.npy
}

@test "quantised: types and the bits of sums in the layer table" {
    "$weft" compile "$data/quantised.onnx" -o quantised.weft -q
    run "$weft" inspect quantised.weft --layers
    [ "$status" -eq 0 ]
    [[ "${lines[0]}" == *" type sum bits "* ]]
    [ "$(echo "$output" | grep -c 'weft.QConv2D .* u8 ')" -eq 3 ]
    # The sums stand below their columns: "0.18" ends where "MMAC" does.
    title="${lines[0]%%MMAC*}MMAC" sum="${lines[-1]%%0.18*}0.18"
    [ ${#title} -eq ${#sum} ]
    "$weft" inspect quantised.weft --layers --json >answer.json
    jq -e '[.. | objects | select(has("sum_bits")) | .sum_bits | select(. != null)] |
        length == 3 and all(. >= 16 and . <= 32)' answer.json
    need_opencl
    run "$weft" verify quantised.weft --against all -q
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "${lines[-1]}" == "PASSED: 10 layers equal on opencl, ref, engine-opencl"* ]]
    schema weft.profile/1 profile quantised.weft -q
}

@test "verify --against: every layer on every executor" {
    need_opencl
    run "$weft" verify "$tiny" --schedule 0 --against all -q
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "${lines[-1]}" == "PASSED: "*" layers equal"*" on "* ]]
    schema weft.against/1 verify "$tiny" --schedule 0 --against ref,opencl
    jq -e '.passed and .first_difference == null and .layers == .layers_equal + .layers_close' answer.json
    jq -e '[.executors[].backend] == ["ref", "opencl"] and .missing == []' answer.json
    jq -e '.values | all(.hashes | keys_unsorted == ["ref", "opencl"] and all(test("^[0-9a-f]{16}$")))' answer.json
    # No tolerance: the first of the float layers whose bits differ is named with both values.
    got=0
    "$weft" verify "$tiny" --schedule 0 --against ref,opencl --tolerance 0 --json -q >answer.json || got=$?
    [ "$got" -eq 1 ]
    jq -e '.passed == false and (.first_difference as $step |
        [.values[] | select(.agreement == "different")][0] | .step == $step and .values.ref != .values.opencl)' answer.json
    run "$weft" verify "$tiny" --schedule 0 --against ref,opencl --tolerance 0 -q
    [ "$status" -eq 1 ]
    [[ "$output" == *"first difference: step "*"element ["*" on ref, "*" on opencl; "* ]]
    [[ "${lines[-1]}" == "FAILED: "*" layers differ on ref, opencl" ]]
}

@test "verify --against: what cannot be compared" {
    expect_error E0400 2 verify "$tiny" --against ref,oepncl
    [[ "$stderr" == *"opencl"* ]]
    expect_error E0502 2 verify "$tiny" --against ref,,opencl
    expect_error E0515 2 verify "$tiny" --against ref,ref
    expect_error E0513 2 verify "$tiny" --against all --reference ref
    expect_error E0513 2 verify "$tiny" --against all --expected scores=@y.npy
    expect_error E0513 2 verify "$tiny" --against all --backend ref
    # A machine without a driver: by name it is an error, `all` says what is missing.
    mkdir none
    OCL_ICD_VENDORS="$PWD/none" expect_error E0402 6 verify "$tiny" --against ref,opencl
    OCL_ICD_VENDORS="$PWD/none" expect_error E0515 2 verify "$tiny" --against all
    [[ "$stderr" == *"why: "*"opencl"* ]]
}

@test "verify: the tolerance it asks for passes" {
    need_opencl
    schema weft.verify/1 verify "$tiny" --schedule 0
    jq -e '.passed and .not_compared == 0 and ([.values[] | select(.step != null)] | length >= 3)' answer.json
    run "$weft" verify "$tiny" --schedule 0 -q --tolerance 0
    if [ "$status" -eq 1 ]; then
        [[ "$output" == *"first step over the tolerance"* ]]
        needed="$(echo "${lines[-2]}" | sed 's/tolerance needed \([^,]*\),.*/\1/')"
        run "$weft" verify "$tiny" --schedule 0 -q --tolerance "$needed"
        [ "$status" -eq 0 ]
    fi
    run "$weft" verify "$tiny" -q --layers --schedule 1
    [ "$status" -eq 0 ]
}

@test "a NaN on one side is a failure" {
    npy nan.npy '<f4' '1, 10' 36
    printf '\x00\x00\xc0\x7f' >>nan.npy
    run "$weft" verify "$tiny" --backend ref -q -i zeros --expected nan.npy --tolerance 1e9
    [ "$status" -eq 1 ]
    [[ "$output" == *"NaN/Inf"* && "$output" == *"tolerance needed inf"* ]]
}

@test "bench: stages, percentiles, samples" {
    schema weft.bench/1 bench "$tiny" --backend ref --warmup 1 --iterations 7
    jq -e '.latency_ms | .min <= .median and .median <= .p90 and .p90 <= .p95 and .p95 <= .p99 and .p99 <= .max' answer.json
    jq -e '(.samples_ms | length == 7) and .iterations == 7 and .warmup == 1 and .rss_peak_bytes > 0 and .throughput_per_s > 0' answer.json
    jq -e '.stages.run_ms.median <= .latency_ms.median and (.notes | length > 0)' answer.json
    run "$weft" bench "$tiny" --backend ref -n 3 -w 0
    [ "$status" -eq 0 ]
    [[ "$output" == *throughput* && "$output" == *"input copy"* ]]
    schema weft.bench/1 bench "$tiny" --backend ref --duration 0.05 -w 0
    jq -e '.iterations >= 1' answer.json
}

@test "profile: a row per step, a sum, the gap" {
    need_opencl
    run "$weft" profile "$tiny" -q -n 3 --trace t.json --overlay o.json --sort time
    [ "$status" -eq 0 ]
    [[ "$output" == *unaccounted* && "$output" == *wall* ]]
    jq -e '[.traceEvents[] | select(.ph == "X" and .tid == 2)] | length == 3' t.json
    jq -e '[.traceEvents[] | select(.ph == "X") | .dur >= 0 and .ts >= 0] | all' t.json
    jq -e '.signature == "netron:attachment"' o.json
    # every node of the overlay is a node of the model
    "$weft" inspect "$data/tiny.onnx" --layers --json 2>/dev/null | jq '[.layers[].name]' >names.json
    jq -e --slurpfile names names.json '[.metrics[].target | IN($names[0][])] | all and length > 0' o.json
    schema weft.profile/1 profile "$tiny" -n 3
    jq -e '((.layers | map(.measured_us) | add) - .steps_us | fabs) < 0.01' answer.json
    jq -e '(.wall_us - .steps_us - .unaccounted_us | fabs) < 0.01' answer.json
}

@test "devices and doctor" {
    schema weft.devices/1 devices
    jq -e '[.devices[].backend] | index("ref") != null' answer.json
    run "$weft" devices
    [ "$status" -eq 0 ]
    got=0
    OCL_ICD_VENDORS="$PWD/none" "$weft" doctor --json >answer.json 2>stderr.txt || got=$?
    [ "$got" -eq 6 ]
    jq -e '(.healthy | not) and ([.checks[] | select(.verdict == "missing") | .remedy] | all)' answer.json
    grep -q '^error\[E0550\]' stderr.txt
    grep -q 'pocl-opencl-icd' stderr.txt
}

@test "doctor finds nothing missing where there is a device" {
    need_opencl
    run "$weft" doctor
    [ "$status" -eq 0 ]
}
