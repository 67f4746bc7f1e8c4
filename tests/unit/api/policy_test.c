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

/* A cell: who (role, subject, the session its token names) may do what to the session THIS of "alice". */
struct cell {
    enum ph_caller_role role;
    const char *subject, *narrowed;
    enum ph_visibility visibility;
    const char *may; /* of "l" list, "v" view, "e" end, "s" start anything */
};

static const struct cell cells[] = {
    {PH_CALLER_ANONYMOUS, "", "", PH_VISIBILITY_PUBLIC, "lv"},
    {PH_CALLER_ANONYMOUS, "", "", PH_VISIBILITY_UNLISTED, "v"},
    {PH_CALLER_ANONYMOUS, "", "", PH_VISIBILITY_PRIVATE, ""},

    {PH_CALLER_VIEWER, "bob", "", PH_VISIBILITY_PUBLIC, "lv"},
    {PH_CALLER_VIEWER, "bob", "", PH_VISIBILITY_UNLISTED, "v"},
    {PH_CALLER_VIEWER, "bob", "", PH_VISIBILITY_PRIVATE, ""},
    {PH_CALLER_VIEWER, "bob", THIS, PH_VISIBILITY_PUBLIC, "lv"},
    {PH_CALLER_VIEWER, "bob", THIS, PH_VISIBILITY_UNLISTED, "lv"},
    {PH_CALLER_VIEWER, "bob", THIS, PH_VISIBILITY_PRIVATE, "lv"},
    {PH_CALLER_VIEWER, "bob", OTHER, PH_VISIBILITY_PUBLIC, "lv"},
    {PH_CALLER_VIEWER, "bob", OTHER, PH_VISIBILITY_UNLISTED, "v"},
    {PH_CALLER_VIEWER, "bob", OTHER, PH_VISIBILITY_PRIVATE, ""},
    {PH_CALLER_VIEWER, "alice", "", PH_VISIBILITY_PRIVATE, ""},

    {PH_CALLER_STREAMER, "alice", "", PH_VISIBILITY_PUBLIC, "lves"},
    {PH_CALLER_STREAMER, "alice", "", PH_VISIBILITY_UNLISTED, "lves"},
    {PH_CALLER_STREAMER, "alice", "", PH_VISIBILITY_PRIVATE, "lves"},
    {PH_CALLER_STREAMER, "alice", THIS, PH_VISIBILITY_PRIVATE, "lve"},
    {PH_CALLER_STREAMER, "alice", OTHER, PH_VISIBILITY_PRIVATE, ""},
    {PH_CALLER_STREAMER, "alice", OTHER, PH_VISIBILITY_PUBLIC, "lv"},
    {PH_CALLER_STREAMER, "bob", "", PH_VISIBILITY_PUBLIC, "lvs"},
    {PH_CALLER_STREAMER, "bob", "", PH_VISIBILITY_UNLISTED, "vs"},
    {PH_CALLER_STREAMER, "bob", "", PH_VISIBILITY_PRIVATE, "s"},
    {PH_CALLER_STREAMER, "bob", THIS, PH_VISIBILITY_PRIVATE, ""},

    {PH_CALLER_OPERATOR, "olga", "", PH_VISIBILITY_PUBLIC, "lve"},
    {PH_CALLER_OPERATOR, "olga", "", PH_VISIBILITY_UNLISTED, "lve"},
    {PH_CALLER_OPERATOR, "olga", "", PH_VISIBILITY_PRIVATE, "lve"},
    {PH_CALLER_OPERATOR, "olga", THIS, PH_VISIBILITY_PRIVATE, "lve"},
    {PH_CALLER_OPERATOR, "olga", OTHER, PH_VISIBILITY_PRIVATE, ""},
    {PH_CALLER_OPERATOR, "olga", OTHER, PH_VISIBILITY_PUBLIC, "lv"},

    {PH_CALLER_ADMIN, "ada", "", PH_VISIBILITY_PUBLIC, "lve"},
    {PH_CALLER_ADMIN, "ada", "", PH_VISIBILITY_UNLISTED, "lve"},
    {PH_CALLER_ADMIN, "ada", "", PH_VISIBILITY_PRIVATE, "lve"},
    {PH_CALLER_ADMIN, "ada", THIS, PH_VISIBILITY_PRIVATE, "lve"},
    {PH_CALLER_ADMIN, "ada", OTHER, PH_VISIBILITY_PRIVATE, ""},
};

static void the_policy_cell_by_cell(void **state) {
    static const struct {
        enum ph_action action;
        char letter;
    } actions[] = {{PH_ACTION_LIST, 'l'}, {PH_ACTION_VIEW, 'v'}, {PH_ACTION_END, 'e'}};
    (void)state;
    for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
        struct ph_caller caller = {.role = cells[i].role};
        snprintf(caller.subject, sizeof(caller.subject), "%s", cells[i].subject);
        snprintf(caller.session, sizeof(caller.session), "%s", cells[i].narrowed);
        unsigned relations = ph_policy_relations(&caller, THIS, "alice", cells[i].visibility);
        char may[8] = "";
        for (size_t a = 0; a < 3; a++) {
            if (ph_policy_allows(caller.role, actions[a].action, relations))
                may[strlen(may)] = actions[a].letter;
        }
        if (ph_policy_allows(caller.role, PH_ACTION_START, ph_policy_relations_to_none(&caller)))
            may[strlen(may)] = 's';
        if (strcmp(may, cells[i].may) != 0)
            fail_msg("%s %s (token for '%s'), %s session: may \"%s\", should \"%s\"",
                ph_caller_role_name(cells[i].role), cells[i].subject, cells[i].narrowed,
                ph_visibility_name(cells[i].visibility), may, cells[i].may);
    }
}

static void an_owner_without_a_name_is_no_stranger(void **state) {
    struct ph_caller nobody = {.role = PH_CALLER_ANONYMOUS};
    (void)state;
    assert_int_equal(ph_policy_relations(&nobody, THIS, "", PH_VISIBILITY_PRIVATE), 0);
}

static void names_lead_there_and_back(void **state) {
    (void)state;
    for (int i = 0; i < PH_VISIBILITIES; i++)
        assert_int_equal(ph_visibility_parse(ph_visibility_name(i)), i);
    assert_int_equal(ph_visibility_parse("everybody"), -1);
    for (int i = PH_CALLER_VIEWER; i < PH_CALLER_ROLES; i++)
        assert_int_equal(ph_caller_role_parse(ph_caller_role_name(i)), i);
    assert_int_equal(ph_caller_role_parse("anonymous"), -1);
    assert_int_equal(ph_caller_role_parse("root"), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_policy_cell_by_cell),
        cmocka_unit_test(an_owner_without_a_name_is_no_stranger),
        cmocka_unit_test(names_lead_there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
