/* The two places that give keys over HTTP: a container's endpoint and an instance's metadata service. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/builder.h"
#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/store/aws_source.h"

enum {
    most_answer = 16 * 1024,
    most_token_file = 16 * 1024,
    most_role = 128,
    most_line = 2048,
};
static const int64_t connect_time_us = PH_SECOND_US;
static const int64_t answer_time_us = 3 * PH_SECOND_US;

/* Without TLS keys are fetched only where nobody is in between: this machine, and the addresses that ECS and
 * EKS give their endpoints. */
static bool is_near(void *opaque, const struct sockaddr *address) {
    static const char *const near[] = {"169.254.170.2", "169.254.170.23", "fd00:ec2::23", "::1"};
    char text[INET6_ADDRSTRLEN] = "";
    (void)opaque;
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
        if (ntohl(v4->sin_addr.s_addr) >> 24 == 127)
            return true;
        inet_ntop(AF_INET, &v4->sin_addr, text, sizeof(text));
    } else if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;
        inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof(text));
    }
    for (size_t i = 0; i < sizeof(near) / sizeof(near[0]); i++) {
        if (strcmp(text, near[i]) == 0)
            return true;
    }
    return false;
}

static bool is_line(const char *text) {
    for (; *text; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return false;
    }
    return true;
}

/* The answer's bytes in `exchange`, to be finished by ph_http_exchange_finish(). */
static int ask(struct ph_aws_source *source, struct ph_http_exchange *exchange, const char *what,
    struct ph_error *error) {
    char name[64];
    exchange->connect_timeout_us = connect_time_us;
    exchange->timeout_us = answer_time_us;
    exchange->most_answer_bytes = most_answer;
    int code = ph_http_client_perform(source->client, exchange);
    if (code == -EPERM)
        return ph_error_set(error, code,
            "%s is neither on this machine nor one of ECS's and EKS's addresses: without TLS no credentials "
            "are "
            "fetched from there",
            what);
    if (code)
        return ph_error_set(
            error, code, "%s does not answer: %s", what, ph_error_name(code, name, sizeof(name)));
    if (exchange->status != 200)
        return ph_error_set(error, exchange->status >= 500 ? -EAGAIN : -EACCES,
            "%s answers %u instead of credentials", what, exchange->status);
    return 0;
}

static int read_keys(const struct ph_http_exchange *exchange, struct ph_aws_keys **keys, const char *what,
    struct ph_error *error) {
    int code = ph_aws_keys_parse_answer(keys, ph_bytes_slice(exchange->answer));
    return code ? ph_error_set(error, code, "%s gives no credentials that can be read", what) : 0;
}

static void wipe(struct ph_http_exchange *exchange) {
    if (exchange->answer)
        OPENSSL_cleanse(ph_bytes_writable(exchange->answer), ph_bytes_size(exchange->answer));
    ph_http_exchange_finish(exchange);
}

static void free_line(char *line) {
    if (line)
        OPENSSL_cleanse(line, strlen(line));
    free(line);
}

/* "Authorization: …", malloc'ed; NULL when the endpoint wants none. */
static int authorization(const struct ph_aws_source *source, char **line, struct ph_error *error) {
    struct ph_builder built = {0};
    struct ph_bytes *text = NULL;
    *line = NULL;
    if (!source->token && !source->token_file)
        return 0;
    int code = source->token_file ? ph_file_load(source->token_file, most_token_file, &text) : 0;
    if (code)
        return ph_error_set(error, code,
            "the file that AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE names cannot be read: %s",
            source->token_file);
    ph_builder_text(&built, "Authorization: ");
    if (text)
        ph_builder_append(&built, ph_bytes_data(text), ph_bytes_size(text));
    else
        ph_builder_text(&built, source->token);
    ph_bytes_unref(&text);
    char *made = ph_builder_finish_string(&built);
    if (!made)
        return -ENOMEM;
    made[strcspn(made, "\r\n")] = '\0';
    if (!is_line(made)) {
        free_line(made);
        return ph_error_set(
            error, -EINVAL, "the token for the container's credentials has control characters");
    }
    *line = made;
    return 0;
}

int ph_aws_fetch_from_container(
    struct ph_aws_source *source, struct ph_aws_keys **keys, struct ph_error *error) {
    static const char what[] = "the container's endpoint for credentials";
    const char *headers[3] = {"Accept: application/json"};
    char *line;
    *keys = NULL;
    int code = authorization(source, &line, error);
    if (code)
        return code;
    headers[1] = line;
    struct ph_http_exchange exchange = {.method = "GET", .url = source->url, .headers = headers};
    if (strncmp(source->url, "https://", 8) != 0)
        exchange.may_connect = is_near;
    code = ask(source, &exchange, what, error);
    if (!code)
        code = read_keys(&exchange, keys, what, error);
    wipe(&exchange);
    free_line(line);
    return code;
}

/* A line of an answer, behind `before`; -EBADMSG: it is no line, or too long. */
static int take_line(
    const struct ph_http_exchange *exchange, const char *before, size_t most, char line[most_line]) {
    struct ph_slice text = ph_bytes_slice(exchange->answer);
    size_t size = 0;
    while (size < text.size && text.data[size] != '\n' && text.data[size] != '\r')
        size++;
    if (!size || size > most || memchr(text.data, '\0', size))
        return -EBADMSG;
    snprintf(line, most_line, "%s%.*s", before, (int)size, (const char *)text.data);
    return is_line(line) ? 0 : -EBADMSG;
}

static const char instance_name[] = "the instance's metadata service";

static int ask_instance(struct ph_aws_source *source, struct ph_http_exchange *exchange, const char *path,
    struct ph_error *error) {
    char url[1024];
    if ((size_t)snprintf(url, sizeof(url), "%s%s", source->url, path) >= sizeof(url))
        return ph_error_set(error, -EINVAL, "AWS_EC2_METADATA_SERVICE_ENDPOINT is too long");
    exchange->url = url;
    int code = ask(source, exchange, instance_name, error);
    exchange->url = NULL;
    return code;
}

/* A token by PUT, with which alone the rest is asked for. */
static int take_token(struct ph_aws_source *source, char line[most_line], struct ph_error *error) {
    const char *const ttl[] = {"X-aws-ec2-metadata-token-ttl-seconds: 21600", NULL};
    struct ph_http_exchange exchange = {.method = "PUT", .headers = ttl};
    int code = ask_instance(source, &exchange, "/latest/api/token", error);
    if (code && !exchange.status) /* most likely this is no such instance */
        ph_error_set(error, code,
            "%s does not answer: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a credentials "
            "file; on EC2 "
            "give the instance a role, and containers on it a hop limit of 2",
            instance_name);
    if (!code && take_line(&exchange, "X-aws-ec2-metadata-token: ", most_line - 64, line) < 0)
        code = ph_error_set(error, -EBADMSG, "%s gives no token", instance_name);
    wipe(&exchange);
    return code;
}

/* The path of the role's keys. */
static int take_role(
    struct ph_aws_source *source, const char *const *headers, char path[most_line], struct ph_error *error) {
    static const char folder[] = "/latest/meta-data/iam/security-credentials/";
    static const char of_names[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+=,.@_-";
    struct ph_http_exchange exchange = {.method = "GET", .headers = headers};
    int code = ask_instance(source, &exchange, folder, error);
    if (exchange.status == 404)
        ph_error_set(error, code, "the instance has no role: give it one that may use the archive's bucket");
    const char *name = path + sizeof(folder) - 1;
    if (!code && (take_line(&exchange, folder, most_role, path) < 0 || name[strspn(name, of_names)]))
        code = ph_error_set(error, -EBADMSG, "%s names no role", instance_name);
    wipe(&exchange);
    return code;
}

int ph_aws_fetch_from_instance(
    struct ph_aws_source *source, struct ph_aws_keys **keys, struct ph_error *error) {
    char token[most_line], path[most_line];
    const char *const headers[] = {token, NULL};
    *keys = NULL;
    int code = take_token(source, token, error);
    if (!code)
        code = take_role(source, headers, path, error);
    if (!code) {
        struct ph_http_exchange exchange = {.method = "GET", .headers = headers};
        code = ask_instance(source, &exchange, path, error);
        if (!code)
            code = read_keys(&exchange, keys, instance_name, error);
        wipe(&exchange);
    }
    OPENSSL_cleanse(token, sizeof(token));
    return code;
}
