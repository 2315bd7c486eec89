# sftpmount: `make help` lists the targets.

SHELL     := /bin/bash
GO        ?= go
PREFIX    ?= /usr/local
# Where mount(8) looks for its helpers, whatever the prefix.
HELPERDIR ?= /usr/sbin
BUILDDIR  ?= build
# When the sources are of.
EPOCH     ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
VERSION   ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
# Each package's tests must end within this.
TIMEOUT   ?= 8m
FUZZTIME  ?= 10s
# How long each job under faults goes on; all of them run at the same time.
SOAK      ?= 60s
LINT      := build/bin/golangci-lint
LINTVER   := v2.15.0
NFPM      := build/bin/nfpm
NFPMVER   := v2.48.0
# The same from the same commit and Go, wherever they are.
BUILD     := $(GO) build -trimpath -ldflags '-s -w -buildid= -X main.version=$(VERSION)'

.PHONY: help build install demo packages check-packages test race lint integration soak figures fuzz bench microbench deps clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build the program, build/sftpmount, which is static
	CGO_ENABLED=0 $(BUILD) -o $(BUILDDIR)/sftpmount ./cmd/sftpmount

# For root, who may have no Go, what was built before is installed.
$(BUILDDIR)/sftpmount:
	$(MAKE) build

D     = $(DESTDIR)$(PREFIX)
DIST := cmd/sftpmount/dist
install: $(BUILDDIR)/sftpmount ## install below $(DESTDIR)$(PREFIX) what was built; mount(8) helpers in $(HELPERDIR)
	install -D -m 755 $(BUILDDIR)/sftpmount $(D)/bin/sftpmount
	install -d $(DESTDIR)$(HELPERDIR)
	ln -srf $(D)/bin/sftpmount $(DESTDIR)$(HELPERDIR)/mount.sftpmount
	ln -srf $(D)/bin/sftpmount $(DESTDIR)$(HELPERDIR)/mount.fuse.sftpmount
	install -D -m 644 docs/sftpmount.1 $(D)/share/man/man1/sftpmount.1
	install -D -m 644 docs/mount.sftpmount.8 $(D)/share/man/man8/mount.sftpmount.8
	ln -sf mount.sftpmount.8 $(D)/share/man/man8/mount.fuse.sftpmount.8
	install -D -m 644 $(DIST)/completions/sftpmount.bash $(D)/share/bash-completion/completions/sftpmount
	install -D -m 644 $(DIST)/completions/_sftpmount $(D)/share/zsh/site-functions/_sftpmount
	install -D -m 644 $(DIST)/completions/sftpmount.fish $(D)/share/fish/vendor_completions.d/sftpmount.fish
	install -D -m 644 -t $(D)/share/doc/sftpmount/examples $(DIST)/systemd/example.mount $(DIST)/systemd/example.automount
	for kind in system user; do \
		install -d $(D)/lib/systemd/$$kind && \
		sed 's|/usr/bin/sftpmount|$(PREFIX)/bin/sftpmount|' $(DIST)/systemd/sftpmount@.service \
			> $(D)/lib/systemd/$$kind/sftpmount@.service || exit; \
	done

# A tag such as v1.2.3 is a version; without one, all is before the first. RPM
# allows no dashes.
packages: export PACKAGE_VERSION = $(subst -,.,$(or $(patsubst v%,%,$(filter v%,$(VERSION))),0.0.0+$(VERSION)))
packages: export MAINTAINER ?= $(shell git log -1 --format='%an <%ae>')
packages: export SOURCE_DATE_EPOCH = $(EPOCH)
packages: $(NFPM) ## build .deb and .rpm for amd64 and arm64, build/packages
	rm -rf build/packages
	mkdir -p build/packages
	for arch in amd64 arm64; do \
		root=build/packages/root-$$arch && \
		GOOS=linux GOARCH=$$arch $(MAKE) install DESTDIR=$(CURDIR)/$$root PREFIX=/usr BUILDDIR=build/packages/$$arch && \
		$(DIST)/package.sh $$root "$$PACKAGE_VERSION" "$$MAINTAINER" $(EPOCH) && \
		for kind in deb rpm; do \
			PACKAGE_ARCH=$$arch PACKAGE_ROOT=$$root $(NFPM) package --config $(DIST)/nfpm.yaml \
				--packager $$kind --target build/packages || exit; \
		done || exit; \
	done
	rm -rf build/packages/root-*

$(NFPM):
	GOBIN=$(CURDIR)/build/bin $(GO) install github.com/goreleaser/nfpm/v2/cmd/nfpm@$(NFPMVER)

check-packages: export PACKAGES := 1
check-packages: packages ## install the packages into a fresh Debian and remove them; needs root, debootstrap, lintian, rpm
	$(GO) test -count=1 -v -timeout 30m -run '^TestPackage' ./integration

demo: deps build ## mount a server inside the demo itself, use it, clean up
	@$(GO) test -c -o build/demo ./integration/demo
	@build/demo -program build/sftpmount

test: deps build ## run all tests with the race detector
	$(GO) test -race -timeout $(TIMEOUT) ./...

race: ## build the program with the race detector in, build/sftpmount-race
	$(BUILD) -race -o build/sftpmount-race ./cmd/sftpmount

lint: $(LINT) ## check style, mistakes and which room imports which
	$(LINT) run ./...

$(LINT):
	GOBIN=$(CURDIR)/build/bin $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINTVER)

integration: deps build ## run the tests on real mounts of a real sshd, verbosely
	$(GO) test -race -count=1 -v -timeout $(TIMEOUT) ./integration/...

# Each job ends by itself, at the latest two minutes after its time.
soak: export SOAK := $(SOAK)
soak: deps ## work on mounts whose link fails at random, for SOAK (60s); SEED repeats a storm
	$(GO) test -race -count=1 -v -parallel 16 -timeout 0 -run '^TestSurvive$$' ./integration

figures: export FIGURES := 1
figures: deps ## measure what docs/performance.md says of drops and of a million files (15 minutes)
	$(GO) test -count=1 -v -timeout 30m -run '^(TestFigure|TestDropsLeaveNothing)' ./integration

fuzz: ## fuzz every decoder for FUZZTIME (10s) each
	@set -e; for package in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz' || true); do \
			echo "$$package $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$package; \
		done; \
	done

# BENCH=quick takes some minutes and only prints. BENCH_RUNS, BENCH_DELAYS (ms),
# BENCH_MIB and BENCH_ONLY (a regular expression) choose what is done.
bench: export BENCH ?= full
bench: deps ## compare with sshfs, and write docs/performance.md (an hour; needs sshfs, fio)
	@.ci/deps sshfs:sshfs fio:fio git:git
	$(GO) test -count=1 -v -timeout 0 -run '^TestBench' ./integration

microbench: ## run the benchmarks of single parts
	$(GO) test -run '^$$' -bench . -benchmem ./...

deps: ## install what building and testing need and this machine lacks (Debian)
	@.ci/deps

clean: ## remove what was built
	rm -rf build
