/* Exec pipe: lines to and from a worker, with a deadline. */
#ifndef WEIR_CLIENT_ENGINE_EXEC_PIPE_H
#define WEIR_CLIENT_ENGINE_EXEC_PIPE_H

#include "client/engine/threads.h"
#include "model/text.h"

struct exec_pipe {
	int stream;        /* borrowed; not blocking */
	int end;           /* borrowed; readable once the other side's process has ended */
	struct gate *gate; /* NULL, or what ends every wait */
	size_t max;        /* bytes of a line that is read */
	struct text in;    /* what was read and not yet dropped; to be freed */
	int64_t heard_us;  /* when a line came last */
};

enum pipe_fate {
	PIPE_DONE,
	PIPE_LATE,   /* the deadline passed */
	PIPE_ENDED,  /* closed by the other side, or its process has ended */
	PIPE_LONG,   /* a line of more than max bytes */
	PIPE_CLOSED, /* the gate */
};

/* Sends `out` whole; *begun becomes true once the other side may see some of it. */
enum pipe_fate exec_pipe_say(
	struct exec_pipe *p, const struct text *out, int64_t until_us, bool *begun);

/* Reads until p->in begins with a whole line; *len is its length without the newline. */
enum pipe_fate exec_pipe_hear(struct exec_pipe *p, int64_t until_us, size_t *len);

/* True when nothing waits to be read and the process lives. Else what waits is in p->in, which
 * is empty when the other side has just ended. */
bool exec_pipe_is_quiet(struct exec_pipe *p);

#endif
