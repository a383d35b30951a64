# Two commands for a newcomer, who has Python, make and git:
#   make demo   runs the main job on a few real packages and shows what came of it
#   make test   runs the tests
# Both make a virtual environment in .venv and leave the system alone.

PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$python" && break; done)
BIN := .venv/bin
DEMO := build/demo

.PHONY: demo test lint docs clean

demo: .venv/.ready
	@git --version >/dev/null || { echo "The demonstration shows its result with git: install git."; exit 1; }
	@echo '$$ pydeps-host sync requests==2.32.3 "flask>=3" attrs --into $(DEMO)'
	@$(BIN)/pydeps-host sync requests==2.32.3 "flask>=3" attrs --into $(DEMO) \
		|| { echo "The index was not reached, or lacks these packages: set another one with PIP_INDEX_URL, a proxy with HTTPS_PROXY."; exit 1; }
	@echo; echo '$$ pydeps-host list $(DEMO)'
	@$(BIN)/pydeps-host list $(DEMO)
	@echo; echo '$$ git -C $(DEMO)/python/requests.git grep -n "class Session" v2.32.3'
	@git -C $(DEMO)/python/requests.git grep -n "class Session" v2.32.3

test: .venv/.ready
	@$(BIN)/python -m pytest $(ARGS)

lint: .venv/.ready
	@PATH="$(CURDIR)/$(BIN):$$PATH" nox --no-venv --no-install -s lint typing

docs: .venv/.ready
	@$(BIN)/nox -s docs

.venv/.ready: pyproject.toml
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer was found: install one, or name it with make PYTHON=..."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { echo "The venv module is missing: on Debian, install python3-venv."; exit 1; }
	@echo "Setting up .venv (once)..."
	@$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1" \
		&& $(BIN)/python -m pip install --quiet --editable ".[cli]" --group dev \
		|| { echo "pip could not install what is needed: set the index that this machine reaches with PIP_INDEX_URL, a proxy with HTTPS_PROXY."; exit 1; }
	@touch $@

clean:
	rm -rf .venv build dist .nox .coverage* .pytest_cache .mypy_cache .ruff_cache .hypothesis
