#include "transcode/link_resume.h"

#include <string.h>

#include "core/base/clock.h"

static const int64_t ask_timeout_us = 500 * PH_MILLISECOND_US;

int ph_resume_ask(struct ph_resume *resume, const struct ph_link_hello *hello) {
    struct ph_http_client *client;
    int code = ph_http_client_create(&client);
    if (code < 0)
        return code;
    uint32_t count = 0;
    for (; count < PH_LINK_MOST_ORIGINS && hello->origins[count]; count++) {
        const struct ph_origin origin = {
            hello->origins[count], hello->session, hello->publish_token, hello->take};
        struct ph_origin_state *state = &resume->origins[count];
        int status = ph_origin_standing(client, &origin, ask_timeout_us, state->standings, &state->count);
        state->answered = status == 200;
    }
    resume->origin_count = count;
    ph_http_client_destroy(client);
    return 0;
}

static bool origin_stands_at(const struct ph_origin_state *state, struct ph_part_position position) {
    for (uint32_t i = 0; i < state->count; i++) {
        if (ph_part_position_compare(state->standings[i].next, position) < 0)
            return false;
    }
    return state->count > 0;
}

static bool all_stand_at(const struct ph_resume *resume, struct ph_part_position position) {
    bool one = false;
    for (uint32_t i = 0; i < resume->origin_count; i++) {
        if (!resume->origins[i].answered)
            continue;
        if (!origin_stands_at(&resume->origins[i], position))
            return false;
        one = true;
    }
    return one;
}

int ph_resume_choose(struct ph_resume *resume, const struct ph_link_hello *hello) {
    resume->from = (struct ph_checkpoint){0};
    resume->replay_from = hello->durable_replay_from;
    resume->from_published = false;
    if (hello->published_state) {
        struct ph_checkpoint published;
        int code = ph_checkpoint_read(ph_bytes_slice(hello->published_state), &published);
        if (code < 0)
            return code;
        if (all_stand_at(resume, published.position)) {
            resume->from = published;
            resume->replay_from = hello->published_replay_from;
            resume->from_published = true;
            return 0;
        }
    }
    if (!hello->durable_state)
        return 0;
    return ph_checkpoint_read(ph_bytes_slice(hello->durable_state), &resume->from);
}

static const struct ph_track_standing *find_standing(const struct ph_origin_state *state, const char *track) {
    for (uint32_t i = 0; state->answered && i < state->count; i++) {
        if (strcmp(state->standings[i].name, track) == 0)
            return &state->standings[i];
    }
    return NULL;
}

struct ph_part_position ph_resume_part_of_origin(
    const struct ph_resume *resume, uint32_t origin, const char *track) {
    const struct ph_track_standing *standing = find_standing(&resume->origins[origin], track);
    if (!standing || ph_part_position_compare(standing->next, resume->from.position) < 0)
        return resume->from.position;
    return standing->next;
}

struct ph_part_position ph_resume_first_part(const struct ph_resume *resume, const char *track) {
    struct ph_part_position first = resume->from.position;
    bool one = false;
    for (uint32_t i = 0; i < resume->origin_count; i++) {
        /* One that does not answer will say where it stands when it does; nothing is known of it. */
        if (!resume->origins[i].answered)
            continue;
        struct ph_part_position next = ph_resume_part_of_origin(resume, i, track);
        if (!one || ph_part_position_compare(next, first) < 0)
            first = next;
        one = true;
    }
    return first;
}
