# The front door. Each target sets up what it needs (tools/setup is quick when nothing is missing).
.PHONY: all build demo test bench fuzz lint format install clean setup

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
