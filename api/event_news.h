/* Which events those who follow all have heard of: each is told to them once, however often it is found. */
#ifndef PH_API_EVENT_NEWS_H
#define PH_API_EVENT_NEWS_H

#include "api/events.h"

/* Embedded; begins as {0}. */
struct ph_event_news {
    struct ph_known_event *known; /* owned */
};

/* Whether it is newer than what they heard of its session and type. */
bool ph_event_is_news(const struct ph_event_news *news, const struct ph_event *event);
/* It was told. What is too much to be remembered is forgotten, and then told twice. */
void ph_event_news_note(struct ph_event_news *news, const struct ph_event *event);
void ph_event_news_forget(struct ph_event_news *news);

#endif
