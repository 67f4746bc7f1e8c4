#include "core/store/s3_call.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/hex.h"
#include "core/base/log.h"
#include "core/base/random.h"

enum {
    most_tries = 8,
    slowest_bytes_a_second = 256 * 1024, /* what a transfer's time is reckoned by */
    most_lines = PH_S3_MOST_HEADERS + 10,
};
static const int64_t least_time_us = 20 * PH_SECOND_US;
static const int64_t slow_time_us = 300 * PH_SECOND_US;
static const int64_t keys_time_us = 5 * PH_SECOND_US; /* what waiting for keys may take */
static const int64_t most_skew_us = 60 * PH_SECOND_US;
static const int64_t first_pause_us = 100 * PH_MILLISECOND_US;
static const int64_t most_pause_us = 5 * PH_SECOND_US;

/* A try: its signed headers, as pairs and as lines. */
struct try {
    const struct ph_aws_keys *keys;
    struct ph_sigv4_pair pairs[PH_S3_MOST_HEADERS + 6];
    size_t pair_count;
    char *lines[most_lines + 1]; /* owned; NULL after the last */
    size_t line_count;
    char date[PH_SIGV4_DATE_BYTES];
    char hash[PH_SIGV4_HEX_BYTES];
    char md5[32];
    int64_t signed_us;
    char *path;
    char *url;
};

void ph_s3_call_add_query(struct ph_s3_call *call, const char *name, const char *value) {
    assert(call->query_count < PH_S3_MOST_QUERY);
    call->query[call->query_count++] = (struct ph_sigv4_pair){name, value};
}

void ph_s3_call_add_header(struct ph_s3_call *call, const char *name, const char *value) {
    assert(call->header_count < PH_S3_MOST_HEADERS);
    call->headers[call->header_count++] = (struct ph_sigv4_pair){name, value};
}

void ph_s3_call_finish(struct ph_s3_call *call) {
    ph_builder_discard(&call->answer);
}

static void finish_try(struct try *try) {
    for (size_t i = 0; i < try->line_count; i++)
        free(try->lines[i]);
    free(try->path);
    free(try->url);
}

/* Headers beside these may be changed on the way without harm. */
static bool is_signed(const char *name) {
    return strncmp(name, "x-amz-", 6) == 0 || strncmp(name, "content-", 8) == 0 || strcmp(name, "host") == 0;
}

static int add_line(struct try *try, const char *name, const char *value) {
    struct ph_builder line = {0};
    assert(try->line_count < most_lines);
    ph_builder_format(&line, "%s: %s", name, value);
    try->lines[try->line_count] = ph_builder_finish_string(&line);
    if (!try->lines[try->line_count])
        return -ENOMEM;
    try->line_count++;
    return 0;
}

static int add(struct try *try, const char *name, const char *value) {
    if (is_signed(name))
        try->pairs[try->pair_count++] = (struct ph_sigv4_pair){name, value};
    return add_line(try, name, value);
}

static int add_own_headers(struct ph_store_s3 *s3, const struct ph_s3_call *call, struct try *try) {
    static const char nothing[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    try->signed_us = ph_store_s3_utc_us(s3);
    ph_sigv4_date(try->signed_us, try->date);
    memcpy(try->hash, nothing, sizeof(nothing));
    if (call->digest)
        ph_hex_write(call->digest->sha256, sizeof(call->digest->sha256), try->hash);
    int code = add(try, "host", s3->place.host);
    if (!code)
        code = add(try, "x-amz-date", try->date);
    if (!code)
        code = add(try, "x-amz-content-sha256", try->hash);
    if (!code && *try->keys->session_token)
        code = add(try, "x-amz-security-token", try->keys->session_token);
    if (!code && call->has_md5) {
        EVP_EncodeBlock((unsigned char *)try->md5, call->digest->md5, sizeof(call->digest->md5));
        code = add(try, "content-md5", try->md5);
    }
    return code;
}

/* From the sink's end on; what came before is of the object with that tag. */
static int add_range(const struct ph_s3_call *call, struct try *try) {
    char value[PH_STORE_ETAG_BYTES + 16];
    uint64_t begin = call->offset + call->sink->size;
    if (call->size == UINT64_MAX)
        snprintf(value, sizeof(value), "bytes=%llu-", (unsigned long long)begin);
    else
        snprintf(value, sizeof(value), "bytes=%llu-%llu", (unsigned long long)begin,
            (unsigned long long)(call->offset + call->size - 1));
    int code = add(try, "range", value);
    if (!code && call->sink->size && *call->sink_etag) {
        snprintf(value, sizeof(value), "\"%s\"", call->sink_etag);
        code = add(try, "if-match", value);
    }
    return code;
}

static bool is_ranged(const struct ph_s3_call *call) {
    return call->sink && (call->offset || call->size != UINT64_MAX || call->sink->size);
}

static int sign(struct ph_store_s3 *s3, const struct ph_s3_call *call, struct try *try) {
    struct ph_sigv4_request request = {
        call->method, try->path, call->query, call->query_count, try->pairs, try->pair_count, try->hash};
    struct ph_sigv4_credentials credentials = ph_store_s3_signer(s3, try->keys);
    struct ph_builder authorization = {0};
    int code = ph_sigv4_sign(&credentials, &request, try->date, &authorization);
    char *value = code ? NULL : ph_builder_finish_string(&authorization);
    if (!code)
        code = value ? add_line(try, "authorization", value) : -ENOMEM;
    ph_builder_discard(&authorization);
    free(value);
    return code;
}

static int prepare(struct ph_store_s3 *s3, const struct ph_s3_call *call, struct try *try) {
    struct ph_builder url = {0};
    int code = add_own_headers(s3, call, try);
    for (size_t i = 0; !code && i < call->header_count; i++)
        code = add(try, call->headers[i].name, call->headers[i].value);
    if (!code && is_ranged(call))
        code = add_range(call, try);
    try->path = ph_s3_address_path(s3, call->key);
    if (!code)
        code = try->path ? sign(s3, call, try) : -ENOMEM;
    if (!code) {
        ph_s3_address_append(s3, &url, try->path);
        if (call->query_count)
            ph_builder_text(&url, "?");
        code = ph_sigv4_encode_query(&url, call->query, call->query_count);
    }
    try->url = ph_builder_finish_string(&url);
    return code ? code : try->url ? 0 : -ENOMEM;
}

static int64_t time_of(const struct ph_s3_call *call) {
    if (call->is_slow)
        return slow_time_us;
    uint64_t bytes = call->has_file ? call->file_bytes : call->body.size;
    if (call->sink)
        bytes = call->size == UINT64_MAX ? call->sink->most_bytes : call->size;
    return least_time_us + (int64_t)(bytes / slowest_bytes_a_second) * PH_SECOND_US;
}

/* 0: an answer came, which `call` has. */
static int perform_once(struct ph_store_s3 *s3, struct ph_s3_call *call, const struct ph_aws_keys *keys,
    int64_t deadline_us, int64_t *signed_us) {
    struct try try = {.keys = keys};
    int64_t time_us = time_of(call), left_us = deadline_us - ph_now_us();
    int code = prepare(s3, call, &try);
    if (!code) {
        struct ph_s3_exchange exchange = {.method = call->method,
            .url = try.url,
            .headers = (const char *const *)try.lines,
            .body = call->body,
            .has_file = call->has_file,
            .file = call->file,
            .file_bytes = call->file_bytes,
            .is_slow = call->is_slow,
            .timeout_us = left_us > 0 && left_us < time_us ? left_us : time_us,
            .sink = call->sink,
            .is_ranged = is_ranged(call),
            .range_begin = call->sink ? call->offset + call->sink->size : 0};
        code = ph_s3_engine_perform(s3->engine, &exchange);
        ph_builder_discard(&call->answer);
        call->answer = exchange.answer;
        call->status = exchange.status;
        call->answered = exchange.answered;
        if (call->sink && call->sink->size && !*call->sink_etag)
            memcpy(call->sink_etag, exchange.answered.etag, sizeof(call->sink_etag));
    }
    *signed_us = try.signed_us;
    finish_try(&try);
    return code;
}

/* The code of an answer, or that there is none. */
static int read_code(struct ph_s3_call *call) {
    bool is_late = call->status / 100 == 2;
    call->code[0] = '\0';
    if (is_late ? !call->root : !call->answer.size)
        return 0;
    int code = ph_s3_xml_error(
        (struct ph_slice){call->answer.data, call->answer.size}, is_late ? call->root : NULL, call->code);
    if (code == PH_INVALID_DATA)
        call->code[0] = '\0';
    return code == PH_INVALID_DATA && !is_late ? 0 : code; /* a proxy's page: the status has to do */
}

/* A proxy or a portal may answer in the bucket's stead, and welcome whoever asks. */
static bool is_the_buckets(const struct ph_s3_call *call) {
    if (call->status / 100 != 2 || *call->code || (call->tells_tag && !*call->answered.etag))
        return false;
    if (strcmp(call->method, "HEAD") == 0)
        return call->answered.has_length;
    return strcmp(call->method, "DELETE") != 0 || !call->answer.size;
}

static void learn_clock(struct ph_store_s3 *s3, const struct ph_s3_call *call) {
    int64_t offset_us = call->answered.date_us - ph_clock_utc_us(s3->base.clock);
    atomic_store(&s3->clock_offset_us, offset_us);
    ph_log_warning("store's clock differs from this machine's; requests are signed by the store's",
        ph_int("seconds", offset_us / PH_SECOND_US));
}

/* Servers take what is signed a quarter of an hour off. An address that is handed to others is to be nearer,
 * and so is what is known of when credentials expire. Answers to these methods come from no cache, and their
 * date is of their end. */
static void check_clock(struct ph_store_s3 *s3, const struct ph_s3_call *call) {
    bool is_fresh = strcmp(call->method, "GET") != 0 && strcmp(call->method, "HEAD") != 0 && !call->root;
    if (is_fresh && call->answered.date_us >= 0 &&
        llabs(call->answered.date_us - ph_store_s3_utc_us(s3)) > most_skew_us)
        learn_clock(s3, call);
}

static void explain_silence(struct ph_store_s3 *s3, int code) {
    char text[64];
    struct ph_error sentence;
    if (code == -ENOKEY)
        ph_error_set(
            &sentence, 0, "%s shows a certificate that is not to be trusted: set ca_file", s3->place.host);
    else
        ph_error_set(
            &sentence, 0, "%s does not answer: %s", s3->place.host, ph_error_name(code, text, sizeof(text)));
    ph_store_set_trouble(&s3->base, sentence.text);
}

static int64_t keys_deadline_us(int64_t deadline_us) {
    int64_t until_us = ph_now_us() + keys_time_us;
    return until_us < deadline_us ? until_us : deadline_us;
}

/* A try with these keys. The verdict says whether another may help. */
static struct ph_s3_verdict attempt_with(
    struct ph_store_s3 *s3, struct ph_s3_call *call, const struct ph_aws_keys *keys, int64_t deadline_us) {
    int64_t signed_us;
    int code = perform_once(s3, call, keys, deadline_us, &signed_us);
    if (code == -ECANCELED || code == -ENOMEM || code == -EMSGSIZE || code == -EBADMSG || code == -EINVAL)
        return (struct ph_s3_verdict){.code = code};
    if (code < 0) {
        explain_silence(s3, code);
        return (struct ph_s3_verdict){.code = -EAGAIN, .may_pass = code != -ENOKEY};
    }
    code = read_code(call);
    if (code < 0 && code != PH_INVALID_DATA)
        return (struct ph_s3_verdict){.code = code};
    if (!code && is_the_buckets(call)) {
        atomic_store_explicit(&s3->has_seen_bucket, true, memory_order_relaxed);
        ph_store_set_trouble(&s3->base, NULL);
        check_clock(s3, call);
        return (struct ph_s3_verdict){0};
    }
    struct ph_s3_verdict verdict = ph_s3_judge(call, signed_us);
    struct ph_error sentence;
    if (verdict.learned_clock)
        learn_clock(s3, call);
    else if (ph_s3_keys_may_be_old(call, keys))
        verdict.has_other_keys =
            ph_aws_credentials_renew(s3->credentials, keys, keys_deadline_us(deadline_us));
    if (!verdict.learned_clock && !verdict.has_other_keys)
        ph_store_set_trouble(&s3->base, ph_s3_explain(s3, call, verdict.code, &sentence));
    return verdict;
}

static struct ph_s3_verdict attempt(struct ph_store_s3 *s3, struct ph_s3_call *call, int64_t deadline_us) {
    struct ph_aws_keys *keys;
    struct ph_error why;
    int code = ph_aws_credentials_take(s3->credentials, keys_deadline_us(deadline_us), &keys);
    if (code == -EAGAIN) {
        ph_aws_credentials_explain(s3->credentials, &why);
        ph_store_set_trouble(&s3->base, why.text);
    }
    if (code)
        return (struct ph_s3_verdict){.code = code};
    struct ph_s3_verdict verdict = attempt_with(s3, call, keys, deadline_us);
    ph_aws_keys_unref(&keys);
    return verdict;
}

bool ph_s3_pause_until(struct ph_store_s3 *s3, int64_t until_us) {
    int code = 0;
    pthread_mutex_lock(&s3->pause_lock);
    while (code != -ETIMEDOUT && !ph_store_is_cancelled(&s3->base))
        code = ph_cond_wait_until(&s3->pause, &s3->pause_lock, until_us);
    pthread_mutex_unlock(&s3->pause_lock);
    return !ph_store_is_cancelled(&s3->base);
}

/* False: cancelled, or the time is over. */
static bool wait_before_next(
    struct ph_store_s3 *s3, unsigned failures, int64_t retry_after_us, int64_t deadline_us) {
    int64_t most_us = first_pause_us << (failures < 8 ? failures - 1 : 7);
    int64_t pause_us =
        (int64_t)((double)(most_us < most_pause_us ? most_us : most_pause_us) * ph_random_unit());
    if (retry_after_us > 0)
        pause_us += retry_after_us;
    int64_t until_us = ph_now_us() + pause_us;
    return until_us < deadline_us && ph_s3_pause_until(s3, until_us);
}

static void count(struct ph_store_s3 *s3, const char *operation, int code, unsigned retries) {
    if (!s3->base.metrics)
        return;
    const char *outcome = code == 0                              ? "done"
                          : code == -ENOENT                      ? "missing"
                          : code == -EEXIST || code == -EALREADY ? "there"
                          : code == -EACCES                      ? "refused"
                          : code == -ECANCELED                   ? "cancelled"
                                                                 : "failed";
    ph_metric_add(ph_metrics_counter(s3->base.metrics, "porthole_store_requests_total",
                      "Requests to the archive's bucket, by what they came to in the end.",
                      PH_LABELS({"operation", operation}, {"outcome", outcome})),
        1);
    ph_metric_add(
        ph_metrics_counter(s3->base.metrics, "porthole_store_retries_total",
            "Requests to the archive's bucket that were sent again.", PH_LABELS({"operation", operation})),
        retries);
}

int ph_s3_call(struct ph_store_s3 *s3, struct ph_s3_call *call) {
    int64_t deadline_us = ph_now_us() + 2 * time_of(call);
    unsigned failures = 0, retries = 0;
    bool has_learned_clock = false, has_changed_keys = false;
    struct ph_s3_verdict verdict;
    for (;;) {
        size_t before = call->sink ? call->sink->size : 0;
        verdict = attempt(s3, call, deadline_us);
        if (verdict.learned_clock && !has_learned_clock) {
            has_learned_clock = true;
            retries++;
            continue;
        }
        if (verdict.has_other_keys && !has_changed_keys) {
            has_changed_keys = true;
            retries++;
            continue;
        }
        if (!verdict.may_pass)
            break;
        failures = call->sink && call->sink->size > before ? 1 : failures + 1;
        if (failures == most_tries ||
            !wait_before_next(s3, failures, call->answered.retry_after_us, deadline_us))
            break;
        retries++;
    }
    if (verdict.code == -ENOSYS && !call->tells_unsupported)
        verdict.code = -EACCES;
    if (verdict.code && ph_store_is_cancelled(&s3->base))
        verdict.code = -ECANCELED;
    count(s3, call->operation, verdict.code, retries);
    return verdict.code;
}
