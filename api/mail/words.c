#include "api/mail/words.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/mail/template.h"

struct ph_words {
    json_t *languages; /* of language to object of texts */
};

static json_t *load(const char *text) {
    const char *key;
    json_t *value, *catalogue = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    json_object_foreach(catalogue, key, value) {
        if (!json_is_string(value)) {
            json_decref(catalogue);
            return NULL;
        }
    }
    return catalogue;
}

int ph_words_create(struct ph_words **result) {
    struct ph_words *words = calloc(1, sizeof(*words));
    if (!words || !(words->languages = json_object())) {
        free(words);
        return -ENOMEM;
    }
    for (size_t i = 0; i < ph_words_source_count; i++) {
        json_t *catalogue = load(ph_words_sources[i].json);
        int code = catalogue ? 0 : -EINVAL;
        if (code == 0 && json_object_set_new(words->languages, ph_words_sources[i].language, catalogue) < 0)
            code = -ENOMEM;
        if (code < 0) {
            ph_words_destroy(words);
            return code;
        }
    }
    *result = words;
    return 0;
}

void ph_words_destroy(struct ph_words *words) {
    if (!words)
        return;
    json_decref(words->languages);
    free(words);
}

const char *ph_words_language(const struct ph_words *words, const char *tag) {
    const char *language;
    json_t *catalogue;
    size_t size = strcspn(tag, "-_");
    json_object_foreach(words->languages, language, catalogue) {
        if (strlen(language) == size && strncasecmp(language, tag, size) == 0)
            return language;
    }
    return "en";
}

const char *ph_words_find(const struct ph_words *words, const char *language, const char *key) {
    const char *text = json_string_value(json_object_get(json_object_get(words->languages, language), key));
    return text ? text : "";
}

int ph_words_duration(const struct ph_words *words, const char *language, int64_t duration_ms, char **text) {
    char hours[24], minutes[24];
    int64_t whole_minutes = (duration_ms + 30000) / 60000;
    const char *key = whole_minutes >= 60  ? "duration.hours"
                      : whole_minutes > 1  ? "duration.minutes"
                      : whole_minutes == 1 ? "duration.minute"
                                           : "duration.short";
    snprintf(hours, sizeof(hours), "%lld", (long long)(whole_minutes / 60));
    snprintf(minutes, sizeof(minutes), "%lld",
        (long long)(whole_minutes >= 60 ? whole_minutes % 60 : whole_minutes));
    const struct ph_template_value values[] = {{"h", hours}, {"m", minutes}, {NULL, NULL}};
    return ph_sentence_fill(ph_words_find(words, language, key), values, text);
}
