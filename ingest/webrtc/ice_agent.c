#include "ingest/webrtc/ice_agent.h"

#include <string.h>

#include "core/base/clock.h"
#include "core/base/random.h"

/* A selected path that brings media within this time is not left for one that is merely nominated. */
static const int64_t media_is_recent_us = PH_SECOND_US;

static void make_credentials(struct ph_ice_credentials *credentials) {
    ph_random_id(credentials->ufrag, PH_ICE_UFRAG_CHARACTERS);
    ph_random_id(credentials->pwd, PH_ICE_PWD_CHARACTERS);
}

void ph_ice_agent_init(struct ph_ice_agent *agent, int64_t now_us) {
    *agent = (struct ph_ice_agent){.selected = -1, .check_us = now_us};
    make_credentials(&agent->present);
}

void ph_ice_agent_restart(struct ph_ice_agent *agent) {
    make_credentials(&agent->next);
}

/* The part of USERNAME before the colon is ours (RFC 8445 section 7.3). */
static bool names(struct ph_slice username, const char *ufrag) {
    size_t size = strlen(ufrag);
    return size && username.size > size && username.data[size] == ':' &&
           memcmp(username.data, ufrag, size) == 0;
}

static const struct ph_ice_credentials *credentials_for(
    const struct ph_ice_agent *agent, struct ph_slice username) {
    if (names(username, agent->present.ufrag))
        return &agent->present;
    return names(username, agent->next.ufrag) ? &agent->next : NULL;
}

static int find_path(const struct ph_ice_agent *agent, const struct ph_ice_path *path) {
    for (size_t i = 0; i < agent->path_count; i++) {
        const struct ph_ice_path *known = &agent->paths[i].path;
        if (known->tcp == path->tcp && ph_net_address_equal(&known->remote, &path->remote))
            return (int)i;
    }
    return -1;
}

/* The one not heard of for the longest time gives way, but never the selected. */
static int stalest_path(const struct ph_ice_agent *agent) {
    int stalest = agent->selected == 0 ? 1 : 0;
    for (int i = stalest + 1; i < PH_ICE_MOST_PATHS; i++) {
        if (i != agent->selected && agent->paths[i].heard_us < agent->paths[stalest].heard_us)
            stalest = i;
    }
    return stalest;
}

static int place_path(struct ph_ice_agent *agent, const struct ph_ice_path *path, bool *is_new) {
    int place = find_path(agent, path);
    *is_new = place < 0;
    if (place >= 0)
        return place;
    place = agent->path_count < PH_ICE_MOST_PATHS ? (int)agent->path_count++ : stalest_path(agent);
    agent->paths[place] = (struct ph_ice_known_path){.path = *path};
    return place;
}

static void nominate(struct ph_ice_agent *agent, int place, int64_t now_us) {
    struct ph_ice_known_path *known = &agent->paths[place];
    known->nominated = true;
    if (agent->selected == place)
        return;
    const struct ph_ice_known_path *selected = agent->selected >= 0 ? &agent->paths[agent->selected] : NULL;
    bool media_is_recent = agent->media_us && now_us - agent->media_us < media_is_recent_us;
    bool selected_is_stale = selected && now_us - selected->heard_us > 3 * PH_SECOND_US;
    if (selected && (media_is_recent || (known->priority <= selected->priority && !selected_is_stale)))
        return;
    agent->selected = place;
    agent->media_us = 0;
}

struct ph_ice_outcome ph_ice_agent_check(struct ph_ice_agent *agent, const struct ph_stun_message *message,
    const struct ph_ice_path *path, int64_t now_us, uint8_t answer[PH_STUN_MOST_ANSWER_BYTES]) {
    struct ph_ice_outcome outcome = {.path = -1};
    const struct ph_ice_credentials *credentials = credentials_for(agent, message->username);
    if (message->class != PH_STUN_REQUEST || message->method != PH_STUN_BINDING || !credentials ||
        !ph_stun_integrity_holds(message, credentials->pwd))
        return outcome;
    const char *pwd = credentials->pwd;
    /* PRIORITY and FINGERPRINT are missing in some publishers' checks; whoever signs so is known all the
     * same. */
    unsigned refusal = message->unknown_count                     ? PH_STUN_UNKNOWN_ATTRIBUTE
                       : message->role == PH_STUN_ROLE_CONTROLLED ? PH_STUN_ROLE_CONFLICT
                                                                  : 0;
    if (refusal) {
        outcome.answer_bytes = ph_stun_write_failure(answer, message, refusal, pwd);
        return outcome;
    }
    outcome.answer_bytes = ph_stun_write_success(answer, message, &path->remote, pwd);
    if (credentials == &agent->next) {
        agent->present = agent->next;
        agent->next = (struct ph_ice_credentials){0};
        outcome.promoted = true;
    }
    outcome.path = place_path(agent, path, &outcome.is_new);
    struct ph_ice_known_path *known = &agent->paths[outcome.path];
    known->path.local = path->local;
    known->priority = message->priority;
    known->checked = true;
    agent->check_us = now_us;
    if (message->use_candidate)
        nominate(agent, outcome.path, now_us);
    known->heard_us = now_us;
    return outcome;
}

void ph_ice_agent_heard(
    struct ph_ice_agent *agent, int path, const struct ph_ice_path *from, int64_t now_us) {
    struct ph_ice_known_path *known = &agent->paths[path];
    known->heard_us = now_us;
    known->path.local = from->local;
    agent->selected = path;
    agent->media_us = now_us;
    if (known->checked)
        agent->proven_us = now_us;
}

int ph_ice_agent_follow(struct ph_ice_agent *agent, const struct ph_ice_path *from, int64_t now_us) {
    bool is_new;
    int place = place_path(agent, from, &is_new);
    ph_ice_agent_heard(agent, place, from, now_us);
    return place;
}

int ph_ice_agent_forget_tcp(struct ph_ice_agent *agent, uint64_t tcp) {
    for (size_t i = 0; i < agent->path_count; i++) {
        if (!tcp || agent->paths[i].path.tcp != tcp)
            continue;
        /* Places keep their numbers: what is forgotten matches nothing and is the stalest. */
        agent->paths[i] = (struct ph_ice_known_path){.path.tcp = UINT64_MAX};
        if (agent->selected == (int)i)
            agent->selected = -1;
        return (int)i;
    }
    return -1;
}

const struct ph_ice_path *ph_ice_agent_selected(const struct ph_ice_agent *agent) {
    return agent->selected >= 0 ? &agent->paths[agent->selected].path : NULL;
}

int64_t ph_ice_agent_given_up_us(const struct ph_ice_agent *agent) {
    int64_t last_us = agent->check_us > agent->proven_us ? agent->check_us : agent->proven_us;
    return last_us + PH_ICE_SILENCE_US;
}

bool ph_ice_agent_is_heard(const struct ph_ice_agent *agent, int64_t now_us) {
    return agent->selected >= 0 && now_us - agent->paths[agent->selected].heard_us <= PH_ICE_SILENCE_US;
}
