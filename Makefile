# Weft: the commands a person types. Each is one line over `cargo xtask`, which holds the logic.
.DEFAULT_GOAL := help
.PHONY: help run setup build test test-long lint e2e dist bench

help: ## print this table
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The first build of the tool that does everything else is silent, and long enough to look like a hang.
hello = @test -x "$${CARGO_TARGET_DIR:-target}/ci/xtask" || echo "First Weft's own build tool is built: about 3 minutes on 2 cores"

run: ## install what is missing, build, start Weft and print its address
	$(hello)
	@cargo xtask run

setup: ## only install what is missing (Postgres, the wasm target, the model file)
	@cargo xtask setup

build: ## build the front end and the `weft` binary that embeds it
	@cargo xtask build

test: ## everything that CI checks: format, lints, tidy, tests of Rust, the clients and the browser
	$(hello)
	@cargo xtask test

test-long: ## what takes too long for every change: longer tests, the simulators for an hour each, chaos, the newest Postgres
	@cargo xtask test-long

lint: ## only format, lints and tidy
	@cargo xtask test --only fmt --only clippy --only clippy-wasm --only tidy

e2e: ## only the browser tests, over a fresh build
	@cargo xtask test --only site --only build --only browser

dist: ## build the programs as they are installed, optimised and stripped, and print their sizes
	@cargo xtask dist

bench: ## measure an optimised build on a durable Postgres of its own, pgbench beside it
	@cargo xtask bench engine
