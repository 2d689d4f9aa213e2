# Python 3.11-3.13 and make are all that a fresh machine needs. Each target installs what it lacks.
PYTHON ?= $(firstword $(foreach v,3.12 3.11 3.13,$(shell command -v python$(v) >/dev/null 2>&1 && python$(v) -c 'print("python$(v)")' 2>/dev/null)) python3)
VENV := .venv
BIN := $(VENV)/bin
CLOUD := .local/ministack

.PHONY: install check test demo up bench faults lock clean

install: $(VENV)/.installed $(CLOUD)/.installed frontend/dist/index.html

$(VENV)/bin/uv:
	@echo "Making the environment with $(PYTHON)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check 'uv==0.13.9'

$(VENV)/.installed: requirements/dev.lock requirements/smollm2.lock $(VENV)/bin/uv
	@echo "Installing tools"
	@$(BIN)/uv pip sync -q --python $(BIN)/python requirements/dev.lock requirements/smollm2.lock
	@touch $@

$(CLOUD)/.installed: requirements/ministack.lock $(VENV)/bin/uv
	@echo "Installing the laptop's cloud"
	@$(BIN)/uv venv -q --allow-existing --python $(BIN)/python $(CLOUD)
	@$(BIN)/uv pip sync -q --python $(CLOUD)/bin/python requirements/ministack.lock
	@touch $@
