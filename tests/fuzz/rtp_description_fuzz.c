/* links: ph_transcode ph_media ph_base PkgConfig::AVCODEC PkgConfig::AVUTIL */
#include <stdlib.h>
#include <string.h>

#include "transcode/rtp_description.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Any text: what it lists has a rate, and parameters exactly when its codec is known. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, bytes, size);
    text[size] = 0;
    struct ph_rtp_description description;
    int code = ph_rtp_description_parse(&description, text);
    for (int i = 0; i < 2; i++) {
        const struct ph_rtp_media *media = &description.media[i];
        if ((media->codec != AV_CODEC_ID_NONE) != (media->parameters != NULL))
            abort();
        if (code == 0 && media->parameters && (!media->is_listed || media->clock_rate <= 0))
            abort();
    }
    ph_rtp_description_finish(&description);
    free(text);
    return 0;
}
