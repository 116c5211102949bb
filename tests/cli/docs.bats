# SPDX-License-Identifier: Apache-2.0
# The pages of docs/ that are made from tables equal what the program prints. GOLDEN_UPDATE=1 rewrites them.

load golden.bash

@test "docs/cli.md" {
    expect_text ../../docs/cli.md "$("$weft" help --markdown)"
}

@test "docs/errors.md" {
    expect_text ../../docs/errors.md "$("$weft" list errors --markdown)"
}

@test "docs/operators.md" {
    expect_text ../../docs/operators.md "$("$weft" list ops --markdown)"
}

@test "docs/environment.md" {
    expect_text ../../docs/environment.md "$("$weft" list env --markdown)"
}
