# SPDX-License-Identifier: Apache-2.0
# Sources of hls/softcard. XCLBIN: the container of bitstreams; depends on compiler/base only. SOFTCARD: the environment that XRT finds
# the software card in, and its bitstreams; links with both libraries. SOFTCARD_DEVICE: the card's own program.
XCLBIN_SRC := $(addprefix hls/softcard/,metadata_read.c metadata_write.c xclbin_read.c xclbin_write.c)
SOFTCARD_SRC := $(addprefix hls/softcard/,banks.c build.c environment.c installed.c)
SOFTCARD_DEVICE_SRC := $(addprefix hls/softcard/device/,fault.c main.c memory.c units.c wire.c)
