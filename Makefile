# The two commands are `make demo` and `make test`; `make help` lists the rest.

SHELL := /bin/bash
.DEFAULT_GOAL := help
include deploy/surroundings.mk

# The newest Python that the platform is tested with, from what this machine has.
IS_TESTED := import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.10 python3; do \
	command -v $$p >/dev/null && $$p -I -c '$(IS_TESTED)' 2>/dev/null && echo $$p && break; done)
# Set up anew where the system's upgrade took that Python away, or the checkout was moved.
$(shell test -s .venv/uv && ! { grep -qxF "$$(pwd -P)" .venv/uv && .venv/bin/python -I -c ''; } \
	2>/dev/null && rm -f .venv/uv .venv/platform .venv/dev .venv/local .venv/tests .venv/docs)
UV := .venv/bin/uv
# For Python 3.12 and newer numpy describes its types in words that 3.10 has not.
TYPES_OF := import sys; print("--python-version=3.12" if sys.version_info >= (3, 12) else "")
# Whisper is tested on the CPU build of torch, which is 2 GB and not 6: from where pip finds wheels
# on this machine if that is set, else from where uv knows it to be.
TORCH := $(if $(PIP_FIND_LINKS),$(addprefix --find-links=,$(PIP_FIND_LINKS)),--torch-backend cpu)
RUN := .venv/bin/python -m

export PORT DAGSTER_PORT

.PHONY: help demo demo-neural up cluster test test-quick test-long test-all lint key backup restore bench-faults bench-fit bench-latency bench-load bench-local bench-mix bench-scale bench-stretch chaos evaluate images portability report soak constraints pins sample sounds docs docs-reference clean

help: ## what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

demo: export DUB_DEMO_BEGAN := $(shell date +%s.%N)
demo: .venv/platform bytecode packages ## set everything up, dub the sample into two languages, show the result
	@$(RUN) dub_platform.local demo

demo-neural: LANGUAGES ?= es,pt
demo-neural: export DUB_DEMO_BEGAN := $(shell date +%s.%N)
demo-neural: .venv/local bytecode packages ## the demo with neural engines, whose models it gets first: LANGUAGES=es,pt, and MODELS=FOLDER where there is no internet
	@$(RUN) dub_platform.commands.admin models get --for 'en:$(LANGUAGES)' $(if $(MODELS),--from '$(MODELS)')
	@$(RUN) dub_platform.local demo-neural '$(LANGUAGES)'

up: .venv/platform bytecode packages ## start everything and stay up until Ctrl-C
	@$(RUN) dub_platform.local up

cluster: .venv/tests bytecode test-packages ## start production's topology as processes of this machine and dub the sample on it
	@$(RUN) tests.support.rig.cluster

test: .venv/tests bytecode test-packages ## every test but the long ones, on real engines and servers, with lint beside them
	@$(RUN) tests.lanes test

test-quick: .venv/dev bytecode packages ## the tests that need neither a server nor torch, in about a minute
	@$(RUN) tests.lanes quick

test-long: .venv/tests .venv/docs bytecode test-packages long-packages ## what takes minutes: clusters that are killed, restarted and loaded, and whatever the contract allows
	@$(RUN) tests.lanes long

test-all: .venv/tests .venv/docs bytecode test-packages long-packages ## lint, every test, and the long ones as far as an hour goes
	@$(RUN) tests.lanes all

lint: .venv/tests ## style, types, layers, licences, the documents' tables, and whether Dagster can load the definitions
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy $$(.venv/bin/python -I -c '$(TYPES_OF)')
	.venv/bin/lint-imports
	.venv/bin/pip-licenses >/dev/null
	$(RUN) docs.generate --check
	@home=$$(mktemp -d) && trap "rm -rf $$home" EXIT && export DAGSTER_HOME=$$home DUB_HOME=$$home && \
		.venv/bin/dg check defs && .venv/bin/dagster definitions validate -m dub_platform.definitions

.PHONY: bytecode packages test-packages long-packages
# Where PYTHONDONTWRITEBYTECODE is set, each process would compile all it imports, every time.
bytecode:
	@.venv/bin/python -m compileall -q api assets dub_platform resources sensors

packages: ## Debian packages the keyless engines need
	@bash deploy/packages.sh demo

test-packages:
	@bash deploy/packages.sh test

long-packages:
	@bash deploy/packages.sh portability

key: .venv/platform ## an API key for the tenant TENANT, printed once
	@.venv/bin/dub-admin keys create $(if $(TENANT),--tenant $(TENANT)) $(if $(SCOPES),--scopes $(SCOPES))

backup: .venv/platform ## save registry, Dagster's storage and the store to the folder TO
	@.venv/bin/dub-admin backup $(TO)

restore: .venv/platform ## bring back what is saved in the folder FROM; the platform must be stopped
	@.venv/bin/dub-admin restore $(FROM)

bench-faults: .venv/tests ## a hundred videos while every fifth request to a provider goes wrong
	@$(RUN) benchmarks.faults --videos 100

bench-fit: .venv/tests ## the timeline against greedy placement, on recorded takes
	@$(RUN) benchmarks.fit

bench-latency: .venv/tests test-packages ## where the seconds of a video go, and a hundred videos at once
	@$(RUN) benchmarks.latency --clips 12 --burst 100

bench-load: .venv/tests test-packages ## 50, 200 and 500 people at the API at once, and its throughput beside a bare route
	@$(RUN) benchmarks.load --seconds 30

bench-local: .venv/tests test-packages ## engines on this machine: speed, errors and memory, beside others; the neural dub of the sample, and of 5, 60 and 180 minutes
	@$(RUN) benchmarks.local $(if $(MINUTES),--minutes $(MINUTES))

bench-mix: .venv/tests ## the mix of 5, 60 and 180 minutes beside the least that ffmpeg needs, and its memory
	@$(RUN) benchmarks.mix --minutes 5 60 180

chaos: .venv/tests test-packages ## kill everything at random moments while a hundred videos are handed in
	@$(RUN) benchmarks.chaos --videos 100 --seconds 420

bench-scale: .venv/tests ## ticks, pages, metrics and the daemon's memory at 1,000 to 100,000 videos
	@$(RUN) benchmarks.scale --videos 1000 10000 100000

bench-stretch: .venv/tests test-packages ## speech at other tempos, stretched by the platform and by other ways
	@bash deploy/install.sh -e '.[bench]'
	@$(RUN) benchmarks.stretch

report: .venv/dev ## how the code reads: crowded folders, names, detours, docstrings and comments; it fails nothing
	@$(RUN) benchmarks.code_report

evaluate: .venv/tests test-packages ## dub clips that are hard to dub, each in one way, and measure what is released
	@$(RUN) benchmarks.evaluate

soak: .venv/tests test-packages ## after a warm-up, twenty minutes of videos and requests, and how memory, files and connections grow
	@$(RUN) benchmarks.soak --minutes 20

images: .venv/tests long-packages ## the Dockerfile's steps and compose's services without docker, and the sample dubbed there; needs root
	@$(RUN) benchmarks.images

portability: .venv/tests long-packages ## systems of Debian 12 and 13 made anew, the demo run in each and what it releases measured; needs root
	@$(RUN) benchmarks.portability

constraints: .venv/tests ## pin every dependency anew, for every Python that is supported
	$(UV) pip compile --quiet --universal --python-version 3.10 --all-extras --upgrade \
		--no-emit-index-url --no-emit-find-links --no-header pyproject.toml -o constraints.txt
	@$(MAKE) --no-print-directory pins

pins: .venv/tests ## whether every pin has a wheel for every Python, on x86-64 and arm64
	$(RUN) pytest tests/deploy/test_pins.py -n 2

sample: .venv/tests ## make the sample clip anew from its recipe
	.venv/bin/python examples/sample/make_sample.py

sounds: .venv/local bytecode packages ## make the clips of README anew: the sample, and its dubs
	@$(RUN) dub_platform.commands.admin models get --for en:pt
	.venv/bin/python examples/sample/make_sounds.py

docs: .venv/docs ## make a site of the documents, which the API shows under /help
	@$(RUN) docs.build

docs-reference: .venv/platform ## write the tables of the documents that say what the code says
	@$(RUN) docs.generate

clean: ## remove the virtual environment and everything that was made
	rm -rf .venv .dub api/pages/site

.venv/uv:
	@"$(PYTHON)" -I -c '$(IS_TESTED)' 2>/dev/null || { echo "Python 3.10 to 3.13 is needed, and \
	$(or $(PYTHON),nothing) was found. Install python3, or name another: make demo PYTHON=python3.12"; exit 1; }
	@bash deploy/packages.sh venv "$(PYTHON)"
	@"$(PYTHON)" -m venv --clear .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt uv
	@pwd -P > $@

# Each holds all that the ones before it do, in one installation.
SOURCES := .venv/uv pyproject.toml constraints.txt
INSTALL := echo "Installing Python packages into .venv" && bash deploy/install.sh

.venv/platform: $(SOURCES)
	@$(INSTALL) -e . && touch $@

.venv/dev: $(SOURCES)
	@$(INSTALL) -e '.[dev]' && touch .venv/platform $@

.venv/local: .venv/platform
	@$(INSTALL) -e '.[local]' && touch $@

.venv/docs: .venv/platform
	@$(INSTALL) -e '.[docs]' && touch $@

.venv/tests: $(SOURCES)
	@$(INSTALL) $(TORCH) -e '.[dev,local,separate,whisper]' && touch .venv/platform .venv/dev .venv/local $@
