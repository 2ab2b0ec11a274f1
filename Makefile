# Every target's own `##` comment is its help. `make check` is what CI runs.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PYTEST_WORKERS ?= auto
# Bytecode is what makes the second start of everything fast.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help messages setup real-kubernetes test-tools demo test check lint format types contracts bench lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## Install Seaway and its tools into .venv, exactly as locked

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Seaway needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12 setup")'
	@test -x $(BIN)/python || { echo "creating $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@echo "installing the locked packages into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(grep -oE '^uv==[^ ]+' requirements.lock)"
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip sync --quiet --compile-bytecode --require-hashes requirements.lock
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet --compile-bytecode --no-deps --editable .
	@$(BIN)/python -m compileall -q -j 0 src
	@touch $(STAMP)

real-kubernetes: setup ## Build Kubernetes' own control plane for the tests, once (needs Go)
	@$(BIN)/python -m tools.real_kubernetes

test-tools: real-kubernetes ## Build and fetch all that tests use where it is there: also an S3 server and Helm
	@$(BIN)/python -m tools.s3_server
	@$(BIN)/python -m tools.helm

demo: setup ## Start a cluster, train a real model on it, fetch it, then see a failure explained
	@bash examples/demo.sh

test: setup ## Run all tests
	@$(BIN)/pytest -q -n $(PYTEST_WORKERS) --dist worksteal || { test -n "$(CI)" && $(MAKE) --no-print-directory again; }

# Machines of CI are shared: a test that fails beside others there is tried once more alone, and named above as failed.
.PHONY: again
again:
	@echo "FLAKY OR BROKEN: the tests that failed above, once more and alone"
	@$(BIN)/pytest -q -n 0 --last-failed --last-failed-no-failures none

check: lint types contracts test ## What CI runs: lint, types, import contracts, tests

lint: setup
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

format: setup ## Rewrite the code in the house's format
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

types: setup
	@$(BIN)/mypy

contracts: setup
	@$(BIN)/lint-imports

# pip compiles what it installs: so is the source here, before a first start is measured
bench: setup ## Measure against the goals; prints a table, writes benchmarks/results.json
	@$(BIN)/python -m compileall -q -j 0 src
	@$(BIN)/python -m benchmarks

messages: setup ## Let the catalogues of the languages follow the code, and count what is to be translated
	@$(BIN)/python -m tools.messages

lock: setup ## Resolve the dependencies anew into requirements.lock
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header --no-annotate --group dev pyproject.toml --output-file requirements.lock
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header --no-annotate --extra server --constraint requirements.lock pyproject.toml \
		--output-file requirements-server.lock

clean: ## Remove what the targets above made
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
