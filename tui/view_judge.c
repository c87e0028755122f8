/* The judge as rows: what it says of v2 against v1, and the harm so far. */
#include "tui/judge_words.h"
#include "tui/view.h"

#define LABEL 14 /* columns before the words */

static int width_of(const struct judge_words *w, int n)
{
	int columns = 0;
	for (int i = 0; i < n; i++)
		columns += text_width(w[i].text) + (i > 0 ? 2 : 0);
	return columns;
}

/* All of them in the longest form that fits; what is harmful tells its figures before the others
 * tell anything. */
static int choose(struct judge_words w[JUDGE_PARTS], const struct pool *p, int columns)
{
	static const struct {
		enum judge_form first, rest;
	} forms[] = {{JUDGE_FULL, JUDGE_FULL}, {JUDGE_FULL, JUDGE_SHORT},
		{JUDGE_SHORT, JUDGE_SHORT}, {JUDGE_SHORT, JUDGE_LEAST}, {JUDGE_LEAST, JUDGE_LEAST}};
	int n = 0;
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		n = judge_words_all(w, p, forms[i].first, forms[i].rest);
		bool worst = w[0].role == ROLE_FAIL && forms[i].rest == JUDGE_LEAST;
		if (width_of(w, worst ? 1 : n) <= columns)
			break;
	}
	return n;
}

static void draw_verdict(struct surface *s, struct rect r, const struct view *v)
{
	struct judge_words w[JUDGE_PARTS];
	int n = choose(w, v->pool, r.w - LABEL);
	surface_text(s, r, r.x + 1, r.y, ROLE_DIM, "v2 / v1");
	int x = r.x + LABEL;
	for (int i = 0; i < n; i++) {
		/* Half a statement is none. */
		if (i > 0 && x + 2 + text_width(w[i].text) > r.x + r.w)
			return;
		if (i > 0)
			x = surface_text(s, r, x, r.y, ROLE_DIM, "; ");
		x = surface_text(s, r, x, r.y, view_role(v->pool, w[i].role), w[i].text);
	}
}

static void draw_harm(struct surface *s, struct rect r, const struct view *v)
{
	struct judge_words w;
	for (enum judge_form form = JUDGE_FULL; form <= JUDGE_LEAST; form++) {
		judge_words_harm(&w, v->pool, form);
		if (LABEL + text_width(w.text) <= r.w)
			break;
	}
	surface_text(s, r, r.x + 1, r.y, ROLE_DIM, "harm so far");
	surface_text(s, r, r.x + LABEL, r.y, view_role(v->pool, w.role), w.text);
}

void view_judge(struct surface *s, struct rect r, const struct view *v)
{
	struct rect row = {r.x, r.y, r.w, 1};
	draw_verdict(s, r.h > 1 ? row : view_harm_brief(s, row, v), v);
	if (r.h > 1)
		draw_harm(s, (struct rect){r.x, r.y + 1, r.w, 1}, v);
}
