/* Input: the bytes of a terminal as keys, by the grammar of ECMA-48 and the forms that
 * xterm, the Linux console, screen, tmux, rxvt and the VT100 send. Not a reader: term.c has
 * the descriptor.
 *
 * 1. A byte inside a sequence, a string or a paste never becomes a key of its own.
 * 2. Every state but GROUND ends by time, so that no lost byte takes the keyboard away. */
#include "tui/input.h"

#include "model/text.h"
#include "tui/term.h"

#include <string.h>

#define ESCAPE_MS 100 /* Esc alone, or the rest of its sequence over a slow line */
#define PASTE_MS 1000
#define ANSWER_MS 1000
#define ANSWER "]11;" /* how it begins */
#define ESC 0x1b
#define BEL 0x07
#define PASTE_END "\033[201~"

/* The ends of sequences; `lead` is what stands between Esc and the parameters. */
static const struct sequence_row {
	char lead; /* '[', 'O', or 'L' for Esc [ [ */
	const char *parameters;
	char final;
	uint32_t key;
} sequences[] = {
	{'[', "", 'A', KEYS_UP},
	{'[', "", 'B', KEYS_DOWN},
	{'[', "", 'C', KEYS_RIGHT},
	{'[', "", 'D', KEYS_LEFT},
	{'[', "", 'F', KEYS_END},
	{'[', "", 'H', KEYS_HOME},
	{'[', "", 'P', KEYS_F1},
	{'[', "", 'Z', KEYS_BACKTAB},
	{'[', "1", '~', KEYS_HOME},
	{'[', "3", '~', KEYS_DELETE},
	{'[', "4", '~', KEYS_END},
	{'[', "5", '~', KEYS_PGUP},
	{'[', "6", '~', KEYS_PGDN},
	{'[', "7", '~', KEYS_HOME},
	{'[', "8", '~', KEYS_END},
	{'[', "11", '~', KEYS_F1},
	{'[', "15", '~', KEYS_F5},
	{'L', "", 'A', KEYS_F1},
	{'L', "", 'E', KEYS_F5},
	{'O', "", 'A', KEYS_UP},
	{'O', "", 'B', KEYS_DOWN},
	{'O', "", 'C', KEYS_RIGHT},
	{'O', "", 'D', KEYS_LEFT},
	{'O', "", 'F', KEYS_END},
	{'O', "", 'H', KEYS_HOME},
	{'O', "", 'M', KEYS_ENTER},
	{'O', "", 'P', KEYS_F1},
};

static uint32_t enter(struct input *in, enum input_state state)
{
	in->state = state;
	in->sequence_len = 0;
	in->sequence[0] = '\0';
	return KEY_NONE;
}

static void keep(struct input *in, unsigned char byte)
{
	if (in->sequence_len + 1 < sizeof in->sequence) {
		in->sequence[in->sequence_len] = (char)byte;
		in->sequence[in->sequence_len + 1] = '\0';
	}
	in->sequence_len++;
}

static uint32_t leave(struct input *in, uint32_t key)
{
	enter(in, INPUT_GROUND);
	in->alt = in->esc_told = false;
	return key;
}

static uint32_t control_key(unsigned char byte)
{
	switch (byte) {
	case '\r':
	case '\n':
		return KEYS_ENTER;
	case '\t':
		return KEYS_TAB;
	case '\b':
	case 0x7f:
		return KEYS_BACKSPACE;
	default:
		return byte; /* NUL is KEY_NONE */
	}
}

/* The first byte of a key, after Esc (alt) or not. What follows Esc is swallowed with it. */
static uint32_t first_byte(struct input *in, unsigned char byte, bool alt)
{
	in->alt = alt;
	if (byte < 0x20 || byte == 0x7f)
		return leave(in, alt ? KEYS_UNKNOWN : control_key(byte));
	if (byte < 0x80)
		return leave(in, alt ? KEYS_UNKNOWN : byte);
	if (byte < 0xc2 || byte > 0xf4)
		return leave(in, alt ? KEYS_UNKNOWN : KEY_NONE);
	enter(in, INPUT_UTF8);
	keep(in, byte);
	in->missing = byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : 1;
	return KEY_NONE;
}

static uint32_t escape_byte(struct input *in, unsigned char byte);

/* Esc and a letter as one C1 character, as a terminal of 8 bits answers. */
static bool is_introducer(uint32_t point)
{
	return point == 0x8f || point == 0x90 || point == 0x98 || point == 0x9b ||
		(point >= 0x9d && point <= 0x9f);
}

static bool awaits_answer(const struct input *in);

static uint32_t ground_byte(struct input *in, unsigned char byte)
{
	if (in->esc_told && byte == ']' && awaits_answer(in))
		return escape_byte(in, byte);
	in->esc_told = false;
	if (byte == ESC)
		return enter(in, INPUT_ESC);
	return is_introducer(byte) ? escape_byte(in, byte - 0x40) : first_byte(in, byte, false);
}

static uint32_t utf8_byte(struct input *in, unsigned char byte)
{
	if ((byte & 0xc0) != 0x80) {
		leave(in, KEY_NONE);
		return ground_byte(in, byte); /* the broken character vanishes */
	}
	keep(in, byte);
	if (--in->missing > 0)
		return KEY_NONE;
	uint32_t point;
	if (in->alt)
		return leave(in, KEYS_UNKNOWN);
	if (text_decode(in->sequence, in->sequence_len, &point) <= 0)
		return leave(in, KEY_NONE);
	if (is_introducer(point))
		return escape_byte(in, (unsigned char)(point - 0x40));
	return leave(in, point < 0xa0 ? KEY_NONE : point);
}

static uint32_t escape_byte(struct input *in, unsigned char byte)
{
	switch (byte) {
	case ESC: /* the one before was alone */
		return KEYS_ESC;
	case '[':
		return enter(in, INPUT_CSI);
	case 'O':
		return enter(in, INPUT_SS3);
	case ']':
	case 'P':
	case 'X':
	case '^':
	case '_':
		enter(in, INPUT_STRING);
		keep(in, byte);
		return KEY_NONE;
	default:
		return first_byte(in, byte, true);
	}
}

static uint32_t find(const struct input *in, char lead, unsigned char final)
{
	if (in->sequence_len >= sizeof in->sequence)
		return KEYS_UNKNOWN;
	for (size_t i = 0; i < sizeof sequences / sizeof sequences[0]; i++)
		if (sequences[i].lead == lead && (unsigned char)sequences[i].final == final &&
			strcmp(sequences[i].parameters, in->sequence) == 0)
			return sequences[i].key;
	return KEYS_UNKNOWN;
}

/* Parameters until a final byte: CSI, and SS3 as some terminals write modifiers into it. */
static uint32_t sequence_byte(struct input *in, char lead, unsigned char byte)
{
	if (byte == ESC)
		return enter(in, INPUT_ESC);
	if (byte < 0x20 || byte >= 0x7f)
		return leave(in, KEYS_UNKNOWN);
	if (byte < 0x40) {
		keep(in, byte);
		return KEY_NONE;
	}
	if (lead == '[' && byte == '[' && in->sequence_len == 0)
		return enter(in, INPUT_CSI_LINUX);
	if (lead == '[' && byte == 'M' && in->sequence_len == 0) {
		in->missing = 3;
		return enter(in, INPUT_MOUSE);
	}
	if (lead == '[' && byte == '~' && strcmp(in->sequence, "200") == 0)
		return enter(in, INPUT_PASTE);
	return leave(in, find(in, lead, byte));
}

/* A place beyond column 95 takes two bytes where the terminal writes UTF-8. */
static uint32_t mouse_byte(struct input *in, unsigned char byte)
{
	if (byte == ESC)
		return enter(in, INPUT_ESC);
	if ((byte & 0xc0) == 0x80 || --in->missing > 0)
		return KEY_NONE;
	return leave(in, KEYS_UNKNOWN);
}

/* ---- the background ---- */

static bool awaits_answer(const struct input *in)
{
	return in->asked && in->ground == INPUT_GROUND_UNKNOWN && in->since_ms <= in->answer_by_ms;
}

/* Esc was told as a key since nothing followed in time, and now ] came: a key too, or the rest. */
static bool is_in_doubt(const struct input *in)
{
	return in->state == INPUT_STRING && in->esc_told && in->sequence_len == 1;
}

/* Its beginning counts as one only while none has come: later it is Alt and ]. */
static bool is_answer(const struct input *in)
{
	if (!in->asked || (in->state != INPUT_STRING && in->state != INPUT_STRING_ESC))
		return false;
	if (in->sequence_len < strlen(ANSWER))
		return awaits_answer(in) && !is_in_doubt(in) &&
			strncmp(in->sequence, ANSWER, in->sequence_len) == 0;
	return strncmp(in->sequence, ANSWER, strlen(ANSWER)) == 0;
}

/* One to four hexadecimal digits, as 0 to 1; -1 for anything else. */
static double read_part(const char **at, char end)
{
	static const char digits[] = "0123456789abcdef";
	unsigned value = 0, most = 0;
	for (; **at != end; ++*at) {
		const char *digit = **at ? strchr(digits, **at | 0x20) : NULL;
		if (digit == NULL || most > 0xfff)
			return -1;
		value = value * 16 + (unsigned)(digit - digits);
		most = most * 16 + 15;
	}
	*at += end != '\0';
	return most > 0 ? (double)value / most : -1;
}

/* "rgb:ffff/ffff/dddd": light where more than half of white is seen. */
static enum input_ground read_ground(const char *answer)
{
	if (strncmp(answer, "rgb:", 4) != 0)
		return INPUT_GROUND_UNKNOWN;
	answer += 4;
	double red = read_part(&answer, '/');
	double green = red < 0 ? -1 : read_part(&answer, '/');
	double blue = green < 0 ? -1 : read_part(&answer, '\0');
	if (blue < 0)
		return INPUT_GROUND_UNKNOWN;
	return 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 ? INPUT_LIGHT : INPUT_DARK;
}

static uint32_t end_string(struct input *in)
{
	if (!is_answer(in))
		return leave(in, KEYS_UNKNOWN);
	if (in->sequence_len > strlen(ANSWER) && in->sequence_len < sizeof in->sequence &&
		in->since_ms <= in->answer_by_ms)
		in->ground = read_ground(in->sequence + strlen(ANSWER));
	return leave(in, KEY_NONE);
}

void input_ask(struct input *in, int64_t answer_by_ms)
{
	in->asked = true;
	in->answer_by_ms = answer_by_ms;
}

void input_drop(struct input *in)
{
	*in = (struct input){
		.asked = in->asked, .answer_by_ms = in->answer_by_ms, .ground = in->ground};
}

static uint32_t string_byte(struct input *in, unsigned char byte)
{
	if (is_in_doubt(in) && byte != (unsigned char)ANSWER[1]) {
		leave(in, KEY_NONE); /* two keys in one moment: the first, a look, is lost */
		return ground_byte(in, byte);
	}
	if (byte == BEL || (in->state == INPUT_STRING_ESC && byte == '\\'))
		return end_string(in);
	in->state = byte == ESC ? INPUT_STRING_ESC : INPUT_STRING;
	if (byte != ESC)
		keep(in, byte);
	return KEY_NONE;
}

static uint32_t paste_byte(struct input *in, unsigned char byte)
{
	if (byte == (unsigned char)PASTE_END[in->sequence_len])
		in->sequence_len++;
	else
		in->sequence_len = byte == ESC ? 1 : 0;
	return PASTE_END[in->sequence_len] == '\0' ? leave(in, KEYS_PASTE) : KEY_NONE;
}

uint32_t input_byte(struct input *in, unsigned char byte, int64_t now_ms)
{
	in->since_ms = now_ms;
	switch (in->state) {
	case INPUT_GROUND:
		return ground_byte(in, byte);
	case INPUT_UTF8:
		return utf8_byte(in, byte);
	case INPUT_ESC:
		return escape_byte(in, byte);
	case INPUT_CSI:
		return sequence_byte(in, '[', byte);
	case INPUT_CSI_LINUX:
		return sequence_byte(in, 'L', byte);
	case INPUT_SS3:
		return sequence_byte(in, 'O', byte);
	case INPUT_MOUSE:
		return mouse_byte(in, byte);
	case INPUT_STRING:
	case INPUT_STRING_ESC:
		return string_byte(in, byte);
	case INPUT_PASTE:
		return paste_byte(in, byte);
	}
	return KEY_NONE;
}

int64_t input_due_ms(const struct input *in)
{
	if (in->state == INPUT_GROUND)
		return -1;
	return in->since_ms +
		(in->state == INPUT_PASTE ? PASTE_MS
				: is_answer(in)   ? ANSWER_MS
								  : ESCAPE_MS);
}

uint32_t input_idle(struct input *in, int64_t now_ms)
{
	if (in->state == INPUT_GROUND || now_ms < input_due_ms(in))
		return KEY_NONE;
	switch (in->state) {
	case INPUT_ESC:
		leave(in, KEYS_ESC);
		in->esc_told = true;
		return KEYS_ESC;
	case INPUT_PASTE:
		return leave(in, KEYS_PASTE);
	case INPUT_UTF8:
		return leave(in, KEY_NONE);
	default:
		return leave(in, is_answer(in) ? KEY_NONE : is_in_doubt(in) ? ']' : KEYS_UNKNOWN);
	}
}
