#include "tests/unit/ingest/webrtc/offer_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *ph_offer_read(const char *name) {
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", PH_CORPUS, name);
    FILE *file = fopen(path, "r");
    char *text = calloc(2, PH_SDP_MOST_BYTES);
    if (!file || !text) {
        perror(path);
        abort();
    }
    size_t size = 0;
    for (int byte; (byte = fgetc(file)) != EOF && size < PH_SDP_MOST_BYTES;) {
        if (byte == '\n')
            text[size++] = '\r';
        text[size++] = (char)byte;
    }
    fclose(file);
    return text;
}

char *ph_offer_read_changed(const char *name, const char *from, const char *to) {
    char *text = ph_offer_read(name);
    char *found = strstr(text, from);
    if (!found) {
        fprintf(stderr, "%s: '%s' is not in it\n", name, from);
        abort();
    }
    size_t rest = strlen(found + strlen(from)) + 1;
    memmove(found + strlen(to), found + strlen(from), rest);
    memcpy(found, to, strlen(to));
    return text;
}

struct ph_slice ph_offer_slice(const char *text) {
    return (struct ph_slice){(const uint8_t *)text, strlen(text)};
}

struct ph_negotiation ph_offer_negotiate(const char *name) {
    char path[128];
    snprintf(path, sizeof(path), "sdp_offer/%s", name);
    char *text = ph_offer_read(path);
    struct ph_negotiation negotiation;
    struct ph_error error;
    if (ph_negotiation_parse(ph_offer_slice(text), PH_CODECS_USUAL, &negotiation, &error)) {
        fprintf(stderr, "%s: %s\n", name, error.text);
        abort();
    }
    free(text);
    return negotiation;
}
