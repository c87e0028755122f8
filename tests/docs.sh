#!/usr/bin/env bash
# docs.sh WEIR: the manual and README against the program and its tables, both ways: commands, options,
# keys, acts, checks, states, codes, exit statuses, environment, packages, files. Manual pages must
# render without a warning (where groff is), and the examples marked `run` must work.
set -u
weir=$(realpath "$1") || exit 1
cd "$(dirname "$0")/.." || exit 1
manual=tui/weir.1
pages=(tui/weir.1 tui/weir.yaml.5 themes/weir-theme.5 history/weir-history.5 client/weir-pool.7 client/weir-haproxy.7)
bad=0
complain() { echo "docs: $*"; bad=1; }

# The two lists must be one: NAME, what the program has, what is written.
same() {
	while read -r line; do complain "$1: '$line' is not written down"; done < <(comm -23 <(sort <<<"$2") <(sort <<<"$3") | grep .)
	while read -r line; do complain "$1: '$line' is written down, but not there (or twice)"; done < <(comm -13 <(sort <<<"$2") <(sort <<<"$3") | grep .)
}
section() { # TITLE, of the manual
	awk -v title="$1" '/^\.Sh / { on = substr($0, 5) == title } on' $manual
}
block() { # COMMAND's part of the manual
	awk -v name="$1" '/^\.S[hs] / { on = $0 == ".Ss " name } on' $manual
}
rows() { # MACRO FILE: the X( rows of a table, from the name on
	sed -n "/^#define $1(X)/,/^\$/s/^[[:space:]]*X(\(.*\)/\1/p" "$2"
}
options_of() { grep -oE '^ +(-[a-zA-Z], )?--[a-z0-9-]+' <<<"$1" | sed 's/.*--//'; }
flags() { grep -oE '\bFl Fl [a-z0-9-]+' | cut -d' ' -f3 | sort -u; }

# ---- commands and options ----

common=$(options_of "$("$weir" help help)")
commands=$("$weir" --help | sed -n 's/^  \([a-z]\+\) .*/\1/p')
same command "weir
$commands" "$(section COMMANDS | sed -n 's/^\.Ss //p')"
for command in weir $commands; do
	if [ "$command" = weir ]; then text=$("$weir" --help | sed -n '/^usage: weir \[TARGET...\] \[OPTION...\]/,$p'); else text=$("$weir" help "$command"); fi
	own=$(options_of "$text" | grep -vxF "$common")
	# What a block says of options stands in its synopsis; the explanation may be another command's.
	same "option of $command" "$own" "$(block "$command" | sed '/^\.Pp/,$d' | flags)"
	for option in $own; do
		section COMMANDS | grep -qE "^\.It (Fl [a-z] , )?Fl Fl $option( |\$)" || complain "--$option of $command is not explained"
	done
done
same 'common option' "$common" "$(section 'COMMON OPTIONS' | grep '^\.It' | flags)"

# ---- keys and words of the console ----

console=$(section 'THE CONSOLE' | sed 's/\\&//g')
same key "$(sed -n "/^#define KEYMAP_INFO/,/^\$/s/^[[:space:]]*X([^\"]*\"\([^\"]*\)\", .*/\1/p" tui/keymap.h)" \
	"$(sed -n '/^\.Ss Looking keys/,/^\.Ss Keys of a sheet/s/^\.It //p' <<<"$console" | sed 's/ , Ic /\n/g; s/^Ic //')"
same 'acting key' "$(rows VERB_INFO model/verb.h | grep "'.'" | sed "s/.*\"\([a-z]*\)\", '\(.\)'.*/\2 \1/")" \
	"$(sed -n '/^\.Ss Acting keys/,/^\.Ss Looking/p' <<<"$console" | sed -n '/^\.It Ic/{N;s/\.It Ic \(.\)\n\.Ic \([a-z]*\).*/\1 \2/p}')"
same 'typed command' "$(sed -n '/console_words_[a-z]*\[\] = /,/^}/s/^[[:space:]]*{"\([a-z-]*\)".*/\1/p' tui/command_*.c | grep -vx q)" \
	"$(sed -n '/^\.Ss Typed/,$p' <<<"$console" | sed -n 's/^\.Ic \([a-z-]*\).*/\1/p')"
# What a typed word takes where that is words too: "screen Cm flow | fleet". A name of screens stands for them.
screens=$(rows SCREEN_INFO tui/screen.h | sed 's/.*"\(.*\)").*/\1/' | paste -sd '|' | sed 's/|/ | /g')
same 'what is typed' "$(sed -n '/console_words_[a-z]*\[\] = /,/^}/s/^[[:space:]]*{"\([a-z-]*\)", [a-z_]*, "\([a-z|-][a-z| -]*\)".*/\1 \2/p' tui/command_*.c
	echo "screen $screens")" \
	"$(sed -n '/^\.Ss Typed/,$p' <<<"$console" | sed -n 's/^\.Ic \([a-z-]*\) Cm \([a-z-]* | [a-z| -]*[a-z]\) [,;]$/\1 \2/p')"

# ---- completion ----

offered() { "$weir" completion words -- "$@" | cut -f1 | sort -u; }
same 'completed command' "$(grep -vx weir <<<"$commands" | grep .)" "$(XDG_CONFIG_HOME=/nowhere offered '')"
for command in $commands; do
	same "completed option of $command" "$(options_of "$("$weir" help "$command")" | sed 's/^/--/')" "$(offered "$command" --)"
done
for shell in bash zsh fish; do
	"$weir" completion "$shell" | grep -q 'completion words' || complain "the script of $shell does not ask for words"
done

# ---- roles of themes ----

same role "$(rows ROLE_INFO tui/theme.h | sed 's/.*, "\([a-z0-9_]*\)", .*/\1/')" \
	"$(sed -n '/^\.Sh ROLES\|^\.SH ROLES\|^\.SS Roles\|^\.SH "ROLES"/,/^\.SH EX/p' themes/weir-theme.5 |
		grep -E '^\.BR? ' | sed 's/"[^"]*"//g; s/^\.BR* //; s/,//g' | tr ' ' '\n' | grep -E '^[a-z0-9_]+$')"

# ---- tables ----

same check "$(rows PREDICATE_INFO model/interlock.h | sed 's/.*"\(.*\)".*/\1/' | cat -n | sed 's/^ *\([0-9]*\)\t/\1 /')" \
	"$(section 'THE 14 CHECKS' | sed -n '/^\.It [0-9]/{N;s/\.It \([0-9]*\)\n/\1 /;s/[ ,:;(]*$//;p}' |
		while read -r n words; do
			word=$(rows PREDICATE_INFO model/interlock.h | sed -n "${n}s/.*\"\(.*\)\".*/\1/p")
			[[ $words == "$word"* ]] && echo "$n $word" || echo "$n $words"
		done)"
same state "$(rows STATE_INFO model/migration.h | sed 's/[^"]*"\([A-Z_]*\)".*/\1/')" "$(section STATES | sed -n 's/^\.It //p')"
same code "$(rows ERR_INFO model/err.h | sed 's/[^,]*, \([0-9]*\), [^"]*"\(.*\)").*/\1 \2/' |
	while read -r n words; do printf 'W%03d %s\n' "$n" "$words"; done)" \
	"$(section DIAGNOSTICS | sed -n 's/^\.It \(W[0-9]*\) Ta /\1 /p')"
same 'exit status' "$(sed -n 's/^[[:space:]]*EXIT_[A-Z]* = \([0-9]*\),/\1/p' model/err.h)" \
	"$(section 'EXIT STATUS' | sed -n 's/^\.It //p')"
for name in $(grep -hoE 'getenv\("[A-Z_]+"\)' {model,history,client,client/engine,tui}/*.c | cut -d'"' -f2 | sort -u); do
	grep -q "$name" $manual || [ "$name" = HOME ] || [ "$name" = SUDO_USER ] || complain "environment: $name is not in $manual"
done

# ---- README ----

for dir in model history client client/engine tui; do
	same "README's map of $dir/" "$(cd $dir && ls ./*.c | sed 's/^..//')" \
		"$(awk -v dir="**$dir/**" '/^\*\*/ { on = index($0, dir) == 1 } /^Themes/ { on = 0 } on && /^\| [a-z_0-9]+\.c / { print $2 }' README.md)"
done
same package "$(sed -n 's/^[[:space:]]*need \([a-z0-9-]*\) .*/\1/p' .ci/deps)" "$(sed -n '/^| libc6-dev/,/^$/s/^| \([a-z0-9-]*\) |.*/\1/p' README.md)"
for dir in $(grep -oE '\btests/[a-z]+/' README.md | sort -u); do
	[ -n "$(ls -A "$dir" 2>/dev/null)" ] || complain "README names $dir, where nothing is"
done
for path in $(grep -oE '\b(model|history|client|tui|tests|themes)/[a-z_/.-]+\.(c|h|sh|[1-9])\b' README.md | sort -u); do
	[ -e "$path" ] || complain "README names $path, which is not there"
done

# ---- pages ----

for page in "${pages[@]}"; do
	[ -s "$page" ] || { complain "$page is missing"; continue; }
	command -v groff >/dev/null || continue
	said=$(groff -ww -mandoc -Tutf8 "$page" 2>&1 >/dev/null) && [ -z "$said" ] || complain "$page does not render: $said"
done

# The worker program of the manual is the one that the tests run.
awk '/^\.\\" program/ { on = 1 } /^\.Ed/ { on = 0 } on && !/^\.(\\"|Bd)/' client/weir-pool.7 |
	sed "s/^\\\\&//; s/\\\\e/\\\\/g" | cmp -s - tests/lib/exec_worker.py ||
	complain "the worker program of client/weir-pool.7 is not tests/lib/exec_worker.py"

# ---- examples ----

# Runs commands as a reader would, but in a directory of their own, which stands for /tmp. Not waited for:
# each leaves a file `failed` or not.
base=$(mktemp -d /tmp/wd.XXXXXX)
trap 'rm -rf "$base"' EXIT
ln -s "$weir" "$base/weir"
try() { # NAME, commands on standard input
	local dir=$base/$1
	mkdir -p "$dir"
	sed "s,/tmp/,$dir/,g; s,build/weir,weir,g" >"$dir/script"
	[ -s "$dir/script" ] || { complain "$1 has no example marked run"; return; }
	(cd "$dir" && env -u WEIR_ACTOR PATH="$base:$PATH" HOME="$dir" XDG_STATE_HOME="$dir/state" XDG_CONFIG_HOME="$dir/config" \
		timeout 60 bash -e -c "trap 'kill \$(jobs -p) 2>/dev/null || :' EXIT; . ./script" >log 2>&1 </dev/null ||
		touch failed) &
}
try README < <(sed -n '/^<!-- run -->/,/^```$/p' README.md | grep -v '^\(<!--\|```\)')
try manual < <(awk '/^\.\\" run/ { on = 1 } /^\.Ed/ { on = 0 } on && !/^\./' $manual | sed 's/\\-/-/g; s/\\(aq/'"'"'/g; s/\\e/\\/g')
wait
for dir in "$base"/*/; do
	[ -e "$dir/failed" ] || continue
	complain "an example of $(basename "$dir") failed:"
	sed 's/^/      | /' "$dir/log"
done
exit $bad
