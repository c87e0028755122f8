/* weir doctor at a pool whose plan lies in etcd: etcd itself, what it lets us do, its nodes. */
#ifndef WEIR_TUI_DOCTOR_ETCD_H
#define WEIR_TUI_DOCTOR_ETCD_H

#include "model/text.h"
#include "tui/etcd_nodes.h"

/* What is to be said of etcd at `target`, the pool's or one of its nodes'; changes nothing. */
struct doctor_etcd {
	struct etcd_nodes nodes;
	struct err err;     /* why etcd cannot be asked; code 0: it was */
	struct err refused; /* why it would not take a change; code 0: it would */
};

void doctor_etcd_look(struct doctor_etcd *out, const char *target);
void doctor_etcd_release(struct doctor_etcd *d);

/* Lines for a person; members of a JSON object, "etcd" being one. */
void doctor_etcd_plain(struct text *out, const struct doctor_etcd *d);
void doctor_etcd_json(struct text *out, const struct doctor_etcd *d);

#endif
