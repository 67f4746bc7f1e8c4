#include "api/rate_rules.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_DIGITS = 6 };

static const struct {
    const char *name;
    struct ph_rate_rule usual;
} classes[PH_RATE_CLASSES] = {
    [PH_RATE_CALLS] = {"calls", {600, 60}},
    [PH_RATE_ANONYMOUS] = {"anonymous", {100, 900}},
    [PH_RATE_FAILURES] = {"failures", {30, 900}},
    [PH_RATE_STARTS] = {"starts", {20, 60}},
    [PH_RATE_TOKENS] = {"tokens", {60, 60}},
    [PH_RATE_CHAT] = {"chat", {30, 30}},
    [PH_RATE_FREE] = {"", {0, 0}},
};

const char *ph_rate_class_name(enum ph_rate_class rate) {
    return classes[rate].name;
}

/* 1 to 6 digits at *text, which moves behind them. */
static int parse_number(const char **text, uint32_t *number) {
    size_t digits = strspn(*text, "0123456789");
    if (digits < 1 || digits > MOST_DIGITS)
        return -EINVAL;
    *number = (uint32_t)strtoul(*text, NULL, 10);
    *text += digits;
    return 0;
}

/* One "name=count/seconds" at *text, which moves behind it. */
static int parse_rule(const char **text, struct ph_rate_rules *rules) {
    struct ph_rate_rule *rule = NULL;
    size_t size = strcspn(*text, "=");
    for (int i = 0; i < PH_RATE_FREE; i++) {
        if (strlen(classes[i].name) == size && strncmp(classes[i].name, *text, size) == 0)
            rule = &rules->rules[i];
    }
    if (!rule || (*text)[size] != '=')
        return -EINVAL;
    *text += size + 1;
    if (parse_number(text, &rule->count) < 0 || **text != '/')
        return -EINVAL;
    (*text)++;
    return parse_number(text, &rule->period_s) < 0 || rule->period_s == 0 ? -EINVAL : 0;
}

int ph_rate_rules_parse(const char *text, struct ph_rate_rules *rules) {
    *rules = (struct ph_rate_rules){0};
    if (strcmp(text, "off") == 0)
        return 0;
    for (int i = 0; i < PH_RATE_CLASSES; i++)
        rules->rules[i] = classes[i].usual;
    while (*text) {
        int code = parse_rule(&text, rules);
        if (code < 0)
            return code;
        if (*text && (*text != ',' || !text[1]))
            return -EINVAL;
        text += *text == ',';
    }
    return 0;
}
