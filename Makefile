# SPDX-License-Identifier: Apache-2.0
# weft: build, check, measure. `make help` lists the targets.

BUILD ?= build
CC ?= gcc
PYTHON ?= python3
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
V ?= 0
ifeq ($(V),0)
Q := @
SAY = @printf '  %-6s %s\n'
else
Q :=
SAY = @:
endif

# ---- dependencies ---------------------------------------------------------------------------------------------------
PC := libprotobuf-c jansson libxxhash
PC_TOOL := smartcols spng libturbojpeg
pc = $(shell pkg-config $(1) 2>/dev/null)
ONNX_PROTO ?= $(firstword $(wildcard /usr/include/onnx/onnx.proto /usr/local/include/onnx/onnx.proto))
HAVE_OPENCL := $(shell pkg-config --exists OpenCL 2>/dev/null && echo 1 || echo 0)

# ---- flags ----------------------------------------------------------------------------------------------------------
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wconversion -Wsign-conversion \
        -Wundef -Wwrite-strings -Wvla -Wformat=2 -Wno-format-nonliteral
WERROR ?=
SANITIZE ?=
OPT ?= -O2
CFLAGS ?= -g
ALL_CFLAGS = -std=c11 -D_POSIX_C_SOURCE=200809L $(OPT) $(CFLAGS) $(WARN) $(WERROR) -fno-math-errno -ffp-contract=off \
             $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
INCLUDES = -I. -Icompiler/include -Iruntime/include -I$(BUILD)/gen
COMMIT := $(shell git rev-parse --short HEAD 2>/dev/null || echo unknown)
DEFINES = -DWEFT_HAVE_OPENCL=$(HAVE_OPENCL) -DCL_TARGET_OPENCL_VERSION=120
LDFLAGS_ALL = $(LDFLAGS) $(if $(SANITIZE),-fsanitize=$(SANITIZE))
LIBS = $(call pc,--libs $(PC)) $(if $(filter 1,$(HAVE_OPENCL)),$(call pc,--libs OpenCL)) -lpthread -ldl -lm
LIBS_TOOL = $(call pc,--libs $(PC_TOOL))

# ---- sources: each room lists its own -------------------------------------------------------------------------------
include $(wildcard compiler/*/sources.mk hls/*/sources.mk kernels/*/sources.mk runtime/sources.mk runtime/*/sources.mk models/sources.mk \
          cli/sources.mk)
COMPILER_SRC := $(IMPORT_SRC) $(PASSES_SRC) $(QUANT_SRC) $(PLAN_SRC) $(CODEGEN_SRC) $(CARD_SRC) $(FLOW_SRC) $(SOFTCARD_SRC) $(KERNELS_CPU_SRC) $(API_SRC)
SHARED_SRC := $(BASE_SRC) $(IR_SRC) $(REF_SRC) $(PACKAGE_SRC) $(XCLBIN_SRC) $(KERNELS_FPGA_SRC)
obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))

GEN := $(BUILD)/gen
ONNX_H := $(GEN)/onnx.pb-c.h
ONNX_OBJ := $(BUILD)/obj/gen/onnx.pb-c.o
CL_FILES := $(sort $(wildcard kernels/cpu/*.cl)) kernels/include/weft_int.h kernels/include/weft_int_row.h
CL_OBJ := $(BUILD)/obj/gen/cpu_cl.o
BODY_FILES := $(sort $(wildcard kernels/fpga/*.body)) kernels/fpga/descriptor.h kernels/include/weft_int.h \
    kernels/include/weft_int_row.h
BODY_OBJ := $(BUILD)/obj/gen/fpga_body.o
BOARD_FILES := $(sort $(wildcard hls/boards/*.json))
BOARD_OBJ := $(BUILD)/obj/gen/boards.o

LIB_SHARED := $(BUILD)/libweftbase.a
LIB_COMPILER := $(BUILD)/libweftc.a
LIB_RUNTIME := $(BUILD)/libweft.a
LIBRARIES := $(LIB_COMPILER) $(LIB_RUNTIME) $(LIB_SHARED)

.DEFAULT_GOAL := all
.PHONY: all
all: $(BUILD)/weft $(BUILD)/weft-model $(BUILD)/weft-softcard-device $(BUILD)/weft-softcard-shim.so ## build weft with the programs of its software card, and weft-model

$(BUILD)/weft: $(call obj,$(CLI_SRC)) $(LIBRARIES)
	$(SAY) LINK $@
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS) $(LIBS_TOOL)

$(BUILD)/weft-model: $(call obj,$(MODELS_SRC)) $(ONNX_OBJ)
	$(SAY) LINK $@
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(call pc,--libs libprotobuf-c) -lm

$(BUILD)/weft-softcard-device: $(call obj,$(SOFTCARD_DEVICE_SRC)) $(LIB_SHARED)
	$(SAY) LINK $@
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

# It needs XRT's library by name only, so an empty one of that name is enough to link it. Programs that load it have no sanitizer.
$(BUILD)/weft-softcard-shim.so: hls/softcard/shim/heap_shim.c
	$(SAY) LINK $@
	$(Q)mkdir -p $(BUILD)/obj/hls/softcard/shim
	$(Q)$(CC) -shared -fPIC -nostdlib -Wl,-soname,libxrt_swemu.so.2 -x c /dev/null -o $(BUILD)/obj/hls/softcard/shim/libxrt_swemu.so.2
	$(Q)$(CC) -std=c11 $(OPT) $(WARN) -Wno-pedantic $(WERROR) -shared -fPIC -Wl,-soname,weft-softcard-shim.so $< -o $@ \
	    -Wl,--no-as-needed $(BUILD)/obj/hls/softcard/shim/libxrt_swemu.so.2 -Wl,--as-needed -ldl

$(LIB_SHARED): $(call obj,$(SHARED_SRC))
$(LIB_COMPILER): $(call obj,$(COMPILER_SRC)) $(ONNX_OBJ) $(CL_OBJ) $(BODY_OBJ) $(BOARD_OBJ)
$(LIB_RUNTIME): $(call obj,$(RUNTIME_SRC))
%.a:
	$(SAY) AR $@
	$(Q)rm -f $@ && ar rcs $@ $^

# ---- rules ----------------------------------------------------------------------------------------------------------
$(BUILD)/obj/%.o: %.c
	$(SAY) CC $<
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(OBJ_CFLAGS) $(INCLUDES) $(DEFINES) -MMD -MP -c $< -o $@

# What differs between checkouts goes to the objects that need it, so that a compiler cache knows all others.
$(BUILD)/obj/cli/verb_bench.o: OBJ_CFLAGS := -DWEFT_COMMIT='"$(COMMIT)"'

# Loops over elements: let the compiler vectorise them.
$(call obj,$(REF_SRC) kernels/cpu/qpack.c compiler/passes/lower_quantized_channels.c compiler/plan/engine_window.c): OBJ_CFLAGS := -O3

$(call obj,$(IMPORT_SRC) $(QUANT_SRC) $(MODELS_SRC)): | $(ONNX_H)

# The functions get weft's prefix: a program that links libweftc.a may have an ONNX reader of its own.
$(GEN)/onnx.pb-c.c: $(ONNX_H)
$(ONNX_H): $(ONNX_PROTO) Makefile
	$(if $(ONNX_PROTO),,$(error onnx.proto not found: run `make setup` (Debian package libonnx-dev)))
	$(SAY) PROTOC $(notdir $<)
	$(Q)mkdir -p $(GEN)
	$(Q)protoc-c --proto_path=$(dir $<) --c_out=$(GEN) $<
	$(Q)grep -oE '\bonnx__[a-z0-9_]+' $@ | sort -u | sed 's/.*/#define & weft__&/' | cat - $@ > $@.tmp && mv $@.tmp $@

# Generated code is compiled as it is: its warnings are not ours to mend.
$(ONNX_OBJ): $(GEN)/onnx.pb-c.c
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=c11 $(OPT) $(CFLAGS) -w $(if $(SANITIZE),-fsanitize=$(SANITIZE)) -I$(GEN) -c $< -o $@

# The kernel sources and the boards become byte arrays of the compiler library.
$(GEN)/cpu_cl.c: $(CL_FILES) tests/setup/embed.sh
	$(SAY) EMBED kernels/cpu
	$(Q)mkdir -p $(GEN)
	$(Q)sh tests/setup/embed.sh weft_cpu_sources $(CL_FILES) > $@.tmp && mv $@.tmp $@
$(GEN)/fpga_body.c: $(BODY_FILES) tests/setup/embed.sh
	$(SAY) EMBED kernels/fpga
	$(Q)mkdir -p $(GEN)
	$(Q)sh tests/setup/embed.sh weft_fpga_sources $(BODY_FILES) > $@.tmp && mv $@.tmp $@
$(GEN)/boards.c: $(BOARD_FILES) tests/setup/embed.sh
	$(SAY) EMBED hls/boards
	$(Q)mkdir -p $(GEN)
	$(Q)sh tests/setup/embed.sh weft_board_files $(BOARD_FILES) > $@.tmp && mv $@.tmp $@
$(CL_OBJ) $(BODY_OBJ) $(BOARD_OBJ): $(BUILD)/obj/gen/%.o: $(GEN)/%.c compiler/codegen/embedded.h
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(INCLUDES) -c $< -o $@

-include $(shell test -d $(BUILD)/obj && find $(BUILD)/obj -name '*.d')

.PHONY: clean help
clean: ## remove everything that was built
	rm -rf build

help: ## list the targets
	@grep -hE '^[a-z0-9_-]+:.*##' $(MAKEFILE_LIST) | sort | sed 's/:[^#]*## /\t/' | \
	 awk -F'\t' '{ printf "  make %-16s %s\n", $$1, $$2 }'

include tests/tests.mk
