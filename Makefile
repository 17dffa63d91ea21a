# `make demo` runs the main job; `make test` passes the tests. Both make their own .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: demo test test-slow lint types architecture docs site wheel clean fuzz

demo: $(VENV)/.demo
	$(BIN)/heimdall run nano

test: $(VENV)/.dev
	$(BIN)/python -m pytest -m "not slow"

test-slow: $(VENV)/.dev
	$(BIN)/python -m pytest -m slow

# Ten minutes of damaged files; the seed is printed.
fuzz: $(VENV)/.dev
	$(BIN)/python tests/support/fuzz_readers.py 600

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

architecture: $(VENV)/.dev
	$(BIN)/lint-imports

docs: $(VENV)/.dev
	$(BIN)/python docs/make_recipes.py

site: $(VENV)/.dev
	$(PIP) install -q -c constraints.txt -e '.[docs]'
	$(BIN)/python -m mkdocs build --strict

wheel: $(VENV)/.dev
	rm -rf dist
	$(BIN)/python -m build --wheel --outdir dist
	$(BIN)/check-wheel-contents dist

# After a new entry point the project has to be installed again: pyproject.toml is a prerequisite.
$(VENV)/.demo: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install -c constraints.txt -e '.[all]'
	touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) install -c constraints.txt -e '.[dev]'
	touch $@ $(VENV)/.demo

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

clean:
	rm -rf $(VENV) dist build site
