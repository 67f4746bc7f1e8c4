#include "tests/unit/base/settings_folder.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

extern char **environ;

char settings_folder[64];
char settings_path[96];

int settings_folder_make(void **state) {
    (void)state;
    for (char **entry = environ; *entry;) {
        if (strncmp(*entry, "PORTHOLE_", 9) != 0) {
            entry++;
            continue;
        }
        char name[64];
        snprintf(name, sizeof(name), "%.*s", (int)strcspn(*entry, "="), *entry);
        unsetenv(name);
        entry = environ;
    }
    strcpy(settings_folder, "/tmp/ph-settings-XXXXXX");
    assert_non_null(mkdtemp(settings_folder));
    snprintf(settings_path, sizeof(settings_path), "%s/porthole.yaml", settings_folder);
    return 0;
}

int settings_folder_remove(void **state) {
    char command[128];
    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", settings_folder);
    return system(command);
}

void settings_folder_write(const char *name, const char *text, mode_t mode) {
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}
