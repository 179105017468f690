# Every target makes what it needs: .venv and the packages, once. Python 3.11 or newer: make PYTHON=python3.12 test
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help parity parity-deep parity-mutations test test-all kill-test fuzz bench docs docs-test api lint format clean

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

$(VENV)/.docs: $(VENV)/.base
	@echo "installing what builds the documentation"
	@$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[dev,sklearn,plot,docs]'
	@touch $@

parity: $(VENV)/.keras  ## train the same models in tinynn and Keras and compare (ARGS="--quick")
	@$(BIN)/python -m parity $(ARGS)

parity-deep: $(VENV)/.keras  ## random models in tinynn and Keras: 10,000, resumable, in two processes (ARGS="--examples 500")
	@$(BIN)/python -m parity search --profile nightly --jobs 2 --state report/parity-deep.json $(ARGS)

parity-mutations: $(VENV)/.keras  ## deliberate faults in copies of tinynn: the parity suite has to see each (ARGS="--quick")
	@$(BIN)/python -m parity mutate $(ARGS)

test: $(VENV)/.keras  ## the tests, against Keras where it matters, but for those that take long (ARGS="-k dense")
	@$(BIN)/python -m tinynn.engine
	@$(BIN)/python -m pytest -n auto --dist loadfile -m "not slow" $(ARGS)

test-all: $(VENV)/.keras  ## all tests, as CI runs them
	@$(BIN)/python -m tinynn.engine
	@$(BIN)/python -m pytest -n auto --dist loadfile $(ARGS)

kill-test: $(VENV)/.base  ## kill 50 trainings at random moments and compare their ends (ARGS="--kills 200")
	@$(BIN)/python -m tinynn.engine
	@$(BIN)/python -m tests.saving.killed_training $(ARGS)

fuzz: $(VENV)/.base  ## files with faults in them, 20,000: a model or an ordinary error (ARGS="--examples 100000 --seed 1")
	@$(BIN)/python -m tests.saving.fuzz $(ARGS)

lint: $(VENV)/.base  ## ruff and mypy --strict
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy --strict tinynn tests/typing

format: $(VENV)/.base  ## let ruff format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(VENV)/.keras  ## time tinynn beside its peers (ARGS="--quick")
	@$(BIN)/python -m benchmarks $(ARGS)

docs: $(VENV)/.docs  ## the documentation, as HTML in docs/_build/html
	@$(BIN)/python -m tinynn.engine
	@$(BIN)/python -m sphinx -b html -W --keep-going -q docs docs/_build/html $(ARGS)
	@echo "docs/_build/html/index.html"

docs-test: docs $(VENV)/.keras  ## the same, and run every code block and example in docs, README and docstrings
	@$(BIN)/python -m pytest -q -n auto tests/test_docs.py tests/test_links.py

api: $(VENV)/.keras  ## docs/api.md: compare every public name with Keras's
	@$(BIN)/python -m parity.api --write

clean:  ## remove what the targets made
	rm -rf $(VENV) build dist report docs/_build docs/kernels docs/reference *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
