#!/usr/bin/env bash
# cov.sh BUILD: what the tests run so far have reached in BUILD (made with --coverage): branches taken
# and lines run of every file. Files of the core must have every branch taken.
set -u
cd "$(dirname "$0")/.." || exit 1
build=$1
core=' model/interlock.c model/migration.c model/guard.c model/reconcile.c model/text_clean.c client/scan.c '
for f in client/engine/control*.c; do core+="$f "; done
out=$(mktemp -d) || exit 1
trap 'rm -rf "$out"' EXIT
for data in "$build"/{model,history,client,client/engine,tui}/*.gcda; do
	source=${data#"$build"/}
	source=${source%.gcda}.c
	(cd "$out" && gcov -b -o "$OLDPWD/$(dirname "$data")" "$OLDPWD/$data" 2>/dev/null) |
		awk -v want="$source" '
			/^File / { here = index($0, "'\''" want "'\''") > 0 || $0 ~ "/" want "'\''$" }
			here && /^Lines executed/ { split($0, a, /[:%]| of /); lines = a[2]; total = $NF }
			here && /^Taken at least once/ { split($0, a, /[:%]| of /); taken = a[2]; branches = $NF }
			END { if (total != "") printf "%s %s %s %s %s\n", want, lines, total, taken == "" ? 100 : taken, branches + 0 }'
done >"$out/all"
awk -v core="$core" '
	{ is = index(core, " " $1 " ") > 0; mark = is ? "core" : ""; low = is && $4 + 0 < 100
	  printf "%-30s lines %6.2f%% of %4d   branches %6.2f%% of %4d  %s%s\n", $1, $2, $3, $4, $5, mark, low ? "  TOO LOW" : ""
	  bad += low; l += $2 * $3 / 100; n += $3
	  if ($1 ~ /^(model|history)\//) { b += $4 * $5 / 100; m += $5 } }
	END { printf "lines of all: %.2f%%; branches of model and history: %.2f%%\n", 100 * l / n, 100 * b / m; exit bad > 0 }' "$out/all"
