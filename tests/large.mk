# SPDX-License-Identifier: Apache-2.0
# Checks too large for `make check`: the published models at full size, and files of the real exporters.

VENV_EXPORTERS := $(BUILD)/venv-exporters
EXPORTERS := $(VENV_EXPORTERS)/bin/python
EXPORTER_CHECKS := $(sort $(wildcard tests/exporters/compare_*.py)) tests/exporters/tf2onnx_patterns.py
MODELS ?= all

.PHONY: check-large check-large-vit check-large-int8 check-large-card check-large-schedules check-exporters venv-exporters
check-large: setup-check ## the eleven published ResNet-RS at full size, batch 1 and 4 (half an hour; MODELS="50@160 420@320" for some)
	@$(MAKE) --no-print-directory -j$(JOBS) all venv
	@WEFT_BUILD=$(BUILD) $(ORACLE) tests/oracle/compare_published.py $(MODELS)
	@$(MAKE) --no-print-directory check-large-vit
	@$(MAKE) --no-print-directory check-large-int8
	@$(MAKE) --no-print-directory check-large-card
	@$(MAKE) --no-print-directory check-large-schedules

VISION ?= all
check-large-vit: setup-check ## of check-large every published ViT-ResNAS and ResFormer at full size (VISION="resformer-small vit-resnas-tiny@224" for some)
	@$(MAKE) --no-print-directory -j$(JOBS) all venv
	@WEFT_BUILD=$(BUILD) $(ORACLE) tests/oracle/large/compare_transformers.py $(VISION)

check-large-int8: setup-check ## of check-large the quantised networks, every executor: ResNet-RS-50 at 160, two transformers (half an hour)
	@$(MAKE) --no-print-directory -j$(JOBS) all venv
	@WEFT_BUILD=$(BUILD) $(ORACLE) tests/oracle/large/compare_qdq.py
	@WEFT_BUILD=$(BUILD) $(ORACLE) tests/oracle/large/compare_qdq_transformers.py
	@WEFT_BUILD=$(BUILD) $(ORACLE) tests/oracle/large/compare_quantize.py

check-large-card: setup-check ## of check-large the cycles of three networks on cards against their simulation (2 minutes)
	@$(MAKE) --no-print-directory -j$(JOBS) all venv
	@WEFT_BUILD=$(BUILD) $(ORACLE) tests/oracle/large/compare_simulation.py

check-large-schedules: setup-check ## of check-large ResFormer-Small at its eleven sizes in f32 and in 8 bits, ResNet-RS-50 at six, each in one package (20 minutes)
	@$(MAKE) --no-print-directory -j$(JOBS) all venv
	@WEFT_BUILD=$(BUILD) $(ORACLE) tests/oracle/large/compare_schedules.py

check-exporters: setup-check ## ResNet-RS and vision transformers from PyTorch's two exporters, ResNet-RS from tf2onnx (3 GB of Python packages in build/)
	@$(MAKE) --no-print-directory -j$(JOBS) all venv-exporters
	@failed=0; for script in $(EXPORTER_CHECKS); do \
	    echo "$$script"; WEFT_BUILD=$(BUILD) $(EXPORTERS) $$script || failed=1; \
	done; exit $$failed

venv-exporters: $(VENV_EXPORTERS)/ready
$(VENV_EXPORTERS)/ready: tests/setup/requirements-exporters.txt tests/exporters/cpu_torch.py
	@echo "exporters: $(VENV_EXPORTERS)"
	$(Q)rm -rf $(VENV_EXPORTERS)
	$(Q)$(PYTHON) -m venv $(VENV_EXPORTERS)
	$(Q)$(EXPORTERS) -m pip install --quiet --disable-pip-version-check --no-cache-dir --no-deps \
	    -r tests/setup/requirements-exporters.txt
	$(Q)$(EXPORTERS) tests/exporters/cpu_torch.py > $(VENV_EXPORTERS)/stand-ins.txt
	$(Q)touch $@
