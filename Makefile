# Needs only a Python (3.10 or newer) with pip, and make. Everything is installed into folders of this checkout.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

# For each pip and npm that is run here, and by the tests: an index that is slow once fails nothing. .ci/run reads this.
export PIP_RETRIES ?= 10
export PIP_DEFAULT_TIMEOUT ?= 60
export NPM_CONFIG_FETCH_RETRIES ?= 10

.PHONY: help scaling demo wheel frameworks test test-slow witnesses check soak bench speed bench-plot screenshots clean

help:  ## list the commands
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(PIP) install --editable .
	@touch $@

$(VENV)/.tools: $(VENV)/.installed requirements-dev.txt
	$(PIP) install --requirement requirements-dev.txt
	@touch $@

demo: $(VENV)/.installed  ## run a real agent offline, record it, and print its trace
	$(BIN)/python examples/stdlib_agent.py
	$(BIN)/voltagent show
	@echo "Again, with inputs and outputs: $(BIN)/voltagent show -v"
	@echo "In the browser, and more:       $(BIN)/voltagent ui"

wheel: $(BIN)/python  ## build dist/voltagent-…-py3-none-any.whl, to install with pip elsewhere
	$(PIP) wheel --no-deps --wheel-dir dist .
	@ls dist/*.whl

test: $(VENV)/.tools  ## run the suite, but for the slow tests
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not slow"

test-slow: $(VENV)/.tools  ## run the slow tests: in a browser, with many processes, or over seconds
	$(BIN)/python -m pytest -n auto --dist worksteal -m slow

.venv-frameworks%/.installed: pyproject.toml tests/frameworks/requirements%.txt
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip --disable-pip-version-check --quiet install --editable . --requirement tests/frameworks/requirements$*.txt
	@touch $@

frameworks: .venv-frameworks-latest/.installed .venv-frameworks-openai-2/.installed  ## run the tests with the real clients and frameworks, against a fake server
	.venv-frameworks-latest/bin/python -m pytest -n auto tests/frameworks
	.venv-frameworks-openai-2/bin/python -m pytest -n auto tests/frameworks/test_clients.py tests/frameworks/test_documents.py

WITNESSES ?= 1
witnesses: $(VENV)/.tools  ## install receivers of others, and read a trace back from them (WITNESSES=elastic,mlflow,phoenix)
	VOLTAGENT_WITNESSES=$(WITNESSES) $(BIN)/python -m pytest tests/exporters/test_receivers.py

soak: $(VENV)/.tools  ## the long cases of delivery in full size, about ten minutes
	$(BIN)/python -m tests.soak

# The tools for the page are from npm; without npm, one line says so, and the tests that need them are skipped.
NPM := .npm
$(NPM)/.installed: tests/browser/tools/package.json
	@mkdir -p $(NPM)
	@if command -v npm >/dev/null; then \
	    cp $< $(NPM)/ && npm install --prefix $(NPM) --no-audit --no-fund --ignore-scripts --silent && touch $@; \
	else echo "npm is missing: the types of the viewer's page are not checked, and neither is its accessibility"; fi

check: $(VENV)/.tools $(NPM)/.installed  ## ruff, mypy strict, pyright strict, and the types of the viewer's page
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python
	@if [ -e $(NPM)/.installed ]; then $(NPM)/node_modules/.bin/tsc --project tests/browser/tools/tsconfig.json; fi

bench: $(VENV)/.installed  ## measure what recording costs, beside a floor and the peers
	$(BIN)/python -m benchmarks

speed: $(VENV)/.tools  ## hold the limits of the viewer's page with 100,000 operations, in a real browser
	$(BIN)/python -m tests.browser.speed

bench-plot: $(VENV)/.installed  ## draw how the cost grows, into docs/
	$(PIP) install matplotlib
	$(BIN)/python -m benchmarks --only "growth, floor, ours held, OpenTelemetry" --json .bench/growth.json
	$(BIN)/python -m benchmarks.plots .bench/growth.json docs

ROTEL := .venv-rotel
$(ROTEL)/.installed:
	$(PYTHON) -m venv $(ROTEL)
	$(ROTEL)/bin/python -m pip --disable-pip-version-check --quiet install rotel
	@touch $@

scaling: $(VENV)/.installed $(ROTEL)/.installed  ## ten processes, a collector that is killed and restarted, a receiver that counts
	$(BIN)/python -m benchmarks.scaling --rotel "$$($(ROTEL)/bin/python -c 'import rotel, pathlib; print(pathlib.Path(rotel.__file__).with_name("rotel-agent"))')"

screenshots: $(VENV)/.tools  ## draw the pictures of the viewer into docs/; needs Chromium
	$(BIN)/python -m tests.browser.screenshots docs

clean:  ## remove what these commands made
	rm -rf .venv .venv-* .npm .witnesses dist build
