#include "api/profiles.h"

#include <stdio.h>
#include <stdlib.h>

#include "api/access.h"
#include "api/answer.h"
#include "api/problem.h"
#include "api/profile_request.h"
#include "core/base/log.h"

static json_t *guardian_view(const struct ph_guardian *guardian) {
    json_t *kinds = json_array();
    for (int kind = 0; kinds && kind < PH_MAIL_KINDS; kind++) {
        if (guardian->wants[kind] && json_array_append_new(kinds, json_string(ph_mail_kinds[kind])) < 0) {
            json_decref(kinds);
            return NULL;
        }
    }
    return json_pack("{s:s, s:s, s:s, s:o}", "subject", guardian->subject, "mail", guardian->mail_address,
        "language", guardian->language, "wants", kinds);
}

static json_t *profile_view(const struct ph_profile *profile) {
    json_t *guardians = json_array();
    for (size_t i = 0; guardians && i < profile->guardian_count; i++) {
        if (json_array_append_new(guardians, guardian_view(&profile->guardians[i])) < 0) {
            json_decref(guardians);
            return NULL;
        }
    }
    return json_pack("{s:s, s:s, s:s, s:I, s:o}", "subject", profile->subject, "displayName",
        profile->display_name, "avatarUrl", profile->avatar_url, "changedAt", (json_int_t)profile->changed_ms,
        "guardians", guardians);
}

/* NULL when the caller may; else the refusal, which tells nothing of whether there is such a profile. */
static struct ph_http_response *refusal(
    const struct ph_api_call *call, enum ph_action action, const char *subject) {
    if (!ph_policy_allows(call->caller.role, action, ph_policy_relations_to_profile(&call->caller, subject)))
        return ph_access_problem(
            &call->caller, -EPERM, "a profile is for its own subject, the main app and admins");
    if (!ph_auth_is_subject(subject))
        return ph_problem(404, NULL, "there is no such profile");
    return NULL;
}

/* A profile with its guardians is too large for a thread's stack to be careless about. */
static struct ph_http_response *show(struct ph_db *db, const char *subject) {
    struct ph_profile *profile = malloc(sizeof(*profile));
    if (!profile)
        return NULL;
    int code = ph_profile_find(db, subject, profile);
    struct ph_http_response *response = code == -ENOENT ? ph_problem(404, NULL, "there is no such profile")
                                        : code < 0      ? ph_problem_of_code(code)
                                                        : ph_answer_json(200, profile_view(profile));
    free(profile);
    return response;
}

static struct ph_http_response *get(void *opaque, const struct ph_api_call *call) {
    struct ph_profiles_resource *resource = opaque;
    const char *subject = ph_api_call_param(call, "sub");
    struct ph_http_response *no = refusal(call, PH_ACTION_PROFILE_VIEW, subject);
    return no ? no : show(resource->db, subject);
}

static struct ph_http_response *write_profile(
    struct ph_profiles_resource *resource, const struct ph_api_call *call, struct ph_profile *profile) {
    struct ph_body_fault fault;
    const char *subject = ph_api_call_param(call, "sub");
    int code = ph_profile_request_parse(ph_api_call_body(call), profile, &fault);
    if (code == -EINVAL)
        return ph_problem(400, fault.field, fault.text);
    snprintf(profile->subject, sizeof(profile->subject), "%s", subject);
    profile->changed_ms = ph_clock_utc_us(resource->clock) / PH_MILLISECOND_US;
    bool has_revoked = false;
    if (code == 0)
        code = ph_profile_put(resource->db, resource->cluster_secret, profile, &has_revoked);
    if (code < 0)
        return ph_problem_of_code(code);
    if (has_revoked)
        ph_revoker_poke(resource->revoker);
    ph_log_info("profile written", ph_int("guardians", (int64_t)profile->guardian_count));
    return show(resource->db, subject);
}

static struct ph_http_response *put(void *opaque, const struct ph_api_call *call) {
    struct ph_http_response *no = refusal(call, PH_ACTION_PROFILE_WRITE, ph_api_call_param(call, "sub"));
    if (no)
        return no;
    struct ph_profile *profile = malloc(sizeof(*profile));
    if (!profile)
        return NULL;
    struct ph_http_response *response = write_profile(opaque, call, profile);
    free(profile);
    return response;
}

const struct ph_api_route ph_profiles_routes[] = {
    {"GET", "/api/profiles/{sub}", "profiles.get", .action = get},
    {"PUT", "/api/profiles/{sub}", "profiles.put", .action = put, .most_body_bytes = 65536,
        .is_audited = true},
};
const size_t ph_profiles_route_count = sizeof(ph_profiles_routes) / sizeof(ph_profiles_routes[0]);
