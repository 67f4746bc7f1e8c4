#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api/policy.h"

#define THIS "aaaaaaaaaaaaaaaaaaaaaaaaaa"
#define OTHER "bbbbbbbbbbbbbbbbbbbbbbbbbb"

/* Each right in short, as the cells write it. */
static const char *const short_names[PH_ACTIONS] = {
    [PH_ACTION_SESSION_START] = "start",
    [PH_ACTION_SESSION_LIST] = "list",
    [PH_ACTION_SESSION_VIEW] = "view",
    [PH_ACTION_SESSION_END] = "end",
    [PH_ACTION_SESSION_BEAT] = "beat",
    [PH_ACTION_SESSION_REKEY] = "rekey",
    [PH_ACTION_VIEWERS_JOIN] = "join",
    [PH_ACTION_VIEWERS_LIST] = "viewers",
    [PH_ACTION_VIEWERS_REMOVE] = "remove",
    [PH_ACTION_CHAT_READ] = "read",
    [PH_ACTION_CHAT_SAY] = "say",
    [PH_ACTION_CHAT_MODERATE] = "moderate",
    [PH_ACTION_EVENTS_FOLLOW] = "follow",
    [PH_ACTION_RECORDING_LIST] = "recordings",
    [PH_ACTION_RECORDING_VIEW] = "recording",
    [PH_ACTION_RECORDING_DOWNLOAD] = "download",
    [PH_ACTION_RECORDING_DELETE] = "delete",
    [PH_ACTION_RECORDING_CLIP] = "clip",
    [PH_ACTION_RECORDING_UPLOAD] = "upload",
    [PH_ACTION_PROFILE_VIEW] = "profile",
    [PH_ACTION_PROFILE_WRITE] = "write-profile",
    [PH_ACTION_WORKERS_VIEW] = "workers",
    [PH_ACTION_WORKERS_DRAIN] = "drain",
    [PH_ACTION_WEBHOOKS_VIEW] = "webhooks",
    [PH_ACTION_WEBHOOKS_WRITE] = "write-webhooks",
    [PH_ACTION_ANALYTICS_SESSION] = "figures",
    [PH_ACTION_ANALYTICS_OWN] = "own-summary",
    [PH_ACTION_ANALYTICS_ALL] = "summary",
    [PH_ACTION_AUDIT_VIEW] = "audit",
    [PH_ACTION_TOKEN_RENEW] = "renew",
    [PH_ACTION_TOKEN_MAKE] = "make",
};

#define SEES "view join read follow "
#define SEES_AND_SAYS "view join read say follow "
#define GUARDS "list view join viewers read say follow recordings recording download clip "
#define OWNS                                                                                                 \
    "list view end beat rekey join viewers remove read say moderate follow recordings recording "            \
    "download delete clip upload figures "
#define OPERATES                                                                                             \
    "list view end rekey join viewers remove read say moderate follow recordings recording figures "
#define ADMINISTERS                                                                                          \
    "list view end rekey join viewers remove read say moderate follow recordings recording download "        \
    "delete clip figures "

enum token { OPEN, FOR_THIS, KEPT_TO_THIS, FOR_OTHER };

/* A cell: who, by which token, may do what to the session THIS of "alice". */
struct cell {
    enum ph_caller_role role;
    const char *subject;
    enum token token;
    bool is_guardian;
    enum ph_visibility visibility;
    const char *may;
};

static const struct cell cells[] = {
    {PH_CALLER_ANONYMOUS, "", OPEN, false, PH_VISIBILITY_PUBLIC, "list " SEES},
    {PH_CALLER_ANONYMOUS, "", OPEN, false, PH_VISIBILITY_UNLISTED, SEES},
    {PH_CALLER_ANONYMOUS, "", OPEN, false, PH_VISIBILITY_PRIVATE, ""},

    {PH_CALLER_VIEWER, "bob", OPEN, false, PH_VISIBILITY_PUBLIC, "list " SEES_AND_SAYS},
    {PH_CALLER_VIEWER, "bob", OPEN, false, PH_VISIBILITY_UNLISTED, SEES_AND_SAYS},
    {PH_CALLER_VIEWER, "bob", OPEN, false, PH_VISIBILITY_PRIVATE, ""},
    {PH_CALLER_VIEWER, "bob", FOR_THIS, false, PH_VISIBILITY_PUBLIC, "list " SEES_AND_SAYS},
    {PH_CALLER_VIEWER, "bob", FOR_THIS, false, PH_VISIBILITY_UNLISTED, "list " SEES_AND_SAYS},
    {PH_CALLER_VIEWER, "bob", FOR_THIS, false, PH_VISIBILITY_PRIVATE, "list " SEES_AND_SAYS},
    {PH_CALLER_VIEWER, "bob", KEPT_TO_THIS, false, PH_VISIBILITY_UNLISTED, SEES_AND_SAYS},
    {PH_CALLER_VIEWER, "bob", KEPT_TO_THIS, false, PH_VISIBILITY_PRIVATE, ""},
    {PH_CALLER_VIEWER, "bob", FOR_OTHER, false, PH_VISIBILITY_PUBLIC, "list " SEES_AND_SAYS},
    {PH_CALLER_VIEWER, "bob", FOR_OTHER, false, PH_VISIBILITY_UNLISTED, SEES_AND_SAYS},
    {PH_CALLER_VIEWER, "bob", FOR_OTHER, false, PH_VISIBILITY_PRIVATE, ""},
    {PH_CALLER_VIEWER, "alice", OPEN, false, PH_VISIBILITY_PRIVATE, ""},

    {PH_CALLER_VIEWER, "mum", OPEN, true, PH_VISIBILITY_PUBLIC, GUARDS},
    {PH_CALLER_VIEWER, "mum", OPEN, true, PH_VISIBILITY_UNLISTED, GUARDS},
    {PH_CALLER_VIEWER, "mum", OPEN, true, PH_VISIBILITY_PRIVATE, GUARDS},
    {PH_CALLER_VIEWER, "mum", FOR_THIS, true, PH_VISIBILITY_PRIVATE, GUARDS},
    {PH_CALLER_VIEWER, "mum", KEPT_TO_THIS, true, PH_VISIBILITY_PRIVATE, GUARDS},
    {PH_CALLER_VIEWER, "mum", FOR_OTHER, true, PH_VISIBILITY_PRIVATE, ""},
    {PH_CALLER_VIEWER, "mum", FOR_OTHER, true, PH_VISIBILITY_UNLISTED, SEES_AND_SAYS},
    {PH_CALLER_STREAMER, "mum", OPEN, true, PH_VISIBILITY_PRIVATE, GUARDS},
    {PH_CALLER_STREAMER, "mum", KEPT_TO_THIS, true, PH_VISIBILITY_PRIVATE, GUARDS},
    {PH_CALLER_OPERATOR, "mum", FOR_OTHER, true, PH_VISIBILITY_PRIVATE, ""},
    {PH_CALLER_APP, "", OPEN, true, PH_VISIBILITY_PRIVATE, ""},

    {PH_CALLER_STREAMER, "alice", OPEN, false, PH_VISIBILITY_PUBLIC, OWNS},
    {PH_CALLER_STREAMER, "alice", OPEN, false, PH_VISIBILITY_UNLISTED, OWNS},
    {PH_CALLER_STREAMER, "alice", OPEN, false, PH_VISIBILITY_PRIVATE, OWNS},
    {PH_CALLER_STREAMER, "alice", FOR_THIS, false, PH_VISIBILITY_PRIVATE, OWNS},
    {PH_CALLER_STREAMER, "alice", KEPT_TO_THIS, false, PH_VISIBILITY_PRIVATE, OWNS},
    {PH_CALLER_STREAMER, "alice", FOR_OTHER, false, PH_VISIBILITY_PRIVATE, ""},
    {PH_CALLER_STREAMER, "alice", FOR_OTHER, false, PH_VISIBILITY_PUBLIC, "list " SEES_AND_SAYS},
    {PH_CALLER_STREAMER, "bob", OPEN, false, PH_VISIBILITY_PUBLIC, "list " SEES_AND_SAYS},
    {PH_CALLER_STREAMER, "bob", OPEN, false, PH_VISIBILITY_UNLISTED, SEES_AND_SAYS},
    {PH_CALLER_STREAMER, "bob", OPEN, false, PH_VISIBILITY_PRIVATE, ""},
    {PH_CALLER_STREAMER, "bob", FOR_THIS, false, PH_VISIBILITY_PRIVATE, ""},

    {PH_CALLER_OPERATOR, "olga", OPEN, false, PH_VISIBILITY_PUBLIC, OPERATES},
    {PH_CALLER_OPERATOR, "olga", OPEN, false, PH_VISIBILITY_UNLISTED, OPERATES},
    {PH_CALLER_OPERATOR, "olga", OPEN, false, PH_VISIBILITY_PRIVATE, OPERATES},
    {PH_CALLER_OPERATOR, "olga", FOR_THIS, false, PH_VISIBILITY_PRIVATE, OPERATES},
    {PH_CALLER_OPERATOR, "olga", KEPT_TO_THIS, false, PH_VISIBILITY_PRIVATE, OPERATES},
    {PH_CALLER_OPERATOR, "olga", FOR_OTHER, false, PH_VISIBILITY_PRIVATE, ""},
    {PH_CALLER_OPERATOR, "olga", FOR_OTHER, false, PH_VISIBILITY_PUBLIC, "list " SEES_AND_SAYS},

    {PH_CALLER_ADMIN, "ada", OPEN, false, PH_VISIBILITY_PUBLIC, ADMINISTERS},
    {PH_CALLER_ADMIN, "ada", OPEN, false, PH_VISIBILITY_UNLISTED, ADMINISTERS},
    {PH_CALLER_ADMIN, "ada", OPEN, false, PH_VISIBILITY_PRIVATE, ADMINISTERS},
    {PH_CALLER_ADMIN, "ada", KEPT_TO_THIS, false, PH_VISIBILITY_PRIVATE, ADMINISTERS},
    {PH_CALLER_ADMIN, "ada", FOR_OTHER, false, PH_VISIBILITY_PRIVATE, ""},
};

static struct ph_caller caller_of(enum ph_caller_role role, const char *subject, enum token token) {
    static const char *const sessions[] = {"", THIS, THIS, OTHER};
    struct ph_caller caller = {.role = role, .is_confined = token == KEPT_TO_THIS};
    snprintf(caller.subject, sizeof(caller.subject), "%s", subject);
    snprintf(caller.session, sizeof(caller.session), "%s", sessions[token]);
    return caller;
}

/* Rights to a session, against those to what belongs to none. */
static bool is_of_a_session(enum ph_action action) {
    return ph_policy_allows(PH_CALLER_ADMIN, action, PH_RELATION_KEPT) ||
           ph_policy_allows(PH_CALLER_STREAMER, action, PH_RELATION_OWNER);
}

/* What the relations let the role do, in the order of the actions. */
static const char *rights(enum ph_caller_role role, unsigned relations, bool of_a_session) {
    static char may[512];
    may[0] = '\0';
    for (int action = 0; action < PH_ACTIONS; action++) {
        if (is_of_a_session(action) == of_a_session && ph_policy_allows(role, action, relations))
            strcat(strcat(may, short_names[action]), " ");
    }
    return may;
}

static void a_session_cell_by_cell(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
        const struct cell *cell = &cells[i];
        struct ph_caller caller = caller_of(cell->role, cell->subject, cell->token);
        unsigned relations = ph_policy_relations(
            &caller, &(struct ph_policy_session){THIS, "alice", cell->visibility, cell->is_guardian});
        const char *may = rights(cell->role, relations, true);
        if (strcmp(may, cell->may) != 0)
            fail_msg("%s %s (token %d), %s session: may \"%s\", should \"%s\"",
                ph_caller_role_name(cell->role), cell->subject, cell->token,
                ph_visibility_name(cell->visibility), may, cell->may);
    }
}

static void what_belongs_to_no_session_cell_by_cell(void **state) {
    static const struct {
        enum ph_caller_role role;
        enum token token;
        const char *may;
    } general[] = {
        {PH_CALLER_ANONYMOUS, OPEN, ""},
        {PH_CALLER_VIEWER, OPEN, "renew "},
        {PH_CALLER_VIEWER, FOR_THIS, "renew "},
        {PH_CALLER_STREAMER, OPEN, "start own-summary renew "},
        {PH_CALLER_STREAMER, FOR_THIS, "renew "},
        {PH_CALLER_OPERATOR, OPEN, "workers drain own-summary summary "},
        {PH_CALLER_OPERATOR, KEPT_TO_THIS, ""},
        {PH_CALLER_ADMIN, OPEN,
            "profile write-profile workers drain webhooks write-webhooks own-summary summary "
            "audit "},
        {PH_CALLER_ADMIN, FOR_THIS, ""},
        {PH_CALLER_APP, OPEN, "profile write-profile make "},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(general) / sizeof(general[0]); i++) {
        struct ph_caller caller = caller_of(general[i].role, "x", general[i].token);
        const char *may = rights(general[i].role, ph_policy_relations_to_none(&caller), false);
        if (strcmp(may, general[i].may) != 0)
            fail_msg("%s (token %d): may \"%s\", should \"%s\"", ph_caller_role_name(general[i].role),
                general[i].token, may, general[i].may);
    }
}

static void profiles_cell_by_cell(void **state) {
    static const struct {
        enum ph_caller_role role;
        const char *subject;
        enum token token;
        bool may;
    } profiles[] = {
        {PH_CALLER_ANONYMOUS, "", OPEN, false},
        {PH_CALLER_ANONYMOUS, "alice", OPEN, false},
        {PH_CALLER_VIEWER, "alice", OPEN, true},
        {PH_CALLER_VIEWER, "bob", OPEN, false},
        {PH_CALLER_STREAMER, "alice", OPEN, true},
        {PH_CALLER_STREAMER, "alice", FOR_THIS, false},
        {PH_CALLER_STREAMER, "bob", OPEN, false},
        {PH_CALLER_OPERATOR, "alice", OPEN, true},
        {PH_CALLER_OPERATOR, "olga", OPEN, false},
        {PH_CALLER_ADMIN, "ada", OPEN, true},
        {PH_CALLER_ADMIN, "ada", KEPT_TO_THIS, false},
        {PH_CALLER_APP, "", OPEN, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
        struct ph_caller caller = caller_of(profiles[i].role, profiles[i].subject, profiles[i].token);
        unsigned relations = ph_policy_relations_to_profile(&caller, "alice");
        if (ph_policy_allows(caller.role, PH_ACTION_PROFILE_VIEW, relations) != profiles[i].may ||
            ph_policy_allows(caller.role, PH_ACTION_PROFILE_WRITE, relations) != profiles[i].may)
            fail_msg("row %zu: should be %d", i, profiles[i].may);
    }
}

static void an_owner_without_a_name_is_no_stranger(void **state) {
    struct ph_caller nobody = {.role = PH_CALLER_ANONYMOUS};
    (void)state;
    assert_int_equal(
        ph_policy_relations(&nobody, &(struct ph_policy_session){THIS, "", PH_VISIBILITY_PRIVATE, false}), 0);
}

static void every_action_has_a_name_of_its_own(void **state) {
    (void)state;
    for (int i = 0; i < PH_ACTIONS; i++) {
        assert_non_null(ph_action_name(i));
        for (int j = 0; j < i; j++)
            assert_string_not_equal(ph_action_name(i), ph_action_name(j));
    }
}

static void names_lead_there_and_back(void **state) {
    (void)state;
    for (int i = 0; i < PH_VISIBILITIES; i++)
        assert_int_equal(ph_visibility_parse(ph_visibility_name(i)), i);
    assert_int_equal(ph_visibility_parse("everybody"), -1);
    for (int i = PH_CALLER_VIEWER; i <= PH_CALLER_ADMIN; i++)
        assert_int_equal(ph_caller_role_parse(ph_caller_role_name(i)), i);
    assert_int_equal(ph_caller_role_parse("anonymous"), -1);
    assert_int_equal(ph_caller_role_parse("app"), -1);
    assert_int_equal(ph_caller_role_parse("root"), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_cell_by_cell),
        cmocka_unit_test(what_belongs_to_no_session_cell_by_cell),
        cmocka_unit_test(profiles_cell_by_cell),
        cmocka_unit_test(every_action_has_a_name_of_its_own),
        cmocka_unit_test(an_owner_without_a_name_is_no_stranger),
        cmocka_unit_test(names_lead_there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
