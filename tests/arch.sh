#!/usr/bin/env bash
# The house rules that a linker cannot see: who includes what, which rooms hold third-party headers, what
# model/ may call, what nobody may call.
set -u
cd "$(dirname "$0")/.."
bad=0
complain() { echo "arch: $*"; bad=1; }

# Folders and what they may include of ours.
allowed() {
	case $1 in
	model) echo model ;;
	history) echo 'model|history' ;;
	client/engine) echo 'model|client/engine' ;;
	client) echo 'model|client|client/engine' ;;
	tui) echo 'model|history|client|client/engine|tui' ;;
	esac
}
for dir in model history client/engine client tui; do
	for file in "$dir"/*.[ch]; do
		while read -r path; do
			grep -qxE "$(allowed $dir)" <<<"${path%/*}" || [[ $path != */* ]] ||
				complain "$file includes \"$path\", which $dir may not see"
		done < <(sed -n 's/^#include "\(.*\)".*/\1/p' "$file")
	done
done

# Only serve, the wire, driver_local and driver_etcd (where the plan lies, nobody else decides) know the engine from outside; tui only starts it to serve.
while read -r file; do
	case $file in
	client/serve*.[ch] | client/wire*.[ch] | client/driver_local.c | client/driver_etcd*.[ch] | client/engine/* | tui/cmd_serve.c) ;;
	*) complain "$file includes the engine" ;;
	esac
done < <(grep -l '#include "client/engine/' {model,history,client,tui}/*.[ch] client/engine/*.[ch])

# One room a library.
room() { # HEADER FILES-PATTERN
	while read -r file; do
		grep -qE "^($2)$" <<<"$file" || complain "$file includes <$1>"
	done < <(grep -lE "#include <$1>" {model,history,client,client/engine,tui}/*.[ch])
}
room 'curl/.*' 'client/transport(_[a-z]+)?\.c'
room 'cjson/.*' 'client/wire[a-z_]*\.c'
room 'microhttpd\.h' 'client/serve[a-z_]*\.c'
room '(ncursesw/)?(n?curses|term)\.h' 'tui/painter\.c'
room 'yaml\.h' 'tui/yaml\.c'
room 'sqlite3\.h' 'history/[a-z_]*\.c'
room 'sodium\.h' 'history/chain\.c'
room 'xxhash\.h' 'model/split\.c'
for file in {model,history,client,client/engine,tui}/*.h; do
	grep -nE '#include <(curl|cjson|microhttpd|n?curses|yaml|sqlite3|sodium|xxhash)' "$file" >/dev/null &&
		complain "$file is a header and includes a third-party one"
done

# model/ knows no time, file, thread or locale.
grep -nE '#include <(time|unistd|fcntl|pthread|locale|sys/.*|signal|poll|netdb|arpa/.*|netinet/.*)(\.h)?>' model/*.[ch] &&
	complain 'model/ includes the system'

# Banned everywhere in the program.
grep -nwE '(strcpy|strcat|sprintf|vsprintf|gets|strtok|atoi|atol|atof|alloca|system|popen)[[:space:]]*\(' \
	{model,history,client,client/engine,tui}/*.[ch] && complain 'a banned function'
grep -nE '\b(usleep|nanosleep|sleep)[[:space:]]*\(' tests/{unit,prop,e2e}/*.c tests/unit/*/*.c tests/lib/*.c 2>/dev/null &&
	complain 'a test sleeps'
# Clocks and randomness.
grep -lE '\b(clock_gettime|gettimeofday|time|getrandom|random|rand)[[:space:]]*\(' \
	{model,history,client,client/engine,tui}/*.c | grep -vE '^(tui/loop|client/engine/threads|history/clock)\.c$' |
	while read -r file; do echo "arch: $file reads a clock or randomness"; done | grep . && bad=1

# A header for each .c but the entry, and the other way round where a header promises functions.
exit $bad
