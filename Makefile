# `make demo` runs the portal with content; `make test` passes its tests. Both install what they need into .venv.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PORT   ?= 5000
# Options for pytest, such as ARGS="-k search"
ARGS   ?=

.PHONY: bad-input help demo test faults bench lint format docs services services-stop lock browser clean test-ckan test-solr bench-search

help:
	@grep -E '^[a-z-]+:.*#' $(MAKEFILE_LIST) | sed -E 's/:.*# /\t/' | expand -t 16

demo: $(VENV)/installed # run the portal with content (Ctrl-C stops it)
	$(BIN)/ogptn up --demo --port $(PORT)

test: $(VENV)/installed browser # run the whole suite, on two cores
	$(BIN)/python -m tests.suite $(ARGS)

faults: $(VENV)/installed # kill processes, fill disks, cut connections (long)
	$(BIN)/python -m tests.services run -- $(BIN)/pytest --ckan-ini=test.ini -m faults $(ARGS)

bench: $(VENV)/installed # ratios against named peers
	$(BIN)/python -m tests.services run -- $(BIN)/pytest --ckan-ini=test.ini -m benchmark -s $(ARGS)

test-ckan: $(VENV)/installed # CKAN's own tests of search, on our engine and on Solr (Java and Maven)
	$(BIN)/python -m tests.ckan_core $(ARGS)

test-solr: $(VENV)/installed # our engine beside a real Solr: differences and relevance (Java and Maven)
	$(BIN)/python -m tests.services run -- $(BIN)/python -m tests.solr run -- $(BIN)/pytest --ckan-ini=test.ini tests/solr $(ARGS)

bench-search: $(VENV)/installed # search speed beside Solr's (Java and Maven; long)
	$(BIN)/python -m tests.benchmarks.search $(ARGS)

bench-harvest: $(VENV)/installed # harvesting beside ckanext-harvest's CKAN harvester (long)
	$(BIN)/python -m tests.benchmarks.harvest $(ARGS)

bench-tables: $(VENV)/installed # loading tables beside ckanext-xloader, reading beside openpyxl and pandas (long)
	$(BIN)/python -m tests.benchmarks.tables $(ARGS)

lint: $(VENV)/installed # ruff and pyright
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

format: $(VENV)/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bad-input: $(VENV)/installed # send every bad input, write docs/bad-input.md from the answers and show it
	OGPTN_WRITE_BAD_INPUT=1 $(BIN)/python -m tests.services run -- $(BIN)/pytest --ckan-ini=test.ini -q \
	  tests/catalogue tests/commitment tests/budget tests/extractive -k "bad_input or circles or looks_wrong"
	@cat docs/bad-input.md

docs: $(VENV)/installed # build the documentation; a broken link fails
	$(BIN)/mkdocs build --strict

services: $(VENV)/installed # keep PostgreSQL and Redis running for the inner loop
	$(BIN)/python -m tests.services start

services-stop:
	$(BIN)/python -m tests.services stop

lock: $(VENV)/uv # pin every dependency again
	$(BIN)/uv pip compile --quiet --universal --python-version 3.10 --all-extras --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" --output-file requirements.lock setup.py

browser: $(VENV)/installed
	@$(BIN)/python -m tests.browser

clean:
	-$(BIN)/python -m tests.services stop
	rm -rf $(VENV) .cache build dist site *.egg-info

$(VENV)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or newer is needed; this is " + sys.version.split()[0] + ". Name another one: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "uv>=0.5,<1"
	@touch $@

$(VENV)/installed: $(VENV)/uv requirements.lock setup.py
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --requirement requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@
