# make demo: install and run the whole pipeline on the embedded sample.   make test: install and pass the tests.
PYTHON ?= python3
BIN := .venv/bin
EXTRA ?= cpu

export DO_NOT_TRACK := 1
export PREFECT_SERVER_ANALYTICS_ENABLED := false
# Threads that wait sleep instead of spinning: a little slower on a quiet machine, several times faster on a busy one.
export OMP_WAIT_POLICY := PASSIVE

.PHONY: demo test test-runs test-parts faults fuzz killed guarded scaled lint format bench sample install clean

demo: .venv/installed
	$(BIN)/logoflow run configs/demo.yaml

# The runs of whole pipelines mostly wait, so they go beside the rest, a thread each; `python -m pytest` is the same in one.
RUNS := tests/flows tests/faults tests/tasks tests/deploy

test: .venv/installed
	$(MAKE) --no-print-directory --jobs 2 --output-sync=target test-runs test-parts

test-runs test-parts scaled: export OMP_NUM_THREADS := 1

test-runs:
	$(BIN)/python -m pytest $(RUNS)

test-parts:
	$(BIN)/python -m pytest $(RUNS:%=--ignore=%)

faults: .venv/installed
	FAULTS=1 $(BIN)/python -m pytest tests/faults

fuzz: .venv/installed
	FUZZ_FILES=5000 FUZZ_SEED=1 $(BIN)/python -m pytest tests/data/test_fuzz.py

killed: .venv/installed
	KILLED_IMAGES=20000 $(BIN)/python -m pytest tests/tasks/test_ingest_killed.py

guarded: .venv/installed
	GUARDED=1 $(BIN)/python -m pytest tests/flows/test_up.py

scaled: .venv/installed
	SCALED=1 $(BIN)/python -m pytest tests/flows/test_runners.py

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/installed
	$(BIN)/python -m benchmarks.parity tests/stylegan2/reference
	$(BIN)/pip install --quiet --constraint constraints.txt --config-settings editable_mode=compat --editable '.[$(EXTRA),dev,bench]'
	$(BIN)/python -m benchmarks.text
	$(BIN)/python -m benchmarks.ingest
	$(BIN)/python -m benchmarks.neighbours
	$(BIN)/python -m benchmarks.dedup
	$(BIN)/python -m benchmarks.pairs

sample: .venv/installed
	$(BIN)/python -m data.sample.build

install: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --config-settings editable_mode=compat --editable '.[$(EXTRA),dev]'
	touch $@

clean:
	rm -rf .venv .logoflow .mypy_cache .ruff_cache .pytest_cache
