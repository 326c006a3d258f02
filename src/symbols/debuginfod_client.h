/* Asks the servers in $DEBUGINFOD_URLS for the debug file of a build-id, through libdebuginfod when
 * that is installed. Goes to the network and takes as long as that takes ($DEBUGINFOD_TIMEOUT):
 * only for users who asked for it. */
#ifndef SEEP_SYMBOLS_DEBUGINFOD_CLIENT_H
#define SEEP_SYMBOLS_DEBUGINFOD_CLIENT_H

#include <stddef.h>
#include <stdint.h>

/* An open descriptor (the caller closes it) of the file in the local cache, or -1. *path is the
 * file's name: the caller's to free. */
int debuginfod_client_fetch(const uint8_t *build_id, size_t build_id_bytes, char **path);

#endif
