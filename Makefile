# SPDX-License-Identifier: GPL-2.0
# The one entry point: build, run, check. Toolchain and flags are in Config.mk.
# "make help" lists what can be asked and set.
include Config.mk

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += -r --no-print-directory
ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 2)
endif

V ?= 0
ifeq ($(V),0)
Q := @
say = @printf '  %-7s %s\n' '$(1)' '$(2)';
else
Q :=
say =
endif

# ---- sources -------------------------------------------------------------

rwild = $(foreach d,$(sort $(wildcard $(1)/*)),$(call rwild,$(d),$(2)) \
	$(filter $(2),$(d)))

OFFSETS_C := xen/arch/x86/asm-offsets.c
LDS_S := xen/arch/x86/xen.lds.S
C_SRC := $(filter-out $(OFFSETS_C),$(call rwild,xen,%.c))
S_SRC := $(filter-out $(LDS_S),$(call rwild,xen,%.S))
HEADERS := $(call rwild,xen,%.h) $(call rwild,tests,%.h)
OBJS := $(C_SRC:%.c=build/%.o) $(S_SRC:%.S=build/%.o)
OFFSETS_H := $(if $(wildcard $(OFFSETS_C)),build/include/asm-offsets.h)
DEPFILES := $(OBJS:.o=.d) build/asm-offsets.d build/xen.lds.d

.PHONY: all deps obj clean help run check bench fuzz bench-engine mutate \
	coverage soak
all: xen/xen xen/xen.gz xen/xen-syms

# ---- what must be there before anything is compiled ----------------------

deps:
	@tools/deps.sh

# The guest ABI is Debian's libxen-dev, reached as <public/...>.
build/include/public: | deps
	@mkdir -p $(@D)
	@ln -sfn /usr/include/xen $@

# ---- objects -------------------------------------------------------------

build/%.o: %.c Config.mk | build/include/public
	@mkdir -p $(@D)
	$(call say,CC,$<) $(CC) $(XEN_CFLAGS) -MMD -MP -MF $(@:.o=.d) -c -o $@ $<

build/%.o: %.S Config.mk | build/include/public $(OFFSETS_H)
	@mkdir -p $(@D)
	$(call say,AS,$<) $(CC) $(XEN_AFLAGS) -MMD -MP -MF $(@:.o=.d) -c -o $@ $<

# The compiler writes "->NAME value" lines; assembly gets #defines of them.
build/asm-offsets.s: $(OFFSETS_C) Config.mk | build/include/public
	@mkdir -p $(@D)
	$(call say,OFFSETS,$<) $(CC) $(filter-out -g,$(XEN_CFLAGS)) -MMD -MP \
		-MF build/asm-offsets.d -MT $@ -S -o $@ $<

build/include/asm-offsets.h: build/asm-offsets.s
	@{ echo '/* Made from $(OFFSETS_C); do not edit. */'; sed -n \
	's/^[[:space:]]*->\([A-Za-z_0-9]*\)[[:space:]]*\$$*\(-*[0-9][0-9]*\).*/#define \1 \2/p' \
	$<; } > $@.tmp
	@cmp -s $@.tmp $@ && rm -f $@.tmp || mv $@.tmp $@

# make obj F=xen/lib/sort.c compiles that one file with every flag.
obj: build/include/public
	@test -n '$(F)' || { echo 'make obj F=path.c'; exit 1; }
	@rm -f $(patsubst %.S,build/%.o,$(patsubst %.c,build/%.o,$(F)))
	@$(MAKE) $(patsubst %.S,build/%.o,$(patsubst %.c,build/%.o,$(F)))

-include $(wildcard $(DEPFILES))

# ---- link ----------------------------------------------------------------

build/xen.lds: $(LDS_S) Config.mk | build/include/public $(OFFSETS_H)
	@mkdir -p $(@D)
	$(call say,LDS,$<) $(CC) -E -P -undef -x assembler-with-cpp \
		$(XEN_AFLAGS) -MMD -MP -MF build/xen.lds.d -MT $@ -o $@ $<

# Which files there are is an input too: a removed source must relink.
build/objs.list: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' $(OBJS) > $@.tmp
	@cmp -s $@.tmp $@ && rm -f $@.tmp || mv $@.tmp $@
FORCE:

# The symbol table describes the image it is part of, so the image is linked
# three times: without it, with one of the right size, with the right one. The
# last two must agree or a backtrace would name the wrong function.
define link
	$(LD) $(XEN_LDFLAGS) -T build/xen.lds -Map $(1).map -o $(1) $(OBJS) $(2) \
		--start-group $(XEN_LIBS) --end-group
endef

build/symbols-%.o: build/symbols-%.S
	@$(CC) $(XEN_AFLAGS) -c -o $@ $<

build/symbols-0.S: tools/gen/symbols.py
	@mkdir -p $(@D)
	@python3 $< </dev/null >$@

build/symbols-1.S build/symbols-2.S: build/symbols-%.S: build/nm-% \
		tools/gen/symbols.py
	@python3 tools/gen/symbols.py <$< >$@

build/nm-1: build/link-0
build/nm-2: build/link-1
build/nm-3: build/link-2
build/nm-%:
	@nm -n $< >$@

build/link-0: $(OBJS) build/xen.lds build/symbols-0.o build/objs.list
	@$(call link,$@,build/symbols-0.o)
build/link-1: build/link-0 build/symbols-1.o
	@$(call link,$@,build/symbols-1.o)
build/link-2: build/link-1 build/symbols-2.o
	@$(call link,$@,build/symbols-2.o)

xen/xen-syms: build/link-2 build/nm-2 build/nm-3
	@cmp build/nm-2 build/nm-3 || \
		{ echo 'symbol table moved what it describes'; exit 1; }
	$(call say,LINK,$@) cp build/link-2 $@

xen/xen: xen/xen-syms
	$(call say,OBJCOPY,$@) $(OBJCOPY) -S -O elf32-i386 $< $@

xen/xen.gz: xen/xen
	$(call say,GZIP,$@) gzip -9 -n -c $< > $@

.SECONDARY:

clean:
	rm -rf build xen/xen xen/xen.gz xen/xen-syms

# ---- run -----------------------------------------------------------------

IOMMU ?= intel
MEM ?= 4G
CPUS ?= 2
DOM0_MEM ?=
CMDLINE ?=
DOM0_CMDLINE ?=
DISK ?=
QEMU_ARGS ?=
HV ?= ours
TOOLS ?=
export TOOLS IOMMU MEM CPUS DOM0_MEM CMDLINE DOM0_CMDLINE DISK QEMU_ARGS HV

HV_FILE = $(if $(filter ours,$(HV)),xen/xen)

.PHONY: image image-tools image-debian-xen
image: deps
	@tools/image/build.py

# With Debian's toolstack in it.
image-tools: image
	@tools/image/tools.py

image-debian-xen: image
	@tools/image/fetch.sh xen

HV_IMAGE = $(if $(filter ours,$(HV)),image,image-debian-xen)

run: $(HV_FILE) $(HV_IMAGE) $(if $(TOOLS),image-tools)
	@exec python3 tools/run.py

# ---- checks --------------------------------------------------------------

C_ALL := $(call rwild,xen,%.c) $(call rwild,tests,%.c)
CHECKS := check-format check-includes check-headers check-docs check-static \
	check-unit check-coverage check-mutate check-build check-boot

check: deps
	@python3 tools/check/all.py $(CHECKS)

.PHONY: $(CHECKS) format
format: deps
	@clang-format -i $(C_ALL) $(HEADERS)

check-format: deps
	@clang-format --dry-run -Werror $(C_ALL) $(HEADERS)

check-includes: deps
	@python3 tools/check/includes.py

check-docs: deps build/include/public
	@python3 tools/check/docs.py
	@python3 tools/check/options.py
	@python3 tools/check/abi.py

check-headers: build/include/public
	@CC='$(CC)' XEN_CFLAGS='$(XEN_CFLAGS)' \
		python3 tools/check/headers.py

check-static: build/include/public
	@CLANG='$(CLANG)' CLANG_CFLAGS='$(CLANG_CFLAGS)' python3 \
		tools/check/static.py $(C_SRC)

check-unit: build/include/public
	@CC='$(CC)' HOST_CFLAGS='$(HOST_CFLAGS)' \
		python3 tools/check/unit.py $(T)

fuzz: build/include/public
	@CLANG='$(CLANG)' HOST_CFLAGS='$(filter-out $(WARN_GCC),$(HOST_CFLAGS))' \
		FUZZ_SECONDS='$(or $(FUZZ_SECONDS),60)' KEEP='$(KEEP)' \
		python3 tools/check/fuzz.py $(T)

# The benches too: nothing else in "make check" compiles them.
check-build: all
	@CC='$(CC)' BENCH_CFLAGS='$(BENCH_CFLAGS)' \
		python3 tools/bench/engine.py --build

check-boot: $(HV_FILE) $(HV_IMAGE) image-tools
	@python3 tests/boot/run.py $(T)

bench: xen/xen image image-debian-xen
	@python3 tools/bench/boot.py $(T); rc=$$?; \
		python3 tools/bench/report.py && exit $$rc
	@$(if $(T),:,$(MAKE) bench-engine)

# As the hypervisor is compiled, not as the tests are: no sanitizer, -O2.
BENCH_CFLAGS := $(filter-out -fsanitize% -fno-sanitize% -O1,$(HOST_CFLAGS)) \
	-O2 -fno-strict-aliasing -mgeneral-regs-only -fno-stack-protector \
	-fcf-protection=none
bench-engine: deps build/include/public
	@CC='$(CC)' BENCH_CFLAGS='$(BENCH_CFLAGS)' ROUNDS='$(or $(ROUNDS),200)' \
		python3 tools/bench/engine.py

# A dozen of them in "make check", the same each time; "make mutate" is all.
check-mutate: SAMPLE ?= 12
check-mutate: SEED ?= 1
mutate check-mutate: build/include/public
	@CC='$(CC)' HOST_CFLAGS='$(HOST_CFLAGS)' \
		SAMPLE='$(SAMPLE)' SEED='$(SEED)' python3 tools/check/mutate.py $(T)

coverage check-coverage: build/include/public
	@CC='$(CC)' HOST_CFLAGS='$(HOST_CFLAGS)' \
		python3 tools/check/coverage.py

# Sanitizers off: ten million steps, each with an audit of the whole tree.
soak: build/include/public
	@CC='$(CC)' SOAK_CFLAGS='$(filter-out -fsanitize% -fno-sanitize% -O1,\
		$(HOST_CFLAGS)) -O2' STEPS='$(or $(STEPS),10000000)' \
		SEED='$(SEED)' python3 tools/check/soak.py

help:
	@sed -n 's/^#: \{0,1\}//p' Makefile

#: make                builds xen/xen, xen/xen.gz, xen/xen-syms
#: make run            boots Debian's Linux as Dom0 under QEMU, shell on this
#:                     terminal; "poweroff" ends it, Ctrl-t x kills it;
#:                     three Ctrl-a reach the hypervisor's debug keys
#: make check          everything CI runs; last line is "N passed, N failed"
#: make check-format check-includes check-headers check-docs check-static
#: make check-unit     hosted tests under sanitizers (T=name-part selects)
#: make check-boot     boots under QEMU (T=case selects, HV=ours|debian)
#: make fuzz           libFuzzer on tests/fuzz (T=name-part, FUZZ_SECONDS=60
#:                     for each; KEEP=1 adds what reaches more to the corpus)
#: make bench          boot figures against Debian's Xen: docs/bench/boot.*
#:                     (T="intel 3G" selects, QUICK=1, JOBS=n, LIMIT=n boots)
#: make bench-engine   the page-table engine against floors: docs/bench/engine.*
#:                     (ROUNDS=200; part of "make bench")
#: make mutate         breaks the engine on purpose; each break must be caught
#:                     (T=name- or file-part, SAMPLE=n SEED=n: n of them)
#: make coverage       lines and branches of the engine the tests reach
#: make check-coverage check-mutate    the same in "make check" (SAMPLE=12)
#: make soak           10 million random requests (STEPS=n, SEED=n)
#: make obj F=file.c   compiles one file with all flags
#: make deps format clean
#:
#: Variables of "make run":
#:   IOMMU=intel|amd|none      the machine's IOMMU (intel)
#:   MEM=4G CPUS=2             the machine
#:   DOM0_MEM=3G               Dom0's share (what is left if empty)
#:   CMDLINE="..."             added to the hypervisor's command line
#:   DOM0_CMDLINE="..."        added to Dom0's; test=NAME runs a test instead
#:                             of the shell
#:   TOOLS=1                   starts Debian's toolstack in Dom0; enter it
#:                             with "chroot /debian"
#:   DISK=file                 a raw disk for Dom0 (AHCI)
#:   QEMU_ARGS="..."           added to QEMU's
#:   HV=ours|debian            debian boots Debian's own Xen 4.17
