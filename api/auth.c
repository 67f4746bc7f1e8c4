#include "api/auth.h"

#include <jansson.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/text.h"

#define MOST_EXPIRY_S 1e11 /* in the year 5138 */

bool ph_auth_is_subject(const char *text) {
    json_t *probe = json_string(text); /* NULL for broken UTF-8 */
    size_t characters = ph_text_characters(text);
    bool is_subject =
        probe && characters >= 1 && characters <= PH_MOST_SUBJECT_CHARACTERS && !ph_text_has_controls(text);
    json_decref(probe);
    return is_subject;
}

static int refuse(struct ph_error *error, const char *sentence) {
    return ph_error_set(error, -EACCES, "%s", sentence);
}

/* Three parts of base64url: anything else never reaches the decoder. */
static bool is_compact(const char *token) {
    size_t size = strlen(token);
    unsigned dots = 0;
    for (const char *next = token; *next; next++)
        dots += *next == '.';
    return size <= PH_MOST_TOKEN_BYTES && dots == 2 &&
           strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") == size;
}

static int check_times(const json_t *claims, int64_t now_s, struct ph_error *error) {
    const json_t *expires = json_object_get(claims, "exp"), *begins = json_object_get(claims, "nbf");
    if (!json_is_number(expires))
        return refuse(error, "the token has no expiry (exp)");
    if (json_number_value(expires) > MOST_EXPIRY_S)
        return refuse(error, "the token's expiry (exp) is no time");
    if (json_number_value(expires) <= (double)(now_s - PH_TOKEN_SKEW_S))
        return refuse(error, "the token has expired");
    if (begins && !json_is_number(begins))
        return refuse(error, "the token's nbf is no number");
    if (begins && json_number_value(begins) > (double)(now_s + PH_TOKEN_SKEW_S))
        return refuse(error, "the token is not valid yet");
    return 0;
}

/* auth_time (of a renewed token), else iat; 0 when neither is a time. */
static int64_t since(const json_t *claims) {
    const json_t *first = json_object_get(claims, "auth_time"), *issued = json_object_get(claims, "iat");
    double time = json_is_number(first) ? json_number_value(first) : json_number_value(issued);
    return time > 0 && time < MOST_EXPIRY_S ? (int64_t)time : 0;
}

static int check_names(const json_t *claims, struct ph_caller *caller, struct ph_error *error) {
    const char *role_name = json_string_value(json_object_get(claims, "role"));
    const char *subject = json_string_value(json_object_get(claims, "sub"));
    const json_t *session = json_object_get(claims, "session");
    const json_t *confined = json_object_get(claims, "confined");
    int role = role_name ? ph_caller_role_parse(role_name) : -1;
    if (role < 0)
        return refuse(error, "the token's role must be viewer, streamer, operator or admin");
    if (!subject || !ph_auth_is_subject(subject))
        return refuse(error, "the token's sub must be 1 to 128 characters");
    if (session && (!json_is_string(session) || !ph_text_is_session_id(json_string_value(session))))
        return refuse(error, "the token's session is no session's id");
    if (confined && (!json_is_boolean(confined) || !session))
        return refuse(error, "the token's confined must be true or false, beside a session");
    caller->role = (enum ph_caller_role)role;
    caller->is_confined = json_is_true(confined);
    caller->since_s = since(claims);
    caller->expires_s = (int64_t)json_number_value(json_object_get(claims, "exp"));
    snprintf(caller->subject, sizeof(caller->subject), "%s", subject);
    snprintf(caller->session, sizeof(caller->session), "%s", session ? json_string_value(session) : "");
    return 0;
}

int ph_auth_read_claims(const char *text, int64_t now_s, struct ph_caller *caller, struct ph_error *error) {
    json_t *claims = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(claims)) {
        json_decref(claims);
        return refuse(error, "the token's claims are no JSON object");
    }
    int code = check_times(claims, now_s, error);
    if (code == 0)
        code = check_names(claims, caller, error);
    json_decref(claims);
    return code;
}

int ph_auth_identify(const struct ph_verifier *verifier, const char *token, int64_t now_s,
    struct ph_caller *caller, struct ph_error *error) {
    char *claims = NULL;
    *caller = (struct ph_caller){.role = PH_CALLER_ANONYMOUS};
    if (!token)
        return 0;
    if (!is_compact(token))
        return refuse(error, "the bearer token is no JWT");
    int code = verifier->impl->verify(verifier, token, &claims, error);
    if (code < 0)
        return code;
    code = ph_auth_read_claims(claims, now_s, caller, error);
    free(claims);
    return code;
}

bool ph_auth_is_api_key(const char *api_key, const char *token) {
    size_t size = strlen(api_key);
    return size > 0 && strlen(token) == size && CRYPTO_memcmp(api_key, token, size) == 0;
}

void ph_verifier_reload(struct ph_verifier *verifier) {
    if (verifier->impl->reload)
        verifier->impl->reload(verifier);
}

void ph_verifier_destroy(struct ph_verifier *verifier) {
    if (verifier)
        verifier->impl->destroy(verifier);
}
