#include "report/xml_text.h"

#include "base/text.h"
#include "report/page.h"

void xml_write_text(FILE *out, const char *foreign)
{
    struct text safe = {0};

    page_make_safe(&safe, foreign);
    for (const char *at = text_get(&safe); *at; at++)
        switch (*at) {
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '&':
            fputs("&amp;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        default:
            fputc(*at, out);
        }
    text_clear(&safe);
}
