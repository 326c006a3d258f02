/* A name for a site that survives rebuilds: fp1:0123456789abcdef.
 *
 * The algorithm, for good (another one would be called fp2):
 *
 *   1. Take the functions of the stack, innermost first: of each frame first those inlined into it,
 *      for what one compiler inlines another one calls (below). Leave out those of system modules and
 *      library functions (own_code.h) and marks of omitted frames, and of the same function several
 *      times in a row all but the first. Keep the first 8. When nothing is left, keep the first 8
 *      without leaving out system modules and library functions.
 *   2. The text of a function is its name, reduced (below), a byte 0, and the part of its file's
 *      path after the last '/' (nothing when not known). A frame without a function's name has the
 *      module's file name, '+', and the offset as lower-case hex with 0x; one without a module
 *      has "?"; and no file.
 *   3. F(x) is FNV-1a with 64 bits over the bytes x (offset basis 14695981039346656037, prime
 *      1099511628211). M is the finaliser of MurmurHash3: x ^= x >> 33; x *= 0xff51afd7ed558ccd;
 *      x ^= x >> 33; x *= 0xc4ceb9fe1a85ec53; x ^= x >> 33. Begin with x = M(F(a)), where `a` is
 *      the allocation function's name as function_kinds.h shows it; for each function's text t in
 *      turn, x = M(x ^ F(t)). The fingerprint is the last x.
 *
 * Simplified: "[clone ...]" and "[abi:...]" are removed with the spaces before them (an open one up
 * to the end), and so are the suffixes that compilers append after a '.' (isra, part, constprop,
 * cold, lto_priv, llvm, and what follows up to the end of the word); template arguments are
 * removed, that is a balanced <...> that follows an identifier or an operator's name directly, or
 * the latter after one space. Where a '<' is not balanced, the rest of the name stays as it is.
 * Spaces at the ends are removed.
 *
 * With inlined functions, since without them a fingerprint is one compiler's: of the 3030 stacks of
 * 24 commands of seep itself, built by gcc -O0, builds by gcc -O2 and clang -O2 keep 96.5 and 96.6 %
 * of the fingerprints; made of the frames alone they would keep 5.5 and 2.4 %. What is still lost
 * was called through a pointer and left by a jump: nothing tells which function that was.
 *
 * Reduced: simplified, without return type, parameters and what follows them, and without the names
 * of namespaces and classes around it, which debug information leaves out of inlined functions that
 * only their file knows; lambdas, which each compiler numbers its own way, are "{lambda}". Files
 * and callers tell apart what has the same name. */
#ifndef SEEP_ANALYSIS_FINGERPRINT_H
#define SEEP_ANALYSIS_FINGERPRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "wire/function_kinds.h"

struct profile;

enum {
    FINGERPRINT_TEXT_BYTES = 24,
    FINGERPRINT_FRAMES = 8
};

/* "fp1:" and 16 hex digits. Returns `text`. */
const char *fingerprint_format(uint64_t fingerprint, char text[FINGERPRINT_TEXT_BYTES]);

/* False when `text` is not a fingerprint of this kind. */
bool fingerprint_parse(const char *text, uint64_t *fingerprint);

/* A demangled name as people know it, simplified as above, appended to `out`. */
void fingerprint_simplify_name(const char *function, struct text *out);

/* Step 2's name: what stays of a simplified one for all compilers; appended. */
void fingerprint_reduce_name(const char *function, struct text *out);

/* Fingerprints of stacks of one profile: what frames contribute is computed once. Caller owns it;
 * the profile must outlive it. profile_load fills profile_site.fingerprint with this. */
struct fingerprint_table *fingerprint_table_create(const struct profile *profile);
void fingerprint_table_destroy(struct fingerprint_table *table);
uint64_t fingerprint_of_stack(const struct fingerprint_table *table, enum function_kind function,
                              uint32_t stack_node);

/* The same for many sites of the profile: fills their fingerprints. */
struct profile_site;
void fingerprint_of_stacks(const struct fingerprint_table *table, struct profile_site *sites,
                           size_t count);

#endif
