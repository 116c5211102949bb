# SPDX-License-Identifier: Apache-2.0
# The command line itself: help, wrong use, completion, listings. Needs no model and no device.

load golden.bash

setup() {
    cd "$BATS_TEST_TMPDIR"
}

verbs="check inspect estimate compile build run verify bench profile devices doctor list help completion"

@test "version and overview" {
    run "$weft" --version
    [ "$status" -eq 0 ]
    [[ "$output" =~ ^weft\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
    run "$weft" --help
    [ "$status" -eq 0 ]
    expect_text golden/help.txt "$output"
    run "$weft" help
    [ "$status" -eq 0 ]
    expect_text golden/help.txt "$output"
}

@test "without a command: the overview on standard error, exit 2" {
    got=0
    "$weft" >stdout.txt 2>stderr.txt || got=$?
    [ "$got" -eq 2 ]
    [ ! -s stdout.txt ]
    grep -q '^usage: weft COMMAND' stderr.txt
}

@test "every command has short and long help" {
    for verb in $verbs; do
        run "$weft" "$verb" --help
        [ "$status" -eq 0 ]
        [[ "$output" == *"usage: weft $verb"* ]]
        [[ "$output" == *"--json"* ]]
        run "$weft" help "$verb"
        [ "$status" -eq 0 ]
        [[ "$output" == *DESCRIPTION* && "$output" == *EXAMPLES* && "$output" == *"EXIT STATUS"* ]]
    done
}

@test "help beats wrong options" {
    run "$weft" run --nope -h
    [ "$status" -eq 0 ]
}

@test "examples in the help parse" {
    # every option that an example shows exists in the table of its command
    for verb in $verbs; do
        for option in $("$weft" help "$verb" | sed -n '/^EXAMPLES/,/^EXIT/p' | grep "^  weft $verb" |
            sed 's/[|>].*//' | grep -o -- '--[a-z-]*' | sort -u); do
            "$weft" help "$verb" --json | jq -e --arg name "${option#--}" \
                '[.commands[].options[].name] | index($name) != null' >/dev/null || { echo "$verb $option"; false; }
        done
    done
}

@test "help topics and error ids" {
    for topic in inputs shapes verdict json exit-codes; do
        run "$weft" help "$topic"
        [ "$status" -eq 0 ]
        [ "${#output}" -gt 100 ]
    done
    for id in E0522 e522 0522; do
        run "$weft" help "$id"
        [ "$status" -eq 0 ]
        [[ "$output" == "E0522 CLI_NPY_SHAPE: wrong shape in an npy file"* ]]
        [[ "$output" == *"Exit code 3"* ]]
    done
    run "$weft" help E0142
    [ "$status" -eq 0 ]
    [[ "$output" == *"Exit code 4"* ]]
    expect_error E0512 2 help E9999
    expect_error E0512 2 help inptus
    [[ "$stderr" == *"did you mean weft help inputs?"* ]]
}

@test "every listed error id can be explained" {
    for id in $("$weft" list errors --json | jq -r '.errors[].id'); do
        "$weft" help "$id" >/dev/null || { echo "$id"; false; }
    done
}

@test "unknown command suggests the nearest" {
    expect_error E0500 2 cmpile
    [[ "$stderr" == *"did you mean weft compile?"* ]]
    expect_error E0500 2 xyzzy
    [[ "$stderr" != *"did you mean"* ]]
}

@test "unknown options suggest the nearest, and all are reported" {
    got=0
    "$weft" compile --shpe a=1 --threads many --optimize=2 --nope x.onnx 2>stderr.txt || got=$?
    [ "$got" -eq 2 ]
    expect_text golden/wrong_options.txt "$(cat stderr.txt)"
}

@test "too few and too many arguments" {
    expect_error E0503 2 compile
    expect_error E0503 2 run a.weft b.weft
    expect_error E0503 2 devices extra
    expect_error E0503 2 inspect a.weft name
    expect_error E0503 2 list
}

@test "a model where a package is needed: the command that helps" {
    for verb in run bench profile verify; do
        expect_error E0504 2 "$verb" dir/m.onnx
        [[ "$stderr" == *"weft compile dir/m.onnx -o dir/m.weft && weft $verb dir/m.weft"* ]]
    done
    expect_error E0505 2 compile m.weft
    expect_error E0505 2 check m.weft
}

@test "wrong shapes" {
    for shape in x x= =1x2 x=1x x=0 x=1x2, x=1x-2; do
        expect_error E0506 2 check m.onnx --shape "$shape"
    done
    expect_error E0506 2 check m.onnx --shape a=1,2 --shape b=1,2,3
}

@test "colours only when asked for" {
    run "$weft" cmpile
    [[ "$output" != *$'\033'* ]]
    run "$weft" run --nope --color always x.weft
    [[ "$output" == *$'\033['* ]]
    expect_error E0502 2 run --color blue x.weft
}

@test "names from the command line cannot drive the terminal" {
    run "$weft" $'x\033[2Jy'
    [ "$status" -eq 2 ]
    [[ "$output" != *$'\033'* ]]
}

@test "listings as text, JSON and Markdown" {
    for list in ops passes kernels targets errors env metrics; do
        run "$weft" list "$list"
        [ "$status" -eq 0 ]
        [ "${#lines[@]}" -gt 1 ]
        "$weft" list "$list" --json | jq -e --arg list "$list" \
            '.schema == "weft.list.\($list)/1" and (keys_unsorted[0:2] == ["schema", "version"]) and (.[$list] | length > 0)'
        run "$weft" list "$list" --markdown
        [ "$status" -eq 0 ]
        [[ "${lines[1]}" == "# "* ]]
    done
    expect_error E0512 2 list oops
    [[ "$stderr" == *"did you mean weft list ops?"* ]]
}

@test "completions are scripts of their shell and know every command" {
    for shell in bash zsh fish; do
        "$weft" completion "$shell" >script
        for verb in $verbs; do
            grep -q "$verb" script
        done
        "$weft" completion "$shell" --json | jq -e '.schema == "weft.completion/1" and (.script | length > 1000)'
    done
    expect_error E0512 2 completion tcsh
    "$weft" completion bash >script
    bash -n script
    source ./script
    COMP_WORDS=(weft com) COMP_CWORD=1
    _weft
    [[ " ${COMPREPLY[*]} " == *" compile "* && " ${COMPREPLY[*]} " == *" completion "* ]]
    COMP_WORDS=(weft profile --so) COMP_CWORD=2
    _weft
    [ "${COMPREPLY[*]}" = "--sort" ]
    COMP_WORDS=(weft profile --sort ti) COMP_CWORD=3
    _weft
    [ "${COMPREPLY[*]}" = "time" ]
}

@test "help as JSON names every option" {
    "$weft" help --json | jq -e '.schema == "weft.help/1" and (.commands | length == 16)'
}

@test "a lost answer is an error" {
    [ -e /dev/full ] || skip "no /dev/full"
    got=0
    "$weft" list errors >/dev/full 2>/dev/null || got=$?
    [ "$got" -eq 3 ]
}
