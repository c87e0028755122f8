/* Supervisor: what others ask of those who look after an arm's workers. */
#ifndef WEIR_CLIENT_ENGINE_SUPERVISOR_H
#define WEIR_CLIENT_ENGINE_SUPERVISOR_H

struct workers; /* client/engine/worker.h */

/* Lets all who wait for a worker look whether their callers are gone. */
void workers_nudge(struct workers *w);

#endif
