# Needs only make and Python 3.11 or later; everything else goes into .venv.
# `make PYTHON=/path/to/python` chooses the interpreter.

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PYTHON ?=
PYTHONS := python3.14 python3.13 python3.12 python3.11 python3 python
SUITABLE := import sys; sys.exit(sys.version_info < (3, 11))

.DEFAULT_GOAL := help
.PHONY: help venv demo test lint format bench faults lock clean

help: ## say what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

demo: $(INSTALLED) ## start everything on this machine, with a few fictional referrals, until Ctrl-C
	@exec $(BIN)/s47 up --demo

test: lint ## everything that continuous integration runs
	$(BIN)/python -m pytest -n 4

lint: $(INSTALLED) ## check style, format and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(INSTALLED) ## put the code in its usual format and order
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(INSTALLED) ## measure
	$(BIN)/python -m tests.bench

FAULTS := --seed 1
faults: $(INSTALLED) ## run cases while what they run on is killed and frozen, and check them from outside (some 20 minutes)
	$(BIN)/python -m tests.faults $(FAULTS)

venv: $(INSTALLED) ## make the virtual environment

lock: $(INSTALLED) ## choose the dependencies' versions anew and write them with their hashes
	$(BIN)/uv pip compile $(LOCK_OPTIONS) -o requirements.txt pyproject.toml
	$(BIN)/uv pip compile $(LOCK_OPTIONS) --extra embedded --group dev -o requirements-dev.txt pyproject.toml

LOCK_OPTIONS := --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock'

clean: ## remove the virtual environment and the caches (the cases in .s47 stay)
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A command of the right name may still be no Python 3.11 (a version manager's stub, say): so each is asked.
$(INSTALLED): requirements-dev.txt pyproject.toml
	@set -e; \
	if ! $(BIN)/python -c '$(SUITABLE)' 2>/dev/null; then \
	  found=; bare=; \
	  for candidate in $(if $(PYTHON),'$(PYTHON)',$(PYTHONS)); do \
	    "$$candidate" -c '$(SUITABLE)' 2>/dev/null || continue; \
	    if "$$candidate" -c 'import venv, ensurepip' 2>/dev/null; then found=$$candidate; break; fi; \
	    bare=$${bare:-$$candidate}; \
	  done; \
	  if [ -z "$$found" ] && [ -n "$$bare" ]; then \
	    echo "$$bare comes without its venv module; on Debian and Ubuntu install the package python3-venv." >&2; \
	    exit 1; \
	  elif [ -z "$$found" ]; then \
	    echo "S47 needs Python 3.11 or later; none of these is: $(if $(PYTHON),$(PYTHON),$(PYTHONS))." >&2; \
	    echo "Install one, or name it: make PYTHON=/path/to/python3.11" >&2; exit 1; \
	  fi; \
	  echo "Making $(VENV) with $$($$found --version)"; \
	  "$$found" -m venv --clear $(VENV); \
	fi
	@echo "Installing what S47 needs into $(VENV): a minute or two, and only this once"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
