# SPDX-License-Identifier: Apache-2.0
# The text of the integer contract stays in what C99, OpenCL C 1.2 and HLS C have in common.

setup() {
    cd "$BATS_TEST_DIRNAME/../.."
    contract="kernels/include/weft_int.h kernels/include/weft_int_row.h kernels/include/weft_int_rows.h"
    strict="-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wundef -Wvla -Werror -I. -fsyntax-only"
}

# Each header alone, so that it includes what it needs.
compile_alone() {
    for header in "${@:2}"; do
        echo "#include \"$header\"" | $1 $strict -x c - || return 1
    done
}

@test "gcc and clang take the contract as strict C99 and C11" {
    for compiler in gcc clang; do
        command -v "$compiler" >/dev/null || skip "no $compiler"
        compile_alone "$compiler -std=c99" $contract
        compile_alone "$compiler -std=c11" $contract kernels/include/weft_ratio.h kernels/include/weft_tables.h
    done
}

@test "clang takes the contract as OpenCL C 1.2" {
    command -v clang >/dev/null || skip "no clang"
    cat $contract | clang -x cl -cl-std=CL1.2 -Xclang -finclude-default-header -Wall -Wextra -Werror -fsyntax-only -
}

# Comments are taken away first: they may speak of doubles.
words() {
    cat "$@" | sed -E 's://.*$::' | tr '\n' ' ' | sed -E 's:/\*([^*]|\*+[^*/])*\*+/: :g'
}

# No float, no library, no pointer to pointer or function, no unbounded loop, no jump.
forbidden='\b(float|double|half|goto|malloc|free|memcpy|memset|sizeof|setjmp|while|do|volatile|union)\b|\*[[:space:]]*\*|\([[:space:]]*\*'

@test "the contract holds no construct outside the common subset" {
    ! words $contract | grep -oE ".{0,40}($forbidden).{0,40}"
}

@test "that check sees each construct it is for" {
    for line in 'float x;' 'double half(int x);' 'weft_s32 **rows;' 'int (*f)(int);' 'goto end;' \
        'memcpy(y, x, 4);' 'while (x) x--;' 'volatile int x;'; do
        echo "$line" >"$BATS_TEST_TMPDIR/bad.h"
        words "$BATS_TEST_TMPDIR/bad.h" | grep -qE "$forbidden" || { echo "not seen: $line"; return 1; }
    done
}
