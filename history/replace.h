/* Replace: a new file takes the name of a history, and the old one keeps another. To be called
 * under lock_open_alone. */
#ifndef WEIR_HISTORY_REPLACE_H
#define WEIR_HISTORY_REPLACE_H

#include "model/err.h"
#include "model/text.h"

struct replace {
	struct text real; /* the history, links resolved */
	struct text copy; /* the new file beside it: REAL.migrating */
	struct text kept; /* where the old one is; "" it has its old name */
};

/* Makes an empty file for the copy, with the permissions and the group of the history, over what
 * a killed process left of one. Refuses where the disk has no room for another of its size
 * (W201). 0, or -1 with err; replace_end in both cases. */
int replace_begin(struct replace *r, const char *history, struct err *err);

/* Puts the copy, which is closed, on the disk and in the place of the history; the old file stays
 * as NAME-v`version`.db, with .2, .3, ... behind it where that is another file. Whatever is killed
 * or fails on the way, the history's name is that of the old file or of the new one, whole. 0, or
 * -1 with err. */
int replace_publish(struct replace *r, int version, struct err *err);

/* Removes a copy that was not published. */
void replace_end(struct replace *r);

#endif
