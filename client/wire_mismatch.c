/* Mismatch: what shadow found to differ, as GET /v1/mismatches tells it. Written only; a console
 * does not read it. */
#include "client/wire_mismatch.h"

static void write_answer(struct text *out, const struct mismatch_answer *a)
{
	text_add(out, "{");
	text_json_bool(out, "ok", a->ok);
	text_json_int(out, "latency_us", a->latency_us);
	text_json_str(out, a->ok ? "result" : "message", a->text);
	text_add(out, "}");
}

void wire_write_mismatches(struct text *out, const struct mismatch *m, size_t count)
{
	text_add(out, "{\"mismatches\":[");
	for (size_t i = 0; i < count; i++) {
		text_add(out, i ? ",{" : "{");
		text_json_int(out, "age_ms", m[i].age_ms);
		text_json_str(out, "operation", m[i].operation);
		text_json_str(out, "id", m[i].id);
		for (int arm = 0; arm < ARM_COUNT; arm++) {
			text_json_key(out, arm_name((enum arm)arm));
			write_answer(out, &m[i].arms[arm]);
		}
		text_add(out, "}");
	}
	text_add(out, "]}");
}
