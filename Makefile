# Two commands do all the set-up: `make demo` and `make test`. Needs Python 3.11 to 3.14.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
WORKERS ?= auto

export DO_NOT_TRACK := 1
export DAGSTER_DISABLE_TELEMETRY := 1
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export GX_ANALYTICS_ENABLED := false
export RUNTIME__DLTHUB_TELEMETRY := false

.DEFAULT_GOAL := help
.PHONY: help install demo test dev dashboard lint lint-types lint-text format bench docs lock clean

help: ## Say what each target does
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

$(VENV)/.installed: requirements.lock requirements-uv.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 11) <= v < (3, 15) else "Aval needs Python 3.11 to 3.14; this is %d.%d. Name another: make PYTHON=python3.12 …" % v[:2])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.lock
	$(BIN)/uv pip install --python $(BIN)/python --quiet --compile-bytecode --require-hashes -r requirements.lock
	$(BIN)/uv pip install --python $(BIN)/python --quiet --no-deps --no-build-isolation --editable .
	@touch $@

install: $(VENV)/.installed ## Make the virtual environment from the lock files

demo: install ## Run the sample company from ERP and reports to published marts
	$(BIN)/aval demo

# Tests start Aval many times over: each process would compile it anew where nothing may be kept.
test: install ## Run all tests
	env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(PYTEST_ARGS)

dev: install ## Open Dagster's web page on the sample company
	$(BIN)/aval dev

dashboard: install ## Open pages on the sample company's published figures
	$(BIN)/aval dashboard

# Types take one processor as long as all the rest together: they are checked beside it.
lint: install ## Check format, types, imports and SQL
	@$(MAKE) --no-print-directory --jobs 2 lint-types lint-text

lint-types: install
	$(BIN)/mypy

lint-text: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/sqlfluff lint --disable-progress-bar --processes 2 dbt_project/models dbt_project/tests

format: install ## Put Python and SQL into the house's format
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .
	$(BIN)/sqlfluff fix --disable-progress-bar dbt_project/models dbt_project/tests

bench: install ## Measure speed and memory as ratios; rewrites docs/benchmarks.md
	$(BIN)/python -m benchmarks $(BENCH_ARGS)

docs: install ## Build the model documentation as one page, var/docs/index.html
	$(BIN)/aval docs

lock: install ## Resolve the lock files anew (exact versions and hashes, no addresses)
	$(BIN)/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-header --no-annotate --upgrade --output-file requirements.lock
	echo 'uv' | $(BIN)/uv pip compile - --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-header --no-annotate --upgrade --output-file requirements-uv.lock

clean: ## Remove the virtual environment and what runs have written
	rm -rf $(VENV) var dbt_project/target dbt_project/logs
