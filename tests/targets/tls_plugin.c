/* Keeps pointers for lost.c: one in a global variable, one in thread-local memory of its own. */
static void *kept;
static __thread void *kept_by_thread;

void plugin_keep(void *block);
void plugin_keep_by_thread(void *block);

void plugin_keep(void *block)
{
    kept = block;
}

void plugin_keep_by_thread(void *block)
{
    kept_by_thread = block;
}
