#!/usr/bin/env bash
# codes.sh: every code of ERR_INFO (model/err.h) is asserted by at least one test, by its name or as
# printed; and no test speaks of a code that is not there.
set -u
cd "$(dirname "$0")/.." || exit 1
bad=0
complain() { echo "codes: $*"; bad=1; }
table=$(sed -n '/^#define ERR_INFO(X)/,/^$/s/^[[:space:]]*X(\([A-Z0-9_]*\), \([0-9]*\),.*/\1 \2/p' model/err.h)
[ -n "$table" ] || complain "no table in model/err.h"
asserted=$(grep -rhoE '\bERR_[A-Z0-9_]+|\bW[0-9]{3}\b' tests --include='*.c' --include='*.h' --include='*.sh' --include='*.txt' | sort -u)
while read -r name number; do
	code=$(printf 'W%03d' "$number")
	grep -qxE "ERR_$name|$code" <<<"$asserted" || complain "$code (ERR_$name) is asserted by no test"
done <<<"$table"
known=$(while read -r name number; do echo "ERR_$name"; printf "W%03d\n" "$number"; done <<<"$table"; printf "%s\n" ERR_NONE ERR_INFO W000)
while read -r word; do
	grep -qxF "$word" <<<"$known" || complain "tests speak of $word, which is not in the table"
done < <(grep -E '^W' <<<"$asserted")
[ $bad -eq 0 ] && echo "codes: $(wc -l <<<"$table") codes, all asserted"
exit $bad
