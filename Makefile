# Two commands: `make demo` shows the product working, `make test` proves it. Each sets itself up.
# Needs only Python 3.11+ and make; everything lands in .venv, pinned with hashes by requirements-dev.lock.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

# The tools that check deploy/ and the specifications, apart from what the product itself needs.
DEPLOY := $(VENV)/deploy
# Precise indexers and libraries for `make references`.
REFERENCES := $(VENV)/references

.PHONY: setup demo bench scale compare test test-all test-fast crash outages incidents neighbour fuzz fuzz-analysis fuzz-topics fuzz-walk retrieval vector-growth priorities monitoring accuracy references check check-deploy changelog audit site format histories lock schemas servers dashboards clean

# Installs what the command line and the tests need.
setup: $(READY)

demo: $(READY)
	$(BIN)/enrich demo $(PATH_TO_INGEST) $(ARGS)

# The load test, on a stack of its own; ARGS='--documents 100 --report before.json'.
bench: $(READY)
	$(BIN)/enrich bench $(ARGS)

# The tables of docs/scale.md; ARGS=run.json takes the costs from that report of `enrich bench`.
scale: $(READY)
	$(BIN)/python -m archon.cli.capacity $(ARGS)

# The work tree beside another commit, the same load on a stack of each in turn;
# BASE=v1.2 ARGS='--rounds 3 --require "enriched>=0.97"'.
compare: $(READY)
	@test -n "$(BASE)" || { echo "Which commit? As in: make compare BASE=HEAD~1"; exit 2; }
	$(BIN)/enrich bench against $(BASE) $(ARGS)

# Four processes, each with servers of its own: half of what a test does is to wait for something.
# Also where the environment says PYTHONDONTWRITEBYTECODE: a test run starts hundreds of processes with the same imports.
unexport PYTHONDONTWRITEBYTECODE
SUITE := -n 4 --dist loadfile --no-loadscope-reorder
test: $(READY)
	$(BIN)/pytest $(SUITE) -m "not full" $(ARGS)

# Every test, those that take long too, and of each all its parameters.
test-all: $(READY)
	$(BIN)/pytest $(SUITE) $(ARGS)

# What needs no server and is quick.
test-fast: $(READY)
	$(BIN)/pytest tests/unit $(SUITE) -n 2 -m "not full and not slow" $(ARGS)

# Kills each process at each point where it hurts, and looks what became of the documents.
crash: $(READY)
	$(BIN)/python -m tests.crash $(ARGS)

# Takes each server away for three minutes, and looks how long histories became; ARGS='--seconds 20 --only graph,kafka'.
outages: $(READY)
	$(BIN)/python -m tests.outages $(ARGS)

# Everything that an operator may be woken by, and whether the signals name it; ARGS='--only "graph killed,poison"'.
incidents: $(READY)
	$(BIN)/python -m tests.incidents $(ARGS)

# A hostile key beside a polite one: floods, large and half-sent bodies, streams; ARGS='--minutes 30'.
neighbour: $(READY)
	$(BIN)/python -m tests.neighbour $(ARGS)

# Asks the bridge all that its OpenAPI document allows and forbids; ARGS='--service intelligence --max-time 60'.
fuzz: $(READY) $(VENV)/fuzz/.ready
	$(BIN)/python -m tests.fuzz $(ARGS)

# Sources cut, joined and garbled, through the analysis; ARGS='--seconds 600 ~/src/my-project'.
fuzz-analysis: $(READY)
	$(BIN)/python -m tests.fuzz_analysis $(ARGS)

# Trees of odd names, rules, links and times, through the walk of an ingest, against git; ARGS='--seconds 300'.
fuzz-walk: $(READY)
	$(BIN)/python -m tests.fuzz_walk $(ARGS)

# Hostile records on both topics, and what becomes of each; ARGS='--seconds 300 --seed 7'.
fuzz-topics: $(READY)
	$(BIN)/python -m tests.fuzz_topics $(ARGS)

# How well search finds functions by what their docstrings said; ARGS='rich click', '--npm', '--quick', '--parts'.
retrieval: $(READY)
	$(BIN)/python -m tests.retrieval $(ARGS)

# What the embedded vector server spends on writes and searches as it fills; ARGS='--chunks 200000'.
vector-growth: $(READY)
	$(BIN)/python -m tests.vector_growth $(ARGS)

# How long indexing and enrichment take beside busy processes; ARGS='--single 10'.
priorities: $(READY)
	$(BIN)/python -m tests.priorities $(ARGS)

# A real Prometheus on a stack under load: every metric, every query of the dashboard, an alert from end to end.
monitoring: $(READY)
	$(BIN)/python -m tests.monitoring $(ARGS)

# Functions and classes found in foreign sources, against each language's own parser; ARGS='~/src/project --wrong 9'.
accuracy: $(READY)
	$(BIN)/python -m tests.accuracy $(ARGS)

# References that are resolved in libraries, against precise indexers; needs node; ARGS='httpx zod --wrong 5'.
references: $(REFERENCES)/.ready
	$(BIN)/python -m tests.references $(ARGS)

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m tests.prose
	$(BIN)/towncrier build --draft --version next >/dev/null 2>&1 || $(BIN)/towncrier build --draft --version next

# Moves the fragments of changes/ into CHANGELOG.md; VERSION=0.3.0.
changelog: $(READY)
	@test -n "$(VERSION)" || { echo "Which version? As in: make changelog VERSION=0.3.0"; exit 2; }
	$(BIN)/towncrier build --yes --version $(VERSION)

# Image, compose file, chart, alert rules and specifications, without Docker; `ARGS=--prove` breaks each, too.
check-deploy: $(DEPLOY)/.ready
	$(DEPLOY)/bin/python -m deploy.checks $(ARGS)

# Known faults of what the product depends on; it asks the index of packages, so that it needs the network.
audit: $(READY)
	@test -x $(VENV)/audit/bin/pip-audit || { $(PYTHON) -m venv $(VENV)/audit && $(VENV)/audit/bin/pip -q install "pip-audit>=2.9,<3"; }
	$(VENV)/audit/bin/pip-audit --require-hashes --disable-pip -r requirements.lock

# The pages of docs/ as a site in .venv/site, without any network.
site: $(DEPLOY)/.ready
	NO_MKDOCS_2_WARNING=1 $(DEPLOY)/bin/mkdocs build --strict -f deploy/site/mkdocs.yml

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

schemas: $(READY)
	$(BIN)/python -m archon.reference .

# The table of docs/servers from its records.
servers: $(READY)
	$(BIN)/python -m tests.servers

dashboards: $(READY)
	$(BIN)/python -m deploy.grafana.dashboards deploy/grafana/dashboards

# Adds the histories of new paths; those that are committed stay as they are.
histories: $(READY)
	ARCHON_COMMIT_HISTORIES=1 $(BIN)/pytest -q tests/workflows -m history

# Writes hashes and no addresses, for every platform and Python version at once.
LOCK := $(VENV)/lock/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
lock:
	$(PYTHON) -m venv $(VENV)/lock
	$(VENV)/lock/bin/pip -q install uv
	$(LOCK) pyproject.toml -o requirements.lock
	$(LOCK) --extra dev pyproject.toml -o requirements-dev.lock
	$(LOCK) --group fuzz -o requirements-fuzz.lock
	$(LOCK) deploy/build.in -o deploy/build.lock
	$(LOCK) deploy/requirements.in -o deploy/requirements.lock

$(READY): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Setting up $(VENV) (once, a minute or two) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/fuzz/.ready: requirements-fuzz.lock $(READY)
	@$(PYTHON) -m venv $(VENV)/fuzz
	@$(VENV)/fuzz/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-fuzz.lock
	@touch $@

$(DEPLOY)/.ready: deploy/requirements.lock deploy/package-lock.json
	@echo "Setting up $(DEPLOY) (once, a minute or two) ..."
	@$(PYTHON) -m venv $(DEPLOY)
	@$(DEPLOY)/bin/pip install -q --disable-pip-version-check --require-hashes -r deploy/requirements.lock
	@mkdir -p $(DEPLOY)/node
	@cp deploy/package.json deploy/package-lock.json $(DEPLOY)/node
	@cd $(DEPLOY)/node && PATH="$(abspath $(DEPLOY)/bin):$$PATH" npm ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

$(REFERENCES)/.ready: tests/references/package-lock.json $(READY)
	@mkdir -p $(REFERENCES)
	@cp tests/references/package.json tests/references/package-lock.json $(REFERENCES)
	@cd $(REFERENCES) && npm ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
