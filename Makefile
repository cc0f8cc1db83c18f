# Everything a developer does here, one short target each. `make help` lists them.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help
.PHONY: help run build packages test test-long test-all e2e test-packages test-kernels audit lab lab-elsewhere fixtures field field-soak lint words fuzz bench golden rules generate check

GO ?= go
GOARCH ?= $(shell $(GO) env GOARCH)
GOLANGCI_LINT ?= $(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
NFPM ?= $(GO) run github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.2
JSONNET ?= $(GO) run github.com/google/go-jsonnet/cmd/jsonnet@v0.22.0
VALE ?= $(GO) run github.com/vale-cli/vale/v3/cmd/vale@v3.21.0
CYCLONEDX ?= $(GO) run github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0
GOVULNCHECK ?= $(GO) run golang.org/x/vuln/cmd/govulncheck@v1.9.0
FUZZTIME ?= 20s
BENCH ?= .
BENCH_COUNT ?= 6
BENCH_TIME ?= 1s
SOAK ?= 1h
KERNELS ?= 6.1 6.12
KERNEL_TESTS ?= ./bytecode ./health ./internal/kernels ./internal/netlab ./internal/sstext ./sampler
KERNEL_OUT ?=
ARGS ?=

# Builds are reproducible: the build date is that of the commit, and no user, host or branch is recorded. Without git
# metadata, the revision is unknown and the date is 1970-01-01, unless SOURCE_DATE_EPOCH is set.
VERSION := $(shell cat VERSION)
REVISION ?= $(shell git rev-parse --verify --quiet HEAD || echo unknown)
BRANCH ?= HEAD
BUILD_USER ?=
SOURCE_DATE_EPOCH ?= $(or $(shell git log -1 --format=%ct 2>/dev/null),0)
export SOURCE_DATE_EPOCH
BUILD_DATE ?= $(shell date -u +%Y%m%d-%H:%M:%S -d @$(SOURCE_DATE_EPOCH))
V := github.com/prometheus/common/version
LDFLAGS := -s -w -X $V.Version=$(VERSION) -X $V.Revision=$(REVISION) -X $V.Branch=$(BRANCH) \
	-X $V.BuildUser=$(BUILD_USER) -X $V.BuildDate=$(BUILD_DATE)

# $(call having,PATTERN) prints a line for each package with tests of that name: the package, then the names.
having = $(GO) test -list '$(1)' ./... | awk '/^(Test|Fuzz|Benchmark)/ { names = names " " $$1 } \
	/^(ok|\?)[ \t]/ { if (names) print $$2 names; names = "" }'

## List the targets.
help:
	@awk '/^## / { text = substr($$0, 4); next } \
		/^[a-z-]+:/ && text { sub(/:.*/, ""); printf "  make %-13s %s\n", $$0, text } { text = "" }' Makefile

## Build and start the exporter on this host with default flags (more with ARGS="--flag ...").
run: build
	./tcphealth_exporter $(ARGS)

# A static binary of this version; -o and the package follow.
static_build = CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags '$(LDFLAGS)'

## Build the static binary ./tcphealth_exporter.
build:
	$(static_build) -o tcphealth_exporter .

## Build dist/*.deb and dist/*.rpm, for GOARCH.
packages:
	@export CGO_ENABLED=0 BUILD=$$(mktemp -d) VERSION=$(VERSION)
	trap 'rm -r "$$BUILD"' EXIT
	GOARCH= $(GO) build -o "$$BUILD/here" .
	GOARCH=$(GOARCH) $(static_build) -o "$$BUILD/tcphealth_exporter" .
	"$$BUILD/here" --completion-script-bash >"$$BUILD/completion.bash"
	"$$BUILD/here" --completion-script-zsh >"$$BUILD/completion.zsh"
	{ "$$BUILD/here" --help-man; cat deploy/packaging/man.tail; } | sed -e '1s/$$/ "$(VERSION)"/' \
		-e '/^.SH "NAME"/{n;s/$$/ \\- Prometheus exporter for TCP connection health/}' | gzip -9n >"$$BUILD/tcphealth_exporter.1.gz"
	printf 'tcphealth-exporter (%s) unstable; urgency=medium\n\n  * See CHANGELOG.md.\n\n -- %s  %s\n' "$(VERSION)" \
		"$$(sed -n 's/^maintainer: //p' deploy/packaging/nfpm.yaml)" "$$(date -uRd @$(SOURCE_DATE_EPOCH))" | gzip -9n >"$$BUILD/changelog.gz"
	{
		$(GO) list -deps -f '{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}' . | sort -u
		echo "Go $$($(GO) env GOVERSION GOROOT | paste -sd ' ')"
	} | while read -r module version dir; do
		files=$$(find "$$dir" -maxdepth 1 -type f \( -name 'LICENSE*' -o -name 'COPYING*' -o -name 'NOTICE*' \) | sort)
		[ -n "$$files" ] || { echo "no license: $$module" >&2; exit 1; }
		printf '== %s %s\n\n' "$$module" "$$version"
		xargs -d '\n' cat <<<"$$files"
		echo
	done >"$$BUILD/THIRD-PARTY-LICENSES"
	mkdir -p dist
	for kind in deb rpm; do
		GOARCH= BUILD_FOR=$(GOARCH) $(NFPM) package -f deploy/packaging/nfpm.yaml -p $$kind -t dist
	done

## Check the deb with lintian, install it in a Debian root of its own, with systemd, try the service and remove it (as root, a minute).
test-packages: packages
	@command -v lintian >/dev/null || { echo "lintian is missing"; exit 1; }
	lintian --allow-root --fail-on error,warning dist/*_$$(dpkg --print-architecture).deb
	deploy/packaging/try dist/*_$$(dpkg --print-architecture).deb

# The tests that take longest. They need the network to themselves, so that they cannot run beside others.
LONG := TestAlertsOfFaults|TestContainers|TestDashboardsHaveData|TestEndToEnd|TestFaults|TestField|TestLab|TestNativeHistograms|TestPrometheusUnderChurn|TestSlowReaders|TestWorkIsLinear

# Tests of these packages compute for minutes under the race detector. `make test` runs them without it, beside the others,
# which wait more than they compute; `make test-long` runs them with it.
COMPUTING := ./bytecode ./collector ./deploy ./health/... ./internal/archtest ./internal/lab

# Checks that the tests can run, and builds them in parallel. race is empty without a C compiler.
define ready
	@.ci/setup
	race=-race
	if ! command -v "$$($(GO) env CC)" >/dev/null; then
		race=
		echo "no C compiler: the tests run without the race detector"
	fi
	tests() { $(GO) test -shuffle=on -timeout 15m -p 1 "$$@"; }
	$(GO) vet ./...
	$(GO) test $$race -run '^$$' ./... >/dev/null
endef

## Install what the tests need (as root), then vet and run all tests but the longest (7 minutes).
test:
	$(ready)
	nice $(GO) test -shuffle=on -timeout 15m -p 1 -skip '^($(LONG))$$' $(COMPUTING) &
	failed=0
	tests $$race -skip '^($(LONG))$$' $$($(GO) list ./... | grep -vxFf <($(GO) list $(COMPUTING))) || failed=1
	wait $$! || failed=1
	exit $$failed

## Run the longest tests: the lab and the field in their short forms, a real Prometheus and Alertmanager, and those that
## compute with the race detector (as root, 16 minutes).
test-long:
	$(ready)
	tests $$race -run '^($(LONG))$$' ./app ./config ./internal/field ./internal/lab ./web
	tests $$race -skip '^($(LONG))$$' $(COMPUTING)

## Run all tests.
test-all: test test-long

# The lab in full, as a program of its own: go test would keep its words to itself.
full_lab = $(GO) test -c -o lab.test ./internal/lab && cd internal/lab && ../../lab.test -test.run '^TestLab$$' -test.timeout 60m -lab.full

## Verify the modules, check licenses and that two builds are identical, write dist/sbom.cdx.json, check for known vulnerabilities.
audit: build
	@$(GO) mod verify
	mkdir -p dist
	$(CYCLONEDX) app -json -licenses -std -noserial -output dist/sbom.cdx.json . 2>/dev/null
	$(GO) run ./internal/licenses <dist/sbom.cdx.json
	elsewhere=$$(mktemp -d)
	trap 'rm -r "$$elsewhere"' EXIT
	git ls-files -z | xargs -0 cp --parents -t "$$elsewhere"
	GOCACHE="$$elsewhere/cache" USER=somebody HOSTNAME=elsewhere $(MAKE) --no-print-directory -C "$$elsewhere" build REVISION=$(REVISION) >/dev/null
	cmp tcphealth_exporter "$$elsewhere/tcphealth_exporter"
	echo "two builds are identical"
	$(GOVULNCHECK) . 2>"$$elsewhere/stderr" || {
		code=$$?
		cat "$$elsewhere/stderr" >&2
		grep -q 'fetching vulnerabilities' "$$elsewhere/stderr" || exit $$code
		echo "govulncheck: vulnerability database unreachable, check skipped"
	}

## Judge healthy and failing connections for real, at full length, and print the table (as root, 15 minutes).
lab:
	$(full_lab) -lab.document ../../docs/health.md

## Run the lab with an exporter in another network namespace than the connections (as root, 20 minutes).
lab-elsewhere:
	$(full_lab) -lab.elsewhere

## Record the fixtures again: one run of each scenario of the lab (as root, 5 minutes).
fixtures:
	$(full_lab) -lab.seeds 1 -lab.record testdata/$$(uname -r | cut -d . -f 1,2)

# The field tests, a program of their own for the same reason.
field = $(GO) test -c -o field.test ./internal/field && cd internal/field && ../../field.test -test.timeout 0

## Run real programs over good and failing paths, and print what is reported of each (as root, 12 minutes).
field:
	$(field) -test.run '^TestField$$' -field.full $(ARGS)

## Run all programs at once for SOAK (1h) with the shipped rules: no alert may fire (as root).
field-soak:
	$(field) -test.run '^TestSoak$$' -field.soak $(SOAK) $(ARGS)

## Run KERNEL_TESTS on Debian's KERNELS (6.1 6.12) in QEMU; only below KERNEL_OUT can they leave files.
test-kernels:
	@work=$$(mktemp -d)
	trap 'rm -r "$$work"' EXIT
	export CGO_ENABLED=0
	$(GO) build -o "$$work/kernels" ./internal/kernels
	$(if $(KERNEL_OUT),mkdir -p '$(KERNEL_OUT)')
	failed=
	for kernel in $(KERNELS); do
		dir=$$(internal/kernels/fetch "$$kernel")
		echo "== $${dir##*/}"
		$(GO) test -p 1 -count 1 -timeout 30m \
			-exec "'$$work/kernels' -kernel '$$dir' $(if $(KERNEL_OUT),-write '$(abspath $(KERNEL_OUT))')" \
			$(KERNEL_TESTS) $(ARGS) || failed+=" $${dir##*/}"
	done
	[ -z "$$failed" ] || { echo "failed on:$$failed"; exit 1; }

## Have a path die and wait for the page, by a real Prometheus and Alertmanager (as root, 3 minutes; part of make test-long).
e2e:
	@$(GO) test ./app -run '^TestEndToEnd$$' -count 1 -v

## Run the linters.
lint:
	$(GOLANGCI_LINT) run ./...

## Refuse the words that the glossary bans, in comments and prose; internal/archtest does so for identifiers and strings.
words:
	@$(VALE) --output=line $$(git ls-files '*.go' '*.md' '*.yml' ':!.vale')
	for file in .vale/seeds/*; do
		if $(VALE) --output=line "$$file" >/dev/null 2>&1; then
			echo "words: $$file passes with banned words in it"
			exit 1
		fi
	done

## Run every fuzz test for FUZZTIME (20s).
fuzz:
	@found=$$($(call having,^Fuzz))
	[ -n "$$found" ] || echo "no fuzz tests found"
	log=$$(mktemp)
	trap 'rm "$$log"' EXIT
	fuzz() {
		echo "== $$1 $$2"
		$(GO) test -run '^$$' -fuzz "^$$2\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 20x "$$1" </dev/null 2>&1 | tee "$$log"
	}
	# Go before 1.27 may call its own end of time a failure, of no input (https://go.dev/issue/75804).
	only_time_was_up() { grep -A 1 '^--- FAIL' "$$log" | grep -q '^    context deadline exceeded$$'; }
	while read -r pkg names; do
		for name in $$names; do
			fuzz "$$pkg" "$$name" || { only_time_was_up; fuzz "$$pkg" "$$name"; }
		done
	done <<<"$$found"

## Run the benchmarks BENCH_COUNT (6) times, each BENCH_TIME (1s), in the form benchstat reads; BENCH selects some.
bench:
	@$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem -benchtime $(BENCH_TIME) -count $(BENCH_COUNT) -timeout 60m ./...

## Rewrite the golden files from what the code says now.
golden:
	@found=$$($(call having,Golden))
	[ -n "$$found" ] || { echo "no golden tests found"; exit; }
	$(GO) test $$(cut -d ' ' -f 1 <<<"$$found") -run Golden -update

## Render the rules of Prometheus from deploy/mixin.
rules:
	$(JSONNET) -S -m deploy/prometheus deploy/mixin/render.jsonnet >/dev/null

## Regenerate tables, documentation and rules.
generate: rules
	$(GO) generate ./...

## Run the linters, check the words, look for stale generated files, and check the golden metrics with promtool.
check: lint words
	@state() { git status --porcelain && git diff; }
	before=$$(state)
	$(MAKE) --no-print-directory generate
	if [ "$$before" != "$$(state)" ]; then
		git --no-pager diff --exit-code || true
		echo "generated files were stale: commit what 'make generate' writes"
		exit 1
	fi
	find . -path '*/testdata/*' -name '*.prom' | sort | while read -r file; do
		echo "promtool check metrics <$$file"
		promtool check metrics <"$$file"
	done
