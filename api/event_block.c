#include "api/event_block.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void ph_event_block(struct ph_builder *builder, int64_t sequence, const char *type, const char *body) {
    if (sequence)
        ph_builder_format(builder, "id: %" PRId64 "\n", sequence);
    ph_builder_format(builder, "event: %s\n", type);
    /* JSON in one line is the rule; what breaks it must not become a field of its own. */
    for (const char *line = body;; line++) {
        size_t size = strcspn(line, "\r\n");
        ph_builder_text(builder, "data: ");
        ph_builder_append(builder, line, size);
        ph_builder_text(builder, "\n");
        line += size;
        if (!*line)
            break;
    }
    ph_builder_text(builder, "\n");
}

bool ph_event_id_parse(const char *text, int64_t *sequence) {
    size_t digits = strspn(text, "0123456789");
    if (digits < 1 || digits > 18 || text[digits])
        return false;
    *sequence = strtoll(text, NULL, 10);
    return true;
}
