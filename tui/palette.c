/* Palette: the colours of xterm's palette, and which of fewer comes near. Not a theme: it
 * knows no roles. */
#include "tui/palette.h"

#define GREY_SPREAD 32 /* below this between its parts a colour looks grey */

void palette_rgb(int colour, int rgb[3])
{
	static const int basic[16][3] = {
		{0, 0, 0},
		{205, 0, 0},
		{0, 205, 0},
		{205, 205, 0},
		{0, 0, 238},
		{205, 0, 205},
		{0, 205, 205},
		{229, 229, 229},
		{127, 127, 127},
		{255, 0, 0},
		{0, 255, 0},
		{255, 255, 0},
		{92, 92, 255},
		{255, 0, 255},
		{0, 255, 255},
		{255, 255, 255},
	};
	static const int cube[] = {0, 95, 135, 175, 215, 255};
	static const int weight[] = {36, 6, 1};
	for (int i = 0; i < 3; i++) {
		if (colour < 16)
			rgb[i] = basic[colour][i];
		else if (colour < 232)
			rgb[i] = cube[(colour - 16) / weight[i] % 6];
		else
			rgb[i] = 8 + 10 * (colour - 232);
	}
}

int palette_nearest_of_8(int colour)
{
	int rgb[3];
	palette_rgb(colour, rgb);
	int most = rgb[0], least = rgb[0];
	for (int i = 1; i < 3; i++) {
		most = rgb[i] > most ? rgb[i] : most;
		least = rgb[i] < least ? rgb[i] : least;
	}
	if (most - least < GREY_SPREAD)
		return most < 64 ? 0 : 7;
	int best = 0, best_distance = 3 * 255 * 255 + 1;
	for (int c = 0; c < 8; c++) {
		int other[3], distance = 0;
		palette_rgb(c, other);
		for (int i = 0; i < 3; i++)
			distance += (rgb[i] - other[i]) * (rgb[i] - other[i]);
		if (distance < best_distance) {
			best_distance = distance;
			best = c;
		}
	}
	return best;
}
