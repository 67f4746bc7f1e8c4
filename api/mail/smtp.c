#include "api/mail/smtp.h"

#include <curl/curl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/base/builder.h"
#include "core/base/clock.h"
#include "core/http/client.h"

static const int64_t default_connect_us = 20 * PH_SECOND_US;
static const int64_t default_command_us = 30 * PH_SECOND_US;
static const int64_t default_content_us = 600 * PH_SECOND_US;

struct ph_smtp {
    struct ph_smtp_options options;
    CURL *easy; /* NULL: not connected */
    atomic_bool is_cancelled;
    int wake_fd;
    char heard[PH_SMTP_REPLY_BYTES]; /* of a reply that is not complete */
    size_t heard_size;
};

int ph_smtp_create(struct ph_smtp **result, const struct ph_smtp_options *options) {
    int code = ph_http_client_init();
    if (code < 0)
        return code;
    struct ph_smtp *smtp = calloc(1, sizeof(*smtp));
    if (!smtp)
        return -ENOMEM;
    smtp->options = *options;
    if (!smtp->options.connect_us)
        smtp->options.connect_us = default_connect_us;
    if (!smtp->options.command_us)
        smtp->options.command_us = default_command_us;
    if (!smtp->options.content_us)
        smtp->options.content_us = default_content_us;
    smtp->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (smtp->wake_fd < 0) {
        code = -errno;
        free(smtp);
        return code;
    }
    *result = smtp;
    return 0;
}

static void hang_up(struct ph_smtp *smtp) {
    curl_easy_cleanup(smtp->easy);
    smtp->easy = NULL;
}

void ph_smtp_cancel(struct ph_smtp *smtp) {
    uint64_t one = 1;
    atomic_store(&smtp->is_cancelled, true);
    ssize_t ignored = write(smtp->wake_fd, &one, sizeof(one));
    (void)ignored;
}

static int keep_going(void *opaque, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
    struct ph_smtp *smtp = opaque;
    (void)a, (void)b, (void)c, (void)d;
    return atomic_load(&smtp->is_cancelled);
}

/* Whether the URL's host is this machine: what goes there no network sees. */
static bool is_loopback(const char *url) {
    CURLU *parts = curl_url();
    char *host = NULL;
    bool is_local =
        parts && curl_url_set(parts, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == 0 &&
        curl_url_get(parts, CURLUPART_HOST, &host, 0) == 0 &&
        (strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 || strcmp(host, "[::1]") == 0);
    curl_free(host);
    curl_url_cleanup(parts);
    return is_local;
}

static void set_options(struct ph_smtp *smtp) {
    CURL *easy = smtp->easy;
    bool may_be_plain = smtp->options.may_be_plain || is_loopback(smtp->options.url);
    curl_easy_setopt(easy, CURLOPT_URL, smtp->options.url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_USE_SSL, may_be_plain ? (long)CURLUSESSL_TRY : (long)CURLUSESSL_ALL);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)(smtp->options.connect_us / PH_MILLISECOND_US));
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, keep_going);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, smtp);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    if (smtp->options.authorities && *smtp->options.authorities)
        curl_easy_setopt(easy, CURLOPT_CAINFO, smtp->options.authorities);
}

/* The sentence for a connection that did not come about; libcurl's own texts hold no address or password. */
static void explain(CURLcode result, long reply, struct ph_smtp_outcome *outcome) {
    const char *what = result == CURLE_LOGIN_DENIED     ? "the relay refuses our name and password"
                       : result == CURLE_USE_SSL_FAILED ? "the relay offers no TLS"
                       : result == CURLE_PEER_FAILED_VERIFICATION
                           ? "the relay's certificate is not to be trusted"
                           : curl_easy_strerror(result);
    if (reply > 0)
        snprintf(outcome->reply, sizeof(outcome->reply), "%s (%ld)", what, reply);
    else
        snprintf(outcome->reply, sizeof(outcome->reply), "%s", what);
}

static bool connect_relay(struct ph_smtp *smtp, struct ph_smtp_outcome *outcome) {
    long reply = 0;
    outcome->end = PH_SMTP_UNREACHABLE;
    smtp->heard_size = 0;
    smtp->easy = curl_easy_init();
    if (!smtp->easy) {
        snprintf(outcome->reply, sizeof(outcome->reply), "out of memory");
        return false;
    }
    set_options(smtp);
    CURLcode result = curl_easy_perform(smtp->easy);
    if (result == CURLE_OK)
        return true;
    curl_easy_getinfo(smtp->easy, CURLINFO_RESPONSE_CODE, &reply);
    explain(result, reply, outcome);
    if (atomic_load(&smtp->is_cancelled))
        outcome->end = PH_SMTP_STOPPED;
    hang_up(smtp);
    return false;
}

/* Waits until the socket is ready. 0, -ETIMEDOUT, -ECANCELED, -EIO. */
static int await_socket(struct ph_smtp *smtp, short events, int64_t deadline_us) {
    curl_socket_t fd;
    if (curl_easy_getinfo(smtp->easy, CURLINFO_ACTIVESOCKET, &fd) || fd == CURL_SOCKET_BAD)
        return -EIO;
    for (;;) {
        struct pollfd fds[] = {{.fd = fd, .events = events}, {.fd = smtp->wake_fd, .events = POLLIN}};
        int64_t left_us = deadline_us - ph_now_us();
        if (atomic_load(&smtp->is_cancelled))
            return -ECANCELED;
        if (left_us <= 0)
            return -ETIMEDOUT;
        int ready = poll(fds, 2, (int)(left_us / PH_MILLISECOND_US) + 1);
        if (ready < 0 && errno != EINTR)
            return -EIO;
        if (ready > 0 && fds[0].revents)
            return 0;
    }
}

static int say(struct ph_smtp *smtp, const char *bytes, size_t size, int64_t deadline_us) {
    while (size > 0) {
        size_t sent = 0;
        CURLcode result = curl_easy_send(smtp->easy, bytes, size, &sent);
        bytes += sent;
        size -= sent;
        if (result == CURLE_AGAIN) {
            int code = await_socket(smtp, POLLOUT, deadline_us);
            if (code < 0)
                return code;
        } else if (result != CURLE_OK) {
            return -ECONNRESET;
        }
    }
    return 0;
}

/* Takes the first line of what was heard, when it is whole. 1: it is the reply's last; 0: another; -EAGAIN.
 */
static int take_line(struct ph_smtp *smtp, char reply[PH_SMTP_REPLY_BYTES]) {
    char *end = memchr(smtp->heard, '\n', smtp->heard_size);
    if (!end)
        return smtp->heard_size == sizeof(smtp->heard) ? -EPROTO : -EAGAIN;
    size_t size = (size_t)(end - smtp->heard), shown = 0;
    for (size_t i = 0; i < size; i++) {
        if (smtp->heard[i] >= 0x20 && smtp->heard[i] < 0x7f)
            reply[shown++] = smtp->heard[i];
    }
    reply[shown] = '\0';
    smtp->heard_size -= size + 1;
    memmove(smtp->heard, end + 1, smtp->heard_size);
    bool has_code = strspn(reply, "0123456789") == 3;
    return !has_code ? -EPROTO : reply[3] != '-';
}

/* The last line of the next reply. */
static int hear(struct ph_smtp *smtp, char reply[PH_SMTP_REPLY_BYTES], int64_t deadline_us) {
    for (;;) {
        int code = take_line(smtp, reply);
        if (code == 1)
            return 0;
        if (code == 0)
            continue;
        if (code != -EAGAIN)
            return code;
        size_t size = 0;
        CURLcode result = curl_easy_recv(
            smtp->easy, smtp->heard + smtp->heard_size, sizeof(smtp->heard) - smtp->heard_size, &size);
        if (result == CURLE_AGAIN)
            code = await_socket(smtp, POLLIN, deadline_us);
        else
            code = result == CURLE_OK && size > 0 ? 0 : -ECONNRESET;
        if (code < 0)
            return code;
        smtp->heard_size += size;
    }
}

static int64_t soon(int64_t duration_us) {
    return ph_now_us() + duration_us;
}

/* Says a command and hears what the relay thinks of it. True: go on. */
static bool command(
    struct ph_smtp *smtp, enum ph_smtp_stage stage, const char *text, struct ph_smtp_outcome *outcome) {
    int64_t deadline_us = soon(smtp->options.command_us);
    outcome->stage = stage;
    int code = say(smtp, text, strlen(text), deadline_us);
    if (code == 0)
        code = hear(smtp, outcome->reply, deadline_us);
    outcome->end = code == 0 ? PH_SMTP_REPLIED : code == -ECANCELED ? PH_SMTP_STOPPED : PH_SMTP_BROKEN;
    return code == 0 && ph_smtp_judge(stage, outcome->reply) == PH_SMTP_GO_ON;
}

/* The message with its dots stuffed (RFC 5321 section 4.5.2), ending with a line end. */
static bool stuff(struct ph_slice message, struct ph_builder *builder) {
    const char *next = (const char *)message.data, *end = next + message.size;
    while (next < end) {
        const char *line_end = memchr(next, '\n', (size_t)(end - next));
        const char *stop = line_end ? line_end + 1 : end;
        if (*next == '.')
            ph_builder_text(builder, ".");
        ph_builder_append(builder, next, (size_t)(stop - next));
        next = stop;
    }
    if (message.size < 2 || end[-1] != '\n')
        ph_builder_text(builder, "\r\n");
    return ph_builder_ok(builder);
}

/* All but the final dot first, so that it is a system call of its own. */
static void hand_over(struct ph_smtp *smtp, struct ph_slice message, const struct ph_smtp_hooks *hooks,
    struct ph_smtp_outcome *outcome) {
    struct ph_builder builder = {0};
    outcome->stage = PH_SMTP_CONTENT;
    int code = stuff(message, &builder)
                   ? say(smtp, (const char *)builder.data, builder.size, soon(smtp->options.command_us))
                   : -ENOMEM;
    ph_builder_discard(&builder);
    if (code == 0 && atomic_load(&smtp->is_cancelled))
        code = -ECANCELED;
    if (code == 0) {
        outcome->was_given = true;
        hooks->give(hooks->opaque);
        code = say(smtp, ".\r\n", 3, soon(smtp->options.command_us));
    }
    if (code == 0)
        code = hear(smtp, outcome->reply, soon(smtp->options.content_us));
    outcome->end = code == 0 ? PH_SMTP_REPLIED : code == -ECANCELED ? PH_SMTP_STOPPED : PH_SMTP_BROKEN;
}

static void transact(struct ph_smtp *smtp, const char *from, const char *to, struct ph_slice message,
    const struct ph_smtp_hooks *hooks, struct ph_smtp_outcome *outcome) {
    char text[400];
    snprintf(text, sizeof(text), "MAIL FROM:<%s>\r\n", from);
    if (!command(smtp, PH_SMTP_MAIL, text, outcome))
        return;
    snprintf(text, sizeof(text), "RCPT TO:<%s>\r\n", to);
    if (!command(smtp, PH_SMTP_RCPT, text, outcome))
        return;
    if (hooks->begin(hooks->opaque) < 0) {
        outcome->end = PH_SMTP_STOPPED;
        return;
    }
    if (command(smtp, PH_SMTP_DATA, "DATA\r\n", outcome))
        hand_over(smtp, message, hooks, outcome);
}

/* Whether the kept connection still stands; one that idled too long says 421 or nothing. */
static bool is_fresh(struct ph_smtp *smtp) {
    struct ph_smtp_outcome ignored = {0};
    return command(smtp, PH_SMTP_MAIL, "RSET\r\n", &ignored);
}

void ph_smtp_send(struct ph_smtp *smtp, const char *from, const char *to, struct ph_slice message,
    const struct ph_smtp_hooks *hooks, struct ph_smtp_outcome *outcome) {
    *outcome = (struct ph_smtp_outcome){.end = PH_SMTP_STOPPED};
    if (atomic_load(&smtp->is_cancelled))
        return;
    if (smtp->easy && !is_fresh(smtp))
        hang_up(smtp);
    if (!smtp->easy && !connect_relay(smtp, outcome))
        return;
    transact(smtp, from, to, message, hooks, outcome);
    /* After a refusal the next RSET makes the connection clean; after anything else it is not to be trusted.
     */
    if (outcome->end != PH_SMTP_REPLIED || strncmp(outcome->reply, "421", 3) == 0)
        hang_up(smtp);
}

void ph_smtp_destroy(struct ph_smtp *smtp) {
    size_t sent;
    if (!smtp)
        return;
    if (smtp->easy && !atomic_load(&smtp->is_cancelled))
        (void)curl_easy_send(smtp->easy, "QUIT\r\n", 6, &sent);
    hang_up(smtp);
    close(smtp->wake_fd);
    free(smtp);
}
