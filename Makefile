# Two commands matter: `make run` and `make test`. Both set up everything they need inside .venv.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/bash

# The newest interpreter that grpcio, which the EventStoreDB client pins, publishes wheels for. Of one version the system's
# own goes first: it is built with optimisations that most others are built without, and runs all of this a tenth faster.
INTERPRETERS := $(foreach version,3.13 3.12 3.11,/usr/bin/python$(version) python$(version)) python3
PYTHON ?= $(shell for p in $(INTERPRETERS); do $$p -c 'import ensurepip' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
PAGES := app/web/pages
STATIC := app/web/static

.PHONY: help
help: ## What can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

.PHONY: run
run: setup pages ## Start everything on this machine: http://127.0.0.1:8000/graphql
	@exec $(BIN)/paygate dev

.PHONY: test
test: setup pages ## Check style, types and layers, then run every test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	# Beside each other, one core each. Collecting compiles the tests once, which else every worker does for itself; what
	# cannot be collected is told of by the run itself.
	$(BIN)/pytest --collect-only -qqq >/dev/null & $(BIN)/mypy && wait
	$(BIN)/pytest -n auto --dist worksteal

.PHONY: bench
bench: setup ## Run the benchmarks; `python -m benchmarks --size` also fills a store with a million events
	$(BIN)/python -m benchmarks

.PHONY: setup
setup: $(VENV)/installed

$(VENV)/installed: requirements-dev.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "paygate needs Python 3.11 or newer, with ensurepip, on the PATH" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "paygate needs Python 3.11 or newer; $(PYTHON) is older" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	sed -n '/^uv==/,/^ *# via/p' requirements-dev.lock > $(VENV)/uv.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $(VENV)/uv.lock
	# Compiled once here, and not by each process anew where nothing may be written at run time.
	$(UV) pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements-dev.lock
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	$(BIN)/python -m compileall -q app schema projections
	@touch $@

.PHONY: lock
lock: setup ## Resolve the dependencies anew and write the hashed locks
	$(UV) pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock" pyproject.toml -o requirements.lock
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock" --constraint requirements.lock --extra laptop --group dev pyproject.toml -o requirements-dev.lock

.PHONY: pages
pages: $(STATIC)/built ## Build the web pages

# Whatever lies in the pages' folder and was not installed there is a source: a new page needs no new rule.
PAGE_SOURCES := $(shell find $(PAGES) -name node_modules -prune -o -type f -print)
NPM := $(abspath $(BIN))/python npm.py

$(STATIC)/built: $(PAGE_SOURCES) $(PAGES)/node_modules/installed
	cd $(PAGES) && $(NPM) run --silent build
	@touch $@

$(PAGES)/node_modules/installed: $(PAGES)/package.json $(PAGES)/package-lock.json $(PAGES)/.npmrc $(PAGES)/npm.py | setup
	cd $(PAGES) && $(NPM) ci --loglevel=error
	@touch $@

.PHONY: format
format: setup ## Format the code and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: schema
schema: setup ## Export the GraphQL schema to schema/schema.graphql
	$(BIN)/python -m schema.export

.PHONY: clean
clean: ## Remove what was installed and built; payments in .paygate stay
	rm -rf $(VENV) $(STATIC) $(PAGES)/node_modules .mypy_cache .ruff_cache .pytest_cache
