# Every target makes what it needs: .venv and the packages, once. Python 3.11 or newer: make PYTHON=python3.12 test
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help parity parity-deep parity-mutations test bench docs lint format clean

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 24

# A stamp per set of packages; it is renewed when pyproject.toml changes.
$(VENV)/.base: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "tinynn needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@test -x $(BIN)/python || { echo "creating $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@echo "installing tinynn with its development tools (a minute the first time)"
	@$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[dev,sklearn,plot]'
	@touch $@

$(VENV)/.keras: $(VENV)/.base
	@echo "installing TensorFlow and Keras (about 700 MB, a minute or two the first time)"
	@$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[dev,sklearn,plot,keras]'
	@touch $@

parity: $(VENV)/.keras  ## train the same models in tinynn and Keras and compare (ARGS="--quick")
	@$(BIN)/python -m parity $(ARGS)

parity-deep: $(VENV)/.keras  ## random models in tinynn and Keras: 10,000, resumable, in two processes (ARGS="--examples 500")
	@$(BIN)/python -m parity search --profile nightly --jobs 2 --state report/parity-deep.json $(ARGS)

parity-mutations: $(VENV)/.keras  ## deliberate faults in copies of tinynn: the parity suite has to see each (ARGS="--quick")
	@$(BIN)/python -m parity mutate $(ARGS)

test: $(VENV)/.keras  ## all tests, against Keras where it matters (ARGS="-k dense")
	@$(BIN)/python -m tinynn.engine
	@$(BIN)/python -m pytest -n auto --dist loadfile $(ARGS)

lint: $(VENV)/.base  ## ruff and mypy --strict
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy --strict tinynn tests/typing

format: $(VENV)/.base  ## let ruff format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(VENV)/.keras  ## time tinynn beside its peers (ARGS="--quick")
	@$(BIN)/python -m benchmarks $(ARGS)

docs: $(VENV)/.keras  ## write docs/api.md, and run every code block of README and docs/
	@$(BIN)/python -m parity.api --write
	@$(BIN)/python -m pytest -q tests/test_docs.py

clean:  ## remove what the targets made
	rm -rf $(VENV) build dist report *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
