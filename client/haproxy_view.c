/* Views: from the answers of one question to facts. Nothing is remembered here.
 *
 * Errors of a backend are the 5xx that its clients saw; of a server of a group its own 5xx, and
 * the answers that HAProxy had to make up for it. An answer that a server broke off is an error,
 * whatever its status said. What a client gave up counts for neither side. */
#include "client/haproxy_view.h"

#include "client/haproxy_split.h"
#include "model/text.h"
#include "model/unit.h"

#include <stddef.h>
#include <string.h>

/* ---- asking ---- */

static bool has_map(const struct haproxy_target *t)
{
	return t->map[0] != '\0';
}

/* Weights are of one backend's servers. */
static int arms_asked(const struct haproxy_target *t)
{
	return t->way == HAPROXY_MAP ? ARM_COUNT : 1;
}

static bool is_together(const struct haproxy_target *t)
{
	return t->keys.count > 1;
}

void haproxy_view_ask(struct haproxy_session *s, const struct haproxy_target *t)
{
	haproxy_session_ask(s, "show info");
	for (int arm = 0; arm < arms_asked(t); arm++)
		for (int i = 0; i < t->backends[arm].count; i++)
			haproxy_session_ask(s, "show stat %s 6 -1", t->backends[arm].name[i]);
	if (has_map(t))
		haproxy_session_ask(s, "show map %s", t->map);
}

void haproxy_view_ask_share(struct haproxy_session *s, const struct haproxy_target *t)
{
	haproxy_session_ask(s, "show info");
	for (int i = 0; i < t->keys.count; i++)
		haproxy_session_ask(s, "get map %s %s", t->map, t->keys.name[i]);
	if (t->way == HAPROXY_WEIGHTS)
		haproxy_session_ask(s, "show stat %s 6 -1", t->backends[ARM_V1].name[0]);
}

/* ---- the arms ---- */

static int64_t known(int64_t n)
{
	return n == UNKNOWN ? 0 : n;
}

static bool begins(const char *word, const char *with)
{
	return strncmp(word, with, strlen(with)) == 0;
}

static void take_server(struct haproxy_arm *a, const struct haproxy_row *r, int backend)
{
	bool ready = begins(r->status, "UP") || begins(r->status, "no check");
	a->total++;
	a->ready += ready;
	a->went_down += known(r->chkdown);
	if (a->count == HAPROXY_ROWS_SHOWN)
		return;
	struct haproxy_server *s = &a->server[a->count++];
	text_copy(s->name, sizeof(s->name), r->server);
	s->backend = backend;
	text_copy(s->status, sizeof(s->status), r->status);
	text_copy(s->check, sizeof(s->check), r->check);
	int64_t weight = known(r->uweight != UNKNOWN ? r->uweight : r->weight);
	s->weight = weight > HAPROXY_WEIGHT_MAX ? HAPROXY_WEIGHT_MAX : (int)weight;
	s->ready = ready;
	s->maint = begins(r->status, "MAINT");
	s->locked = s->maint || begins(r->status, "DRAIN");
	s->served = r->stot;
	s->failed = known(r->hrsp_5xx) + known(r->eresp) + known(r->econ) + known(r->srv_abrt);
}

int haproxy_view_active(const struct haproxy_arm *a)
{
	int active = 0;
	for (int i = 0; i < a->count; i++)
		active += !a->server[i].locked || a->server[i].weight == 0;
	return active > 0 ? active : a->count;
}

static void count(struct haproxy_arm *a, const struct haproxy_row *r)
{
	a->requests += known(r->stot);
	int64_t answered =
		known(r->hrsp_1xx) + known(r->hrsp_2xx) + known(r->hrsp_3xx) + known(r->hrsp_4xx);
	int64_t broken = known(r->srv_abrt);
	a->ok += answered > broken ? answered - broken : 0;
	a->server_errors += known(r->hrsp_5xx);
	a->response_errors += broken;
	a->retries += known(r->wretr);
	a->queue += known(r->qcur);
	a->in_flight += known(r->scur);
}

struct reading {
	struct haproxy_view *view;
	const struct haproxy_target *target;
	enum arm arm; /* MAP: whose backend it is */
	int backend;  /* which of them */
	int found;    /* rows of a backend of the name */
	bool is_http;
};

/* The row of the backend itself. */
static void take_found(struct reading *x, const struct haproxy_row *r)
{
	x->found++;
	x->is_http &= r->mode[0] == '\0' || strcmp(r->mode, "http") == 0;
}

/* A backend's own row has its counters, its servers' rows are its workers. */
static bool take_backend(void *ctx, const struct haproxy_row *r)
{
	struct reading *x = ctx;
	struct haproxy_arm *a = &x->view->arms[x->arm];
	if (strcmp(r->proxy, x->target->backends[x->arm].name[x->backend]) != 0)
		return true;
	if (r->kind == HAPROXY_SERVER)
		take_server(a, r, x->backend);
	if (r->kind != HAPROXY_BACKEND)
		return true;
	take_found(x, r);
	count(a, r);
	return true;
}

static int arm_of(const struct haproxy_target *t, const char *server)
{
	for (int arm = 0; arm < ARM_COUNT; arm++)
		for (int i = 0; i < t->servers[arm].count; i++)
			if (strcmp(t->servers[arm].name[i], server) == 0)
				return arm;
	return ARM_COUNT;
}

/* Of a backend that splits by weights each server counts for its group. */
static bool take_group(void *ctx, const struct haproxy_row *r)
{
	struct reading *x = ctx;
	if (strcmp(r->proxy, x->target->backends[ARM_V1].name[0]) != 0)
		return true;
	if (r->kind == HAPROXY_BACKEND)
		take_found(x, r);
	int arm = r->kind == HAPROXY_SERVER ? arm_of(x->target, r->server) : ARM_COUNT;
	if (arm == ARM_COUNT)
		return true;
	struct haproxy_arm *a = &x->view->arms[arm];
	take_server(a, r, 0);
	count(a, r);
	a->response_errors += known(r->eresp);
	a->connection_errors += known(r->econ);
	return true;
}

static int read_arms(struct reading *x, const char *text, struct err *err)
{
	bool by_map = x->target->way == HAPROXY_MAP;
	const char *name = x->target->backends[x->arm].name[x->backend];
	x->found = 0;
	x->is_http = true;
	if (haproxy_read_stat(text, by_map ? take_backend : take_group, x, err) != 0)
		return err_prefix(err, "backend \"%s\"", name);
	if (x->found == 0)
		return err_set(err, ERR_CONFIG, "HAProxy has no backend \"%s\"", name);
	if (x->found > 1)
		return err_set(err, ERR_FIELD, "HAProxy tells of \"%s\" twice: no count is sure", name);
	if (!x->is_http)
		return err_set(err, ERR_CONFIG,
			"the backend \"%s\" is of mode tcp, which counts no answers: mode http is needed",
			name);
	return 0;
}

/* ---- the share ---- */

static int share_of_map(struct haproxy_view *v, const struct haproxy_target *t, struct err *err)
{
	if (!v->map.has_split)
		return err_set(err, ERR_CONFIG,
			"the map \"%s\" has no key \"%s\": put the line \"%s 0\" into the file and reload",
			t->map, t->key, t->key);
	if (v->map.permille < 0)
		return err_set(err, ERR_FIELD,
			"the map \"%s\" says \"%s\" for \"%s\", which is no number of 0 to 1000", t->map,
			v->map.value, t->key);
	if (v->map.uneven)
		return err_set(err, ERR_FIELD,
			"the map \"%s\" has not one number for all keys of \"%s\": a rollback sets "
			"those that it has",
			t->map, t->key);
	v->share_bp = v->map.permille * (SHARE_FULL / HAPROXY_PERMILLE);
	return 0;
}

static int share_of_weights(
	struct haproxy_view *v, const struct haproxy_target *t, struct err *err)
{
	int servers[ARM_COUNT];
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		const struct haproxy_arm *a = &v->arms[arm];
		if (a->count != t->servers[arm].count)
			return err_set(err, ERR_CONFIG,
				"the backend \"%s\" has %d of the %d servers that are named for %s", t->key,
				a->count, t->servers[arm].count, arm_name((enum arm)arm));
		servers[arm] = haproxy_view_active(a);
		for (int i = 0; i < a->count; i++)
			v->weights[arm] += a->server[i].locked ? 0 : a->server[i].weight;
	}
	v->share_bp = haproxy_split_share(servers, v->weights);
	if (v->share_bp < 0)
		return err_set(err, ERR_FIELD,
			"all weights of \"%s\" are 0, or all its servers are out: no share can be told",
			t->key);
	return 0;
}

/* The lines are many, and few have them. */
static void clear(struct haproxy_view *v)
{
	memset(v, 0, offsetof(struct haproxy_view, lines));
	v->lines.count = 0;
	v->lines.cut = false;
}

static int read_map(
	struct haproxy_view *out, const struct haproxy_target *t, const char *text, struct err *err)
{
	const struct haproxy_group *keys = is_together(t) ? &t->keys : NULL;
	if (haproxy_map_read(&out->map, t->key, keys, text, err) == 0 &&
		(keys == NULL || haproxy_lines_read(&out->lines, text, err) == 0))
		return 0;
	return err_prefix(err, "map \"%s\"", t->map);
}

int haproxy_view_read(struct haproxy_view *out, const struct haproxy_session *s, size_t from,
	const struct haproxy_target *t, struct err *err)
{
	struct reading x = {.view = out, .target = t};
	clear(out);
	if (haproxy_read_info(&out->info, haproxy_session_answer(s, from++), err) != 0)
		return -1;
	for (int arm = 0; arm < arms_asked(t); arm++)
		for (int i = 0; i < t->backends[arm].count; i++) {
			x.arm = (enum arm)arm;
			x.backend = i;
			if (read_arms(&x, haproxy_session_answer(s, from++), err) != 0)
				return -1;
		}
	if (has_map(t) && read_map(out, t, haproxy_session_answer(s, from++), err) != 0)
		return -1;
	return t->way == HAPROXY_MAP ? share_of_map(out, t, err) : share_of_weights(out, t, err);
}

int haproxy_view_read_share(struct haproxy_view *out, const struct haproxy_session *s,
	size_t from, const struct haproxy_target *t, struct err *err)
{
	struct reading x = {.view = out, .target = t};
	clear(out);
	if (haproxy_read_info(&out->info, haproxy_session_answer(s, from++), err) != 0)
		return -1;
	if (t->way == HAPROXY_WEIGHTS)
		return read_arms(&x, haproxy_session_answer(s, from), err) != 0
			? -1
			: share_of_weights(out, t, err);
	out->map.has_split = true;
	for (int i = 0; i < t->keys.count; i++) {
		int permille;
		if (haproxy_read_value(&permille, haproxy_session_answer(s, from++), err) != 0)
			return err_prefix(err, "map \"%s\"", t->map);
		out->map.uneven |= i > 0 && permille != out->map.permille;
		out->map.permille = permille;
	}
	return share_of_map(out, t, err);
}
