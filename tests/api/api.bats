# SPDX-License-Identifier: Apache-2.0
# What others build against: the public headers, the static libraries and the bytes that the compiler writes.

setup_file() {
    export root="$(realpath "$BATS_TEST_DIRNAME/../..")"
    export build="$(realpath "${WEFT_BUILD:-build}")"
    export includes="-I$root/compiler/include -I$root/runtime/include"
}

# headers LANGUAGE COMPILER...: each header is a whole translation unit, twice in a row.
headers() {
    local language="$1" count=0
    shift
    for header in "$root"/compiler/include/weft/*.h "$root"/runtime/include/weft/*.h; do
        name="weft/$(basename "$header")"
        printf '#include "%s"\n#include "%s"\n' "$name" "$name" | "$@" -x "$language" $includes -Wall -Wextra -Wpedantic -Werror -fsyntax-only -
        count=$((count + 1))
    done
    [ "$count" -ge 5 ]
}

@test "every public header is complete in C11" {
    headers c gcc -std=c11
}

@test "every public header is complete in C++17" {
    headers c++ g++ -std=c++17
}

# Global names of a library; what the assembler made of protobuf-c's own inline functions would show up too.
@test "the libraries export weft_ names only" {
    for library in libweftbase.a libweftc.a libweft.a; do
        nm -g --defined-only "$build/$library" | awk 'NF == 3 { print $3 }' >"$BATS_TEST_TMPDIR/names"
        [ "$(wc -l <"$BATS_TEST_TMPDIR/names")" -gt 10 ]
        if grep -vE '^(weft_|__odr_asan)' "$BATS_TEST_TMPDIR/names"; then
            echo "in $library"
            return 1
        fi
    done
}

@test "the example is built against the libraries and runs a package" {
    "$build/weft" devices --json | jq -e '[.devices[] | select(.backend == "opencl" and .usable)] | length > 0' >/dev/null ||
        skip "no usable OpenCL device"
    cd "$BATS_TEST_TMPDIR"
    "$build/weft" compile -q "$root/tests/cli/data/tiny.onnx" --shape image=1x3x16x16 -o tiny.weft
    gcc -std=c11 -Wall -Wextra -Werror $includes "$root/tests/examples/classify.c" "$build/libweft.a" "$build/libweftbase.a" \
        $(pkg-config --libs jansson libxxhash OpenCL) -lpthread -lm -o classify
    XDG_CACHE_HOME="$BATS_TEST_TMPDIR/cache" ./classify tiny.weft >out.txt
    cat out.txt
    grep -qE '^[^ ]+\[[0-9]+\] = [-0-9.e]+$' out.txt
    run ./classify missing.weft
    [ "$status" -ne 0 ]
    [[ "$output" == *"error[E"* ]]
}

@test "the example for several resolutions loads once and runs each" {
    cd "$BATS_TEST_TMPDIR"
    "$build/weft" compile -q "$root/tests/cli/data/sizes.onnx" --shape image=1x3x16x16,1x3x24x32 -o sizes.weft >/dev/null
    gcc -std=c11 -Wall -Wextra -Werror $includes "$root/tests/examples/resolutions.c" "$build/libweft.a" "$build/libweftbase.a" \
        $(pkg-config --libs jansson libxxhash OpenCL) -lpthread -lm -o resolutions
    "$build/weft" devices --json | jq -e '[.devices[] | select(.backend == "opencl" and .usable)] | length > 0' >/dev/null ||
        skip "no usable OpenCL device"
    export XDG_CACHE_HOME="$BATS_TEST_TMPDIR/cache"
    ./resolutions sizes.weft >out.txt
    grep -q '^schedule 0: image 1x3x16x16 -> scores 1x10, ' out.txt
    grep -q '^schedule 1: image 1x3x24x32 -> scores 1x10, ' out.txt
    [ "$(./resolutions sizes.weft 24 32)" = "$(tail -1 out.txt)" ]
    run ./resolutions sizes.weft 16 17
    [ "$status" -eq 2 ]
    [[ "$output" == *"error[E0363]"*"one of: image 1x3x16x16; image 1x3x24x32"* ]]
}

@test "the same model gives the same bytes, wherever it lies" {
    cd "$BATS_TEST_TMPDIR"
    mkdir one two
    for folder in one two; do
        cp "$root/tests/cli/data/tiny.onnx" "$folder/tiny.onnx"
        (cd "$folder" && "$build/weft" compile -q tiny.onnx --shape image=1x3x16x16 --target cpu-avx2 --threads 2 -o tiny.weft)
        "$build/weft-model" resnet-rs --depth 50 --size 32 --classes 10 --seed 3 -o "$BATS_TEST_TMPDIR/$folder/rs.onnx" >/dev/null
        "$build/weft" compile -q "$folder/rs.onnx" --target cpu-avx512 --threads 2 --plan "$folder/plan.json" -o "$folder/rs.weft"
    done
    for file in tiny.weft rs.onnx rs.weft plan.json; do
        cmp "one/$file" "two/$file"
    done
    rm -rf one two
}
