/* The chat of a session: history, saying something, moderation. */
#ifndef PH_API_CHAT_H
#define PH_API_CHAT_H

#include "api/dispatch.h"
#include "api/sessions_store.h"
#include "core/base/settings.h"

/* The opaque of the actions; everything is borrowed. */
struct ph_chat_resource {
    const struct ph_settings *settings;
    struct ph_db *db;
    struct ph_sessions *sessions;
    struct ph_clock *clock;
    struct ph_metric *said;
};

extern const struct ph_api_route ph_chat_routes[];
extern const size_t ph_chat_route_count;

#endif
