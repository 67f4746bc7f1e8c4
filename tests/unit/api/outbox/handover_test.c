#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/outbox/handover.h"

static char folder[64];
static int calls;
static char seen_owner[PH_SESSION_ID_BYTES];
static char seen[PH_HANDOVER_SLOTS][PH_SESSION_ID_BYTES];
static size_t seen_count;

static int make_folder(void **state) {
    (void)state;
    calls = 0;
    seen_count = 0;
    strcpy(folder, "/tmp/ph-handover-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
    char command[128];
    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

static int settle(void *opaque, const char *owner, const char (*given)[PH_SESSION_ID_BYTES], size_t count) {
    int *code = opaque;
    calls++;
    snprintf(seen_owner, sizeof(seen_owner), "%s", owner);
    for (size_t i = 0; i < count; i++)
        memcpy(seen[seen_count++], given[i], PH_SESSION_ID_BYTES);
    return *code;
}

static struct ph_handover *open_handover(void) {
    struct ph_handover *handover = NULL;
    int code = 0;
    assert_int_equal(ph_handover_open(&handover, folder, settle, &code), 0);
    return handover;
}

#define ID(c) c c c c c c c c c c c c c c c c c c c c c c c c c c

static void killed_process_leaves_what_it_gave(void **state) {
    int ready[2], status;
    char owner[PH_SESSION_ID_BYTES];
    (void)state;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        struct ph_handover *handover = open_handover();
        int slots[] = {ph_handover_take(handover, ID("a")), ph_handover_take(handover, ID("b")),
            ph_handover_take(handover, ID("c"))};
        ph_handover_give(handover, slots[0]);
        ph_handover_give(handover, slots[1]);
        ph_handover_clear(handover, slots[1]);
        ssize_t size = write(ready[1], ph_handover_owner(handover), PH_SESSION_ID_BYTES);
        (void)size;
        for (;;)
            pause();
    }
    assert_int_equal(read(ready[0], owner, sizeof(owner)), sizeof(owner));
    /* While it lives its file is its own. */
    struct ph_handover *other = open_handover();
    assert_int_equal(calls, 0);
    assert_string_not_equal(ph_handover_owner(other), owner);
    ph_handover_close(other);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    struct ph_handover *next = open_handover();
    assert_int_equal(seen_count, 1);
    assert_string_equal(seen[0], ID("a"));
    assert_string_not_equal(ph_handover_owner(next), owner);
    ph_handover_close(next);
    close(ready[0]);
    close(ready[1]);
}

static void failed_settling_keeps_the_file_as_it_was(void **state) {
    int code = -EAGAIN;
    struct ph_handover *handover = open_handover();
    (void)state;
    ph_handover_give(handover, ph_handover_take(handover, ID("d")));
    ph_handover_close(handover);
    assert_int_equal(ph_handover_open(&handover, folder, settle, &code), -EAGAIN);
    seen_count = 0;
    handover = open_handover();
    assert_int_equal(seen_count, 1);
    assert_string_equal(seen[0], ID("d"));
    ph_handover_close(handover);
}

static void slots_run_out_and_come_back(void **state) {
    struct ph_handover *handover = open_handover();
    (void)state;
    for (int i = 0; i < PH_HANDOVER_SLOTS; i++)
        assert_int_equal(ph_handover_take(handover, ID("e")), i);
    assert_int_equal(ph_handover_take(handover, ID("e")), -EAGAIN);
    ph_handover_clear(handover, 3);
    assert_int_equal(ph_handover_take(handover, ID("e")), 3);
    ph_handover_close(handover);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(killed_process_leaves_what_it_gave, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(failed_settling_keeps_the_file_as_it_was, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(slots_run_out_and_come_back, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
