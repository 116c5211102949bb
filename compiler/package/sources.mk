# SPDX-License-Identifier: Apache-2.0
# Sources of compiler/package: the file that the compiler writes and the runtime reads. Depends on base only.
PACKAGE_SRC := compiler/package/bitstream.c compiler/package/container.c compiler/package/cut.c compiler/package/engine_params.c compiler/package/find.c \
               compiler/package/json_reader.c compiler/package/manifest_check.c compiler/package/manifest_check_step.c compiler/package/manifest_read.c compiler/package/manifest_read_step.c \
               compiler/package/manifest_share.c compiler/package/manifest_write.c compiler/package/names.c \
               compiler/package/package.c compiler/package/schedules.c compiler/package/write.c
