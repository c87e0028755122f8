/* Policy: what a step asks before it is sent. Four come with weir; weir.yaml may define more,
 * each from one of these. Pure. */
#ifndef WEIR_MODEL_POLICY_H
#define WEIR_MODEL_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#define POLICY_NAME_MAX 24

struct policy {
	char name[POLICY_NAME_MAX];
	bool steps; /* only the plan's next share; else at most first_bp from nothing, then
	                 delta_bp more */
	int first_bp, delta_bp;
	bool bake;        /* 9 */
	bool samples;     /* 10 */
	bool green;       /* 11: GREEN over the bake; else none RED */
	bool safe;        /* 11: and the judge says SAFE */
	bool armed;       /* 6: `weir arm` first */
	bool owner;       /* 14: a guard owner that stays; under a console at most 10 %, under
	                       none nothing */
	int64_t drill_ms; /* 14: a drill younger than this; 0: not asked */
	int approval_bp;  /* 13: above this share; SHARE_FULL or more: never */
	bool reason;      /* every act gives one */
};

/* X(name, word, help): those that come with weir. */
#define POLICY_INFO(X) \
	X(MANUAL, "manual", "one person: at most 25 % from nothing, 50 % more at once") \
	X(DEMO, "demo", "standard with bakes of seconds") \
	X(STANDARD, "standard", "steps in order, bake, samples, guards green") \
	X(STRICT, "strict", "standard, and SAFE, a drill, arming, a reason, approvals")

enum policy_kind {
#define X(name, word, help) POLICY_##name,
	POLICY_INFO(X)
#undef X
		POLICY_COUNT
};

/* The policy of a kind; never NULL. */
const struct policy *policy_builtin(enum policy_kind k);
/* The built-in one of a name, NULL for none. */
const struct policy *policy_find(const char *name);

/* True when a raise under it stays until someone moves it: nothing bakes, nothing goes back. */
bool policy_is_manual(const struct policy *p);

#endif
