# Everything from a fresh clone: `make demo`, `make test`. The environment is made on the way.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Dozens of processes start from modules that are compiled once, also where the environment forbids to keep them.
export PYTHONDONTWRITEBYTECODE :=
INSTALLED := $(VENV)/.installed

.PHONY: demo test chaos year bench audit lint format clean

# ONCE=1 stops after the play; EMBEDDED=1 starts servers even where some answer.
demo: $(INSTALLED)
	@$(BIN)/python -m pms_project.demo $(if $(ONCE),--once) $(if $(EMBEDDED),--embedded)

# PRIVATE=1 starts servers even where some answer; ARGS goes to pytest, such as ARGS="-k webhook". Without it, two
# processes share the tests; those that measure seconds, or need most of the connections, come after them, alone.
# In the order of the folders: the files that take longest come first.
SHARED = $(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder -m "not alone and not control"
ALONE = $(BIN)/python -m pytest -m alone
test: $(INSTALLED)
	@$(BIN)/python -m pms_project.local_services $(if $(PRIVATE),--private) -- \
		$(if $(ARGS),$(BIN)/python -m pytest $(ARGS),sh -c '$(SHARED); shared=$$?; $(ALONE) && exit $$shared')

# A long run of faults; CHAOS_SEED, CHAOS_FAULTS and CHAOS_BOOKINGS set it up, CHAOS_MATRIX=few keeps the table short, or
# names faults; CHAOS_ROUNDS is how often OTAs and the desk change the same bookings.
chaos: export CHAOS_FAULTS ?= 500
chaos: export CHAOS_BOOKINGS ?= 2000
chaos: export CHAOS_SEED ?= 0
chaos: export CHAOS_MATRIX ?= all
chaos: export CHAOS_ROUNDS ?= 300
chaos: export CHAOS_LATEST ?= 90
chaos: $(INSTALLED)
	@$(BIN)/python -m pms_project.local_services $(if $(PRIVATE),--private) -- $(BIN)/python -m pytest -s tests/chaos $(ARGS)

# A year of one hotel in fast motion; YEAR_SEED=0 takes another one each time, YEAR_DAYS is how far it goes.
year: export YEAR_DAYS ?= 365
year: export YEAR_SEED ?= 0
year: $(INSTALLED)
	@$(BIN)/python -m pms_project.local_services $(if $(PRIVATE),--private) -- $(BIN)/python -m pytest -s tests/year $(ARGS)

# Ratios against bare references; ARGS names some, such as ARGS=availability.
bench: $(INSTALLED)
	@$(BIN)/python -m pms_project.local_services $(if $(PRIVATE),--private) -- $(BIN)/python -m benchmarks $(ARGS)

# Asks PyPI's vulnerability data for every pinned dependency.
audit: $(INSTALLED)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check pip-audit==2.10.1
	$(BIN)/python -m pip_audit --requirement requirements.txt

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	DEBUG=1 $(BIN)/mypy
	$(BIN)/lint-imports

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

$(INSTALLED): requirements.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	@$(PYTHON) -m venv $(VENV) || { echo "Python cannot make environments here: apt-get install python3-venv"; exit 1; }
	@echo "Installing requirements into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@
