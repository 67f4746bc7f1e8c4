/* The catalogues: what the mails say, in each language. A sentence is found by its key, "started.subject";
 * all languages have the same keys and, in each sentence, holes of the same names. */
#ifndef PH_API_MAIL_WORDS_H
#define PH_API_MAIL_WORDS_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

/* A catalogue that the build put into the program. */
struct ph_words_source {
    const char *language; /* "de" */
    const char *json;
};
extern const struct ph_words_source ph_words_sources[];
extern const size_t ph_words_source_count;

struct ph_words;

/* All catalogues. -ENOMEM, or -EINVAL for one that is no flat object of texts. */
int ph_words_create(struct ph_words **words) PH_NODISCARD;
void ph_words_destroy(struct ph_words *words);
/* The best catalogue's language for a tag as of RFC 5646, "de-AT": "de"; "en" for what is not known. */
const char *ph_words_language(const struct ph_words *words, const char *tag);
/* The sentence; "" for a key that is not there. */
const char *ph_words_find(const struct ph_words *words, const char *language, const char *key);
/* "1 h 5 min", malloc'ed. -ENOMEM. */
int ph_words_duration(
    const struct ph_words *words, const char *language, int64_t duration_ms, char **text) PH_NODISCARD;

#endif
