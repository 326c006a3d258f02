/* Columns of a Unicode character on a terminal, whatever the locale (wcwidth() knows nothing beyond
 * ASCII in the C locale, where CI runs). */
#ifndef SEEP_BASE_CHARACTER_WIDTH_H
#define SEEP_BASE_CHARACTER_WIDTH_H

#include <stdint.h>

/* 0 for combining characters, 2 for wide ones, else 1. */
int character_width(uint32_t character);

#endif
