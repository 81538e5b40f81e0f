# Thin wrappers around the plain commands in README.md.
PYTHON ?= python3
VENV   := .venv
RUN    := $(VENV)/bin/python

.PHONY: demo test check install install-test browser
demo: install
	$(RUN) app.py --checkpoint-path tiny --inbrowser

test: install-test browser check
	$(RUN) -m pytest

check: install-test
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

install: $(VENV)/.installed
install-test: $(VENV)/.installed-test

$(VENV)/.installed: requirements_web_demo.txt
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet uv
	$(RUN) -m uv pip install --quiet --python $(RUN) -r requirements_web_demo.txt
	touch $@

$(VENV)/.installed-test: requirements_test.txt $(VENV)/.installed
	$(RUN) -m uv pip install --quiet --python $(RUN) -r requirements_test.txt
	touch $@

# An installed Chrome or Chromium, else Playwright's own, else the system package.
browser: install-test
	@command -v chromium chromium-browser google-chrome >/dev/null \
	  || ls "/Applications/Google Chrome.app" >/dev/null 2>&1 \
	  || $(RUN) -m playwright install chromium \
	  || { apt-get update -q && apt-get install -y -q chromium; }
