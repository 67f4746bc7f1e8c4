#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/store/s3_call.h"

enum { most_batch = 1000 }; /* of DeleteObjects, and of a page */

/* Every page begins after the one before it: a server that goes round in circles ends at this many. */
static const unsigned most_pages = 100000;

/* The page that the token of the one before leads to, or, of the first, what comes after `after`. */
static int get_page(struct ph_store_s3 *s3, const char *prefix, const char *after, const char *token,
    struct ph_s3_page *page) {
    struct ph_s3_call call = {.operation = "list", .method = "GET", .root = "ListBucketResult"};
    ph_s3_call_add_query(&call, "list-type", "2");
    ph_s3_call_add_query(&call, "encoding-type", "url");
    ph_s3_call_add_query(&call, "max-keys", "1000");
    ph_s3_call_add_query(&call, "prefix", prefix);
    if (*token)
        ph_s3_call_add_query(&call, "continuation-token", token);
    else if (*after)
        ph_s3_call_add_query(&call, "start-after", after);
    int code = ph_s3_call(s3, &call);
    if (!code)
        code = ph_s3_xml_page((struct ph_slice){call.answer.data, call.answer.size}, page);
    ph_s3_call_finish(&call);
    return code == PH_INVALID_DATA ? -EAGAIN : code;
}

static char *full_key(const struct ph_store_s3 *s3, const char *key, const char *end) {
    struct ph_builder builder = {0};
    if (*key)
        ph_builder_format(&builder, "%s%s%s", s3->place.prefix, key, end);
    return ph_builder_finish_string(&builder);
}

static int list_after(
    struct ph_store_s3 *s3, const char *prefix, const char *after, struct ph_s3_page *page) {
    char token[PH_S3_TEXT_BYTES] = "";
    char *full = full_key(s3, prefix, "/"), *full_after = full_key(s3, after, "");
    int code = full && full_after ? 0 : -ENOMEM;
    for (unsigned pages = 0; !code && pages < most_pages; pages++) {
        code = get_page(s3, full, full_after, token, page);
        if (code || !page->is_truncated)
            break;
        memcpy(token, page->next, sizeof(token));
    }
    free(full);
    free(full_after);
    return code;
}

struct listing {
    const struct ph_store_s3 *s3;
    ph_store_visitor *visit;
    void *opaque;
    char last[PH_STORE_KEY_BYTES]; /* told last; at first what is wanted comes after it */
};

/* What others put there is passed over, and so is what is told twice. */
static int tell(void *opaque, const char *key, const struct ph_store_object *object) {
    struct listing *listing = opaque;
    const char *prefix = listing->s3->place.prefix;
    size_t prefix_size = strlen(prefix);
    if (strncmp(key, prefix, prefix_size) != 0 || !ph_store_key_is_valid(key + prefix_size) ||
        strcmp(key + prefix_size, listing->last) <= 0)
        return 0;
    snprintf(listing->last, sizeof(listing->last), "%s", key + prefix_size);
    return listing->visit(listing->opaque, listing->last, object);
}

int ph_store_s3_list(
    struct ph_store *store, const char *prefix, const char *after, ph_store_visitor *visit, void *opaque) {
    struct listing listing = {.s3 = ph_store_s3_of(store), .visit = visit, .opaque = opaque};
    struct ph_s3_page page = {.visit = tell, .opaque = &listing};
    snprintf(listing.last, sizeof(listing.last), "%s", after);
    return list_after(ph_store_s3_of(store), prefix, after, &page);
}

int ph_store_s3_remove(struct ph_store *store, const char *key) {
    struct ph_s3_call call = {.operation = "remove", .method = "DELETE", .key = key};
    int code = ph_s3_call(ph_store_s3_of(store), &call);
    ph_s3_call_finish(&call);
    return code == -ENOENT ? 0 : code;
}

struct removal {
    struct ph_store_s3 *s3;
    struct ph_builder body; /* a request that is being written */
    size_t count;
};

static int remove_batch(struct removal *removal) {
    char code_text[PH_S3_CODE_BYTES];
    size_t failures = 0;
    struct ph_s3_digest digest;
    if (!removal->count)
        return 0;
    ph_builder_text(&removal->body, "</Delete>");
    struct ph_s3_call call = {.operation = "remove_all",
        .method = "POST",
        .body = {removal->body.data, removal->body.size},
        .digest = &digest,
        .has_md5 = true,
        .root = "DeleteResult"};
    ph_s3_call_add_query(&call, "delete", "");
    int code = ph_builder_ok(&removal->body) ? ph_s3_digest_bytes(call.body, &digest) : -ENOMEM;
    if (!code)
        code = ph_s3_call(removal->s3, &call);
    if (!code)
        code = ph_s3_xml_removed((struct ph_slice){call.answer.data, call.answer.size}, &failures, code_text);
    if (code == PH_INVALID_DATA)
        code = -EAGAIN;
    if (!code && failures)
        code = strcmp(code_text, "AccessDenied") == 0 ? -EACCES : -EAGAIN;
    ph_s3_call_finish(&call);
    ph_builder_clear(&removal->body);
    removal->count = 0;
    return code;
}

/* Of a page, so that what goes was told before: 1000 at most. */
static int gather(void *opaque, const char *key, const struct ph_store_object *object) {
    struct removal *removal = opaque;
    (void)object;
    for (const char *next = key; *next; next++) {
        if ((uint8_t)*next < ' ')
            return 0; /* XML cannot name it, and it is none of ours */
    }
    if (!removal->count)
        ph_builder_text(
            &removal->body, "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>");
    ph_builder_text(&removal->body, "<Object><Key>");
    ph_s3_xml_escape(&removal->body, key);
    ph_builder_text(&removal->body, "</Key></Object>");
    return ++removal->count == most_batch ? remove_batch(removal) : 0;
}

int ph_store_s3_remove_all(struct ph_store *store, const char *prefix) {
    struct removal removal = {.s3 = ph_store_s3_of(store)};
    struct ph_s3_page page = {.visit = gather, .opaque = &removal};
    int code = list_after(removal.s3, prefix, "", &page);
    if (!code)
        code = remove_batch(&removal);
    ph_builder_discard(&removal.body);
    return code;
}
