# `make help` lists what there is. Each target sets up what it needs.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help run test lint typecheck evaluate feed bench soak reset

PYTHON := .venv/bin/python
ARGS ?=

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## install, train, migrate, seed, start everything; Ctrl-C stops it
	@sh tools/setup.sh --steps 7
	@exec $(PYTHON) -m tools.run --under-make

test: ## install, train, then style, types and the whole suite (ARGS="-k word" for pytest)
	@sh tools/setup.sh --dev --steps 4
	@$(PYTHON) -m tools.prepare --model-only --steps 4 --done 2
	@exec $(PYTHON) -m tools.check all $(ARGS)

lint: ## style and the rooms of the house
	@sh tools/setup.sh --dev
	@$(PYTHON) -m tools.check lint

typecheck: ## types, strictly
	@sh tools/setup.sh --dev
	@$(PYTHON) -m tools.check types

evaluate: ## measure understanding and search, write reports/ (EVAL_DATA=DIR adds data; ARGS=--no-stock is quick)
	@sh tools/setup.sh --steps 4
	@$(PYTHON) -m tools.prepare --model-only --steps 4 --done 2
	@DEMO=$${DEMO:-1} $(PYTHON) -m bot evaluate $(ARGS)

feed: ## send the lines of EVAL_DATA=DIR to the running demo as owners would (resets the demo)
	@sh tools/setup.sh
	@DEMO=$${DEMO:-1} $(PYTHON) -m tools.feed $(ARGS)

reset: ## remove databases, attachments and logs under var/ (models stay)
	@sh tools/setup.sh
	@$(PYTHON) -m tools.reset

# There once there is something to run.
-include $(patsubst tools/%.py,tools/%.mk,$(wildcard tools/bench.py tools/soak.py))
