/* Shared by the files of the RTP session: rtp_session.c (what arrives), rtp_session_reports.c (what is sent).
 */
#ifndef PH_INGEST_WEBRTC_RTP_SESSION_INTERNAL_H
#define PH_INGEST_WEBRTC_RTP_SESSION_INTERNAL_H

#include "core/base/builder.h"
#include "ingest/webrtc/remb.h"
#include "ingest/webrtc/rtp_session.h"
#include "ingest/webrtc/rtp_stream.h"
#include "ingest/webrtc/transport_feedback.h"

struct ph_rtp_session {
    struct ph_negotiation negotiation;
    struct ph_rtp_session_options options; /* `negotiation` points to the one above */
    struct ph_rtp_stream video, audio;     /* not negotiated: media is NULL */
    struct ph_rtt rtt;
    struct ph_transport_feedback feedback;
    struct ph_remb remb;
    bool tells_arrivals; /* transport-cc was negotiated */
    /* Feedback about all streams may go without a report before it (RFC 5506). What is about one follows its
     * own m-line: ffmpeg offers reduced size for the picture alone, and reads no NACK in a compound. */
    bool reduced_size;

    struct ph_builder out; /* the RTCP packet being put together */
    int64_t feedback_due_us, report_due_us;
    uint32_t reports;
    struct ph_rtp_figures figures; /* those that are not a stream's */
};

/* Sends what is due of NACKs, keyframe requests, feedback and reports. The next instant at which something
 * is, or PH_NEVER_US. */
int64_t ph_rtp_session_send_due(struct ph_rtp_session *session, int64_t now_us);

#endif
