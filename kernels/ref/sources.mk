# SPDX-License-Identifier: Apache-2.0
# Sources of kernels/ref, relative to the repository root: the kernels and the interpreter over them.
REF_SRC := kernels/ref/binary.c kernels/ref/conv.c kernels/ref/explain.c kernels/ref/interp.c kernels/ref/matrix.c kernels/ref/move.c \
           kernels/ref/norm.c kernels/ref/pool.c kernels/ref/product.c kernels/ref/quant.c kernels/ref/quant_attention.c kernels/ref/quant_conv.c kernels/ref/quant_rows.c kernels/ref/quant_tokens.c kernels/ref/reduce.c kernels/ref/resize.c kernels/ref/tokens.c \
           kernels/ref/unary.c kernels/ref/weft.c kernels/ref/window.c
