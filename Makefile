# Needs make and Python 3.11 or newer, nothing else: everything goes into .venv.
# make PYTHON=/path/to/python3.12 demo    chooses the Python.

.DEFAULT_GOAL := help
SHELL := /bin/sh

# The first Python that starts and is new enough.
PYTHON ?= $(shell for one in python3.13 python3.12 python3.11 python3 python; do \
	if $$one -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then echo $$one; break; fi; done)

BIN := .venv/bin
SETUP = $(if $(strip $(PYTHON)),$(PYTHON),$(error No Python 3.11 or newer found. \
	Install one, on Debian and Ubuntu: sudo apt install python3 python3-venv)) .ci/setup_venv.py

# make demo ARGS='--minutes 2 --port 0 --ocpp-port 0'
ARGS ?=

.PHONY: help
help: ## Show what can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

.PHONY: demo
demo: ## Watch three simulated chargers, a base load and a battery at work (ARGS='--minutes 2')
	@$(SETUP) run
	@$(BIN)/csms demo $(ARGS)

.PHONY: test
test: ## Run all tests (ARGS='tests/unit -k ledger')
	@$(SETUP) dev
	@$(BIN)/python -m pytest -n 4 --dist worksteal $(ARGS)

.PHONY: interop-clients
interop-clients: ## Install the OCPP clients of others that tests/interop plays (needs Node.js)
	@$(SETUP) dev
	@mkdir -p .venv/interop && cp tests/interop/clients/package.json tests/interop/clients/package-lock.json .venv/interop/
	@npm ci --prefix .venv/interop --ignore-scripts --no-audit --no-fund --loglevel=error

.PHONY: check
check: ## What CI runs: tests, linters, types, import rules, docs, container files
	@.ci/run

.PHONY: mutants
mutants: ## Show that the simulated worlds find known mistakes in the core (ARGS='--write')
	@$(SETUP) dev
	@$(BIN)/python -m tests.mutants $(ARGS)

.PHONY: bench
bench: ## Print the measured ratios
	@$(SETUP) dev
	@$(BIN)/python -m pytest -q -s -p no:xdist tests/bench $(ARGS)

.PHONY: soak
soak: ## Simulate fresh seeds for as long as asked (ARGS='--minutes 60'); failing ones are kept
	@$(SETUP) dev
	@$(BIN)/python -m tests.simulation.soak $(ARGS)

.PHONY: fuzz
fuzz: ## Send spoilt frames to a whole system for as long as asked (ARGS='--minutes 60')
	@$(SETUP) dev
	@$(BIN)/python -m tests.fuzz.frames $(ARGS)

.PHONY: fuzz-atheris
fuzz-atheris: ## The same with atheris, guided by the branches that are reached (Linux and macOS, 35 MB)
	@$(SETUP) dev
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements-atheris.lock
	@$(BIN)/python -m tests.fuzz.frames $(ARGS)

.PHONY: fuzz-rest
fuzz-rest: ## Send requests of schemathesis to a whole system for as long as asked (ARGS='--minutes 60')
	@$(SETUP) dev
	@$(BIN)/python -m tests.fuzz.rest $(ARGS)

.PHONY: plots
plots: ## Draw the pictures of the examples' days anew
	@$(SETUP) plots
	@for site in car_park company depot hotel hub; do \
		$(BIN)/python -m examples.plot $$site --out docs/images/day-$$site.png || exit 1; done

.PHONY: format
format: ## Format the code and mend what can be mended
	@$(SETUP) dev
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

.PHONY: docs
docs: ## Write the reference pages that are made from the code
	@$(SETUP) dev
	@$(BIN)/python .ci/reference_pages.py
	@$(BIN)/python -m tests.characters.report

.PHONY: venv
venv: ## Make or refresh .venv with everything for development
	@$(SETUP) dev

.PHONY: lock
lock: ## Choose the newest versions that fit and write the locks
	@$(SETUP) dev
	@$(SETUP) lock

.PHONY: clean
clean: ## Remove .venv and everything that can be made again
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
