#!/usr/bin/env bash
# rows.sh: the fault catalogue against the tests: each row that must be there has at least one case
# named row_NN_…; what waits for a part of the program that is not built yet says which. The same for
# what pools and migration tools promised elsewhere: each promise of the engine has a case named
# after its letter and number.
set -u
cd "$(dirname "$0")/.." || exit 1
bad=0
cases=$(grep -rhoE '\brow_[0-9]{2}[a-z0-9_]*\(void' tests --include='*.c' | sed 's/(void//' | sort -u)
count=0
while IFS='|' read -r number words later; do
	[ -n "$number" ] || continue
	if grep -qE "^row_${number}_" <<<"$cases"; then
		count=$((count + 1))
		[ -z "$later" ] || { echo "rows: $number ($words) is tested, and still said to wait for $later"; bad=1; }
	elif [ -z "$later" ]; then
		echo "rows: $number ($words) has no case row_${number}_…"
		bad=1
	fi
done <<'ROWS'
01|the pool does not answer
02|connection refused, reset, name not found
03|an answer byte by byte
04|a body or headers without end
05|a redirect
06|TLS that cannot be trusted
07|a proxy from the environment
08|a connection of another's credentials
09|the answer of a command is lost
10|a command arrives late or twice
11|a partition between nodes
12|another pool at the same address
13|the token is refused
14|reading works, writing is refused
15|somebody else was faster
16|busy, come back later
17|the pool fails on a step
18|a web page in place of a document
19|a success that did nothing
20|another share than asked
21|another version of the protocol
22|numbers that are none
23|integers beyond what is exact
24|nested too deep
25|a key twice
26|not one document
27|text that is not UTF-8
28|wrong types, missing fields
29|more than fits
30|all of it at once
31|counters begin anew
32|counters go back
33|no traffic on v2
34|few samples look perfect
35|the wall clock jumps
36|the machine sleeps, the console is stopped
37|the pool's clock is far off
38|an old document again
39|one metric stops
40|good and bad in turns
41|a percentile over nodes
42|control bytes in names
43|a carriage return over a row
44|bidi and invisible characters
45|names that look alike
46|widths that nobody agrees on
47|a name that imitates a prompt
48|terminals that can do little
49|pasted text and held keys
50|the terminal is closed
51|answers of the terminal as keys
52|killed at any point
53|the disk is full
54|the disk fails
55|the power goes
56|another process holds the history
57|two consoles, one history
58|the history is not one
59|rows were changed
60|replay of a foreign file
62|no memory
63|no descriptors, no threads
64|a signal in the middle of a step
65|the program crashes
66|no processor time
67|the token leaks
68|two persons step at once
69|an old console wakes
70|a rollback gets half way
71|the rollback itself is harmful
72|wrong target, wrong number
73|the way back was never tried
74|a freeze
75|an approval that is none
76|the console dies at 25 %
77|the console shares the target's fate
78|somebody edits the balancer by hand
79|nodes run different builds
80|a pool that lies
81|the served pool is attacked
ROWS
# Routing, grammar, partitioning, backpressure, breaker, errors, affinity, workers, queue, drain and
# placement, rollout.
promises=0
named=$(grep -rhoE 'static void [a-z][0-9]+_' tests --include='*.c' | sed 's/.* //' | sort -u)
for last in r15 g18 p8 b4 c11 e7 a4 w4 q8 d6 m5; do
	for n in $(seq "${last:1}"); do
		promises=$((promises + 1))
		grep -qx "${last:0:1}${n}_" <<<"$named" || { echo "rows: ${last:0:1}$n has no case"; bad=1; }
	done
done
[ $bad -eq 0 ] && echo "rows: $count rows of the catalogue and $promises promises tested"
exit $bad
