#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# demo.sh BUILD: ResNet-RS-50 at 160 x 160, from the model writer to a checked run and its layer table.
set -eu
build=$1
out=$build/demo
mkdir -p "$out"
say() {
    printf '\n$ %s\n' "$*"
    "$@"
}
say "$build/weft-model" resnet-rs --depth 50 --size 160 --seed 7 -o "$out/rs50.onnx"
say "$build/weft" check "$out/rs50.onnx"
say "$build/weft" compile "$out/rs50.onnx" -o "$out/rs50.weft"
say "$build/weft" run "$out/rs50.weft" --input input=random:1 --output "$out/logits.npy"
say "$build/weft" verify "$out/rs50.weft" --reference ref
say "$build/weft" profile "$out/rs50.weft"
cat <<END

Where to look next
  $build/weft bench $out/rs50.weft                latency with percentiles
  $build/weft inspect $out/rs50.weft --memory     the arena, step by step
  $build/weft inspect $out/rs50.weft --source     the OpenCL C that just ran
  $build/weft help                                everything else
END
