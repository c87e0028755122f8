/* Config bed: files with a configuration, and what is said of bad ones. */
#ifndef WEIR_TESTS_UNIT_TUI_CONFIG_BED_H
#define WEIR_TESTS_UNIT_TUI_CONFIG_BED_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "history/chain.h"
#include "model/err.h"
#include "model/text.h"
#include "model/unit.h"
#include "tui/config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum file_kind { FILE_CONFIG, FILE_PLAN, FILE_SCENARIO };

static inline int parse_as(enum file_kind kind, const char *text, struct err *err)
{
	*err = (struct err){0};
	if (kind == FILE_PLAN) {
		struct plan plan;
		return config_parse_plan(&plan, text, strlen(text), "f", NULL, err);
	}
	if (kind == FILE_SCENARIO) {
		struct scenario scenario;
		return config_parse_scenario(&scenario, text, strlen(text), "f", err);
	}
	struct config config;
	int rc = config_parse(&config, text, strlen(text), "f", err);
	config_free(&config);
	return rc;
}

static inline void assert_accepted(enum file_kind kind, const char *text)
{
	struct err err;
	if (parse_as(kind, text, &err) != 0)
		fail_msg("%s: %s", text, err.text);
}

/* `column` 0: any. */
static inline void assert_wrong(
	enum file_kind kind, const char *text, size_t column, const char *says)
{
	struct err err;
	char place[32];
	if (parse_as(kind, text, &err) == 0)
		fail_msg("accepted: %s", text);
	assert_int_equal(err.code, ERR_CONFIG);
	snprintf(place, sizeof(place), "f:1:%zu: ", column);
	if ((column && strncmp(err.text, place, strlen(place)) != 0) || !strstr(err.text, says))
		fail_msg("%s: expected %s… %s, got %s", text, place, says, err.text);
}

static const char whole_example[] =
	"history: /var/lib/weir/history.db\n"
	"pools:\n"
	"  checkout:\n"
	"    target: http://127.0.0.1:7070\n"
	"    env: prod\n"
	"    token_file: ~/.config/weir/checkout.token\n"
	"    plan: {steps: [1% for 1d, 10% for 3d, 50%, 100%], bake: 10m, "
	"hours: \"Mon-Thu 09:00-16:00 Europe/Vienna\", min_samples: 300, max_delta: 50%, "
	"on_orphan: revert, on_reload: hold, policy: standard}\n"
	"    guards: {error_rate_threshold: 0.05, latency_threshold_ms: 1000, memory_limit: 2GiB, "
	"action: rollback}\n";

/* ---- finding the file ---- */

struct place {
	char dir[256];
	char config[320]; /* DIR/weir/weir.yaml */
};

#endif
