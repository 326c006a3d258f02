/* plugin_a.c under other names. */
#define PLUGIN(name) plugin_b_##name
#include "plugin_a.c"
