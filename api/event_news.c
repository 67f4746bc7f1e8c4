#include "api/event_news.h"

#include <stdio.h>
#include <stdlib.h>

#define HASH_NONFATAL_OOM 1 /* an element that could not be added has no table */
#include <uthash.h>

enum { MOST_KNOWN = 4096, KEY_BYTES = PH_SESSION_ID_BYTES + 4 };

struct ph_known_event {
    char key[KEY_BYTES]; /* session and type */
    int64_t sequence;
    UT_hash_handle hh;
};

void ph_event_news_forget(struct ph_event_news *news) {
    struct ph_known_event *known, *next;
    HASH_ITER(hh, news->known, known, next) {
        HASH_DEL(news->known, known);
        free(known);
    }
}

static struct ph_known_event *find(
    const struct ph_event_news *news, const struct ph_event *event, char key[KEY_BYTES]) {
    struct ph_known_event *known;
    snprintf(key, KEY_BYTES, "%s:%d", event->session, (int)event->type % 10);
    HASH_FIND_STR(news->known, key, known);
    return known;
}

bool ph_event_is_news(const struct ph_event_news *news, const struct ph_event *event) {
    char key[KEY_BYTES];
    const struct ph_known_event *known = find(news, event, key);
    return !known || known->sequence < event->sequence;
}

void ph_event_news_note(struct ph_event_news *news, const struct ph_event *event) {
    char key[KEY_BYTES];
    struct ph_known_event *known = find(news, event, key);
    if (!known) {
        if (HASH_COUNT(news->known) >= MOST_KNOWN)
            ph_event_news_forget(news);
        known = calloc(1, sizeof(*known));
        if (!known)
            return;
        snprintf(known->key, sizeof(known->key), "%s", key);
        HASH_ADD_STR(news->known, key, known);
        if (!known->hh.tbl) {
            free(known);
            return;
        }
    }
    known->sequence = event->sequence;
}
