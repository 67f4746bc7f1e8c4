/* What endpoints for credentials answer: an object with the keys and when they expire. */
#include <jansson.h>
#include <string.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/store/aws_keys.h"

/* 2026-05-24T00:00:00Z, with a fraction perhaps, which is cut off. -1: it is none. */
static int64_t parse_expiration(const char *text) {
    struct tm parts = {0};
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);
    if (!end || parts.tm_year < 70 || parts.tm_year > 8000)
        return -1;
    if (*end == '.')
        end += 1 + strspn(end + 1, "0123456789");
    if (strcmp(end, "Z") != 0 && strcmp(end, "+00:00") != 0)
        return -1;
    return (int64_t)timegm(&parts) * PH_SECOND_US;
}

int ph_aws_keys_parse_answer(struct ph_aws_keys **keys, struct ph_slice answer) {
    const char *access_key, *secret_key, *token = "", *expiration = NULL, *outcome = "Success";
    *keys = NULL;
    json_t *object = json_loadb((const char *)answer.data, answer.size, 0, NULL);
    int code = PH_INVALID_DATA;
    if (json_unpack(object, "{s:s, s:s, s?s, s?s, s?s}", "AccessKeyId", &access_key, "SecretAccessKey",
            &secret_key, "Token", &token, "Expiration", &expiration, "Code", &outcome) < 0 ||
        strcmp(outcome, "Success") != 0)
        goto out;
    int64_t expires_us = expiration ? parse_expiration(expiration) : INT64_MAX;
    if (expires_us >= 0)
        code = ph_aws_keys_create(keys, access_key, secret_key, token, expires_us);
out:
    json_decref(object);
    return code;
}
