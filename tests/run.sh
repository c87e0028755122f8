#!/usr/bin/env bash
# run.sh [-j N] PROGRAM...: runs test programs, a line each, the output of those that fail whole.
# Ends with the line "N passed, N failed"; exits 1 when one failed. Each gets a directory of its own as
# TMPDIR, HOME and XDG_STATE_HOME, which is removed, and at most TEST_TIMEOUT seconds: against what
# hangs, five times what the longest takes on a quiet machine (default 300).
set -u
jobs=$(nproc 2>/dev/null || echo 2)
if [ "${1:-}" = -j ]; then jobs=$2; shift 2; fi
base=$(mktemp -d "${TMPDIR:-/tmp}/wt.XXXXXX")
trap 'rm -rf "$base"' EXIT
export base
one() {
	name=${1#*tests/}
	dir=$base/$(tr / . <<<"${name#unit/}") # short: unix socket paths have little room
	mkdir -p "$dir/tmp"
	nice= # who only computes lets those go first who answer somebody
	case $name in sim/* | judge/*) nice='nice -n 10' ;; esac
	start=$(date +%s.%N)
	env -u WEIR_ACTOR TMPDIR="$dir/tmp" HOME="$dir" XDG_STATE_HOME="$dir/state" XDG_CONFIG_HOME="$dir/config" \
		ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=1}" TSAN_OPTIONS="${TSAN_OPTIONS:-halt_on_error=1}" \
		timeout -k 5 "${TEST_TIMEOUT:-300}" $nice "$1" >"$dir/log" 2>&1 </dev/null
	status=$?
	took=$(awk -v a="$start" -v b="$(date +%s.%N)" 'BEGIN { printf "%.1f", b - a }')
	cases=$(grep -c '^\[       OK' "$dir/log")
	if [ $status -eq 0 ]; then
		printf '  ok    %-40s %3d cases %6ss\n' "$name" "$cases" "$took"
		echo "$cases" >"$dir/passed"
	else
		printf '  FAIL  %-40s exit %d %6ss\n' "$name" "$status" "$took"
		grep -vE '^\[ RUN |^\[       OK' "$dir/log" | sed 's/^/        | /' | tail -60
		echo 1 >"$dir/failed"
	fi
}
export -f one
printf '%s\n' "$@" | xargs -P "$jobs" -I{} bash -c 'one "$1"' _ {}
passed=$(cat "$base"/*/passed 2>/dev/null | awk '{ n += $1 } END { print n + 0 }')
failed=$(cat "$base"/*/failed 2>/dev/null | awk '{ n += $1 } END { print n + 0 }')
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
