#include "core/base/settings.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/settings_keys.h"

/* Where a value came from, for the error that names it. */
enum origin { FROM_DEFAULT, FROM_FILE, FROM_ENVIRONMENT };

struct loading {
    struct ph_settings *settings;
    const char *path; /* NULL: no file is read */
    enum origin origins[PH_SETTING_COUNT];
    struct ph_error *error;
};

static void variable_name(const char *key, char name[64]) {
    int size = snprintf(name, 64, "PORTHOLE_%s", key);
    for (int i = 0; i < size; i++)
        name[i] = (char)toupper((unsigned char)name[i]);
}

/* "porthole.yaml:12: part_ms", "PORTHOLE_PART_MS" or "part_ms". */
static void describe_place(const struct loading *loading, size_t index, char place[256]) {
    const char *key = ph_setting_keys[index].name;
    if (loading->origins[index] == FROM_ENVIRONMENT)
        variable_name(key, place);
    else if (loading->origins[index] == FROM_FILE)
        snprintf(place, 256, "%.180s:%u: %s", loading->path, ph_settings_file_line(loading->path, key), key);
    else
        snprintf(place, 256, "%s", key);
}

static int refuse(const struct loading *loading, size_t index, const char *text) {
    const struct ph_setting_key *key = &ph_setting_keys[index];
    char place[256], shown[64] = "";
    describe_place(loading, index, place);
    if (!key->is_secret)
        snprintf(shown, sizeof(shown), ", not \"%.40s\"", text);
    if (key->is_number)
        return ph_error_set(loading->error, -EINVAL, "%s must be a whole number from %u to %u%s", place,
            key->lowest, key->highest, shown);
    return ph_error_set(loading->error, -EINVAL, "%s must be %s%s", place, key->form, shown);
}

static bool parse_number(const struct ph_setting_key *key, const char *text, uint32_t *number) {
    size_t digits = strspn(text, "0123456789");
    if (digits < 1 || digits > 10 || text[digits])
        return false;
    unsigned long value = strtoul(text, NULL, 10);
    *number = (uint32_t)value;
    return value >= key->lowest && value <= key->highest;
}

/* Checks a value that is not empty and puts it in its member. */
static int assign(struct loading *loading, size_t index, const char *text, enum origin origin) {
    const struct ph_setting_key *key = &ph_setting_keys[index];
    char *member = (char *)loading->settings + key->offset;
    loading->origins[index] = origin;
    if (key->is_number)
        return parse_number(key, text, (uint32_t *)(void *)member) ? 0 : refuse(loading, index, text);
    if (*text && !key->has_form(text))
        return refuse(loading, index, text);
    char *copy = strdup(text);
    if (!copy)
        return ph_error_set(loading->error, -ENOMEM, "out of memory");
    char **target = (char **)(void *)member;
    free(*target);
    *target = copy;
    return 0;
}

static int assign_defaults(struct loading *loading) {
    for (size_t i = 0; i < PH_SETTING_COUNT; i++) {
        const char *fallback = ph_setting_keys[i].fallback;
        int code = assign(loading, i, fallback ? fallback : "", FROM_DEFAULT);
        if (code < 0)
            return code;
    }
    return 0;
}

static int assign_file(struct loading *loading) {
    char *values[PH_SETTING_COUNT] = {NULL};
    int code = ph_settings_file_read(loading->path, values, loading->error);
    for (size_t i = 0; i < PH_SETTING_COUNT; i++) {
        if (code == 0 && values[i] && *values[i])
            code = assign(loading, i, values[i], FROM_FILE);
        free(values[i]);
    }
    return code;
}

static int assign_environment(struct loading *loading) {
    for (size_t i = 0; i < PH_SETTING_COUNT; i++) {
        char name[64];
        variable_name(ph_setting_keys[i].name, name);
        const char *text = getenv(name);
        if (!text || !*text)
            continue;
        int code = assign(loading, i, text, FROM_ENVIRONMENT);
        if (code < 0)
            return code;
    }
    return 0;
}

/* Fills the members that live in the data folder unless they are given. */
static int derive_places(struct loading *loading) {
    for (size_t i = 0; i < PH_SETTING_COUNT; i++) {
        const struct ph_setting_key *key = &ph_setting_keys[i];
        char text[1024];
        if (!key->scheme || loading->origins[i] != FROM_DEFAULT)
            continue;
        snprintf(
            text, sizeof(text), "%s%s/%s", key->scheme, loading->settings->data_dir, key->name_in_data_dir);
        int code = assign(loading, i, text, FROM_DEFAULT);
        if (code < 0)
            return code;
    }
    return 0;
}

static size_t index_of(const char *name) {
    size_t i = 0;
    while (strcmp(ph_setting_keys[i].name, name) != 0)
        i++;
    return i;
}

/* What no key can be checked for alone. */
static int check_together(const struct loading *loading) {
    const struct ph_settings *settings = loading->settings;
    if (settings->segment_ms >= 2 * settings->part_ms)
        return 0;
    size_t index = index_of("segment_ms");
    if (loading->origins[index] == FROM_DEFAULT)
        index = index_of("part_ms");
    char place[256];
    describe_place(loading, index, place);
    return ph_error_set(loading->error, -EINVAL,
        "%s must keep segment_ms at least twice part_ms, and %u is less than 2 × %u", place,
        settings->segment_ms, settings->part_ms);
}

int ph_settings_load(struct ph_settings *settings, const char *file, struct ph_error *error) {
    static const char usual[] = "porthole.yaml";
    *settings = (struct ph_settings){0};
    struct loading loading = {.settings = settings, .error = error};
    loading.path = file ? file : access(usual, F_OK) == 0 ? usual : NULL;
    int code = assign_defaults(&loading);
    if (code == 0 && loading.path)
        code = assign_file(&loading);
    if (code == 0)
        code = assign_environment(&loading);
    if (code == 0)
        code = derive_places(&loading);
    if (code == 0)
        code = check_together(&loading);
    if (code < 0) {
        ph_settings_finish(settings);
        return code;
    }
    size_t size = strlen(settings->public_url);
    while (size > 0 && settings->public_url[size - 1] == '/')
        settings->public_url[--size] = '\0';
    return 0;
}

void ph_settings_finish(struct ph_settings *settings) {
    for (size_t i = 0; i < PH_SETTING_COUNT; i++) {
        if (!ph_setting_keys[i].is_number)
            free(*(char **)(void *)((char *)settings + ph_setting_keys[i].offset));
    }
    *settings = (struct ph_settings){0};
}
