# The tools are run at fixed versions and are not part of go.mod, so that those who import the
# library do not inherit them.
GOFUMPT     := go run mvdan.cc/gofumpt@v0.12.0
STATICCHECK := go run honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := go run golang.org/x/vuln/cmd/govulncheck@v1.9.0

FUZZTIME  ?= 20s
FAULTTIME ?= 10m
TESTFLAGS ?=

.PHONY: stalecheck vuln test tsql test-interop test-mongo test-faults conformance servers lint fuzz bench cover

# Fills .servers with MariaDB, MySQL and MongoDB for the tests, Microsoft's T-SQL parser, and the clients of
# Python that the library lives beside, and leaves the system as it is. What cannot be had is said in its line;
# its tests are then skipped, or fail where STILLFRAME_REQUIRE names it.
servers:
	@go run ./internal/testbed/fetch
	@go run ./internal/testbed/tsql/fetch
	@go run ./internal/testbed/python/fetch

# The race detector and a random order belong to the test, they are no extras. Allocations can only
# be counted without the detector. The loads on MongoDB are smaller here, and its primary is taken
# away twice in each way: make test-mongo has the full loads, and ten times.
test: servers
	go test -run TestAllocations -count=1 ./benchmarks
	go test -race -shuffle=on -timeout 20m $(TESTFLAGS) $$(go list ./... | grep -v '/mongo$$')
	go test -race -shuffle=on -timeout 20m -short $(TESTFLAGS) ./mongo
	cd store/otel && go test -race -shuffle=on $(TESTFLAGS) ./...
	cd refresh/stalecheck && go test -race -shuffle=on $(TESTFLAGS) ./...

# Microsoft's own T-SQL parser judges every statement that the sqlserver backend can send, and statements
# that are damaged; what was counted stands in the lines of the tests. It judges anew, where make test goes
# by what was said of the same statements before.
tsql:
	@rm -rf .servers/tsql/reports
	@go run ./internal/testbed/tsql/fetch
	STILLFRAME_REQUIRE=tsql go test -count=1 -v -run 'TestJudgeSaysNo|TestStatementsParse|TestEveryStatementIsCollected' \
		./internal/testbed/tsql ./sqlserver

# The library beside SQLAlchemy and mongoengine on the same rows and documents: what was counted stands in
# the lines of the tests. With TESTFLAGS=-update it writes the tables of the guides anew.
test-interop: servers
	STILLFRAME_REQUIRE=mariadb,mysql,mongo,interop go test -race -count=1 -timeout 20m -v ./internal/interop $(TESTFLAGS)

test-mongo: servers
	go test -race -shuffle=on -timeout 60m $(TESTFLAGS) ./mongo -strikes 10

# Random calls while connections break and servers die, for FAULTTIME on each: what was counted stands
# in the last lines.
test-faults: servers
	go test -race -count=1 -timeout 60m -v -run TestHistoriesUnderFaults ./mysql -faults $(FAULTTIME)
	go test -race -count=1 -timeout 60m -v -run TestHistoriesUnderFaults ./mongo -faults $(FAULTTIME)

# Which guarantee was shown on which server, and which test caught each broken backend.
conformance: servers
	go run ./internal/conformance -write docs/CONFORMANCE.md

lint:
	@out="$$($(GOFUMPT) -l .)"; if [ -n "$$out" ]; then echo "gofumpt would change:"; echo "$$out"; exit 1; fi
	go vet ./... && $(STATICCHECK) ./...
	GOARCH=386 go vet ./store/...
	cd store/otel && go vet ./... && $(STATICCHECK) ./...
	cd refresh/stalecheck && go vet ./... && $(STATICCHECK) ./...
	go test -count=1 ./internal/rules

# Known vulnerabilities of what is imported and called, by the database at vuln.go.dev, which is not to be had
# everywhere: it is no part of lint.
vuln:
	$(GOVULNCHECK) ./...
	cd store/otel && $(GOVULNCHECK) ./...
	cd refresh/stalecheck && $(GOVULNCHECK) ./...

# The library's own tool of go vet, over the library: it must find nothing.
stalecheck:
	cd refresh/stalecheck && go build -o ../../bin/stalecheck ./cmd/stalecheck
	go vet -vettool=$(CURDIR)/bin/stalecheck ./...

# Each fuzz target of each package in turn: the go command fuzzes one at a time.
fuzz:
	@for pkg in $$(go list ./...); do \
		for target in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			echo "$$pkg $$target"; \
			go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; \
		done; \
	done

# What the core costs on the embedded backend, then each backend against hand-written code.
bench: servers
	go test -run '^$$' -bench . -benchmem ./benchmarks
	go test -run '^TestCompare' -count=1 -timeout 30m -v ./benchmarks -compare | grep -v '^=== '

cover:
	go test -coverpkg=./... -coverprofile=cover.out ./...
	go tool cover -func=cover.out | tail -1
