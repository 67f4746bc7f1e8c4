/* The settings file, read by libcyaml: one mapping of known keys to scalars. */
#include <cyaml/cyaml.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/settings_keys.h"

enum { MOST_FILE_BYTES = 1 << 20 };

/* What libcyaml says of a document: its first sentence, and the last line number of its backtrace. */
struct report {
    char sentence[256];
    unsigned line;
};

static void keep_report(cyaml_log_t level, void *opaque, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));
static void keep_report(cyaml_log_t level, void *opaque, const char *format, va_list arguments) {
    static const char prefix[] = "Load: ", place[] = "(line: ";
    struct report *report = opaque;
    char text[sizeof(report->sentence)];
    (void)level;
    vsnprintf(text, sizeof(text), format, arguments);
    text[strcspn(text, "\n")] = '\0';
    const char *number = strstr(text, place);
    if (number)
        report->line = (unsigned)strtoul(number + strlen(place), NULL, 10);
    else if (!report->sentence[0] && !strstr(text, "Backtrace:"))
        snprintf(report->sentence, sizeof(report->sentence), "%s",
            strncmp(text, prefix, strlen(prefix)) == 0 ? text + strlen(prefix) : text);
}

static void *resize_block(void *opaque, void *block, size_t size) {
    (void)opaque;
    if (size > 0)
        return realloc(block, size);
    free(block);
    return NULL;
}

static cyaml_config_t make_config(struct report *report, cyaml_cfg_flags_t flags) {
    return (cyaml_config_t){.log_fn = keep_report,
        .log_ctx = report,
        .log_level = CYAML_LOG_ERROR,
        .mem_fn = resize_block,
        .flags = flags | CYAML_CFG_NO_ALIAS};
}

static int read_whole(int fd, char **text, size_t *size) {
    char *block = malloc(MOST_FILE_BYTES + 1);
    if (!block)
        return -ENOMEM;
    size_t got = 0;
    while (got <= MOST_FILE_BYTES) {
        ssize_t count = read(fd, block + got, MOST_FILE_BYTES + 1 - got);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0) {
            *text = block;
            *size = got;
            if (count == 0)
                return 0;
            free(block);
            return -errno;
        }
        got += (size_t)count;
    }
    free(block);
    return -EFBIG;
}

static int read_file(const char *path, char **text, size_t *size, struct ph_error *error) {
    char reason[64];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return ph_error_set(error, errno == ENOMEM ? -ENOMEM : -errno, "%s: cannot be read: %s", path,
            ph_error_name(-errno, reason, sizeof(reason)));
    int code = read_whole(fd, text, size);
    close(fd);
    if (code == -EFBIG)
        return ph_error_set(error, -EINVAL, "%s: is longer than 1 MiB, so it is no settings file", path);
    if (code < 0)
        return ph_error_set(
            error, code, "%s: cannot be read: %s", path, ph_error_name(code, reason, sizeof(reason)));
    return 0;
}

/* Rewrites libcyaml's sentence in the settings' own words. */
static int explain(
    struct ph_error *error, const char *path, cyaml_err_t problem, const struct report *report) {
    static const char unknown[] = "Unexpected key: ", parser[] = "libyaml: ";
    if (problem == CYAML_ERR_OOM)
        return ph_error_set(error, -ENOMEM, "%s: out of memory", path);
    if (strncmp(report->sentence, unknown, strlen(unknown)) == 0) {
        const char *key = report->sentence + strlen(unknown);
        unsigned line = ph_settings_file_line(path, key);
        return ph_error_set(error, -EINVAL, "%s:%u: unknown key %.64s: porthole.example.yaml lists every key",
            path, line ? line : report->line, key);
    }
    const char *sentence = report->sentence[0] ? report->sentence : cyaml_strerror(problem);
    if (strncmp(sentence, parser, strlen(parser)) == 0)
        sentence += strlen(parser);
    return ph_error_set(error, -EINVAL, "%s:%u: %s: the file must be a mapping, one \"key: value\" a line",
        path, report->line ? report->line : 1, sentence);
}

int ph_settings_file_read(const char *path, char *values[PH_SETTING_COUNT], struct ph_error *error) {
    cyaml_schema_field_t fields[PH_SETTING_COUNT + 1];
    memset(fields, 0, sizeof(fields));
    for (size_t i = 0; i < PH_SETTING_COUNT; i++) {
        fields[i].key = ph_setting_keys[i].name;
        fields[i].data_offset = (uint32_t)(i * sizeof(char *));
        fields[i].value.type = CYAML_STRING;
        fields[i].value.flags = CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL;
        fields[i].value.data_size = sizeof(char);
        fields[i].value.string.max = MOST_FILE_BYTES;
    }
    cyaml_schema_value_t document;
    memset(&document, 0, sizeof(document));
    document.type = CYAML_MAPPING;
    document.flags = CYAML_FLAG_POINTER;
    document.data_size = PH_SETTING_COUNT * sizeof(char *);
    document.mapping.fields = fields;

    char *text = NULL;
    size_t size = 0;
    int code = read_file(path, &text, &size, error);
    if (code < 0)
        return code;
    struct report report = {0};
    cyaml_config_t config = make_config(&report, 0);
    char **loaded = NULL;
    cyaml_err_t problem =
        cyaml_load_data((const uint8_t *)text, size, &config, &document, (cyaml_data_t **)&loaded, NULL);
    free(text);
    if (problem != CYAML_OK)
        return explain(error, path, problem, &report);
    if (loaded) { /* NULL for a file of comments alone */
        memcpy(values, loaded, PH_SETTING_COUNT * sizeof(char *));
        free(loaded);
    }
    return 0;
}

/* libcyaml tells lines only of values it refuses: so the key is read once more, as a choice among nothing. */
unsigned ph_settings_file_line(const char *path, const char *key) {
    cyaml_schema_field_t fields[2];
    memset(fields, 0, sizeof(fields));
    fields[0].key = key;
    fields[0].value.type = CYAML_ENUM;
    fields[0].value.flags = CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT;
    fields[0].value.data_size = sizeof(uint32_t);
    cyaml_schema_value_t document;
    memset(&document, 0, sizeof(document));
    document.type = CYAML_MAPPING;
    document.flags = CYAML_FLAG_POINTER;
    document.data_size = sizeof(uint32_t);
    document.mapping.fields = fields;

    char *text = NULL;
    size_t size = 0;
    if (read_file(path, &text, &size, NULL) < 0)
        return 0;
    struct report report = {0};
    cyaml_config_t config = make_config(&report, CYAML_CFG_IGNORE_UNKNOWN_KEYS);
    void *loaded = NULL;
    cyaml_err_t problem = cyaml_load_data((const uint8_t *)text, size, &config, &document, &loaded, NULL);
    free(text);
    free(loaded);
    return problem == CYAML_ERR_INVALID_VALUE ? report.line : 0;
}
