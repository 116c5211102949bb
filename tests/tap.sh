# SPDX-License-Identifier: Apache-2.0
# tap.sh: lines of TAP, for the shell scripts beside it (". tap.sh").
count=0
failed=0
line() { # line OK|BAD NAME [FILE]: FILE says what happened
    count=$((count + 1))
    if [ "$1" = ok ]; then
        echo "ok $count - $2"
    else
        failed=$((failed + 1))
        echo "not ok $count - $2"
        [ $# -lt 3 ] || sed 's/^/# /' "$3" | tail -n 60
    fi
}
plan() { # ends the script: as the lines were
    echo "1..$count"
    [ "$failed" -eq 0 ]
    exit
}
