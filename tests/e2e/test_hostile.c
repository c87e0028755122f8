#define _GNU_SOURCE
#define NCURSES_WIDECHAR 1
/* The program at a pool that lies in every name, by its screen and by its commands. On the release
 * build. */
#include "tests/e2e/terminal_bed.h"

/* ---- a pool that lies in every name ---- */

#define BATCH 15 /* entries of its log to a batch, the last of them plain */
#define BATCHES ((CORPUS_COUNT + BATCH - 2) / (BATCH - 1))
#define CALLERS_MAX 8

/* The i-th row that may stand in a document. */
static char *word(int i)
{
	const struct corpus_row *row = corpus_row(i % CORPUS_COUNT);
	return row->is_text && row->len ? corpus_json(row) : mem_copy("\"kim\"");
}

static void add_word(struct text *t, const char *before, int i)
{
	char *w = word(i);
	text_addf(t, "%s%s", before, w);
	free(w);
}

static void add_arm(struct text *t, int batch)
{
	text_add(t, "{\"requests\":1000,\"ok\":900,\"failed\":{\"timeout\":100},\"operations\":{");
	for (int i = 0; i < 8; i++) {
		/* Keys differ: the next row may be cut to the same as this one. */
		char *w = word(batch * 8 + i);
		text_addf(t, "%s\"%d %s:{\"requests\":100,\"ok\":10,\"failed\":%d}", i ? "," : "", i,
			w + 1, 10 + (i + batch) % 8);
		free(w);
	}
	text_add(t, "}}");
}

static void lie_state(struct liar *l, struct text *t)
{
	int batch = atomic_load(&l->batch), broken = atomic_load(&l->broken);
	int seq = atomic_fetch_add(&l->documents, 1) + 1, rev = batch * BATCH;
	text_add(t,
		"{\"schema\":\"weir.pool/1\",\"pool_id\":\"liar\",\"node_id\":\"n1\","
		"\"boot_id\":\"b1\",\"epoch\":1,\"strategy\":\"canary\",\"share_bp\":0,"
		"\"baseline_bp\":0");
	text_addf(t, ",\"seq\":%d,\"rev\":%d,\"audit_seq\":%d", seq, rev, rev);
	add_word(t, ",\"pool\":", batch);
	add_word(t, ",\"node\":", batch + 60);
	if (broken < 0) {
		add_word(t, ",\"build\":", batch + 120);
	} else {
		char *raw = corpus_json(corpus_row(broken));
		text_addf(t, ",\"build\":%s", raw);
		free(raw);
	}
	add_word(t, ",\"hold\":{\"age_ms\":1000,\"actor\":", batch * 13);
	add_word(t, ",\"reason\":", batch * 7 + 3);
	add_word(t, "},\"change\":{\"age_ms\":1000,\"actor\":", batch * 11 + 5);
	text_add(t, "},\"arms\":{\"v1\":");
	add_arm(t, batch);
	text_add(t, ",\"v2\":");
	add_arm(t, batch);
	text_add(t, "}}");
}

static void lie_audit(struct liar *l, struct text *t, int since)
{
	int last = atomic_load(&l->batch) * BATCH;
	text_add(t, "{\"entries\":[");
	for (int i = since + 1; i <= last; i++) {
		text_addf(t,
			"%s{\"seq\":%d,\"what\":\"hold\",\"from_bp\":0,\"to_bp\":0,\"epoch\":1,"
			"\"rev\":%d,\"key\":\"k-%d\",\"age_ms\":100",
			i == since + 1 ? "" : ",", i, i, i);
		if (i % BATCH == 0) {
			text_addf(t, ",\"actor\":\"kim\",\"reason\":\"batch-%d.\"}", i / BATCH);
			continue;
		}
		int row = i - 1 - i / BATCH;
		add_word(t, ",\"actor\":", row);
		add_word(t, ",\"reason\":", row + CORPUS_COUNT / 2);
		text_add(t, "}");
	}
	text_add(t, "]}");
}

static void answer(struct liar *l, int fd, const char *request)
{
	struct text body = {0}, head = {0};
	const char *since = strstr(request, "/v1/audit?since=");
	int status = 200;
	if (strncmp(request, "GET /v1/state", 13) == 0) {
		lie_state(l, &body);
	} else if (since) {
		lie_audit(l, &body, (int)strtol(since + 16, NULL, 10));
	} else {
		status = 422;
		int batch = atomic_load(&l->batch);
		add_word(&body, "{\"error\":\"limit\",\"message\":", batch * 19 + 1);
		add_word(&body, ",\"changed_by\":", batch * 23 + 2);
		text_add(&body, "}");
	}
	text_addf(&head,
		"HTTP/1.1 %d said\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
		status, body.len);
	text_add_n(&head, body.data, body.len);
	for (size_t at = 0; at < head.len;) {
		ssize_t put = send(fd, head.data + at, head.len - at, MSG_NOSIGNAL);
		if (put <= 0)
			break;
		at += (size_t)put;
	}
	text_free(&body);
	text_free(&head);
}

/* True when a whole request is there. */
static bool is_whole(const struct text *t)
{
	const char *end = strstr(text_str(t), "\r\n\r\n");
	const char *length = strcasestr(text_str(t), "\r\ncontent-length:");
	size_t body = length ? strtoul(length + 17, NULL, 10) : 0;
	return end && t->len >= (size_t)(end - t->data) + 4 + body;
}

static void *tell_lies(void *arg)
{
	struct liar *l = arg;
	struct text request[CALLERS_MAX] = {0};
	struct pollfd fds[2 + CALLERS_MAX] = {
		{.fd = l->stop, .events = POLLIN}, {.fd = l->listener, .events = POLLIN}};
	for (int i = 0; i < CALLERS_MAX; i++)
		fds[2 + i] = (struct pollfd){.fd = -1, .events = POLLIN};
	while (poll(fds, 2 + CALLERS_MAX, -1) > 0 && !fds[0].revents) {
		for (int i = 0; i < CALLERS_MAX; i++) {
			struct pollfd *fd = &fds[2 + i];
			char part[4096];
			if (fd->fd < 0 || !fd->revents)
				continue;
			ssize_t got = read(fd->fd, part, sizeof part);
			if (got <= 0) {
				close(fd->fd);
				fd->fd = -1;
				text_clear(&request[i]);
				continue;
			}
			text_add_n(&request[i], part, (size_t)got);
			if (is_whole(&request[i])) {
				answer(l, fd->fd, request[i].data);
				text_clear(&request[i]);
			}
		}
		int free_one = 2;
		while (free_one < 2 + CALLERS_MAX && fds[free_one].fd >= 0)
			free_one++;
		if (fds[1].revents && free_one < 2 + CALLERS_MAX) {
			fds[free_one].fd = accept4(l->listener, NULL, NULL, SOCK_CLOEXEC);
			fds[free_one].revents = 0;
		}
	}
	for (int i = 0; i < CALLERS_MAX; i++) {
		if (fds[2 + i].fd >= 0)
			close(fds[2 + i].fd);
		text_free(&request[i]);
	}
	return NULL;
}

static struct liar *liar_start(const char *path)
{
	struct liar *l = mem_new(1, sizeof *l);
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	atomic_store(&l->batch, 1);
	atomic_store(&l->broken, -1);
	corpus_row(0); /* made before there are two threads */
	l->stop = eventfd(0, EFD_CLOEXEC);
	l->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(text_copy(a.sun_path, sizeof a.sun_path, path));
	assert_int_equal(bind(l->listener, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(l->listener, 16), 0);
	assert_int_equal(pthread_create(&l->thread, NULL, tell_lies, l), 0);
	return l;
}

/* ---- what a terminal of this type may be told ---- */

struct vocabulary {
	char **words; /* sorted */
	size_t count, cap, longest;
};

static void may_say(struct vocabulary *v, const char *s)
{
	struct text t = {0};
	if (!s || s == (const char *)-1 || s[0] != '\033')
		return;
	while (*s) { /* without its padding */
		if (s[0] == '$' && s[1] == '<' && strchr(s, '>'))
			s = strchr(s, '>') + 1;
		else
			text_add_n(&t, s++, 1);
	}
	v->longest = t.len > v->longest ? t.len : v->longest;
	mem_grow(&v->words, &v->cap, v->count + 1, sizeof *v->words);
	v->words[v->count++] = text_take(&t);
}

static int by_word(const void *a, const void *b)
{
	char *x, *y;
	memcpy(&x, a, sizeof x);
	memcpy(&y, b, sizeof y);
	return strcmp(x, y);
}

/* Every sequence that terminfo has for drawing on a screen of this size, and weir's own. */
static void learn(struct vocabulary *v, const char *type, int w, int h)
{
	static const char *const plain[] = {"sgr0", "op", "bold", "dim", "rev", "smul", "rmul",
		"home", "clear", "el", "el1", "ed", "cuu1", "cuf1", "ich1", "dch1", "il1", "dl1", "ri",
		"ind", "smir", "rmir", "civis", "cnorm", "smcup", "rmcup", "smacs", "rmacs", "enacs",
		"smam", "rmam", "smkx", "rmkx", "rs2", "is2"};
	static const char *const number[] = {"hpa", "vpa", "ich", "dch", "ech", "il", "dl", "cuu",
		"cud", "cuf", "cub", "indn", "rin"};
	int status;
	memset(v, 0, sizeof *v);
	assert_int_equal(setupterm(type, STDERR_FILENO, &status), OK);
	for (size_t i = 0; i < COUNT(plain); i++)
		may_say(v, tigetstr(plain[i]));
	for (size_t i = 0; i < COUNT(number); i++)
		for (int n = 0; n <= (w > h ? w : h); n++)
			may_say(v, tiparm(tigetstr(number[i]), n));
	for (int n = 0; n < 256; n++) {
		may_say(v, tiparm(tigetstr("setaf"), n));
		may_say(v, tiparm(tigetstr("setab"), n));
	}
	for (int n = 0; n < 512; n++)
		may_say(v,
			tiparm(tigetstr("sgr"), n & 1, n >> 1 & 1, n >> 2 & 1, n >> 3 & 1, n >> 4 & 1,
				n >> 5 & 1, n >> 6 & 1, n >> 7 & 1, n >> 8 & 1));
	for (int y = 0; y < h; y++) {
		for (int x = 0; x < w; x++)
			may_say(v, tiparm(tigetstr("cup"), y, x));
		for (int top = 0; top <= y; top++)
			may_say(v, tiparm(tigetstr("csr"), top, y));
	}
	for (int n = 0; n <= w; n++) /* a character, then how often again */
		may_say(v, tiparm(tigetstr("rep"), 'x', n) + 1);
	/* Curses has the terminal's own colours, one at a time, where AX is said. */
	may_say(v, "\033[39m");
	may_say(v, "\033[49m");
	may_say(v, "\033[?2004h");
	may_say(v, "\033[?2004l");
	may_say(v, "\033]11;?\a");
	del_curterm(cur_term);
	qsort(v->words, v->count, sizeof *v->words, by_word);
}

static void forget_words(struct vocabulary *v)
{
	for (size_t i = 0; i < v->count; i++)
		free(v->words[i]);
	free(v->words);
}

/* The length of the longest sequence that stands here; 0: none. */
static size_t known(const struct vocabulary *v, const char *at, size_t len)
{
	char piece[64];
	size_t most = v->longest < len ? v->longest : len;
	assert_true(v->longest < sizeof piece);
	for (; most > 1; most--) {
		char *key = piece;
		memcpy(piece, at, most);
		piece[most] = 0;
		if (bsearch(&key, v->words, v->count, sizeof *v->words, by_word))
			return most;
	}
	return 0;
}

/* Every byte is a known sequence, a title of clean text, a move of the cursor, or a character
 * that is harmless. */
static void check_bytes(const struct text *t, const struct vocabulary *v)
{
	size_t from = 0, at = 0, titles = 0;
	while (at < t->len) {
		size_t used = 0;
		char c = t->data[at];
		if (c == '\r' || c == '\n' || c == '\b' || c == '\a') {
			used = 1;
		} else if (c == '\033' && t->len - at > 4 && memcmp(t->data + at, "\033]2;", 4) == 0) {
			const char *end = memchr(t->data + at, '\a', t->len - at);
			assert_non_null(end);
			no_leak(t->data + at + 4, (size_t)(end - t->data) - at - 4, "the title");
			used = (size_t)(end - t->data) - at + 1;
			titles++;
		} else if (c == '\033') {
			used = known(v, t->data + at, t->len - at);
			if (!used)
				fail_msg("the terminal was told ESC %.*s",
					(int)strcspn(t->data + at + 1, "\033"), t->data + at + 1);
		}
		if (used) {
			no_leak(t->data + from, at - from, "the terminal's text");
			at += used;
			from = at;
		} else {
			at++;
		}
	}
	no_leak(t->data + from, at - from, "the terminal's text");
	assert_true(titles > 0); /* the checker has seen them */
}

/* ---- what is said of a hostile pool ---- */

/* The message of a failure is too short for a screen. */
static void fail_with_screen(const char *text, const char *shown)
{
	fprintf(stderr, "the terminal shows\n%s", shown);
	fail_msg("\"%s\" did not come, or is not what was drawn", text ? text : "the end");
}

/* Waits, keeping every byte, until the frame that the program has drawn is on the terminal and
 * shows `text`. */
static void listen_until(struct fixture *f, const char *text)
{
	struct pty *p = &f->g.pty;
	int64_t end_ms = process_clock_ms() + 15000;
	char part[8192], *shown = NULL;
	for (;;) {
		ssize_t got;
		while ((got = read(p->fd, part, sizeof part)) > 0) {
			text_add_n(&f->bytes, part, (size_t)got);
			simulator_feed(&p->screen, part, (size_t)got);
		}
		if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
			p->closed = true;
		if (!text && p->closed)
			return;
		free(shown);
		shown = simulator_text(&p->screen);
		struct text frame = {0};
		FILE *file = fopen(f->g.screen_file, "r");
		while (file && (got = (ssize_t)fread(part, 1, sizeof part, file)) > 0)
			text_add_n(&frame, part, (size_t)got);
		if (file)
			fclose(file);
		const char *end = strstr(text_str(&frame), "----\n");
		size_t len = end ? (size_t)(end - frame.data) : 0;
		bool same = len && strlen(shown) == len && memcmp(shown, frame.data, len) == 0;
		text_free(&frame);
		if (text && same && strstr(shown, text))
			break;
		if (p->closed || process_clock_ms() >= end_ms)
			fail_with_screen(text, shown);
		poll(&(struct pollfd){.fd = p->fd, .events = POLLIN}, 1, 20);
	}
	free(shown);
}

static void hostile_pool(struct fixture *f)
{
	char path[WORLD_PATH], target[WORLD_PATH];
	world_path(&f->w, path, "liar.sock");
	snprintf(target, sizeof target, "unix:%.180s", path);
	world_config(&f->w, target, "    interval: 100ms\n");
	f->liar = liar_start(path);
}

/* Names, reasons, builds, operations, log entries and refusals of a pool that somebody hostile
 * has written: what reaches the terminal is drawing and harmless characters, and one row stays
 * one row (the terminal shows cell by cell what was drawn). */
static void row_42_a_hostile_pool_on_a_terminal(void **state)
{
	struct fixture *f = *state;
	struct vocabulary v;
	char mark[32];
	learn(&v, "xterm-256color", 200, 50);
	hostile_pool(f);
	open_console(f, 200, 50, NULL);
	for (int batch = 1; batch <= BATCHES; batch++) {
		atomic_store(&f->liar->batch, batch);
		snprintf(mark, sizeof mark, "batch-%d.\"", batch);
		listen_until(f, mark);
		/* What the pool says to a key, and its words in a dialog. */
		pty_send(&f->g.pty, batch % 2 ? "H" : "U");
		if (batch % 2 == 0) {
			listen_until(f, "RESUME checkout");
			pty_send(&f->g.pty, "\033");
			listen_until(f, "no limit is set"); /* the dialog has covered it */
		}
	}
	/* Few: whoever gets no document asks more and more seldom. */
	for (int i = 0, odd = 0; i < CORPUS_COUNT; i++) {
		if (corpus_row(i)->is_text || odd++ % 12)
			continue;
		atomic_store(&f->liar->broken, i);
		int before = atomic_load(&f->liar->documents);
		int64_t end_ms = process_clock_ms() + 5000;
		while (atomic_load(&f->liar->documents) < before + 1 && process_clock_ms() < end_ms)
			poll(&(struct pollfd){.fd = f->g.pty.fd, .events = POLLIN}, 1, 20);
	}
	listen_until(f, "STALE"); /* no document of those was taken */
	atomic_store(&f->liar->broken, -1);
	listen_until(f, "LIVE");
	close(f->keep);
	f->keep = -1;
	pty_send(&f->g.pty, "q");
	listen_until(f, NULL);
	int status = pty_wait_exit(&f->g.pty, 10000);
	assert_true(status == 0 || status == 4); /* by itself; what the pool refused may be open */
	assert_int_equal(f->g.pty.screen.errors, 0);
	check_bytes(&f->bytes, &v);
	forget_words(&v);
}

static void clean_run(struct fixture *f, const struct world_env *env, const char *const *args)
{
	process_release(&f->p);
	int status = world_run(&f->w, &f->p, env, args);
	if (status < 0 || status >= 128)
		fail_msg("weir %s: status %d", args[0], status);
	no_leak(f->p.out.text, f->p.out.len, args[0]);
	no_leak(f->p.err.text, f->p.err.len, args[0]);
}

/* The same pool by commands, actors and texts of this side, and every way to read them. */
static void row_42_hostile_words_by_commands(void **state)
{
	struct fixture *f = *state;
	hostile_pool(f);
	atomic_store(&f->liar->batch, BATCHES);
	const char *config = f->w.config;
	clean_run(f, NULL, ARGS("record", "checkout", "--for", "500ms", "--config", config));
	for (int i = 0; i < CORPUS_COUNT; i += 5) {
		const struct corpus_row *a = corpus_row(i), *b = corpus_row((i + 2) % CORPUS_COUNT);
		char actor[1200];
		if (memchr(a->bytes, 0, a->len) || memchr(b->bytes, 0, b->len) || a->len > 1000)
			continue;
		snprintf(actor, sizeof actor, "WEIR_ACTOR=%s", a->bytes);
		struct world_env env = world_env(&f->w, ARGS(actor));
		clean_run(
			f, &env, ARGS("annotate", b->bytes, "--pool", "checkout", "--config", config));
		if (i % 4)
			continue;
		/* As a word that is not known. */
		clean_run(f, NULL, ARGS(b->bytes, "--config", config));
		clean_run(f, NULL, ARGS("status", b->bytes, "--config", config));
		clean_run(f, NULL, ARGS("check", b->bytes));
		clean_run(f, NULL, ARGS("log", "--since", b->bytes, "--config", config));
		clean_run(f, NULL, ARGS("verify", b->bytes, "--config", config));
	}
	clean_run(f, NULL,
		ARGS("hold", "checkout", "--reason", corpus_row(3)->bytes, "--config", config));
	static const char *const readers[][4] = {{"status", "checkout"},
		{"status", "checkout", "--json"}, {"log"}, {"log", "--json"}, {"verify"},
		{"verify", "--json"}};
	for (size_t i = 0; i < COUNT(readers); i++) {
		const char *args[8] = {0};
		size_t n = 0;
		while (n < 4 && readers[i][n]) {
			args[n] = readers[i][n];
			n++;
		}
		args[n++] = "--config";
		args[n] = config;
		clean_run(f, NULL, args);
	}
	assert_true(world_verified(&f->w, f->w.history));
	struct cJSON *log = world_log(&f->w, f->w.history);
	assert_true(cJSON_GetArraySize(log) > CORPUS_COUNT); /* all of it was there to be shown */
	cJSON_Delete(log);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(row_42_a_hostile_pool_on_a_terminal),
		TEST(row_42_hostile_words_by_commands),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
