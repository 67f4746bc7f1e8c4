#include "origin/cmcd.h"

#include <string.h>

/* No player tells more; what does is no figure. */
static const uint32_t most_kbps = 100000000;

/* The end of the entry that begins at `text`; a comma within quotes does not end it. */
static const char *entry_end(const char *text) {
    bool is_quoted = false;
    for (; *text && (is_quoted || *text != ','); text++) {
        if (is_quoted && *text == '\\' && text[1])
            text++;
        else if (*text == '"')
            is_quoted = !is_quoted;
    }
    return text;
}

/* 0 for anything but a whole number of the range. */
static uint32_t number_of(const char *text, const char *end) {
    uint32_t number = 0;
    if (text == end)
        return 0;
    for (; text < end; text++) {
        if (*text < '0' || *text > '9' || number > most_kbps / 10)
            return 0;
        number = number * 10 + (uint32_t)(*text - '0');
    }
    return number <= most_kbps ? number : 0;
}

static bool is_text(const char *text, const char *end, const char *wanted) {
    size_t size = strlen(wanted);
    return (size_t)(end - text) == size && memcmp(text, wanted, size) == 0;
}

static bool read_entry(const char *text, const char *end, struct ph_cmcd *cmcd) {
    uint32_t *figure = NULL;
    if (is_text(text, end, "bs") || is_text(text, end, "bs=true"))
        return cmcd->is_starved = true;
    if (end - text > 3 && memcmp(text, "br=", 3) == 0)
        figure = &cmcd->bitrate_kbps;
    else if (end - text > 4 && memcmp(text, "mtp=", 4) == 0)
        figure = &cmcd->throughput_kbps;
    if (!figure)
        return false;
    uint32_t number = number_of(strchr(text, '=') + 1, end);
    if (number)
        *figure = number;
    return number > 0;
}

bool ph_cmcd_read(const char *text, struct ph_cmcd *cmcd) {
    bool is_known = false;
    while (*text) {
        text += strspn(text, " \t,");
        const char *end = entry_end(text);
        is_known = read_entry(text, end, cmcd) || is_known;
        text = end;
    }
    return is_known;
}
