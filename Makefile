# Weft: the commands a person types. Each is one line over `cargo xtask`, which holds the logic.
.DEFAULT_GOAL := help
.PHONY: help run setup build test lint e2e

help: ## print this table
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / {printf "make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## install what is missing, build, start Weft and print its address
	@cargo xtask run

setup: ## only install what is missing (Postgres, the wasm target, the model file)
	@cargo xtask setup

build: ## build the front end and the `weft` binary that embeds it
	@cargo xtask build

test: ## everything that CI checks: format, lints, tidy, Rust tests, browser tests
	@cargo xtask test

lint: ## only format, lints and tidy
	@cargo xtask test --only fmt --only clippy --only clippy-wasm --only tidy

e2e: ## only the browser tests, over a fresh build
	@cargo xtask test --only site --only build --only browser
