# What a newcomer, a developer and CI run. One build profile serves all of it, so nothing is compiled twice.

CARGO ?= cargo
# How long `make torture` kills processes.
SECONDS ?= 600
# What `make demo` is told besides, as in: make demo ARGS="--seconds 30"
ARGS ?=

.PHONY: help demo test lint torture nightly bench

help:
	@echo 'make demo                  shows everything in one process; Ctrl-C ends it with a comparison of every document'
	@echo 'make test                  installs what is missing, and runs every test'
	@echo 'make lint                  format, clippy, documentation, dependencies'
	@echo 'make torture SECONDS=600   walks through all phases under traffic while processes are killed'
	@echo 'make nightly               more cases for every property, a long torture, a long demo'
	@echo 'make bench                 speed and peak memory on the embedded stores'

demo:
	@tests/setup build
	$(CARGO) run --bin sluss -- demo $(ARGS)

test:
	@tests/setup test
	$(CARGO) test --workspace

lint:
	@tests/setup lint
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --workspace --no-deps --document-private-items
	$(CARGO) deny check bans licenses sources

torture:
	@tests/setup test
	SLUSS_TORTURE_SECONDS=$(SECONDS) $(CARGO) test --test migration -- --nocapture walk

nightly:
	@tests/setup test
	PROPTEST_CASES=5000 $(CARGO) test --workspace
	$(MAKE) torture SECONDS=1800
	$(MAKE) demo ARGS='--seconds 300'

bench:
	@tests/setup build
	$(CARGO) build --bin sluss --package sluss
	$(CARGO) run --package sluss-loadtest -- small
	$(CARGO) run --package sluss-loadtest -- memory
