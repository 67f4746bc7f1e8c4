/* The origin's sessions by name, and the names of those that are gone. One lock inside; calls from any
 * thread. */
#ifndef PH_ORIGIN_SESSIONS_H
#define PH_ORIGIN_SESSIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "origin/session.h"

enum { PH_MOST_SESSIONS = 512, PH_MOST_TOMBSTONES = 20000 };
#define PH_TOMBSTONE_US (INT64_C(86400) * PH_SECOND_US)

struct ph_origin_sessions;

/* `most_reserve_bytes`: what their windows may keep for the disk beyond what viewers can fetch. */
int ph_origin_sessions_create(struct ph_origin_sessions **sessions, uint64_t most_reserve_bytes) PH_NODISCARD;
/* Drops its references. NULL is fine. */
void ph_origin_sessions_destroy(struct ph_origin_sessions *sessions);

/* A reference, or NULL; then `gone` says whether it was there once. */
struct ph_session *ph_origin_sessions_find(struct ph_origin_sessions *sessions, const char *id, bool *gone);
/* Takes a reference. 0, -EEXIST (there is one of this name, or was, and this is no later take), -ENOSPC
 * (PH_MOST_SESSIONS), -ENOMEM. */
int ph_origin_sessions_insert(struct ph_origin_sessions *sessions, struct ph_session *session) PH_NODISCARD;
/* The session goes, its name stays for a day. */
void ph_origin_sessions_retire(
    struct ph_origin_sessions *sessions, struct ph_session *session, int64_t now_us);
/* The name of a session that went before this process began, at `since_us` (monotonic, may be negative). */
void ph_origin_sessions_bury(
    struct ph_origin_sessions *sessions, const char *id, uint32_t take, int64_t since_us);
/* Forgets names older than a day. */
void ph_origin_sessions_forget(struct ph_origin_sessions *sessions, int64_t now_us);
/* Bytes that are kept for the disk and that no viewer fetches any more. */
uint64_t ph_origin_sessions_reserved(const struct ph_origin_sessions *sessions);
/* References to all, in `list` of room for PH_MOST_SESSIONS; how many. */
size_t ph_origin_sessions_list(struct ph_origin_sessions *sessions, struct ph_session **list);

#endif
