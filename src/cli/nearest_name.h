/* Which name was meant? The known name with the fewest changed letters, if few enough. */
#ifndef SEEP_CLI_NEAREST_NAME_H
#define SEEP_CLI_NEAREST_NAME_H

struct nearest_name {
    const char *typed; /* borrowed */
    const char *best;  /* of those offered, borrowed; NULL while none is near */
    unsigned distance;
};

void nearest_name_init(struct nearest_name *nearest, const char *typed);
void nearest_name_offer(struct nearest_name *nearest, const char *name);

#endif
