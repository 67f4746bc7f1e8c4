#include "core/base/builder.h"
#include "core/store/s3_call.h"

char *ph_s3_address_path(const struct ph_store_s3 *s3, const char *key) {
    struct ph_builder path = {0};
    ph_builder_text(&path, "/");
    if (s3->place.is_path_style)
        ph_builder_format(&path, "%s%s", s3->place.bucket, key ? "/" : "");
    if (key)
        ph_builder_format(&path, "%s%s", s3->place.prefix, key);
    return ph_builder_finish_string(&path);
}

void ph_s3_address_append(const struct ph_store_s3 *s3, struct ph_builder *url, const char *path) {
    ph_builder_format(url, "%s://%s", s3->place.is_secure ? "https" : "http", s3->place.host);
    ph_sigv4_encode_path(url, path);
}
