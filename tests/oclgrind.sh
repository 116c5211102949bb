#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# oclgrind.sh BUILD: runs every kernel family at vector widths 4, 8 and 16, and the engine, in oclgrind: accesses out of bounds, data races, wrong API
# calls and uninitialised reads. Any report of oclgrind fails the line it belongs to. Speaks TAP.
# The kernels are not optimised, because oclgrind does not know all that the optimiser of clang 14 makes (freeze), and without reductions of vectors,
# which it does not know either.
set -u
build=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
. "$(dirname "$0")/tap.sh"

checked() {
    # Reports go to a file of their own, so that output of the program is not taken for one.
    rm -f "$work/reports"
    oclgrind --build-options "-cl-opt-disable -DWEFT_NO_REDUCE" --data-races --uninitialized --check-api --max-errors 20 --log "$work/reports" "$@" \
        >"$work/output" 2>&1
}

program() { # program NAME PROGRAM: one line per test that ran; what is too large for an interpreter is skipped by the program itself
    CMOCKA_MESSAGE_OUTPUT=TAP checked "$build/tests/$2"
    code=$?
    grep -qE '^ok ' "$work/output" || code=1
    [ -s "$work/reports" ] && code=1
    if [ $code -eq 0 ]; then
        for family in $(sed -nE 's/^ok [0-9]+ - //p' "$work/output"); do
            line ok "$1: $family"
        done
    else
        { head -n 40 "$work/reports"; grep -v '^ok ' "$work/output" | tail -n 20; } >"$work/why" 2>/dev/null
        line bad "$1: $2" "$work/why"
    fi
}

for width in 4 8 16; do
    for name in test_cpu_other test_cpu_tokens test_cpu_rows test_cpu_attention test_cpu_conv test_cpu_qconv test_cpu_qwindow test_cpu_qeltwise test_cpu_qlinear test_cpu_qmove test_cpu_qrows; do
        export WEFT_TEST_VECTOR_WIDTH=$width
        program "width $width" "kernels/$name"
    done
done
program "engine" fpga/test_engine_opencl

plan
