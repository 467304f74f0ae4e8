# One word a task. `make verdict` is the first thing to try; `make check test` before a commit.
.POSIX:

PYTHON = python3
BIN = .venv/bin
SCENARIO = mcf7-doxorubicin
HOST = emu-myc-cyclophosphamide
HOST_OPTIONS = --regimen chemo --variant bcl2 --draws 60 --hosts 1 --step-hours 8
# One test after another goes to whoever is free: what takes long at the end is shared out, too.
TESTS = -m pytest -n 2 --dist worksteal
# Of every kind of fault: how often it is injected, and when.
ROUNDS = 1
SEED = 1
# Where compiled kernels stand, and what runs every branch of them.
KERNEL_TESTS = tests/engines tests/rng tests/cohort tests/test_lane_math.py

.PHONY: verdict install test check docs coverage plain faults benchmark wheel clean

verdict: install
	$(BIN)/senescape verdict $(SCENARIO) --output verdict.html
	$(BIN)/senescape verdict $(HOST) $(HOST_OPTIONS) --output verdict-host.html

install: .venv/.stamp

# The stamp is written last: an install that broke half-way is done again from the start.
.venv/.stamp: constraints.txt pyproject.toml
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make virtual environments: install the Debian package python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r constraints.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch .venv/.stamp

test: install
	$(BIN)/python $(TESTS) $(COVER)

check: install
	$(BIN)/ruff format --check src tests docs .ci
	$(BIN)/ruff check src tests docs .ci
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/check_docs.py

# Simulates every bundled scenario, some minutes on two cores; `make check` says when it is needed.
docs: install
	$(BIN)/python docs/make_scenarios.py
	$(BIN)/python docs/make_pictures.py

coverage: install
	rm -rf .coverage
	$(MAKE) test COVER="--cov --cov-report="
	$(MAKE) plain

# Branches inside a compiled kernel are invisible to coverage: with Numba off the kernels' own tests
# show them, and what `make test` with COVER has seen of all the rest is added.
plain: install
	NUMBA_DISABLE_JIT=1 $(BIN)/python $(TESTS) $(KERNEL_TESTS) --cov --cov-append --cov-report=
	mkdir -p build
	$(BIN)/coverage json --quiet -o build/coverage.json
	$(BIN)/python .ci/rooms.py build/coverage.json 90

# Hours for many rounds; a short part of it is among the tests (tests/store/test_faults.py).
faults: install
	$(BIN)/python verification/faults.py $(ROUNDS) $(SEED)

# Peers live in an environment of their own; QUICK=1 takes under five minutes.
benchmark: install .bench-venv/.stamp
	$(BIN)/python benchmarks/run.py --peers .bench-venv/bin/python

.bench-venv/.stamp: benchmarks/requirements.txt
	$(PYTHON) -m venv --clear .bench-venv
	.bench-venv/bin/python -m pip install --quiet -r benchmarks/requirements.txt
	touch .bench-venv/.stamp

wheel: install
	rm -rf dist
	$(BIN)/python -m build --no-isolation --wheel --outdir dist

clean:
	rm -rf .venv .bench-venv dist build .coverage .pytest_cache .mypy_cache .ruff_cache
	rm -rf .hypothesis .import_linter_cache verdict.html verdict-host.html
	find src tests docs -name __pycache__ -prune -exec rm -rf {} +
