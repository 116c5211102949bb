# SPDX-License-Identifier: Apache-2.0
# Sources of compiler/import: ONNX to graph. Uses compiler/base, compiler/ir and the message code made from onnx.proto.
IMPORT_SRC := compiler/import/attention.c compiler/import/attrs.c compiler/import/expand.c compiler/import/external.c compiler/import/functions.c compiler/import/import.c \
              compiler/import/inputs.c compiler/import/nodes.c compiler/import/qlinear.c compiler/import/support.c compiler/import/tensors.c \
              compiler/import/upgrade.c compiler/import/wire.c
