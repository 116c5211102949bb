# SPDX-License-Identifier: Apache-2.0
# Everything that tests, checks, fuzzes and measures. Rules of the folder:
#   tests/ROOM/test_*.c   one cmocka program each; other .c files of the folder are linked into each of them
#   tests/ROOM/*.bats     command-line tests
#   tests/oracle/*.py     comparisons with ONNX Runtime; need the oracle environment
#   tests/fuzz/fuzz_*.c   libFuzzer harnesses; `make check` replays tests/fuzz/corpus

VENV := $(BUILD)/venv
ORACLE := $(VENV)/bin/python
UNIT_SRC := $(sort $(wildcard tests/*/test_*.c))
UNIT_BIN := $(patsubst tests/%.c,$(BUILD)/tests/%,$(UNIT_SRC))
FUZZ_SRC := $(sort $(wildcard tests/fuzz/fuzz_*.c))
FUZZ_NAMES := $(patsubst tests/fuzz/fuzz_%.c,%,$(FUZZ_SRC))
REPLAY_BIN := $(patsubst %,$(BUILD)/tests/fuzz/replay_%,$(FUZZ_NAMES))
BATS := $(sort $(wildcard tests/*/*.bats))
FUZZ_SECONDS ?= 600

TEST_LIBS = $(call pc,--libs cmocka) $(LIBS) $(LIBS_TOOL)
TEST_CFLAGS = -Wno-missing-prototypes -Wno-vla
CLI_LIB_OBJ := $(filter-out %/main.o,$(call obj,$(CLI_SRC)))

$(BUILD)/obj/tests/%.o: OBJ_CFLAGS := $(TEST_CFLAGS)
$(call obj,$(shell grep -l WEFT_TEST_DATA tests/*/*.c)): OBJ_CFLAGS := $(TEST_CFLAGS) -DWEFT_TEST_DATA='"$(CURDIR)/tests"'
$(call obj,$(wildcard tests/*/*.c)): | $(ONNX_H)

.SECONDEXPANSION:
room = $(firstword $(subst /, ,$*))
room_obj = $(call obj,$(filter-out tests/$(1)/test_%,$(wildcard tests/$(1)/*.c)))
# What a room's tests link besides the libraries.
EXTRA_cli := $(CLI_LIB_OBJ)
EXTRA_models := $(call obj,$(MODELS_LIB_SRC))
EXTRA_fpga := $(call obj,tests/kernels/cl_harness.c)
EXTRA_quant := $(call obj,tests/passes/build.c)
EXTRA_flow := $(call obj,tests/package/sample.c)
EXTRA_xrt := $(call obj,tests/runtime/network.c)
EXTRA_contract := $(call obj,tests/kernels/cl_harness.c)
$(BUILD)/tests/fuzz/replay_%: $(BUILD)/obj/tests/fuzz/fuzz_%.o $(BUILD)/obj/tests/fuzz/replay.o $(LIBRARIES) $(CLI_LIB_OBJ)
	$(SAY) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(filter %.o,$^) $(LIBRARIES) $(LIBS) $(LIBS_TOOL)
# The container that the stand-in for v++ (tests/flow/standin) writes.
STANDIN_XCLBIN := $(BUILD)/tests/flow/standin_xclbin
$(STANDIN_XCLBIN): $(BUILD)/obj/tests/flow/standin/xclbin.o $(LIBRARIES)
	$(SAY) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(filter %.o,$^) $(LIBRARIES) $(LIBS)
$(UNIT_BIN): $(BUILD)/tests/%: $(BUILD)/obj/tests/%.o $$(call room_obj,$$(room)) $$(EXTRA_$$(room)) $(LIBRARIES)
	$(SAY) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(filter %.o,$^) $(LIBRARIES) $(TEST_LIBS)

# ---- set-up ---------------------------------------------------------------------------------------------------------
.PHONY: setup setup-run setup-check venv
setup: setup-check ## install every Debian package that building, running and testing need (apt-get, sudo when not root)
setup-run:
	@sh tests/setup/install.sh build run
setup-check:
	@sh tests/setup/install.sh build run test
venv: $(VENV)/ready
$(VENV)/ready: tests/setup/requirements.txt
	@echo "oracle environment: $(VENV)"
	$(Q)rm -rf $(VENV)
	$(Q)$(PYTHON) -m venv $(VENV)
	$(Q)$(ORACLE) -m pip install --quiet --disable-pip-version-check -r tests/setup/requirements.txt
	$(Q)touch $@

# ---- the two commands -----------------------------------------------------------------------------------------------
# Packages come first and in a make of their own: pkg-config answers are taken when make starts.
.PHONY: demo demo-card check check-built unit
demo: setup-run ## install what is missing, build, and take ResNet-RS-50 from ONNX to a layer table
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@sh tests/setup/demo.sh $(BUILD)

demo-card: setup-run ## install what is missing, build, and take ResNet-RS-50 in 8 bits to a U280 in software, through the real XRT
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@sh tests/setup/demo_card.sh $(BUILD)

check: setup-check ## install what is missing, build, and run every test (up to 20 minutes on two cores)
	@$(MAKE) --no-print-directory -j$(JOBS) all tests-built venv
	@$(MAKE) --no-print-directory check-built

.PHONY: tests-built
# A locale whose numbers have a comma, for tests alone (tests/run.sh sets LOCPATH): nothing that weft reads or writes may depend on it.
LOCALE := $(BUILD)/locale/de_DE.UTF-8
$(LOCALE):
	$(Q)mkdir -p $(@D)
	$(Q)localedef -i de_DE -f UTF-8 $@ || echo "the test with the locale de_DE will be skipped (Debian package locales)"
tests-built: $(UNIT_BIN) $(REPLAY_BIN) $(LOCALE) $(STANDIN_XCLBIN)

check-built:
	@BUILD=$(BUILD) JOBS=$(JOBS) PYTHON=$(ORACLE) sh tests/run.sh $(UNIT_BIN) $(REPLAY_BIN) $(BATS) $(sort $(wildcard tests/oracle/*.py tests/models/*.py))

unit: tests-built ## unit tests and fuzz replays only, with what is installed
	@BUILD=$(BUILD) JOBS=$(JOBS) sh tests/run.sh $(UNIT_BIN) $(REPLAY_BIN)

# ---- sanitizers, fuzzers, static analysis ---------------------------------------------------------------------------
.PHONY: asan unit-asan fuzz leaks oclgrind
# WEFT_ARENA=malloc gives every object of an arena its own block, so that overruns are seen. PoCL and its compiler are not built for
# sanitizers: WEFT_TEST_REF_ONLY makes tests skip what needs an OpenCL device.
asan: ## unit tests and fuzz replays under address, leak and undefined-behaviour sanitizers (CC=clang works too)
	@$(MAKE) --no-print-directory -j$(JOBS) BUILD=$(BUILD)/asan SANITIZE=address,undefined OPT=-O1 unit-asan
unit-asan: tests-built $(BUILD)/weft-model
	@ASAN_OPTIONS=detect_leaks=1:halt_on_error=1 UBSAN_OPTIONS=print_stacktrace=1 WEFT_ARENA=malloc WEFT_TEST_REF_ONLY=1 \
	 BUILD=$(BUILD) JOBS=$(JOBS) sh tests/run.sh $(UNIT_BIN) $(REPLAY_BIN)

leaks: ## faults of cards under the real XRT in valgrind: lost memory, and processes, sockets and folders that are left (5 minutes)
	@$(MAKE) --no-print-directory -j$(JOBS) all $(BUILD)/tests/xrt/test_faults
	@sh tests/leaks.sh $(BUILD)

oclgrind: ## every kernel family and the engine under oclgrind's memory, race and API checks
	@$(MAKE) --no-print-directory -j$(JOBS) all $(patsubst %,$(BUILD)/tests/kernels/test_cpu_%,conv other tokens rows attention qconv qwindow qeltwise qlinear qmove qrows) $(BUILD)/tests/fpga/test_engine_opencl
	@sh tests/oclgrind.sh $(BUILD)

fuzz: ## run each fuzzer for FUZZ_SECONDS (default 600)
	@$(MAKE) --no-print-directory -j$(JOBS) BUILD=build/fuzz CC=clang OPT=-O1 \
	 SANITIZE=fuzzer-no-link,address,undefined fuzz-built
	@for name in $(FUZZ_NAMES); do \
	    mkdir -p build/fuzz/corpus/$$name tests/fuzz/corpus/$$name; \
	    echo "fuzz $$name for $(FUZZ_SECONDS) s"; \
	    build/fuzz/fuzz_$$name -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
	        -artifact_prefix=build/fuzz/finding-$$name- build/fuzz/corpus/$$name tests/fuzz/corpus/$$name \
	        > build/fuzz/$$name.log 2>&1 || { tail -40 build/fuzz/$$name.log; exit 1; }; \
	    tail -8 build/fuzz/$$name.log; \
	done
fuzz-built: $(patsubst %,$(BUILD)/fuzz_%,$(FUZZ_NAMES))
$(BUILD)/fuzz_%: $(BUILD)/obj/tests/fuzz/fuzz_%.o $(LIBRARIES) $(CLI_LIB_OBJ)
	$(SAY) LINK $@
	$(Q)$(CC) -fsanitize=fuzzer,address,undefined -o $@ $(filter %.o,$^) $(LIBRARIES) $(LIBS) $(LIBS_TOOL)

# ---- what is checked without running -----------------------------------------------------------------------------------
.PHONY: lint tidy cppcheck warnings format format-check docs
PRODUCT_C = $(filter-out tests/%,$(shell git ls-files -- '*.c'))
lint: ## clang-tidy and cppcheck over the product's sources, with the configurations in the tree
	@$(MAKE) --no-print-directory -j$(JOBS) tidy cppcheck
	@echo "lint: clean"
# A file is analysed again when it or a header it includes has changed: when its object file is newer.
tidy: $(patsubst %.c,$(BUILD)/tidy/%.ok,$(PRODUCT_C))
$(BUILD)/tidy/%.ok: $(BUILD)/obj/%.o .clang-tidy
	$(SAY) TIDY $*.c
	$(Q)mkdir -p $(@D)
	$(Q)clang-tidy --quiet --warnings-as-errors='*' $*.c -- -std=c11 -D_POSIX_C_SOURCE=200809L $(INCLUDES) $(DEFINES) \
	    > $(@:.ok=.log) 2>&1 || { cat $(@:.ok=.log); exit 1; }
	$(Q)touch $@
cppcheck: | $(ONNX_H)
	$(Q)cppcheck --quiet --std=c11 --enable=warning,portability,performance --inline-suppr --error-exitcode=1 \
	    --suppressions-list=tests/setup/cppcheck.txt -j$(JOBS) $(INCLUDES) $(DEFINES) $(PRODUCT_C)

warnings: ## build everything once with gcc and once with clang, each warning an error
	@$(MAKE) --no-print-directory -j$(JOBS) BUILD=$(BUILD)/warn-gcc CC=gcc WERROR=-Werror all tests-built
	@$(MAKE) --no-print-directory -j$(JOBS) BUILD=$(BUILD)/warn-clang CC=clang WERROR=-Werror all tests-built
	@echo "warnings: none with gcc and clang"

FORMATTED = $(filter-out tests/fpga/golden/%,$(shell git ls-files -- '*.c' '*.h' | grep -E '^(compiler|hls|runtime|kernels|cli|models|tests)/'))
format: ## lay out every C source with clang-format
	@clang-format --style=file -i $(FORMATTED)
format-check: ## fail when clang-format would change a source
	@clang-format --style=file --dry-run --Werror $(FORMATTED)

docs: $(BUILD)/weft ## write the pages of docs/ that are made from tables
	@for page in operators:ops errors:errors environment:env; do \
	    $(BUILD)/weft list $${page#*:} --markdown > $(BUILD)/page.md && cp $(BUILD)/page.md docs/$${page%:*}.md || exit 1; \
	done
	@$(BUILD)/weft help --markdown > $(BUILD)/page.md && cp $(BUILD)/page.md docs/cli.md

# ---- speed: never a test --------------------------------------------------------------------------------------------
VENV_BENCH := $(BUILD)/venv-bench
.PHONY: bench bench-kernels
bench: setup-run ## weft, ONNX Runtime and OpenVINO interleaved on ResNet-RS and vision transformers in f32 and 8 bits, next to the machine's limits
	@$(MAKE) --no-print-directory -j$(JOBS) all $(BUILD)/tests/bench/peak $(BUILD)/tests/bench/only_avx2.so $(VENV_BENCH)/ready
	@WEFT_BUILD=$(BUILD) $(VENV_BENCH)/bin/python tests/bench/bench.py
$(VENV_BENCH)/ready: tests/setup/requirements-bench.txt
	@echo "peers: $(VENV_BENCH)"
	$(Q)rm -rf $(VENV_BENCH)
	$(Q)$(PYTHON) -m venv $(VENV_BENCH)
	$(Q)$(VENV_BENCH)/bin/python -m pip install --quiet --disable-pip-version-check -r tests/setup/requirements-bench.txt
	$(Q)touch $@
.PHONY: bench-xrt
# XRT looks for its parts in $XILINX_XRT/lib; Debian's are among the libraries of the system.
bench-xrt: $(BUILD)/tests/bench/xrt_dispatch ## what weft adds to XRT's own launch, in XRT's mode noop (Debian: libxrt1)
	$(Q)mkdir -p $(BUILD)/xrt && ln -sfn $$(dirname $$(ldconfig -p | awk '/libxrt_coreutil\.so\.2 /{print $$NF; exit}')) $(BUILD)/xrt/lib
	@XILINX_XRT=$${XILINX_XRT:-$(abspath $(BUILD))/xrt} $<
$(BUILD)/tests/bench/xrt_dispatch: $(BUILD)/obj/tests/bench/xrt_dispatch.o $(LIBRARIES)
	$(SAY) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(filter %.o,$^) $(LIBRARIES) $(LIBS)
$(BUILD)/tests/bench/peak: tests/bench/peak.c
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -O2 -std=gnu11 -Wall -Wextra -o $@ $< -lpthread
$(BUILD)/tests/bench/only_avx2.so: tests/bench/only_avx2.c
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -O2 -std=gnu11 -Wall -Wextra -shared -fPIC -o $@ $< -ldl
include tests/large.mk
