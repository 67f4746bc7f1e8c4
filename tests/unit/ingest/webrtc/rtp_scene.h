/* An RTP session whose publisher is the test: packets are handed in one by one, and what comes out is kept.
 */
#ifndef PH_TEST_RTP_SCENE_H
#define PH_TEST_RTP_SCENE_H

#include "ingest/webrtc/rtcp_packet.h"
#include "ingest/webrtc/rtp_session.h"
#include "ingest/webrtc/rtp_wire.h"

enum { PH_SCENE_MOST = 2048, PH_SCENE_SSRC = 0x0A0B0C0D };

struct ph_rtp_scene {
    struct ph_negotiation negotiation;
    struct ph_rtp_session *session;
    int64_t now_us;
    struct {
        uint8_t bytes[256];
        size_t size; /* as it was; more than what is kept of it */
    } forwarded[PH_SCENE_MOST];
    size_t forwarded_count;
    uint8_t rtcp[PH_SCENE_MOST][PH_RTCP_MOST_BYTES];
    size_t rtcp_sizes[PH_SCENE_MOST];
    size_t rtcp_count;
};

/* Begins with an offer of the corpus; `change`, when not NULL, changes what was negotiated. */
void ph_rtp_scene_init(
    struct ph_rtp_scene *scene, const char *offer, void (*change)(struct ph_negotiation *));
void ph_rtp_scene_finish(struct ph_rtp_scene *scene);

/* Hands in a packet of the video, or of the audio, that carries `payload`; the rest of `packet` is as given.
 */
void ph_rtp_scene_video(
    struct ph_rtp_scene *scene, uint16_t sequence, uint32_t timestamp, const char *payload);
void ph_rtp_scene_audio(
    struct ph_rtp_scene *scene, uint16_t sequence, uint32_t timestamp, const char *payload);
void ph_rtp_scene_receive(struct ph_rtp_scene *scene, const struct ph_rtp_wire *packet);
/* Lets time pass, ticking when the session asks for it. */
void ph_rtp_scene_pass(struct ph_rtp_scene *scene, int64_t duration_us);

/* The n-th packet that was forwarded. */
struct ph_rtp_wire ph_rtp_scene_forwarded(struct ph_rtp_scene *scene, size_t n);
/* How many packets of this type and format were sent to the publisher; the last of them in `last` when not
 * NULL. */
size_t ph_rtp_scene_sent(
    struct ph_rtp_scene *scene, enum ph_rtcp_type type, unsigned format, struct ph_rtcp_packet *last);
/* As of now. */
struct ph_rtp_figures ph_rtp_scene_figures(const struct ph_rtp_scene *scene);

#endif
