/* Tally: written only; a console does not read it. */
#include "client/wire_tally.h"

#include <inttypes.h>
#include <stdio.h>

static void write_part(struct text *out, const struct tallies_part *p)
{
	text_add(out, "{");
	text_json_int(out, "records", p->records);
	text_json_int(out, "keys", p->keys);
	text_json_int(out, "waiting", p->waiting);
	text_json_str(out, "pressure", pressure_name(p->pressure));
	text_json_real(out, "per_second", p->per_second);
	text_add(out, "}");
}

static void write_arm(struct text *out, const struct tallies_facts *f)
{
	char digest[17];
	if (!f) {
		text_add(out, "null");
		return;
	}
	/* 64 bits are more than a number of JSON holds. */
	snprintf(digest, sizeof digest, "%016" PRIx64, f->digest);
	text_add(out, "{");
	text_json_str(out, "processor", f->processor);
	text_json_str(out, "partition", partition_name(f->strategy));
	text_json_int(out, "records", f->records);
	text_json_int(out, "keys", f->keys);
	text_json_str(out, "digest", digest);
	text_json_int(out, "pauses", f->pauses);
	text_json_int(out, "paused_us", f->paused_us);
	text_json_key(out, "partitions");
	text_add(out, "[");
	for (int i = 0; i < f->part_count; i++) {
		text_add(out, i ? "," : "");
		write_part(out, &f->part[i]);
	}
	text_add(out, "]}");
}

void wire_write_tally(struct text *out, const struct tallies_facts *const arms[ARM_COUNT])
{
	text_add(out, "{");
	for (int i = 0; i < ARM_COUNT; i++) {
		text_json_key(out, arm_name((enum arm)i));
		write_arm(out, arms[i]);
	}
	text_add(out, "}");
}
