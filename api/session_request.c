#include "api/session_request.h"

static void take_metadata(struct ph_body *body, struct ph_session_wish *wish) {
    static const struct ph_text_rule rule = {.most = PH_MOST_METADATA_CHARACTERS};
    if (!ph_body_enter(body, "metadata"))
        return;
    ph_body_text(body, "platform", rule, wish->platform, sizeof(wish->platform));
    ph_body_text(body, "version", rule, wish->version, sizeof(wish->version));
    ph_body_text(body, "device", rule, wish->device, sizeof(wish->device));
    ph_body_leave(body);
}

int ph_session_request_parse(
    struct ph_slice bytes, struct ph_session_wish *wish, struct ph_body_fault *fault) {
    static const char *const visibilities[PH_VISIBILITIES] = {"private", "unlisted", "public"};
    struct ph_body body;
    int visibility = PH_VISIBILITY_PRIVATE;
    *wish = (struct ph_session_wish){.record = true};
    ph_body_open(&body, bytes);
    ph_body_text(&body, "title", (struct ph_text_rule){.most = PH_MOST_TITLE_CHARACTERS}, wish->title,
        sizeof(wish->title));
    ph_body_choice(&body, "visibility", visibilities, PH_VISIBILITIES, &visibility);
    ph_body_bool(&body, "record", &wish->record);
    ph_body_bool(&body, "encryption", &wish->encryption);
    take_metadata(&body, wish);
    wish->visibility = (enum ph_visibility)visibility;
    return ph_body_close(&body, fault);
}
