#include "core/http/framing.h"

#include <string.h>
#include <strings.h>

struct framing {
    unsigned lengths, encodings;
    bool is_broken;
};

/* RFC 9110, section 5.6.2: what a name is made of. */
static bool is_token(const char *name) {
    for (; *name; name++) {
        unsigned char c = (unsigned char)*name;
        if (c <= 0x20 || c >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", c))
            return false;
    }
    return true;
}

static enum MHD_Result look(void *opaque, enum MHD_ValueKind kind, const char *name, const char *value) {
    struct framing *framing = opaque;
    (void)kind;
    if (!is_token(name))
        framing->is_broken = true;
    if (strcasecmp(name, "Content-Length") == 0) {
        framing->lengths++;
        if (!value || !*value || value[strspn(value, "0123456789")])
            framing->is_broken = true;
    }
    if (strcasecmp(name, "Transfer-Encoding") == 0) {
        framing->encodings++;
        if (!value || strcasecmp(value, "chunked") != 0)
            framing->is_broken = true;
    }
    return MHD_YES;
}

bool ph_http_framing_is_clear(struct MHD_Connection *connection) {
    struct framing framing = {0};
    MHD_get_connection_values(connection, MHD_HEADER_KIND, look, &framing);
    return !framing.is_broken && framing.lengths + framing.encodings <= 1;
}
