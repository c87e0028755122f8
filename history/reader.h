/* Reader: the thread with a read-only connection; it answers what a live console asks of the
 * past and holds no snapshot between answers. */
#ifndef WEIR_HISTORY_READER_H
#define WEIR_HISTORY_READER_H

/* The thread's function; its argument is a struct board. */
void *reader_run(void *board);

#endif
