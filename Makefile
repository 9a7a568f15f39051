# Calotype. `make` lists the targets; VIPS=system links the system's libvips instead of the pinned one.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

GOFUMPT     := mvdan.cc/gofumpt@v0.12.0
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

# --- which libvips -----------------------------------------------------------------------------
# pinned: the prebuilt library that deps/package-lock.json names, fetched by npm and checked against its hashes.
# system: whatever pkg-config finds (libvips 8.14 or newer).
ifeq ($(origin VIPS),undefined)
ifeq ($(shell command -v npm),)
VIPS := system
$(info npm is not installed: linking the system's libvips instead of the pinned one (VIPS=pinned forces it).)
else
VIPS := pinned
endif
endif
ifeq ($(filter $(VIPS),pinned system),)
$(error VIPS is "$(VIPS)"; it can be pinned or system)
endif

platform_os  := $(if $(filter Darwin,$(shell uname -s)),darwin,linux$(if $(wildcard /lib/ld-musl-*),musl))
platform_cpu := $(if $(filter arm64 aarch64,$(shell uname -m)),arm64,x64)
pinned       := $(CURDIR)/deps/node_modules/@img/sharp-libvips-$(platform_os)-$(platform_cpu)
headers      := $(CURDIR)/deps/node_modules/@img/sharp-libvips-dev/include
sudo         := $(if $(filter 0,$(shell id -u)),,sudo)

ifeq ($(VIPS),pinned)
export PKG_CONFIG_PATH := $(CURDIR)/.build/pinned
endif

# libheif as WebAssembly, of the Go module that deps/go.mod names, which Go checks against deps/go.sum.
heic := transform/heic/module/heif.wasm.gz

# Go's build cache does not notice that pkg-config now answers differently. A define that names the libvips
# makes it part of every cgo package's key. (Make's shell function does not see what make exports.)
ask_vips  = PKG_CONFIG_PATH="$(PKG_CONFIG_PATH)" pkg-config vips 2>/dev/null
vips_key  = $(shell { $(ask_vips) --modversion; $(ask_vips) --cflags --libs; } | cksum | cut -d' ' -f1)
go        = CGO_ENABLED=1 CGO_CFLAGS="-O2 -g -DCALOTYPE_LIBVIPS=$(vips_key)" go
# Names are looked up, and users, by Go itself, as on almost every Linux anyway. So no other package of Go's own needs the C compiler, and what
# stands on package net is compiled once, for whichever libvips and whatever compiler.
plain    := netgo,osusergo
# Google's storage library links 20 MB for another way to talk to its service, which is not used, unless this tag is set.
tags     := disable_grpc_modules,$(plain)
version  := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

.PHONY: help
help: ## list the targets
	@echo "Calotype: one original, any number of prints."
	@echo
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'
	@echo
	@echo "  VIPS=system as in 'make VIPS=system build' links the system's libvips instead of the pinned 8.18.7."

# --- set-up ------------------------------------------------------------------------------------
.PHONY: deps
deps: pkg-config deps-$(VIPS) $(heic) ## install what a build needs and this machine lacks

.PHONY: pkg-config
pkg-config:
	@command -v pkg-config >/dev/null || { echo "Installing pkg-config, which cgo needs."; $(call install,pkg-config); }

.PHONY: deps-pinned
deps-pinned: pkg-config $(pinned)/package.json
	@mkdir -p .build/pinned
	@library=$$(basename $$(ls $(pinned)/lib/libvips-cpp.*[0-9]* | head -1)); \
	version=$$(sed -nE 's/.*"vips": "([0-9.]+)".*/\1/p' $(pinned)/versions.json); \
	case $$library in *.dylib) link=-l$${library#lib}; link=$${link%.dylib};; *) link=-l:$$library;; esac; \
	{ echo "Name: vips"; \
	  echo "Description: libvips as packaged in deps/package-lock.json"; \
	  echo "Version: $$version"; \
	  echo "Cflags: -I$(headers) -I$(headers)/glib-2.0 -I$(pinned)/lib/glib-2.0/include"; \
	  echo "Libs: -L$(pinned)/lib $$link -Wl,-rpath,$(pinned)/lib"; \
	} > .build/pinned/vips.pc.$$$$; mv .build/pinned/vips.pc.$$$$ .build/pinned/vips.pc

$(pinned)/package.json: deps/package-lock.json
	@echo "Fetching the pinned libvips (19 MB) into deps/node_modules."
	@cd deps && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(heic): deps/go.mod deps/go.sum
	@cd deps && go mod download github.com/gen2brain/heic
	@mkdir -p $(@D)
	@cat "$$(cd deps && go list -m -f '{{.Dir}}' github.com/gen2brain/heic)/lib/heif.wasm.gz" >$@

.PHONY: deps-system
deps-system: pkg-config
	@pkg-config --exists 'vips >= 8.14' || { echo "Installing the system's libvips."; $(call install,libvips-dev); }
	@pkg-config --exists 'vips >= 8.14' || { echo "libvips 8.14 or newer is needed; found $$(pkg-config --modversion vips)." >&2; exit 1; }

define install
if command -v apt-get >/dev/null; then $(sudo) apt-get update -q && $(sudo) apt-get install -qy --no-install-recommends -o DPkg::Lock::Timeout=300 $(1); \
elif command -v brew >/dev/null; then brew install $(if $(filter libvips-dev,$(1)),vips,$(1)); \
else echo "Please install $(1) with your package manager." >&2; exit 1; fi
endef

# --- build and run -----------------------------------------------------------------------------
BINARY ?= bin/calotype

.PHONY: build
build: deps ## build bin/calotype
	@$(go) build -tags $(tags) -ldflags '-X main.version=$(version) $(LDFLAGS)' -o $(BINARY) .

.PHONY: run
run: build ## build and serve on http://127.0.0.1:8080; ARGS="--listen :9000" adds options
	@exec $(abspath $(BINARY)) serve $(ARGS)

.PHONY: web
web: web/node_modules/esbuild/package.json ## build the pages' scripts and style, web/src, into web/dist, which is part of the source (npm)
	@cd web && node build.mjs

web/node_modules/esbuild/package.json: web/package-lock.json
	@cd web && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error && touch node_modules/esbuild/package.json

.PHONY: generate
generate: deps ## write the generated pages: README tables, docs/operations.md and its samples
	@GOFLAGS=-tags=$(tags) $(go) generate ./...

# --- tests -------------------------------------------------------------------------------------
.PHONY: test
test: deps ## run the tests
	@$(go) test -tags $(tags) -shuffle=on ./...

# Of the packages whose tests start workers or whole programs, those in which much happens at once are run (RACE=. for all), and of all
# the short ones: what makes very many prints, one after the other, has no race to show. Libraries of two clouds are left out: to compile
# them for the race detector takes longer than the tests.
RACE ?= Delet|Purge|Forget|News|Disk|Memory|Cache|Quota|Upload|Client|Drain|Stop|Idle|Slow|Steady|Proxy|Limit|Wait|Gone|Follow|Room|Damage|Many|Preset|Once|Hook|Kill|Conn|While|Restart|Reload|Engine|Worker|Resum|Hold|Guard|Commit|Lock

race    = $(go) test -race -short -tags $(tags),nogcs,noazure -shuffle=on
crowded = calotype$$|/handler$$|/transform$$|/store$$

.PHONY: test-race
test-race: deps ## run the tests under the race detector
	@$(race) $$(go list ./... | grep -vE '$(crowded)|/bench$$')
	@$(race) -run '$(RACE)' $$(go list ./... | grep -E '$(crowded)')

BOUNDS ?= 4

.PHONY: test-bounds
test-bounds: deps ## run each operation at every bound of every parameter, each on some kinds of picture (BOUNDS=1 for all)
	@$(go) test -tags $(tags) ./transform -run EveryBound -bounds-every $(BOUNDS)

CORPUS ?= 4

.PHONY: test-corpus
test-corpus: deps ## run the tests of the image corpus beside the checkout, in ../shared/corpus (CORPUS=1 for all of its good files)
	@$(go) test -tags $(tags),corpus -run Corpus -timeout 30m . -corpus-every $(CORPUS)

.PHONY: test-browser
test-browser: build chromium axe ## run the tests that look at the program through a browser
	@cd test && CALOTYPE_BINARY=$(abspath $(BINARY)) go test -tags $(plain),browser -shuffle=on -count=1 ./...

# axe-core finds what hinders people who hear pages, use a keyboard or see little.
.PHONY: axe
axe: test/web/node_modules/axe-core/package.json

test/web/node_modules/axe-core/package.json: test/web/package-lock.json
	@cd test/web && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error && touch node_modules/axe-core/package.json

.PHONY: test-differential
test-differential: build imagemagick ## compare every operation with ImageMagick, or with the formula that defines it
	@cd test && CALOTYPE_BINARY=$(abspath $(BINARY)) go test -tags $(plain),differential -run Differential -count=1 -v .

# Where ImageMagick cannot be installed, what is compared with it is left out, and the test says so.
.PHONY: imagemagick
imagemagick:
	@command -v magick >/dev/null || convert -version 2>/dev/null | grep -q ImageMagick || \
	  { echo "Installing ImageMagick, which the differential tests compare with."; $(call install,imagemagick); } || true

# What the hostile suite does: mutants of good images from a seed, time of overload, faults of workers (and a fifth as many signals
# to those of a running server), every which file of the corpus is printed by workers of different history, and every which
# bomb is sent: most of the time goes to those that a server of two cores works on for seconds. Before that the probe runs alone.
MUTATIONS ?= 500
SEED      ?= 1
OVERLOAD  ?= 20s
FAULTS    ?= 200
HISTORY   ?= 10
BOMBS     ?= 8
IDLE      ?= 5s

.PHONY: test-hostile
test-hostile: build strace ## run the tests of hostile images, faults and overload (MUTATIONS=5000 OVERLOAD=10m FAULTS=1000 HISTORY=1 BOMBS=1 IDLE=20s for more)
	@$(go) test -run 'Faults' -count=1 -timeout 15m ./transform/worker -faults $(FAULTS)
	@cd test && CALOTYPE_BINARY=$(abspath $(BINARY)) go test -tags $(plain),hostile -count=1 -timeout 60m -v \
	  -run 'Hostile|Canary|Bomb|Mutations|Overload|Fault|Kill|Lock|History|RecordReader' . \
	  -idle $(IDLE) -mutations $(MUTATIONS) -seed $(SEED) -overload $(OVERLOAD) -faults $$(($(FAULTS) / 5)) -history-every $(HISTORY) -bombs-every $(BOMBS)

# strace shows what a worker asks the kernel for. Where it cannot be installed, the test that needs it says so and is skipped.
.PHONY: strace
strace:
	@command -v strace >/dev/null || { [ "$$(uname -s)" != Linux ] || { echo "Installing strace, which one of the tests needs."; $(call install,strace); } || true; }

# What the durability suite does: SIGKILLs, and uploads that are acknowledged meanwhile; power cuts; every which failure of a system call
# is tried; bits that are flipped, and originals among which they are.
KILLS          ?= 100
KILL_UPLOADS   ?= 2000
CUTS           ?= 20
CALLS          ?= 6
FLIPS          ?= 100
FLIP_ORIGINALS ?= 1000

# What it mounts is not seen elsewhere and goes with it, however it ends.
.PHONY: test-durability
test-durability: build filesystems ## run the tests of kills, power cuts and failing disks (KILLS=1000 KILL_UPLOADS=20000 CUTS=200 CALLS=1 FLIPS=1000 FLIP_ORIGINALS=10000 for all)
	@cd test && CALOTYPE_BINARY=$(abspath $(BINARY)) $$(unshare --mount true 2>/dev/null && echo unshare --mount) \
	  go test -tags $(plain),durability -count=1 -timeout 120m -v -run Durability . -kills $(KILLS) -kill-uploads $(KILL_UPLOADS) -cuts $(CUTS) \
	  -calls-every $(CALLS) -flips $(FLIPS) -flip-originals $(FLIP_ORIGINALS)

# Where these cannot be installed, the tests that need them say so and are skipped.
.PHONY: filesystems
filesystems:
	@PATH="$$PATH:/usr/sbin:/sbin"; for tool in mkfs.ext4 mkfs.xfs losetup; do command -v $$tool >/dev/null || missing=1; done; \
	[ -z "$${missing:-}" ] || [ "$$(uname -s)" != Linux ] || { echo "Installing e2fsprogs and xfsprogs, which the tests of power cuts need."; \
	$(call install,e2fsprogs xfsprogs mount); } || true

.PHONY: chromium
chromium:
	@command -v chromium >/dev/null || { echo "Installing chromium and a font, which the browser tests need."; $(call install,chromium fonts-liberation); }

.PHONY: test-clients
test-clients: interpreters ## run the libraries that sign addresses, in five languages, against docs/signing/vectors.json
	@go test -tags $(plain) ./clients/signing -count=1 -v 2>&1 | grep -v '^=== '

# Where these cannot be installed, the tests that need them say so and are skipped.
.PHONY: interpreters
interpreters:
	@for tool in python3 php ruby; do command -v $$tool >/dev/null || missing=1; done; \
	[ -z "$${missing:-}" ] || { echo "Installing Python, PHP and Ruby, whose libraries are tested."; $(call install,python3 php-cli ruby); } || true

.PHONY: test-cdn
test-cdn: build proxies semantics ## run the tests behind the real nginx, Varnish and HAProxy, with the files of deploy/
	@cd test && CALOTYPE_BINARY=$(abspath $(BINARY)) go test -tags $(plain),cdn,browser -run 'CDN|Framing|Slow' -parallel 4 -count=1 -v . 2>&1 | grep -vE '^(=== |time=|[[:space:]]*--- PASS)'

# Where these cannot be installed, the tests that need them say so and are skipped. What a package starts by itself is not used.
.PHONY: proxies
proxies:
	@PATH="$$PATH:/usr/sbin"; for tool in nginx varnishd haproxy chromium; do command -v $$tool >/dev/null || missing=1; done; \
	[ -z "$${missing:-}" ] || { echo "Installing nginx, Varnish, HAProxy and chromium, which the tests of CDNs need."; \
	$(call install,nginx varnish varnish-modules haproxy chromium fonts-liberation); } || true

.PHONY: semantics
semantics: test/semantics/node_modules/http-cache-semantics/package.json

test/semantics/node_modules/http-cache-semantics/package.json: test/semantics/package-lock.json
	@cd test/semantics && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error && touch node_modules/http-cache-semantics/package.json || true

# What the suite of images elsewhere does: different prints of one of them, and how long it waits for hosts to be asked again that had something
# else in place of a picture, which is remembered for a minute.
DISTINCT ?= 3000
RECOVERY ?= 20s

.PHONY: test-remote
test-remote: build proxies frameworks ## run the tests of images elsewhere: hostile hosts, loops, the clients for frameworks, a page behind Varnish (DISTINCT=100000 RECOVERY=75s for all)
	@cd test && CALOTYPE_BINARY=$(abspath $(BINARY)) go test -tags $(plain),remote,cdn,browser -run ^TestRemote -parallel 8 -count=1 -timeout 30m -v . -distinct $(DISTINCT) -recovery $(RECOVERY) 2>&1 | grep -vE '^(=== |time=|[[:space:]]*--- PASS)'

.PHONY: frameworks
frameworks: test/clients/node_modules/next/package.json

test/clients/node_modules/next/package.json: test/clients/package-lock.json
	@echo "Fetching Next.js, unpic and @nuxt/image, which the tests of clients/ need."
	@cd test/clients && npm ci --ignore-scripts --omit=optional --no-audit --no-fund --loglevel=error && touch node_modules/next/package.json || true

# Files that are sent at once while the server's memory is watched, in MiB each.
LARGE ?= 64

.PHONY: test-tus
test-tus: build tus-client ## run the tests of uploads that are resumed: by tus-js-client, over kills, beside tusd, and the server's memory (LARGE=1024 for large files)
	@cd test && CALOTYPE_BINARY=$(abspath $(BINARY)) go test -tags $(plain),tus -run ^TestTus -count=1 -v . -large $(LARGE) 2>&1 | grep -vE '^(=== |time=|[[:space:]]*--- PASS)'

# Where these cannot be had, the tests that need them say so and are skipped.
.PHONY: tus-client
tus-client: .build/tusd/tusd test/tus/node_modules/tus-js-client/package.json

.build/tusd/tusd: test/tusd/go.mod test/tusd/go.sum test/tusd/main.go
	@cd test/tusd && go build -tags $(plain) -o $(CURDIR)/$@ . || true

test/tus/node_modules/tus-js-client/package.json: test/tus/package-lock.json
	@cd test/tus && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error && touch node_modules/tus-js-client/package.json || true

.PHONY: test-deploy
test-deploy: build servers ## check the compose file and the Kubernetes manifests: by their schemas, and against the program
	@cd test && CALOTYPE_BINARY=$(abspath $(BINARY)) go test -tags $(plain),deploy -run Deploy -count=1 .

.PHONY: test-image
test-image: engine ## build the Dockerfile and run the image, by podman and without a registry (root and Debian)
	@.ci/image

# Where these cannot be installed, the script says so and ends.
.PHONY: engine
engine:
	@PATH="$$PATH:/usr/sbin"; for tool in podman runc debootstrap nsenter curl; do command -v $$tool >/dev/null || missing=1; done; \
	[ -z "$${missing:-}" ] || { echo "Installing podman, runc and debootstrap, which build and run the image."; \
	$(call install,podman runc debootstrap curl); } || true

.PHONY: test-servers
test-servers: build servers proxies ## run the tests over real servers: S3, Google Cloud Storage, Azure, PostgreSQL, and several machines behind nginx
	@$(go) test -tags $(tags),servers -count=1 -timeout 15m -v ./store/... . -run 'S3|GCS|Azure|Cloud|Postgres|WithServers|News|NoRecord|LostHolds' 2>&1 | grep -vE '^(=== |time=|[[:space:]]*--- PASS)'
	@cd test && CALOTYPE_BINARY=$(abspath $(BINARY)) go test -tags $(plain),servers -run ManyMachines -count=1 -v . 2>&1 | grep -vE '^(=== |time=|[[:space:]]*--- PASS)'

# What speaks S3 and Google Cloud Storage is built from test/servers, whose go.mod has the versions of ours where both have a library, so that
# much of it is compiled already. Where something cannot be installed, the tests that need it say so and are skipped. The database that the
# package of PostgreSQL starts by itself is not used.
.PHONY: servers
servers: .build/servers/versitygw azurite postgresql

.PHONY: postgresql
postgresql:
	@command -v postgres >/dev/null || ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || \
	  { echo "Installing PostgreSQL, which the tests of indexes need."; $(call install,postgresql); } || true

.build/servers/versitygw: test/servers/go.mod test/servers/go.sum
	@echo "Building servers that speak S3 and Google Cloud Storage, which the tests of clouds need."
	@cd test/servers && GOBIN=$(CURDIR)/.build/servers $(go) install -tags $(plain) -ldflags='-s -w' tool || true

.PHONY: azurite
azurite: test/azurite/node_modules/azurite/package.json

test/azurite/node_modules/azurite/package.json: test/azurite/package-lock.json
	@echo "Fetching Azurite, which the tests of Azure need."
	@cd test/azurite && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error && touch node_modules/azurite/package.json || true

# A test binary takes one fuzz test at a time.
FUZZTIME ?= 1s

# Where the time is short, coverage guides it only in packages that stand on few others: what a guided one stands on is compiled once more for that.
unguided = $(if $(filter 1s 2s 3s 5s,$(FUZZTIME)),./handler ./store ./store/remote)

.PHONY: fuzz
fuzz: deps ## run every fuzz test for a short while each (FUZZTIME=1m for more)
	@mkdir -p .build/fuzz
	@packages=$$({ grep -rl --include='*_test.go' --exclude-dir=node_modules '^func Fuzz' . || [ $$? = 1 ]; } | xargs -r -n1 dirname | sort -u); \
	[ -n "$$packages" ] || echo "There are no fuzz tests."; \
	for package in $$packages; do \
	  case " $(unguided) " in *" $$package "*) guide=;; *) guide=-fuzz=.;; esac; \
	  $(go) test -c $$guide -tags $(tags) -o .build/fuzz/run $$package; \
	  for name in $$(cat $$package/*_test.go | sed -nE 's/^func (Fuzz[A-Za-z0-9_]*)\(.*/\1/p'); do \
	    echo "$$name in $$package"; \
	    (cd $$package && $(CURDIR)/.build/fuzz/run -test.run '^$$' -test.fuzz "^$$name\$$" -test.fuzztime $(FUZZTIME) -test.fuzzcachedir $(CURDIR)/.build/fuzz/found); \
	  done; \
	done

.PHONY: test-all
test-all: test-shared test-alone ## run the longer suites: race detector, corpus, browser, resumed uploads, CDNs, images elsewhere, comparison with ImageMagick, stores over real servers, short fuzzing, kills and power cuts, hostile images and overload

# What else the machine does matters little to the first, and much to the last, which measure what a server does under load. Of the first some
# mostly compute and some mostly wait, for servers and browsers: these go beside those, and what they say is shown when all are done.
computing = test-race test-bounds test-corpus fuzz
waiting   = test-servers test-browser test-clients test-tus test-cdn test-remote test-deploy test-differential

.PHONY: test-shared
test-shared: deps
	@mkdir -p .build; { $(call in_turn,$(waiting)); } >.build/waiting.log 2>&1 & beside=$$!; status=0; \
	( $(call in_turn,$(computing)) ) || status=$$?; \
	wait $$beside || status=$$?; cat .build/waiting.log; exit $$status

.PHONY: test-alone
test-alone: deps
	@$(call in_turn,test-durability test-hostile)

in_turn = for suite in $(1); do SECONDS=0; $(MAKE) $$suite || exit 1; echo "$$suite took $$SECONDS s."; done

# Each suite installs what it lacks; here that is done for all of them ahead, but for what takes a processor for long.
.PHONY: tools
tools: strace imagemagick filesystems chromium axe interpreters proxies engine postgresql azurite semantics frameworks test/tus/node_modules/tus-js-client/package.json ## install what the longer suites need

.PHONY: bench
bench: build ## load benchmark: cold prints and hits over HTTP
	@$(go) run ./bench -server $(abspath $(BINARY))

.PHONY: sweep
sweep: build ## measure quality, bytes and time of the encoders: writes bench/sweep.md and bench/sweep.svg
	@$(go) run ./bench -server $(abspath $(BINARY)) -sweep bench

.PHONY: lint
lint: deps lint-web ## gofumpt, go vet, staticcheck and the import rules; types, style and build of the pages' scripts
	@files=$$(go run $(GOFUMPT) -l .); [ -z "$$files" ] || { echo "gofumpt would change:"; echo "$$files"; exit 1; }
	@$(go) vet -tags $(tags),corpus,servers ./...
	@$(go) run $(STATICCHECK) -tags $(tags),corpus,servers ./...
	@cd test && go vet -tags $(plain),browser,cdn,deploy,hostile,differential,durability,remote,servers,tus ./...
	@cd test && go run $(STATICCHECK) -tags $(plain),browser,cdn,deploy,hostile,differential,durability,remote,servers,tus ./...
	@$(go) test -tags $(tags) -run '^TestImportRules$$' .

# Without npm the sources of the pages are not looked at; nobody can have built them then.
.PHONY: lint-web
lint-web: $(if $(shell command -v npm),web/node_modules/esbuild/package.json)
	@command -v npm >/dev/null || { echo "npm is not installed: the pages' scripts are not checked."; exit 0; }; \
	cd web; npx --no-install tsc; npx --no-install biome check --error-on-warnings .; node lint-style.mjs; node build.mjs ../.build/web; \
	diff -r dist ../.build/web || { echo "web/dist is not what web/src makes: make web"; exit 1; }

.PHONY: format
format: web/node_modules/esbuild/package.json ## format the code
	@go run $(GOFUMPT) -w .
	@cd web && npx --no-install biome check --write .

.PHONY: clean
clean: ## remove what was built and fetched
	@rm -rf bin .build deps/node_modules test/semantics/node_modules test/azurite/node_modules test/clients/node_modules test/tus/node_modules test/web/node_modules web/node_modules
