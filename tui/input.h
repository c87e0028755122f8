/* Input: the bytes of a terminal as keys. Pure: it reads nothing and has no clock.
 * An escape sequence is one key or nothing, never the letters in it. */
#ifndef WEIR_TUI_INPUT_H
#define WEIR_TUI_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INPUT_SEQUENCE_MAX 32

/* What the terminal said of its background. */
enum input_ground { INPUT_GROUND_UNKNOWN, INPUT_DARK, INPUT_LIGHT };

enum input_state {
	INPUT_GROUND,
	INPUT_UTF8,      /* inside a character */
	INPUT_ESC,       /* after Esc */
	INPUT_CSI,       /* after Esc [ */
	INPUT_CSI_LINUX, /* after Esc [ [ */
	INPUT_SS3,       /* after Esc O */
	INPUT_MOUSE,     /* after Esc [ M: a button and a place, as characters */
	INPUT_STRING,    /* in a string the terminal sends, until BEL or Esc \ */
	INPUT_STRING_ESC,
	INPUT_PASTE,
};

struct input {
	enum input_state state;
	/* parameters of CSI and SS3; bytes of a character; a string with what begins it */
	char sequence[INPUT_SEQUENCE_MAX];
	size_t sequence_len;               /* above the size: too long to mean anything */
	int missing;                       /* bytes of the character, characters of the mouse */
	bool alt;                          /* it follows Esc */
	bool esc_told;                     /* Esc was a key, since nothing followed it in time */
	int64_t since_ms;                  /* when the last byte came */
	bool asked;                        /* the terminal was asked for its background */
	int64_t answer_by_ms;              /* what it says later than this changes nothing */
	enum input_ground ground;
};

/* The terminal is being asked for its background (OSC 11). Whatever it answers, whole or cut, is no
 * key; what it says by `answer_by_ms` is in `ground`. An Esc that waits for its rest is a key as soon
 * as ever, and what comes of an answer after it is still none. */
void input_ask(struct input *in, int64_t answer_by_ms);

/* Forgets what has come of a sequence; a question stays asked. */
void input_drop(struct input *in);

/* Takes one byte. Returns a key of tui/term.h, KEY_NONE when the byte did not complete one. */
uint32_t input_byte(struct input *in, unsigned char byte, int64_t now_ms);

/* What is complete because nothing followed in time: Esc alone, else KEYS_UNKNOWN for a
 * sequence without an end and KEYS_PASTE for such a paste. KEY_NONE when it is not yet time. */
uint32_t input_idle(struct input *in, int64_t now_ms);

/* When input_idle has something to say; -1 never. */
int64_t input_due_ms(const struct input *in);

#endif
