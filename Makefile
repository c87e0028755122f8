# weir: `make run` opens the console, `make test` runs every test. Both install what is missing.
#
# Each folder is an archive, and a test links only the archives its folder may see: a dependency
# that points the wrong way does not link. B names the build directory, SAN the sanitizers.

CC      ?= gcc
B       ?= build
PREFIX  ?= /usr/local
DESTDIR ?=
SAN     ?=

# As many jobs as there are cores, unless somebody says otherwise.
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc)
endif

CSTD  := -std=c17 -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE -I. -I$(B)/gen -DWEIR_DATADIR='"$(PREFIX)/share/weir"'
WARN  := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
         -Wformat=2 -Wconversion -Werror
OPT   := -O2 -g -fno-omit-frame-pointer
HARD  := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
HLINK := -pie -Wl,-z,relro,-z,now
ifneq ($(SAN),)
OPT   := -O1 -g1 -fno-omit-frame-pointer -fsanitize=$(SAN) -fno-sanitize-recover=all
HARD  := -fPIE
TEST  := -O0 # there it is the code that has to be quick, not what looks at it
endif
CFLAGS ?= $(OPT) $(HARD)
ALLC   := $(CSTD) $(WARN) $(CFLAGS) -pthread -MMD -MP
LINK   := $(CC) $(CFLAGS) $(HLINK) -pthread

LIBS_model   := -lm
LIBS_history := -lsqlite3 -lsodium $(LIBS_model)
LIBS_engine  := $(LIBS_model)
LIBS_client  := -lcurl -lcjson -lmicrohttpd $(LIBS_engine)
LIBS_tui     := -ltinfo -lyaml $(LIBS_client) $(LIBS_history)

objs = $(patsubst %.c,$(B)/%.o,$(wildcard $(1)/*.c))
OBJ_model   := $(call objs,model)
OBJ_history := $(call objs,history)
OBJ_engine  := $(call objs,client/engine)
OBJ_client  := $(call objs,client)
OBJ_tui     := $(filter-out $(B)/tui/main.o,$(call objs,tui))
OBJ_testlib := $(call objs,tests/lib)

A_model   := $(B)/libmodel.a
A_history := $(B)/libhistory.a $(A_model)
A_engine  := $(B)/libengine.a $(A_model)
A_client  := $(B)/libclient.a $(A_engine)
A_tui     := $(B)/libtui.a $(B)/libclient.a $(B)/libengine.a $(B)/libhistory.a $(A_model)

.PHONY: all run test check unit e2e san tsan bench screenshots arch docs cov cov-run crash crash-storage prop sim lint install \
	clean deps-run deps-test

all: $(B)/weir

run: deps-run
	@$(MAKE) --no-print-directory all
	@exec $(B)/weir

deps-run:
	@.ci/deps run
deps-test:
	@.ci/deps test

# ---- objects, archives, the binary ----

$(B)/%.o: %.c
	@mkdir -p $(@D)
	@$(if $(V),,echo "  CC   $<";)$(CC) $(ALLC) -c -o $@ $<

define archive
$(B)/lib$(1).a: $(OBJ_$(1))
	@mkdir -p $$(@D)
	@rm -f $$@
	@ar rcs $$@ $$^
endef
$(foreach a,model history engine client tui testlib,$(eval $(call archive,$(a))))

$(B)/weir: $(B)/tui/main.o $(A_tui)
	@echo "  LD   $@"
	@$(LINK) -o $@ $^ $(LIBS_tui)

# Themes are data, and all of them are embedded too, so that the binary alone has them. The first is
# the default.
THEMES := themes/dark.theme $(filter-out themes/dark.theme,$(sort $(wildcard themes/*.theme)))
# {"NAME", "its text"}, for each file.
embed = (echo "/* made from $(1) */"; for f in $(2); do \
		echo "{\"$$(basename $$f .$(3))\","; \
		sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/"/' -e 's/$$/\\n"/' $$f; echo "},"; done) > $@
$(B)/gen/themes.h: $(THEMES)
	@mkdir -p $(@D)
	@$(call embed,themes/,$^,theme)
$(B)/tui/theme.o: $(B)/gen/themes.h

# What can be rehearsed, the same way.
$(B)/gen/scenarios.h: $(sort $(wildcard tests/scenarios/*.yaml))
	@mkdir -p $(@D)
	@$(call embed,tests/scenarios/,$^,yaml)
$(B)/tui/repertoire.o: $(B)/gen/scenarios.h

# ---- tests ----

UNIT_SRC := $(wildcard tests/unit/*/test_*.c)
UNIT_BIN := $(patsubst tests/%.c,$(B)/tests/%,$(UNIT_SRC))
PROP_BIN := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/prop/test_*.c))
FAULT_BIN := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/fault/test_*.c))
E2E_BIN  := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/e2e/test_*.c))

define unit_rule
$(B)/tests/unit/$(1)/%: tests/unit/$(1)/%.c $(B)/libtestlib.a $(A_$(1))
	@mkdir -p $$(@D)
	@$$(if $$(V),,echo "  TEST $$<";)$(CC) $(ALLC) $(TEST) -Wno-missing-prototypes -MF $$@.d -o $$@ $$< \
		$(B)/libtestlib.a $(A_$(1)) $(B)/libtestlib.a $(HLINK) -lcmocka -lutil $(LIBS_$(1)) -Wl,--as-needed -lgnutls
endef
$(foreach a,model history engine client tui,$(eval $(call unit_rule,$(a))))
define whole_rule
$(B)/tests/$(1)/%: tests/$(1)/%.c $(B)/libtestlib.a $(A_tui)
	@mkdir -p $$(@D)
	@$$(if $$(V),,echo "  TEST $$<";)$(CC) $(ALLC) $(TEST) -Wno-missing-prototypes -MF $$@.d -o $$@ $$< \
		$(B)/libtestlib.a $(A_tui) $(B)/libtestlib.a $(HLINK) -lcmocka -lutil $(LIBS_tui) -Wl,--as-needed -lgnutls
endef
$(foreach a,prop fault e2e,$(eval $(call whole_rule,$(a))))

# The simulator is several files, and its own history in memory stands before the archive's.
SIM_OBJ := $(patsubst %.c,$(B)/%.o,$(wildcard tests/sim/*.c))
$(B)/tests/sim/test_sim: $(SIM_OBJ) $(B)/libtestlib.a $(A_tui)
	@echo "  TEST $@"
	@$(LINK) -o $@ $(SIM_OBJ) $(B)/libtestlib.a $(A_tui) -lcmocka -lutil $(LIBS_tui)

# The preload library sees the system calls of SQLite and libcurl too: tests count, fail, hold
# and kill at them without privileges.
$(B)/preload.so: $(wildcard tests/lib/preload/*.[ch])
	@mkdir -p $(@D)
	@echo "  LD   $@"
	@$(CC) $(CSTD) $(WARN) -O1 -g -shared -fPIC -o $@ $(filter %.c,$^) -ldl -pthread

# The short form of everything, once, and a new machine can run it: unit to keystroke with the address
# and undefined-behaviour sanitizers, the end to end tests on the release build.
test: deps-test
	@$(MAKE) --no-print-directory check

check: arch docs
	@$(MAKE) --no-print-directory SAN=address,undefined B=$(B)-san unit
	@$(MAKE) --no-print-directory whole

unit: $(UNIT_BIN) $(PROP_BIN) $(FAULT_BIN)
	@tests/run.sh $(UNIT_BIN) $(PROP_BIN) $(FAULT_BIN)

e2e: $(B)/weir $(B)/preload.so $(E2E_BIN) $(B)/tests/sim/test_sim
	@TEST_TIMEOUT=240 WEIR=$(abspath $(B)/weir) PRELOAD=$(abspath $(B)/preload.so) tests/run.sh -j 4 $(E2E_BIN)
	@TEST_TIMEOUT=600 tests/run.sh -j 1 $(B)/tests/sim/test_sim

# Long forms. Kills at 10,000 points, and every storage fault; random days of a simulated site (SEEDS= and SEED= choose).
crash: $(B)/weir $(B)/preload.so $(B)/tests/e2e/test_crash
	@CRASH_INDICES=10000 TEST_TIMEOUT=7200 WEIR=$(abspath $(B)/weir) PRELOAD=$(abspath $(B)/preload.so) \
		tests/run.sh -j 1 $(B)/tests/e2e/test_crash
	@$(MAKE) --no-print-directory SAN=address,undefined B=$(B)-san crash-storage

CRASH_BIN := $(B)/tests/unit/history/test_vfs $(B)/tests/unit/history/test_crash
crash-storage: $(CRASH_BIN)
	@VFS_EVERY=1 CRASH_DECISIONS=2000 TEST_TIMEOUT=3600 tests/run.sh -j 1 $(CRASH_BIN)

sim: $(B)/tests/sim/test_sim
	@$<

# Races and other properties: SEEDS of each, from SEED on.
prop: $(PROP_BIN)
	@TEST_TIMEOUT=7200 tests/run.sh $(PROP_BIN)

# Random keys, sizes and pools: KEYS steps, from SEED on.
keys:
	@KEYS=$${KEYS:-100000} TEST_TIMEOUT=7200 $(MAKE) --no-print-directory SAN=address,undefined B=$(B)-san keys-run
keys-run: $(B)/tests/fault/test_keys
	@tests/run.sh -j 1 $<

# Both sanitizers in full: addresses and undefined behaviour for all, data races for what has threads.
san:
	@$(MAKE) --no-print-directory SAN=address,undefined B=$(B)-san unit
	@$(MAKE) --no-print-directory SAN=thread B=$(B)-tsan tsan

TSAN_BIN := $(filter $(B)/tests/unit/engine/% $(B)/tests/unit/history/% $(B)/tests/unit/client/% \
	$(B)/tests/unit/tui/test_lookout,$(UNIT_BIN))
tsan: $(TSAN_BIN)
	@TEST_TIMEOUT=600 tests/run.sh $(TSAN_BIN)

arch:
	@tests/arch.sh
	@tests/codes.sh
	@tests/rows.sh
docs: $(B)/weir
	@tests/docs.sh $(B)/weir

# What the unit tests reach; asserts are compiled out, since a contract that holds is no branch.
cov:
	@$(MAKE) --no-print-directory B=$(B)-cov CFLAGS="-O0 -g --coverage -DNDEBUG -Wno-unused-variable \
		-Wno-unused-but-set-variable -Wno-unused-parameter -fPIE" cov-run
	@tests/cov.sh $(B)-cov
cov-run: $(UNIT_BIN) $(FAULT_BIN)
	@find $(B) -name '*.gcda' -delete
	@tests/run.sh $(UNIT_BIN) $(FAULT_BIN)

lint:
	@clang-format --dry-run -Werror $$(git ls-files '*.c' '*.h')

# ---- benches ----

BENCH_BIN := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/bench/bench_*.c))

$(BENCH_BIN): $(B)/tests/bench/%: tests/bench/%.c $(B)/tests/bench/bench.o $(B)/libtestlib.a $(A_tui)
	@mkdir -p $(@D)
	@$(if $(V),,echo "  BENCH $<";)$(CC) $(ALLC) -MF $@.d -o $@ $< $(B)/tests/bench/bench.o \
		$(B)/libtestlib.a $(A_tui) $(B)/libtestlib.a $(HLINK) -lcmocka -lutil $(LIBS_tui)

# Figures against yardsticks of the same run, one program after the other; nothing is asserted.
bench: $(B)/weir $(BENCH_BIN)
	@for b in $(BENCH_BIN); do WEIR=$(abspath $(B)/weir) $$b || exit 1; done

# Pictures of every screen and the main dialogs, of what goldens show, and of the report: to be
# looked at. Needs chromium and the font DejaVu Sans Mono.
SHOTS := $(B)/tests/shots/shots
$(SHOTS): $(B)/tests/shots/shots.o $(B)/libtestlib.a $(A_tui)
	@$(LINK) -o $@ $^ $(LIBS_tui)
screenshots: $(B)/weir $(SHOTS)
	@tests/screenshots.sh $(B)

# What the judge promises: its short form is a test, its long form prints every table. Both run the
# release build: the sanitizers have the judge's unit tests, and here are millions of looks.
JUDGE_SRC := $(wildcard tests/judge/*.c)
JUDGE_BIN := $(patsubst tests/%.c,$(B)/tests/%,$(filter tests/judge/test_%,$(JUDGE_SRC)))
JUDGE_OBJ := $(patsubst %.c,$(B)/%.o,$(filter-out tests/judge/test_% tests/judge/bench_%,$(JUDGE_SRC))) \
	$(B)/tests/bench/bench.o

$(JUDGE_BIN) $(B)/tests/judge/bench_judge: %: %.o $(JUDGE_OBJ) $(A_model)
	@echo "  TEST $@"
	@$(LINK) -o $@ $^ -lcmocka $(LIBS_model)

.PHONY: judge judge-bench keys keys-run whole
# Everything that runs on the release build: what waits shares the cores with what computes.
# The story at a real balancer measures shares second by second: it has the machine for itself.
ALONE_BIN := $(B)/tests/e2e/test_haproxy_console
WHOLE_BIN := $(B)/tests/sim/test_sim $(JUDGE_BIN) $(filter-out $(ALONE_BIN),$(E2E_BIN))
whole: $(B)/weir $(B)/preload.so $(WHOLE_BIN) $(ALONE_BIN)
	@TEST_TIMEOUT=600 WEIR=$(abspath $(B)/weir) PRELOAD=$(abspath $(B)/preload.so) tests/run.sh -j 4 $(WHOLE_BIN)
	@WEIR=$(abspath $(B)/weir) PRELOAD=$(abspath $(B)/preload.so) tests/run.sh -j 1 $(ALONE_BIN)

judge: $(JUDGE_BIN)
	@TEST_TIMEOUT=300 tests/run.sh -j 1 $^
judge-bench: $(B)/tests/judge/bench_judge
	@$<

# ---- installing ----

MAN1 := tui/weir.1
MAN5 := tui/weir.yaml.5 themes/weir-theme.5 history/weir-history.5
MAN7 := client/weir-pool.7 client/weir-haproxy.7

install: all
	install -Dm755 $(B)/weir $(DESTDIR)$(PREFIX)/bin/weir
	install -d $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/man/man5 \
		$(DESTDIR)$(PREFIX)/share/man/man7 $(DESTDIR)$(PREFIX)/share/weir/themes
	install -m644 $(MAN1) $(DESTDIR)$(PREFIX)/share/man/man1
	install -m644 $(MAN5) $(DESTDIR)$(PREFIX)/share/man/man5
	install -m644 $(MAN7) $(DESTDIR)$(PREFIX)/share/man/man7
	install -m644 themes/*.theme $(DESTDIR)$(PREFIX)/share/weir/themes
	install -d $(DESTDIR)$(PREFIX)/share/bash-completion/completions \
		$(DESTDIR)$(PREFIX)/share/zsh/site-functions $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	$(B)/weir completion bash > $(DESTDIR)$(PREFIX)/share/bash-completion/completions/weir
	$(B)/weir completion zsh > $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_weir
	$(B)/weir completion fish > $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/weir.fish

clean:
	rm -rf $(B) $(B)-san $(B)-tsan $(B)-cov

-include $(shell find $(B) -name '*.d' 2>/dev/null)
