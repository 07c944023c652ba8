# The words of this project, the same on a laptop and in CI.
#   make demo      a generated marketplace, trained and served on http://127.0.0.1:8000
#   make test      the test suite
#   make check     format, lint, types, import contracts, docs
#   make check-all check, then the hashes of what is installed in production, and known vulnerabilities (network)
#   make lock      requirements.lock anew, after pyproject.toml or constraints.txt changed (network)
#   make install   .venv with .venv/bin/serendip in it

PYTHON ?= python3
PORT ?= 8000
DIR ?= demo
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# A person sees what is being installed and how far it is; a log does not need to.
QUIET := $(shell test -t 1 || echo -qq)

# torch's build differs by machine, so it is installed first and alone: from local wheels where pip is told of
# some (PIP_FIND_LINKS), else from PyTorch's index of CPU builds. Everything else is pinned in constraints.txt.
TORCH := torch==2.13.0
TORCH_INDEX ?= $(if $(PIP_FIND_LINKS),,--extra-index-url https://download.pytorch.org/whl/cpu)

.PHONY: install demo test test-all check check-all lock docs screenshots peers clean

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Serendip needs Python 3.11 or newer; this is $$($(PYTHON) --version) (set PYTHON=...)" >&2; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install $(QUIET) $(TORCH) $(TORCH_INDEX)
	$(PIP) install $(QUIET) -c constraints.txt -e '.[deep,models,postgres,world,service,minilm,quantised,development]'
	touch $@

demo: install
	$(BIN)/serendip demo $(DIR) --port $(PORT)

test: install
	$(BIN)/python -m pytest -n auto -m "not slow" -q

test-all: install
	$(BIN)/python -m pytest -n auto -q

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m docs.generate --check
	$(BIN)/python -m pytest -q tests/test_lock.py

# What a service needs, with the hash of every file it may be installed from; torch apart, as above.
LOCKED := models postgres service world

lock: .tools/.installed
	.tools/bin/uv pip compile pyproject.toml $(LOCKED:%=--extra %) -c constraints.txt --generate-hashes --no-annotate \
	  --python-version 3.11 --python-platform linux --custom-compile-command 'make lock' -q -o requirements.lock

check-all: check .tools/.installed
	$(PIP) install $(QUIET) --dry-run --ignore-installed --require-hashes --only-binary :all: --no-binary jieba -r requirements.lock
	.tools/bin/pip-audit --strict --no-deps --disable-pip -r constraints.txt

.tools/.installed: Makefile
	test -x .tools/bin/python || $(PYTHON) -m venv .tools
	.tools/bin/python -m pip install $(QUIET) uv==0.13.9 pip-audit==2.10.1
	touch $@

docs: install
	$(BIN)/python -m docs.generate

screenshots: install
	$(BIN)/python -m tests.serving.pages.screenshots

# Other libraries for side-by-side benchmarks, about 4 GB; `make -k peers` goes on where one does not install.
PEERS := modern rectools recbole

peers: $(PEERS:%=.peers/%/.installed)

.peers/%/.installed: benchmarks/peers/requirements-%.txt
	test -x .peers/$*/bin/python || $(PYTHON) -m venv .peers/$*
	.peers/$*/bin/python -m pip install $(QUIET) $(TORCH) $(TORCH_INDEX)
	.peers/$*/bin/python -m pip install $(QUIET) -r $<
	touch $@

clean:
	rm -rf $(VENV) .tools .mypy_cache .ruff_cache .import_linter_cache .hypothesis demo
