/* Any bytes as a baseline, text or JSON, and as a file of budgets. What was read as text is written
 * and read again: it must come back. */
#include "config.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/gate_baseline.h"
#include "analysis/gate_baseline_text.h"
#include "base/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void write_again(const struct gate_baseline *baseline)
{
    static const struct gate_baseline_writing writing = {.part = 0.05};
    struct gate_baseline again = {0};
    struct text text = {0};
    struct error error;

    gate_baseline_write_text(baseline, baseline, &writing, &text);
    if (!gate_baseline_is_text(text_get(&text)) ||
        !gate_baseline_read_text(&again, text_get(&text), "written", &error))
        abort();
    gate_baseline_clear(&again);
    text_clear(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    char *text = memory_allocate(count + 1);
    struct gate_baseline baseline = {0};
    struct gate_limits limits = {0};
    struct gate_scopes scopes = {0};
    struct error error;

    memcpy(text, bytes, count);
    text[count] = '\0';
    if (gate_baseline_read_text(&baseline, text, "input", &error))
        write_again(&baseline);
    gate_baseline_clear(&baseline);
    if (gate_baseline_read_json(&baseline, text, "input", &error))
        write_again(&baseline);
    gate_baseline_clear(&baseline);
    gate_budgets_read(text, "input", &limits, &scopes, &error);
    gate_scopes_clear(&scopes);
    free(text);
    return 0;
}
