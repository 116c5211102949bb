#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh TEST...: runs test programs, bats files and Python checks; all speak TAP. One line per file, the output of what failed, and at last
# `N passed, N failed, N skipped`. A file that ends badly without a failed test of its own counts as one failure.
set -u
passed=0
failed=0
skipped=0
reasons=
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# What was missing: bats and Python say it behind "# skip"; cmocka repeats the name of the test there, and our programs
# print a line "skipped: REASON" or "missing: THING" before it.
skip_reasons() {
    if grep -qE '^(skipped|missing): ' "$log"; then
        sed -nE 's/^(skipped|missing): /skipped: /p' "$log" | sort -u
    else
        grep -iE '^(not )?ok .*# *skip' "$log" | sed 's/.*# *[Ss][Kk][Ii][Pp] */skipped: /' | sort -u
    fi
}
[ -d "${BUILD:-build}/locale" ] && LOCPATH=$(realpath "${BUILD:-build}/locale") && export LOCPATH
for test in "$@"; do
    start=$(date +%s)
    case $test in
    *.bats) WEFT_BUILD=${BUILD:-build} bats --tap "$test" >"$log" 2>&1 ;;
    *.py) WEFT_BUILD=${BUILD:-build} "${PYTHON:-python3}" "$test" >"$log" 2>&1 ;;
    */replay_*) "$test" "tests/fuzz/corpus/${test##*/replay_}" >"$log" 2>&1 ;;
    *) CMOCKA_MESSAGE_OUTPUT=TAP WEFT_BUILD=${BUILD:-build} "$test" >"$log" 2>&1 ;;
    esac
    code=$?
    ok=$(grep -ciE '^ok ' "$log")
    skip=$(grep -ciE '^(not )?ok .*# *skip' "$log")
    bad=$(grep -iE '^not ok ' "$log" | grep -civE '# *skip')
    ok=$((ok - $(grep -ciE '^ok .*# *skip' "$log")))
    # A program that finds nothing to run on says why and ends well: all of it is one skip.
    [ $code -eq 0 ] && [ $((ok + skip + bad)) -eq 0 ] && grep -q '^skipped: ' "$log" && skip=1
    [ $code -ne 0 ] && [ "$bad" -eq 0 ] && bad=1
    [ $code -eq 0 ] && [ $((ok + skip + bad)) -eq 0 ] && bad=1 && echo "ran no test" >>"$log"
    passed=$((passed + ok))
    skipped=$((skipped + skip))
    failed=$((failed + bad))
    printf '%-44s %4d passed %3d failed %3d skipped %5d s\n' "${test#"${BUILD:-build}/"}" "$ok" "$bad" "$skip" \
        $(($(date +%s) - start))
    if [ "$bad" -gt 0 ]; then
        sed 's/^/    /' "$log" | tail -n 60
    fi
    [ "$skip" -gt 0 ] && reasons="$reasons$(skip_reasons)
"
done
printf '%s' "$reasons" | grep . | sort -u
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
