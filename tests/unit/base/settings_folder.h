/* A folder of a test's own for its settings, in an environment that says nothing about them. */
#ifndef PH_TESTS_BASE_SETTINGS_FOLDER_H
#define PH_TESTS_BASE_SETTINGS_FOLDER_H

#include <sys/stat.h>

extern char settings_folder[64];
extern char settings_path[96]; /* porthole.yaml in it, not made */

/* A test's setup and teardown. */
int settings_folder_make(void **state);
int settings_folder_remove(void **state);
void settings_folder_write(const char *name, const char *text, mode_t mode);

#endif
