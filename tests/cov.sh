#!/usr/bin/env bash
# cov.sh BUILD: what the tests that ran have reached in BUILD (made with --coverage): of every source
# the lines run and the branches taken, at the end both for all. Exits 1 when a source of the core has
# a branch that was never taken, and says in which lines, or when one was not built or is not there.
set -u
cd "$(dirname "$0")/.." || exit 1
build=$1
core=(model/{interlock,migration,guard,reconcile,text_clean,judge,evidence,odds,burst,exceed}.c client/scan.c client/engine/control*.c)

# One source's annotated text becomes "SOURCE LINES ALL BRANCHES ALL MISSED,MISSED...". Only the
# source itself counts, not the headers that gcov tells of with it.
count() {
	gcov --branch-probabilities --branch-counts --stdout --object-directory "$build/${1%/*}" "$1" 2>/dev/null |
		awk -v source="$1" '
			/^ +-: +0:Source:/ { here = substr($0, index($0, "Source:") + 7) == source; next }
			!here { next }
			/^ *[^ :]+: *[0-9]+:/ {
				split($0, part, ":"); run = part[1]; line = part[2] + 0
				if (run !~ /-/) { lines++; lines_run += run !~ /#|=/ }
			}
			/^branch / {
				branches++
				if (!/never executed|taken 0( |$)/) taken++
				else if (line != missed) places = places (places ? "," : "") (missed = line)
			}
			END {
				print source, lines_run + 0, lines + 0, taken + 0, branches + 0, places
			}'
}

for source in {model,history,client,client/engine,tui}/*.c; do count "$source"; done |
	awk -v core=" ${core[*]} " -v missing="${#core[@]}" '
		function share(part, all) { return all ? 100 * part / all : 100 }
		{
			is_core = index(core, " " $1 " ") > 0
			is_low = is_core && ($3 == 0 || $4 < $5)
			note = $3 == 0 ? "not built" : is_low ? "core, MISSED in " $6 : is_core ? "core" : ""
			printf "%-28s lines %6.2f%% of %4d   branches %6.2f%% of %4d  %s\n", $1, share($2, $3), $3,
				share($4, $5), $5, note
			lines_run += $2; lines += $3
			low += is_low; missing -= is_core
			if ($1 ~ /^(model|history)\//) { taken += $4; branches += $5 }
		}
		END {
			printf "lines of all %.2f%% (wanted 85%%); ", share(lines_run, lines)
			printf "branches of model and history %.2f%% (wanted 95%%); ", share(taken, branches)
			printf "core sources below 100%%: %d\n", low + missing
			exit low + missing > 0
		}'
