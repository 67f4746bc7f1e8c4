#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/store/sigv4.h"

static bool is_unreserved(char character) {
    return (character >= 'A' && character <= 'Z') || (character >= 'a' && character <= 'z') ||
           (character >= '0' && character <= '9') || character == '-' || character == '.' ||
           character == '_' || character == '~';
}

static void encode(struct ph_builder *builder, const char *text, char kept) {
    static const char digits[] = "0123456789ABCDEF";
    for (; *text; text++) {
        if (is_unreserved(*text) || (kept && *text == kept)) {
            ph_builder_append(builder, text, 1);
        } else {
            const char escape[3] = {'%', digits[(uint8_t)*text >> 4], digits[(uint8_t)*text & 15]};
            ph_builder_append(builder, escape, sizeof(escape));
        }
    }
}

void ph_sigv4_encode(struct ph_builder *builder, const char *text) {
    encode(builder, text, '\0');
}

void ph_sigv4_encode_path(struct ph_builder *builder, const char *path) {
    encode(builder, path, '/');
}

/* Encoded, a text sorts otherwise than plain: '%' comes before letters. The place of a byte once it is
 * encoded follows from the first byte of its code and then from the code's digits, which keep the order of
 * bytes. */
static unsigned rank(uint8_t byte) {
    return is_unreserved((char)byte) ? 256u * byte : 256u * '%' + byte;
}

static int compare_encoded(const char *left, const char *right) {
    while (*left && *left == *right) {
        left++;
        right++;
    }
    if (!*left || !*right)
        return (*left != '\0') - (*right != '\0');
    return rank((uint8_t)*left) < rank((uint8_t)*right) ? -1 : 1;
}

static int compare_pairs(const void *left, const void *right) {
    const struct ph_sigv4_pair *one = left, *other = right;
    int order = compare_encoded(one->name, other->name);
    return order ? order : compare_encoded(one->value, other->value);
}

int ph_sigv4_encode_query(struct ph_builder *builder, const struct ph_sigv4_pair *query, size_t count) {
    struct ph_sigv4_pair sorted[PH_SIGV4_MOST_PAIRS + 8];
    if (count > sizeof(sorted) / sizeof(sorted[0]))
        return -EINVAL;
    for (size_t i = 0; i < count; i++)
        sorted[i] = query[i];
    qsort(sorted, count, sizeof(sorted[0]), compare_pairs);
    for (size_t i = 0; i < count; i++) {
        if (i)
            ph_builder_text(builder, "&");
        ph_sigv4_encode(builder, sorted[i].name);
        ph_builder_text(builder, "=");
        ph_sigv4_encode(builder, sorted[i].value);
    }
    return 0;
}

void ph_sigv4_date(int64_t utc_us, char date[PH_SIGV4_DATE_BYTES]) {
    time_t seconds = (time_t)(utc_us / PH_SECOND_US);
    struct tm parts;
    if (!gmtime_r(&seconds, &parts) || strftime(date, PH_SIGV4_DATE_BYTES, "%Y%m%dT%H%M%SZ", &parts) != 16)
        memcpy(date, "19700101T000000Z", PH_SIGV4_DATE_BYTES);
}

static int digit(char character) {
    if (character >= '0' && character <= '9')
        return character - '0';
    if (character >= 'A' && character <= 'F')
        return character - 'A' + 10;
    if (character >= 'a' && character <= 'f')
        return character - 'a' + 10;
    return -1;
}

/* In place: what is decoded is never longer. False: badly encoded. */
static bool decode(char *text) {
    char *to = text;
    for (const char *from = text; *from; to++) {
        if (*from != '%') {
            *to = *from++;
            continue;
        }
        int high = digit(from[1]), low = high < 0 ? -1 : digit(from[2]);
        if (low < 0 || (high == 0 && low == 0))
            return false;
        *to = (char)(high << 4 | low);
        from += 3;
    }
    *to = '\0';
    return true;
}

const char *ph_sigv4_pair_find(const struct ph_sigv4_pair *pairs, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(pairs[i].name, name) == 0)
            return pairs[i].value;
    }
    return NULL;
}

static int add_pair(struct ph_sigv4_query *query, char *name) {
    static char empty[1];
    char *value = strchr(name, '=');
    if (value)
        *value++ = '\0';
    else
        value = empty;
    if (query->count == PH_SIGV4_MOST_PAIRS || !*name || !decode(name) || (*value && !decode(value)) ||
        ph_sigv4_pair_find(query->pairs, query->count, name))
        return -EINVAL;
    query->pairs[query->count++] = (struct ph_sigv4_pair){name, value};
    return 0;
}

int ph_sigv4_query_parse(struct ph_sigv4_query *query, const char *raw) {
    *query = (struct ph_sigv4_query){.text = strdup(raw)};
    if (!query->text)
        return -ENOMEM;
    char *rest = query->text, *pair;
    int code = 0;
    while (!code && (pair = strsep(&rest, "&")))
        code = *pair ? add_pair(query, pair) : 0;
    return code;
}

void ph_sigv4_query_finish(struct ph_sigv4_query *query) {
    free(query->text);
    *query = (struct ph_sigv4_query){0};
}
