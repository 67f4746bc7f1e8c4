/* The inside of a store in a folder, shared by store_file*.c and store_routes.c.
 *
 * An object is the file <folder>/<key>. Beside its bytes it has, as extended attribute "user.sha256", their
 * hash; where a file system keeps none, or for what was composed, small ones are hashed when asked. Its ETag
 * is made of its size and the moment it was written. */
#ifndef PH_STORE_STORE_FILE_H
#define PH_STORE_STORE_FILE_H

#include "core/store/folder.h"
#include "core/store/sigv4.h"
#include "core/store/store_impl.h"

enum { PH_STORE_FILE_SECRET_BYTES = 65 };

struct ph_store_file {
    struct ph_store base;
    struct ph_folder folder;
    char *path;
    char *public_url;
    char secret[PH_STORE_FILE_SECRET_BYTES]; /* of signed addresses; made from the options' */
    pthread_mutex_t sweeping;
    struct ph_store_rules rules;          /* under `sweeping` */
    unsigned swept_place;                 /* under `sweeping`: where the last sweep ended, */
    char swept_after[PH_STORE_KEY_BYTES]; /* and after which key */
    int64_t date_ms;                      /* under `sweeping`: the janitor's, once it is known; */
    int64_t saved_date_ms;                /* as it is kept in the folder; */
    int64_t dated_us;                     /* when it was looked at last, monotonic */
};

static inline struct ph_store_file *ph_store_file_of(struct ph_store *store) {
    return (struct ph_store_file *)store; /* `base` comes first */
}

/* Turns an -errno of the folder into a code of store.h, and remembers what is wrong with the folder. */
int ph_store_file_told(struct ph_store_file *store, int code);
/* All but the hash. */
void ph_store_file_describe(const struct stat *status, struct ph_store_object *object);

int ph_store_file_put(
    struct ph_store *store, const struct ph_store_put *put, struct ph_store_object *written);
int ph_store_file_head(struct ph_store *store, const char *key, struct ph_store_object *object);
int ph_store_file_sign(
    struct ph_store *store, const struct ph_store_link *link, char url[PH_STORE_URL_BYTES]);
/* Whether an address's query was signed for this key. 0, or as ph_sigv4_verify(). */
int ph_store_file_verify(const struct ph_store_file *store, const char *key,
    const struct ph_sigv4_pair *query, size_t count) PH_NODISCARD;
int ph_store_file_begin(struct ph_store *store, const char *key, const char *content_type,
    struct ph_composition **composition, char token[PH_COMPOSITION_TOKEN_BYTES]);
int ph_store_file_resume(
    struct ph_store *store, const char *key, const char *token, struct ph_composition **composition);
int ph_store_file_apply_rules(
    struct ph_store *store, const struct ph_store_rules *rules, struct ph_error *error);
int ph_store_file_sweep(struct ph_store *store);
/* What the janitor takes for now, UTC; under `sweeping`. It follows the clock, but no faster than a day for
 * each hour that the process runs, and is kept in the folder: a clock that is far ahead, from the start or
 * suddenly, does not make everything old at once. */
int64_t ph_store_file_date_ms(struct ph_store_file *store);

#endif
