/* What CPython's own allocator does, told by wrappers that CPython offers a place for.
 *
 * pymalloc gives small objects room in arenas, which it maps. Without a word on this an arena would
 * count as the bytes of the innocent line that happened to need one. So arenas are told as arenas
 * (PyObject_SetArenaAllocator), and their stack is left out.
 *
 * With --python=objects each block of the domains "mem" and "object" is an event of its own
 * (PyMem_SetAllocator), with the Python frames of its thread alone: what the interpreter's
 * functions between them did is the same for all. A block that pymalloc asks malloc for is recorded
 * once, as the object. Arenas are then the heap of an allocator, as malloc's are.
 *
 * Both are only set before Python begins: the tables are read without a lock. */
#ifndef SEEP_PRELOAD_PYTHON_ALLOCATOR_H
#define SEEP_PRELOAD_PYTHON_ALLOCATOR_H

/* Puts the wrappers in place once a CPython was found, if it has not begun. */
void python_allocator_start(void);

#endif
