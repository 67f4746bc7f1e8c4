/* STUN messages as a publisher's agent writes them, right or wrong in one chosen way. */
#ifndef PH_TEST_STUN_WRITER_H
#define PH_TEST_STUN_WRITER_H

#include "ingest/webrtc/stun.h"

struct stun_check {
    const char *username; /* "ours:theirs", as a peer sends it */
    const char *password;
    uint32_t priority;
    bool use_candidate;
    bool says_controlled; /* a role conflict */
    bool without_priority;
    bool without_fingerprint;
    bool without_integrity;
    uint16_t unknown;    /* an attribute's type that has to be understood; 0: none */
    uint8_t transaction; /* fills the transaction's id */
};

enum { STUN_CHECK_MOST_BYTES = 256 };

/* A Binding request. The size. */
size_t stun_check_write(uint8_t target[STUN_CHECK_MOST_BYTES], const struct stun_check *check);

/* What an answer says. */
struct stun_answer {
    bool is_success;
    unsigned error_code;          /* of a failure */
    struct ph_net_address mapped; /* of a success */
};
/* False when it is no answer to the transaction, or is not signed with the password. */
bool stun_answer_read(
    struct ph_slice bytes, uint8_t transaction, const char *password, struct stun_answer *answer);

#endif
