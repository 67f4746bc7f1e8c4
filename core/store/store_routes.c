#include "core/store/store_routes.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/http/content_type.h"
#include "core/store/store_file.h"

/* What an address may be signed with; anything else in a query is not looked at. */
static const char *const signed_names[] = {
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
    "response-content-disposition",
    "response-content-type",
};
enum { most_pairs = sizeof(signed_names) / sizeof(signed_names[0]) };

static void answer(struct ph_http_request *request, struct ph_http_response *response) {
    if (response && (ph_http_response_add_header(response, "Cache-Control", "private") < 0 ||
                        ph_http_response_add_header(response, "X-Content-Type-Options", "nosniff") < 0))
        ph_http_response_unref(&response);
    ph_http_respond(request, response);
    ph_http_response_unref(&response);
}

static void refuse(struct ph_http_request *request, int code) {
    if (code == -ENOMEM)
        answer(request, NULL);
    else if (code == -ETIME)
        answer(
            request, ph_http_response_problem(403, "Forbidden", "The address has expired: ask for another."));
    else
        answer(request,
            ph_http_response_problem(403, "Forbidden", "The address is not signed as it has to be."));
}

/* 0, or why the request may not have the object; on success `type` and `disposition` are what its address
 * says, or NULL. */
static int verify(struct ph_store_file *store, struct ph_http_request *request, const char *key,
    const char **type, const char **disposition) {
    struct ph_sigv4_pair pairs[most_pairs];
    size_t count = 0;
    for (size_t i = 0; i < most_pairs; i++) {
        const char *value = ph_http_request_query(request, signed_names[i]);
        if (value)
            pairs[count++] = (struct ph_sigv4_pair){signed_names[i], value};
    }
    *type = ph_sigv4_pair_find(pairs, count, "response-content-type");
    *disposition = ph_sigv4_pair_find(pairs, count, "response-content-disposition");
    return ph_store_file_verify(store, key, pairs, count);
}

static struct ph_http_response *from_object(
    int fd, const struct stat *status, const char *type, const char *disposition) {
    struct ph_store_object object;
    char etag[PH_STORE_ETAG_BYTES + 2];
    ph_store_file_describe(status, &object);
    snprintf(etag, sizeof(etag), "\"%s\"", object.etag);
    struct ph_http_response *response = ph_http_response_from_file(200, type, fd, 0, object.bytes);
    if (!response)
        return NULL;
    ph_http_response_allow_range(response);
    if (ph_http_response_set_etag(response, etag) < 0 ||
        (disposition && ph_http_response_add_header(response, "Content-Disposition", disposition) < 0))
        ph_http_response_unref(&response);
    return response;
}

static void serve(struct ph_http_request *request, void *opaque) {
    struct ph_store_file *store = opaque;
    const char *key = ph_http_request_param(request, "path");
    const char *type, *disposition;
    struct stat status;
    int fd;
    int code = ph_store_key_is_valid(key) ? verify(store, request, key, &type, &disposition) : -EACCES;
    if (code < 0) {
        refuse(request, code);
        return;
    }
    code = ph_folder_open(&store->folder, key, &fd, &status);
    if (code == -ENOENT)
        answer(request, ph_http_response_problem(404, "Not Found", "There is no such object any more."));
    else if (code < 0)
        answer(request,
            ph_http_response_problem(503, "Service Unavailable", "The archive does not answer: try again."));
    else
        answer(request, from_object(fd, &status, type ? type : ph_content_type(key), disposition));
}

int ph_store_add_routes(struct ph_store *store, struct ph_http_server *server) {
    if (!ph_store_folder(store))
        return 0;
    return ph_http_server_add_route(server, &(struct ph_http_route){.method = "GET",
                                                .pattern = "/archive/{path...}",
                                                .kind = "archive",
                                                .handler = serve,
                                                .opaque = ph_store_file_of(store),
                                                .cors = true});
}
