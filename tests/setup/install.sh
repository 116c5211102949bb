#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# install.sh KIND...: installs the Debian packages of packages.txt whose kind (build, run, test) is named and that are missing.
# Prints the list first; does nothing when all are there.
set -eu
list=$(dirname "$0")/packages.txt
missing=
for kind in "$@"; do
    for name in $(awk -v kind="$kind" '$1 !~ /^#/ && $2 == kind { print $1 }' "$list"); do
        state=$(dpkg-query -W -f '${db:Status-Abbrev}' "$name" 2>/dev/null || true)
        case $state in
        ii*) ;;
        *) missing="$missing $name" ;;
        esac
    done
done
[ -z "$missing" ] && exit 0
if ! command -v apt-get >/dev/null 2>&1; then
    echo "weft needs these Debian packages:$missing" >&2
    echo "apt-get was not found; install them (or what provides the same) and try again" >&2
    exit 6
fi
as_root=
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
        echo "weft needs these Debian packages; install them as root and try again:" >&2
        echo "  apt-get install$missing" >&2
        exit 6
    fi
    as_root=sudo
fi
echo "installing:$missing"
$as_root apt-get update -qq
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
