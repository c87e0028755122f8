/* Config, calendar: a plan's hours and freezes, in the zone that either of its keys names. How
 * they are written is model/calendar.h's. */
#include "tui/config.h"
#include "tui/config_table.h"
#include "tui/zone_file.h"

#include "model/text.h"

#include <string.h>

/* The place of the byte at which a scalar is wrong, where what is read is what is written. */
static struct yaml_place place_of(const struct yaml_node *node, size_t at)
{
	struct yaml_place place = node->at;
	for (size_t i = 0; node->text[i]; i++)
		if ((unsigned char)node->text[i] >= 0x7f || strchr("\n\"'\\", node->text[i]))
			return place;
	place.column += (int)at + node->quoted;
	return place;
}

int config_read_freeze(
	const struct yaml_doc *doc, const struct yaml_node *node, void *field, struct err *err)
{
	(void)field;
	if (node->kind != YAML_KIND_LIST)
		return yaml_fail_expected(
			doc, node, "a list of freezes such as [\"2026-12-20..2027-01-06 Christmas\"]", err);
	return 0;
}

/* The zone of the hours or of its own key, which must agree. */
static int read_zone(
	const struct yaml_doc *doc, const struct yaml_node *map, struct plan *plan, struct err *err)
{
	struct calendar *c = &plan->calendar;
	struct err why = {0};
	const struct yaml_node *own = yaml_get(map, "zone");
	if (plan->zone[0] && c->zone_name[0] && strcmp(plan->zone, c->zone_name) != 0)
		return yaml_fail(doc, own->at, err,
			"\"zone\" is \"%.64s\", and the hours are of \"%.64s\": a plan has one", plan->zone,
			c->zone_name);
	if (plan->zone[0])
		text_copy(c->zone_name, sizeof(c->zone_name), plan->zone);
	if (zone_load(&c->zone, c->zone_name, &why) == 0)
		return 0;
	return yaml_fail(doc, own ? own->at : yaml_get(map, "hours")->at, err, "%s", why.text);
}

static int read_freezes(const struct yaml_doc *doc, const struct yaml_node *list,
	struct calendar *c, struct err *err)
{
	for (size_t i = 0; list && i < list->count; i++) {
		const struct yaml_node *node = &list->items[i];
		struct err why = {0};
		size_t at;
		const char *text =
			yaml_scalar(doc, node, "a freeze such as 2026-12-20..2027-01-06 Christmas", err);
		if (!text)
			return -1;
		if (calendar_read_freeze(c, text, &at, &why) != 0)
			return yaml_fail(doc, place_of(node, at), err, "a freeze: %s", why.text);
	}
	return 0;
}

int config_read_calendar(
	const struct yaml_doc *doc, const struct yaml_node *map, struct plan *plan, struct err *err)
{
	struct calendar *c = &plan->calendar;
	const struct yaml_node *hours = yaml_get(map, "hours");
	struct err why = {0};
	size_t at;
	if (plan->hours[0] && calendar_read_hours(c, plan->hours, &at, &why) != 0)
		return yaml_fail(doc, place_of(hours, at), err, "\"hours\": %s", why.text);
	if (read_zone(doc, map, plan, err) != 0)
		return -1;
	return read_freezes(doc, yaml_get(map, "freeze"), c, err);
}
