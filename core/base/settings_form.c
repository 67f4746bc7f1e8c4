/* The forms of settings' values: pure checks of text. */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/settings_keys.h"

enum { MOST_PATH_BYTES = 512, MOST_TEXT_BYTES = 4096, MOST_SOCKET_PATH_BYTES = 107, MOST_ORIGINS = 4 };

/* Printable and without spaces: what may stand in a URL. */
static bool is_graphic(const char *text) {
    for (const char *next = text; *next; next++) {
        if (!isgraph((unsigned char)*next) && !((unsigned char)*next & 0x80))
            return false;
    }
    return strlen(text) <= MOST_TEXT_BYTES;
}

static bool is_port(const char *text, long lowest) {
    size_t digits = strspn(text, "0123456789");
    if (digits < 1 || digits > 5 || text[digits])
        return false;
    long port = strtol(text, NULL, 10);
    return port >= lowest && port <= 65535;
}

static bool is_host_name(const char *host) {
    size_t size = strlen(host);
    return size >= 1 && size <= 253 &&
           strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") == size;
}

static bool is_address(const char *host) {
    struct in6_addr binary;
    return inet_pton(AF_INET, host, &binary) == 1 || inet_pton(AF_INET6, host, &binary) == 1;
}

/* Splits "host:port", "[v6]:port" or a host alone into `host` (without brackets) and the port's text, ""
 * without. */
static bool split_authority(const char *text, char host[256], const char **port) {
    const char *start = text, *end;
    if (*text == '[') {
        struct in6_addr binary;
        start = text + 1;
        end = strchr(start, ']');
        if (!end || end - start >= 64)
            return false;
        memcpy(host, start, (size_t)(end - start));
        host[end - start] = '\0';
        if (inet_pton(AF_INET6, host, &binary) != 1)
            return false;
        end++;
    } else {
        end = start + strcspn(start, ":");
        if (end - start >= 256)
            return false;
        memcpy(host, start, (size_t)(end - start));
        host[end - start] = '\0';
        if (!is_host_name(host))
            return false;
    }
    if (*end && (*end != ':' || !end[1]))
        return false;
    *port = *end ? end + 1 : "";
    return true;
}

/* `text` is <scheme><authority>[/…][?…]; user and password may stand before the host. */
static bool is_url(const char *text, const char *scheme) {
    size_t scheme_bytes = strlen(scheme);
    if (strncmp(text, scheme, scheme_bytes) != 0 || !is_graphic(text))
        return false;
    const char *start = text + scheme_bytes;
    size_t size = strcspn(start, "/?#");
    char authority[512], host[256];
    if (size >= sizeof(authority))
        return false;
    memcpy(authority, start, size);
    authority[size] = '\0';
    const char *at = strrchr(authority, '@'), *port;
    return split_authority(at ? at + 1 : authority, host, &port) && (!*port || is_port(port, 1));
}

static bool is_plain_http_url(const char *text) {
    return (is_url(text, "http://") || is_url(text, "https://")) && !strpbrk(text, "?#@");
}

/* Every item of a comma-separated list, spaces around it left away, satisfies `check`. */
static bool is_list_of(const char *text, bool (*check)(const char *item), size_t most) {
    char item[1024];
    size_t count = 0;
    for (const char *next = text;; next++) {
        next += strspn(next, " ");
        size_t size = strcspn(next, ",");
        const char *end = next + size;
        while (size > 0 && next[size - 1] == ' ')
            size--;
        if (size == 0 || size >= sizeof(item) || ++count > most)
            return false;
        memcpy(item, next, size);
        item[size] = '\0';
        if (!check(item))
            return false;
        if (!*end)
            return true;
        next = end;
    }
}

bool ph_form_is_any(const char *text) {
    return strlen(text) <= MOST_TEXT_BYTES;
}

bool ph_form_is_path(const char *text) {
    return strlen(text) <= MOST_PATH_BYTES;
}

bool ph_form_is_listen(const char *text) {
    char host[256];
    const char *port;
    return split_authority(text, host, &port) && is_address(host) && is_port(port, 0);
}

bool ph_form_is_addresses(const char *text) {
    return is_list_of(text, is_address, 16);
}

/* An address, or one with the length of its network's prefix. */
static bool is_network(const char *text) {
    char address[INET6_ADDRSTRLEN];
    size_t size = strcspn(text, "/");
    size_t digits = text[size] ? strspn(text + size + 1, "0123456789") : 0;
    if (size >= sizeof(address) || (text[size] && (digits < 1 || digits > 3 || text[size + 1 + digits])))
        return false;
    memcpy(address, text, size);
    address[size] = '\0';
    long most = strchr(address, ':') ? 128 : 32;
    return is_address(address) && (!text[size] || strtol(text + size + 1, NULL, 10) <= most);
}

bool ph_form_is_networks(const char *text) {
    return is_list_of(text, is_network, 16);
}

/* <class>=<count>/<seconds> */
static bool is_rate_limit(const char *text) {
    static const char *const classes[] = {"calls", "anonymous", "failures", "starts", "tokens", "chat"};
    size_t size = strcspn(text, "=");
    bool is_class = false;
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
        is_class |= strlen(classes[i]) == size && strncmp(text, classes[i], size) == 0;
    if (!is_class || !text[size])
        return false;
    const char *count = text + size + 1;
    size_t digits = strspn(count, "0123456789");
    if (digits < 1 || digits > 6 || count[digits] != '/')
        return false;
    const char *seconds = count + digits + 1;
    digits = strspn(seconds, "0123456789");
    return digits >= 1 && digits <= 5 && !seconds[digits] && strtol(seconds, NULL, 10) > 0;
}

bool ph_form_is_rate_limits(const char *text) {
    return strcmp(text, "off") == 0 || (!strchr(text, ' ') && is_list_of(text, is_rate_limit, 6));
}

/* As a browser writes it: scheme, host and port in lower case, nothing after (RFC 6454, section 6.2). */
static bool is_web_origin(const char *text) {
    const char *host = strncmp(text, "https://", 8) == 0 ? text + 8 : text + 7;
    return (host == text + 8 || strncmp(text, "http://", 7) == 0) && *host && strlen(text) <= 255 &&
           strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789.-:[]") == strlen(host);
}

bool ph_form_is_web_origins(const char *text) {
    return is_list_of(text, is_web_origin, 16);
}

/* RFC 7064, RFC 7065. */
static bool is_ice_server(const char *text) {
    static const char *const schemes[] = {"turn:", "turns:", "stun:"};
    for (size_t i = 0; i < 3; i++) {
        size_t size = strlen(schemes[i]);
        if (strncmp(text, schemes[i], size) == 0)
            return text[size] && strlen(text) <= 255 && is_graphic(text) && !strpbrk(text, "\"<>;");
    }
    return false;
}

bool ph_form_is_ice_servers(const char *text) {
    return is_list_of(text, is_ice_server, 8);
}

bool ph_form_is_public_url(const char *text) {
    return is_plain_http_url(text);
}

bool ph_form_is_database(const char *text) {
    if (strncmp(text, "sqlite:", 7) == 0)
        return text[7] && text[7] != '?' && strlen(text) <= MOST_TEXT_BYTES;
    static const char scheme[] = "postgresql://";
    return strncmp(text, scheme, strlen(scheme)) == 0 && text[strlen(scheme)] && is_graphic(text);
}

bool ph_form_is_archive(const char *text) {
    if (strncmp(text, "file:", 5) == 0)
        return text[5] && strlen(text) <= MOST_TEXT_BYTES;
    if (strncmp(text, "s3://", 5) != 0 || !is_graphic(text))
        return false;
    size_t bucket = strspn(text + 5, "abcdefghijklmnopqrstuvwxyz0123456789.-");
    return bucket >= 3 && bucket <= 63 && strchr("/?", text[5 + bucket]) != NULL;
}

/* Classes whose objects can be read at once; the colder ones are for the rules. */
bool ph_form_is_storage_class(const char *text) {
    static const char *const classes[] = {
        "STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR", "REDUCED_REDUNDANCY"};
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        if (strcmp(text, classes[i]) == 0)
            return true;
    }
    return false;
}

bool ph_form_is_encryption(const char *text) {
    static const char with_key[] = "aws:kms:";
    if (strcmp(text, "AES256") == 0 || strcmp(text, "aws:kms") == 0)
        return true;
    const char *key = text + strlen(with_key);
    return strncmp(text, with_key, strlen(with_key)) == 0 && *key && strlen(key) <= 512 && is_graphic(key);
}

bool ph_form_is_smtp(const char *text) {
    return is_url(text, "smtp://") || is_url(text, "smtps://");
}

bool ph_form_is_smtp_tls(const char *text) {
    return strcmp(text, "required") == 0 || strcmp(text, "optional") == 0;
}

/* What a mail's header takes; whether it is an address, the mails' writer decides. */
bool ph_form_is_mail_from(const char *text) {
    const char *at = strchr(text, '@');
    for (const char *next = text; *next; next++) {
        if ((unsigned char)*next < 0x20 || *next == 0x7f)
            return false;
    }
    return at && at > text && at[1] && strlen(text) <= 320;
}

bool ph_form_is_yes_or_no(const char *text) {
    return strcmp(text, "yes") == 0 || strcmp(text, "no") == 0;
}

/* A key, a host and a project's number. */
bool ph_form_is_dsn(const char *text) {
    const char *start = strstr(text, "://"), *at = strchr(text, '@'), *slash = strrchr(text, '/');
    return (is_url(text, "http://") || is_url(text, "https://")) && at && at > start + 3 && slash > at + 1 &&
           slash[1] && strspn(slash + 1, "0123456789") == strlen(slash + 1);
}

bool ph_form_is_secret(const char *text) {
    size_t size = strlen(text);
    return size >= 32 && size <= 512 && is_graphic(text);
}

static bool is_rendition(const char *text) {
    size_t height = strspn(text, "0123456789");
    if (height < 2 || height > 4 || text[height] != 'p')
        return false;
    text += height + 1;
    size_t rate = strspn(text, "0123456789");
    if (rate > 3 || text[rate] != '@')
        return false;
    text += rate + 1;
    size_t bitrate = strspn(text, "0123456789");
    return bitrate >= 1 && bitrate <= 6 && strcmp(text + bitrate, "k") == 0;
}

bool ph_form_is_ladder(const char *text) {
    return strlen(text) < 256 && is_list_of(text, is_rendition, 8);
}

static bool is_one_of(const char *text, const char *const *names) {
    for (; *names; names++) {
        if (strcmp(text, *names) == 0)
            return true;
    }
    return false;
}

bool ph_form_is_preset(const char *text) {
    static const char *const names[] = {"auto", "ultrafast", "superfast", "veryfast", "faster", "fast",
        "medium", "slow", "slower", "veryslow", "placebo", NULL};
    return is_one_of(text, names);
}

bool ph_form_is_encoder(const char *text) {
    size_t size = strlen(text);
    return size <= 32 && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_") == size;
}

static bool is_socket_path(const char *text) {
    return strncmp(text, "unix:", 5) == 0 && text[5] && strlen(text + 5) <= MOST_SOCKET_PATH_BYTES;
}

bool ph_form_is_worker_listen(const char *text) {
    return is_socket_path(text) || (strncmp(text, "tcp:", 4) == 0 && ph_form_is_listen(text + 4));
}

static bool is_worker(const char *text) {
    char host[256];
    const char *port;
    if (is_socket_path(text))
        return true;
    return strncmp(text, "tcp:", 4) == 0 && split_authority(text + 4, host, &port) && is_port(port, 1);
}

bool ph_form_is_workers(const char *text) {
    return is_list_of(text, is_worker, 256);
}

bool ph_form_is_origins(const char *text) {
    return is_list_of(text, is_plain_http_url, MOST_ORIGINS);
}

bool ph_form_is_log_level(const char *text) {
    enum ph_log_level level;
    return ph_log_level_parse(text, &level) == 0;
}

bool ph_form_is_node_name(const char *text) {
    size_t size = strlen(text);
    return size <= 63 &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == size;
}

/* A token of RFC 9110, section 5.6.2. */
bool ph_form_is_header(const char *text) {
    size_t size = strlen(text);
    return size <= 64 &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == size;
}
