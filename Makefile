# Every target runs inside the virtual environment that cpay/bootstrap.py builds from the lock files.
# `make PYTHON=/path/to/python3` names another Python, `make test ARGS="-k refund" JOBS=0` passes arguments.

PYTHON ?= python3
ARGS ?=
# Tests wait as much as they compute: two processes, each with a stack of its own. More of them on two
# cores are quicker, and miss moments that tests wait for.
JOBS ?= 2
STRIPE_SUITE ?= ../shared/stripe
CPAY_STATE_DIR ?= .cpay
FOLDERS = storage providers tenants processor webhooks openapi rpc dashboard cpay

# `python3` may be an old one beside a newer one: the first that is new enough is taken.
FOUND := $(shell for python in "$(PYTHON)" python3.13 python3.12 python3.11 python3.14; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo "$$python" && break; done)
RUNTIME = $(if $(FOUND),"$(FOUND)" cpay/bootstrap.py,$(error CPay needs Python 3.11 or newer and \
	`$(PYTHON)` is older or missing: install it, or name one with `make PYTHON=/path/to/python3`))
DEVELOPMENT = $(RUNTIME) --dev

.DEFAULT_GOAL := help
.PHONY: help run test compatibility lint types imports bench chaos lock clean

help: ## List the targets
	@sed -n 's/^\([a-z]*\): ## /  make \1\t/p' Makefile | expand -t 22

run: ## Run everything on this machine until Ctrl-C: database, API, worker, sandbox PSPs, dashboard
	@exec env CPAY_END_WITH_PARENT=$$PPID $(RUNTIME) python -m cpay dev $(ARGS)

test: ## Run the whole test suite
	@$(DEVELOPMENT) python -m pytest -n $(JOBS) --dist loadfile $(ARGS)

compatibility: ## Drive the official Stripe SDKs against the running stack; no score may fall
	@$(DEVELOPMENT) python tests/compatibility.py "$(STRIPE_SUITE)" "$(CPAY_STATE_DIR)" $(ARGS)

lint: ## Check style and formatting
	@$(DEVELOPMENT) ruff check .
	@$(DEVELOPMENT) ruff format --check .

types: ## Check types
	@$(DEVELOPMENT) mypy $(addprefix -p ,$(FOLDERS))

imports: ## Check that each folder imports only those below it
	@$(DEVELOPMENT) lint-imports

bench: ## Measure: one JSON object a line, the last one a summary
	@$(DEVELOPMENT) python -m bench $(ARGS)

chaos: ## Kill processes and break providers while money moves; CHAOS_SEED replays a run
	@$(DEVELOPMENT) python -m bench.chaos $(ARGS)

lock: ## Pin all packages anew, for every supported Python and platform
	@$(DEVELOPMENT) python -m pip install -q uv==0.13.8
	@$(DEVELOPMENT) uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes \
		--custom-compile-command "make lock" pyproject.toml -o requirements.lock
	@$(DEVELOPMENT) uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes \
		--custom-compile-command "make lock" -c requirements.lock --extra dev pyproject.toml \
		-o requirements-dev.lock

clean: ## Delete the virtual environment, the caches and all data of `make run`
	@data=$$(readlink .cpay/postgres); rm -rf $${data:+"$$data"}
	@rm -rf .cpay .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@rm -rf .import_linter_cache build ./*.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
