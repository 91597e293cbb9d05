# Two commands matter: `make demo` and `make test`. Both make .venv first, and are quick the second time.
PYTHON ?= python3
# PyPI's torch for Linux carries CUDA. For the smaller CPU build: make TORCH_FLAGS='--extra-index-url https://download.pytorch.org/whl/cpu'
# Extra, not the only index: that one lacks releases that constraints.txt pins for torch's own requirements. Its 2.x.y+cpu ranks above 2.x.y.
TORCH_FLAGS ?=
# Two test processes of one thread each: on two cores faster than one process with two threads.
JOBS ?= 2

BIN := .venv/bin
INSTALLED := .venv/.installed
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1

STUDIO_PORT ?= 8765

.PHONY: demo studio test test-torch test-slow lint schemas graphs install clean

demo: $(INSTALLED)
	$(BIN)/echoseg demo --out out

# The page on which the demo clip is prompted, corrected, measured and accepted; the link is printed.
studio: $(INSTALLED)
	$(BIN)/echoseg serve --port $(STUDIO_PORT)

test: lint
	$(ONE_THREAD) $(BIN)/pytest -n $(JOBS)

# What users get runs in `make test`; the engine once more by the runtime that it must equal.
test-torch: $(INSTALLED)
	ECHOSEG_RUNTIME=torch $(ONE_THREAD) $(BIN)/pytest -n $(JOBS) tests/model tests/tracking tests/prompting

test-slow: $(INSTALLED)
	$(ONE_THREAD) $(BIN)/pytest -n $(JOBS) -m slow --timeout 1200

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/mypy

# The JSON Schemas that ship, from the models in echoseg/record/documents.py.
schemas: $(INSTALLED)
	$(BIN)/python -c "from echoseg.record.documents import write_schemas; write_schemas()"

# The graphs that ship, after a change of the code they are traced from (a test asks).
graphs: $(INSTALLED)
	$(BIN)/python -c "from echoseg.model.runtime.store import ship; ship()"

install: $(INSTALLED)

$(INSTALLED): setup.cfg pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q $(TORCH_FLAGS) -c constraints.txt torch
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[dev,serve]'
	touch $@

clean:
	rm -rf .venv out build dist echoseg.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
