#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# oclgrind.sh BUILD: runs every kernel family at vector widths 4, 8 and 16 in oclgrind: accesses out of bounds, data races, wrong API
# calls and uninitialised reads. Any report of oclgrind fails the line it belongs to. Speaks TAP.
# The kernels are not optimised, because oclgrind does not know all that the optimiser of clang 14 makes (freeze).
set -u
build=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
count=0
failed=0
checked() {
    # Reports go to a file of their own, so that output of the program is not taken for one.
    rm -f "$work/reports"
    oclgrind --build-options -cl-opt-disable --data-races --uninitialized --check-api --max-errors 20 --log "$work/reports" "$@" \
        >"$work/output" 2>&1
}
line() { # line OK|BAD NAME
    count=$((count + 1))
    if [ "$1" = ok ]; then
        echo "ok $count - $2"
    else
        failed=$((failed + 1))
        echo "not ok $count - $2"
        [ -f "$work/reports" ] && sed 's/^/# /' "$work/reports" | head -n 40
        grep -v '^ok ' "$work/output" | sed 's/^/# /' | tail -n 20
    fi
}

for width in 4 8 16; do
    for program in test_cpu_other test_cpu_tokens test_cpu_conv test_cpu_qconv test_cpu_qwindow test_cpu_qeltwise test_cpu_qlinear test_cpu_qmove; do
        CMOCKA_MESSAGE_OUTPUT=TAP WEFT_TEST_VECTOR_WIDTH=$width checked "$build/tests/kernels/$program"
        code=$?
        grep -qE '^ok ' "$work/output" || code=1
        [ -s "$work/reports" ] && code=1
        if [ $code -eq 0 ]; then
            # One line per family that ran; shapes too large for an interpreter are skipped by the program.
            for family in $(sed -nE 's/^ok [0-9]+ - //p' "$work/output"); do
                line ok "width $width: $family"
            done
        else
            line bad "width $width: $program"
        fi
    done
done

echo "1..$count"
[ "$failed" -eq 0 ]
