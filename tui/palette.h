/* Palette: the colours of xterm's palette, and which of fewer comes near. Pure. */
#ifndef WEIR_TUI_PALETTE_H
#define WEIR_TUI_PALETTE_H

/* The red, green and blue, 0..255, of a colour 0..255. The first 16 as xterm has them: a
 * terminal may show others. Source: xterm's 256colres.h and XTerm-col.ad. */
void palette_rgb(int colour, int rgb[3]);

/* The nearest of the eight colours that every colour terminal has; a grey stays grey. */
int palette_nearest_of_8(int colour);

#endif
