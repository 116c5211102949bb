#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# leaks.sh BUILD: every case of tests/xrt/test_faults and the command `weft softcard` around it in valgrind: memory that is lost, wrong
# accesses, uninitialised reads. Then that no process, no folder, and with them no socket and no memory of the card is left. Speaks TAP.
set -u
build=$(realpath "$1")
root=$(realpath "$(dirname "$0")/..")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
. "$root/tests/tap.sh"
# What is lost for certain; "possibly lost" are the stacks of threads that XRT leaves behind, which test_faults counts.
checker="valgrind -q --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite --num-callers=30
    --error-exitcode=99 --child-silent-after-fork=yes --suppressions=$root/tests/setup/valgrind.supp"

if ! ldconfig -p | grep -q 'libxrt_swemu\.so\.2'; then
    echo "ok 1 # SKIP XRT is not installed (Debian package libxrt1)"
    echo "1..1"
    exit 0
fi
# XRT's OpenCL alone: PoCL and its compiler take longer to load in valgrind than a card is granted to answer.
mkdir "$work/vendors"
export OCL_ICD_VENDORS="$work/vendors"
WEFT_BUILD=$build WEFT_TEST_TOOL=$checker CMOCKA_MESSAGE_OUTPUT=TAP \
    $checker --log-file="$work/softcard" "$build/weft" softcard -v --devices 2 -- "$build/tests/xrt/test_faults" >"$work/out" 2>"$work/err"
code=$?
folder=$(sed -n 's/^EMCONFIG_PATH=//p' "$work/err" | head -n 1)
sed -nE 's/^(not )?ok [0-9]+ - (.*)/\1\2/p' "$work/out" >"$work/cases"
while read -r name; do
    case $name in
    "not "*) line bad "loses no memory: ${name#not }" ;;
    *) line ok "loses no memory: $name" ;;
    esac
done <"$work/cases"
grep -q '^not ' "$work/cases" && sed 's/^/# /' "$work/err"
[ -s "$work/cases" ] && line ok "cases ran" || line bad "cases ran" "$work/err"
[ $code -ne 99 ] && line ok "loses no memory: weft softcard" || line bad "loses no memory: weft softcard" "$work/softcard"

# The environment of all that the card started names its folder; its sockets lie there.
left() {
    {
        grep -lsz "$folder" /proc/[0-9]*/environ
        grep -F "$folder" /proc/net/unix
        ls -d "$folder" 2>/dev/null
    } >"$work/left"
    [ -s "$work/left" ]
}
tries=0
while left && [ $tries -lt 40 ]; do
    sleep 0.1
    tries=$((tries + 1))
done
if [ -z "$folder" ] || left; then
    line bad "no process, socket or folder of the card is left" "$work/left"
else
    line ok "no process, socket or folder of the card is left"
fi
plan
