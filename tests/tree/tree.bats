# SPDX-License-Identifier: Apache-2.0
# What must hold for the files of the repository as they lie there.

setup() {
    cd "$BATS_TEST_DIRNAME/../.."
    product="compiler hls runtime kernels cli models"
}

@test "every environment variable that the code reads stands in cli/env.def" {
    grep -rhoE '\bgetenv\([^)]*\)' --include='*.c' --include='*.h' $product | sort -u >"$BATS_TEST_TMPDIR/reads"
    [ -s "$BATS_TEST_TMPDIR/reads" ]
    while read -r call; do
        name="$(sed -nE 's/^getenv\("([A-Za-z0-9_]+)"\)$/\1/p' <<<"$call")"
        [ -n "$name" ] || { echo "$call: the name is not a literal, so nobody can look it up"; return 1; }
        grep -q "^WEFT_ENV($name," cli/env.def || { echo "$name is read and not in cli/env.def"; return 1; }
    done <"$BATS_TEST_TMPDIR/reads"
    ! grep -rnE '\b(secure_getenv|environ)\b' --include='*.c' --include='*.h' $product
}

# Paths of one machine, and hosts that packages are fetched from: those are settings of the machine.
@test "no file names a machine's folder or a package registry" {
    ! grep -rnIE --exclude-dir=.git --exclude-dir=build --exclude-dir=__pycache__ --exclude=tree.bats \
        -e '(^|[^A-Za-z0-9._-])/(work|root|tmp/weft|home/[a-z]+)/' -e '(index-url|trusted-host)' \
        -e '(pypi|pythonhosted|deb\.debian|security\.debian|artifactory|nexus)[a-z.-]*\.(org|com|net|io)' .
}

@test "links of the pages lead somewhere" {
    count=0
    for page in README.md docs/*.md docs/*/*.md kernels/*/README.md; do
        [ -e "$page" ] || continue
        for target in $(sed -E 's/`[^`]*`//g' "$page" | grep -oE '\]\([^)# ]+' | sed 's/^](//'); do
            case "$target" in *://*) continue ;; esac
            count=$((count + 1))
            [ -e "$(dirname "$page")/$target" ] || { echo "$page: $target"; missing=1; }
        done
    done
    [ "$count" -gt 5 ]
    [ -z "${missing:-}" ]
}

@test "every source begins with its licence" {
    for file in $(find $product tests -name '*.c' -o -name '*.h' -o -name '*.def' -o -name '*.cl' -o -name '*.body'); do
        head -n 1 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0' || { echo "$file"; missing=1; }
    done
    [ -z "${missing:-}" ]
}
