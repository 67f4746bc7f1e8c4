#include "api/token.h"

#include <jwt.h>
#include <string.h>

#include "api/auth.h"
#include "api/policy.h"
#include "api/text.h"
#include "core/base/clock.h"

enum { MOST_DAYS = 366 };

static int check(
    const char *role, const char *subject, const char *session, int64_t ttl_s, struct ph_error *error) {
    if (ph_caller_role_parse(role) < 0)
        return ph_error_set(error, -EINVAL, "role must be viewer, streamer, operator or admin");
    if (!ph_auth_is_subject(subject))
        return ph_error_set(error, -EINVAL,
            "sub must be 1 to %d characters of UTF-8 without control characters", PH_MOST_SUBJECT_CHARACTERS);
    if (*session && !ph_text_is_session_id(session))
        return ph_error_set(error, -EINVAL, "session must be a session's id: %d characters a-z, 2-7",
            PH_SESSION_ID_CHARACTERS);
    if (ttl_s < 1 || ttl_s > MOST_DAYS * INT64_C(86400))
        return ph_error_set(error, -EINVAL, "ttl must be 1 to %d seconds", MOST_DAYS * 86400);
    return 0;
}

int ph_token_make(
    const char *secret, const struct ph_token_claims *claims, char **text, struct ph_error *error) {
    jwt_t *token = NULL;
    const char *session = claims->session ? claims->session : "";
    *text = NULL;
    int code = check(claims->role, claims->subject, session, claims->expires_s - claims->now_s, error);
    if (code < 0)
        return code;
    int failed = jwt_new(&token) ||
                 jwt_set_alg(token, JWT_ALG_HS256, (const unsigned char *)secret, (int)strlen(secret)) ||
                 jwt_add_grant(token, "sub", claims->subject) || jwt_add_grant(token, "role", claims->role) ||
                 jwt_add_grant_int(token, "iat", (long)claims->now_s) ||
                 jwt_add_grant_int(token, "exp", (long)claims->expires_s);
    if (!failed && claims->since_s)
        failed = jwt_add_grant_int(token, "auth_time", (long)claims->since_s);
    if (!failed && *session)
        failed = jwt_add_grant(token, "session", session);
    if (!failed && claims->is_confined)
        failed = jwt_add_grant_bool(token, "confined", 1);
    *text = failed ? NULL : jwt_encode_str(token);
    jwt_free(token);
    return *text ? 0 : ph_error_set(error, -ENOMEM, "out of memory");
}

int ph_token_issue(const char *secret, const char *role, const char *subject, const char *session,
    int64_t ttl_s, char **text, struct ph_error *error) {
    int64_t now_s = ph_utc_now_us() / PH_SECOND_US;
    return ph_token_make(secret,
        &(struct ph_token_claims){
            .role = role, .subject = subject, .session = session, .now_s = now_s, .expires_s = now_s + ttl_s},
        text, error);
}
