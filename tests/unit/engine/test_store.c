/* Tests of the control log: what was stored is there again, what was torn is not, what is
 * damaged or not ours is refused. */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/hash.h"
#include "client/engine/store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64], file[96];

static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof dir, "/tmp/weir-store-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(file, sizeof file, "%s/control.log", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(file);
	rmdir(dir);
	return 0;
}

static struct store_record record(int64_t seq)
{
	struct store_record r = {.seq = seq,
		.wall_ms = 1700000000000,
		.what = "step",
		.from_bp = 0,
		.to_bp = 1000,
		.epoch = 5,
		.rev = seq,
		.strategy = STRATEGY_CANARY,
		.baseline_bp = -1,
		.held = true,
		.body_hash = 0xfedcba9876543210u,
		.actor = "ann@host",
		.reason = "why, \"not\" \xc3\xa9",
		.kept_bp = 500,
		.keep_ms = 60000,
		.keep_wall_ms = 1700000060000,
		.on_orphan = ORPHAN_HOLD,
		.guard = {.error_rate = 0.1,
			.latency_ms = UNKNOWN,
			.memory_bytes = 1 << 30,
			.window_ms = 10000,
			.action = GUARD_ACTION_HOLD},
		.guard_hold_wall_ms = 1700000000001,
		.operations = "echo,predict",
		.history_head = "fedcba98",
		.head = 0x0123456789abcdefu};
	judge_policy_init(&r.guard.judge);
	r.guard.judge.alpha = 0.001;
	r.guard.judge.metric[JUDGED_P50] = true;
	snprintf(r.key, sizeof r.key, "key-%d", (int)seq);
	return r;
}

static struct store *open_store(void)
{
	struct store *s;
	struct err err = {0};
	if (store_open(&s, dir, NULL, &err))
		fail_msg("%s", err.text);
	return s;
}

static void append(int count)
{
	struct store *s = open_store();
	size_t have = 0;
	while (store_record_at(s, have))
		have++;
	for (int i = 1; i <= count; i++) {
		struct store_record r = record((int64_t)have + i);
		assert_true(store_append(s, &r));
	}
	store_close(s);
}

static size_t stored(void)
{
	struct store *s = open_store();
	size_t n = 0;
	for (; store_record_at(s, n); n++) {
		assert_int_equal(store_record_at(s, n)->seq, n + 1);
		assert_int_equal(store_record_at(s, n)->line, n + 2); /* the first names the format */
	}
	store_close(s);
	return n;
}

static off_t size_of(void)
{
	struct stat st;
	assert_int_equal(stat(file, &st), 0);
	return st.st_size;
}

static void refuses(enum err_code code)
{
	struct store *s;
	struct err err = {0};
	assert_int_equal(store_open(&s, dir, NULL, &err), -1);
	assert_int_equal(err.code, code);
	assert_non_null(strstr(err.text, dir));
}

static void write_at(off_t at, const char *bytes)
{
	int fd = open(file, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, strlen(bytes), at), strlen(bytes));
	close(fd);
}

static void gives_back_every_field(void **state)
{
	(void)state;
	append(1);
	struct store *s = open_store();
	struct store_record want = record(1);
	const struct store_record *got = store_record_at(s, 0);
	struct text a = {0}, b = {0};
	store_record_text(&a, &want);
	store_record_text(&b, got);
	assert_string_equal(a.data, b.data);
	assert_true(got->held);
	assert_int_equal(got->baseline_bp, -1);
	assert_true(got->body_hash == want.body_hash);
	assert_string_equal(got->reason, want.reason);
	assert_int_equal(got->on_orphan, ORPHAN_HOLD);
	assert_true(got->guard.latency_ms == UNKNOWN);
	assert_true(judge_policy_equals(&got->guard.judge, &want.guard.judge));
	assert_true(got->head == want.head);
	assert_string_equal(store_note(s), "");
	assert_null(store_record_at(s, 1));
	text_free(&a);
	text_free(&b);
	store_close(s);
	struct stat st;
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void set_usual_judge(struct store_record *r)
{
	judge_policy_init(&r->guard.judge);
}

static void set_unsound_judge(struct store_record *r)
{
	r->guard.judge.margin = r->guard.judge.tolerance;
}

static void set_no_metric(struct store_record *r)
{
	memset(r->guard.judge.metric, 0, sizeof r->guard.judge.metric);
}

/* The line of record 1 after `change`, read again. */
static bool reads(void (*change)(struct store_record *r), struct store_record *out)
{
	struct store_record r = record(1);
	struct text line = {0};
	change(&r);
	store_record_line(&line, &r);
	line.data[line.len - 1] = '\0'; /* its end of line */
	static char kept[4096];
	assert_true(text_copy(kept, sizeof kept, line.data));
	text_free(&line);
	return store_record_read(out, kept, STORE_FORMAT, 0);
}

/* How the judge judges is said only where it is not the usual way, so that a log from before there
 * was a judge reads as it was written. */
static void a_guard_without_a_judge_judges_as_usual(void **state)
{
	(void)state;
	struct store_record r;
	struct judge_policy usual;
	judge_policy_init(&usual);
	assert_true(reads(set_usual_judge, &r));
	assert_true(judge_policy_equals(&r.guard.judge, &usual));
	assert_int_equal(r.guard.action, GUARD_ACTION_HOLD);
	assert_false(reads(set_unsound_judge, &r));
	assert_false(reads(set_no_metric, &r));
}

static void appends_after_a_restart(void **state)
{
	(void)state;
	append(2);
	append(3);
	assert_int_equal(stored(), 5);
}

static void torn_last_line_is_cut_at_every_byte(void **state)
{
	(void)state;
	append(1);
	off_t one = size_of();
	append(1);
	off_t two = size_of();
	for (off_t cut = two - 1; cut > one; cut -= 7) {
		assert_int_equal(truncate(file, cut), 0);
		assert_int_equal(stored(), 1);
		assert_int_equal(size_of(), one);
		append(1);
		assert_int_equal(stored(), 2);
		assert_int_equal(size_of(), two);
	}
}

static void torn_header_is_a_new_file(void **state)
{
	(void)state;
	for (off_t cut = 0; cut < 15; cut += 7) {
		append(1);
		assert_int_equal(truncate(file, cut), 0);
		assert_int_equal(stored(), 0);
	}
}

static void damage_before_the_end_is_refused(void **state)
{
	(void)state;
	append(1);
	off_t one = size_of();
	append(2);
	write_at(one / 2, "#");
	refuses(ERR_DAMAGED);
}

static void other_files_are_refused(void **state)
{
	(void)state;
	write_at(0, "something else entirely\n");
	refuses(ERR_DAMAGED);
	write_at(0, "weir control 9\n");
	refuses(ERR_NEWER);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(symlink("/dev/null", file), 0);
	refuses(ERR_FILE);
}

static void others_may_not_write_it(void **state)
{
	(void)state;
	append(1);
	assert_int_equal(chmod(file, 0666), 0);
	refuses(ERR_UNSAFE_FILE);
}

static void is_used_by_one_only(void **state)
{
	(void)state;
	struct store *s = open_store();
	refuses(ERR_LOCKED);
	store_close(s);
	store_close(open_store());
}

static void full_disk_leaves_nothing_behind(void **state)
{
	(void)state;
	append(2);
	off_t before = size_of();
	struct store *s = open_store();
	struct rlimit was, small;
	getrlimit(RLIMIT_FSIZE, &was);
	small = was;
	small.rlim_cur = (rlim_t)before + 20;
	void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &small);
	struct store_record r = record(3);
	bool torn = store_append(s, &r);
	setrlimit(RLIMIT_FSIZE, &was);
	signal(SIGXFSZ, handler);
	assert_false(torn);
	assert_int_equal(size_of(), before);
	assert_true(store_append(s, &r));
	store_close(s);
	assert_int_equal(stored(), 3);
}

static void a_cut_line_is_told(void **state)
{
	(void)state;
	append(2);
	assert_int_equal(truncate(file, size_of() - 3), 0);
	struct store *s = open_store();
	assert_non_null(strstr(store_note(s), "cut off"));
	assert_non_null(strstr(store_note(s), dir));
	assert_null(store_record_at(s, 1));
	store_forget(s);
	assert_null(store_record_at(s, 0));
	store_close(s);
}

/* ---- earlier formats ---- */

static void line_of_format_1(struct text *t, int64_t seq, const char *what, const char *key)
{
	size_t start = t->len;
	text_addf(t,
		"%d\t1700000000000\t%s\t0\t1000\t5\t%d\tcanary\t-1\t0\tplan\t%s\t"
		"0123456789abcdef\tann@host\twhy",
		(int)seq, what, (int)seq, key);
	text_addf(t, "\t%016" PRIx64 "\n", hash_bytes(t->data + start, t->len - start, 0));
}

static void the_first_format_is_rewritten(void **state)
{
	(void)state;
	struct text all = {0};
	text_add(&all, "weir control 1\n");
	line_of_format_1(&all, 1, "step", "k1");
	line_of_format_1(&all, 0, "void", "v");
	line_of_format_1(&all, 2, "hold", "k2");
	write_at(0, text_str(&all));
	text_free(&all);
	uint64_t head = 0;
	for (int i = 0; i < 2; i++) {
		struct store *s = open_store();
		const struct store_record *r = store_record_at(s, 2);
		assert_non_null(r);
		assert_null(store_record_at(s, 3));
		assert_string_equal(r->what, "hold");
		assert_int_equal(r->kept_bp, 1000);
		assert_int_equal(r->keep_ms, 0);
		assert_null(r->operations);
		assert_false(guard_limits_any(&r->guard));
		assert_true(judge_policy_is_sound(&r->guard.judge));
		assert_true(r->head != 0 && (i == 0 || r->head == head));
		assert_true(store_record_at(s, 1)->head == store_record_at(s, 0)->head);
		head = r->head;
		refuses(ERR_LOCKED); /* the new file is locked as the old one was */
		store_close(s);
		char first[16] = "";
		int fd = open(file, O_RDONLY);
		assert_int_equal(read(fd, first, 15), 15);
		close(fd);
		assert_string_equal(first, "weir control 3\n");
	}
	append(1);
	struct store *s = open_store();
	assert_non_null(store_record_at(s, 3));
	store_close(s);
}

/* Its lines have no head of a history; their own heads stay what they were. */
static void the_second_format_is_rewritten(void **state)
{
	(void)state;
	struct text all = {0}, line = {0};
	text_add(&all, "weir control 2\n");
	for (int seq = 1; seq <= 2; seq++) {
		struct store_record r = record(seq);
		r.history_head[0] = 0;
		text_clear(&line);
		store_record_text(&line, &r); /* ends in the tab of the empty field */
		line.data[--line.len] = '\0';
		text_addf(&line, "\t%016" PRIx64, r.head);
		text_addf(
			&all, "%s\t%016" PRIx64 "\n", text_str(&line), hash_bytes(line.data, line.len, 0));
	}
	write_at(0, text_str(&all));
	text_free(&line);
	text_free(&all);
	append(1);
	for (int i = 0; i < 2; i++) {
		struct store *s = open_store();
		struct store_record want = record(2);
		const struct store_record *r = store_record_at(s, 1);
		assert_string_equal(r->history_head, "");
		assert_string_equal(r->operations, want.operations);
		assert_true(r->head == want.head);
		assert_string_equal(store_record_at(s, 2)->history_head, want.history_head);
		assert_null(store_record_at(s, 3));
		store_close(s);
	}
}

static void what_cannot_be_rewritten_is_refused(void **state)
{
	(void)state;
	struct text all = {0};
	text_add(&all, "weir control 1\n");
	line_of_format_1(&all, 1, "step", "k1");
	write_at(0, text_str(&all));
	text_free(&all);
	char beside[128];
	snprintf(beside, sizeof beside, "%s.new", file);
	assert_int_equal(mkdir(beside, 0700), 0);
	refuses(ERR_FILE);
	assert_int_equal(rmdir(beside), 0);
	store_close(open_store());
}

static void bad_fields_are_damage(void **state)
{
	(void)state;
#define LONG_HEAD "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0"
	/* each a whole line with a good check, at the end and not */
	static const struct {
		int field;
		const char *value;
	} rows[] = {{0, "x"}, {1, "-1"}, {3, "10001"}, {4, ""}, {5, "-"}, {6, "1.0"}, {7, "odd"},
		{8, "-2"}, {9, "2"}, {12, "xyz"}, {15, "-1"}, {16, "x"}, {17, "x"}, {18, "odd"},
		{19, "zz"}, {20, "-2"}, {21, "x"}, {22, "-1"}, {23, "odd"}, {24, "x"}, {27, "q"},
		{26, LONG_HEAD}, {27, "0\t0"}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct store_record r = record(1);
		struct text line = {0}, all = {0};
		store_record_line(&line, &r);
		line.data[line.len - 1 - 17] = '\0'; /* without its check */
		char *rest = line.data, *field;
		for (int n = 0; (field = strsep(&rest, "\t")); n++)
			text_addf(&all, "%s%s", n ? "\t" : "", n == rows[i].field ? rows[i].value : field);
		text_addf(&all, "\t%016" PRIx64, hash_bytes(all.data, all.len, 0));
		assert_false(store_record_read(&r, all.data, STORE_FORMAT, 0));
		text_free(&line);
		text_free(&all);
	}
	struct store_record r;
	char none[] = "no tab at all", few[64];
	assert_false(store_record_read(&r, none, STORE_FORMAT, 0));
	snprintf(few, sizeof few, "1\t2\t%016" PRIx64, hash_bytes("1\t2", 3, 0));
	assert_false(store_record_read(&r, few, STORE_FORMAT, 0));
}

/* ---- what stays ---- */

#define DAY_MS (24 * 3600 * 1000)

static void old_records_go_at_open(void **state)
{
	(void)state;
	enum { OLD = 2000 };
	struct text all = {0};
	text_add(&all, "weir control 3\n");
	static const char *const what[] = {"finalize", "step", "hold", "keep"};
	for (int i = 0; i < OLD; i++) {
		struct store_record r = record(i + 1);
		text_copy(r.what, sizeof r.what, what[i < 3 ? i : 3]);
		if (i != 2 && i != 100) /* the hold has one, and a keep that would go */
			r.history_head[0] = 0;
		store_record_line(&all, &r);
	}
	write_at(0, text_str(&all));
	text_free(&all);
	off_t before = size_of();
	struct store_options how = {.now_wall_ms = 1700000000000 + DAY_MS};
	struct store *s;
	assert_int_equal(store_open(&s, dir, &how, NULL), 0);
	assert_non_null(store_record_at(s, OLD - 1)); /* a day old, not older */
	store_close(s);
	how.now_wall_ms++;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(store_open(&s, dir, &how, NULL), 0);
		for (int n = 0; n < 3; n++)
			assert_string_equal(store_record_at(s, (size_t)n)->what, what[n]);
		assert_int_equal(store_record_at(s, 3)->seq, 101); /* the newest head of a history */
		assert_int_equal(store_record_at(s, 4)->seq, OLD - 1024 + 1);
		assert_int_equal(store_record_at(s, 1027)->seq, OLD);
		assert_null(store_record_at(s, 1028));
		store_close(s);
		assert_true(size_of() < before);
	}
}

/* ---- the directory ---- */

static void the_directory_is_ours_alone(void **state)
{
	(void)state;
	assert_int_equal(chmod(dir, 0777), 0);
	refuses(ERR_UNSAFE_FILE);
	assert_int_equal(chmod(dir, 0700), 0);
	char was[64], below[128];
	text_copy(was, sizeof was, dir);
	snprintf(dir, sizeof dir, "%.50s/none", was);
	snprintf(below, sizeof below, "%s/control.log", dir);
	struct store *s = open_store();
	store_close(s);
	struct stat st;
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	unlink(below);
	assert_int_equal(rmdir(dir), 0);
	text_copy(dir, sizeof dir, was);
	int fd = open(file, O_WRONLY | O_CREAT, 0600);
	close(fd);
	snprintf(dir, sizeof dir, "%.40s/control.log", was);
	refuses(ERR_FILE); /* not a directory */
	snprintf(dir, sizeof dir, "%.40s/no/such", was);
	refuses(ERR_FILE);
	text_copy(dir, sizeof dir, was);
}

/* ---- the thread ---- */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t moved;
	bool hangs;
	int interrupts, inside;
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER};

static int sync_disk(void *ctx, int fd)
{
	(void)ctx;
	(void)fd;
	int result = 0;
	pthread_mutex_lock(&disk.lock);
	disk.inside++;
	pthread_cond_broadcast(&disk.moved);
	while (disk.hangs)
		pthread_cond_wait(&disk.moved, &disk.lock);
	disk.inside--;
	if (disk.interrupts > 0) {
		disk.interrupts--;
		errno = EINTR;
		result = -1;
	}
	pthread_mutex_unlock(&disk.lock);
	return result;
}

static void hang(bool hangs)
{
	pthread_mutex_lock(&disk.lock);
	disk.hangs = hangs;
	pthread_cond_broadcast(&disk.moved);
	pthread_mutex_unlock(&disk.lock);
}

static void wait_until_inside(void)
{
	pthread_mutex_lock(&disk.lock);
	while (!disk.inside)
		pthread_cond_wait(&disk.moved, &disk.lock);
	pthread_mutex_unlock(&disk.lock);
}

static void a_signal_does_not_fail_a_sync(void **state)
{
	(void)state;
	struct store_options how = {.sync = sync_disk};
	struct store *s;
	disk.interrupts = 0;
	assert_int_equal(store_open(&s, dir, &how, NULL), 0);
	disk.interrupts = 3;
	struct store_record r = record(1);
	assert_true(store_append(s, &r));
	assert_int_equal(disk.interrupts, 0);
	store_close(s);
	assert_int_equal(stored(), 1);
}

static void a_change_given_up_while_it_is_written_is_undone(void **state)
{
	(void)state;
	struct store_options how = {.sync = sync_disk, .patience_ms = 1, .brake_ms = 1};
	struct store *s;
	assert_int_equal(store_open(&s, dir, &how, NULL), 0);
	hang(true);
	struct store_record r = record(1), brake = record(1), undo = record(0), next = record(2);
	text_copy(undo.key, sizeof undo.key, r.key);
	text_copy(brake.key, sizeof brake.key, "brake");
	uint64_t first = store_begin(s, &r, false);
	wait_until_inside();
	assert_int_equal(store_wait(s, first, false), STORE_WAITING);
	assert_true(store_is_stalled(s));
	uint64_t second = store_begin(s, &brake, true);
	uint64_t third = store_begin(s, &next, false);
	assert_int_equal(store_wait(s, second, true), STORE_WAITING);
	assert_int_equal(store_abandon(s, first, &undo), STORE_WAITING);
	assert_int_equal(store_abandon(s, third, &undo), STORE_FAILED);
	assert_int_equal(store_fate(s, third), STORE_FAILED);
	hang(false);
	while (store_is_stalled(s))
		poll(NULL, 0, 1);
	assert_int_equal(store_fate(s, first), STORE_STORED);
	assert_int_equal(store_fate(s, second), STORE_STORED);
	assert_int_equal(store_abandon(s, first, &undo), STORE_STORED);
	store_close(s);
	s = open_store();
	assert_int_equal(store_record_at(s, 0)->seq, 0); /* the void; its change is gone */
	assert_string_equal(store_record_at(s, 1)->key, "brake");
	assert_null(store_record_at(s, 2));
	store_close(s);
}

static void the_queue_is_bounded(void **state)
{
	(void)state;
	enum { MANY = 5000, ROOM = 4096 };
	struct store_options how = {.sync = sync_disk};
	struct store *s;
	assert_int_equal(store_open(&s, dir, &how, NULL), 0);
	hang(true);
	for (int i = 1; i <= MANY; i++) {
		struct store_record r = record(i);
		(void)store_begin(s, &r, true);
		if (i == 1)
			wait_until_inside();
	}
	hang(false);
	store_close(s);
	s = open_store();
	assert_int_equal(store_record_at(s, 0)->seq, 1);
	assert_int_equal(store_record_at(s, 1)->seq, MANY - ROOM + 2);
	assert_int_equal(store_record_at(s, ROOM - 1)->seq, MANY);
	assert_null(store_record_at(s, ROOM));
	store_close(s);
}

/* A brake that could not be written is, when there is room again, and before what follows. */
static void a_brake_is_tried_again(void **state)
{
	(void)state;
	append(1);
	struct store_options how = {.again_ms = 1};
	struct store *s;
	assert_int_equal(store_open(&s, dir, &how, NULL), 0);
	struct rlimit was, small;
	getrlimit(RLIMIT_FSIZE, &was);
	small = was;
	small.rlim_cur = (rlim_t)size_of();
	void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &small);
	struct store_record second = record(2), third = record(3), fourth = record(4);
	uint64_t brake = store_begin(s, &second, true);
	enum store_fate f = store_wait(s, brake, true);
	bool stalled = store_is_stalled(s), refused = !store_append(s, &third);
	uint64_t other = store_begin(s, &third, true);
	enum store_fate g = store_wait(s, other, true);
	setrlimit(RLIMIT_FSIZE, &was);
	signal(SIGXFSZ, handler);
	assert_int_equal(f, STORE_WAITING);
	assert_int_equal(g, STORE_WAITING);
	assert_false(stalled);
	assert_true(refused);
	while (store_fate(s, other) == STORE_WAITING)
		poll(NULL, 0, 1);
	assert_int_equal(store_fate(s, brake), STORE_STORED);
	assert_true(store_append(s, &fourth));
	store_close(s);
	assert_int_equal(stored(), 4);
}

/* What the disk never took is given up at the end, not waited for. */
static void closing_ends_with_a_full_disk(void **state)
{
	(void)state;
	append(1);
	struct store *s = open_store();
	struct rlimit was, small;
	getrlimit(RLIMIT_FSIZE, &was);
	small = was;
	small.rlim_cur = (rlim_t)size_of();
	void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &small);
	struct store_record r = record(2);
	(void)store_begin(s, &r, true);
	(void)store_begin(s, &r, true);
	store_close(s);
	setrlimit(RLIMIT_FSIZE, &was);
	signal(SIGXFSZ, handler);
	assert_int_equal(stored(), 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(gives_back_every_field),
		T(a_guard_without_a_judge_judges_as_usual),
		T(appends_after_a_restart),
		T(torn_last_line_is_cut_at_every_byte),
		T(torn_header_is_a_new_file),
		T(damage_before_the_end_is_refused),
		T(other_files_are_refused),
		T(others_may_not_write_it),
		T(is_used_by_one_only),
		T(full_disk_leaves_nothing_behind),
		T(a_cut_line_is_told),
		T(the_first_format_is_rewritten),
		T(the_second_format_is_rewritten),
		T(what_cannot_be_rewritten_is_refused),
		T(bad_fields_are_damage),
		T(old_records_go_at_open),
		T(the_directory_is_ours_alone),
		T(a_signal_does_not_fail_a_sync),
		T(a_change_given_up_while_it_is_written_is_undone),
		T(the_queue_is_bounded),
		T(a_brake_is_tried_again),
		T(closing_ends_with_a_full_disk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
