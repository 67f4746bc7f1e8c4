#define HASH_NONFATAL_OOM 1
#include "origin/sessions.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"

struct tombstone {
    char id[PH_SESSION_NAME_BYTES];
    uint32_t take;
    int64_t since_us;
    UT_hash_handle hh;
};

struct ph_origin_sessions {
    struct ph_reserve reserve; /* of all their windows */
    pthread_rwlock_t lock;
    struct ph_session *present; /* guarded by lock */
    struct tombstone *gone;     /* guarded by lock; in the order they went */
};

int ph_origin_sessions_create(struct ph_origin_sessions **out, uint64_t most_reserve_bytes) {
    *out = calloc(1, sizeof(**out));
    if (!*out)
        return -ENOMEM;
    (*out)->reserve.most_bytes = most_reserve_bytes;
    pthread_rwlock_init(&(*out)->lock, NULL);
    return 0;
}

static void unbury(struct ph_origin_sessions *sessions, struct tombstone *tombstone) {
    HASH_DEL(sessions->gone, tombstone);
    free(tombstone);
}

void ph_origin_sessions_destroy(struct ph_origin_sessions *sessions) {
    if (!sessions)
        return;
    while (sessions->present) {
        struct ph_session *session = sessions->present;
        HASH_DEL(sessions->present, session);
        ph_session_unref(&session);
    }
    while (sessions->gone)
        unbury(sessions, sessions->gone);
    pthread_rwlock_destroy(&sessions->lock);
    free(sessions);
}

struct ph_session *ph_origin_sessions_find(struct ph_origin_sessions *sessions, const char *id, bool *gone) {
    struct ph_session *session = NULL;
    struct tombstone *tombstone = NULL;
    pthread_rwlock_rdlock(&sessions->lock);
    HASH_FIND_STR(sessions->present, id, session);
    if (session)
        ph_session_ref(session);
    else
        HASH_FIND_STR(sessions->gone, id, tombstone);
    pthread_rwlock_unlock(&sessions->lock);
    *gone = tombstone;
    return session;
}

/* With the lock held. */
static int insert(struct ph_origin_sessions *sessions, struct ph_session *session) {
    struct ph_session *there = NULL;
    struct tombstone *tombstone = NULL;
    HASH_FIND_STR(sessions->present, session->id, there);
    HASH_FIND_STR(sessions->gone, session->id, tombstone);
    bool is_later_take = tombstone && tombstone->take && session->publication.take > tombstone->take;
    if (there || (tombstone && !is_later_take))
        return -EEXIST;
    if (HASH_COUNT(sessions->present) >= PH_MOST_SESSIONS)
        return -ENOSPC;
    HASH_ADD_STR(sessions->present, id, session);
    if (!session->hh.tbl)
        return -ENOMEM;
    if (tombstone)
        unbury(sessions, tombstone);
    pthread_mutex_lock(&session->lock);
    session->window.reserve = &sessions->reserve;
    pthread_mutex_unlock(&session->lock);
    ph_session_ref(session);
    return 0;
}

int ph_origin_sessions_insert(struct ph_origin_sessions *sessions, struct ph_session *session) {
    pthread_rwlock_wrlock(&sessions->lock);
    int code = insert(sessions, session);
    pthread_rwlock_unlock(&sessions->lock);
    return code;
}

/* With the lock held. Without memory the name is forgotten at once: 404 instead of 410. */
static void bury(struct ph_origin_sessions *sessions, const char *id, uint32_t take, int64_t since_us) {
    struct tombstone *tombstone = calloc(1, sizeof(*tombstone));
    if (!tombstone)
        return;
    while (HASH_COUNT(sessions->gone) >= PH_MOST_TOMBSTONES)
        unbury(sessions, sessions->gone);
    strcpy(tombstone->id, id); /* a valid name fits */
    tombstone->take = take;
    tombstone->since_us = since_us;
    HASH_ADD_STR(sessions->gone, id, tombstone);
    if (!tombstone->hh.tbl)
        free(tombstone);
}

void ph_origin_sessions_retire(
    struct ph_origin_sessions *sessions, struct ph_session *session, int64_t now_us) {
    struct ph_session *present = NULL;
    pthread_rwlock_wrlock(&sessions->lock);
    HASH_FIND_STR(sessions->present, session->id, present);
    if (present == session) {
        HASH_DEL(sessions->present, present);
        bury(sessions, session->id, session->publication.take, now_us);
    } else {
        present = NULL;
    }
    pthread_rwlock_unlock(&sessions->lock);
    ph_session_unref(&present);
}

void ph_origin_sessions_bury(
    struct ph_origin_sessions *sessions, const char *id, uint32_t take, int64_t since_us) {
    struct tombstone *there = NULL;
    pthread_rwlock_wrlock(&sessions->lock);
    HASH_FIND_STR(sessions->gone, id, there);
    if (!there)
        bury(sessions, id, take, since_us);
    pthread_rwlock_unlock(&sessions->lock);
}

void ph_origin_sessions_forget(struct ph_origin_sessions *sessions, int64_t now_us) {
    struct tombstone *tombstone, *following;
    pthread_rwlock_wrlock(&sessions->lock);
    HASH_ITER(hh, sessions->gone, tombstone, following) {
        if (now_us - tombstone->since_us > PH_TOMBSTONE_US)
            unbury(sessions, tombstone);
    }
    pthread_rwlock_unlock(&sessions->lock);
}

uint64_t ph_origin_sessions_reserved(const struct ph_origin_sessions *sessions) {
    return atomic_load(&sessions->reserve.used_bytes);
}

size_t ph_origin_sessions_list(struct ph_origin_sessions *sessions, struct ph_session **list) {
    struct ph_session *session, *following;
    size_t count = 0;
    pthread_rwlock_rdlock(&sessions->lock);
    HASH_ITER(hh, sessions->present, session, following) {
        list[count++] = ph_session_ref(session);
    }
    pthread_rwlock_unlock(&sessions->lock);
    return count;
}
