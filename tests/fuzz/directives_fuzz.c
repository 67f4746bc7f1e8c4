/* links: ph_origin ph_media ph_base */
#include <stdlib.h>
#include <string.h>

#include "origin/directives.h"
#include "origin/part_headers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The text up to the next zero byte; NULL when it is "?" alone or nothing is left. */
static const char *next_text(char **rest, const char *end) {
    char *text = *rest;
    if (text >= end)
        return NULL;
    *rest = text + strlen(text) + 1;
    return strcmp(text, "?") == 0 ? NULL : text;
}

static void decide(const struct ph_directives *directives) {
    const struct ph_publication publication = {
        .parts_per_segment = 10, .part_target_us = 200000, .target_duration_s = 2};
    const struct ph_edge edges[] = {
        {0}, {.any = true, .newest = {7, 3}}, {.any = true, .closed = true, .newest = {7, 9}}};
    for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
        struct ph_directive_decision decision = ph_directives_decide(directives, &edges[i], &publication);
        if (decision.verdict != PH_DIRECTIVE_HOLD)
            continue;
        if (ph_edge_contains(&edges[i], decision.until))
            abort();
        if (edges[i].any && decision.until.segment > edges[i].newest.segment + 2)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char text[256];
    struct ph_directives directives;
    struct ph_part_head head = {0};
    struct ph_error error;
    if (size >= sizeof(text))
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    char *rest = text;
    const char *end = text + size, *values[5];
    for (size_t i = 0; i < 5; i++)
        values[i] = next_text(&rest, end);
    if (ph_directives_parse(values[0], values[1], values[2], &directives) == 0)
        decide(&directives);
    const struct ph_part_headers headers = {values[0], values[1], values[2], values[3], values[4]};
    if (ph_part_headers_parse(&headers, PH_TRACK_VIDEO, &head, &error) == 0 && head.start_ticks < 0)
        abort();
    return 0;
}
