/* What a worker tells ingest while it works: acknowledgements, figures; and the effort that follows from
 * them. */
#ifndef PH_TRANSCODE_LINK_REPORT_H
#define PH_TRANSCODE_LINK_REPORT_H

#include "transcode/link.h"
#include "transcode/link_output.h"
#include "transcode/link_session.h"

struct ph_reporter;

struct ph_reporter_options {
    struct ph_link *link; /* borrowed, as all that follow */
    struct ph_source *source;
    struct ph_output *output;
    const struct ph_link_hello *hello;
    struct ph_effort effort;
    struct ph_session_options session;
    /* The reporter found that the session cannot go on in this worker: -ESTALE, PH_EOF when the origins say
     * it is over, or the link's error. */
    void (*broken)(void *opaque, int code);
    void *opaque;
};

int ph_reporter_create(struct ph_reporter **reporter, const struct ph_reporter_options *options) PH_NODISCARD;
/* Bytes that came over the link, for the bitrate. From the link's thread. */
void ph_reporter_count_bytes(struct ph_reporter *reporter, size_t bytes);
/* Ends its thread. NULL is fine. */
void ph_reporter_destroy(struct ph_reporter *reporter);

#endif
