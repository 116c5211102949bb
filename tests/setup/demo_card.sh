#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# demo_card.sh BUILD: ResNet-RS-50 at 160 x 160 in 8 bits for an Alveo U280: estimated, compiled, and executed by the real XRT on the software
# card through both of its APIs, every layer with the bits of the reference.
set -eu
build=$1
out=$build/demo-card
mkdir -p "$out"
say() {
    printf '\n$ %s\n' "$*"
    "$@"
}
say "$build/weft-model" resnet-rs --depth 50 --size 160 --seed 7 -o "$out/rs50.onnx"
say "$build/weft" quantize "$out/rs50.onnx" --data random --count 8 --measure 0 -o "$out/rs50_q.onnx"
say "$build/weft" estimate "$out/rs50_q.onnx" --board u280
say "$build/weft" compile "$out/rs50_q.onnx" --board u280 -o "$out/rs50.weft"
say "$build/weft" build "$out/rs50.weft" --target softcard -o "$out/rs50.xclbin"
say "$build/weft" softcard --board u280 -- "$build/weft" verify "$out/rs50.weft" --against ref,xrt,xrt-opencl
say "$build/weft" softcard --board u280 -- "$build/weft" profile "$out/rs50.weft" --backend xrt
cat <<END

Where to look next
  $build/weft estimate $out/rs50_q.onnx --board all           every board in one table
  $build/weft inspect $out/rs50.weft --connectivity           banks and regions of the engines
  $build/weft build $out/rs50.weft --dry-run                  what v++ would be asked to do
  $build/weft doctor                                          what is missing for a card
END
