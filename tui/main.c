/* weir: the entry. Reads the command line and runs its row. */
#include "model/mem.h"
#include "model/version.h"
#include "tui/commands.h"
#include "tui/loop.h"
#include "tui/term.h"

#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void out_of_memory(void)
{
	static const char words[] = "weir: W003 out of memory\n";
	term_emergency_restore();
	if (write(STDERR_FILENO, words, sizeof words - 1) < 0)
		return;
}

/* A standard descriptor that the caller has closed would be the next file's that is opened, and
 * words would go there. What is read-only refuses them. */
static void keep_standard_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) < 0)
			return;
}

int main(int argc, char **argv)
{
	struct options o;
	struct err err = {0};
	keep_standard_descriptors();
	/* Characters only: numbers are written and read alike everywhere. */
	setlocale(LC_CTYPE, "");
	mem_on_failure(out_of_memory);
	if (options_parse(&o, argc, argv, &err) < 0) {
		fprintf(stderr, "weir: %s %s\n", err_name(err.code), err.text);
		return (int)err_status(err.code);
	}
	if (o.version) {
		printf("weir %s\n", WEIR_VERSION);
		return EXIT_DONE;
	}
	if (o.help) {
		struct text t = {0};
		options_help(&t, *o.command->name ? o.command : NULL);
		if (!*o.command->name) {
			text_add(&t, "\n");
			options_help(&t, o.command);
		}
		fputs(text_str(&t), stdout);
		text_free(&t);
		return EXIT_DONE;
	}
	if (loop_signals(&err) < 0) {
		fprintf(stderr, "weir: %s %s\n", err_name(err.code), err.text);
		return (int)err_status(err.code);
	}
	int status = o.command->run(&o);
	loop_ordinary_signals(true); /* all is done but to say it */
	bool unsaid = fflush(stdout) != 0 || ferror(stdout);
	if (unsaid && status == EXIT_DONE) {
		fprintf(stderr, "weir: %s standard output cannot be written\n", err_name(ERR_FILE));
		status = EXIT_FAILED;
	}
	return status;
}
