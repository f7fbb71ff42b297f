# SPDX-License-Identifier: GPL-2.0-only
# One program per trust domain; each LINK_ line names all folders that may be inside it.

O ?= build
CC ?= cc
CLANG ?= clang
PREFIX ?= /usr
SYSCONFDIR ?= /etc
SBINDIR ?= $(PREFIX)/sbin
BINDIR ?= $(PREFIX)/bin
LIBEXECDIR ?= $(PREFIX)/lib/bailiff
MANDIR ?= $(PREFIX)/share/man
UNITDIR ?= $(PREFIX)/lib/systemd/system
WERROR ?= -Werror
DEBUG ?=
VERSION := 0.1.0

PROGRAMS := bailiffd bailiff-analyst bailiff-recorder bailiffctl
LINK_bailiffd         := enforcer privsep base
LINK_bailiff-analyst  := analyst privsep base
LINK_bailiff-recorder := recorder privsep base
LINK_bailiffctl       := ctl privsep base

# A foreign library has one home.
PKGS_enforcer := libbpf libsystemd
PKGS_analyst  := libpcre2-8
PKGS_recorder := sqlite3
PKGS_ctl      :=
PKGS_privsep  := libseccomp libcap
PKGS_base     :=

BPF_OBJECTS := sensor_exec sensor_auth sensor_net sensor_signal lockout lockout_session guard

Q := $(if $(V),,@)
say = @printf '  %-8s %s\n' '$1' '$2'

WARN := -Wall -Wextra $(WERROR) -Wshadow -Wundef -Wstrict-prototypes -Wmissing-prototypes \
	-Wpointer-arith -Wcast-qual -Wwrite-strings -Wvla -Wformat=2 -Wnull-dereference \
	-Wimplicit-fallthrough -Wdouble-promotion -Wconversion -Wno-sign-conversion
# Text is cut on purpose wherever it goes into a fixed array; gcc alone warns of that.
WARN += $(if $(findstring clang,$(CC)),,-Wno-format-truncation)
HARDEN := -fstack-protector-strong -fPIE $(if $(findstring sanitize,$(CFLAGS)),,-D_FORTIFY_SOURCE=2)
CFLAGS ?= -O2 -g
# For structures of some hundred bytes gcc writes "rep stos" and "rep movs" on x86, which take three
# times as long as the library's memset and memcpy; other compilers and machines know no such option.
STRINGOPS := $(shell $(CC) -mstringop-strategy=libcall -x c -E /dev/null >/dev/null 2>&1 && \
	echo -mstringop-strategy=libcall)
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE $(WARN) $(HARDEN) $(STRINGOPS) $(CFLAGS) -Iuser -Iinclude \
	-DBAILIFF_VERSION='"$(VERSION)"' -DBAILIFF_LIBEXECDIR='"$(LIBEXECDIR)"' \
	-DBAILIFF_SYSCONFDIR='"$(SYSCONFDIR)"' $(if $(DEBUG),-DBAILIFF_DEBUG)
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now $(CFLAGS) $(LDFLAGS)

sources = $(sort $(shell find $(addprefix user/,$1) -name '*.c' 2>/dev/null))
objects = $(patsubst user/%.c,$(O)/user/%.o,$(call sources,$1)) \
	$(if $(filter enforcer,$1),$(O)/user/enforcer/hooks/objects.o)
libs = $(if $(strip $(foreach f,$1,$(PKGS_$f))),$$(pkg-config --libs $(foreach f,$1,$(PKGS_$f))))
# What tests link: the same folders without the program's own main().
without_main = $(filter-out $(addprefix $(O)/user/,$(addsuffix /main.o,$1)),$(call objects,$1))

.DELETE_ON_ERROR:
.SECONDARY:
MAKEFLAGS += --no-builtin-rules

.PHONY: all
all: $(addprefix $(O)/,$(PROGRAMS)) man ## build the four programs and their man pages

define program
$(O)/$1: $$(call objects,$$(LINK_$1))
	$$(call say,LD,$$@)
	$$(Q)$$(CC) $$(ALL_LDFLAGS) -o $$@ $$^ $$(call libs,$$(LINK_$1))
endef
$(foreach p,$(PROGRAMS),$(eval $(call program,$p)))

$(O)/user/%.o: user/%.c $(O)/flags
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# A tree whose compiler or flags change is built anew.
.PHONY: force
$(O)/flags: force
	@mkdir -p $(O)
	@echo '$(subst ','"'"',$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS))' > $@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

# Kernel side. -mcpu=v2: what 5.10 verifies best (from v3 on it loses bounds at 64->32 moves).
BPF_CFLAGS := -g -O2 -target bpf -mcpu=v2 -Wall -Wextra $(WERROR) -D__TARGET_ARCH_x86 -Iinclude -Ibpf
$(O)/bpf/%.bpf.o: bpf/%.bpf.c
	$(call say,BPF,$@)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) $(BPF_INCLUDES) -MMD -MP -c -o $@ $<

BPF_INCLUDES = $(shell $(CLANG) -v -E - </dev/null 2>&1 | \
	sed -n '/<...> search starts here:/,/End of search list./{ s|^ \(/.*\)|-idirafter \1|p }')

# The objects are embedded, so that no file of them can be swapped under the running agent.
$(O)/user/enforcer/hooks/objects.o: user/enforcer/hooks/objects.S $(BPF_OBJECTS:%=$(O)/bpf/%.bpf.o)
	$(call say,AS,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -Wa,-I$(O)/bpf -c -o $@ $<

# ---- tests -------------------------------------------------------------------------------------

# tests/unit/DOMAIN/*.c: one cmocka program each, linked with that domain's folders.
DOMAINS := base privsep analyst enforcer recorder ctl
DEPS_base := base
DEPS_privsep := privsep base
DEPS_analyst := analyst privsep base
DEPS_enforcer := enforcer privsep base
DEPS_recorder := recorder privsep base
DEPS_ctl := ctl privsep base

unit_tests = $(patsubst tests/unit/%.c,$(O)/tests/unit/%,$(sort $(wildcard tests/unit/$1/*.c)))
UNIT_TESTS := $(foreach d,$(DOMAINS),$(call unit_tests,$d))

define unit_domain
$(O)/tests/unit/$1/%: tests/unit/$1/%.c $$(call without_main,$$(DEPS_$1)) $(O)/flags
	$$(call say,TEST,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(ALL_CFLAGS) -Itests/unit -MMD -MP -MF $$@.d $$(ALL_LDFLAGS) -o $$@ $$< \
		$$(call without_main,$$(DEPS_$1)) $$(call libs,$$(DEPS_$1)) -lcmocka
endef
$(foreach d,$(DOMAINS),$(eval $(call unit_domain,$d)))

.PHONY: unit replay check check-vm check-bpf
unit: $(UNIT_TESTS) ## unit tests, one program per file
	$(Q)tests/unit/run $(UNIT_TESTS)

replay: $(O)/bailiff-analyst $(O)/bailiffctl ## recorded traces with expected decisions
	$(Q)tests/replay/run $(O)

check: unit replay layers ## what runs in seconds and needs no root

check-bpf: all ## BPF programs on every kernel, in an initramfs
	$(Q)tests/bpf/run

VM_JOBS ?= 2
check-vm: all ## whole scenarios in guests on every kernel
	$(Q)tests/vm/run --build $(O) --jobs $(VM_JOBS)

# tests/fuzz/DOMAIN/NAME.c: libFuzzer entry points; corpus in tests/fuzz/corpus/NAME.
FUZZ_O ?= build-fuzz
fuzz_targets = $(patsubst tests/fuzz/%.c,$(O)/fuzz/%,$(sort $(wildcard tests/fuzz/$1/*.c)))
FUZZ_TARGETS := $(foreach d,$(DOMAINS),$(call fuzz_targets,$d))

define fuzz_domain
$(O)/fuzz/$1/%: tests/fuzz/$1/%.c $$(call without_main,$$(DEPS_$1)) $(O)/flags
	$$(call say,FUZZ,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(ALL_CFLAGS) -MMD -MP -MF $$@.d $$(ALL_LDFLAGS) -fsanitize=fuzzer -o $$@ $$< \
		$$(call without_main,$$(DEPS_$1)) $$(call libs,$$(DEPS_$1))
endef
$(foreach d,$(DOMAINS),$(eval $(call fuzz_domain,$d)))

.PHONY: fuzz-targets fuzz-quick
fuzz-targets: $(FUZZ_TARGETS)
FUZZ_SECONDS ?= 60
fuzz-quick: ## each fuzz target for FUZZ_SECONDS (60)
	$(Q)$(MAKE) --no-print-directory O=$(FUZZ_O) CC=$(CLANG) \
		CFLAGS='-O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer' fuzz-targets
	$(Q)tests/fuzz/run $(FUZZ_O) $(FUZZ_SECONDS)

.PHONY: asan tidy format format-check layers bench shellcheck
ASAN_O ?= build-asan
asan: ## unit and replay tests under address and undefined-behaviour sanitizers
	$(Q)$(MAKE) --no-print-directory O=$(ASAN_O) \
		CFLAGS='-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer' unit replay

C_FILES = $(shell find user tests -name '*.c')
tidy: ## clang-tidy, warnings are errors
	$(Q)scripts/tidy $(O)

FORMAT_FILES = $(shell find bpf user include tests -name '*.[ch]')
format: ## reformat everything
	$(Q)clang-format -i $(FORMAT_FILES)

format-check: ## complain about formatting
	$(Q)scripts/format-check

layers: $(addprefix $(O)/,$(PROGRAMS)) ## who may include and link whom
	$(Q)scripts/layers $(O)

shellcheck: ## shell scripts
	$(Q)scripts/shellcheck

# Static where it runs in guests, whose C library may be another.
$(O)/tests/bench/spawn $(O)/tests/bench/spend: $(O)/tests/bench/%: tests/bench/%.c $(O)/flags
	$(call say,BENCH,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE $(WARN) $(CFLAGS) -static -o $@ $<

$(O)/tests/bench/lockout $(O)/tests/bench/flood: $(O)/tests/bench/%: tests/bench/%.c \
		$(call without_main,$(DEPS_enforcer)) $(O)/flags
	$(call say,BENCH,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(call without_main,$(DEPS_enforcer)) \
		$(call libs,$(DEPS_enforcer))

.PHONY: bench-programs
bench-programs: $(addprefix $(O)/tests/bench/,spawn spend lockout flood)

bench: all bench-programs ## measure: exec, log, memory, lockout; prints what README quotes
	$(Q)tests/bench/run $(O)

# ---- man pages, installation -------------------------------------------------------------------

MAN_SOURCES = $(sort $(shell find user -name '*.scd'))
MAN_PAGES = $(addprefix $(O)/man/,$(basename $(notdir $(MAN_SOURCES))))
.PHONY: man
man: $(MAN_PAGES)
define man_page
$(O)/man/$(basename $(notdir $1)): $1
	$$(call say,MAN,$$@)
	@mkdir -p $$(@D)
	$$(Q)scdoc < $$< > $$@
endef
$(foreach m,$(MAN_SOURCES),$(eval $(call man_page,$m)))

.PHONY: install uninstall clean help hooks
install: all ## install below DESTDIR and PREFIX
	$(Q)scripts/install install '$(O)' '$(DESTDIR)' '$(PREFIX)' '$(SYSCONFDIR)' '$(UNITDIR)' '$(MANDIR)'

uninstall: ## remove what install put there; keeps /etc/bailiff and /var/lib/bailiff
	$(Q)scripts/install uninstall '$(O)' '$(DESTDIR)' '$(PREFIX)' '$(SYSCONFDIR)' '$(UNITDIR)' '$(MANDIR)'

clean: ## remove the build trees
	$(Q)rm -rf $(O) $(ASAN_O) $(FUZZ_O)

hooks: ## quick checks before every commit
	$(Q)ln -sf ../../scripts/pre-commit .git/hooks/pre-commit

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/:/' | awk -F': ' '{printf "  %-14s %s\n", $$1, $$2}'
	@printf '\n  O=DIR another build tree; CC=clang; WERROR= for packagers; V=1 shows commands\n'

-include $(shell find $(O) -name '*.d' 2>/dev/null)
