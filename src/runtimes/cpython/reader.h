/* Reads all that can be told of a CPython process. */
#ifndef SEEP_RUNTIMES_CPYTHON_READER_H
#define SEEP_RUNTIMES_CPYTHON_READER_H

#include "runtimes/memory_view.h"
#include "runtimes/python_runtimes.h"
#include "snapshot/python_heap.h"
#include "snapshot/target_modules.h"

/* `heap` is initialised; it stays absent when there is no CPython. */
void cpython_read(struct memory_view *view, const struct target_modules *modules,
                  struct word_cache *words, const struct python_runtimes_input *process,
                  struct python_heap *heap);

#endif
