/* links: ph_webrtc ph_base */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/webrtc/negotiation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever was offered, what is written consists of SDP lines of printable text. */
static size_t count_lines(struct ph_builder *builder, const char *start) {
    char *text = ph_builder_finish_string(builder);
    size_t lines = 0;
    if (!text)
        abort();
    for (char *line = text; *line; lines++) {
        char *end = strstr(line, "\r\n");
        if (!end || end < line + 2 || line[1] != '=')
            abort();
        for (char *next = line; next < end; next++)
            if ((unsigned char)*next < 0x20 || (unsigned char)*next > 0x7E)
                abort();
        if (strncmp(line, start, strlen(start)) != 0)
            lines--;
        line = end + 2;
    }
    free(text);
    return lines;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct ph_local_transport local = {.ufrag = "ufrag", .pwd = "password"};
    struct ph_negotiation negotiation;
    struct ph_error error = {0};
    unsigned all = PH_CODECS_USUAL | PH_CODEC_BIT(PH_CODEC_H265) | PH_CODEC_BIT(PH_CODEC_AV1);
    int code = ph_negotiation_parse((struct ph_slice){data, size}, all, &negotiation, &error);
    if (code) {
        if (!*error.text)
            abort();
        return 0;
    }
    struct ph_builder answer = {0}, worker = {0};
    struct ph_answer_rates rates = ph_answer_rates_for(4500000);
    ph_negotiation_answer_write(&answer, &negotiation, &local, &rates, 1);
    if (count_lines(&answer, "m=") != negotiation.media_count)
        abort();
    ph_negotiation_worker_sdp_write(&worker, &negotiation);
    if (count_lines(&worker, "m=") != (size_t)((negotiation.video >= 0) + (negotiation.audio >= 0)))
        abort();
    return 0;
}
