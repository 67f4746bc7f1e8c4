/* The words of a mail in its templates. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/embedded.h"
#include "api/mail/letter.h"
#include "api/mail/template.h"

/* The sentences that a mail fills from its catalogue, in the order of `struct filled`. */
enum { SUBJECT, HEADING, LEAD, BUTTON, NOTE, WHY, SENTENCES };

struct filled {
    char *texts[SENTENCES]; /* owned */
    char *duration;         /* owned; NULL when not said */
};

/* "session.started" has its words under "started.", "recording.ready" under "recording.". */
static const char *section_of(const char *event) {
    if (strcmp(event, "session.started") == 0)
        return "started";
    if (strcmp(event, "session.ended") == 0)
        return "ended";
    return strcmp(event, "recording.ready") == 0 ? "recording" : NULL;
}

static int fill(const struct ph_words *words, const char *language, const char *section, const char *name,
    const struct ph_template_value *values, char **text) {
    char key[48];
    snprintf(key, sizeof(key), "%s.%s", section, name);
    return ph_sentence_fill(ph_words_find(words, language, key), values, text);
}

static int fill_all(const struct ph_words *words, const struct ph_letter_words *what, const char *section,
    struct filled *filled) {
    static const char *const names[] = {"subject", "heading", "lead", "button"};
    int code = 0;
    if (what->duration_ms >= 0)
        code = ph_words_duration(words, what->language, what->duration_ms, &filled->duration);
    const char *name = *what->name ? what->name : ph_words_find(words, what->language, "somebody");
    const struct ph_template_value values[] = {{"name", name}, {"duration", filled->duration}, {NULL, NULL}};
    for (int i = 0; code == 0 && i < NOTE; i++)
        code = fill(words, what->language, section, names[i], values, &filled->texts[i]);
    if (code == 0 && what->is_recorded && strcmp(section, "ended") == 0)
        code = fill(words, what->language, section, "recorded", values, &filled->texts[NOTE]);
    if (code == 0)
        code = fill(words, what->language, "footer", "why", values, &filled->texts[WHY]);
    return code;
}

static int render(enum ph_template_kind kind, const char *template_text,
    const struct ph_template_value *values, char **text) {
    struct ph_builder builder = {0};
    int code = ph_template_render(&builder, kind, template_text, values);
    if (code < 0) {
        ph_builder_discard(&builder);
        return code;
    }
    *text = ph_builder_finish_string(&builder);
    return *text ? 0 : -ENOMEM;
}

static int render_both(const struct ph_words *words, const struct ph_letter_words *what,
    const struct filled *filled, struct ph_letter_text *letter) {
    const char *language = what->language;
    bool is_live = strcmp(what->event, "session.started") == 0;
    bool is_said = strcmp(what->event, "session.ended") == 0; /* the lead says how long it was */
    const char *duration = is_said ? NULL : filled->duration;
    const struct ph_template_value values[] = {{"language", language}, {"subject", filled->texts[SUBJECT]},
        {"heading", filled->texts[HEADING]}, {"lead", filled->texts[LEAD]}, {"note", filled->texts[NOTE]},
        {"live", is_live ? ph_words_find(words, language, "label.live") : NULL},
        {"facts", *what->title || duration ? "yes" : NULL}, {"title", what->title},
        {"title_label", ph_words_find(words, language, "label.title")}, {"duration", duration},
        {"duration_label", ph_words_find(words, language, "label.duration")},
        {"button", filled->texts[BUTTON]}, {"action", what->action}, {"picture", what->picture},
        {"why", filled->texts[WHY]},
        {"unsubscribe_label", ph_words_find(words, language, "footer.unsubscribe")},
        {"unsubscribe", what->unsubscribe}, {NULL, NULL}};
    int code = render(PH_TEMPLATE_TEXT, ph_mail_text_template, values, &letter->text);
    return code < 0 ? code : render(PH_TEMPLATE_HTML, ph_mail_html_template, values, &letter->html);
}

int ph_letter_compose(
    const struct ph_words *words, const struct ph_letter_words *what, struct ph_letter_text *letter) {
    struct filled filled = {0};
    const char *section = section_of(what->event);
    *letter = (struct ph_letter_text){0};
    if (!section)
        return -EINVAL;
    int code = fill_all(words, what, section, &filled);
    if (code == 0)
        code = render_both(words, what, &filled, letter);
    if (code == 0) {
        letter->subject = filled.texts[SUBJECT];
        filled.texts[SUBJECT] = NULL;
    } else {
        ph_letter_text_finish(letter);
    }
    for (int i = 0; i < SENTENCES; i++)
        free(filled.texts[i]);
    free(filled.duration);
    return code;
}

void ph_letter_text_finish(struct ph_letter_text *letter) {
    free(letter->subject);
    free(letter->text);
    free(letter->html);
    *letter = (struct ph_letter_text){0};
}
