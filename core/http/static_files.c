#include "core/http/static_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

#define HASH_NONFATAL_OOM 1 /* an item that was not added has no table */
#include <uthash.h>

#include "core/http/content_type.h"

enum { path_bytes = 512, most_depth = 8, most_total_bytes = 64 * 1024 * 1024 };

/* The origins that may show a page in a frame come after it. */
static const char page_policy[] =
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self' data:; media-src 'self' blob:; worker-src 'self' blob:; connect-src 'self'; object-src "
    "'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'self'";
enum { policy_bytes = 5120 };

static void write_policy(char policy[policy_bytes], const char *frame_origins) {
    size_t size = (size_t)snprintf(policy, policy_bytes, "%s", page_policy);
    for (const char *next = frame_origins; *next;) {
        next += strspn(next, ", ");
        size_t entry = strcspn(next, ", ");
        if (entry > 0 && size + entry + 2 < policy_bytes)
            size += (size_t)snprintf(policy + size, policy_bytes - size, " %.*s", (int)entry, next);
        next += entry;
    }
}

struct file {
    UT_hash_handle hh;
    char *path; /* relative to the folder, "assets/index-4fK2.js" */
    struct ph_bytes *bytes;
    struct ph_http_response *response; /* NULL for a compressed twin */
};

struct page {
    struct page *next;
    struct ph_http_static *files;
    const struct file *file; /* NULL: not in the folder */
};

struct ph_http_static {
    struct file *by_path;
    struct page *pages;
    struct ph_http_response *missing_page; /* 503 */
    struct ph_http_response *missing_file; /* 404 */
    size_t total_bytes;
    char policy[policy_bytes];
};

static void file_destroy(struct file *file) {
    ph_http_response_unref(&file->response);
    ph_bytes_unref(&file->bytes);
    free(file->path);
    free(file);
}

void ph_http_static_destroy(struct ph_http_static *files) {
    if (!files)
        return;
    struct file *file, *next_file;
    HASH_ITER(hh, files->by_path, file, next_file) {
        HASH_DEL(files->by_path, file);
        file_destroy(file);
    }
    struct page *page, *next_page;
    LL_FOREACH_SAFE(files->pages, page, next_page) {
        free(page);
    }
    ph_http_response_unref(&files->missing_page);
    ph_http_response_unref(&files->missing_file);
    free(files);
}

static const struct file *find(const struct ph_http_static *files, const char *path) {
    struct file *file = NULL;
    HASH_FIND_STR(files->by_path, path, file);
    return file;
}

static int read_whole(int fd, struct ph_bytes *bytes) {
    size_t done = 0;
    while (done < ph_bytes_size(bytes)) {
        ssize_t got = read(fd, ph_bytes_writable(bytes) + done, ph_bytes_size(bytes) - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? -errno : -EIO;
        done += (size_t)got;
    }
    return 0;
}

/* Takes over the file's descriptor. */
static int load_file(struct ph_http_static *files, int fd, size_t size, const char *path) {
    struct file *file = calloc(1, sizeof(*file));
    int code = -ENOMEM;
    if (!file)
        goto out;
    file->path = strdup(path);
    file->bytes = ph_bytes_create(size);
    if (file->path && file->bytes)
        code = read_whole(fd, file->bytes);
    if (code) {
        file_destroy(file);
        goto out;
    }
    HASH_ADD_KEYPTR(hh, files->by_path, file->path, strlen(file->path), file);
    if (!file->hh.tbl) {
        file_destroy(file);
        code = -ENOMEM;
        goto out;
    }
    files->total_bytes += size;
out:
    close(fd);
    return code;
}

static int load_folder(struct ph_http_static *files, int fd, const char *prefix, int depth);

static int load_entry(
    struct ph_http_static *files, int folder, const char *name, const char *prefix, int depth) {
    char path[path_bytes];
    struct stat status;
    int size = snprintf(path, sizeof(path), "%s%s", prefix, name);
    if (size < 0 || (size_t)size + 2 > sizeof(path))
        return -ENAMETOOLONG;
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return errno == ELOOP ? 0 : -errno;
    if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode) && depth < most_depth) {
        strcat(path, "/");
        return load_folder(files, fd, path, depth + 1);
    }
    if (!S_ISREG(status.st_mode)) {
        close(fd);
        return 0;
    }
    if ((uint64_t)status.st_size > most_total_bytes - files->total_bytes) {
        close(fd);
        return -EMSGSIZE;
    }
    return load_file(files, fd, (size_t)status.st_size, path);
}

/* Takes over the folder's descriptor. */
static int load_folder(struct ph_http_static *files, int fd, const char *prefix, int depth) {
    int code = 0;
    DIR *folder = fdopendir(fd);
    if (!folder) {
        close(fd);
        return -ENOMEM;
    }
    for (struct dirent *entry; !code && (entry = readdir(folder));) {
        if (entry->d_name[0] != '.' && !strpbrk(entry->d_name, "{}\\"))
            code = load_entry(files, dirfd(folder), entry->d_name, prefix, depth);
    }
    closedir(folder);
    return code;
}

/* FNV-1a: tells versions of a file apart; it protects nothing. */
static uint64_t fingerprint(struct ph_slice slice) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < slice.size; i++)
        hash = (hash ^ slice.data[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static int add_page_headers(struct ph_http_response *response, const char *policy) {
    const char *const headers[][2] = {
        {"Content-Security-Policy", policy},
        {"Permissions-Policy", "camera=(self), microphone=(self), display-capture=(self), geolocation=()"},
        {"Referrer-Policy", "no-referrer"},
        {"Cross-Origin-Opener-Policy", "same-origin"},
    };
    int code = 0;
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]) && !code; i++)
        code = ph_http_response_add_header(response, headers[i][0], headers[i][1]);
    return code;
}

static int make_response(struct ph_http_static *files, struct file *file) {
    char twin[path_bytes + 4], etag[32];
    const char *type = ph_content_type(file->path);
    file->response = ph_http_response_from_bytes(200, type, file->bytes);
    if (!file->response)
        return -ENOMEM;
    snprintf(etag, sizeof(etag), "\"%016" PRIx64 "\"", fingerprint(ph_bytes_slice(file->bytes)));
    snprintf(twin, sizeof(twin), "%s.gz", file->path);
    const struct file *compressed = find(files, twin);
    bool is_page = strncmp(type, "text/html", 9) == 0;
    const char *caching = is_page                          ? "no-cache"
                          : ph_is_hashed_asset(file->path) ? "public, max-age=31536000, immutable"
                                                           : "public, max-age=3600";
    int code = ph_http_response_set_etag(file->response, etag);
    if (!code)
        code = ph_http_response_add_header(file->response, "Cache-Control", caching);
    if (!code)
        code = ph_http_response_add_header(file->response, "X-Content-Type-Options", "nosniff");
    if (!code && is_page)
        code = add_page_headers(file->response, files->policy);
    if (!code && compressed)
        code = ph_http_response_set_gzip(file->response, compressed->bytes);
    ph_http_response_allow_range(file->response);
    return code;
}

static int make_responses(struct ph_http_static *files) {
    int code = 0;
    struct file *file, *next;
    HASH_ITER(hh, files->by_path, file, next) {
        size_t size = strlen(file->path);
        bool is_twin = size > 3 && strcmp(file->path + size - 3, ".gz") == 0;
        if (!is_twin && !code)
            code = make_response(files, file);
    }
    return code;
}

int ph_http_static_load(
    struct ph_http_static **out, const char *dir, const char *frame_origins, struct ph_error *error) {
    *out = NULL;
    struct ph_http_static *files = calloc(1, sizeof(*files));
    if (!files)
        return ph_error_set(error, -ENOMEM, "out of memory for the web pages");
    write_policy(files->policy, frame_origins);
    files->missing_page = ph_http_response_from_text(503, "text/plain; charset=utf-8",
        "Porthole's web pages are not built. Run scripts/setup, then start Porthole again.\n");
    files->missing_file = ph_http_response_problem(404, "Not Found", "There is no such file.");
    int code = files->missing_page && files->missing_file ? 0 : -ENOMEM;
    int fd = code ? -1 : open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && !code && errno != ENOENT && errno != ENOTDIR)
        code = -errno;
    if (fd >= 0)
        code = load_folder(files, fd, "", 0);
    if (!code)
        code = make_responses(files);
    if (code) {
        char name[128];
        ph_http_static_destroy(files);
        return ph_error_set(error, code,
            "cannot load the web pages of %s (%s): check the folder, or set PORTHOLE_WEB_DIR", dir,
            ph_error_name(code, name, sizeof(name)));
    }
    *out = files;
    return 0;
}

static void send_file(struct ph_http_request *request, void *opaque) {
    const struct ph_http_static *files = opaque;
    const struct file *file = find(files, ph_http_request_path(request) + 1);
    ph_http_respond(request, file && file->response ? file->response : files->missing_file);
}

static void send_page(struct ph_http_request *request, void *opaque) {
    const struct page *page = opaque;
    ph_http_respond(request, page->file ? page->file->response : page->files->missing_page);
}

/* One route for each file at the top, and one for each folder there. */
static int add_file_routes(struct ph_http_static *files, struct ph_http_server *server) {
    char pattern[path_bytes + 16];
    struct file *file, *next;
    HASH_ITER(hh, files->by_path, file, next) {
        size_t top = strcspn(file->path, "/");
        if (!file->response)
            continue;
        snprintf(
            pattern, sizeof(pattern), "/%.*s%s", (int)top, file->path, file->path[top] ? "/{path...}" : "");
        struct ph_http_route route = {
            .method = "GET", .pattern = pattern, .kind = "page", .handler = send_file, .opaque = files};
        int code = ph_http_server_add_route(server, &route);
        if (code && code != -EEXIST)
            return code;
    }
    return 0;
}

int ph_http_static_add(
    struct ph_http_static *files, struct ph_http_server *server, const struct ph_http_page *pages) {
    int code = add_file_routes(files, server);
    for (const struct ph_http_page *wanted = pages; wanted && wanted->pattern && !code; wanted++) {
        struct page *page = calloc(1, sizeof(*page));
        if (!page)
            return -ENOMEM;
        page->files = files;
        page->file = find(files, wanted->file ? wanted->file : "index.html");
        LL_PREPEND(files->pages, page);
        struct ph_http_route route = {.method = "GET",
            .pattern = wanted->pattern,
            .kind = "page",
            .handler = send_page,
            .opaque = page};
        code = ph_http_server_add_route(server, &route);
    }
    return code;
}
