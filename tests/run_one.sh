#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run_one.sh TEST COUNTS: runs one test program, bats file or Python check; all speak TAP. Prints a line about it and the output of what failed,
# and appends `passed failed skipped`, the reasons of what was skipped and the names of what failed to the file COUNTS. A file that ends badly
# without a failed test of its own counts as one failure.
set -u
test=$1
counts=$2
log=$(mktemp)
trap 'rm -f "$log" "$log.out"' EXIT
# What was missing: bats and Python say it behind "# skip"; cmocka repeats the name of the test there, and our programs
# print a line "skipped: REASON" or "missing: THING" before it.
skip_reasons() {
    if grep -qE '^(skipped|missing): ' "$log"; then
        sed -nE 's/^(skipped|missing): /skipped: /p' "$log" | sort -u
    else
        grep -iE '^(not )?ok .*# *skip' "$log" | sed 's/.*# *[Ss][Kk][Ii][Pp] */skipped: /' | sort -u
    fi
}
failures() {
    names=$(sed -nE 's/.*not ok [0-9]+ -? *//p' "$log" | grep -viE '# *skip' | head -n 5)
    echo "${names:-ended with code $code}" | sed "s|^|failed: ${test#"${BUILD:-build}/"}: |"
}
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
# Written at once, so that the lines of two tests do not mix.
{
    printf '%-44s %4d passed %3d failed %3d skipped %5d s\n' "${test#"${BUILD:-build}/"}" "$ok" "$bad" "$skip" $(($(date +%s) - start))
    [ "$bad" -gt 0 ] && sed 's/^/    /' "$log" | tail -n 60
} >"$log.out"
cat "$log.out"
{
    echo "$ok $bad $skip"
    [ "$skip" -gt 0 ] && skip_reasons
    [ "$bad" -gt 0 ] && failures
} >>"$counts"
exit 0
