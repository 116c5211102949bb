#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh TEST...: runs test programs, bats files and Python checks, JOBS at a time (one where it is not set): one line per file, the output of
# what failed, and at last `N passed, N failed, N skipped`.
set -u
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM
[ -d "${BUILD:-build}/locale" ] && LOCPATH=$(realpath "${BUILD:-build}/locale") && export LOCPATH
count=0
for test in "$@"; do
    count=$((count + 1))
    printf '%s\0%s\0' "$test" "$folder/$count"
done | xargs -0 -n 2 -P "${JOBS:-1}" sh tests/run_one.sh
ended=$?
cat "$folder"/* 2>/dev/null | grep '^skipped: ' | sort -u
# Once more at the end, where somebody looks who did not watch.
cat "$folder"/* 2>/dev/null | grep '^failed: ' | sort -u
# A test whose counts are missing was killed with its runner.
cat "$folder"/* 2>/dev/null | grep -E '^[0-9]+ [0-9]+ [0-9]+$' | awk -v tests=$# -v ended=$ended '
    { passed += $1; failed += $2; skipped += $3 }
    END {
        failed += tests - NR
        printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
        exit failed > 0 || ended != 0
    }'
