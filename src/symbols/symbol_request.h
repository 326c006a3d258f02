/* More to look up, for a child that lives on (symbol_batch.h): what a batch is to name, told to a
 * process that was forked before its modules were known.
 *
 * It travels as a file in memory, with the descriptors of the modules, over a socket: the sender
 * never waits, and there is no limit to heed. Both ends are the same program. */
#ifndef SEEP_SYMBOLS_SYMBOL_REQUEST_H
#define SEEP_SYMBOLS_SYMBOL_REQUEST_H

#include <stdbool.h>

#include "symbols/symbol_batch.h"

/* All of `input`, of whose modules the receiver has the first `known_modules`. False: it cannot be
 * sent; the receiver may have parts of it, so nothing more is to be sent to it. */
bool symbol_request_send(int socket, const struct symbol_batch_input *input, size_t known_modules);

/* Waits for one. Modules are added to those that `input` has, which are the receiver's own; frames
 * and pairs are replaced. False: no more will come. */
bool symbol_request_receive(int socket, struct symbol_batch_input *input);

#endif
