/* Writer: the thread that owns the writing connection: intents first, each alone; then the
 * other rows of the journal; samples once a second. */
#ifndef WEIR_HISTORY_WRITER_H
#define WEIR_HISTORY_WRITER_H

/* The thread's function; its argument is a struct board. */
void *writer_run(void *board);

#endif
