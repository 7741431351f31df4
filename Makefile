# What a newcomer, a developer and CI run. One build profile serves all of it, so nothing is compiled twice.

CARGO ?= cargo
# How long `make torture` and `make fuzz` last.
SECONDS ?= 600
# What `make demo` is told besides, as in: make demo ARGS="--seconds 30"
ARGS ?=
# Which of the browser's tests `make test-console` runs, and of which program. Its own is built where it is missing or stale.
BROWSER ?= core
SLUSS ?= $(OWN)
OWN = target/debug/sluss
# Cargo puts the program with faulty stores in the same place; the browser's tests get the other one, while it is there.
KEPT = target/browser/sluss

# Stores that fail on purpose exist in this build only. A wrapper sets its flag for our own crates, so nothing else is built twice.
FAULT = RUSTC_WORKSPACE_WRAPPER='$(CURDIR)/tests/fault' $(CARGO)

# For recipes that run beside others: what make says there about its own jobs is for makes alone, and rustc complains of it.
FREE = env --unset=MAKEFLAGS --unset=MFLAGS

# Suites that mostly wait, for processes that were killed and stores that are out: `cargo test` leaves them out (Cargo.toml), and here
# they run beside the others.
# All of the workspace is named, as above: with other features its dependencies would be built again.
WAITING = --workspace --test migration --test outage

# The console's sources. What is built of them, `cargo build` takes into the program; without it /console/ says how to build it.
CONSOLE = $(shell find console -name node_modules -prune -o -name dist -prune -o -type f -print)
BUILT = console/dist/index.html

.PHONY: $(OWN) help demo console test test-all test-waiting test-faulty test-console lint lint-rust lint-console torture fuzz mutants nightly \
	bench bench-console http-checks

help:
	@echo 'make demo                  shows everything in one process; Ctrl-C ends it with a comparison of every document'
	@echo 'make console               builds the console, which the next cargo build takes into the program'
	@echo 'make test                  installs what is missing, starts a Ceph for S3, and runs every test'
	@echo 'make test-console          of these, those of the console alone, and builds what that takes; with BROWSER=all more than make test has'
	@echo 'make lint                  format, clippy, documentation, dependencies'
	@echo 'make torture SECONDS=600   random histories under faults, kills and flips; then a walk on which processes are killed'
	@echo 'make fuzz SECONDS=600      sends anything to both listeners, and expects refusals at worst'
	@echo 'make mutants               takes one check out of the product at a time, and expects the torture to notice'
	@echo 'make nightly               more cases for every property, a long torture, a long demo'
	@echo 'make http-checks           REDbot against a served document; installs it from PyPI'
	@echo 'make bench                 speed, CPU time and peak memory'

demo:
	@tests/setup build
	@if tests/setup node; then $(MAKE) --no-print-directory $(BUILT) || echo 'The console was not built; /console/ says how to.'; fi
	$(CARGO) run --bin sluss -- demo $(ARGS)

console:
	@tests/setup console
	@$(MAKE) --no-print-directory $(BUILT)

$(BUILT): console/node_modules/.package-lock.json $(CONSOLE)
	cd console && npm run build
	@touch $@

# npm leaves this file behind when it has installed what the lock says.
%/node_modules/.package-lock.json: %/package.json %/package-lock.json
	cd $* && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

test:
	@tests/setup test
	@tests/ceph/s3-server start
	@$(MAKE) --no-print-directory $(BUILT)
	$(CARGO) test --workspace --no-run
	$(CARGO) test $(WAITING) --no-run
	@mkdir -p $(dir $(KEPT)) && ln -f target/debug/sluss $(KEPT)
	$(FAULT) test --workspace --test torture --no-run
	$(MAKE) --jobs 4 --output-sync=target SLUSS=$(KEPT) test-all test-waiting test-faulty test-console

test-all:
	$(FREE) $(CARGO) test --workspace

test-waiting:
	$(FREE) $(CARGO) test $(WAITING)

test-faulty:
	$(FREE) $(FAULT) test --workspace --test torture

# With the features that tests have, as `make test` builds it: with others its dependencies would be built again.
$(OWN):
	@tests/setup browser
	@$(MAKE) --no-print-directory $(BUILT)
	$(FREE) $(CARGO) test --workspace --test architecture --no-run

# The console's own tests, then a browser at work on it: the core of those tests, or all of them with BROWSER=all.
test-console: $(filter $(OWN),$(SLUSS))
	@$(MAKE) --no-print-directory console/node_modules/.package-lock.json tests/browser/node_modules/.package-lock.json
	cd console && npm test
	cd tests/browser && SLUSS_BINARY='$(abspath $(SLUSS))' npm run $(BROWSER)

# The console comes first, because clippy compiles it in.
lint:
	@tests/setup lint
	@$(MAKE) --no-print-directory $(BUILT)
	$(MAKE) --jobs 2 --output-sync=target lint-rust lint-console

lint-console: console/node_modules/.package-lock.json tests/browser/node_modules/.package-lock.json
	cd console && npm exec --no -- tsc && npm exec --no -- oxlint
	cd tests/browser && npm run lint
	node tests/browser/licences.mjs console

lint-rust:
	$(FREE) $(CARGO) fmt --all --check
	$(FREE) $(CARGO) clippy --workspace --all-targets -- -D warnings
	$(FREE) $(CARGO) clippy --lib --test torture -- -D warnings --cfg sluss_fault
	$(FREE) RUSTDOCFLAGS='-D warnings' $(CARGO) doc --workspace --no-deps --document-private-items
	$(FREE) $(CARGO) deny check bans licenses sources

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
	@$(MAKE) --no-print-directory $(BUILT)
	PROPTEST_CASES=5000 $(CARGO) test --workspace
	@mkdir -p $(dir $(KEPT)) && ln -f target/debug/sluss $(KEPT)
	$(MAKE) test-console BROWSER=all SLUSS=$(KEPT)
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
	$(CARGO) run --package sluss-loadtest -- events
	folder=$$(mktemp -d) && $(CARGO) run --package sluss-loadtest -- seed --folder $$folder --tenants 3 --documents 2000 && \
		$(CARGO) run --package sluss-loadtest -- load --folder $$folder --own --plan loadtest/there-and-back.toml; \
		status=$$?; rm -rf $$folder; exit $$status
	$(MAKE) bench-console

bench-console: $(BUILT) tests/browser/node_modules/.package-lock.json
	cd tests/browser && npm run bench

http-checks:
	@tests/setup build
	$(CARGO) build --bin sluss
	tests/third_party/http-checks
