# make demo   curate the shipped corpus, print the path of the report last
# make test   lint, types and all default tests
# Both make .venv and install what they need. PYTHON=python3.12 picks another interpreter.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
export DVC_NO_ANALYTICS := 1
export DO_NOT_TRACK := 1
export PREFECT_SERVER_ANALYTICS_ENABLED := false
export PYTHONUNBUFFERED := 1
# Every stage is a process: without compiled bytecode each one compiles its libraries again, for 20 s.
export PYTHONDONTWRITEBYTECODE :=
BIN := $(CURDIR)/.venv/bin
SERVICES = PATH="$(BIN):$$PATH" $(BIN)/python -m flows.services $(if $(STATE),--state $(STATE))

.PHONY: help setup demo test lint types slow browser duplicates fuzz bench bench-rows bench-sources nights faults growth clean \
	services services-status services-stop services-secrets

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

setup:
	@command -v git >/dev/null || { echo "Winnow needs git. Install it with: sudo apt-get install git" >&2; exit 1; }
	@EXTRAS=$(or $(EXTRAS),test) PYTHON=$(or $(PYTHON),python3) infra/setup.sh

demo: setup
	@PATH="$(BIN):$$PATH" HF_HUB_OFFLINE=1 $(BIN)/dvc repro
	@echo "The report of this run:"
	@echo "$(CURDIR)/artifacts/report.html"

test: lint types
	@PATH="$(BIN):$$PATH" HF_HUB_OFFLINE=1 $(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

lint: setup
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: setup
	@$(BIN)/mypy

# make slow   the tests that take minutes or need the big files of ../shared
slow: setup
	@PATH="$(BIN):$$PATH" HF_HUB_OFFLINE=1 $(BIN)/python -m pytest -m slow

# make services   PostgreSQL, an S3 server, Prefect's server and a worker on this machine's loopback
services: setup
	@infra/postgres.sh
	@$(SERVICES) start

# make services-status   name, address, process and health of each
services-status: setup
	@$(SERVICES) status

# make services-stop   end them and all they started; database and logs stay in .services
services-stop: setup
	@$(SERVICES) stop

# make services-secrets   only the files of passwords, for infra/compose.yaml
services-secrets: setup
	@$(SERVICES) secrets

# make browser   the form, a run and its report in Debian's Chromium
browser: setup
	@command -v chromium >/dev/null || { echo "Install it with: sudo apt-get install chromium" >&2; exit 1; }
	@PATH="$(BIN):$$PATH" HF_HUB_OFFLINE=1 $(BIN)/python -m pytest -m 'slow or not slow' tests/flows/test_browser.py

# make duplicates   precision and recall of near-duplicate removal on planted revisions
duplicates: setup
	@$(BIN)/python -m tests.benchmarks.near_duplicates

# make fuzz   mutated hostile files against every reader (SECONDS=60, SEED=0); failing cases are kept
fuzz: setup
	@$(BIN)/python -m tests.hostile.fuzz --seconds $(or $(SECONDS),60) --seed $(or $(SEED),0)

# make bench   the selection engine's goals against its peers (hours; ARGS="--only 1" for one goal)
bench:
	@$(MAKE) --no-print-directory setup EXTRAS=test,static,bench
	@HF_HUB_OFFLINE=1 PATH="$(BIN):$$PATH" $(BIN)/python -m tests.benchmarks.bench $(ARGS)

# make bench-rows   52,000 instruction rows end to end with a static embedder
bench-rows:
	@$(MAKE) --no-print-directory setup EXTRAS=test,static
	@HF_HUB_OFFLINE=1 PATH="$(BIN):$$PATH" $(BIN)/python -m tests.benchmarks.instruction_rows

# make bench-sources   the advice of `winnow sources` on planted sources, checked by training
bench-sources:
	@$(MAKE) --no-print-directory setup EXTRAS=test,static
	@HF_HUB_OFFLINE=1 PATH="$(BIN):$$PATH" $(BIN)/python -m tests.benchmarks.sources $(ARGS)

# make growth   what nightly runs leave on the disk with gc each night (ARGS="--nights 5 --keep-runs 2")
growth: setup
	@PATH="$(BIN):$$PATH" HF_HUB_OFFLINE=1 $(BIN)/python -m tests.benchmarks.growth $(ARGS)

# make nights   a month of nights with arrivals, edits and deletions (ARGS="--nights 5 --seed 1")
nights:
	@$(MAKE) --no-print-directory setup EXTRAS=test,static
	@HF_HUB_OFFLINE=1 PATH="$(BIN):$$PATH" $(BIN)/python -m tests.benchmarks.nights $(ARGS)

# make faults   break runs in every way we know and count what survives (an hour; ARGS="--seed 1 --only ...")
faults: setup
	@HF_HUB_OFFLINE=1 PATH="$(BIN):$$PATH" $(BIN)/python -m tests.faults $(ARGS)

clean:
	rm -rf .venv artifacts .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
