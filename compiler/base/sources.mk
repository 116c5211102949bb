# SPDX-License-Identifier: Apache-2.0
# Sources of compiler/base: memory, text, files, tensors, diagnostics. Depends on nothing else in the tree.
BASE_SRC := compiler/base/arena.c compiler/base/diag.c compiler/base/error.c compiler/base/file.c \
            compiler/base/status.c compiler/base/tensor.c compiler/base/text.c \
            compiler/base/unnamed.c
