/* Sites of forked children whose blocks are those that the child was born with, and no others.
 *
 * A shell forks once for each command, and each child inherits thousands of sites of which it
 * touches a few. As records of their own they would be nearly all of a recording: so they stand in
 * lists, of five numbers each (struct recording_inherited_sites), and whoever reads the lists gets
 * the same struct recording_site that a record would have held. */
#ifndef SEEP_RECORDING_INHERITED_SITES_H
#define SEEP_RECORDING_INHERITED_SITES_H

#include <stdbool.h>
#include <stddef.h>

#include "recording/recording_records.h"

/* Of one process, by id. A zeroed struct is empty. */
struct inherited_sites {
    uint64_t *numbers;
    size_t count, capacity;
    uint64_t last_id, last_node;
};

void inherited_sites_clear(struct inherited_sites *sites);

/* Is this all that there is to say of it? */
bool inherited_sites_can_hold(const struct recording_site *site);
/* One that they can hold. */
void inherited_sites_add(struct inherited_sites *sites, const struct recording_site *site);
/* Are there so many that they should be written now? */
bool inherited_sites_are_many(const struct inherited_sites *sites);
/* What was added, as a record: borrowed until the next call. The list is empty then. */
struct recording_inherited_sites inherited_sites_take(struct inherited_sites *sites,
                                                      uint64_t process_id);

/* False: the visitor did not want to go on. A record that nobody wrote so gives other sites, or
 * fewer. */
typedef bool (*inherited_sites_visit_site)(void *context, const struct recording_site *site);
bool inherited_sites_visit(const struct recording_inherited_sites *record,
                           inherited_sites_visit_site visit, void *context);

#endif
