# Everything a newcomer runs; needs Python 3.11 or newer, make and git.  `make help` lists the targets.
#
# On Linux the package index gives torch with CUDA, some gigabytes.  Without a GPU:
#     make install PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Another interpreter: make PYTHON=/path/to/python3.12
PYTHON ?= $(shell command -v python3.11 || command -v python3)
WORKERS ?= 2

DEMO_OUT ?= results-demo
DEMO_STUDENTS ?= s001_김하늘 s005_최지우 s007_한지민 s008_Daniel_Park s013_조하준 s018_Emma_Choi
# The strongest box that works here.  The examples are ours and harm nothing, so that they may also run
# without one; for real submissions leave out "-or-none", which is what `grader grade` does by itself.
ISOLATION ?= best-or-none

# Two kernels with two threads each on two cores lose more time than they gain.
export OMP_NUM_THREADS ?= 1

.DEFAULT_GOAL := help
.PHONY: help install demo test test-full lint constraints clean
.DELETE_ON_ERROR:

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "  make %-12s %s\n", $$1, $$2}'

install: $(READY)  ## the environment .venv, with the versions of constraints.txt

$(READY): pyproject.toml constraints.txt
	@'$(PYTHON)' -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Python 3.11 or newer is needed; found: $$('$(PYTHON)' --version 2>/dev/null || echo none)."; \
	  echo "Name another one with: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)"; exit 1; }
	@test -x $(BIN)/pip || '$(PYTHON)' -m venv $(VENV)
	$(BIN)/pip install --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(READY)  ## grade six example notebooks at full size (a few minutes) and say where to look
	$(BIN)/grader grade submissions_example/final-2022 --rubric final-2022 --out $(DEMO_OUT) \
	  --jobs 2 --device cpu --isolation $(ISOLATION) $(foreach student,$(DEMO_STUDENTS),--only $(student))
	@echo
	@echo "The cohort:       $(DEMO_OUT)/index.html"
	@echo "One student:      $(DEMO_OUT)/students/<id>/report.html"
	@echo "As a spreadsheet: $(DEMO_OUT)/gradebook.csv"

test: $(READY)  ## the tests, without those that run the whole exam at full size
	$(BIN)/pytest -n $(WORKERS)

test-full: $(READY)  ## all tests
	$(BIN)/pytest -n $(WORKERS) --full

lint: $(READY)  ## ruff, mypy, import-linter
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

# The pins that stand in the file are kept unless pyproject.toml forbids them; the comment above them stays.
constraints:  ## remake constraints.txt (needs uv; UV_FLAGS=--upgrade moves every pin forward)
	cp constraints.txt constraints.new
	uv pip compile --quiet --universal --python-version 3.11 --extra dev --no-header --no-annotate \
	  $(UV_FLAGS) --output-file constraints.new pyproject.toml
	{ grep '^#' constraints.txt; grep -vE '^(#|cuda-|nvidia-|triton)' constraints.new; } > constraints.out
	mv constraints.out constraints.txt
	rm constraints.new

clean:  ## remove what was built and cached, results of the demo included; keeps .venv
	rm -rf build dist $(DEMO_OUT) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +
