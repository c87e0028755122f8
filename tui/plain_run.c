/* The terminal around a plain console: bytes in, lines out. No terminal description is asked, so any
 * will do. */
#include "tui/plain.h"

#include "tui/console_parts.h"
#include "tui/facts.h"
#include "tui/input.h"
#include "tui/loop.h"
#include "tui/tty.h"

#include <signal.h>
#include <string.h>

/* Lines as a raw terminal takes them. */
static void write_lines(struct tty *tty, const struct text *t)
{
	for (const char *at = text_str(t); *at;) {
		size_t len = strcspn(at, "\n");
		tty_queue(tty, at, len);
		at += len;
		if (*at) {
			tty_queue(tty, "\r\n", 2);
			at++;
		}
	}
	tty_flush(tty);
}

/* The keys that have come; true when there was one. `1` says everything again. */
static bool take_keys(
	struct console *c, struct tty *tty, struct input *in, struct text *out, struct instant now)
{
	unsigned char bytes[256];
	bool any = false;
	size_t n = tty_read(tty, bytes, sizeof bytes);
	for (size_t i = 0; i <= n && !console_left(c); i++) {
		uint32_t key =
			i < n ? input_byte(in, bytes[i], now.boot_ms) : input_idle(in, now.boot_ms);
		if (key == KEY_NONE)
			continue;
		any = true;
		bool again = key == '1' && c->prompt == PROMPT_NONE && c->sheet.kind == SHEET_NONE;
		console_key(c, key, now);
		if (again)
			facts_plain(out, desk_model(c->how.desk), console_pool(c), now);
	}
	return any;
}

static int64_t timeout_of(const struct input *in, struct instant now)
{
	int64_t due = input_due_ms(in), left = due < 0 ? 1000 : due - now.boot_ms;
	return left < 0 ? 0 : left < 1000 ? left : 1000;
}

int plain_run(struct console *c, struct desk *d, struct err *err)
{
	struct tty tty;
	struct input in = {0};
	if (tty_open(&tty, -1, -1, err) < 0 || tty_make_raw(&tty, err) < 0) {
		tty_close(&tty);
		return -1;
	}
	struct plain *p = plain_new();
	struct instant now = loop_now();
	console_resize(c, 100, 40);
	while (!console_left(c) && !loop_interrupted() && !tty.hung_up) {
		struct text out = {0};
		desk_turn(d, now);
		while (loop_signal() != 0)
			;
		bool keyed = take_keys(c, &tty, &in, &out, now);
		console_refresh(c, now);
		if (c->how.notify)
			notify_turn(c->how.notify, desk_model(d), now);
		if (!console_left(c))
			plain_tell(p, c, &out, keyed, now);
		if (console_bell(c, now))
			text_add(&out, "\a");
		write_lines(&tty, &out);
		text_free(&out);
		struct wait_fd fds[] = {{.fd = tty.in_fd}, {.fd = loop_signal_fd()},
			{.fd = tty.out_fd, .want_write = true}};
		desk_wait(d, fds, tty_is_waiting(&tty) ? 3 : 2, timeout_of(&in, now), now);
		tty_flush(&tty);
		now = loop_now();
	}
	tty_finish(&tty, "", 0);
	tty_restore(&tty);
	tty_close(&tty);
	plain_free(p);
	loop_leave(d);
	return 0;
}
