/* Errors: what failed, with a stable code that scripts and tests rely on.
 *
 * Three kinds, never mixed: the world failed -> `struct err`, set once, at the lowest place
 * that knows the subject; a broken contract -> assert; out of memory -> mem.h. Texts start
 * lower case, have no full stop, quote their subject. */
#ifndef WEIR_MODEL_ERR_H
#define WEIR_MODEL_ERR_H

#include <stdarg.h>
#include <stdbool.h>

/* Exit statuses of the command line. */
enum exit_status {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_GAPS = 3,
	EXIT_UNRESOLVED = 4,
	EXIT_BROKEN = 5,
	EXIT_REFUSED = 6,
	EXIT_UNVERIFIED = 7,
	EXIT_MEMORY = 70,
};

/* X(name, number, exit status, what it means to a person) */
#define ERR_INFO(X) \
	X(USAGE, 1, EXIT_USAGE, "the command line is wrong") \
	X(CONFIG, 2, EXIT_USAGE, "the configuration is wrong") \
	X(MEMORY, 3, EXIT_MEMORY, "out of memory") \
	X(FILE, 4, EXIT_FAILED, "a file cannot be read or written") \
	X(TERMINAL, 5, EXIT_FAILED, "the terminal cannot be used") \
	X(LISTEN, 6, EXIT_FAILED, "an address cannot be listened on") \
	X(SYSTEM, 7, EXIT_FAILED, "the system refused a resource") \
	X(UNREACHABLE, 100, EXIT_FAILED, "the pool cannot be reached") \
	X(STALE, 102, EXIT_REFUSED, "no fresh data from every node") \
	X(SLOW, 104, EXIT_FAILED, "no complete answer in time") \
	X(TOO_LARGE, 105, EXIT_FAILED, "the answer is too large") \
	X(REDIRECT, 106, EXIT_FAILED, "a redirect was refused") \
	X(TLS, 110, EXIT_FAILED, "the TLS certificate is not good") \
	X(NODES, 121, EXIT_REFUSED, "not every node answers") \
	X(BUILD, 122, EXIT_REFUSED, "nodes run different builds") \
	X(IDENTITY, 123, EXIT_REFUSED, "another pool answers here") \
	X(DRIFT, 124, EXIT_REFUSED, "the share is not the one that was decided") \
	X(UNAUTHORISED, 130, EXIT_FAILED, "the pool refused the token") \
	X(READ_ONLY, 131, EXIT_REFUSED, "only looking is allowed") \
	X(CHANGED, 140, EXIT_REFUSED, "somebody else changed the share first") \
	X(EPOCH, 141, EXIT_REFUSED, "the command belongs to an earlier epoch") \
	X(OPEN_INTENT, 142, EXIT_REFUSED, "another command is still open") \
	X(LEASE, 143, EXIT_REFUSED, "somebody else holds the lease") \
	X(HELD, 144, EXIT_REFUSED, "a person holds the migration") \
	X(UNRESOLVED, 145, EXIT_UNRESOLVED, "sent, effect unknown") \
	X(VOID, 146, EXIT_REFUSED, "the command was voided and can never apply") \
	X(FINALIZED, 147, EXIT_REFUSED, "the migration is finished, there is no way back") \
	X(LIMIT, 148, EXIT_REFUSED, "beyond the pool's own limits") \
	X(NOT_ARMED, 149, EXIT_REFUSED, "the pool is not armed with this plan") \
	X(NOT_POOL, 150, EXIT_FAILED, "the answer is not a pool's") \
	X(PROTOCOL, 151, EXIT_FAILED, "the pool speaks another protocol version") \
	X(KEY_REUSED, 152, EXIT_REFUSED, "the key belongs to another command") \
	X(NOT_SEEN, 160, EXIT_UNVERIFIED, "acknowledged but not seen") \
	X(APPLIED_AS, 161, EXIT_REFUSED, "the pool applied another share than asked") \
	X(NEXT, 162, EXIT_REFUSED, "not the next share") \
	X(NUMBER, 170, EXIT_FAILED, "a number is not finite") \
	X(INTEGER, 171, EXIT_FAILED, "an integer is beyond 2^53") \
	X(DEPTH, 172, EXIT_FAILED, "nested too deep") \
	X(DUPLICATE, 173, EXIT_FAILED, "a key appears twice") \
	X(DOCUMENT, 174, EXIT_FAILED, "not exactly one JSON document") \
	X(FIELD, 175, EXIT_FAILED, "a field is missing or has the wrong value") \
	X(TOO_MANY, 176, EXIT_FAILED, "more than can be shown") \
	X(UTF8, 177, EXIT_FAILED, "not valid UTF-8") \
	X(COUNTER_BACK, 180, EXIT_FAILED, "a counter went back without a restart") \
	X(SAMPLES, 181, EXIT_REFUSED, "too few samples") \
	X(REPLAYED, 182, EXIT_FAILED, "an old answer was delivered again") \
	X(CONTRADICTED, 183, EXIT_REFUSED, "two sources contradict each other") \
	X(BAKE, 184, EXIT_REFUSED, "the bake has not passed") \
	X(GUARD, 185, EXIT_REFUSED, "the guard is not green") \
	X(UNKEPT, 186, EXIT_REFUSED, "the raise before it is not kept yet") \
	X(APPROVAL, 190, EXIT_REFUSED, "approval is missing") \
	X(FROZEN, 191, EXIT_REFUSED, "changes are frozen now") \
	X(WAY_BACK, 192, EXIT_REFUSED, "the way back is not proven") \
	X(RAISING, 193, EXIT_REFUSED, "another pool is rising") \
	X(VETO, 194, EXIT_REFUSED, "the veto hook said no, or did not answer") \
	X(HISTORY, 200, EXIT_REFUSED, "the history cannot be written") \
	X(DISK, 201, EXIT_FAILED, "the disk failed") \
	X(LOCKED, 202, EXIT_FAILED, "the history is locked by another process") \
	X(DAMAGED, 203, EXIT_FAILED, "the file is not a whole weir history") \
	X(UNSAFE_FILE, 204, EXIT_FAILED, "others can write to the file") \
	X(NEWER, 205, EXIT_FAILED, "a newer weir wrote the file") \
	X(CHAIN, 206, EXIT_BROKEN, "the chain of decisions is broken") \
	X(NOT_RECORDED, 207, EXIT_GAPS, "done, but not recorded")

enum err_code {
	ERR_NONE = 0,
#define X(name, number, status, text) ERR_##name = number,
	ERR_INFO(X)
#undef X
};

struct err {
	enum err_code code; /* ERR_NONE: no error */
	char text[400];     /* one line, cleaned, no code in front */
};

/* Sets `e` (may be NULL) to `code` and a formatted text, cut to fit; control bytes in it are
 * cleaned. Returns -1, so that `return err_set(e, …)` reads well. */
int err_set(struct err *e, enum err_code code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "context: " before the text of an error that is set. Returns -1. */
int err_prefix(struct err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The exit status of a code; EXIT_DONE for ERR_NONE, EXIT_FAILED for an unknown one. */
enum exit_status err_status(enum err_code code);

/* What the code means, from ERR_INFO; "" for ERR_NONE and unknown codes. */
const char *err_title(enum err_code code);

/* The code as printed, "W102", in a static table. "" for ERR_NONE. */
const char *err_name(enum err_code code);

/* Iterates the table for manuals and tests: the i-th code, ERR_NONE past the end. */
enum err_code err_at(unsigned i);

#endif
