#include "api/recordings/recording_clips.h"

#include <stdio.h>
#include <string.h>

#include "api/problem.h"
#include "api/recordings/recording_rows.h"
#include "core/base/random.h"

int ph_clip_request_parse(
    struct ph_slice bytes, int64_t most_ms, struct ph_clip_wish *wish, struct ph_body_fault *fault) {
    struct ph_body body;
    *wish = (struct ph_clip_wish){.from_ms = -1, .to_ms = -1};
    ph_body_open(&body, bytes);
    ph_body_require(&body, "fromMs");
    ph_body_integer(&body, "fromMs", 0, most_ms, &wish->from_ms);
    ph_body_require(&body, "toMs");
    ph_body_integer(&body, "toMs", 0, most_ms, &wish->to_ms);
    ph_body_text(&body, "title", (struct ph_text_rule){.most = PH_MOST_TITLE_CHARACTERS}, wish->title,
        sizeof(wish->title));
    if (wish->from_ms >= 0 && wish->to_ms >= 0 && wish->to_ms - wish->from_ms < PH_LEAST_CLIP_MS)
        ph_body_refuse(&body, "toMs", "must be at least a second after fromMs");
    else if (wish->from_ms >= 0 && wish->to_ms - wish->from_ms > PH_MOST_CLIP_MS)
        ph_body_refuse(&body, "toMs", "must be at most an hour after fromMs");
    return ph_body_close(&body, fault);
}

/* How much there is of it by now. */
static int64_t length_of(const struct ph_recording *source, int64_t now_ms) {
    if (source->state != PH_RECORDING_RECORDING)
        return source->duration_ms;
    return now_ms > source->created_ms ? now_ms - source->created_ms : 0;
}

static int64_t count_pending(struct ph_db_transaction *transaction, const char *owner) {
    return ph_db_number(transaction,
        PH_SQL("SELECT COUNT(*) FROM recordings WHERE owner = $1 AND kind = 'clip' AND state = 'processing'",
            ph_sql_text(owner)));
}

static int add(struct ph_db *db, const struct ph_recording *clip) {
    struct ph_db_transaction *transaction;
    int code = ph_db_begin(db, PH_DB_WRITE, &transaction);
    if (code < 0)
        return code;
    int64_t answer = count_pending(transaction, clip->owner);
    if (answer >= PH_MOST_PENDING_CLIPS)
        answer = -EDQUOT;
    if (answer >= 0)
        answer = ph_recordings_add(transaction, clip);
    return ph_db_settle(transaction, answer);
}

static struct ph_http_response *refuse_source(const struct ph_recording *source) {
    char restore[64];
    if (source->state == PH_RECORDING_FAILED || source->state >= PH_RECORDING_DELETING)
        return ph_problem(409, NULL, "of this recording no clip can be made");
    snprintf(restore, sizeof(restore), "/api/recordings/%s/restore", source->id);
    if (ph_recording_is_cold(source))
        return ph_problem_linking(409,
            "this recording lies in the deep archive; ask for it by a POST to `restore`", "restore", restore);
    return NULL;
}

struct ph_http_response *ph_recording_clip(struct ph_db *db, const struct ph_api_call *call,
    const struct ph_recording *source, int64_t now_ms, struct ph_recording *made) {
    struct ph_clip_wish wish;
    struct ph_body_fault fault;
    struct ph_http_response *no = refuse_source(source);
    if (no)
        return no;
    int code = ph_clip_request_parse(ph_api_call_body(call), length_of(source, now_ms), &wish, &fault);
    if (code == -EINVAL)
        return ph_problem(400, fault.field, fault.text);
    if (code < 0)
        return ph_problem_of_code(code);
    *made = (struct ph_recording){.kind = PH_RECORDING_CLIP,
        .state = PH_RECORDING_PROCESSING,
        .from_ms = wish.from_ms,
        .to_ms = wish.to_ms,
        .duration_ms = wish.to_ms - wish.from_ms,
        .created_ms = now_ms};
    ph_random_id(made->id, PH_SESSION_ID_CHARACTERS);
    memcpy(made->session, source->session, sizeof(made->session));
    memcpy(made->source, source->id, sizeof(made->source));
    memcpy(made->owner, source->owner, sizeof(made->owner));
    memcpy(made->title, *wish.title ? wish.title : source->title, sizeof(made->title));
    code = add(db, made);
    if (code == -EDQUOT)
        return ph_problem(409, NULL, "as many clips as may wait are waiting to be made; try again later");
    return code < 0 ? ph_problem_of_code(code) : NULL;
}
