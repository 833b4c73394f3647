# SPDX-License-Identifier: GPL-2.0
# The front door: every target calls Kbuild, cargo or a script of tools/, and
# continuous integration calls the same targets.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# Commands run in the pinned environment; within it they run as they are.
ENTER := $(if $(IN_ENV),,tools/vm/enter)

export V JOBS ACCEL GENERATION KERNEL_SRC KDIR DEBIAN_MIRROR SLENC_CACHE

.PHONY: help
help: ## This list
	@echo 'slenc: a V4L2 stateless video encoder driver in Rust, with virtual hardware'
	@echo
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo 'Variables:'
	@echo '  ACCEL=auto|kvm|tcg  how the guest runs (auto probes KVM once by a real boot)'
	@echo '  LANE=gen2           test-vm: only this of the lanes gen1, gen2 and iommu'
	@echo '  GENERATION=gen2     test-debug: hardware of this generation (gen1)'
	@echo '  JOBS=N              parallel jobs (all processors)'
	@echo '  KDIR=DIR            modules and install: build for this Rust-enabled kernel'
	@echo '  KERNEL_SRC=PATH     kernel source tree or tarball instead of the archive package'
	@echo '  DEBIAN_MIRROR=URL   Debian archive (the one apt uses)'
	@echo '  SLENC_CACHE=DIR     where the environment is kept (~/.cache/slenc)'
	@echo '  V=1                 all output instead of logs in out/log'

# What runs in the guest is built for the guest's kernel.
ifneq ($(KDIR),)
ifneq ($(filter demo test test-% bench shell env,$(MAKECMDGOALS)),)
$(error KDIR is for "make modules" and "make install"; the guest has a kernel of its own)
endif
endif

.PHONY: demo
demo: all ## Encode two real clips through the driver in a guest, check them, show them
	tools/demo

.PHONY: test
test: ## Everything: lint, cargo tests, modules, KUnit, guest tests on both generations
	tools/testing/run

.PHONY: test-unit
test-unit: ## The cargo tests
	tools/testing/run unit

.PHONY: test-vm
test-vm: ## The guest's tests: both generations, and behind an IOMMU
	tools/testing/run $(or $(LANE),vm)

.PHONY: test-debug
test-debug: ## The guest's tests on a kernel with KASAN, lockdep, kmemleak and failing allocations
	tools/testing/run debug

.PHONY: lint
lint: ## rustfmt, clippy, checkpatch, kernel-doc, shellcheck, CI file
	tools/testing/run lint

.PHONY: bench
bench: all ## Measure; results in out/bench
	tools/bench

.PHONY: all
all: tools modules

.PHONY: env
env: ## Root filesystem and kernel, built once
	tools/vm/rootfs >/dev/null
	tools/vm/kernel >/dev/null

.PHONY: modules
modules: ## The kernel modules, in out/modules
	tools/build-modules

.PHONY: tools
tools: ## The command-line tools, in out/bin
	tools/build-tools

.PHONY: docs
docs: ## HTML documentation, in out/docs
	$(ENTER) sphinx-build -q -W --keep-going -b html Documentation out/docs
	@echo 'out/docs/index.html'

.PHONY: shell
shell: all ## A shell in the guest, modules loaded and hardware attached
	tools/vm/guest -i

.PHONY: install
install: ## Install modules (KDIR=) and tools on this machine (PREFIX=/usr/local)
	tools/install

.PHONY: clean
clean: ## Remove what was built here; the cache stays
	rm -rf out
