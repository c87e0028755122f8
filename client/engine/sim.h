/* Sim: the engine on a virtual clock, in one thread: control, guard and work as engine.h has them,
 * so that a day passes in moments and a seed reproduces it exactly. */
#ifndef WEIR_CLIENT_ENGINE_SIM_H
#define WEIR_CLIENT_ENGINE_SIM_H

#include "client/engine/control.h"
#include "client/engine/sim_work.h"

struct sim;

struct sim_options {
	const char *pool, *node; /* names; NULL: "sim" */
	struct sim_work_options work;
	enum strategy strategy;
	int share_bp;
	struct instant start; /* of both clocks */
	int64_t epoch;        /* 0: the start's wall clock */
};

/* 0, or -1 with err: an operation of the scenario that is not known, a share without a v2. */
int sim_new(struct sim **out, const struct sim_options *how, struct err *err);
void sim_free(struct sim *s);

/* Lives on for so long: works, lets the guard look once a second and time act. */
void sim_run(struct sim *s, int64_t ms);

/* Now, of both clocks; the wall clock with what sim_skew set it off by. */
struct instant sim_now(const struct sim *s);
void sim_skew(struct sim *s, int64_t wall_ms);

/* As in engine.h. */
void sim_change(
	struct sim *s, const struct control_request *request, struct control_answer *out);
void sim_lease(struct sim *s, const struct lease_request *request, struct control_answer *out);
size_t sim_audit(struct sim *s, int64_t since, struct audit_entry *out, size_t max);
enum intent_fate sim_intent(
	struct sim *s, const char *key, bool make_void, struct control_answer *out);
void sim_fault(struct sim *s, enum arm arm, const struct fault *fault);

/* The process ends and begins anew: a new boot; what control knows it still knows. */
void sim_restart(struct sim *s);

/* Fills a document. Large: caller allocates. */
void sim_snapshot(struct sim *s, struct snapshot *out);

#endif
