# Every measuring target is one call of the command line; `make help` lists them all.
VENV     := .venv
PYTHON   ?= python3
PLATFORM ?= cpu
BACKEND  ?= $(patsubst arm-emulated-%,%-cpu,$(filter arm-emulated-%,$(PLATFORM)))
RUNS     ?=
OUT      ?=
A        ?= cpu
B        ?= cpu
BASELINE ?=
MATRIX   ?= matrix.toml
FLEET    ?= fleet.toml
COMPARE  ?= results/reference/cpu-amd-epyc results/reference/cpu-torch-amd-epyc \
            results/reference/arm-emulated-cortex-a57 \
            results/reference/arm-modelled-cortex-a57 paper:gpu paper:arm
MODEL    ?=
INPUT    ?=
CORE     ?=
THREADS  ?=
PIP_ARGS ?=

GUIDELINES := $(VENV)/bin/guidelines
INSTALLED  := $(VENV)/installed
DOCS       := $(VENV)/docs-installed
# Runtimes that are installed only for a platform that is named after them.
RUNTIMES   := openvino ncnn litert
IN_MATRIX  := $(if $(filter matrix,$(MAKECMDGOALS)),$(shell grep -os 'cpu-[a-z]*' '$(MATRIX)'))
IN_FLEET   := $(if $(filter fleet,$(MAKECMDGOALS)),$(patsubst %,cpu-%,$(shell grep -owsE 'openvino|ncnn|litert' '$(FLEET)')))
ASKED      := $(filter $(RUNTIMES),$(patsubst cpu-%,%,$(PLATFORM) $(A) $(B) $(IN_MATRIX) $(IN_FLEET)) $(patsubst %-cpu,%,$(BACKEND)))
RUNTIME    := $(patsubst %,$(VENV)/installed-%,$(sort $(ASKED))) $(if $(filter litert,$(ASKED)),litert-converter)
# Whoever has no tests left takes half of another's, so that no long file is left to one at the end.
PARALLEL   := --numprocesses=auto --maxprocesses=8 --dist=worksteal
# Tests start the suite hundreds of times; bytecode that is not kept would be compiled each time.
PYTEST     := PYTHONDONTWRITEBYTECODE= $(VENV)/bin/python -m pytest $(PARALLEL)
ADVISED    := $(patsubst docs/reports/%/advice.md,%,$(wildcard docs/reports/*/*/advice.md))
REPORTED   := $(patsubst docs/reports/%/report.md,%,$(wildcard docs/reports/*/report.md docs/reports/*/*/report.md))
MEASURED    = --platform '$(PLATFORM)' $(if $(RUNS),--runs '$(RUNS)') $(if $(CORE),--core '$(CORE)') $(if $(THREADS),--threads '$(THREADS)') $(if $(OUT),--out '$(OUT)')
RUN         = $(GUIDELINES) run $(MEASURED)

.DEFAULT_GOAL := help
.PHONY: help tables paper g1 g2 g3 g4 fig2 advise widths networks report reports compare matrix fleet history ab check gate-study calibrate-gate \
        arm-emulator cpu-counter litert-converter arm-model docs-packages runtime-packages runtimes doctor bench lint docs test test-all coverage

help: ## list the targets
	@grep -E '^[a-z0-9 -]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9 -]+):.*## /  \1\t/' | expand -t 18
	@echo "Variables: PLATFORM=$(PLATFORM) RUNS=<samples> CORE=<number or name> THREADS=<number or all> OUT=<folder> PIP_ARGS=<arguments for pip> PYTHON=$(PYTHON)"
	@echo "For advise: MODEL=<network, .onnx or module:callable> INPUT=<shape>"
	@echo "For comparing: A=$(A) B=$(B) BASELINE=<run> COMPARE=<runs> MATRIX=$(MATRIX) FLEET=$(FLEET)"

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'Python 3.11 or newer is needed: set PYTHON=, say PYTHON=python3.12' >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install $(PIP_ARGS) --constraint constraints.txt --editable '.[dev]'
	@touch $@

$(VENV)/installed-%: $(INSTALLED)
	$(VENV)/bin/pip install $(PIP_ARGS) --constraint constraints.txt --editable '.[$*]'
	@touch $@

$(DOCS): $(INSTALLED)
	$(VENV)/bin/pip install $(PIP_ARGS) --constraint constraints.txt --editable '.[docs]'
	@touch $@

tables: $(INSTALLED) $(RUNTIME) ## measure and print Tables 1 to 4 (the main job)
	@$(RUN) all

paper: $(INSTALLED) $(RUNTIME) ## measure every table and figure of the paper (docs/paper.md)
	@$(GUIDELINES) paper --platform '$(PLATFORM)' $(if $(CORE),--core '$(CORE)') $(if $(THREADS),--threads '$(THREADS)') $(if $(OUT),--out '$(OUT)')

g1 g2 g3 g4: $(INSTALLED) $(RUNTIME) ## measure and print one guideline's table
	@$(RUN) $@

fig2: $(INSTALLED) $(RUNTIME) ## take the run time of two whole networks apart (Fig. 2)
	@$(RUN) fig2

advise: $(INSTALLED) $(RUNTIME) ## say which guideline MODEL breaks, and what obeying it would give (docs/advise.md)
	@$(GUIDELINES) advise '$(MODEL)' $(if $(INPUT),--input '$(INPUT)') $(MEASURED)

widths: $(INSTALLED) $(RUNTIME) ## say what to round channels to on PLATFORM (docs/protocol.md)
	@$(GUIDELINES) widths $(MEASURED)

networks: $(INSTALLED) ## list the whole networks with their costs, beside the published ones
	@$(GUIDELINES) networks

report: $(INSTALLED) ## write every output of the newest run (or of OUT) again, without measuring
	@$(GUIDELINES) report $(if $(OUT),'$(OUT)')

compare: $(INSTALLED) ## lay COMPARE="run run…" side by side (the reference runs, and the paper's two)
	@$(GUIDELINES) compare $(COMPARE) $(if $(OUT),--out '$(OUT)')

matrix: $(INSTALLED) $(RUNTIME) ## measure all combinations of MATRIX (see examples/matrix.toml), and compare them
	@$(GUIDELINES) matrix '$(MATRIX)' $(if $(OUT),--out '$(OUT)')

fleet: $(VENV)/installed-fleet $(RUNTIME) ## measure all devices of FLEET (see examples/fleet.toml), and compare them
	@$(GUIDELINES) fleet run '$(FLEET)' $(if $(OUT),--out '$(OUT)')

reports: $(INSTALLED) ## write the generated pages of docs again: Markdown and its plots, nothing else
	@for run in $(REPORTED); do \
	  $(GUIDELINES) report results/reference/$$run --out docs/reports/$$run || exit; done
	@for advice in $(ADVISED); do \
	  $(GUIDELINES) report results/reference/$$advice --out docs/reports/$$advice || exit; done
	@for network in shufflenet-v2 mobilenet-v2; do \
	  $(GUIDELINES) compare results/reference/advise-xeon/$$network-cpu* \
	    --out docs/reports/advise-xeon/$$network >/dev/null || exit; done
	@$(GUIDELINES) compare $(COMPARE) --out docs/reports/compare >/dev/null
	@$(GUIDELINES) compare results/reference/runtimes-xeon/cpu* --out docs/reports/runtimes >/dev/null
	@$(GUIDELINES) paper --out docs >/dev/null
	@find docs -type f \( -name '*.html' -o -name '*.tex' -o -name '*.csv' -o -name '*.png' \) -delete

history: $(INSTALLED) ## show how each cell of PLATFORM has gone over all stored runs
	@$(GUIDELINES) history --platform '$(PLATFORM)' $(if $(OUT),--out '$(OUT)')

ab: $(INSTALLED) $(RUNTIME) ## measure platforms A and B side by side: is B slower?
	@$(GUIDELINES) ab --a '$(A)' --b '$(B)' $(if $(CORE),--core '$(CORE)') $(if $(OUT),--out '$(OUT)')

check: $(INSTALLED) ## check the run in OUT against the one in BASELINE
	@$(GUIDELINES) check '$(OUT)' --baseline '$(BASELINE)'

gate-study: $(INSTALLED) ## measure how often the gate errs (two hours) into docs/
	@$(GUIDELINES) gate-study $(if $(OUT),--out '$(OUT)')

# Its earlier name.
calibrate-gate: $(INSTALLED)
	@$(GUIDELINES) calibrate-gate $(if $(OUT),--out '$(OUT)')

arm-emulator: $(INSTALLED) $(RUNTIME) ## set up the emulated ARM core of PLATFORM=arm-emulated (no root), or with BACKEND=ncnn-cpu
	@$(GUIDELINES) arm-emulator $(if $(BACKEND),--backend '$(BACKEND)')

cpu-counter: $(INSTALLED) ## set up the counter of PLATFORM=cpu-counted (no root)
	@$(GUIDELINES) cpu-counter

arm-model: $(INSTALLED) ## fit and test the cost model of the paper's ARM core (docs/arm_model.md)
	@$(GUIDELINES) arm-model

litert-converter: $(INSTALLED) ## set up what converts networks for PLATFORM=cpu-litert (1 GB, no root)
	@$(GUIDELINES) litert-converter -- $(PIP_ARGS)

docs-packages: $(DOCS) ## install the packages that make the docs

runtime-packages: $(VENV)/installed-runtimes $(VENV)/installed-fleet ## install the packages of every further runtime, without LiteRT's converter, and of fleets

runtimes: runtime-packages litert-converter ## install every further runtime (docs/runtimes.md)

doctor: $(INSTALLED) ## say what makes this machine's figures unreliable, and what to do
	@$(GUIDELINES) doctor

bench: $(INSTALLED) $(RUNTIME) ## measure the suite itself: fidelity, cost, start-up
	@$(GUIDELINES) bench --platform '$(PLATFORM)'

lint: $(INSTALLED) ## check style and types
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

docs: $(DOCS) ## write the docs as a site to site/, which needs no network
	@NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --strict --quiet
	@echo 'Open site/index.html.'

test: $(INSTALLED) ## run the tests that take no minutes of measuring
	$(PYTEST) --durations=20 -m 'not slow'

test-all: $(INSTALLED) ## run all tests
	$(PYTEST) --durations=20

coverage: $(INSTALLED) ## run all tests and say which lines they reach
	$(VENV)/bin/coverage erase
	$(VENV)/bin/coverage run -m pytest $(PARALLEL)
	$(VENV)/bin/coverage combine --quiet
	$(VENV)/bin/coverage report --skip-covered
