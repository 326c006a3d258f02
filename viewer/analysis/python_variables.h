/* Variables of C code in what is told of Python's objects: "(C variable _foo.so+0x4048)", as it
 * stands in the recording, becomes "(C variable cache of _foo.so)" where the file is here and has a
 * symbol for it, else the section is added: "(C variable _foo.so+0x4048 in .bss)". Of thread-local
 * ones, "(thread-local C variable _foo.so+0x8)", it is the offset among those of the module. */
#ifndef SEEP_ANALYSIS_PYTHON_VARIABLES_H
#define SEEP_ANALYSIS_PYTHON_VARIABLES_H

#include "base/error.h"
#include "recording/recording_reader.h"
#include "snapshot/python_heap.h"

/* In all texts of the heap that the snapshot has. False with *error: the recording is damaged. */
bool python_variables_name(struct python_heap *heap, struct recording_reader *reader,
                           uint64_t snapshot_id, struct error *error);

#endif
