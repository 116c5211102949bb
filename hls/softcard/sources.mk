# SPDX-License-Identifier: Apache-2.0
# Sources of hls/softcard: the container of bitstreams. Depends on compiler/base only.
XCLBIN_SRC := $(addprefix hls/softcard/,metadata_read.c metadata_write.c xclbin_read.c xclbin_write.c)
