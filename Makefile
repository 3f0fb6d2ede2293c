# Two commands set up all they need: `make demo` and `make test`.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
OLDEST := .venv-oldest

.PHONY: help demo test test-oldest test-clinic viewer lint setup clean

help:             ## show this
	@grep -E '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

demo: $(READY)    ## train without and with vital signs on synthetic images, score both, write demo/report.html
	$(BIN)/mdfnet demo --out demo

# As many processes as cores, one thread each: threads that wait for a core are many times slower.
test: $(READY)    ## check style and types, and run all tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses=auto --dist=loadfile --ignore=tests/clinic

# The lowest versions that pyproject.toml allows of what it names; the tests that take long are left out.
test-oldest: $(OLDEST)/.ready  ## run the quick tests with the oldest versions allowed of what this depends on
	OMP_NUM_THREADS=1 $(OLDEST)/bin/python -m pytest --numprocesses=auto --dist=loadfile $(addprefix --ignore=tests/, \
		clinic experiments models/detectors test_docs.py test_structure.py training)

$(OLDEST)/.ready: pyproject.toml $(READY)
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(OLDEST)
	$(BIN)/uv pip install --python $(OLDEST)/bin/python --quiet --resolution lowest-direct --editable '.[dev]'
	touch $@

test-clinic: $(READY)  ## run the tests with real programs (server, Orthanc, dcmtk, Chromium, OHIF), installed if absent (Debian, root)
	PYTHON=$(BIN)/python scripts/test_clinic.sh

viewer: viewer/node_modules  ## build the page of mdfnet serve; needs Node 20.19 or later
	cd viewer && npm run build

viewer/node_modules: viewer/package.json
	cd viewer && npm install
	touch $@

lint: $(READY)    ## put the code in form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

setup: $(READY)   ## only install

# torch and torchvision are installed together, by uv: both come from the same place and fit each other.
$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("mdfnet needs Python 3.11 or later, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else 0'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip install --python $(BIN)/python --quiet --editable '.[dev]'
	touch $(READY)

clean:            ## remove the environment and the demo
	rm -rf $(VENV) $(OLDEST) demo
