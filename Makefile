# make demo   builds the package and serves the page that reproduces the race
# make test   everything that CI runs, but the engines other than Chromium
# Most of the rest are parts of these. Chromium and TinyGo are installed where that
# is possible.
#
# The module is compiled by TinyGo, which makes what npm has, and by the standard
# compiler, which is the reference. COMPILER=go, or COMPILER=tinygo, tests all with
# one of them. docs/size.md says what is tested with which.

STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
JS          = GOOS=js GOARCH=wasm
NODE_EXEC   = $(shell go env GOROOT)/lib/wasm/go_js_wasm_exec
ADDR        = 127.0.0.1:8080
FUZZTIME    = $(if $(FULL),50000x,10000x)
MINUTES     = 1
COMPILERS   = $(or $(COMPILER),tinygo go)
SHIPPED     = $(firstword $(COMPILERS))
REFERENCE   = $(filter-out $(SHIPPED),$(COMPILERS))
# The same engine without the browser around it, where there is one: a tab costs
# 0.6 of the processor's time. What tabs do to each other is tested in the browser.
SHELL_ALONE = CHROMIUM="$${CHROMIUM:-$$(command -v chromium-headless-shell)}"
# Several things at a time, each with its output in one piece.
SIDE_BY_SIDE = $(MAKE) $(if $(filter output-sync,$(.FEATURES)),-Otarget)

.PHONY: all demo test lint api api-record test-go test-js fuzz test-browser e2e storms faults beside-faults servers handoffs e2e-packages soak npm npm-test examples explore size size-parts bench bench-test bench-go memory e2e-engines redis keyring chromium clean
all: test

# With the Go toolchain alone.
demo:
	go run ./web/npm/build -sizes=false -compiler $(or $(COMPILER),go)
	go run ./web/demo -addr $(ADDR)

# Browsers wait more than they compute; nothing else is run while storms are timed.
# What takes longest begins first. With ENGINES=1 the tests of the other engines are among them.
test:
	$(SIDE_BY_SIDE) -j3 npm-test $(if $(ENGINES),e2e-engines SHORT=1) test-go test-browser explore examples bench-test size lint test-js fuzz
	$(MAKE) e2e

lint: bin/staticcheck api
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "gofmt -w these:"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	go vet ./...
	$(JS) go vet ./...
	$(JS) go vet -tags tinygo ./jsbridge
	$(JS) go vet -tags small ./jsbridge
	bin/staticcheck ./...
	$(JS) bin/staticcheck ./...
	for os in darwin windows; do GOOS=$$os go vet ./internal/filelock ./locks/... ./stores/... ./keychain || exit 1; done

# Fails if a program that uses what is on record in api might not compile any
# more. What has been added since is put on record, and what breaks accepted, by
# make api-record: with a release.
api:
	cd tools/api && go run . && go vet . && go test -count=1 .

api-record:
	cd tools/api && go run . -record

bin/staticcheck:
	GOBIN=$(CURDIR)/bin go install $(STATICCHECK)

# The race detector exists natively only. Eight processes with a thousand sessions
# do without it.
test-go: chromium redis keyring
	go test -race $$(go list ./... | grep -v -e /e2e -e /examples -e /explore -e /web/npm)
	go test -run TestFleet ./redis
	cd tools/tinygo && go test . ./context

# The Go runtime for js takes a small environment: node gets no more than it needs.
test-js:
	env -i PATH="$$PATH" HOME="$$HOME" $(JS) go test -exec $(NODE_EXEC) . ./jsbridge/... ./locks/... ./stores/... ./wasm/...
	env -i PATH="$$PATH" HOME="$$HOME" $(JS) go test -tags small -exec $(NODE_EXEC) ./jsbridge ./wasm

# What they find is written to the testdata of the package. By number, as the
# end of a time is now and then reported as a failure: https://go.dev/issue/75804.
fuzz:
	go test -run NONE -fuzz FuzzTokenResponse -fuzztime $(FUZZTIME) ./wasm
	go test -run NONE -fuzz FuzzRecord -fuzztime $(FUZZTIME) ./stores
	go test -run NONE -fuzz FuzzParse -fuzztime $(FUZZTIME) ./internal/jsontext
	go test -run NONE -fuzz FuzzAppendText -fuzztime $(FUZZTIME) ./internal/jsontext
	for target in JSON Text Vendors Combined Clock Records; do \
		go test -run NONE -fuzz "Fuzz$$target\$$" -fuzztime $(FUZZTIME) ./internal/tokenlog || exit 1; done

# What needs navigator.locks or localStorage runs in a page.
test-browser: chromium bin/chromium-exec
	$(SHELL_ALONE) $(JS) go test -exec "$(CURDIR)/bin/chromium-exec -origin=secure" ./jsbridge ./locks ./stores ./wasm
	$(SHELL_ALONE) $(JS) go test -tags small -exec "$(CURDIR)/bin/chromium-exec -origin=secure" ./jsbridge
	$(SHELL_ALONE) $(JS) go test -exec "$(CURDIR)/bin/chromium-exec -origin=insecure" ./jsbridge ./locks ./stores
	$(SHELL_ALONE) $(JS) go test -exec "$(CURDIR)/bin/chromium-exec -origin=opaque" ./jsbridge ./locks ./stores

bin/chromium-exec: $(wildcard internal/chromium/*.go internal/chromium/exec/*)
	go build -o $@ ./internal/chromium/exec

e2e: storms-$(SHIPPED) e2e-packages
	$(SIDE_BY_SIDE) -j2 faults beside-faults

beside-faults:
	$(MAKE) -j1 handoffs soak $(COMPILERS:%=servers-%) $(REFERENCE:%=storms-%)

storms: chromium
	$(MAKE) -j1 $(COMPILERS:%=storms-%)

# Those of the module that is shipped are run alone, as they are timed.
storms-%:
	@internal/chromium/ensure.sh
	COMPILER=$* go test -count=1 -v -timeout 15m ./e2e -run 'TestStorm$$' $(if $(filter $(REFERENCE),$*),-short)

faults: $(COMPILERS:%=faults-%)

# What they need is no prerequisite: make would begin with something else meanwhile.
faults-%:
	@internal/chromium/ensure.sh
	@$(MAKE) --no-print-directory e2e-packages
	COMPILER=$* go test -count=1 -v -timeout 15m -parallel 3 -skip 'TestStorm$$|TestSoak' ./e2e

# Not at the same time, which is more than two processors can do in time.
$(REFERENCE:%=faults-%): faults-$(SHIPPED)

servers: $(COMPILERS:%=servers-%)

servers-%:
	@internal/chromium/ensure.sh
	@$(MAKE) --no-print-directory e2e-packages
	COMPILER=$* go test -count=1 -v -timeout 15m -parallel 4 ./e2e/servers

e2e-packages:
	@internal/node/ensure.sh e2e/servers/oidc-provider e2e/formats

# They have programs of their own, and not the module. With FULL=1 there are
# 2,000 hand-offs and 1,000 expiries. One package after the other: fifty processes leave little time for tabs.
handoffs: chromium
	go test -count=1 -v -timeout 15m -p 1 ./e2e/handoff ./e2e/processes $(if $(FULL),,-short)

# Storms, hand-off and sign-outs in WebKitGTK and Firefox, which are installed
# where that is possible; with SHORT=1 less of it. Every other tab has the module of
# the other compiler.
e2e-engines:
	@e2e/engines/ensure.sh
	COMPILER=$(SHIPPED) go test -count=1 -v -timeout 15m ./e2e/engines $(REFERENCE:%=-beside %) $(if $(SHORT),-short)

# Ten tabs, every other with the module of the other compiler, and random faults,
# for MINUTES minutes; SEED=n draws those of a run before.
soak: chromium
	COMPILER=$(SHIPPED) go test -count=1 -v -timeout 0 ./e2e -run TestSoak -minutes $(MINUTES) $(REFERENCE:%=-beside %) $(if $(SEED),-seed $(SEED))

# 10,000 refreshes in one tab, with each compiler's module.
memory: chromium
	for compiler in $(COMPILERS); do \
		COMPILER=$$compiler go test -count=1 -v -timeout 15m ./e2e -run MemoryIsBounded -refreshes 10000 || exit 1; done

npm:
	go run ./web/npm/build -compiler $(SHIPPED)

# Each recipe of examples/ in three tabs, and the code in README.md and docs.
examples: chromium
	@internal/node/ensure.sh examples
	$(SHELL_ALONE) COMPILER=$(SHIPPED) go test -count=1 -parallel 4 ./examples

# The package as npm packs it, what bundlers make of it, and all that a page sees.
# One compiler's after the other's: the bundlers find it in one place.
# What it needs is no prerequisite, see faults-%.
npm-test:
	@internal/chromium/ensure.sh
	@internal/node/ensure.sh web/npm/lint web/npm/bundlers
	$(MAKE) -j1 $(COMPILERS:%=npm-test-%)

npm-test-%:
	$(SHELL_ALONE) COMPILER=$* go test -count=1 -parallel 4 $(if $(filter $(REFERENCE),$*),-skip 'TestBundles|TestViteDevelopment|TestPackageIsFoundFaultless|TestTypes') ./web/npm/...

# Every order of events, and every single fault; with FULL=1 pairs of faults
# and a million random schedules, for as long as that takes. Goroutines that take
# turns cost a fifth less on one core, and the others have work beside them.
explore:
	go test -count=1 -v $(if $(FULL),-timeout 0,-cpu 1) ./internal/explore -coverpkg . $(if $(FULL),-args -full)

# Within the budgets of both compilers.
size: $(COMPILERS:%=size-of-%)
	$(if $(PARTS),$(MAKE) --no-print-directory size-parts)

size-of-%:
	go run ./web/npm/build -compiler $* -o bin/dist/$*

# What the module is made of; docs/size.md has a run of it.
size-parts: size-of-go
	for part in web/npm/testdata/parts/*.go; do \
		$(JS) go build -trimpath -buildvcs=false -ldflags='-s -w -buildid=' -o bin/parts/$$(basename $$part .go) $$part || exit 1; done
	cd web/npm/size && go run . ../../../bin/parts/* ../../../bin/dist/go/onerefresh.wasm

# Against peers from npm, in real tabs; writes docs/bench.md. RUNS=0.2 is a quick
# look, ONLY=start,hot are parts of it, TABS=20 are storms of so many, and
# COMPILER=tinygo measures one module only.
bench: chromium
	@internal/node/ensure.sh e2e/bench
	go run ./e2e/bench $(if $(RUNS),-runs $(RUNS)) $(if $(ONLY),-only $(ONLY)) $(if $(TABS),-tabs $(TABS)) $(if $(COMPILER),-compilers $(COMPILER))

# What it measures takes part, and can be bundled.
bench-test: chromium
	@internal/node/ensure.sh e2e/bench
	go test -count=1 -timeout 15m ./e2e/bench

# For benchstat; docs/bench-go.md has a run of it.
bench-go:
	go test -run '^$$' -bench 'Valid|Late|Exchange' -count $(or $(COUNT),6) -benchtime $(or $(TIME),0.3s) ./group
	go test -run '^$$' -bench Memory -benchtime 1x ./group

chromium:
	@internal/chromium/ensure.sh

redis:
	@internal/redisserver/ensure.sh

keyring:
	@keychain/ensure.sh

clean:
	rm -rf bin web/npm/dist
