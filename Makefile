# Everything a clone needs: make, and a Python of 3.11 or newer with venv. A C compiler makes the engine fast, not different.
#
#   make demo        install and trade a made-up day on paper, in about a minute
#   make page        build the web page (Node is fetched from PyPI where there is none)
#   make page-types  write the types of the page's answers from the server's description
#   make test        run the suite against the sources, then against the compiled, installed package
#   make test-long   the tests that take a good part of a minute or more: days of rehearsal, sessions killed again and again
#   make lint        ruff, mypy and the layering of the packages
#   make check       lint, and every claimed capability has a test that passed in the last `make test`
#   make real-data   run the strategies over recorded market data (DATA=folder)
#   make work-counts record how much work small backtests do, which a test holds them to
#   make bench       compare the engine's speed with that of its peers, on the same bars
#   make deploy-check  carry out the steps of the Dockerfile, without Docker
#   make clean       remove what the other targets made

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
DATA ?= ../shared/data
JOBS ?= 2
PYTEST := $(BIN)/python -m pytest -n $(JOBS) --dist worksteal
FILES := setup.py pyproject.toml $(shell find src -path src/algotrader/server/page -prune -o \
	\( -name '*.py' -o -name '*.html' -o -name 'py.typed' \) -print)
PAGE_FILES := scripts/build_page.py $(shell find frontend -name node_modules -prune -o -type f -not -path '*/tests/*' -print)
BUILT_PAGE := src/algotrader/server/page/index.html
CHECKED := src tests scripts setup.py $(wildcard benchmarks examples)
KIND := from algotrader.core import market; print("interpreted" if market.__file__.endswith(".py") else "compiled")

.PHONY: demo page test-page page-types check-page-types test test-interpreted test-compiled test-long test-thorough \
	lint lint-rules lint-format lint-types lint-layers check deploy-check capabilities real-data work-counts bench bench-baseline \
	lock clean FORCE
.NOTPARALLEL:

demo: $(VENV)/.installed
	$(BIN)/algo-trader demo

page: $(BUILT_PAGE)

# A machine that cannot fetch what the page is made of still gets everything else.
$(BUILT_PAGE): $(PAGE_FILES) $(VENV)/.created
	$(BIN)/python scripts/build_page.py || { [ "$(ALGOTRADER_PAGE)" != 1 ] && echo "The page was not built; everything else works without it."; }

test-page: $(VENV)/.created
	$(BIN)/python scripts/build_page.py --test

page-types: $(VENV)/.dev
	$(BIN)/python scripts/page_types.py

check-page-types: $(VENV)/.dev
	$(BIN)/python scripts/page_types.py --check

test: test-interpreted test-compiled

test-interpreted: $(VENV)/.dev
	PYTHONPATH=$(CURDIR)/src ALGOTRADER_EXPECT=interpreted ALGOTRADER_ROWS=build/coverage-rows.json $(PYTEST) -m "not long"

# The slow tests show the same in either form; one run of them is enough.
test-compiled: $(VENV)/.dev $(VENV)/.installed
	@if [ "$$(env -u PYTHONPATH $(BIN)/python -c '$(KIND)')" = compiled ]; then \
		set -x; env -u PYTHONPATH ALGOTRADER_EXPECT=compiled $(PYTEST) -m "not slow and not long"; \
	else \
		echo "The installed engine is plain Python (no working C compiler): the run against the compiled one is left out."; \
	fi

test-long: $(VENV)/.dev $(VENV)/.installed
	env -u PYTHONPATH $(PYTEST) -m long

test-thorough: $(VENV)/.dev
	PYTHONPATH=$(CURDIR)/src HYPOTHESIS_PROFILE=thorough $(PYTEST) tests/property

lint: lint-rules lint-format lint-types lint-layers

lint-rules: $(VENV)/.dev
	$(BIN)/ruff check .

lint-format: $(VENV)/.dev
	$(BIN)/ruff format --check .

lint-types: $(VENV)/.dev
	$(BIN)/mypy $(CHECKED)

lint-layers: $(VENV)/.dev
	PYTHONPATH=$(CURDIR)/src $(BIN)/lint-imports --no-cache

check: lint
	$(BIN)/python scripts/capabilities.py --check

# Reads the files with this environment, and builds in one of its own.
deploy-check: $(VENV)/.dev
	PYTHONPATH=$(CURDIR)/src $(BIN)/python scripts/deploy_check.py

capabilities: $(VENV)/.dev
	$(BIN)/python scripts/capabilities.py

real-data: $(VENV)/.installed
	$(BIN)/python scripts/real_data.py --data $(DATA)

work-counts: $(VENV)/.dev $(VENV)/.installed
	cd tests && PYTHONPATH=$(CURDIR)/src $(CURDIR)/$(BIN)/python -m golden.count_work --accept
	cd tests && env -u PYTHONPATH $(CURDIR)/$(BIN)/python -m golden.count_work --accept
	git --no-pager diff --stat tests/golden/work_counts.json

# PEERS is a comma-separated list, all or none; QUICK=1 runs few bars once, FULL=1 gives slow engines all bars too, and
# PAGE=docs/performance.md writes the tables into that page. Peers get environments of their own under build/bench.
PEERS ?= all
WORKLOADS ?= W1,W2,W3,W4,W5,W6
ROUNDS ?= 5
bench: $(VENV)/.installed
	env -u PYTHONPATH $(BIN)/python -m benchmarks.run --peers "$(PEERS)" --workloads "$(WORKLOADS)" --rounds $(ROUNDS) \
		$(if $(QUICK),--quick) $(if $(FULL),--full) $(if $(PAGE),--page $(PAGE))

bench-baseline: $(VENV)/.installed
	$(BIN)/python benchmarks/baseline.py

# Needs uv. Writes neither addresses nor paths into the lock files.
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-config --no-emit-index-url \
	--no-emit-find-links --custom-compile-command "make lock" pyproject.toml requirements.in
lock:
	$(LOCK) --output-file requirements.txt
	$(LOCK) --extra dev --constraints requirements.txt --output-file requirements-dev.txt
	$(LOCK) --extra alpaca --extra postgres --extra sweep --constraints requirements-dev.txt --output-file requirements-image.txt

clean:
	rm -rf $(VENV) build dist src/algotrader/server/page frontend/node_modules src/*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +

$(VENV)/.created:
	scripts/make_venv.sh $(VENV)
	@touch $@

$(VENV)/.runtime: $(VENV)/.created requirements.txt
	$(PIP) install --require-hashes -r requirements.txt
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements-dev.txt
	$(PIP) install --require-hashes -r requirements-dev.txt
	@touch $@

# A list of the files, so that a removed one leads to a new installation too.
build/files.txt: FORCE
	@mkdir -p build
	@echo "$(ALGOTRADER_COMPILE) $(sort $(FILES))" | cmp -s - $@ || echo "$(ALGOTRADER_COMPILE) $(sort $(FILES))" > $@

$(VENV)/.installed: $(VENV)/.runtime build/files.txt $(FILES) $(BUILT_PAGE)
	ALGOTRADER_PAGE=0 $(PIP) install --no-deps --no-build-isolation --force-reinstall .
	@echo "algo-trader is installed; its engine is $$(env -u PYTHONPATH $(BIN)/python -c '$(KIND)')."
	@touch $@
