/* Paths of source files as compilers write them into DWARF. Pure. */
#ifndef SEEP_SYMBOLS_SOURCE_PATH_H
#define SEEP_SYMBOLS_SOURCE_PATH_H

/* Puts `folder` (the folder of the compilation; NULL or "" = not known) before a relative path and
 * takes out "./", "x/../" and "//", as text: nothing is looked up. Caller owns the result.
 *
 * Distributions map the build folder to "." (-ffile-prefix-map), in `folder` and in paths alike:
 * joining
 * "./malloc" and "./malloc/malloc.c" once more would be wrong, so a relative folder is put only
 * before paths that do not begin with "./". */
char *source_path_clean(const char *path, const char *folder);

#endif
