/* What of a session is not wanted: takes of files, tries at an upload, of which one counts and of the others
 * nothing is kept; and recordings that were deleted. */
#include "origin/archive/archive_private.h"

static const int64_t ask_every_us = 30 * PH_SECOND_US;

/* With the lock held. */
static void give_up(struct ph_archive_session *session) {
    session->given_up = session->discarded = session->retired = session->has_news = true;
    pthread_cond_broadcast(&session->archive->work);
}

/* With the lock held. */
static struct ph_archive_session *find(struct ph_archive *archive, const char *id) {
    struct ph_archive_session *session;
    HASH_FIND_STR(archive->sessions, id, session);
    return session;
}

void ph_archive_give_up(struct ph_archive_session *session) {
    struct ph_archive *archive = session->archive;
    pthread_mutex_lock(&archive->lock);
    give_up(session);
    pthread_mutex_unlock(&archive->lock);
}

bool ph_archive_has(struct ph_archive *archive, const char *id) {
    pthread_mutex_lock(&archive->lock);
    bool is_there = find(archive, id);
    pthread_mutex_unlock(&archive->lock);
    return is_there;
}

bool ph_archive_make_way(struct ph_archive *archive, const char *id, uint32_t take) {
    pthread_mutex_lock(&archive->lock);
    struct ph_archive_session *session = find(archive, id);
    bool is_in_the_way = session && (session->given_up || session->publication.take < take);
    if (is_in_the_way && session->retired)
        give_up(session);
    pthread_mutex_unlock(&archive->lock);
    return !is_in_the_way;
}

bool ph_archive_is_unwanted(struct ph_archive *archive, const char *id) {
    pthread_mutex_lock(&archive->lock);
    struct ph_archive_session *session = find(archive, id);
    int64_t now_us = ph_archive_now_us(archive);
    bool is_unwanted = session && session->is_unwanted;
    if (session && !is_unwanted && (!session->asked_us || now_us - session->asked_us > ask_every_us)) {
        session->asked_us = now_us;
        session->in_doubt = session->has_news = true;
        pthread_cond_broadcast(&archive->work);
    }
    pthread_mutex_unlock(&archive->lock);
    return is_unwanted;
}

void ph_archive_doubt(struct ph_archive *archive, const char *id) {
    pthread_mutex_lock(&archive->lock);
    struct ph_archive_session *session = find(archive, id);
    if (session)
        session->asked_us = 0;
    pthread_mutex_unlock(&archive->lock);
}

void ph_archive_ask_wanted(struct ph_archive_session *session) {
    struct ph_archive *archive = session->archive;
    struct ph_archive_catalogue *catalogue = archive->options.catalogue;
    uint32_t take = session->publication.take;
    bool is_unwanted = false;
    if (catalogue && take)
        is_unwanted = catalogue->is_wanted(catalogue, session->id, take, false) == 0;
    else if (catalogue)
        is_unwanted = catalogue->is_deleted(catalogue, session->id) == 1;
    pthread_mutex_lock(&archive->lock);
    session->in_doubt = false;
    session->is_unwanted = is_unwanted;
    pthread_mutex_unlock(&archive->lock);
}
