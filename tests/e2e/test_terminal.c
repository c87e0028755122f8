#define _GNU_SOURCE
#define NCURSES_WIDECHAR 1
/* The program on a terminal that is small, dumb, restless, gone or lied to, and a process that
 * is out of memory, of descriptors, of threads or of time. On the release build. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/mem.h"
#include "model/text.h"
#include "tests/lib/corpus.h"
#include "tests/lib/glass.h"
#include "tests/lib/proxy.h"
#include "tests/lib/usage.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <curses.h>
#include <term.h>

#define CONFIRMED "--confirm", "checkout"
#define KEY_MS 5000 /* for what the design gives 250 ms: a shared machine is slower */
#define COUNT(a) (sizeof(a) / sizeof *(a))

struct fixture {
	struct world w;
	struct glass g;
	struct process p;
	struct text bytes; /* all that the console wrote to its terminal */
	struct liar *liar;
	struct proxy *proxy;
	int keep;      /* keeps the terminal there when the program has gone */
	pid_t busy[2]; /* who takes the processors away */
};

/* ---- a pool that lies in every name ---- */

#define BATCH 15 /* entries of its log to a batch, the last of them plain */
#define BATCHES ((CORPUS_COUNT + BATCH - 2) / (BATCH - 1))
#define CALLERS_MAX 8

struct liar {
	int listener, stop;
	pthread_t thread;
	atomic_int batch;  /* what it says now; entries of its log end with it */
	atomic_int broken; /* a row whose bytes stand in the document as they are; -1: none */
	atomic_int documents;
};

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

static void liar_stop(struct liar *l)
{
	if (!l)
		return;
	eventfd_write(l->stop, 1);
	pthread_join(l->thread, NULL);
	close(l->stop);
	close(l->listener);
	free(l);
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

static void no_leak(const char *bytes, size_t len, const char *where)
{
	const char *leak = corpus_leak(bytes, len);
	if (leak)
		fail_msg("%s: %s", where, leak);
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

/* ---- the fixture ---- */

static int set_up(void **state)
{
	static struct fixture f;
	memset(&f, 0, sizeof f);
	f.keep = -1;
	world_open(&f.w);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < 2; i++)
		if (f->busy[i] > 0) {
			kill(f->busy[i], SIGKILL);
			waitpid(f->busy[i], NULL, 0);
		}
	if (f->keep >= 0)
		close(f->keep);
	glass_close(&f->g);
	process_release(&f->p);
	proxy_stop(f->proxy);
	liar_stop(f->liar);
	text_free(&f->bytes);
	world_close(&f->w);
	return 0;
}

/* A pool whose steps are ready at once. */
static void quick_pool(struct fixture *f)
{
	world_config(&f->w, f->w.target,
		"    interval: 200ms\n"
		"    plan: {steps: [10%, 20%], bake: 100ms, min_samples: 0}\n");
	world_pool(&f->w, false, ARGS("--unit", "500ms"));
}

static void open_console(struct fixture *f, int w, int h, const struct world_env *env)
{
	glass_open(&f->g, &f->w, w, h, env, ARGS("checkout", "--config", f->w.config));
	f->keep = open(ptsname(f->g.pty.fd), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(f->keep >= 0);
}

static void close_console(struct fixture *f)
{
	if (f->keep >= 0)
		close(f->keep);
	f->keep = -1;
	glass_close(&f->g);
}

static void quit(struct fixture *f)
{
	pty_send(&f->g.pty, "q");
	assert_int_equal(pty_wait_exit(&f->g.pty, 10000), 0);
	close_console(f);
}

static struct termios settings(int fd)
{
	struct termios now;
	memset(&now, 0, sizeof now);
	assert_int_equal(tcgetattr(fd, &now), 0);
	return now;
}

/* The terminal is as a new one: its settings, its screen, its pen. */
static void check_given_back(struct fixture *f)
{
	int master, slave;
	assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
	struct termios new = settings(slave), now = settings(f->keep);
	close(slave);
	close(master);
	assert_int_equal(now.c_lflag, new.c_lflag);
	assert_int_equal(now.c_iflag, new.c_iflag);
	assert_int_equal(now.c_oflag, new.c_oflag);
	const struct simulator *screen = &f->g.pty.screen;
	assert_false(screen->alternate || screen->paste || screen->cursor_hidden);
	assert_int_equal(screen->cursor.pen.attrs, 0);
	assert_int_equal(screen->errors, 0);
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

/* ---- terminals ---- */

static void runs_on(struct fixture *f, const char *set, int w, int h, const char *shown)
{
	struct world_env env = world_env(&f->w, ARGS(set));
	open_console(f, w, h, &env);
	if (shown)
		assert_true(pty_wait_text(&f->g.pty, shown, 10000));
	assert_true(glass_agrees(&f->g, KEY_MS));
	quit(f);
}

/* Wherever there is a terminal that can place its cursor, the console runs. */
static void row_48_terminals_of_every_kind(void **state)
{
	struct fixture *f = *state;
	quick_pool(f);
	static const char *const types[] = {"TERM=vt100", "TERM=linux", "TERM=screen",
		"TERM=no-such-terminal", "TERM=xterm-256color"};
	for (size_t i = 0; i < COUNT(types); i++)
		runs_on(f, types[i], 80, 24, "LIVE");
	runs_on(f, "NO_COLOR=1", 80, 24, "LIVE");
	runs_on(f, "LC_ALL=C", 60, 16, "LIVE");
	runs_on(f, "TERM=xterm-256color", 20, 5, "ARMED");
	runs_on(f, "TERM=xterm-256color", 1, 1, NULL);
	runs_on(f, "TERM=vt100", 2, 1, NULL);
	static const char *const none[] = {"TERM=dumb", "TERM=", "TERM"};
	for (size_t i = 0; i < COUNT(none); i++) {
		struct world_env env = world_env(&f->w, ARGS(none[i]));
		open_console(f, 80, 24, &env);
		assert_true(pty_wait_text(&f->g.pty, "weir status --watch", 5000));
		assert_int_equal(pty_wait_exit(&f->g.pty, 5000), 1);
		check_given_back(f);
		close_console(f);
	}
}

/* A terminal that says it has no size is taken for a usual one; one whose size never rests ends
 * up right. */
static void row_48_sizes_that_never_rest(void **state)
{
	struct fixture *f = *state;
	struct winsize nothing = {0};
	quick_pool(f);
	open_console(f, 80, 24, NULL);
	assert_true(glass_wait(&f->g, "ARMED", NULL, 10000));
	assert_int_equal(ioctl(f->g.pty.fd, TIOCSWINSZ, &nothing), 0);
	pty_send(&f->g.pty, "?");
	assert_true(pty_wait_text(&f->g.pty, "HELP", KEY_MS));
	pty_send(&f->g.pty, "\033");
	assert_true(pty_wait_no_text(&f->g.pty, "HELP", KEY_MS));
	assert_true(glass_agrees(&f->g, KEY_MS));
	for (int i = 0; i < 400; i++) {
		pty_resize(&f->g.pty, 1 + i * 37 % 200, 1 + i * 23 % 60);
		pty_signal(&f->g.pty, SIGWINCH); /* and some that say nothing new */
	}
	pty_resize(&f->g.pty, 80, 24);
	assert_true(pty_wait_text(&f->g.pty, "ARMED", KEY_MS));
	assert_true(glass_agrees(&f->g, KEY_MS));
	assert_int_equal(world_fact(&f->w, "audit_seq"), 0);
	quit(f);
}

/* Keys that were pressed while the program was stopped were meant for nothing that it shows. */
static void row_36_keys_at_a_stopped_console(void **state)
{
	struct fixture *f = *state;
	quick_pool(f);
	open_console(f, 80, 24, NULL);
	assert_true(glass_wait(&f->g, "ARMED", NULL, 10000));
	assert_true(glass_agrees(&f->g, KEY_MS));
	for (int round = 0; round < 3; round++) {
		pty_signal(&f->g.pty, SIGSTOP);
		pid_t pid = f->g.pty.pid;
		int status;
		assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
		assert_true(WIFSTOPPED(status));
		pty_send(&f->g.pty, "HSRHAnote\ry:hold\r:rollback\r");
		uint64_t before = f->g.pty.screen.bytes;
		pty_signal(&f->g.pty, SIGCONT);
		/* All of it is drawn anew, behind what was dropped. */
		int64_t end_ms = process_clock_ms() + KEY_MS;
		while (f->g.pty.screen.bytes < before + 500 && process_clock_ms() < end_ms)
			pty_wait_exit(&f->g.pty, 20);
		assert_true(glass_agrees(&f->g, KEY_MS));
		pty_send(&f->g.pty, "?");
		assert_true(pty_wait_text(&f->g.pty, "HELP", KEY_MS));
		pty_send(&f->g.pty, "\033");
		assert_true(pty_wait_no_text(&f->g.pty, "HELP", KEY_MS));
		assert_int_equal(world_fact(&f->w, "audit_seq"), 0);
	}
	assert_true(pty_wait_text(&f->g.pty, "ARMED", KEY_MS));
	quit(f);
	struct cJSON *log = world_log(&f->w, f->w.history);
	assert_int_equal(cJSON_GetArraySize(log), 0);
	cJSON_Delete(log);
}

/* ---- a terminal, or a process, that goes in the middle of a step ---- */

/* A pool behind a proxy that takes a step and lets nobody hear of it. */
static void deaf_pool(struct fixture *f)
{
	char front[WORLD_PATH], target[WORLD_PATH];
	world_path(&f->w, front, "front.sock");
	snprintf(target, sizeof target, "unix:%.180s", front);
	world_pool(&f->w, false, ARGS("--unit", "500ms"));
	world_config(&f->w, target,
		"    interval: 200ms\n"
		"    plan: {steps: [10%, 20%], bake: 100ms, min_samples: 0}\n");
	f->proxy = proxy_start(front, f->w.socket, "PUT ");
	assert_non_null(f->proxy);
	proxy_set_mode(f->proxy, PROXY_LOSE_REQUEST);
}

static void step_into_silence(struct fixture *f)
{
	size_t len;
	open_console(f, 80, 24, NULL);
	assert_true(glass_wait(&f->g, "ARMED", NULL, 10000));
	pty_send(&f->g.pty, "S");
	assert_true(glass_wait(&f->g, "y step to 10 %", "k", 10000));
	pty_send(&f->g.pty, "y");
	char *request = proxy_caught(f->proxy, &len, 10000);
	assert_non_null(request);
	free(request);
}

/* The last decision is there, its effect is unknown, and nothing was sent twice. */
static void check_open_intent(struct fixture *f, int decisions)
{
	assert_true(world_verified(&f->w, f->w.history));
	struct cJSON *log = world_log(&f->w, f->w.history);
	const struct cJSON *each, *last = NULL;
	int steps = 0;
	cJSON_ArrayForEach(each, log)
	{
		if (strcmp(world_word(each, "verb"), "step") != 0)
			continue;
		last = each;
		steps++;
	}
	assert_int_equal(steps, decisions);
	assert_string_equal(world_word(last, "outcome"), "PENDING"); /* nothing final is known */
	cJSON_Delete(log);
	assert_int_equal(world_fact(&f->w, "share_bp"), 0);
	struct cJSON *audit = world_audit(&f->w, 0);
	cJSON_ArrayForEach(each, audit)
	{
		assert_string_not_equal(world_word(each, "what"), "step");
	}
	cJSON_Delete(audit);
}

/* The window closes. */
static void row_50_the_terminal_goes_while_a_step_is_open(void **state)
{
	struct fixture *f = *state;
	deaf_pool(f);
	step_into_silence(f);
	close(f->keep);
	f->keep = -1;
	close(f->g.pty.fd);
	f->g.pty.fd = -1;
	f->g.pty.closed = true;
	int status = pty_wait_exit(&f->g.pty, 15000);
	assert_true(status >= 0 && status < 128); /* by itself, with nobody to tell */
	check_open_intent(f, 1);
}

/* Processor time of all children that have ended. */
static int64_t ended_cpu_ms(void)
{
	struct rusage u;
	assert_int_equal(getrusage(RUSAGE_CHILDREN, &u), 0);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000 +
		(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000;
}

#define SPIN_MS \
	2000 /* start and end take a tenth of it; who spins takes all until it is killed */

/* The window closes: with the signal that says so, and where whoever started it had that ignored
 * (nohup), so that only reads and writes tell. It ends, and does not ask again and again. */
static void row_50_a_closed_terminal_ends_it_without_a_spin(void **state)
{
	struct fixture *f = *state;
	quick_pool(f);
	for (int ignored = 0; ignored < 2; ignored++) {
		int64_t cpu_ms = ended_cpu_ms();
		signal(SIGHUP, ignored ? SIG_IGN : SIG_DFL);
		open_console(f, 80, 24, NULL);
		signal(SIGHUP, SIG_DFL);
		assert_true(glass_wait(&f->g, "ARMED", NULL, 10000));
		close(f->keep);
		f->keep = -1;
		close(f->g.pty.fd);
		f->g.pty.fd = -1;
		f->g.pty.closed = true;
		int status = pty_wait_exit(&f->g.pty, 15000);
		if (status < 0 || status >= 128)
			fail_msg("hangup %s: ends with %d", ignored ? "ignored" : "told", status);
		cpu_ms = ended_cpu_ms() - cpu_ms;
		if (cpu_ms > SPIN_MS)
			fail_msg("hangup %s: %lld ms of processor", ignored ? "ignored" : "told",
				(long long)cpu_ms);
		close_console(f);
	}
	assert_int_equal(world_fact(&f->w, "audit_seq"), 0);
}

/* Nobody reads a big terminal, and all of it is drawn again and again: frames are left out, keys
 * are not, and what they ask for reaches the pool. */
static void row_50_a_rollback_from_a_terminal_that_nobody_reads(void **state)
{
	struct fixture *f = *state;
	struct usage before, after;
	quick_pool(f);
	assert_int_equal(
		world_run(&f->w, &f->p, NULL,
			ARGS("step", "checkout", "10%", CONFIRMED, "--wait", "--config", f->w.config)),
		0);
	open_console(f, 200, 50, NULL);
	assert_true(glass_wait(&f->g, "LIVE", NULL, 10000));
	assert_true(usage_of(f->g.pty.pid, &before));
	for (int i = 0; i < 100; i++)
		assert_int_equal(write(f->g.pty.fd, "\f?", 2), 2); /* draws anew, and another screen */
	assert_int_equal(write(f->g.pty.fd, "R", 1), 1);
	/* A sheet takes a y that is neither too soon nor behind another key. */
	for (int i = 0; i < 40 && world_fact(&f->w, "share_bp") != 0; i++) {
		assert_int_equal(write(f->g.pty.fd, "y", 1), 1);
		process_wait(&f->w.pool, 500);
	}
	assert_int_equal(world_fact(&f->w, "share_bp"), 0);
	assert_true(usage_of(f->g.pty.pid, &after));
	assert_true(after.resident_bytes - before.resident_bytes < 8 << 20); /* nothing piles up */
	/* Somebody looks again. */
	assert_true(pty_wait_text(&f->g.pty, "ROLLED BACK", 10000));
	assert_true(glass_agrees(&f->g, KEY_MS));
	quit(f);
	cJSON *log = world_log(&f->w, f->w.history);
	const cJSON *last = cJSON_GetArrayItem(log, cJSON_GetArraySize(log) - 1);
	assert_string_equal(world_word(last, "verb"), "rollback");
	assert_string_equal(world_word(last, "outcome"), "APPLIED");
	cJSON_Delete(log);
}

/* ---- at rest ---- */

/* A console at rest asks its pool once a second and shows how old that is: what it does beside
 * would be done all night by every console that stays open. Counted by the kernel, all threads. */
static void an_idle_console_does_little(void **state)
{
	struct fixture *f = *state;
	struct usage before, after;
	world_config(&f->w, f->w.target, "    plan: {steps: [10%, 20%], bake: 1h}\n");
	world_pool(&f->w, false, ARGS("--unit", "500ms"));
	open_console(f, 80, 24, NULL);
	assert_true(glass_wait(&f->g, "ARMED", NULL, 10000));
	int64_t began_ms = process_clock_ms();
	assert_true(usage_of(f->g.pty.pid, &before));
	assert_int_equal(pty_wait_exit(&f->g.pty, 2000), -1); /* what it writes is read meanwhile */
	assert_true(usage_of(f->g.pty.pid, &after));
	double s = (double)(process_clock_ms() - began_ms) / 1000;
	struct usage u = usage_between(&before, &after);
	printf("idle: woken %.1f times a second, %.1f writes, %.1f reads, %.2f ms of processor\n",
		(double)u.waits / s, (double)u.writes / s, (double)u.reads / s,
		(double)u.cpu_ns / 1e6 / s);
	/* Four times for the age in its first row, once for the pool, with a row of the history, and
	 * every five seconds a look there; each frame is written twice here: to the terminal and to the
	 * file that a glass reads. Who asks once too often in each turn is beyond twice of that. */
	assert_true((double)u.waits / s < 60);
	assert_true((double)u.writes / s < 40);
	assert_true((double)u.reads / s < 40);
	quit(f);
}

/* The line goes, the terminal stays for somebody else. */
static void row_50_a_hangup_gives_the_terminal_back(void **state)
{
	struct fixture *f = *state;
	deaf_pool(f);
	step_into_silence(f);
	pty_signal(&f->g.pty, SIGPIPE); /* is nothing */
	pty_send(&f->g.pty, "?");
	assert_true(pty_wait_text(&f->g.pty, "HELP", KEY_MS));
	pty_signal(&f->g.pty, SIGHUP);
	assert_int_equal(pty_wait_exit(&f->g.pty, 15000), 4);
	check_given_back(f);
	check_open_intent(f, 1);
}

/* Somebody stops reading what is written. */
static void row_50_a_reader_that_goes(void **state)
{
	struct fixture *f = *state;
	char command[3 * WORLD_PATH + 4096];
	quick_pool(f);
	assert_int_equal(world_run(&f->w, &f->p, NULL,
						 ARGS("step", "checkout", "10%", CONFIRMED, "--config", f->w.config)),
		0);
	snprintf(command, sizeof command,
		"'%s' log --follow --json --config '%s' | true; :", world_weir(), f->w.config);
	struct world_env env = world_env(&f->w, NULL);
	process_release(&f->p);
	assert_true(process_start(&f->p, ARGS("sh", "-c", command), env.list));
	assert_int_equal(process_wait(&f->p, 15000), 0);
	assert_true(world_verified(&f->w, f->w.history));
}

/* What the terminal answers by itself comes in between keys and is none. */
static void row_51_answers_of_the_terminal(void **state)
{
	static const char answers[] = "\033[?62;22c\033[>41;330;0c\033[24;80R\033[I\033[O"
								  "\033]11;rgb:0000/0000/0000\a\033]52;c;SFJTeQ==\033\\"
								  "\033]lHRSy\033\\\033P1$rHRSy\033\\\033_GHRSy\033\\"
								  "\033[?2004;1$y\033[8;24;80t\033[<0;52;19M\033[M HR"
								  "\x9b?62;22c\xc2\x9b"
								  "24;80R\x9d"
								  "11;HRSy\a";
	struct fixture *f = *state;
	quick_pool(f);
	open_console(f, 80, 24, NULL);
	assert_true(glass_wait(&f->g, "ARMED", NULL, 10000));
	pty_send_n(&f->g.pty, answers, sizeof answers - 1);
	for (size_t i = 0; i < sizeof answers - 1; i++)
		pty_send_n(&f->g.pty, answers + i, 1);
	pty_send(&f->g.pty, "?");
	assert_true(pty_wait_text(&f->g.pty, "HELP", KEY_MS));
	assert_true(glass_agrees(&f->g, KEY_MS));
	pty_send(&f->g.pty, "\033");
	assert_true(pty_wait_no_text(&f->g.pty, "HELP", KEY_MS));
	assert_true(glass_agrees(&f->g, KEY_MS));
	assert_null(strstr(f->g.chars, "Esc cancel"));
	assert_int_equal(world_fact(&f->w, "audit_seq"), 0);
	quit(f);
}

/* ---- the process ---- */

/* The kernel has no more memory for a screen that grows. */
/* The colour of the state's first letter; -1 where it is not shown. */
static int colour_of(const struct simulator *screen, const char *text)
{
	char *all = simulator_text(screen);
	const char *at = strstr(all, text);
	int y = 0, x = 0;
	for (const char *c = all; at && c < at; c++)
		x = *c == '\n' ? (y++, 0) : x + ((*c & 0xc0) != 0x80);
	int colour = at ? simulator_cell(screen, x, y)->pen.fg : -1;
	free(all);
	return colour;
}

static bool is_coloured_so(const struct simulator *screen, const void *colour)
{
	return colour_of(screen, "LIVE") == *(const int *)colour;
}

/* It is asked for its background, and nothing waits for what it says: where it never says anything
 * the console is as it was; what it says in pieces is no key, and takes the light theme. */
static void row_51_a_light_terminal_is_believed(void **state)
{
	static const int dark = 74, light = 27; /* `ok` of the two themes */
	struct fixture *f = *state;
	quick_pool(f);
	open_console(f, 80, 24, NULL);
	assert_true(glass_wait(&f->g, "ARMED", NULL, 10000));
	assert_true(pty_wait(&f->g.pty, is_coloured_so, &dark, KEY_MS));
	pty_send(&f->g.pty, "\033]11;rgb:ff");
	assert_true(glass_agrees(&f->g, KEY_MS));
	pty_send(&f->g.pty, "ff/fefe/f0f0\033\\");
	assert_true(pty_wait(&f->g.pty, is_coloured_so, &light, KEY_MS));
	assert_true(glass_agrees(&f->g, KEY_MS));
	assert_true(simulator_shows(&f->g.pty.screen, "ARMED"));
	assert_int_equal(world_fact(&f->w, "audit_seq"), 0);
	quit(f);
}

static void row_62_out_of_memory_gives_the_terminal_back(void **state)
{
	struct fixture *f = *state;
	quick_pool(f);
	open_console(f, 80, 24, NULL);
	assert_true(glass_wait(&f->g, "ARMED", NULL, 10000));
	struct rlimit now = {.rlim_cur = 1 << 20, .rlim_max = RLIM_INFINITY};
	assert_int_equal(prlimit(f->g.pty.pid, RLIMIT_AS, &now, NULL), 0);
	struct winsize huge = {.ws_col = 1000, .ws_row = 500};
	assert_int_equal(ioctl(f->g.pty.fd, TIOCSWINSZ, &huge), 0);
	assert_int_equal(pty_wait_exit(&f->g.pty, 10000), 70);
	assert_true(simulator_shows(&f->g.pty.screen, "weir: W003 out of memory"));
	check_given_back(f);
	assert_true(world_verified(&f->w, f->w.history));
	assert_int_equal(world_fact(&f->w, "audit_seq"), 0);
}

/* A shell that sets a limit and becomes weir. */
static int limited(struct fixture *f, const char *limit, const char *const *args)
{
	char script[96];
	const char *argv[24] = {"sh", "-c", script, world_weir()};
	size_t n = 4;
	snprintf(script, sizeof script, "ulimit %s; exec \"$0\" \"$@\"", limit);
	for (; *args && n < 23; args++)
		argv[n++] = *args;
	struct world_env env = world_env(&f->w, NULL);
	process_release(&f->p);
	int status = process_run(&f->p, argv, env.list, 20000);
	no_leak(f->p.err.text, f->p.err.len, limit);
	return status;
}

/* From not enough to be loaded to enough: it works, or it ends with its own word. */
static void row_62_every_size_of_memory(void **state)
{
	struct fixture *f = *state;
	quick_pool(f);
	int done = 0, refused = 0;
	for (int mib = 4; mib <= 600; mib += mib < 64 ? 4 : 60) {
		char limit[32];
		snprintf(limit, sizeof limit, "-v %d", mib * 1024);
		int status = limited(
			f, limit, ARGS("step", "checkout", "0%", CONFIRMED, "--config", f->w.config));
		/* 127: the program cannot even be loaded. */
		if (status != 0 && status != 1 && status != 3 && status != 6 && status != 70 &&
			status != 127)
			fail_msg("%d MiB: status %d: %s", mib, status, f->p.err.text);
		if (status == 70)
			assert_non_null(strstr(f->p.err.text, "W003 out of memory"));
		if (status == 1 || status == 3 || status == 6)
			assert_non_null(strstr(f->p.err.text, "weir: "));
		done += status == 0;
		refused += status != 0;
	}
	assert_true(done > 0 && refused > 0);
	assert_int_equal(world_fact(&f->w, "share_bp"), 0);
	assert_true(world_verified(&f->w, f->w.history));
}

/* Few descriptors. */
static void row_63_descriptors_run_out(void **state)
{
	struct fixture *f = *state;
	quick_pool(f);
	bool named = false;
	int done = 0;
	for (int files = 3; files <= 24; files += 3) {
		char limit[32];
		snprintf(limit, sizeof limit, "-n %d", files);
		int status = limited(
			f, limit, ARGS("step", "checkout", "0%", CONFIRMED, "--config", f->w.config));
		if (status < 0 || status >= 128)
			fail_msg("%d descriptors: status %d: %s", files, status, f->p.err.text);
		if (status != 0 && status != 127)
			assert_non_null(strstr(f->p.err.text, "weir: "));
		named |= strstr(f->p.err.text, "W007 ") != NULL;
		done += status == 0;
		/* A pool and a recorder say so too. */
		if (files % 9 == 0) {
			status = limited(f, limit,
				ARGS("record", "checkout", "--for", "100ms", "--config", f->w.config));
			assert_true(status >= 0 && status < 128);
		}
	}
	assert_true(named);
	assert_true(done > 0); /* 24 are enough */
	assert_int_equal(world_fact(&f->w, "audit_seq"), 0);
}

/* No thread: stacks of a size that nothing can map. */
static void row_63_no_thread_can_be_made(void **state)
{
	struct fixture *f = *state;
	quick_pool(f);
	static const char limit[] = "-s 137438953472";
	int status =
		limited(f, limit, ARGS("step", "checkout", "10%", CONFIRMED, "--config", f->w.config));
	assert_true(status > 0 && status < 128);
	assert_non_null(strstr(f->p.err.text, "weir: W"));
	assert_non_null(strstr(f->p.err.text, "thread"));
	assert_int_equal(world_fact(&f->w, "audit_seq"), 0);
	status = limited(f, limit, ARGS("serve", "--listen", "127.0.0.1:0"));
	assert_true(status > 0 && status < 128);
	assert_non_null(strstr(f->p.err.text, "thread"));
}

/* Told to end while the answer to a step is on its way: the intent stays, with the status that
 * says so. */
static void row_64_told_to_end_in_the_middle_of_a_step(void **state)
{
	struct fixture *f = *state;
	static const int signals[] = {SIGTERM, SIGINT};
	deaf_pool(f);
	for (int i = 0; i < 2; i++) {
		char history[WORLD_PATH], name[16];
		size_t len;
		snprintf(name, sizeof name, "h%d.db", i);
		world_path(&f->w, history, name);
		process_release(&f->p);
		world_start(&f->w, &f->p, NULL,
			ARGS("step", "checkout", "10%", CONFIRMED, "--config", f->w.config, "--history",
				history));
		char *request = proxy_caught(f->proxy, &len, 15000);
		assert_non_null(request);
		free(request);
		process_signal(&f->p, signals[i]);
		if (process_wait(&f->p, 15000) != 4)
			fail_msg("status %d: %s", f->p.status, f->p.err.text);
		assert_non_null(strstr(f->p.err.text, "W145 "));
		memcpy(f->w.history, history, sizeof history);
		check_open_intent(f, 1);
	}
	/* And from the console. */
	world_path(&f->w, f->w.history, "history.db");
	step_into_silence(f);
	pty_signal(&f->g.pty, SIGTERM);
	assert_int_equal(pty_wait_exit(&f->g.pty, 15000), 4);
	check_given_back(f);
	check_open_intent(f, 1);
}

/* It falls: the terminal comes back, the share stays where it was. */
static void row_65_a_crash_gives_the_terminal_back(void **state)
{
	struct fixture *f = *state;
	static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
	quick_pool(f);
	assert_int_equal(world_run(&f->w, &f->p, NULL,
						 ARGS("step", "checkout", "10%", CONFIRMED, "--config", f->w.config)),
		0);
	int64_t changes = world_fact(&f->w, "audit_seq");
	for (size_t i = 0; i < COUNT(signals); i++) {
		open_console(f, 80, 24, NULL);
		assert_true(glass_wait(&f->g, "LIVE", NULL, 10000));
		pty_send(&f->g.pty, "R"); /* with a dialog open, its cursor shown */
		assert_true(glass_wait(&f->g, "y roll back now", NULL, 10000));
		pty_signal(&f->g.pty, signals[i]);
		assert_int_equal(pty_wait_exit(&f->g.pty, 10000), 128 + signals[i]);
		check_given_back(f);
		close_console(f);
		assert_int_equal(world_fact(&f->w, "share_bp"), 1000);
		assert_int_equal(world_fact(&f->w, "audit_seq"), changes);
	}
	assert_true(world_verified(&f->w, f->w.history));
}

/* Others want both processors for themselves: keys are answered, nothing turns red by that. */
static void row_66_keys_on_a_busy_machine(void **state)
{
	struct fixture *f = *state;
	quick_pool(f);
	open_console(f, 120, 40, NULL);
	assert_true(glass_wait(&f->g, "ARMED", NULL, 10000));
	for (int i = 0; i < 2; i++) {
		f->busy[i] = fork();
		if (f->busy[i] == 0)
			for (volatile unsigned n = 0;; n++)
				if (getppid() == 1)
					_exit(0);
	}
	int64_t worst_ms = 0;
	for (int i = 0; i < 10; i++) {
		int64_t began_ms = process_clock_ms();
		pty_send(&f->g.pty, "?");
		assert_true(pty_wait_text(&f->g.pty, "HELP", KEY_MS));
		pty_send(&f->g.pty, "?");
		assert_true(pty_wait_no_text(&f->g.pty, "HELP", KEY_MS));
		int64_t took_ms = (process_clock_ms() - began_ms) / 2;
		worst_ms = took_ms > worst_ms ? took_ms : worst_ms;
	}
	printf("busy machine: a key within %lld ms\n", (long long)worst_ms);
	assert_false(simulator_shows(&f->g.pty.screen, " RED"));
	assert_true(pty_wait_text(&f->g.pty, "LIVE", KEY_MS));
	quit(f);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(row_36_keys_at_a_stopped_console),
		TEST(row_42_a_hostile_pool_on_a_terminal),
		TEST(row_42_hostile_words_by_commands),
		TEST(row_48_terminals_of_every_kind),
		TEST(row_48_sizes_that_never_rest),
		TEST(row_50_the_terminal_goes_while_a_step_is_open),
		TEST(row_50_a_closed_terminal_ends_it_without_a_spin),
		TEST(row_50_a_rollback_from_a_terminal_that_nobody_reads),
		TEST(row_50_a_hangup_gives_the_terminal_back),
		TEST(row_50_a_reader_that_goes),
		TEST(row_51_answers_of_the_terminal),
		TEST(row_51_a_light_terminal_is_believed),
		TEST(row_62_out_of_memory_gives_the_terminal_back),
		TEST(row_62_every_size_of_memory),
		TEST(row_63_descriptors_run_out),
		TEST(row_63_no_thread_can_be_made),
		TEST(row_64_told_to_end_in_the_middle_of_a_step),
		TEST(row_65_a_crash_gives_the_terminal_back),
		TEST(row_66_keys_on_a_busy_machine),
		TEST(an_idle_console_does_little),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
