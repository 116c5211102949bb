# SPDX-License-Identifier: Apache-2.0
# Shared by the bats files of this folder. GOLDEN_UPDATE=1 rewrites expected files instead of comparing; look at the diff then.

weft="$(realpath "${WEFT_BUILD:-build}/weft")"
here="$(realpath "$BATS_TEST_DIRNAME")"
data="$here/data"

# expect_text FILE TEXT: TEXT equals the file, which is relative to the folder of the tests.
expect_text() {
    if [ -n "${GOLDEN_UPDATE:-}" ]; then
        mkdir -p "$(dirname "$here/$1")"
        printf '%s\n' "$2" >"$here/$1"
    else
        printf '%s\n' "$2" >"$BATS_TEST_TMPDIR/found.txt"
        if ! diff -u "$here/$1" "$BATS_TEST_TMPDIR/found.txt" >"$BATS_TEST_TMPDIR/diff.txt"; then
            head -n 40 "$BATS_TEST_TMPDIR/diff.txt"
            return 1
        fi
    fi
}

# expect_error ID EXIT ARGUMENTS...: the id on standard error, the exit code, nothing on standard output.
expect_error() {
    local id="$1" code="$2" got=0
    shift 2
    "$weft" "$@" >stdout.txt 2>stderr.txt || got=$?
    stderr="$(cat stderr.txt)"
    echo "$stderr"
    [ "$got" -eq "$code" ]
    [[ "$stderr" == *"error[$id]: "* ]]
    [ ! -s stdout.txt ]
}
