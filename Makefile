# SPDX-License-Identifier: GPL-2.0
#
# `make` builds xtcp.ko, `make help` lists the rest. Everything built goes to
# build/, the module to build/RELEASE, a folder for each kernel.

SHELL := /bin/bash
MAKEFLAGS += --no-print-directory
# A laboratory repeats a run only if no other process compiles the tree's Python files meanwhile.
export PYTHONDONTWRITEBYTECODE := 1

# With it, the cd of a script may go elsewhere, and says so where a path is expected.
unexport CDPATH

# Neither the kernel's makefiles nor ours can do with it.
ifneq ($(words $(CURDIR)),1)
$(error The path of this folder has a space in it, and no kernel module can be built there: '$(CURDIR)'. Move it to a path without one)
endif

KERNEL := . scripts/kernel/cache.sh; . scripts/kernel/kernel.sh;
KDIR ?= $(shell $(KERNEL) kernel_headers)
# Only from the command line: some systems have a NAME in the environment.
ifneq ($(origin NAME),command line)
NAME := xtcp
endif
ifneq ($(origin FAMILY),command line)
FAMILY :=
endif
LAB = lab$(if $(DEBUG),-debug)
quoted = '$(subst ','\'',$(1))'
each_quoted = $(foreach word,$(1),$(call quoted,$(word)))
NAMED := $(call quoted,NAME=$(NAME)) $(call quoted,FAMILY=$(FAMILY))
PREFIX := $(addsuffix -,$(filter-out xtcp,$(NAME)))
INSTALL = SIGN_KEY=$(call quoted,$(SIGN_KEY)) SIGN_CERT=$(call quoted,$(SIGN_CERT)) \
	DESTDIR=$(call quoted,$(DESTDIR)) prefix=$(call quoted,$(prefix)) scripts/package/install.sh
BUILD ?= build/$(PREFIX)$(shell $(KERNEL) headers_release '$(KDIR)')

# With D=, and for ab, the word CC means congestion control, and no compiler may see it.
ifeq ($(if $(value D)$(filter ab,$(MAKECMDGOALS)),$(origin CC)),command line)
ALGORITHM := $(patsubst ~/%,$(HOME)/%,$(CC))
MAKEOVERRIDES := $(filter-out CC=%,$(MAKEOVERRIDES))
unexport CC
endif

#:   make              xtcp.ko for the running kernel, or else the newest headers;
#:                     KDIR=DIR for another kernel, W=1 and C=2 as for the kernel;
#:                     NAME=xtcp_b FAMILY=27: xtcp_b.ko, to be loaded beside it
all: needs-build
	@scripts/kernel/build-module.sh '$(KDIR)' $(call quoted,$(BUILD)) $(NAMED)
	@ln -sf $(call quoted,$(BUILD)/$(NAME).ko) $(call quoted,$(NAME).ko)
	@$(KERNEL) say_kernel '$(KDIR)' $(origin KDIR)

#:   make algorithm    FILE=~/cong_aimd.c: a congestion control as a module of its own, xtcp_cong_aimd.ko, to be loaded
#:                     beside open connections; KDIR= and NAME= as above
algorithm: needs-build
	$(if $(value FILE),,$(error Which congestion control? make algorithm FILE=~/cong_aimd.c))
	@scripts/kernel/build-module.sh '$(KDIR)' $(call quoted,$(BUILD)) $(NAMED) ALGORITHM=$(call quoted,$(patsubst ~/%,$(HOME)/%,$(FILE)))
	@ln -sf $(call quoted,$(BUILD)/$(NAME)_$(basename $(notdir $(FILE))).ko) .
	@$(KERNEL) say_kernel '$(KDIR)' $(origin KDIR)

#:   make install      module, tools, header and manual pages, to be used without this folder:
#:                     prefix=/usr/local DESTDIR=, KDIR= as above, SIGN_KEY=FILE SIGN_CERT=FILE;
#:                     make uninstall: all of it away
install: all
	@$(INSTALL) install $(call quoted,$(BUILD)/$(NAME).ko) '$(KDIR)'

uninstall:
	@$(INSTALL) uninstall

#:   make deb          the packages xtcp-dkms and xtcp-tools, in build/deb; make package-check:
#:                     they are installed, used, upgraded and removed in a new Debian
deb: needs-package
	@scripts/package/deb.sh

package-check: needs-package-check
	@scripts/package/check.sh

# build/stock and build/debug are the modules for the virtual machine's kernels,
# whatever kernel this machine runs.
vm-module: needs-demo
	@. scripts/kernel/vm-module.sh && vm_module stock $(NAMED)

debug-module: needs-check-rest
	@. scripts/kernel/vm-module.sh && vm_module debug $(NAMED)

#:   make demo         real programs talk through xtcp in a virtual machine;
#:                     D=loss: segments that get lost, CC=reno: by that congestion control, or CC=~/cong_aimd.c;
#:                     RATE=20mbit DELAY=50ms LOSS=1% QUEUE=100: through a router of yours, which loses at random
BEGAN := $(shell date +%s)
demo asked-demo: SHOW = BEGAN=$(BEGAN) ALGORITHM=$(call quoted,$(ALGORITHM)) \
	$(foreach word,RATE DELAY LOSS QUEUE,ROUTER_$(word)=$(call quoted,$(value $(word)))) scripts/demo/demo.sh
demo: needs-demo
	@$(SHOW) $(if $(value D),$(call quoted,$(value D)))

#:   make tour         how TCP behaves, one phenomenon on a page, with real segments;
#:                     P=loss-tail: one page; P=loss: one chapter; HTML=DIR: as files for a browser
tour asked-tour: AS_HTML = $(if $(filter command,$(origin HTML))$(value HTML),--html $(call quoted,$(value HTML)))
tour: needs-tour
	@scripts/tour/tour.sh $(AS_HTML) $(if $(value P),$(call quoted,$(value P)))

#:   make check        the tests on the stock kernel, within 15 minutes, installation included; if the cache has the
#:                     kernels for it, more of them, in the laboratory and on two others; check-rest: what the last
#:                     make check left out, with all that this needs; check-quick: without what takes long;
#:                     make check ALL=1: all on the stock kernel, and nearly all on the emulated debug kernel, too;
#:                     T=name: only those whose name matches, and on that debug kernel only if it is built;
#:                     T=wire_close.ROW: one row of one program, with its segments, in the laboratory if it is built;
#:                     make check K=6.12: on that kernel of scripts/kernel/kernels.list alone; K=debug: on the emulated
#:                     debug kernel; K=lab, K=lab-debug: in the laboratory, from the seed LAB_SEED=N; K=arm64: in an
#:                     emulated arm64 machine
CHECK = scripts/check/check.py $(if $(ALL),--all) \
	$(if $(value K),--kernel $(call quoted,$(value K)) $(if $(SHORT),--short)) \
	$(if $(value ALSO),--also $(call quoted,$(value ALSO))) $(ONLY_TESTS)
ONLY_TESTS = $(if $(value T),--only $(call quoted,$(value T)))
check: needs-check$(if $(ALL)$(value K)$(value ALSO),-rest) $(if $(ALL),needs-foreign,$(if $(filter arm64,$(value K)),needs-arm64))
	@$(CHECK)

check-quick: needs-check
	@scripts/check/check.py --quick $(ONLY_TESTS)

check-rest: needs-check-rest
	@scripts/check/check.py --rest

#:   make matrix       all kernels of scripts/kernel/kernels.list, one after the other, and a table;
#:                     make matrix SHORT=1: only the tests that machines.list calls short
matrix: needs-check-rest
	@scripts/check/kernel-matrix.sh $(if $(SHORT),--short) $(ONLY_TESTS)

#:   make programs     nginx, redis, ssh and others, from Debian's packages, on xtcp and on kernel TCP;
#:                     P='redis ssh': some of them; K=7.2: BGP by a newer BIRD, on that kernel;
#:                     K=lab: reloads under 1,000 connections a second, in the laboratory
ON_KERNEL = $(if $(value K),--kernel $(call quoted,$(value K)))
programs: needs-programs
	@scripts/check/programs.sh $(ON_KERNEL) $(call each_quoted,$(value P))

#:   make selftests    build the test programs, in build/selftests
selftests: needs-check
	@$(MAKE) -C selftests

#:   make vm           a shell in a virtual machine with the module loaded, and two
#:                     namespaces to play in; what is written to shared/ is kept (SHARED=DIR)
#:                     TOPO=FILE: with the hosts, routers and links that FILE names, as scripts/vm/dumbbell.topo
#:   make vm-shell     a second terminal of that machine, or of make lab's; of several, N=1 is the
#:                     one that started last
SHARED := $(if $(filter command line,$(origin SHARED)),$(value SHARED),shared)
TOPOLOGY = scripts/vm/topo.py $(call quoted,$(TOPO))
MAKE_TOPOLOGY = $(if $(value TOPO),$(TOPOLOGY) >build/topology.sh)
SECOND = XTCP_NAME=$(NAME) XTCP_SECOND=1 exec bash --rcfile scripts/vm/vm-shell.sh
vm: needs-tour vm-module
	@scripts/tools/xtcp_run --build
	@mkdir -p $(call quoted,$(SHARED))
	@$(MAKE_TOPOLOGY)
	@XTCP_SHARED=$(call quoted,$(SHARED)); scripts/vm/vm.sh --interactive --share "$$XTCP_SHARED" \
		--second '$(SECOND)' 'insmod build/$(PREFIX)stock/$(NAME).ko && XTCP_NAME=$(NAME) XTCP_TOPOLOGY=$(if $(value TOPO),build/topology.sh) '"XTCP_SHARED=$${XTCP_SHARED@Q}"' exec bash --rcfile scripts/vm/vm-shell.sh; exec bash -l'

vm-shell:
	@scripts/vm/vm-terminal.py $(if $(value N),$(call quoted,$(N)))

#:   make lab          the same in the laboratory, a Linux that is a process: one processor, boots in
#:                     seconds; SEED=N: in virtual time, the same run for the same number;
#:                     DEBUG=1: its debug kernel; TOPO=FILE: as with make vm
lab: needs-lab
	@. scripts/kernel/vm-module.sh && vm_module $(LAB) $(NAMED)
	@scripts/tools/xtcp_run --build
	@$(MAKE_TOPOLOGY)
	@scripts/lab/run.sh --interactive --kernel $(if $(DEBUG),debug,fast) \
		$(if $(value SEED),--seed $(call quoted,$(SEED)),--second '$(SECOND)') \
		'insmod build/$(PREFIX)$(LAB)/$(NAME).ko && XTCP_NAME=$(NAME) XTCP_TOPOLOGY=$(if $(value TOPO),build/topology.sh) exec bash --rcfile scripts/vm/vm-shell.sh; exec bash -l'

#:   make explore      connections by the thousand in the laboratory, each from a seed, checked against rules:
#:                     SEEDS=1000, FOR=MINUTES, FROM=SEED; COMPARE=1: against kernel TCP's time, too;
#:                     LOCAL=1: both ends on one machine, by the short way; LIVE=1: they move to other sockets;
#:                     ONLY=SEED: one, with its packets and its ladder; also ONLY=ROW or ONLY=FILE, as in
#:                     selftests/explored
EXPLORE = scripts/lab/explore.sh $(if $(DEBUG),--debug) $(if $(value COMPARE),--compare) $(if $(value LOCAL),--local) $(if $(value LIVE),--live) $(if $(value ONLY),--only $(call quoted,$(ONLY))) \
		$(if $(value FROM),--from $(call quoted,$(FROM))) $(if $(value SEEDS),--seeds $(call quoted,$(SEEDS))) \
		$(if $(value FOR),--for $(call quoted,$(FOR)))
explore: needs-lab
	@$(EXPLORE)

#:   make coverage     the lines and branches of module/ that the tests reach, by room; pages in build/coverage/html;
#:                     ALL=1: also tests that the laboratory cannot run; T=name: only those whose name matches
COVERAGE = scripts/coverage/coverage.sh $(if $(ALL),--all) $(ONLY_TESTS)
coverage: needs-coverage
	@$(COVERAGE)

#:   make mutants      small wrong changes of module/, one at a time: does a test notice? N=200: how many; SEED=1: which
#:                     sample; F=NAME: only in files whose name matches; AGAIN=1: those that no test noticed, with tests
#:                     that have not run yet; FROM=FILE: continues and keeps results there; ONLY=NUMBER: one, with all
#:                     tests that reach it, or with T=name
MUTANTS = scripts/coverage/mutants.py $(if $(value N),--number $(call quoted,$(N))) $(if $(value SEED),--seed $(call quoted,$(SEED))) \
		$(if $(AGAIN),--again) $(if $(value FROM),--results $(call quoted,$(value FROM))) $(if $(value F),--file $(call quoted,$(value F))) $(if $(value ONLY),--only $(call quoted,$(ONLY))) \
		$(if $(value T),--tests $(call quoted,$(value T)))
mutants: needs-coverage
	@$(MUTANTS)

#:   make debug-kernel build the tests' debug kernel, once; K=kcsan: the one that finds data races
debug-kernel: needs-check-rest
	@scripts/kernel/debug-kernel.sh $(if $(value K),$(call quoted,$(value K)))

#:   make vm-module    xtcp.ko for the machine's stock kernel, in build/stock;
#:                     make debug-module: for the debug kernel, in build/debug

#:   make bench        measure xtcp against the kernel's TCP; B=tcp, B=box, B=unused, B=syn,
#:                     B=timewait, B=ports, B=idle, B=listing, B=spaces, B=dctcp, B=prague, B=bbr, B=below,
#:                     B=incast, B=loss, B=zerocopy, B=programs: a part of it;
#:                     B=locks: which locks a connection takes (counts, no times);
#:                     B=million: what a million accepted connections take;
#:                     B=loss N='jitter flows': a part of that, FAST=1: a quick look; AB=COMMIT: the module of
#:                     now and that of a commit in one run; JSON=FILE: the ratios there, too
bench: needs-check-rest vm-module
	@FAST=$(call quoted,$(value FAST)) AB=$(call quoted,$(value AB)) JSON=$(call quoted,$(value JSON)) scripts/bench/bench.sh $(if $(value B),$(call quoted,$(value B)) $(call each_quoted,$(value N)))

#:   make ab           two builds or two congestion controls through the same networks, in the laboratory:
#:                     AB=COMMIT: the module of now and that of a commit; CC=cubic CC2=bbr or CC2=~/cong_aimd.c; the differences
#:                     that are larger than chance; N=12: rounds; NET='loss short': some of the networks;
#:                     SEED=1, JSON=FILE, SVG=FILE
override CC2 := $(patsubst ~/%,$(HOME)/%,$(value CC2))
COMPARE_AB = scripts/bench/ab.sh $(foreach word,AB CC2 N NET SEED JSON SVG,$(if $(value $(word)),$(call quoted,$(word)=$(value $(word))))) \
	$(if $(ALGORITHM),$(call quoted,CC=$(ALGORITHM)))
ab: needs-lab
	@$(COMPARE_AB)

#:   make soak         long lives in virtual time, in the laboratory: 50 idle days, clocks that come round,
#:                     a year of keepalive, a month of a server; then 1,000 unload cycles; less than an hour.
#:                     T=name: only programs of selftests/soak whose name matches; ROW=name: one row;
#:                     DEBUG=1: on the laboratory's debug kernel
SOAK_THESE = $(call quoted,$(value T)) $(if $(value ROW),$(call quoted,$(ROW)))
soak: needs-check-rest
	@scripts/lab/soak.sh $(if $(DEBUG),--debug) $(SOAK_THESE)
	@$(if $(value T),true,SOAK=1 scripts/check/check.py --only unload)

#:   make clean        remove what was built, but not the cached debug kernel
clean:
	rm -rf build xtcp.ko xtcp_*.ko

help:
	@sed -n 's/^#: //p' Makefile

# What is asked for by a name is there, or nothing is installed, built or booted.
ASKED = demo tour vm check check-quick matrix coverage mutants programs bench ab explore soak lab debug-kernel
# It is Python that knows the names.
needs-%: $(addprefix asked-,$(filter $(ASKED),$(MAKECMDGOALS)))
	@scripts/kernel/deps.sh $*

$(addprefix asked-,$(ASKED)): python

python:
	@scripts/kernel/deps.sh python

asked-demo:
	@$(SHOW) --asked $(if $(value D),$(call quoted,$(value D)))

asked-tour:
	@scripts/tour/tour.sh --asked $(AS_HTML) $(if $(value P),$(call quoted,$(value P)))

asked-vm:
	@$(if $(value TOPO),$(TOPOLOGY) >/dev/null)

asked-check:
	@$(CHECK) --asked >/dev/null

asked-check-quick asked-matrix:
	@scripts/check/check.py --quick --asked $(ONLY_TESTS)

asked-coverage:
	@$(COVERAGE) --asked

asked-mutants:
	@$(MUTANTS) --asked

asked-bench:
	@AB=$(call quoted,$(value AB)) scripts/bench/bench.sh --asked $(if $(value B),$(call quoted,$(value B)) $(call each_quoted,$(value N)))

asked-ab:
	@$(COMPARE_AB) --asked

asked-programs:
	@scripts/check/programs.sh --asked $(ON_KERNEL) $(call each_quoted,$(value P))

asked-explore:
	@$(EXPLORE) --asked

asked-soak:
	@scripts/lab/soak.sh --asked $(SOAK_THESE)

asked-lab: asked-vm
	@scripts/lab/run.sh --asked $(if $(value SEED),--seed $(call quoted,$(SEED)))

asked-debug-kernel:
	@scripts/kernel/debug-kernel.sh --asked $(if $(value K),$(call quoted,$(value K)))

.PHONY: $(addprefix asked-,$(ASKED)) python all algorithm install uninstall deb package-check vm-module debug-module demo tour check lab explore coverage mutants check-quick check-rest matrix programs selftests vm vm-shell debug-kernel bench ab soak clean help
