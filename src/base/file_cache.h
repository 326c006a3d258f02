/* Files that may be lost at any time, since what is in them can be made again: a folder of the
 * user's own, of bounded size.
 *
 * A file is written under another name and renamed, so whoever opens it finds all of it; which does
 * not hold after a power cut, and anybody who may write there can put anything into it: readers
 * check what they read. The name of a file says all that its content depends on, so none is ever
 * changed. When there are too many, those go first that were not used for longest. What others put
 * into the folder is left alone: names there have an ending of ours. */
#ifndef SEEP_BASE_FILE_CACHE_H
#define SEEP_BASE_FILE_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct file_cache;

/* $SEEP_CACHE ("off" or anything else that is no path: none), or $XDG_CACHE_HOME/seep, or
 * ~/.cache/seep. NULL: there is no such folder that is ours, nor one where we could make it. Caller
 * frees. */
char *file_cache_default_folder(void);

/* Makes the folder (0700) where it is not there. NULL: it cannot be made or is not ours alone to
 * write in. max_bytes: what all files in it may take. Caller owns. */
struct file_cache *file_cache_open(const char *folder, uint64_t max_bytes);
void file_cache_close(struct file_cache *cache);

/* The content of a file, private to the caller, who gives it back by munmap; NULL when it is not
 * there. */
void *file_cache_map(const struct file_cache *cache, const char *name, size_t *bytes);

/* Puts a file there, unless that is not possible or it is out of proportion. */
void file_cache_store(const struct file_cache *cache, const char *name, const struct iovec *pieces,
                      size_t count);

/* What says of an open file that it is the same, and as it was; short, and fit for a name. NULL: it
 * is not known. Caller frees. */
char *file_cache_identity(int fd);

/* What is there, for a report. */
void file_cache_measure(const struct file_cache *cache, uint64_t *files, uint64_t *bytes);

#endif
