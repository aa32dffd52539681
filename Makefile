# Copyright (c) 2026, the pifleet.nodered maintainers
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

.DEFAULT_GOAL := help
.PHONY: help
help: ## Show what can be made
	@sed -nE 's/^([a-z0-9-]+):.*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

# Prepare

export PATH := $(CURDIR)/.venv/bin:$(PATH)
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/.build/collections
link := .build/collections/ansible_collections/pifleet/nodered

.PHONY: programs venv link hosts
programs:
	@missing=$$(for each in curl git node npm openssl; do command -v $$each >/dev/null || printf ' %s' $$each; done; \
	    python3 -c 'import ensurepip' 2>/dev/null || printf ' python3-venv'); \
	[ -z "$$missing" ] || { echo "make quick needs what is not installed:$$missing. As root, tests/hosts/install" \
	    "installs Node.js and the rest: python3-venv, openssl, curl, openssh-client, podman" >&2; exit 1; }

venv: .venv/.stamp ## Make .venv with what the collection and its tests need
.venv/.stamp: requirements.txt tests/requirements.txt
	python3 -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check $(patsubst %,-r %,$^)
	touch $@

link: $(link) ## Link the checkout under its collection name in .build
$(link):
	mkdir -p $(@D)
	ln -s ../../../.. $@

hosts: ## Install podman and build the images of the test hosts (root, Debian)
	tests/hosts/install
	tests/hosts/hosts build

# Test

.PHONY: quick unit-quick test unit property localhost login login-all real-provider third-party lint sanity molecule hostile loaded artifact control-nodes matrix engines arm64 bench bench-first fleet bench-login bench-proxy bench-editor pictures soak faults
quick: programs venv link ## Lint and the unit tests that are not slow, in less than two minutes
	$(MAKE) --no-print-directory --jobs=2 --output-sync=target lint unit-quick

unit-quick:
	pytest --numprocesses=auto -m "not slow" tests/unit

test: venv link hosts ## Everything that must hold
	tests/ci/test

unit: venv link ## Unit tests
	pytest --numprocesses=auto tests/unit

property: venv link ## Property-based tests
	pytest --numprocesses=auto tests/property

localhost: venv link ## Modules on files of this machine
	pytest --numprocesses=auto tests/localhost

login: venv link ## The login page in a real Node-RED, asked by strangers, users, other sites, and Chromium
	pytest tests/login

login-all: venv link ## The same with every release of Node-RED and every layout of its roots
	PIFLEET_LOGIN=all pytest tests/login

real-provider: venv link .build/canaille/.stamp ## Single sign-on with a provider that people host themselves, Canaille, in Chromium
	pytest tests/real_provider

.build/canaille/.stamp: tests/real_provider/requirements.txt
	python3 -m venv --clear $(@D)
	$(@D)/bin/pip install --quiet --disable-pip-version-check -r $<
	touch $@

third-party: venv ## Whether what is shipped of others is the newest (npm); `tests/ci/third-party --renew` takes it
	tests/ci/third-party

lint: venv link ## shellcheck, node --check, yamllint, ansible-lint, spelling, links, role READMEs, what is supported, changelog, build
	tests/ci/lint

sanity: venv ## ansible-test sanity, all tests
	tests/ci/sanity

molecule: venv link hosts ## All scenarios of Molecule, or those in only="..."
	tests/ci/molecule $(only)

hostile: venv link hosts ## The scenario hostile with every lie in every playbook, and to other releases of ansible-core
	PIFLEET_LIES=all tests/ci/molecule hostile
	PIFLEET_LIES=all tests/ci/control-nodes $(only)

loaded: venv link hosts ## Scenarios, or those in only="...", while four processes burn both cores
	tests/ci/loaded $(only)

artifact: venv hosts ## Build the collection, install it from its tarball, secure a host with it
	tests/ci/artifact

control-nodes: venv link hosts ## Secure a host with the oldest and the newest ansible-core, or those in only="..."
	tests/ci/control-nodes $(only)

matrix: venv link hosts ## Secure each kind of host with each ansible-core of tests/ci/matrix.yml
	tests/ci/control-nodes all

bench: venv link hosts ## Measure a fleet of 20 hosts, or of HOSTS=100: an unchanged run may take 1.3 times a ping
	tests/bench/bench

bench-first: venv link hosts ## Measure a first run of 20 hosts, or of HOSTS=6, against a plain playbook of community.crypto
	python tests/bench/first_run.py

fleet: venv link hosts ## Secure 100 hosts, or HOSTS=20, of which one fails, one is off, one hangs and one lies; then measure
	python tests/bench/fleet.py

soak: venv link hosts ## Change one host a hundred times, while a stranger asks it and an editor is open
	tests/bench/soak

faults: venv link hosts ## Inject faults at each system call of the runs, hours; or what only="..." says, see tests/faults/README.md
	tests/faults/faults $(only)

engines: venv link hosts ## Build an execution environment, secure hosts from it as AWX does, in slices, with nothing kept
	tests/engines/engines

arm64: venv link hosts ## Secure a Debian of arm64, a Pi's architecture, that qemu emulates; the first time half an hour
	tests/arm64/arm64

pictures: venv link hosts ## Take the pictures of the README and of the guide to the login page
	tests/demo/pictures
	PYTHONPATH=.build/collections:tests/login:tests/unit/helpers python tests/login/pictures.py

bench-login: venv link ## Measure the login page: open dashboards, requests, and a burst of wrong logins
	PYTHONPATH=.build/collections:tests/login:tests/unit/helpers python tests/bench/login.py

bench-proxy: venv link hosts ## Measure nginx in front of Node-RED against Node-RED alone
	python tests/bench/proxy.py

bench-editor: venv link ## Measure the editor of settings.js
	PYTHONPATH=.build/collections:tests/property python tests/bench/editor.py

# Use

.PHONY: demo demo-clean changelog readmes site release release-trial clean
demo: ## Secure a Pi that is open to anyone, in one or two minutes
	tests/demo/demo

demo-clean: ## Remove the demo's Pi and its passwords
	tests/demo/demo --clean

changelog: venv ## Show the changelog that the next release would have
	tests/ci/changelog

readmes: venv ## Write the roles' READMEs from their argument_specs
	tests/ci/role-readmes

site: venv ## Make the documentation site in .build/site/html
	tests/ci/site

release: venv ## Make in .build/release what is published of a version; PIFLEET_SIGNING_KEY signs
	tests/ci/release

release-trial: venv ## The same with the checkout as it is, and a key that is gone afterwards
	tests/ci/release --trial

clean: ## Remove what was made here; hosts and images stay
	rm -rf .build .venv .hypothesis .pytest_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
