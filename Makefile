# The front door. Each target sets up what it needs (tools/setup is quick when nothing is missing).
.PHONY: all build demo test torture bench fuzz lint format install clean setup

BUILD ?= build
SANITIZED ?= build-asan
PREFIX ?= /usr/local

all: build

setup:
	@tools/setup

$(BUILD)/build.ninja:
	@meson setup $(BUILD) --prefix $(PREFIX) >/dev/null

build: setup | $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet

demo: build
	@examples/demo $(BUILD)/cordon

# Two lanes: everything around the engine under ASan and UBSan; then release flags with the full jail.
test: build
	@tests/run $(BUILD) $(SANITIZED)

# Processes killed at random under load, many times, in an order that the seed decides.
ROUNDS ?= 200
SEED ?= $(shell date +%s)
torture: build
	@CORDON=$(BUILD)/cordon CORDON_BUILD=$(BUILD) python3 tests/e2e/restart_test.py $(BUILD)/cordon $(SEED) $(ROUNDS)

bench: build
	@tools/setup bench/peers
	@bench/run $(BUILD) --write docs/benchmarks.md

fuzz: setup
	@tests/fuzz/run

lint: build
	@tools/lint $(BUILD)

format:
	@clang-format -i $$(git ls-files '*.c' '*.h')

install: build
	@meson install -C $(BUILD)

clean:
	rm -rf $(BUILD) $(SANITIZED) build-fuzz
