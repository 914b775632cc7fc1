PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test test-zoo-keras test-zoo-onnx test-backends sweep test-browser lint types bench check clean

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[all,dev]'
	touch $(STAMP)

demo: $(STAMP)  ## inspect, convert, verify and play the shipped model
	$(BIN)/rnnport demo

test: $(STAMP)  ## the default suite
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-zoo-keras: $(STAMP)  ## every model of the zoo as a Keras file; minutes
	RNNPORT_WHOLE_ZOO=1 $(BIN)/python -m pytest tests/converters/test_to_keras_zoo.py

test-zoo-onnx: $(STAMP)  ## odd inputs to every model of the zoo as ONNX
	RNNPORT_WHOLE_ZOO=1 $(BIN)/python -m pytest tests/converters/test_to_onnx_edges.py

build/%/.installed: constraints.txt
	$(PYTHON) -m venv build/$*
	build/$*/bin/python -m pip install -q --disable-pip-version-check -c constraints.txt $* keras h5py -e .
	touch $@

test-backends: build/jax/.installed build/torch/.installed  ## Keras ports on JAX and PyTorch; not part of CI
	KERAS_BACKEND=jax build/jax/bin/python -m tests.support.keras_backends
	KERAS_BACKEND=torch build/torch/bin/python -m tests.support.keras_backends

sweep: $(STAMP)  ## 200 random cases for each model of the zoo; RNNPORT_TF1 names a Python with TensorFlow 1.15; an hour, resumable
	$(BIN)/python -m tests.sweep

BROWSER ?= chromium
test-browser: $(STAMP)  ## the report in a headless browser; not part of CI
	RNNPORT_BROWSER=$(BROWSER) $(BIN)/python -m pytest tests/browser

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy

bench: $(STAMP)  ## every benchmark, side by side; minutes
	$(BIN)/python -m benchmarks

check: lint types test

clean:
	rm -rf $(VENV) build dist demo-out *.egg-info
