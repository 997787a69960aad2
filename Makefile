# Two commands do everything on a fresh machine: `make serve` and `make test`.
#
#   make serve       install into .venv, start the server on 127.0.0.1:11434 with its small model
#   make test        install the test tools, run all tests
#   make lint        ruff, mypy and hadolint
#   make bench       compare with llama-server and llama-bench (bench/bench.mk)
#   make model       train the embedded model again; make model-eval prints its scores
#   make sight       train the small model that sees again; make sight-eval prints its scores

VENV := .venv
PYTHON := $(VENV)/bin/python
PIP := $(PYTHON) -m pip install --quiet --disable-pip-version-check
# Extras that the tests run with. `reference` adds PyTorch and transformers for comparisons.
EXTRAS ?= test,clients
PYTEST_ARGS ?=
STAMPS := $(VENV)/.stamps
comma := ,

.PHONY: help serve install test lint format model model-eval sight sight-eval clean

help:
	@sed -n 's/^#   //p' Makefile bench/bench.mk

serve: $(STAMPS)/serve
	$(PYTHON) -m ollama_server serve

install: $(STAMPS)/serve

test: $(STAMPS)/$(subst $(comma),-,$(EXTRAS)) llama-source
	$(PYTHON) -m pytest $(PYTEST_ARGS)

lint: $(STAMPS)/dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	[ ! -x $(VENV)/bin/hadolint ] || $(VENV)/bin/hadolint Dockerfile

format: $(STAMPS)/dev
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

model: $(STAMPS)/reference
	$(PYTHON) -m models.tiny.make

model-eval: $(STAMPS)/serve
	$(PYTHON) -m models.tiny.evaluate

sight: $(STAMPS)/reference
	$(PYTHON) -m models.sight.make

sight-eval: $(STAMPS)/serve
	$(PYTHON) -m models.sight.evaluate

clean:
	rm -rf .build dist build .pytest_cache .mypy_cache .ruff_cache



$(PYTHON):
	python3 -m venv $(VENV)
	$(PIP) --upgrade pip

# llama-cpp-python compiles llama.cpp: about four minutes on two cores, once. pip keeps the wheel.
$(STAMPS)/serve: pyproject.toml | $(PYTHON)
	@echo "installing into $(VENV); the first time this compiles llama.cpp"
	$(PIP) -e .
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/%: pyproject.toml | $(STAMPS)/serve
	$(PIP) -e '.[$(subst -,$(comma),$*)]'
	@touch $@

include bench/bench.mk
