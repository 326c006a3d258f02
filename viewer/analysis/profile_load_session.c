#include "analysis/profile_loader.h"

static bool visit_session(void *context, enum recording_kind kind, const void *record)
{
    struct profile_loader *loader = context;
    loader->profile->session = *(const struct recording_session *)record;
    profile_loader_own(loader, kind, &loader->profile->session);
    return true;
}

static bool visit_recorder(void *context, enum recording_kind kind, const void *record)
{
    (void)kind;
    struct profile_loader *loader = context;
    loader->profile->recorder = *(const struct recording_recorder *)record;
    return true;
}

static bool visit_end(void *context, enum recording_kind kind, const void *record)
{
    (void)kind;
    struct profile_loader *loader = context;
    loader->has_end = true;
    loader->end = *(const struct recording_end *)record;
    return true;
}

void profile_load_session(struct profile_loader *loader)
{
    profile_loader_own(loader, RECORDING_session, &loader->profile->session);
    profile_loader_visit(loader, RECORDING_session, visit_session);
    profile_loader_visit(loader, RECORDING_recorder, visit_recorder);
    profile_loader_visit(loader, RECORDING_end, visit_end);
}
