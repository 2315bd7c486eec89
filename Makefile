# sftpmount: `make help` lists the targets.

SHELL     := /bin/bash
GO        ?= go
PREFIX    ?= /usr/local
VERSION   ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
# Each package's tests must end within this.
TIMEOUT   ?= 8m
FUZZTIME  ?= 10s
# How long each job under faults goes on; all of them run at the same time.
SOAK      ?= 60s
LINT      := build/bin/golangci-lint
LINTVER   := v2.15.0
BUILD     := $(GO) build -trimpath -ldflags '-X main.version=$(VERSION)'

.PHONY: help build install demo test race lint integration soak figures fuzz bench deps clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build the program, build/sftpmount
	$(BUILD) -o build/sftpmount ./cmd/sftpmount

install: build ## install the program and its manual page below $(DESTDIR)$(PREFIX)
	install -D -m 755 build/sftpmount $(DESTDIR)$(PREFIX)/bin/sftpmount
	install -D -m 644 docs/sftpmount.1 $(DESTDIR)$(PREFIX)/share/man/man1/sftpmount.1

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
figures: deps ## measure what docs/performance.md says of drops (12 minutes)
	$(GO) test -count=1 -v -timeout 30m -run '^(TestFigure|TestDropsLeaveNothing)' ./integration

fuzz: ## fuzz every decoder for FUZZTIME (10s) each
	@set -e; for package in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz' || true); do \
			echo "$$package $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$package; \
		done; \
	done

bench: ## run all benchmarks
	$(GO) test -run '^$$' -bench . -benchmem ./...

deps: ## install what building and testing need and this machine lacks (Debian)
	@.ci/deps

clean: ## remove what was built
	rm -rf build
