# SPDX-License-Identifier: Apache-2.0
# weft-model as a user meets it: answers, error ids, exit codes, and nothing left behind.
# The program is $WEFT_BUILD/weft-model, build/weft-model when unset.

setup() {
    program="$(realpath "${WEFT_BUILD:-build}/weft-model")"
    cd "$BATS_TEST_TMPDIR"
}

# expect_error ID EXIT ARGUMENTS...: the id on standard error, nothing on standard output, no file.
expect_error() {
    local id="$1" code="$2" got=0
    shift 2
    "$program" "$@" >stdout.txt 2>stderr.txt || got=$?
    [ "$got" -eq "$code" ]
    [ "$(head -c 14 stderr.txt)" = "error[$id]: " ]
    [ ! -s stdout.txt ]
    stderr="$(cat stderr.txt)"
    rm stdout.txt stderr.txt
    [ -z "$(ls -A)" ]
}

@test "help goes to standard output and names every option" {
    run "$program" --help
    [ "$status" -eq 0 ]
    [[ "$output" == *"resnet-rs"* ]]
    run "$program" resnet-rs --help
    [ "$status" -eq 0 ]
    for option in --depth --size --batch --classes --opset --seed --fold-bn --form \
        --dynamic-batch --input-name --output-name --count --json -o; do
        [[ "$output" == *"$option"* ]]
    done
}

@test "plain ResNets have torchvision's parameters and three variants" {
    "$program" resnet --count --json | jq -e '.parameters == 25557032 and .macs == 4089184256'
    "$program" resnet --depth 18 --count --json |
        jq -e '.parameters == 11689512 and .macs == 1814073344'
    "$program" resnet --variant v1 --count --json | jq -e '.macs == 3857973248'
    "$program" resnet --variant slim --count --json | jq -e '.macs == 3482255360'
    expect_error E0903 2 resnet --variant v2 --count
    expect_error E0903 2 resnet --depth 101 --count
}

@test "transformers have the parameters and products of the original code" {
    "$program" vit-resnas --count --json |
        jq -e '.variant == "small" and .parameters == 63724108 and .macs == 2845501856'
    "$program" resformer --variant base --size 640 --count --json |
        jq -e '.parameters == 86431720 and .macs == 184313561088'
    run "$program" vit-resnas --help
    for option in --variant --config --size --attention --form; do
        [[ "$output" == *"$option"* ]]
    done
    expect_error E0903 2 resformer --variant large --count
    [[ "$stderr" == *"tiny|small|base"* ]]
    expect_error E0903 2 resformer --size 100 --count
    [[ "$stderr" == *"a multiple of 16"* ]]
    expect_error E0903 2 vit-resnas --size 225 --count
    [[ "$stderr" == *"a multiple of 56"*"try:   224 or 280"* ]]
    expect_error E0903 2 resformer --attention operator --opset 20 --count
    [[ "$stderr" == *"try:   --opset 23"* ]]
}

@test "a network of the search space comes as the search writes it" {
    local tuple="((4, 16), (1, (16, 2, 8), (16, 24), 1), (3, 16, 24), (1, (24, 1, 8), (24, 32), 0), (2, 24, 5))"
    "$program" vit-resnas --config "$tuple" --size 56 --count --json |
        jq -e '.variant == "config" and .classes == 5 and .macs == 8991640'
    echo "$tuple" >net.txt
    "$program" vit-resnas --config @net.txt --size 28 --seed 1 -o x.onnx
    rm x.onnx net.txt
    expect_error E0903 2 vit-resnas --config "$tuple" --size 42 --count
    [[ "$stderr" == *"a multiple of 28"* ]]
    expect_error E0903 2 vit-resnas --config "((4, 16), (1, (17, 2, 8)" --count
    [[ "$stderr" == *"character 16"*"the channels differ"* ]]
    expect_error E0925 6 vit-resnas --config @none.txt --count
    expect_error E0925 6 vit-resnas --config @. --count
}

@test "no arguments is a usage error" {
    run "$program"
    [ "$status" -eq 2 ]
}

@test "list shows every published model" {
    run "$program" list
    [ "$status" -eq 0 ]
    [ "${#lines[@]}" -eq 54 ]
    [[ "$output" == *"191891656"*"63942344704"* ]]
}

@test "list --json and --count --json are JSON" {
    "$program" list --json | jq -e '.schema == "weft.model-list/1" and (.models | length) == 53'
    "$program" resnet-rs --count --json |
        jq -e '.parameters == 35691912 and .macs == 2278629376 and .nodes == 282'
    "$program" resnet-rs --count --json --fold-bn |
        jq -e '.parameters == 35665224 and .nodes == 226'
}

@test "slips get the nearest name" {
    expect_error E0900 2 resnet-r
    [[ "$stderr" == *"try:   resnet-rs"* ]]
    expect_error E0901 2 resnet-rs --clases 7
    [[ "$stderr" == *"try:   --classes"* ]]
    expect_error E0901 2 resnet-rs --clases=7
    expect_error E0901 2 list --jsn
}

@test "usage errors" {
    expect_error E0900 2 ""
    expect_error E0902 2 resnet-rs --depth
    expect_error E0903 2 resnet-rs --depth 51 -o x.onnx
    [[ "$stderr" == *"50|101|152|200|270|350|420"* ]]
    expect_error E0903 2 resnet-rs --depth "" -o x.onnx
    expect_error E0903 2 resnet-rs --size 31 -o x.onnx
    expect_error E0903 2 resnet-rs --size 0x40 -o x.onnx
    expect_error E0903 2 resnet-rs --size " 64" -o x.onnx
    expect_error E0903 2 resnet-rs --opset 12 -o x.onnx
    expect_error E0903 2 resnet-rs --opset 24 -o x.onnx
    expect_error E0903 2 resnet-rs --batch -1 -o x.onnx
    expect_error E0903 2 resnet-rs --seed 18446744073709551616 -o x.onnx
    expect_error E0903 2 resnet-rs --form keras -o x.onnx
    expect_error E0903 2 resnet-rs --input-name 'a"b' -o x.onnx
    expect_error E0904 2 resnet-rs
    expect_error E0905 2 resnet-rs 50
    expect_error E0907 2 resnet-rs --fold-bn=yes -o x.onnx
}

@test "tensor names inside the model are refused" {
    expect_error E0906 2 resnet-rs --input-name same --output-name same -o x.onnx
    expect_error E0906 2 resnet-rs --output-name layer1.0.conv1.weight -o x.onnx
}

@test "a model over 2 GiB is refused" {
    expect_error E0910 5 resnet-rs --classes 300000 -o x.onnx
}

@test "a failed write leaves nothing" {
    expect_error E0920 6 resnet-rs -o /dev/null
    [ -c /dev/null ]
    expect_error E0920 6 resnet-rs -o /
    expect_error E0921 6 resnet-rs -o none/x.onnx
    # A file size limit of 1 MiB makes write() fail in the middle; the signal that would come
    # first is ignored.
    run bash -c "trap '' XFSZ; ulimit -f 1024; '$program' resnet-rs -o x.onnx"
    [ "$status" -eq 6 ]
    [[ "$output" == "error[E0922]"* ]]
    [ -z "$(ls -A)" ]
}

@test "an answer that cannot be printed is an error" {
    run bash -c "'$program' list > /dev/full"
    [ "$status" -eq 6 ]
    [[ "$output" == "error[E0922]"* ]]
}

@test "a seed gives the same bytes on every machine" {
    "$program" resnet-rs --size 32 --classes 3 --seed 7 -o a.onnx
    known=8a60cda19f08518e6d9cc911240082bae52cba538dcfe10ce0d153d4c9fae331
    [ "$(sha256sum <a.onnx)" = "$known  -" ]
    "$program" resformer --variant tiny --size 32 --classes 3 --seed 7 -o a.onnx
    [ "$(sha256sum <a.onnx)" = "9cc68be19a9d0f66bc35e2ee9018dc86b08d7b5c6bccf4143e997c04a62194ef  -" ]
    "$program" resformer --variant tiny --size 32 --classes 3 --seed 7 --form dynamo -o a.onnx
    [ "$(sha256sum <a.onnx)" = "ae2f3e69ca8aaaff506593f62f87dc5dcfbb1b2f264556e496f7d632a79b66b7  -" ]
    "$program" vit-resnas --config "((4, 16), (1, (16, 2, 8), (16, 24), 1), (3, 16, 24), (2, 24, 5))" --size 28 --seed 7 -o a.onnx
    [ "$(sha256sum <a.onnx)" = "28c605bdf4cd552eed5fb093fa8cac2a4e8611ea649b94fcd2b482ee1a7e2fa7  -" ]
    "$program" resnet-rs --size 32 --classes 3 --seed 8 -o a.onnx
    [ "$(sha256sum <a.onnx)" != "$known  -" ]
    [ "$(ls -A)" = a.onnx ]
}

@test "out of memory is an error" {
    # From too little for the graph's records to too little for the largest tensor.
    for kib in 3000 4000 5000 6000 8000 12000; do
        run bash -c "ulimit -v $kib; '$program' resnet-rs --depth 420 --size 32 -o x.onnx"
        [ "$status" -eq 6 ] || [ "$status" -eq 127 ] # 127: too little for the program's libraries
        [ -z "$(ls -A)" ]
    done
    [[ "$output" == "error[E0924]"* ]]
}

@test "out of memory is an error for transformers too" {
    for kib in 2900 3100 3300 3500 3700 3900; do
        for options in "resformer --form dynamo --attention sdpa" "vit-resnas --opset 13"; do
            run bash -c "ulimit -v $kib; '$program' $options --count"
            [ "$status" -eq 0 ] || [ "$status" -eq 6 ] || [ "$status" -eq 127 ]
        done
    done
}

@test "writing the largest model takes little memory" {
    # 192 million weights are 767 MB; the limit of address space is 256 MiB.
    run bash -c "ulimit -v 262144; '$program' resnet-rs --depth 420 --size 32 --json -o big.onnx"
    [ "$status" -eq 0 ]
    [ "$(stat -c %s big.onnx)" -gt 767000000 ]
    rm big.onnx
}
