/* Approval: the signature under one, its token (a line that can be sent in a chat), and the same
 * for an ask, where asker and approver have no history in common. */
#ifndef WEIR_HISTORY_APPROVAL_H
#define WEIR_HISTORY_APPROVAL_H

#include "model/approval.h"
#include "model/err.h"

#include <stdbool.h>

#define APPROVAL_TOKEN_MAX 2048 /* with NUL */

struct text;

/* This person's public key as 64 hex digits; made on first use. 0, or -1 with err. */
int approval_key(char out[POOL_HASH_MAX], const char *key_dir, struct err *err);

/* Signs a claim with the key in `key_dir`, which it names from then on, and writes the token:
 * "weir-approval." and two parts in base64url. 0, or -1 with err. */
int approval_sign(char token[APPROVAL_TOKEN_MAX], struct approval_claim *claim,
	const char *key_dir, struct err *err);

/* Reads a token: claim, hash, is_signed; what this history has for it stays empty. False for what
 * is no token, also one with a claim that is not canonical. */
bool approval_open(struct approval *out, const char *token);

/* Tells an approval which ask it is for: the newest of `list` that asked the same. */
void approval_find_ask(struct approval *a, const struct decision *list, size_t count);

/* The digest of all that an ask says, also why and when: approvals of it name it. */
void approval_evidence(char out[POOL_HASH_MAX], const struct decision *ask);

/* Writes an ask whole as one line, "weir-ask." and base64url, and reads it: false for what is none.
 * Texts of it are cleaned; whoever approves reads and signs what it says, whoever wrote it. */
void approval_pack_ask(struct text *out, const struct decision *ask);
bool approval_unpack_ask(struct decision *out, const char *line);

#endif
