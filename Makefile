# Two commands: make demo, make test. Each sets up what it needs in .venv first.
PYTHON ?= python3
VENV := .venv
LOWEST := .venv-lowest
BIN := $(VENV)/bin
# Bytecode is kept: tests start many interpreters.
PYTEST := OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest
PARALLEL := -n 2 --dist loadgroup --no-loadscope-reorder
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt

FAST := $(addprefix tests/sweep/,\
	analysis/effects/test_basis.py analysis/effects/test_model_selection.py \
	analysis/effects/test_fit.py analysis/effects/test_noncentrality.py \
	analysis/effects/test_optimised.py analysis/effects/test_collapsed.py \
	analysis/effects/test_configurations.py analysis/effects/test_parameter_count.py \
	cli/adapter_export/test_model_card.py analysis/importance/test_fanova.py \
	analysis/verdict/test_claims.py analysis/verdict/test_degenerate.py \
	analysis/verdict/test_eligible_trials.py analysis/verdict/test_sample_size.py \
	analysis/verdict/test_rslora.py report/figures/test_marks.py \
	report/figures/test_numbers.py storage/test_url.py files/test_atomic.py \
	analysis/test_axes.py storage/test_trial_folders.py workers/test_archive.py \
	driver/test_failure_policy.py terminal/test_progress.py study/test_space.py \
	study/test_spec.py cli/test_study_file.py terminal/test_terminal.py analysis/test_table.py \
	study/test_targets.py)

.PHONY: help demo test test-integration test-fast test-slow test-lowest check structure docs evidence pictures bench-storage bench-verdict bench-verdict-time bench-packed bench-gpu bench-data bench-cluster clean

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) -e .
	@touch $@

$(VENV)/.ready-dev: $(VENV)/.ready
	$(INSTALL) -e '.[dev]'
	@touch $@

demo: $(VENV)/.ready  ## a small real sweep on the embedded base and data, and its report
	$(BIN)/lorasweep run studies.demo
	$(BIN)/lorasweep importance --storage sqlite:///runs/demo/study.db
	$(BIN)/lorasweep report --storage sqlite:///runs/demo/study.db

test: $(VENV)/.ready-dev  ## the tests that take a moment each (6 min)
	$(PYTEST) -m 'not slow and not integration' $(PARALLEL)

test-integration: $(VENV)/.ready-dev  ## whole commands and sweeps, servers, browsers, killed processes (14 min)
	$(PYTEST) -m 'integration and not slow' $(PARALLEL)

test-fast: $(VENV)/.ready-dev  ## those of them that need neither torch nor a minute
	$(PYTEST) -q -m 'not slow' --torch-free $(FAST)

test-slow: $(VENV)/.ready-dev  ## the slow tests, and every property on many examples
	$(PYTEST) -m 'slow or hypothesis' --hypothesis-profile=thorough

test-lowest: $(VENV)/.ready-dev  ## install the lowest versions that pyproject.toml allows, run a tiny sweep (3 min)
	$(PYTHON) -m venv --clear $(LOWEST)
	$(BIN)/uv pip compile -q --resolution lowest-direct -o $(LOWEST)/lowest.txt pyproject.toml
	$(LOWEST)/bin/python -m pip install --disable-pip-version-check -q -c $(LOWEST)/lowest.txt .
	cd $(LOWEST) && bin/lorasweep run studies.demo --trials 2
	cd $(LOWEST) && bin/lorasweep importance --storage sqlite:///runs/demo/study.db
	cd $(LOWEST) && bin/lorasweep report --storage sqlite:///runs/demo/study.db

check: $(VENV)/.ready-dev  ## lint, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

structure: $(VENV)/.ready-dev  ## counts of files, lines, packages, circles of imports
	$(BIN)/python -m benchmarks.structure

docs: $(VENV)/.ready-dev  ## the pages of docs/ into site/, the reference from the code
	$(BIN)/python docs/generate.py
	$(BIN)/python -m mkdocs build --strict

evidence: $(VENV)/.ready  ## numbers and documents of the studies, from their databases (2 min)
	$(BIN)/python -m studies.evidence

pictures: $(VENV)/.ready-dev  ## the documents' pictures, from the same (needs Chromium)
	$(BIN)/python -m studies.evidence.pictures

bench-storage: $(VENV)/.ready  ## what the driver costs: 10 000 trials beside plain Optuna (15 min)
	$(BIN)/python benchmarks/storage/many_trials.py

bench-verdict: $(VENV)/.ready  ## how often the verdict errs: 500 studies a cell (1 to 2 hours)
	$(BIN)/python -m benchmarks.verdict.campaign --cells all:40,all:80,all:162,all:240 --studies 500 --draws 500
	$(BIN)/python -m benchmarks.verdict.table

bench-verdict-time: $(VENV)/.ready  ## seconds of a whole analysis
	$(BIN)/python -m benchmarks.verdict.time_analysis

bench-packed: $(VENV)/.ready  ## trials per hour beside HF Trainer; DATA= BASE= ARGS= (20 min on ESM-2 8M)
	$(BIN)/python -m benchmarks.packed.trials_per_hour \
		$(if $(DATA),--data $(DATA)) $(if $(BASE),--base $(BASE)) $(ARGS)

bench-gpu: $(VENV)/.ready  ## the same on a GPU, by lanes; DATA= BASE= ARGS=
	$(BIN)/python -m benchmarks.packed.gpu \
		$(if $(DATA),--data $(DATA)) $(if $(BASE),--base $(BASE)) $(ARGS)

bench-data: $(VENV)/.ready  ## 500 000 chains: time and memory, cold and warm (3 min, 5 GB)
	$(BIN)/python -m benchmarks.data.many_chains $(ARGS)

bench-cluster: $(VENV)/.ready-dev  ## the driver under 1 to 256 simulated workers (15 min)
	$(BIN)/python -m benchmarks.cluster.driver_throughput $(ARGS)

clean:  ## remove the environment and caches, keep runs/
	rm -rf $(VENV) $(LOWEST) site .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
