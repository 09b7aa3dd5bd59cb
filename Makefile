# Two commands for a fresh checkout: `make train` and `make test`. See README.md.

PYTHON ?= python3
ENV := .venv/bin/python
ARGS ?=

.PHONY: train test lessons book pdf slides lite lint

train: .venv/installed
	$(ENV) -m tinydldl.train $(ARGS)

test: .venv/installed-test
	$(ENV) -m pytest $(ARGS)

lessons: .venv/installed-lessons
	$(ENV) lessons/build.py $(ARGS)

book: .venv/installed-book
	$(ENV) -m sphinx -W --keep-going -q -b html -c docs/book . build/book $(ARGS)
	$(ENV) docs/book/check.py build/book
	@echo "open build/book/index.html"

pdf: book
	$(ENV) docs/book/pdf.py build/book build/pdf

slides: .venv/installed-book
	$(ENV) lessons/slides.py build/slides $(ARGS)

lite: .venv/installed-lite
	$(ENV) lessons/lite.py build/lite
	@echo "python -m http.server --directory build/lite"

lint: .venv/installed-dev
	$(ENV) -m ruff check
	$(ENV) -m ruff format --check
	$(ENV) -m mypy

.venv/installed: pyproject.toml
	@command -v $(PYTHON) > /dev/null || { echo "error: no $(PYTHON) here: apt install python3"; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "error: $(PYTHON) is too old: Python 3.11 or newer is needed; try make PYTHON=python3.12"; exit 2; }
	@$(PYTHON) -c 'import venv, ensurepip' 2> /dev/null || \
		{ echo "error: $(PYTHON) -m venv is missing: apt install python3-venv"; exit 2; }
	$(PYTHON) -m venv .venv
	$(ENV) -m pip install --quiet --editable .
	@touch $@

.venv/installed-%: .venv/installed
	$(ENV) -m pip install --quiet --editable '.[$*]'
	@touch $@
