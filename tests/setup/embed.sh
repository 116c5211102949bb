#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# embed.sh NAME FILE...: writes C that holds the files as byte arrays, in a table `NAME` of weft_embedded_file
# (compiler/codegen/embedded.h) that ends with an entry of NULLs.
set -eu
name=$1
shift
echo '/* Made by tests/setup/embed.sh; do not edit. */'
echo '#include "compiler/codegen/embedded.h"'
index=0
for file in "$@"; do
    echo "static const char bytes_$index[] = {"
    od -An -v -tx1 "$file" | sed 's/ \([0-9a-f][0-9a-f]\)/0x\1,/g'
    echo '0x00};'
    index=$((index + 1))
done
echo "const weft_embedded_file ${name}[] = {"
index=0
for file in "$@"; do
    echo "    {\"$(basename "$file")\", bytes_$index},"
    index=$((index + 1))
done
echo '    {0, 0},'
echo '};'
