#include "api/chat.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/access.h"
#include "api/answer.h"
#include "api/body.h"
#include "api/chat_store.h"
#include "api/event_block.h"
#include "api/page.h"
#include "api/problem.h"

enum { MOST_MUTES = 100 };

/* Of who gives none and has no profile. */
static const char *const usual_names[PH_CHAT_ROLES] = {"Guest", "Host", "Team"};
static const char moderators_only[] = "moderating is for the owner and operators";

static int64_t now_ms(const struct ph_chat_resource *resource) {
    return ph_clock_utc_us(resource->clock) / PH_MILLISECOND_US;
}

static int find(struct ph_chat_resource *resource, const struct ph_api_call *call, enum ph_action action,
    struct ph_session *session, unsigned *relations) {
    return ph_access_session(resource->sessions, &call->caller, call->id, action, session, relations);
}

static int author_of(const struct ph_chat_resource *resource, const char *session,
    const struct ph_caller *caller, char author[PH_CHAT_AUTHOR_BYTES]) {
    author[0] = '\0';
    if (caller->role == PH_CALLER_ANONYMOUS)
        return 0;
    return ph_chat_author(resource->settings->cluster_secret, session, caller->subject, author);
}

static json_t *list_view(const struct ph_chat_message *list, size_t count) {
    json_t *entries = json_array();
    for (size_t i = 0; entries && i < count; i++) {
        if (json_array_append_new(entries, ph_chat_message_view(&list[i])) < 0) {
            json_decref(entries);
            return NULL;
        }
    }
    return entries;
}

/* What the caller is here, and may do: a page shows what it offers by it. */
static json_t *history_view(struct ph_chat_resource *resource, const struct ph_api_call *call,
    unsigned relations, const struct ph_chat_message *list, size_t count, bool has_more) {
    char author[PH_CHAT_AUTHOR_BYTES], next[32];
    if (author_of(resource, call->id, &call->caller, author) < 0)
        return NULL;
    snprintf(next, sizeof(next), "%" PRId64, count ? list[count - 1].number : 0);
    json_t *entries = list_view(list, count);
    if (!entries)
        return NULL;
    return json_pack("{s:o, s:s?, s:{s:s?, s:b, s:b}}", "messages", entries, "next", has_more ? next : NULL,
        "you", "id", *author ? author : NULL, "maySay",
        ph_policy_allows(call->caller.role, PH_ACTION_CHAT_SAY, relations), "mayModerate",
        ph_policy_allows(call->caller.role, PH_ACTION_CHAT_MODERATE, relations));
}

static struct ph_http_response *history(void *opaque, const struct ph_api_call *call) {
    struct ph_chat_resource *resource = opaque;
    struct ph_session session;
    unsigned relations;
    int64_t before = 0;
    size_t limit, count = 0;
    int code = find(resource, call, PH_ACTION_CHAT_READ, &session, &relations);
    if (code < 0)
        return ph_access_problem(&call->caller, code, "reading this chat is not for this token");
    const char *cursor = ph_api_call_query(call, "cursor");
    if (cursor && (!ph_event_id_parse(cursor, &before) || before == 0))
        return ph_problem(400, "cursor", "must be the \"next\" of an earlier answer");
    if (!ph_page_limit_parse(ph_api_call_query(call, "limit"), &limit))
        return ph_problem(400, "limit", "must be a whole number from 1 to 100");
    struct ph_chat_message *list = calloc(limit + 1, sizeof(*list));
    if (!list)
        return NULL;
    code = ph_chat_read(resource->db, session.id, before, limit + 1, list, &count);
    bool has_more = count > limit;
    struct ph_http_response *response =
        code < 0 ? ph_problem_of_code(code)
                 : ph_answer_json(200,
                       history_view(resource, call, relations, list, has_more ? limit : count, has_more));
    free(list);
    return response;
}

static int read_message(
    const struct ph_api_call *call, struct ph_chat_message *message, struct ph_body_fault *fault) {
    struct ph_body body;
    ph_body_open(&body, ph_api_call_body(call));
    ph_body_require(&body, "text");
    ph_body_text(&body, "text", (struct ph_text_rule){.least = 1, .most = PH_MOST_CHAT_CHARACTERS},
        message->text, sizeof(message->text));
    ph_body_text(&body, "name", (struct ph_text_rule){.least = 1, .most = PH_MOST_CHAT_NAME_CHARACTERS},
        message->name, sizeof(message->name));
    return ph_body_close(&body, fault);
}

static enum ph_chat_role role_of(const struct ph_caller *caller, unsigned relations) {
    if (caller->role == PH_CALLER_OPERATOR || caller->role == PH_CALLER_ADMIN)
        return PH_CHAT_OPERATOR;
    return relations & PH_RELATION_OWNER ? PH_CHAT_OWNER : PH_CHAT_GUEST;
}

static struct ph_http_response *answer_to_speaker(
    struct ph_chat_resource *resource, int code, const struct ph_chat_message *message) {
    if (code == -EPERM)
        return ph_problem(403, NULL, "the owner of the session, or an operator, has muted you");
    if (code == -EDQUOT) {
        struct ph_http_response *slower = ph_problem(429, NULL, "too many messages; wait a moment");
        if (slower && ph_http_response_add_header(slower, "Retry-After", "10") < 0)
            ph_http_response_unref(&slower);
        return slower;
    }
    if (code < 0)
        return ph_problem_of_code(code);
    ph_metric_add(resource->said, 1);
    return ph_answer_json(201, ph_chat_message_view(message));
}

static struct ph_http_response *say(void *opaque, const struct ph_api_call *call) {
    struct ph_chat_resource *resource = opaque;
    struct ph_session session;
    struct ph_body_fault fault;
    struct ph_chat_message message = {.sent_ms = now_ms(resource)};
    unsigned relations;
    int code = find(resource, call, PH_ACTION_CHAT_SAY, &session, &relations);
    if (code < 0)
        return ph_access_problem(&call->caller, code, "saying something takes a token that may watch");
    code = read_message(call, &message, &fault);
    if (code == -EINVAL)
        return ph_problem(400, fault.field, fault.text);
    if (code == 0)
        code = author_of(resource, session.id, &call->caller, message.author);
    if (code < 0)
        return ph_problem_of_code(code);
    if (ph_session_state_is_over(session.state))
        return ph_problem(409, NULL, "the session is over");
    message.role = role_of(&call->caller, relations);
    if (!*message.name)
        snprintf(message.name, sizeof(message.name), "%s", usual_names[message.role]);
    memcpy(message.session, session.id, sizeof(message.session));
    memcpy(message.subject, call->caller.subject, sizeof(message.subject));
    return answer_to_speaker(resource, ph_chat_say(resource->db, &message), &message);
}

static struct ph_http_response *done(int code, const char *missing) {
    if (code == -ENOENT)
        return ph_problem(404, NULL, missing);
    return code < 0 ? ph_problem_of_code(code) : ph_http_response_create(204);
}

static struct ph_http_response *delete_message(void *opaque, const struct ph_api_call *call) {
    struct ph_chat_resource *resource = opaque;
    struct ph_session session;
    int64_t number;
    int code = find(resource, call, PH_ACTION_CHAT_MODERATE, &session, NULL);
    if (code < 0)
        return ph_access_problem(&call->caller, code, moderators_only);
    if (!ph_event_id_parse(ph_api_call_param(call, "message"), &number))
        return done(-ENOENT, "there is no such message");
    return done(
        ph_chat_delete(resource->db, session.id, number, now_ms(resource)), "there is no such message");
}

/* The path's author, or NULL. */
static const char *author_param(const struct ph_api_call *call) {
    const char *author = ph_api_call_param(call, "author");
    bool is_author = strlen(author) == PH_CHAT_AUTHOR_CHARACTERS &&
                     strspn(author, "abcdefghijklmnopqrstuvwxyz234567") == PH_CHAT_AUTHOR_CHARACTERS;
    return is_author ? author : NULL;
}

static struct ph_http_response *mute(void *opaque, const struct ph_api_call *call) {
    struct ph_chat_resource *resource = opaque;
    struct ph_session session;
    const char *author = author_param(call);
    int code = find(resource, call, PH_ACTION_CHAT_MODERATE, &session, NULL);
    if (code < 0)
        return ph_access_problem(&call->caller, code, moderators_only);
    return done(author ? ph_chat_mute(resource->db, session.id, author, now_ms(resource)) : -ENOENT,
        "nobody of this id has said anything here");
}

static struct ph_http_response *unmute(void *opaque, const struct ph_api_call *call) {
    struct ph_chat_resource *resource = opaque;
    struct ph_session session;
    const char *author = author_param(call);
    int code = find(resource, call, PH_ACTION_CHAT_MODERATE, &session, NULL);
    if (code < 0)
        return ph_access_problem(&call->caller, code, moderators_only);
    return done(author ? ph_chat_unmute(resource->db, session.id, author) : 0, "");
}

static json_t *mutes_view(const struct ph_chat_mute *list, size_t count) {
    json_t *entries = json_array();
    for (size_t i = 0; entries && i < count; i++) {
        json_t *entry = json_pack("{s:s, s:s, s:I}", "id", list[i].author, "name", list[i].name, "mutedAt",
            (json_int_t)list[i].muted_ms);
        if (json_array_append_new(entries, entry) < 0) {
            json_decref(entries);
            return NULL;
        }
    }
    return entries ? json_pack("{s:o}", "mutes", entries) : NULL;
}

static struct ph_http_response *list_mutes(void *opaque, const struct ph_api_call *call) {
    struct ph_chat_resource *resource = opaque;
    struct ph_session session;
    struct ph_chat_mute list[MOST_MUTES];
    size_t count = 0;
    int code = find(resource, call, PH_ACTION_CHAT_MODERATE, &session, NULL);
    if (code < 0)
        return ph_access_problem(&call->caller, code, moderators_only);
    code = ph_chat_mutes(resource->db, session.id, MOST_MUTES, list, &count);
    return code < 0 ? ph_problem_of_code(code) : ph_answer_json(200, mutes_view(list, count));
}

const struct ph_api_route ph_chat_routes[] = {
    {.method = "GET",
        .pattern = "/api/sessions/{id}/chat",
        .name = "chat.history",
        .action = history,
        .wants = {.queries = {"cursor", "limit"}}},
    {.method = "POST",
        .pattern = "/api/sessions/{id}/chat",
        .name = "chat.say",
        .action = say,
        .rate = PH_RATE_CHAT},
    {.method = "DELETE",
        .pattern = "/api/sessions/{id}/chat/{message}",
        .name = "chat.delete",
        .action = delete_message,
        .is_audited = true},
    {.method = "GET", .pattern = "/api/sessions/{id}/chat/mutes", .name = "chat.mutes", .action = list_mutes},
    {.method = "PUT",
        .pattern = "/api/sessions/{id}/chat/mutes/{author}",
        .name = "chat.mute",
        .action = mute,
        .is_audited = true},
    {.method = "DELETE",
        .pattern = "/api/sessions/{id}/chat/mutes/{author}",
        .name = "chat.unmute",
        .action = unmute,
        .is_audited = true},
};
const size_t ph_chat_route_count = sizeof(ph_chat_routes) / sizeof(ph_chat_routes[0]);
