#include "report/xml_text.h"

#include "base/text.h"
#include "report/page.h"

const char *xml_entity(char character)
{
    switch (character) {
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '&':
        return "&amp;";
    case '"':
        return "&quot;";
    default:
        return NULL;
    }
}

void xml_write_text(FILE *out, const char *foreign)
{
    struct text safe = {0};

    page_make_safe(&safe, foreign);
    for (const char *at = text_get(&safe); *at; at++)
        if (xml_entity(*at))
            fputs(xml_entity(*at), out);
        else
            fputc(*at, out);
    text_clear(&safe);
}
