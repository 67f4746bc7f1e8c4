/* links: ph_whip ph_media ph_base PkgConfig::ZLIB OpenSSL::Crypto */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/webrtc/ice_agent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A message, read and put to an agent that it can name: it never gets in, because it cannot sign. What is
 * answered by itself is well-formed. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ph_stun_message message, answer;
    struct ph_ice_agent agent;
    const struct ph_ice_path path = {.remote.port = 5000};
    uint8_t bytes[PH_STUN_MOST_ANSWER_BYTES];
    if (ph_stun_parse((struct ph_slice){data, size}, &message))
        return 0;
    ph_ice_agent_init(&agent, 1);
    memcpy(agent.present.ufrag, "evtj", 5);
    if (ph_ice_agent_check(&agent, &message, &path, 2, bytes).answer_bytes || agent.path_count)
        abort();
    unsigned code = message.unknown_count ? PH_STUN_UNKNOWN_ATTRIBUTE : PH_STUN_ROLE_CONFLICT;
    size_t answer_bytes = ph_stun_write_failure(bytes, &message, code, agent.present.pwd);
    if (!answer_bytes || ph_stun_parse((struct ph_slice){bytes, answer_bytes}, &answer) ||
        !ph_stun_integrity_holds(&answer, agent.present.pwd))
        abort();
    answer_bytes = ph_stun_write_success(bytes, &message, &path.remote, agent.present.pwd);
    if (!answer_bytes || ph_stun_parse((struct ph_slice){bytes, answer_bytes}, &answer))
        abort();
    return 0;
}
