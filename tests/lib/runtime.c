/* Runtime socket: one thread, one line at a time. */
#include "tests/lib/runtime.h"

#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static bool begins(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

static void add_info(struct runtime *f, struct text *out)
{
	text_addf(out,
		"Name: HAProxy\nVersion: 2.6.12\nPid: %lld\nUptime_sec: %lld\nnode: vm\nStopping: %d\n"
		"Start_time_sec: %lld\n",
		(long long)f->pid, (long long)f->uptime_s, f->mode == RUNTIME_OLD,
		(long long)f->start_s);
}

static const char *status_of(const struct runtime *f, int arm)
{
	return f->maint[arm] ? "MAINT" : f->drained[arm] ? "DRAIN" : f->down[arm] ? "DOWN" : "UP";
}

static void add_stat(struct runtime *f, struct text *out, const char *line)
{
	static const char *const names[] = {"v1", "v2"};
	text_add(out,
		"# pxname,svname,type,status,scur,stot,hrsp_2xx,hrsp_5xx,eresp,econ,uweight,mode,"
		"srv_abrt,\n");
	const char *kind = f->tcp ? "tcp" : "http";
	for (int arm = 0; arm < 2; arm++) {
		const char *word = f->mode == RUNTIME_DAMAGED ? "x" : "0";
		if (strstr(line, names[arm]))
			text_addf(out, "%s,a,2,%s,%s,9,9,0,0,0,1,%s,,\n", names[arm], status_of(f, arm),
				word, kind);
		for (int i = 0; strstr(line, names[arm]) && i <= f->twice; i++)
			text_addf(out, "%s,BACKEND,1,UP,0,%lld,%lld,%lld,,0,1,%s,%lld,\n", names[arm],
				(long long)f->requests[arm],
				(long long)(f->requests[arm] - (arm ? f->failed : 0)),
				(long long)(arm ? f->failed : 0), kind, (long long)(arm ? f->broken : 0));
		if (strstr(line, "pair"))
			text_addf(out, "pair,%c,2,%s,%s,%lld,0,0,0,0,%d,%s,,\n", 'a' + arm,
				status_of(f, arm), word, (long long)f->requests[arm], f->weight[arm], kind);
	}
	if (strstr(line, "pair"))
		text_addf(out, "pair,BACKEND,1,UP,0,0,0,0,,0,2,%s,,\n", kind);
}

/* Removes the line of a key from the notes. */
static bool drop_note(struct runtime *f, const char *key)
{
	char *at = f->notes.data ? strstr(f->notes.data, key) : NULL;
	if (!at)
		return false;
	char *from = at;
	while (from > f->notes.data && from[-1] != '\n')
		from--;
	char *to = at + strcspn(at, "\n") + 1;
	memmove(from, to, strlen(to) + 1);
	f->notes.len -= (size_t)(to - from);
	return true;
}

/* A step that was under way goes in behind a rollback that has read the same notes. */
static void set_share(struct runtime *f, int permille)
{
	f->permille = f->mode == RUNTIME_RIVAL ? 777 : permille;
	if (!f->rolls_back)
		return;
	f->rolls_back = false;
	text_add(&f->notes, "0x1 weir.orders.2.bob@db2/rollback/other/1795000500000/500/0/0 0\n");
}

static void change(struct runtime *f, struct text *out, const char *line)
{
	char key[512];
	int n;
	long long value;
	char server;
	if (f->mode == RUNTIME_DEAF)
		return;
	if (f->mode == RUNTIME_DENIED && begins(line, "set server"))
		text_add(out, "Permission denied\n");
	else if (sscanf(line, "set map %*s orders %d", &n) == 1)
		set_share(f, n);
	else if (sscanf(line, "add map %*s %500s %lld", key, &value) == 2)
		text_addf(&f->notes, "0x1 %s %lld\n", key, value);
	else if (sscanf(line, "del map %*s %500s", key) == 1)
		text_add(out, drop_note(f, key) ? "" : "Key not found.\n");
	else if (sscanf(line, "set server pair/%c weight %d", &server, &n) == 2)
		f->weight[server - 'a'] = n;
	else if (sscanf(line, "set server pair/%c state", &server) == 1) {
		f->maint[server - 'a'] = strstr(line, "maint") != NULL;
		f->drained[server - 'a'] = strstr(line, "drain") != NULL;
	} else if (sscanf(line, "set server v%d/a state", &n) == 1)
		f->drained[n - 1] = strstr(line, "drain") != NULL;
	else
		text_add(out, "Unknown command\n");
}

static bool is_change(const char *line)
{
	return begins(line, "set ") || begins(line, "add ") || begins(line, "del ");
}

/* The answer to a line; false: the connection ends instead. */
static bool answer(struct runtime *f, const char *line, struct text *out)
{
	text_addf(&f->heard, "%s\n", line);
	if (f->mode == RUNTIME_CLOSED || (f->mode == RUNTIME_CUT_BEFORE && is_change(line)))
		return false;
	if (f->mode == RUNTIME_GARBAGE)
		text_add(out, "220 mail.example ESMTP");
	else if (is_change(line))
		change(f, out, line);
	else if (begins(line, "get map /m orders"))
		text_addf(out,
			"type=str, case=sensitive, found=yes, idx=tree, key=\"orders\", value=\"%d\", "
			"type=\"str\"\n",
			f->permille);
	else if (begins(line, "show info"))
		add_info(f, out);
	else if (begins(line, "show stat"))
		add_stat(f, out, line);
	else if (begins(line, "show map /m") && f->hides_map)
		return false;
	else if (begins(line, "show map /m"))
		text_addf(out, "0x1 orders %d\n%s", f->permille, text_str(&f->notes));
	else if (!begins(line, "prompt"))
		text_add(out, "Unknown command\n");
	text_add(out, "\n> ");
	/* what was asked behind it on the same connection is never read */
	return f->mode != RUNTIME_CUT_AFTER || !begins(line, "set ");
}

static void send_out(struct runtime *f, int fd, struct text *out)
{
	if (f->mode == RUNTIME_SILENT)
		return;
	for (size_t i = 0; f->mode == RUNTIME_DRIP && i < out->len; i++)
		send(fd, out->data + i, 1, MSG_NOSIGNAL);
	if (f->mode != RUNTIME_DRIP)
		send(fd, text_str(out), out->len, MSG_NOSIGNAL);
	char block[4096];
	memset(block, 'x', sizeof block);
	for (int i = 0; f->mode == RUNTIME_ENDLESS && i < 1200; i++)
		if (send(fd, block, sizeof block, MSG_NOSIGNAL) < 0)
			break;
}

static void drop(struct runtime *f, int k)
{
	close(f->fds[2 + k].fd);
	f->fds[2 + k].fd = -1;
}

static void serve(struct runtime *f, int k)
{
	char bytes[4096];
	int fd = f->fds[2 + k].fd;
	ssize_t n = recv(fd, bytes, sizeof bytes, 0);
	bool stays = n > 0;
	pthread_mutex_lock(&f->mutex);
	for (ssize_t i = 0; i < n && stays; i++) {
		if (bytes[i] != '\n') {
			if (f->len[k] < sizeof f->line[k] - 1)
				f->line[k][f->len[k]++] = bytes[i];
			continue;
		}
		struct text out = {0};
		f->line[k][f->len[k]] = 0;
		f->len[k] = 0;
		stays = answer(f, f->line[k], &out);
		send_out(f, fd, &out);
		text_free(&out);
	}
	pthread_mutex_unlock(&f->mutex);
	if (!stays)
		drop(f, k);
}

static void *run_runtime(void *ctx)
{
	struct runtime *f = ctx;
	while (poll(f->fds, 2 + RUNTIME_CLIENTS, -1) > 0 && !f->fds[0].revents) {
		for (int k = 0; k < RUNTIME_CLIENTS; k++)
			if (f->fds[2 + k].fd >= 0 && f->fds[2 + k].revents)
				serve(f, k);
		if (!f->fds[1].revents)
			continue;
		int fd = accept(f->fds[1].fd, NULL, NULL);
		for (int k = 0; k < RUNTIME_CLIENTS; k++)
			if (f->fds[2 + k].fd < 0) {
				f->fds[2 + k].fd = fd;
				f->len[k] = 0;
				break;
			}
	}
	return NULL;
}

bool runtime_start(struct runtime *r, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof address.sun_path)
		return false;
	snprintf(r->path, sizeof r->path, "%s", path);
	memcpy(address.sun_path, r->path, sizeof address.sun_path);
	for (int i = 0; i < 2 + RUNTIME_CLIENTS; i++)
		r->fds[i] = (struct pollfd){.fd = -1, .events = POLLIN};
	r->fds[0].fd = r->stop_fd = eventfd(0, 0);
	r->fds[1].fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (bind(r->fds[1].fd, (struct sockaddr *)&address, sizeof address) != 0 ||
		listen(r->fds[1].fd, 8) != 0)
		return false;
	pthread_mutex_init(&r->mutex, NULL);
	r->pid = 100;
	r->start_s = 1795000000;
	r->uptime_s = 500;
	r->requests[0] = 1000;
	r->weight[0] = 100;
	return pthread_create(&r->thread, NULL, run_runtime, r) == 0;
}

void runtime_stop(struct runtime *r)
{
	eventfd_write(r->stop_fd, 1);
	pthread_join(r->thread, NULL);
	for (int i = 0; i < 2 + RUNTIME_CLIENTS; i++)
		if (r->fds[i].fd >= 0)
			close(r->fds[i].fd);
	text_free(&r->notes);
	text_free(&r->heard);
}

void runtime_set(struct runtime *r, enum runtime_mode mode)
{
	pthread_mutex_lock(&r->mutex);
	r->mode = mode;
	text_clear(&r->heard);
	pthread_mutex_unlock(&r->mutex);
}

bool runtime_heard(struct runtime *r, const char *text)
{
	pthread_mutex_lock(&r->mutex);
	bool found = strstr(text_str(&r->heard), text) != NULL;
	pthread_mutex_unlock(&r->mutex);
	return found;
}
