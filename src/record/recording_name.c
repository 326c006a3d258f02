#define _GNU_SOURCE
#include "record/recording_name.h"

#include <time.h>
#include <unistd.h>

#include "base/text.h"

static void add_harmless(struct text *out, const char *part)
{
    char safe[256];
    text_make_safe(part, safe, sizeof safe);
    for (char *at = safe; *at != '\0'; at++)
        if (*at == '/')
            *at = '_';
    text_add(out, safe);
}

static void add_time(struct text *out, uint64_t wall_ns)
{
    time_t seconds = (time_t)(wall_ns / 1000000000);
    struct tm local;
    char text[32] = "";
    if (localtime_r(&seconds, &local) != NULL)
        strftime(text, sizeof text, "%Y%m%d-%H%M%S", &local);
    text_add(out, text);
}

static void add_host(struct text *out)
{
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    add_harmless(out, host);
}

char *recording_name_expand(const char *pattern, const struct recording_name_facts *facts)
{
    struct text out = {0};
    for (const char *at = pattern; *at != '\0'; at++) {
        if (*at != '%') {
            text_add_bytes(&out, at, 1);
            continue;
        }
        switch (at[1]) {
        case 'e':
            add_harmless(&out, text_file_name(facts->executable));
            break;
        case 'p':
            text_print(&out, "%u", facts->pid);
            break;
        case 't':
            add_time(&out, facts->wall_ns);
            break;
        case 'h':
            add_host(&out);
            break;
        case '%':
            text_add(&out, "%");
            break;
        default:
            text_add(&out, "%");
            continue;
        }
        at++;
    }
    return text_take(&out);
}
