# SPDX-License-Identifier: Apache-2.0
# Sources of compiler/ir, relative to the repository root.
IR_SRC := \
    compiler/ir/cost.c \
    compiler/ir/fold.c \
    compiler/ir/graph.c \
    compiler/ir/infer.c \
    compiler/ir/infer_data.c \
    compiler/ir/infer_elementwise.c \
    compiler/ir/infer_help.c \
    compiler/ir/infer_move.c \
    compiler/ir/infer_product.c \
    compiler/ir/infer_quant.c \
    compiler/ir/infer_quant_rows.c \
    compiler/ir/infer_quant_weft.c \
    compiler/ir/infer_reduce.c \
    compiler/ir/infer_tokens.c \
    compiler/ir/infer_weft.c \
    compiler/ir/infer_window.c \
    compiler/ir/number.c \
    compiler/ir/ops.c \
    compiler/ir/lex.c \
    compiler/ir/literal.c \
    compiler/ir/parse.c \
    compiler/ir/print.c \
    compiler/ir/sort.c \
    compiler/ir/verify.c
