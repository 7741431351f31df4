# What a newcomer, a developer and CI run. One build profile serves all of it, so nothing is compiled twice.

CARGO ?= cargo
# How long `make torture` and `make fuzz` last.
SECONDS ?= 600
# What `make demo` is told besides, as in: make demo ARGS="--seconds 30"
ARGS ?=

# Stores that fail on purpose exist in this build only. A wrapper sets its flag for our own crates, so nothing else is built twice.
FAULT = RUSTC_WORKSPACE_WRAPPER='$(CURDIR)/tests/fault' $(CARGO)

# Suites that mostly wait, for processes that were killed and stores that are out: `cargo test` leaves them out (Cargo.toml), and here
# they run beside the others.
# All of the workspace is named, as above: with other features its dependencies would be built again.
WAITING = --workspace --test migration --test outage

.PHONY: help demo test test-all test-waiting test-faulty lint torture fuzz mutants nightly bench http-checks

help:
	@echo 'make demo                  shows everything in one process; Ctrl-C ends it with a comparison of every document'
	@echo 'make test                  installs what is missing, starts a Ceph for S3, and runs every test'
	@echo 'make lint                  format, clippy, documentation, dependencies'
	@echo 'make torture SECONDS=600   random histories under faults, kills and flips; then a walk on which processes are killed'
	@echo 'make fuzz SECONDS=600      sends anything to both listeners, and expects refusals at worst'
	@echo 'make mutants               takes one check out of the product at a time, and expects the torture to notice'
	@echo 'make nightly               more cases for every property, a long torture, a long demo'
	@echo 'make http-checks           REDbot against a served document; installs it from PyPI'
	@echo 'make bench                 speed, CPU time and peak memory'

demo:
	@tests/setup build
	$(CARGO) run --bin sluss -- demo $(ARGS)

test:
	@tests/setup test
	@tests/ceph/s3-server start
	$(CARGO) test --workspace --no-run
	$(CARGO) test $(WAITING) --no-run
	$(FAULT) test --workspace --test torture --no-run
	$(MAKE) --jobs 3 --output-sync=target test-all test-waiting test-faulty

test-all:
	$(CARGO) test --workspace

test-waiting:
	$(CARGO) test $(WAITING)

test-faulty:
	$(FAULT) test --workspace --test torture

lint:
	@tests/setup lint
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	$(CARGO) clippy --lib --test torture -- -D warnings --cfg sluss_fault
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --workspace --no-deps --document-private-items
	$(CARGO) deny check bans licenses sources

torture:
	@tests/setup test
	@tests/ceph/s3-server start
	SLUSS_TORTURE_SECONDS=$$(($(SECONDS) * 3 / 4)) $(FAULT) test --workspace --test torture -- --nocapture no_history
	test -n "$$SLUSS_SEED$$SLUSS_SCRIPT" || \
		SLUSS_TORTURE_SECONDS=$$(($(SECONDS) / 4)) $(CARGO) test --workspace --test migration -- --nocapture walk

fuzz:
	@tests/setup build
	SLUSS_FUZZ_SECONDS=$(SECONDS) $(CARGO) test --test surface -- --nocapture fuzz

mutants:
	@tests/setup test
	@tests/ceph/s3-server start
	CARGO='$(CARGO)' tests/mutants/run

nightly:
	@tests/setup test
	@tests/ceph/s3-server start
	PROPTEST_CASES=5000 $(CARGO) test --workspace
	$(CARGO) test $(WAITING)
	$(FAULT) test --lib faulty
	SLUSS_MODEL_DEPTH=deep $(CARGO) test --test model -- --nocapture
	$(MAKE) torture SECONDS=1800
	$(MAKE) demo ARGS='--seconds 300'

bench:
	@tests/setup bench
	@tests/ceph/s3-server start
	$(CARGO) build --bins --package sluss --package sluss-tds --package sluss-loadtest
	$(CARGO) run --package sluss-loadtest -- small
	$(CARGO) run --package sluss-loadtest -- memory
	$(CARGO) run --package sluss-loadtest -- memory --sql mssql
	$(CARGO) run --package sluss-loadtest -- lanes
	$(CARGO) run --package sluss-loadtest -- objects
	$(CARGO) run --package sluss-loadtest -- hot
	$(CARGO) run --package sluss-loadtest -- crowd
	folder=$$(mktemp -d) && $(CARGO) run --package sluss-loadtest -- seed --folder $$folder && \
		$(CARGO) run --package sluss-loadtest -- load --folder $$folder --own; status=$$?; rm -rf $$folder; exit $$status

http-checks:
	@tests/setup build
	$(CARGO) build --bin sluss
	tests/third_party/http-checks
