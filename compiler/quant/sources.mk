# SPDX-License-Identifier: Apache-2.0
# Sources of compiler/quant, relative to the repository root.
QUANT_SRC := $(addprefix compiler/quant/,assume.c equalize.c histogram.c insert.c onnx_out.c points.c prepare.c quantize.c range.c \
    state.c weights.c)
