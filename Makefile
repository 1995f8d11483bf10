# Builds, tests and installs heaptap. `make help` lists what there is.
#
# The programs in bpf/programs are compiled first, by the clang of the Swift toolchain; Swift then embeds the objects.
# As root in a checkout that belongs to somebody else (`sudo make …`), everything is built as the owner of the checkout,
# so that no files of root are left in it; only what needs root is run as root.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:

GOAL := $(firstword $(MAKECMDGOALS))
PREFIX ?= /usr/local
DESTDIR ?=

# What building and `make demo` need, and what the tests compare heaptap with on top of that.
BUILD_PACKAGES := libbpf-dev libelf-dev zlib1g-dev libdw-dev libzydis-dev libiberty-dev libjemalloc-dev libsqlite3-dev pkg-config gcc libc6-dev git
TEST_PACKAGES := g++ valgrind gdb libc6-dbg bpftool bpftrace sqlite3 perl python3 gawk binutils bc jq tcl openssl \
  xz-utils procps shellcheck redis-server redis-tools postgresql nginx-light debootstrap \
  libjemalloc2 libtcmalloc-minimal4 libgoogle-perftools4 libgoogle-perftools-dev libmimalloc2.0 libmimalloc-dev \
  musl musl-dev musl-tools curl prometheus systemd
# The machines that other kernels run in, and what is in them.
MACHINE_PACKAGES := qemu-system-x86 busybox-static e2fsprogs binutils util-linux bpftool libc6-dbg python3

IS_ROOT := $(filter 0,$(shell id -u))
OWNER := $(filter-out root UNKNOWN,$(shell stat -c %U .))
ifneq ($(and $(IS_ROOT),$(OWNER)),)
  AS_OWNER := runuser -u $(OWNER) -- env HOME=$(shell getent passwd $(OWNER) | cut -d: -f6)
  HAND_BACK = for made in .build bpf/build; do if [ -e $$made ]; then chown -R --from=root $(OWNER): $$made; fi; done
else
  AS_OWNER :=
  HAND_BACK = :
endif

# sudo replaces PATH, so a toolchain that its caller has is looked for; the first use pays for it.
ifeq ($(origin SWIFT),undefined)
  SWIFT = $(eval SWIFT := $(shell Tests/Checks/find_swift.sh $(or $(SUDO_USER),$(OWNER))))$(SWIFT)
endif
CLANG = $(eval CLANG := $(shell $(AS_OWNER) $(SWIFT) -print-target-info | \
  sed -n 's|.*"runtimeResourcePath": "\(.*\)/lib/swift[^/]*".*|\1/bin/clang|p'))$(CLANG)
export PATH := $(PATH):/usr/sbin:/sbin

DEBUG := .build/debug
# One release configuration for the demo, the benchmark and installing, so that none of them builds it again.
RELEASE := .build/release
RELEASE_FLAGS := -c release --static-swift-stdlib
WORKLOADS := .build/workloads
RESULTS := .build/test-results

BPF_SOURCES := $(wildcard bpf/programs/*.bpf.c)
BPF_OBJECTS := $(BPF_SOURCES:bpf/programs/%.c=bpf/build/%.o)
# Linux's own headers keep <asm/…> in a folder per architecture, which `-target bpf` does not search.
BPF_FLAGS := -O2 -g -Wall -Werror -std=gnu17 -target bpf -D__TARGET_ARCH_x86 -Ibpf/include -Ibpf/lib -Ibpf/kernel \
  -idirafter /usr/include/x86_64-linux-gnu

.PHONY: help
help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-13s %s\n", $$1, $$2 }' Makefile

# ---- What has to be there ----

.PHONY: setup
setup: ## Install the Debian packages that building needs, if any is missing
	@Tests/Checks/install_packages.sh $(BUILD_PACKAGES)

.PHONY: setup-test
setup-test: setup ## Install the packages that the tests need as well
	@Tests/Checks/install_packages.sh $(TEST_PACKAGES)

.PHONY: need-swift
need-swift:
	@Tests/Checks/check_swift.sh "$(SWIFT)"

.PHONY: need-root
need-root:
	@[ -n "$(IS_ROOT)" ] || { \
	  echo "make: '$(GOAL)' loads programs into the kernel, which needs root: sudo make $(GOAL)" >&2; exit 1; }

.PHONY: tracefs
tracefs: need-root
	@mountpoint -q /sys/kernel/tracing || mount -t tracefs tracefs /sys/kernel/tracing || \
	  echo "make: cannot mount tracefs on /sys/kernel/tracing; going on without it" >&2

# ---- Building ----

.PHONY: bpf
bpf: $(BPF_OBJECTS) ## Compile the kernel programs into bpf/build

$(BPF_OBJECTS): bpf/build/%.bpf.o: bpf/programs/%.bpf.c Makefile | setup need-swift
	@$(HAND_BACK)
	$(AS_OWNER) mkdir -p bpf/build
	$(AS_OWNER) $(CLANG) $(BPF_FLAGS) -MMD -MP -c $< -o $@

-include $(BPF_OBJECTS:.o=.d)

.PHONY: build
build: setup need-swift bpf ## Build everything for development (debug)
	@$(HAND_BACK)
	$(AS_OWNER) $(SWIFT) build

.PHONY: build-release
build-release: setup need-swift bpf
	@$(HAND_BACK)
	$(AS_OWNER) $(SWIFT) build $(RELEASE_FLAGS) --product heaptap

.PHONY: release
release: build-release ## Build the binary to hand out: Swift linked in, stripped
	$(AS_OWNER) strip -o .build/heaptap $(RELEASE)/heaptap
	@stat -c '%n: %s bytes' .build/heaptap

.PHONY: install
install: release ## Install it to $(DESTDIR)$(PREFIX)/bin, and the unit of its daemon
	install -D -m 755 .build/heaptap $(DESTDIR)$(PREFIX)/bin/heaptap
	.build/heaptap serve --print-unit | sed 's|^ExecStart=[^ ]*|ExecStart=$(PREFIX)/bin/heaptap|' | \
	  install -D -m 644 /dev/stdin $(DESTDIR)$(PREFIX)/lib/systemd/system/heaptap.service

.PHONY: clean
clean: ## Remove everything that was built
	rm -rf .build bpf/build

# ---- Seeing it work ----

.PHONY: demo
demo: need-root tracefs build-release ## Watch a leaking service as its operator would (root)
	@HEAPTAP=$(CURDIR)/$(RELEASE)/heaptap Tests/Workloads/demo/demo.sh

.PHONY: bench
bench: need-root tracefs setup-test need-swift bpf ## Measure what observation costs; writes bench-results.json (root)
	@$(HAND_BACK)
	$(AS_OWNER) $(SWIFT) build $(RELEASE_FLAGS) --product heaptap-bench
	HEAPTAP_BINARY=$(CURDIR)/$(RELEASE)/heaptap $(RELEASE)/heaptap-bench

.PHONY: bench-budget
bench-budget: need-root tracefs setup-test build-release workloads ## Measure what a budget costs programs, and what it finds: PARTS="rows leaks …" (root)
	@failed=0; for part in $(or $(PARTS),rows leaks quiet intervals burst many); do \
	  HEAPTAP_BINARY=$(CURDIR)/$(RELEASE)/heaptap HEAPTAP_WORKLOADS=$(CURDIR)/$(WORKLOADS) \
	    Tests/Truth/budget.py --output budget-$$part.json $$part || failed=1; \
	done; exit $$failed

.PHONY: bench-inspection
bench-inspection: need-root setup-test build-release ## Measure inspections: stops, speed, memory, and that targets notice nothing (root)
	HEAPTAP_BINARY=$(CURDIR)/$(RELEASE)/heaptap Tests/Truth/pauses.py
	HEAPTAP_BINARY=$(CURDIR)/$(RELEASE)/heaptap Tests/Truth/pauses.py --copy-on-write
	HEAPTAP_BINARY=$(CURDIR)/$(RELEASE)/heaptap Tests/Truth/speed.py

# ---- Testing ----

.PHONY: test
test: need-root setup-test need-swift ## Run all tests: unit and kernel (root)
	@rm -rf $(RESULTS); failed=0; \
	$(MAKE) --no-print-directory test-unit || failed=1; \
	$(MAKE) --no-print-directory test-kernel || failed=1; \
	printf '\nTests:\n'; cat $(RESULTS)/*.count 2>/dev/null || echo '  none ran'; \
	exit $$failed

# Swift Testing begins all tests at once; on few processors each would then take as long as all together, and those with
# a time limit exceed it. Tasks have a thread for each processor: with no more tests than that, one that computes for
# ten seconds never takes the last thread from one that waits for an answer.
TESTS_AT_ONCE = $(shell nproc)

.PHONY: test-unit
test-unit: setup-test need-swift bpf ## Run the tests that need no privileges
	@$(HAND_BACK)
	$(AS_OWNER) $(SWIFT) build --build-tests
	@failed=0; \
	$(AS_OWNER) env SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=$(TESTS_AT_ONCE) \
	  Tests/Checks/run_tests.sh unit $(SWIFT) test --skip-build --skip '^KernelTests\.' || failed=1; \
	$(AS_OWNER) Tests/Checks/layouts.py --clang $(CLANG) --flags="$(BPF_FLAGS)" \
	  bpf/include $(BPF_OBJECTS) || failed=1; \
	exit $$failed

.PHONY: test-kernel
test-kernel: need-root tracefs setup-test build-release workloads ## Run the tests that probe real processes (root)
	$(AS_OWNER) $(SWIFT) build --build-tests
	$(call run-kernel-tests,kernel,^KernelTests\.)

.PHONY: test-kernels
test-kernels: setup-test need-swift build-release workloads ## Run kernel tests on older kernels, in virtual machines
	@Tests/Checks/install_packages.sh $(MACHINE_PACKAGES)
	$(AS_OWNER) $(SWIFT) build --build-tests
	$(AS_OWNER) env HEAPTAP_BINARY=$(CURDIR)/$(RELEASE)/heaptap HEAPTAP_WORKLOADS=$(CURDIR)/$(WORKLOADS) \
	  HEAPTAP_TESTS=$(CURDIR)/$(DEBUG)/heaptapPackageTests.xctest Tests/Kernels/run.py

.PHONY: truth
truth: need-root tracefs setup-test build-release workloads ## Compare heaptap's figures with what the targets themselves counted (root)
	$(AS_OWNER) $(SWIFT) build --build-tests
	$(call run-kernel-tests,truth,^KernelTests\..*Truth)

# The test bundle is run as it is, since SwiftPM as root would write into the checkout. One test at a time: they
# measure, and every process that maps a probed file pays for its probes. What they run is the release build, as users
# do: one that is not optimised falls behind busy programs. $(1) names the count, $(2) selects the tests.
define run-kernel-tests
@failed=0; HEAPTAP_BINARY=$(CURDIR)/$(RELEASE)/heaptap HEAPTAP_WORKLOADS=$(CURDIR)/$(WORKLOADS) \
  Tests/Checks/run_tests.sh $(1) $(DEBUG)/heaptapPackageTests.xctest --testing-library swift-testing --no-parallel \
  --filter '$(2)' || failed=1; $(HAND_BACK); exit $$failed
endef

.PHONY: fuzz
fuzz: setup need-swift bpf ## Feed damaged executables to what reads them, for SECONDS=600
	@$(HAND_BACK)
	$(AS_OWNER) env HEAPTAP_FUZZ_SECONDS=$(or $(SECONDS),600) $(SWIFT) test --filter 'ExecutablesTests.*(UnwindMutation|DebugInformationFuzz)'

.PHONY: workloads
workloads: setup-test
	@$(HAND_BACK)
	$(AS_OWNER) bash Tests/Workloads/build.sh $(WORKLOADS)

.PHONY: verify
verify: need-root build ## Load every kernel program; fail if one grew by more than 10 % (root)
	$(DEBUG)/heaptap verify | $(AS_OWNER) Tests/Checks/instructions.py $(if $(RECORD),--record) bpf/instructions.baseline

.PHONY: lint lint-swift lint-arrows lint-bpf lint-checks
lint: lint-swift lint-arrows lint-bpf lint-checks ## Check style, arrows between targets, warnings in bpf/, scripts

lint-swift: need-swift
	$(AS_OWNER) $(SWIFT) format lint --strict --parallel --recursive Sources Tests Package.swift

lint-arrows: need-swift
	$(AS_OWNER) Tests/Checks/arrows.py --swift $(SWIFT)

lint-bpf: setup need-swift
	for source in $(BPF_SOURCES); do \
	  $(AS_OWNER) $(CLANG) $(BPF_FLAGS) -Wextra -Wno-unused-parameter -fsyntax-only $$source; done

# The checks check themselves: each has to find what is planted for it.
lint-checks: setup-test need-swift
	$(AS_OWNER) Tests/Checks/scripts.sh
	$(AS_OWNER) Tests/Checks/arrows.py --self-test
	$(AS_OWNER) Tests/Checks/layouts.py --clang $(CLANG) --self-test
	$(AS_OWNER) Tests/Checks/instructions.py --self-test

.PHONY: format
format: need-swift ## Format the Swift sources in place
	$(AS_OWNER) $(SWIFT) format format --in-place --parallel --recursive Sources Tests Package.swift
