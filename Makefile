# The door to this project: everything below needs Python 3.11 or newer and make, nothing else.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := -m pip --disable-pip-version-check install --quiet
UV := $(BIN)/uv pip install --quiet --compile-bytecode --python
COMMA := ,
# This package as users install it, with what the tests need of its extras.
OURS := --editable '.[postgres$(COMMA)progress]'
# LOCKED=yes: the versions of requirements-dev.lock, which `make lock` writes. Otherwise the newest that pyproject.toml allows.
LOCKED ?=
LOCK := $(if $(filter yes,$(LOCKED)),--constraint requirements-dev.lock)
LOCKING := --group dev --extra postgres --extra progress --universal --python-version 3.11 --upgrade --no-header --no-emit-index-url --no-emit-find-links
# uv takes a third of the time. What it cannot install, pip does, or says why not.
install_at = { [ -x $(BIN)/uv ] && $(UV) $(1)/bin/python $(2) 2>$(VENV)/uv.log; } || $(1)/bin/python $(PIP) $(2)
install = $(call install_at,$(VENV),$(1) $(LOCK))
MANY_TABLES := tests/capture/test_install.py::test_many_tables_are_installed_all_or_none_and_in_seconds
# As many workers as tests/conftest.py says; one that has nothing left takes over from another. For one test: WORKERS=
WORKERS := -n auto --dist worksteal
# MariaDB is tested where it is installed, and the end of the tests says so where it is not. MARIADB=required: that is an
# error then; MARIADB=no: it is left out.
MARIADB ?= auto
export SYNCHRO_TEST_MARIADB := $(MARIADB)
# The same for PgBouncer, a pooler for PostgreSQL.
PGBOUNCER ?= auto
export SYNCHRO_TEST_PGBOUNCER := $(PGBOUNCER)
# And for Prometheus, which scrapes the metrics.
PROMETHEUS ?= auto
export SYNCHRO_TEST_PROMETHEUS := $(PROMETHEUS)
# And for django-synchro, which the tests of synchro_adopt download from a package index.
DJANGO_SYNCHRO ?= auto
export SYNCHRO_TEST_DJANGO_SYNCHRO := $(DJANGO_SYNCHRO)
# And for Redis, the broker of tasks; SYNCHRO_TEST_BROKER_URL names another one.
REDIS ?= auto
export SYNCHRO_TEST_REDIS := $(REDIS)
# And for Chromium, in which the page and the admin are used.
BROWSER ?= auto
export SYNCHRO_TEST_BROWSER := $(BROWSER)
CHROMIUM_HERE := $(and $(shell command -v chromium),$(shell command -v chromedriver))
FOR_BROWSER := $(if $(and $(CHROMIUM_HERE),$(filter-out no,$(BROWSER))),$(VENV)/.for-browser)
MARIADB_HERE := $(shell PATH="$$PATH:/usr/sbin" command -v mariadbd)
FOR_MARIADB := $(if $(and $(MARIADB_HERE),$(filter-out no,$(MARIADB))),$(VENV)/.for-mariadb)
# Products have an environment of their own. A file goes to one worker, which makes a product's tables once.
SITES := .venv-sites
OF_SITES := -c tests/sites/pytest.ini tests/sites -n 2 --dist loadfile
DEMO := examples/offline_office/demo.py
OFFICES := examples/three_offices/demo.py
MONTH := examples/a_month/demo.py
SITE := examples/the_page/demo.py
CATALOGS := $(abspath $(BIN))/django-admin
LANGUAGES := -l pl -l de -l es -l fr

# Where bytecode is not kept, each of the hundreds of processes that a test run starts would compile everything anew.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help messages pictures demo-site demo-containers demo demo-postgres demo-offices demo-offices-postgres demo-month demo-month-postgres test test-all coverage mutants matrix matrix-corners torture crash-points fuzz fuzz-shapes fuzz-nodes bench sites sites-all docs release-check upgrade-fixtures lock lint format types clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-21s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.for-demo  ## the offline office on two SQLite files
	$(BIN)/python $(DEMO)

demo-postgres: $(VENV)/.for-demo-postgres  ## the same on two PostgreSQL servers (needs Docker)
	docker/with_servers $(BIN)/python $(DEMO)

demo-offices: $(VENV)/.for-demo  ## a hub and two offices, both ways, on three SQLite files
	$(BIN)/python $(OFFICES)

demo-offices-postgres: $(VENV)/.for-demo-postgres  ## the same, the hub and an office on PostgreSQL servers (needs Docker)
	docker/with_servers $(BIN)/python $(OFFICES)

demo-month: $(VENV)/.for-demo  ## thirty days of them: an outage, a failover, a restored backup, an office that is away
	$(BIN)/python $(MONTH)

demo-month-postgres: $(VENV)/.for-demo-postgres  ## the same, the hub and an office on PostgreSQL servers (needs Docker)
	docker/with_servers $(BIN)/python $(MONTH)

demo-site: $(VENV)/.for-demo  ## the page in the admin, with users and data, on http://127.0.0.1:8000/; make demo-site PORT=8100
	$(BIN)/python $(SITE) $(if $(PORT),--port $(PORT))

demo-containers:  ## the same in containers, both ways, on two PostgreSQL servers: started, tried and removed (needs Docker Compose)
	docker/try_site

test: $(VENV)/.for-test $(FOR_MARIADB) $(FOR_BROWSER)  ## all tests, on SQLite, PostgreSQL and, if installed, MariaDB; make test ARGS='-k pause -x'
	$(BIN)/python -m pytest $(WORKERS) $(ARGS)

test-all: $(VENV)/.for-test $(FOR_MARIADB) $(FOR_BROWSER)  ## the same with every combination of what make test thins out
	$(BIN)/python -m pytest $(WORKERS) --whole $(ARGS)

coverage: $(VENV)/.for-dev $(FOR_MARIADB) $(FOR_BROWSER)  ## which lines and branches the tests reach, both vendors and the processes they start together
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest $(WORKERS) -q $(ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

mutants: $(VENV)/.for-dev  ## would tests/unit notice mistakes in what decides? (mutmut); make mutants ARGS='*order*'
	$(BIN)/mutmut run $(if $(ARGS),'$(ARGS)')
	$(BIN)/mutmut results | awk '!/no tests|not checked/'

matrix: $(VENV)/.for-dev  ## the core of the tests with every Python, Django and psycopg; make matrix ARGS='--pairs sqlite'
	$(BIN)/nox -s pythons-of-matrix
	$(BIN)/nox -t matrix $(if $(ARGS),-- $(ARGS))

matrix-corners: $(VENV)/.for-dev  ## the oldest and the newest of them, as CI does
	$(BIN)/nox -s pythons-of-corners
	$(BIN)/nox -t corners $(if $(ARGS),-- $(ARGS))

torture: $(VENV)/.for-test  ## kills, faults, late commits, 500 tables: the long form, with figures; make torture ARGS='-k kill'
	SYNCHRO_TORTURE=1 $(BIN)/python -m pytest tests/safety $(MANY_TABLES) -s $(ARGS)

crash-points: $(VENV)/.for-test  ## runs killed at every statement, on all vendor pairs, hours; make crash-points ARGS='-k swap'
	SYNCHRO_CRASH_POINTS=1 $(BIN)/python -m pytest tests/safety/test_crash_points.py --whole -s $(ARGS)

fuzz: $(VENV)/.for-test  ## random stories for ten minutes on each vendor; make fuzz SECONDS=60 ARGS='--pairs sqlite'
	SYNCHRO_FUZZ_SECONDS=$(or $(SECONDS),600) $(BIN)/python -m pytest tests/shapes/test_fuzz.py -s $(ARGS)

fuzz-shapes: $(VENV)/.for-test  ## the same with random models, receivers, triggers and strangers; one again: make fuzz-shapes SEED=17
	SYNCHRO_FUZZ_SECONDS=$(or $(SECONDS),600) SYNCHRO_FUZZ_SEED=$(SEED) $(BIN)/python -m pytest tests/shapefuzz -s $(ARGS)

fuzz-nodes: $(VENV)/.for-test  ## random histories of three nodes, ten minutes each trio and topology; make fuzz-nodes ARGS='-k "sqlite and star"'
	SYNCHRO_FUZZ_SECONDS=$(or $(SECONDS),600) SYNCHRO_FUZZ_SEED=$(or $(SEED),1) $(BIN)/python -m pytest tests/nodes/test_fuzz_*.py --whole -s $(ARGS)

bench: $(VENV)/.for-bench  ## compare with other tools, 40 minutes; make bench ARGS='--quick', ARGS='capture --vendor sqlite'
	$(BIN)/python -m benchmarks $(ARGS)

sites: $(SITES)/.made  ## other people's products with this package: Wagtail, Oscar, ...; make sites ARGS='-k wagtail'
	$(SITES)/bin/python -m pytest $(OF_SITES) $(ARGS)

sites-all: $(SITES)/.made-all  ## the same with all stories, and more products
	$(SITES)/bin/python -m pytest $(OF_SITES) --whole $(ARGS)

docs: $(VENV)/.for-docs  ## the documentation as a site, in docs/_build; strict: what Sphinx warns of is an error
	env --unset=DJANGO_SETTINGS_MODULE PYTHONPATH=. $(BIN)/sphinx-build -W --keep-going -n -q -b html docs docs/_build $(ARGS)
	@echo "docs/_build/index.html"

release-check: $(VENV)/.for-dev  ## what a release takes: wheel and sdist, their contents, used in empty environments
	$(BIN)/python .ci/release_check.py

upgrade-fixtures: $(VENV)/.for-test  ## databases of this version, kept in tests/upgrades: later versions are tested with them
	$(BIN)/python -m tests.upgrades.making

lock: $(VENV)/.for-dev  ## write down the versions that development takes; make test LOCKED=yes takes those
	$(BIN)/uv pip compile pyproject.toml $(LOCKING) --quiet --output-file requirements-dev.lock

lint: $(VENV)/.for-dev  ## ruff: rules and format; import-linter: which room may import which
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache

format: $(VENV)/.for-dev  ## let ruff repair and format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(VENV)/.for-dev  ## mypy, strict, and pyright, standard: the package, and what a project's own code says (examples/typed)
	$(BIN)/mypy
	$(BIN)/basedpyright --project pyproject.toml --pythonpath $(BIN)/python

messages: $(VENV)/.for-dev  ## what people read, into the catalogs of all languages, and compiled (needs GNU gettext)
	cd synchro_triggers && $(CATALOGS) makemessages $(LANGUAGES) --no-wrap --no-location --no-obsolete
	sed -i.bak '/^"POT-Creation-Date/d; /^"Report-Msgid-Bugs-To/d' synchro_triggers/locale/*/LC_MESSAGES/django.po
	rm synchro_triggers/locale/*/LC_MESSAGES/django.po.bak
	cd synchro_triggers && $(CATALOGS) compilemessages $(LANGUAGES)

pictures: $(VENV)/.for-demo  ## those of the README and the docs, from the data of make demo-site (needs Chromium)
	$(BIN)/python examples/the_page/pictures.py

clean:  ## remove the virtual environment and everything generated
	rm -rf $(VENV) $(SITES) docs/_build .nox build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis mutants
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One environment, made anew when pyproject.toml changes; each stamp says what has been installed into it.
$(VENV)/.made: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "Python 3.11 or newer is needed. If there is one under another name: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	    echo "This Python cannot make virtual environments; install its venv package (Debian: apt install python3-venv)." >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python $(PIP) uv 2>$(VENV)/uv.log || echo "uv cannot be installed ($(VENV)/uv.log says why): pip does it all, which takes longer."
	@[ -x $(BIN)/uv ] || $(BIN)/python $(PIP) --upgrade 'pip>=25.1' # knows dependency groups
	@touch $@

$(VENV)/.for-demo: $(VENV)/.made
	@$(call install,--editable . pycountry)
	@touch $@

$(VENV)/.for-demo-postgres: $(VENV)/.made
	@$(call install,--editable '.[postgres]' pycountry)
	@touch $@

# One test reads which versions the matrix runs, and so needs nox; with the rest of what develops it takes half as long again.
$(VENV)/.for-test: $(VENV)/.made
	@$(call install,$(OURS) --group test --group bench nox)
	@touch $@

$(VENV)/.for-dev: $(VENV)/.for-test
	@$(call install,$(OURS) --group dev)
	@touch $@

$(VENV)/.for-docs: $(VENV)/.made
	@$(call install,--editable . --group docs)
	@touch $@

# The driver is compiled. Where that cannot be, the tests go on without MariaDB, unless it is required.
$(VENV)/.for-mariadb: $(VENV)/.for-test
	@{ $(call install,--editable '.[mariadb]'); } >$(VENV)/mariadb.log 2>&1 && touch $@ || { \
	    echo "MariaDB's driver could not be built ($(VENV)/mariadb.log says why). Debian has what it needs in:" \
	        "apt-get install libmariadb-dev gcc pkg-config python3-dev" >&2; [ "$(MARIADB)" != required ]; }

# The second carries axe-core as a file. It is for Playwright, which is not needed for that, and larger than all the rest.
$(VENV)/.for-browser: $(VENV)/.for-test tests/browser/axe.txt
	@$(call install,$(OURS) --group browser)
	@$(call install,--no-deps --requirement tests/browser/axe.txt)
	@touch $@

$(SITES)/.made: $(VENV)/.made tests/sites/requirements.txt
	$(PYTHON) -m venv --clear $(SITES)
	@$(call install_at,$(SITES),--requirement tests/sites/requirements.txt --editable '.[postgres]')
	@touch $@

$(SITES)/.made-all: $(SITES)/.made tests/sites/requirements-all.txt
	@$(call install_at,$(SITES),--requirement tests/sites/requirements.txt --requirement tests/sites/requirements-all.txt)
	@touch $@

$(VENV)/.for-bench: $(VENV)/.made
	@$(call install,$(OURS) --group bench)
	@touch $@
