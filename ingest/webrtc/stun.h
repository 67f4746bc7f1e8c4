/* STUN messages (RFC 8489) as ICE uses them (RFC 8445): reading requests, writing answers (pure).
 *
 * Why not libnice's: its STUN functions live in the library that brings GLib, GnuTLS and UPnP into the
 * process; an ICE-lite agent needs six attributes and two answers. */
#ifndef PH_INGEST_WEBRTC_STUN_H
#define PH_INGEST_WEBRTC_STUN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "ingest/webrtc/net_address.h"

enum ph_stun_class { PH_STUN_REQUEST, PH_STUN_INDICATION, PH_STUN_SUCCESS, PH_STUN_FAILURE };
enum ph_stun_role { PH_STUN_ROLE_NONE, PH_STUN_ROLE_CONTROLLED, PH_STUN_ROLE_CONTROLLING };

enum {
    PH_STUN_BINDING = 1, /* a method */
    PH_STUN_TRANSACTION_BYTES = 12,
    PH_STUN_MOST_BYTES = 1500, /* what is longer is no message of ICE */
    PH_STUN_MOST_UNKNOWN = 8,
    PH_STUN_MOST_ANSWER_BYTES = 128,
    PH_STUN_UNKNOWN_ATTRIBUTE = 420,
    PH_STUN_ROLE_CONFLICT = 487,
};

/* A message read; slices point into the bytes it was read from. */
struct ph_stun_message {
    enum ph_stun_class class;
    uint16_t method;
    uint8_t transaction[PH_STUN_TRANSACTION_BYTES];
    struct ph_slice username; /* empty when absent */
    uint32_t priority;        /* 0 when absent */
    bool use_candidate;
    enum ph_stun_role role; /* the sender's */
    uint64_t tie_breaker;
    bool has_fingerprint;        /* and it is right */
    struct ph_slice signed_part; /* what MESSAGE-INTEGRITY covers; empty without one */
    const uint8_t *integrity;    /* its 20 bytes */
    size_t unknown_count;        /* attributes that must be understood and are not */
    uint16_t unknown[PH_STUN_MOST_UNKNOWN];
};

/* Whether the bytes look like STUN, by the first two bits and the cookie (RFC 7983 section 7). */
bool ph_stun_is_message(struct ph_slice bytes);
/* 0, or PH_INVALID_DATA; also when there is a FINGERPRINT that is wrong. Integrity is not looked at. */
int ph_stun_parse(struct ph_slice bytes, struct ph_stun_message *message) PH_NODISCARD;
/* Whether MESSAGE-INTEGRITY (HMAC-SHA1, RFC 8489 section 14.5) is there and right. Constant time. */
bool ph_stun_integrity_holds(const struct ph_stun_message *message, const char *password);

/* A success with XOR-MAPPED-ADDRESS, or a failure with ERROR-CODE (and UNKNOWN-ATTRIBUTES for 420); both with
 * MESSAGE-INTEGRITY and FINGERPRINT. The size, 0 when it cannot be signed. */
size_t ph_stun_write_success(uint8_t target[PH_STUN_MOST_ANSWER_BYTES], const struct ph_stun_message *request,
    const struct ph_net_address *mapped, const char *password);
size_t ph_stun_write_failure(uint8_t target[PH_STUN_MOST_ANSWER_BYTES], const struct ph_stun_message *request,
    unsigned code, const char *password);

#endif
