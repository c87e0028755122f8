/* weir completion SHELL: a script for a shell, which asks this program for the words; and
 * weir completion words: the answer. The scripts know no command and no option. */
#include "tui/commands.h"
#include "tui/suggest.h"

#include <stdio.h>
#include <string.h>

static const char bash[] =
	"# weir in bash: the words come from the program.\n"
	"_weir() {\n"
	"\tlocal line program=${COMP_WORDS[0]/#\\~/$HOME}\n"
	"\tCOMPREPLY=()\n"
	"\twhile IFS= read -r line; do\n"
	"\t\tcase $line in\n"
	"\t\t@files) compopt -o default 2>/dev/null ;;\n"
	"\t\t@directories) compopt -o dirnames 2>/dev/null ;;\n"
	"\t\t?*) COMPREPLY+=(\"${line%%$'\\t'*}\") ;;\n"
	"\t\tesac\n"
	"\tdone < <(\"$program\" completion words -- \"${COMP_WORDS[@]:1:COMP_CWORD}\" "
	"2>/dev/null)\n"
	"}\n"
	"complete -F _weir weir\n";

static const char zsh[] =
	"#compdef weir\n"
	"# weir in zsh: the words come from the program.\n"
	"_weir() {\n"
	"\tlocal line\n"
	"\tlocal -a described\n"
	"\tfor line in \"${(@f)$(\"${(Q)words[1]}\" completion words -- "
	"\"${(@Q)words[2,CURRENT]}\" "
	"2>/dev/null)}\"; do\n"
	"\t\tcase $line in\n"
	"\t\t@files) _files ;;\n"
	"\t\t@directories) _files -/ ;;\n"
	"\t\t?*) described+=(\"${${line%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}\") ;;\n"
	"\t\tesac\n"
	"\tdone\n"
	"\t(( $#described )) && _describe -V word described\n"
	"}\n"
	"if [ \"$funcstack[1]\" = _weir ]; then _weir \"$@\"; else compdef _weir weir; fi\n";

static const char fish[] =
	"# weir in fish: the words come from the program.\n"
	"function __weir_words\n"
	"\tset -l words (commandline -opc)\n"
	"\tset -l program $words[1]\n"
	"\tset -e words[1]\n"
	"\t$program completion words -- $words (commandline -ct) 2>/dev/null\n"
	"end\n"
	"complete -c weir -f\n"
	"complete -c weir -f -k -a '(__weir_words | string match -v \"@*\")'\n"
	"complete -c weir -F -n '__weir_words | string match -q \"@files\"'\n"
	"complete -c weir -f -n '__weir_words | string match -q \"@directories\"' "
	"-a '(__fish_complete_directories (commandline -ct))'\n";

static const struct {
	const char *name, *script;
} shells[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};

static int print_words(const struct options *o)
{
	struct config config;
	struct err err;
	struct text t = {0};
	const char *const *words = o->args + 1;
	int count = o->arg_count - 1;
	/* A configuration that is wrong has no pools to offer; whoever runs it is told. */
	bool good = config_load(&config, suggest_config(words, count), &err) == 0;
	suggest_words(&t, words, count, good ? &config : NULL);
	fputs(text_str(&t), stdout);
	text_free(&t);
	config_free(&config);
	return EXIT_DONE;
}

int cmd_completion(const struct options *o)
{
	const char *shell = o->args[0];
	struct err err;
	if (strcmp(shell, "words") == 0)
		return print_words(o);
	for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
		if (strcmp(shells[i].name, shell) == 0 && o->arg_count == 1) {
			fputs(shells[i].script, stdout);
			return EXIT_DONE;
		}
	err_set(&err, ERR_USAGE,
		"completion: '%.40s' is no shell that is known; write bash, zsh or fish",
		o->arg_count > 1 ? o->args[1] : shell);
	fprintf(stderr, "weir: %s %s\n", err_name(err.code), err.text);
	return EXIT_USAGE;
}
