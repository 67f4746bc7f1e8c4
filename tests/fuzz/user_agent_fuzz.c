/* links: ph_api */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/event_block.h"
#include "api/events.h"
#include "api/user_agent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What listeners and viewers say of themselves in headers, and what nodes tell each other. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    int64_t sequence = -1;
    struct ph_event event;
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    if (ph_user_agent_device(text) >= PH_DEVICES || strlen(ph_user_agent_browser(text)) > 7)
        abort();
    if (ph_event_id_parse(text, &sequence) && sequence < 0)
        abort();
    if (ph_events_parse(text, &event) &&
        (event.sequence < 0 || event.body < text || event.body > text + size))
        abort();
    free(text);
    return 0;
}
