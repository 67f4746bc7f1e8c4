#include "api/stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/access.h"
#include "api/answer.h"
#include "api/body.h"
#include "api/problem.h"
#include "api/text.h"
#include "api/token.h"
#include "core/base/log.h"

enum {
    USUAL_TTL_S = 3600,
    MOST_TTL_S = 86400,
    MOST_RENEWED_S = 86400, /* from the first token of a chain to the end of its last */
    BEAT_S = 60,
};

/* The body of POST /api/stream/token; what is absent is as the caller's own. */
struct wish {
    int role; /* an enum ph_caller_role, or -1 */
    char subject[PH_SUBJECT_BYTES];
    char session[PH_SESSION_ID_BYTES];
    int64_t ttl_s;
};

static int64_t now_s(const struct ph_stream_resource *resource) {
    return ph_clock_utc_us(resource->clock) / PH_SECOND_US;
}

static int read_wish(const struct ph_api_call *call, struct wish *wish, struct ph_body_fault *fault) {
    static const char *const roles[] = {"viewer", "streamer"};
    static const struct ph_text_rule subject_rule = {.least = 1, .most = PH_MOST_SUBJECT_CHARACTERS};
    static const struct ph_text_rule session_rule = {
        .most = PH_SESSION_ID_CHARACTERS, .has_form = ph_text_is_session_id, .form = "a session's id"};
    struct ph_body body;
    int role = -1;
    bool is_app = call->caller.role == PH_CALLER_APP;
    *wish = (struct wish){.ttl_s = USUAL_TTL_S};
    ph_body_open(&body, ph_api_call_body(call));
    if (is_app)
        ph_body_require(&body, "role");
    ph_body_choice(&body, "role", roles, 2, &role);
    if (is_app)
        ph_body_require(&body, "sub");
    ph_body_text(&body, "sub", subject_rule, wish->subject, sizeof(wish->subject));
    ph_body_text(&body, "session", session_rule, wish->session, sizeof(wish->session));
    ph_body_integer(&body, "ttl", 60, is_app ? MOST_TTL_S : USUAL_TTL_S, &wish->ttl_s);
    wish->role = role < 0 ? -1 : role == 0 ? PH_CALLER_VIEWER : PH_CALLER_STREAMER;
    return ph_body_close(&body, fault);
}

static struct ph_http_response *answer(
    const struct ph_stream_resource *resource, const struct ph_token_claims *claims) {
    char *token = NULL;
    int code = ph_token_make(resource->settings->jwt_secret, claims, &token, NULL);
    if (code < 0)
        return ph_problem_of_code(code);
    const char *session = claims->session && *claims->session ? claims->session : NULL;
    json_t *body = json_pack("{s:s, s:s, s:s, s:s?, s:I}", "token", token, "role", claims->role, "sub",
        claims->subject, "session", session, "expiresAt", (json_int_t)claims->expires_s * 1000);
    explicit_bzero(token, strlen(token));
    free(token);
    return ph_answer_json(201, body);
}

/* A streamer's link to a session of its own: whoever has it may watch that session. */
static bool is_link(
    const struct ph_stream_resource *resource, const struct ph_caller *caller, const struct wish *wish) {
    struct ph_session session;
    return caller->role == PH_CALLER_STREAMER && wish->role == PH_CALLER_VIEWER && *wish->session &&
           ph_access_session(
               resource->sessions, caller, wish->session, PH_ACTION_SESSION_BEAT, &session, NULL) == 0;
}

/* NULL when the wish is no wider than the caller's own token, else the refusal. */
static struct ph_http_response *refuse_wider(const struct ph_caller *caller, const struct wish *wish) {
    if (*wish->subject && strcmp(wish->subject, caller->subject) != 0)
        return ph_problem(403, "/sub", "a token is renewed for oneself");
    if (wish->role == PH_CALLER_STREAMER && caller->role != PH_CALLER_STREAMER)
        return ph_problem(403, "/role", "a token is never renewed for a wider role");
    if (*wish->session && caller->session[0] && strcmp(wish->session, caller->session) != 0)
        return ph_problem(403, "/session", "the token is good for another session alone");
    return NULL;
}

/* A chain of renewals ends a day after its first token; one that does not say when it began is not prolonged.
 */
static int64_t renewed_until(const struct ph_caller *caller, const struct wish *wish, int64_t at_s) {
    int64_t most_s = caller->since_s ? caller->since_s + MOST_RENEWED_S : caller->expires_s;
    return at_s + wish->ttl_s < most_s ? at_s + wish->ttl_s : most_s;
}

static struct ph_http_response *renew(
    const struct ph_stream_resource *resource, const struct ph_caller *caller, const struct wish *wish) {
    char link[64];
    struct ph_http_response *no = refuse_wider(caller, wish);
    if (no)
        return no;
    bool links = is_link(resource, caller, wish);
    struct ph_token_claims claims = {
        .role = ph_caller_role_name(wish->role < 0 ? caller->role : (enum ph_caller_role)wish->role),
        .subject = caller->subject,
        .session = *wish->session ? wish->session : caller->session,
        /* Narrowed by us, a token lets its holder in to nothing it was not let in to before. */
        .is_confined = !links && (caller->session[0] ? caller->is_confined : wish->session[0] != '\0'),
        .now_s = now_s(resource),
        .expires_s = renewed_until(caller, wish, now_s(resource)),
        .since_s = caller->since_s,
    };
    if (claims.expires_s <= claims.now_s)
        return ph_problem_unauthorized("the token was renewed for as long as may be: sign in again");
    if (links) {
        snprintf(link, sizeof(link), "link:%s", wish->session);
        claims.subject = link;
    }
    return answer(resource, &claims);
}

static struct ph_http_response *token(void *opaque, const struct ph_api_call *call) {
    const struct ph_stream_resource *resource = opaque;
    struct wish wish;
    struct ph_body_fault fault;
    bool is_app = ph_access_general(&call->caller, PH_ACTION_TOKEN_MAKE) == 0;
    if (!is_app && ph_access_general(&call->caller, PH_ACTION_TOKEN_RENEW) < 0)
        return ph_access_problem(
            &call->caller, -EPERM, "tokens are for streamers, viewers and the main app by its API key");
    int code = read_wish(call, &wish, &fault);
    if (code == -EINVAL)
        return ph_problem(400, fault.field, fault.text);
    if (code < 0)
        return ph_problem_of_code(code);
    if (!is_app)
        return renew(resource, &call->caller, &wish);
    int64_t at_s = now_s(resource);
    return answer(resource, &(struct ph_token_claims){
                                .role = ph_caller_role_name((enum ph_caller_role)wish.role),
                                .subject = wish.subject,
                                .session = wish.session,
                                .now_s = at_s,
                                .expires_s = at_s + wish.ttl_s,
                            });
}

static struct ph_http_response *heartbeat(void *opaque, const struct ph_api_call *call) {
    const struct ph_stream_resource *resource = opaque;
    static const struct ph_text_rule rule = {
        .most = PH_SESSION_ID_CHARACTERS, .has_form = ph_text_is_session_id, .form = "a session's id"};
    char id[PH_SESSION_ID_BYTES] = "";
    struct ph_body body;
    struct ph_body_fault fault;
    struct ph_session session;
    ph_body_open(&body, ph_api_call_body(call));
    ph_body_require(&body, "sessionId");
    ph_body_text(&body, "sessionId", rule, id, sizeof(id));
    int code = ph_body_close(&body, &fault);
    if (code == -EINVAL)
        return ph_problem(400, fault.field, fault.text);
    if (code == 0)
        code =
            ph_access_session(resource->sessions, &call->caller, id, PH_ACTION_SESSION_BEAT, &session, NULL);
    if (code < 0)
        return ph_access_problem(&call->caller, code, "a session is kept by its owner");
    if (ph_session_state_is_over(session.state))
        return ph_problem(409, NULL, "the session is over");
    code = ph_sessions_beat(resource->sessions, id, ph_clock_utc_us(resource->clock) / PH_MILLISECOND_US);
    if (code < 0)
        return ph_problem_of_code(code);
    return ph_answer_json(200, json_pack("{s:s, s:s, s:i}", "sessionId", id, "state",
                                   ph_session_state_name(session.state), "heartbeatSeconds", BEAT_S));
}

const struct ph_api_route ph_stream_routes[] = {
    {"POST", "/api/stream/token", "stream.token", .action = token, .rate = PH_RATE_TOKENS,
        .is_audited = true},
    {"POST", "/api/stream/heartbeat", "stream.heartbeat", .action = heartbeat},
};
const size_t ph_stream_route_count = sizeof(ph_stream_routes) / sizeof(ph_stream_routes[0]);
