# shopsight: `make` alone lists what there is.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

# The newest of the supported Pythons; override with `make setup PYTHON=/path/to/python`.
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3; do \
	"$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null \
	&& { command -v "$$python"; break; }; done)
BIN := .venv/bin
STAMP := .venv/.installed
SOURCE ?= sample
SIZE ?= small
DATA ?=

# Where wheels lie on this disk (a CPU build of torch, say), uv is told about them as pip is.
export UV_FIND_LINKS ?= $(PIP_FIND_LINKS)
export DO_NOT_TRACK := 1
# Where a machine forbids it, each of the many processes of a demo or a test would compile the same modules anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo up shop visitors docs test test-slow test-all snapshots coverage campaign-kills campaign-collector campaign-shuffles campaign-exports campaign-edge campaign-mutants campaign-chaos campaign-governance campaign-serving campaign-spark campaign-loop screenshot walk lint format bench lock clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  \033[36mmake %-16s\033[0m %s\n", $$1, $$2}'

setup: $(STAMP) ## Make .venv with the exact versions of requirements.lock

$(STAMP): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11 to 3.13 found; install one or name it: make setup PYTHON=…"; exit 1; }
	@test -x $(BIN)/python || { echo "making .venv with $(PYTHON)"; "$(PYTHON)" -m venv .venv; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip --upgrade >/dev/null
	@awk '/^[a-z0-9]/ {uv = /^uv==/} uv' requirements.lock > .venv/uv.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .venv/uv.lock
	@echo "installing $$(grep -c == requirements.lock) packages (a few minutes the first time)"
	@awk '/^[a-z0-9]/ {torch = /^torch==/} !torch' requirements.lock | \
	  $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes --no-deps -r -
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python "$$(grep '^torch==' requirements.lock)"
	@$(BIN)/uv pip install --quiet --no-deps --no-build-isolation --python $(BIN)/python -e .
	@touch $(STAMP)

demo: setup ## Run the whole chain on the sample shop (SOURCE=retailrocket DATA=events.csv, SOURCE=generated EVENTS=1000000, …)
	@$(BIN)/shopsight demo --source $(SOURCE) --size $(SIZE) $(if $(DATA),--data $(DATA)) $(if $(filter generated,$(SOURCE)),$(if $(EVENTS),--events $(EVENTS)))

up: setup ## Start Studio, the Dagster web UI, the collector of events and every approved service; Ctrl-C stops them
	@exec $(BIN)/shopsight up

shop: setup ## Serve a small shop to click through, beside `make up`: real lists, real clicks
	@exec $(BIN)/shopsight shop

visitors: COUNT ?= 600
visitors: MINUTES ?= 4
visitors: setup ## Have made-up visitors come to the shop of `make shop`, for experiments and releases (COUNT, MINUTES)
	@$(BIN)/shopsight visitors --count $(COUNT) --minutes $(MINUTES)

docs: setup ## Build the documentation site into site/, with dbt's page of the warehouse beside it
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@$(BIN)/python -c "import shutil; from shopsight.settings import Settings; from shopsight.warehouse import write_docs; \
	  print(shutil.copy(write_docs(Settings()), 'site/warehouse.html'))"

# Whole files go to two workers, long ones first (tests/conftest.py). One thread each: two processes that each compute on
# two threads wait for one another most of the time.
# Temporary files lie in memory where it has six gigabytes for them: a registry of features alone is a hundred commits, and
# each would wait for a disk.
TEST_TMP := $(shell df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 && $$4 > 6000000 {print "/dev/shm"}')
PYTEST := $(if $(TEST_TMP),TMPDIR=$(TEST_TMP)) OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/pytest -q -n 2 --dist loadfile --no-loadscope-reorder

test: setup ## Run every test but those marked slow, on two cores, in five minutes
	@$(PYTEST) -m "not slow" --durations 12

test-slow: setup ## Run the tests marked slow alone: kills, the whole click-through, real files in full
	@$(PYTEST) -m slow --durations 12

test-all: setup ## Run every test, the slow ones too
	@$(PYTEST) --durations 12

coverage: setup ## Run the tests of `make test` and say which lines none of them runs
	@$(PYTEST) -m "not slow" --cov

snapshots: setup ## Write the description of every asset anew, for the test that compares it
	@$(BIN)/python tests/support/asset_specs.py

campaign-kills: setup ## Kill the warehouse and the chain 200 times each; both must end as unbroken ones do (hours)
	@SHOPSIGHT_WAREHOUSE_KILLS=200 $(BIN)/pytest -q tests/integration/test_dbt_kills.py
	@SHOPSIGHT_CAMPAIGN_KILLS=200 $(BIN)/pytest -q tests/end_to_end/test_demo.py -k killed

campaign-collector: COUNT ?= 100
campaign-collector: SEED ?= 1
campaign-collector: setup ## Kill 100 collectors under load, and landings between them; no event is lost or doubled (COUNT, SEED)
	@PYTHONPATH=tests/campaigns:tests/support OMP_NUM_THREADS=1 $(BIN)/python -m collector_kills --count $(COUNT) --seed $(SEED)

campaign-shuffles: setup ## Try 500 random orders of arrival: the marts must not differ (over an hour)
	@SHOPSIGHT_SHUFFLES=500 $(BIN)/pytest -q tests/integration/test_dbt_incremental.py -k 'shuffled or any_order'

campaign-exports: COUNT ?= 2000
campaign-exports: SEED ?= 0
campaign-exports: setup ## Judge 2,000 generated exports: right, refused or silently wrong (SEED=… COUNT=1 for one)
	@PYTHONPATH=tests/support:tests/campaigns OMP_NUM_THREADS=1 $(BIN)/python -m generated_exports.campaign --seed $(SEED) --count $(COUNT) \
	  --smallest smallest-wrong-export.txt

campaign-chaos: COUNT ?= 50
campaign-chaos: SEED ?= 1
campaign-chaos: setup ## Hit one home under load with 50 faults in a row, and see whether all is back (COUNT, SEED)
	@PYTHONPATH=tests/campaigns:tests/support $(BIN)/python -m chaos --count $(COUNT) --seed $(SEED)

campaign-serving: SWAPS ?= 100
campaign-serving: BAD ?= 20
campaign-serving: WRITES ?= 10000
campaign-serving: MINUTES ?= 30
campaign-serving: SEED ?= 1
campaign-serving: setup ## Swap models and plant bad ones while clients ask, and have writers of the online store race (SWAPS, BAD, MINUTES, WRITES, SEED)
	@PYTHONPATH=tests/campaigns:tests/support OMP_NUM_THREADS=1 $(BIN)/python -m swaps --swaps $(SWAPS) --bad $(BAD) --seed $(SEED)
	@PYTHONPATH=tests/campaigns:tests/support OMP_NUM_THREADS=1 $(BIN)/python -m swaps --swaps 3 --bad 0 --seed $(SEED) --minutes $(MINUTES)
	@PYTHONPATH=tests/campaigns:tests/support OMP_NUM_THREADS=1 $(BIN)/python -m interleavings --count $(WRITES) --seed $(SEED)

campaign-governance: SEQUENCES ?= 2000
campaign-governance: MUTATIONS ?= 10000
campaign-governance: CANARIES ?= 50
campaign-governance: SEED ?= 7
campaign-governance: setup ## Decide at random, mutate the registry, release bad and good versions: nothing illegal, all noticed (SEQUENCES, MUTATIONS, CANARIES, SEED)
	@PYTHONPATH=tests/campaigns:tests/support OMP_NUM_THREADS=1 $(BIN)/python -m governance --sequences $(SEQUENCES) --mutations $(MUTATIONS) --seed $(SEED)
	@PYTHONPATH=tests/campaigns:tests/support OMP_NUM_THREADS=1 $(BIN)/python -m canaries --bad $(CANARIES) --good $(CANARIES) --seed $(SEED)

# Beside what requirements.lock says, of which nothing changes; `make test-slow` then runs tests/integration/test_dbt_spark.py.
SPARK_STAMP := .venv/.installed-spark

$(SPARK_STAMP): $(STAMP)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint requirements.lock -r pyproject.toml --extra spark
	@touch $(SPARK_STAMP)

campaign-spark: EVENTS ?= 200000
campaign-spark: SEED ?= 7
campaign-spark: $(SPARK_STAMP) ## Build every mart and go on by a day on a local Spark (Java 17), and compare both with DuckDB's (EVENTS, SEED)
	@PYTHONPATH=tests/campaigns OMP_NUM_THREADS=1 $(BIN)/python -m spark_marts --events $(EVENTS) --seed $(SEED)

campaign-edge: COUNT ?= 10000
campaign-edge: SEED ?= 7
campaign-edge: setup ## Attack every port: fuzz, poisoned batches, the description, 3x overload (RUNNING=1: of `make up`; PORTS=…)
	@PYTHONPATH=tests/support:tests/campaigns OMP_NUM_THREADS=1 $(BIN)/python -m edge --seed $(SEED) --count $(COUNT) \
	  $(if $(RUNNING),--running) $(if $(PORTS),--ports $(PORTS))

campaign-mutants: COUNT ?= 20
campaign-mutants: SEED ?= 1
campaign-mutants: setup ## Mutate 20 places of each area and see whether its tests notice (COUNT, SEED, AREA, RERUN=survivors)
	@PYTHONPATH=tests/campaigns $(BIN)/python -m mutants --count $(COUNT) --seed $(SEED) \
	  $(if $(AREA),--area $(AREA)) $(if $(RERUN),--rerun $(RERUN))

campaign-loop: setup ## Walk the page of the closed loop over the web UI's interface: experiment, verdict, release, rollback (minutes)
	@SHOPSIGHT_CLOSED_LOOP=1 $(PYTEST) -m slow tests/end_to_end/test_closed_loop.py

screenshot: setup ## Take the pictures of the web UI and of Studio anew, of the shop that `make demo` made (needs Chromium)
	@$(BIN)/python docs/pictures.py
	@$(BIN)/python docs/studio_pictures.py

walk: setup ## Walk docs/closed-loop.md in Chromium beside `make up` and `make shop`, and take its pictures
	@$(BIN)/python docs/walk.py

lint: setup ## Check style, types, import layers, SQL and spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@# Not dbt_project/macros: a file of macros renders to nothing, so there is no SQL in it to judge; where a model calls them it is.
	$(BIN)/sqlfluff lint dbt_project/models dbt_project/tests
	$(BIN)/codespell

format: setup ## Format Python and SQL
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/sqlfluff fix dbt_project/models dbt_project/tests

bench: setup ## Print how fast importing, loading the definitions and --help are, as JSON
	@$(BIN)/python -m benchmarks.ground --json -

lock: setup ## Resolve requirements.lock anew from pyproject.toml
	@{ echo "# Exact versions and hashes for Python 3.11 to 3.13, made by \`make lock\`. torch has no hash, and its own CUDA libraries are"; \
	   echo "# left out, so that one file serves both of its builds."; \
	   env -u UV_FIND_LINKS -u PIP_FIND_LINKS $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
	     --extra dev --extra completejourney --extra index --extra postgres --extra search --extra traces --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
	     --generate-hashes \
	   | awk '/^[a-z0-9]/ {out = /^(nvidia-c|nvidia-nv[^m]|nvidia-nccl|cuda-|triton)/; torch = /^torch==/; if (torch) sub(/ \\$$/, "")} \
	       !out && !(torch && /--hash/)'; } > requirements.lock.new
	@mv requirements.lock.new requirements.lock

clean: ## Remove the environment and every cache; the home (.shopsight) stays
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage* dbt_project/target dbt_project/logs site
