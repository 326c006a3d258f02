/* Recordings of made-up programs, for golden files and for trying out views. */
#ifndef SEEP_TESTS_PROFILE_SAMPLES_H
#define SEEP_TESTS_PROFILE_SAMPLES_H

#include "profile_builder.h"

/* "simple": a C program, everything known. "cxx": long C++ names, inlined code, a library without
 * symbols, several threads, mappings, wrong frees. "several": a shell with children, one killed,
 * one not observed, a fork. "torn": no end, events lost, all that can be wrong. "empty": a program
 * that allocated nothing. NULL for another name. Caller owns the builder. */
struct profile_builder *profile_sample_create(const char *name);

/* NULL past the end. */
const char *profile_sample_name(size_t position);

#endif
