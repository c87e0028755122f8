/* Sheet: a dialog that shows a change before it is made. The world goes on behind it; when what
 * it shows is no longer true it turns STALE and can only be closed. Pure: no terminal, no
 * sending. */
#ifndef WEIR_TUI_SHEET_H
#define WEIR_TUI_SHEET_H

#include "tui/desk.h"
#include "tui/edit.h"

#include <stdbool.h>
#include <stdint.h>

/* X(name, word, ms it must stand before y counts) */
#define SHEET_INFO(X) \
	X(NONE, "", 0) \
	X(STEP, "STEP", 1000) \
	X(ROLLBACK, "ROLL BACK", 300) \
	X(RESUME, "RESUME", 1000) \
	X(ACT, "", 1000)             /* any other verb: its own word */ \
	X(SEVERAL, "ROLL BACK", 300) /* the marked pools of a list */ \
	X(LEAVE, "LEAVE", 300)

enum sheet_kind {
#define X(name, word, stand_ms) SHEET_##name,
	SHEET_INFO(X)
#undef X
		SHEET_COUNT
};

const char *sheet_word(enum sheet_kind k);

enum sheet_typing { TYPING_NONE, TYPING_REASON, TYPING_SHARE, TYPING_NAME, TYPING_COUNT };

struct sheet {
	enum sheet_kind kind;
	int pool;
	int several; /* SEVERAL: how many pools */
	int from_bp, to_bp;
	int64_t epoch, rev;
	struct act_request request; /* what accepting does; kept up to date */
	int64_t opened_ms, key_ms;  /* boot time: of opening, of the last key */
	enum sheet_typing typing;
	struct edit edit, reason;
	bool accept_chosen; /* the highlighted button: cancel at first */
	bool checks;        /* the list of checks is open */
	bool looks;         /* it was opened to be looked at: the console takes no accepting of it */
	bool reason_asked;  /* it is not accepted without a reason */
	bool may_record;    /* LEAVE: a recorder can be left behind */
	bool stale;
	char stale_why[120];
	char complaint[80];         /* about what was typed */
	struct interlock interlock; /* of STEP and RESUME, kept up to date */
};

/* Opens a sheet for a change of `to_bp` (STEP) as the model stands. */
void sheet_open(struct sheet *s, enum sheet_kind kind, int pool, const struct model *m,
	int to_bp, struct instant now);
/* Opens a sheet for any other act. */
void sheet_open_act(
	struct sheet *s, const struct act_request *what, const struct model *m, struct instant now);
/* Opens the sheet of a rollback of `count` pools, `first` among them; its number is typed. */
void sheet_open_several(
	struct sheet *s, int first, int count, const struct model *m, struct instant now);
void sheet_close(struct sheet *s);

/* True when `b` breaks the glass: only what that relaxes is in the way. From then on the sheet asks
 * for a reason and the typed name. */
bool sheet_may_force(const struct sheet *s);

/* True when the act asks for the typed name. */
bool sheet_is_grave(const struct sheet *s);

/* Judges the shown change anew; turns it STALE when it is no longer true. */
void sheet_refresh(struct sheet *s, const struct model *m, struct instant now);

/* What a key does to the sheet. */
enum sheet_answer {
	SHEET_STAYS,
	SHEET_CLOSED,   /* cancelled; an unknown key does that too */
	SHEET_ACCEPTED, /* do it */
	SHEET_HOLD,     /* of a rollback: hold instead */
	SHEET_RECORDER, /* of leaving: with a recorder behind */
};

enum sheet_answer sheet_key(
	struct sheet *s, uint32_t key, const struct model *m, struct instant now);

/* True when only an approval lacks: y asks for it. */
bool sheet_asks(const struct sheet *s);

/* True when `y` would count now. */
bool sheet_may_accept(const struct sheet *s, struct instant now);

#endif
