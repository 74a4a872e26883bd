# Two commands matter: `make report` and `make test`. Both set up .venv by themselves.
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
export MPLBACKEND := agg
export PYTHONHASHSEED := 0

.PHONY: report test lint lab bench calibrate clean help

help:
	@echo "make report    run the three sample clients: reports/index.html"
	@echo "make test      run every check and test"
	@echo "make lab       open the notebooks in JupyterLab"
	@echo "make bench     measure speed (minutes)"
	@echo "make calibrate measure how often intervals cover the truth (minutes)"
	@echo "make clean     remove .venv, work/ and what runs left in reports/"

report: $(READY)
	$(BIN)/journey run params --reports reports

test: $(READY) lint
	$(BIN)/python -m pytest -n 2 --dist loadfile
	JOURNEY_WORK=$$(mktemp -d) $(BIN)/python -m pytest --nbval-lax notebooks -p no:xdist

lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

lab: $(READY)
	$(BIN)/jupyter lab notebooks

bench: $(READY)
	$(BIN)/python benchmarks/run_speed.py
	$(BIN)/python benchmarks/run_batch.py
	$(BIN)/python benchmarks/run_endurance.py
	$(BIN)/python benchmarks/run_scale.py
	$(BIN)/python benchmarks/run_identity.py

calibrate: $(READY)
	$(BIN)/python benchmarks/run_calibration.py

clean:
	rm -rf $(VENV) work build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find reports -mindepth 1 ! -name README.md -delete

$(READY): requirements.lock pyproject.toml
	@sh scripts/make_environment.sh $(VENV)
	@touch $@
