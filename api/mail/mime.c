#include "api/mail/mime.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { MOST_LINE = 76, MOST_ADDRESS_BYTES = 320, MOST_URL_BYTES = 900 };

static bool is_atom(const char *text, size_t size, const char *extra) {
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_letter && (c == '\0' || !strchr(extra, c)))
            return false;
    }
    return size > 0 && text[0] != '.' && text[size - 1] != '.';
}

bool ph_mail_is_address(const char *text) {
    const char *at = strchr(text, '@');
    size_t size = strlen(text);
    return at && size <= MOST_ADDRESS_BYTES && at - text <= 64 && !strstr(text, "..") &&
           is_atom(text, (size_t)(at - text), ".!#$%&'*+/=?^_`{|}~-") &&
           is_atom(at + 1, size - (size_t)(at + 1 - text), ".-") && at[1] != '-';
}

bool ph_mail_split_sender(
    const char *text, char *name, size_t name_bytes, char *address, size_t address_bytes) {
    const char *open = strrchr(text, '<');
    if (!open) {
        snprintf(name, name_bytes, "%s", "");
        snprintf(address, address_bytes, "%s", text);
        return ph_mail_is_address(address);
    }
    size_t size = strcspn(open + 1, ">"), name_size = (size_t)(open - text);
    while (name_size > 0 && text[name_size - 1] == ' ')
        name_size--;
    if (strcmp(open + 1 + size, ">") != 0 || size >= address_bytes || name_size >= name_bytes)
        return false;
    snprintf(name, name_bytes, "%.*s", (int)name_size, text);
    snprintf(address, address_bytes, "%.*s", (int)size, open + 1);
    return ph_mail_is_address(address);
}

/* The length of the UTF-8 character at `text`, 1 for a stray byte. */
static size_t character_size(const char *text) {
    unsigned char c = (unsigned char)*text;
    size_t size = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc2 ? 2 : 1;
    for (size_t i = 1; i < size; i++) {
        if (((unsigned char)text[i] & 0xc0) != 0x80)
            return 1;
    }
    return size;
}

static bool is_plain(const char *text) {
    size_t size = strlen(text);
    for (const char *next = text; *next; next++) {
        if ((unsigned char)*next < 0x20 || (unsigned char)*next >= 0x7f)
            return false;
    }
    return size <= 60 && !strstr(text, "=?");
}

/* One encoded word of up to 45 bytes of text, which is 60 of base64 (RFC 2047 section 2). */
static void put_encoded_word(struct ph_builder *builder, const char *text, size_t size) {
    char clean[48];
    unsigned char encoded[72];
    for (size_t i = 0; i < size; i++)
        clean[i] = (unsigned char)text[i] < 0x20 || text[i] == 0x7f ? ' ' : text[i];
    EVP_EncodeBlock(encoded, (const unsigned char *)clean, (int)size);
    ph_builder_format(builder, "=?UTF-8?B?%s?=", (const char *)encoded);
}

/* Text of a header, as it is or in encoded words, folded between them; no character is cut in two. */
static void put_header_text(struct ph_builder *builder, const char *text) {
    if (is_plain(text)) {
        ph_builder_text(builder, text);
        return;
    }
    for (bool is_first = true; *text; is_first = false) {
        size_t size = 0, next;
        while (text[size] && size + (next = character_size(text + size)) <= 45)
            size += next;
        if (!is_first)
            ph_builder_text(builder, "\r\n ");
        put_encoded_word(builder, text, size);
        text += size;
    }
}

/* A display name: a quoted string would need its own escapes, so what is more than words is encoded. */
static void put_name(struct ph_builder *builder, const char *name) {
    bool is_simple = is_plain(name) && !strpbrk(name, "()<>[]:;@\\,.\"");
    if (is_simple)
        ph_builder_text(builder, name);
    else
        put_encoded_word(builder, name, strlen(name) > 45 ? 45 : strlen(name));
}

static void put_date(struct ph_builder *builder, int64_t date_s) {
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)date_s;
    struct tm utc;
    gmtime_r(&seconds, &utc);
    ph_builder_format(builder, "Date: %s, %d %s %d %02d:%02d:%02d +0000\r\n", days[utc.tm_wday], utc.tm_mday,
        months[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

/* Quoted-printable (RFC 2045 section 6.7). A dot that begins a line is encoded too, for servers that stumble
 * over it. */
static void put_quoted_printable(struct ph_builder *builder, const char *text) {
    size_t column = 0;
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '\r')
            continue;
        if (c == '\n') {
            ph_builder_text(builder, "\r\n");
            column = 0;
            continue;
        }
        bool ends_line = text[1] == '\n' || text[1] == '\r' || text[1] == '\0';
        bool is_literal = c >= 0x21 && c <= 0x7e && c != '=' && !(c == '.' && column == 0);
        if ((c == ' ' || c == '\t') && !ends_line)
            is_literal = true;
        size_t size = is_literal ? 1 : 3;
        if (column + size > MOST_LINE - 1) {
            ph_builder_text(builder, "=\r\n");
            column = 0;
            if (c == '.') {
                is_literal = false;
                size = 3;
            }
        }
        if (is_literal)
            ph_builder_append(builder, text, 1);
        else
            ph_builder_format(builder, "=%02X", c);
        column += size;
    }
    if (column > 0)
        ph_builder_text(builder, "\r\n");
}

static void put_part(struct ph_builder *builder, const char *boundary, const char *type, const char *text) {
    ph_builder_format(builder,
        "--%s\r\nContent-Type: %s; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n",
        boundary, type);
    put_quoted_printable(builder, text);
}

static bool is_header_safe(const char *text) {
    for (; *text; text++) {
        if ((unsigned char)*text <= 0x20 || (unsigned char)*text >= 0x7f || strchr("<>\"", *text))
            return false;
    }
    return true;
}

static void put_headers(struct ph_builder *builder, const struct ph_mail *mail) {
    put_date(builder, mail->date_s);
    ph_builder_text(builder, "From: ");
    if (*mail->from_name) {
        put_name(builder, mail->from_name);
        ph_builder_text(builder, "\r\n ");
    }
    ph_builder_format(builder, "<%s>\r\nTo: <%s>\r\nSubject: ", mail->from_address, mail->to);
    put_header_text(builder, mail->subject);
    ph_builder_format(builder, "\r\nMessage-ID: <%s>\r\n", mail->id);
    if (is_header_safe(mail->language))
        ph_builder_format(builder, "Content-Language: %s\r\n", mail->language);
    /* RFC 3834: no vacation notice answers it. */
    ph_builder_text(builder, "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n");
    if (*mail->unsubscribe && strlen(mail->unsubscribe) <= MOST_URL_BYTES &&
        is_header_safe(mail->unsubscribe))
        ph_builder_format(builder,
            "List-Unsubscribe:\r\n <%s>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
            mail->unsubscribe);
}

int ph_mime_write(struct ph_builder *builder, const struct ph_mail *mail) {
    char boundary[96];
    if (!ph_mail_is_address(mail->to) || !ph_mail_is_address(mail->from_address) || !is_header_safe(mail->id))
        return -EINVAL;
    /* "=_" stands in no quoted-printable text (RFC 2045 section 6.7). */
    snprintf(boundary, sizeof(boundary), "=_%.60s", mail->id);
    boundary[strcspn(boundary, "@")] = '\0';
    put_headers(builder, mail);
    ph_builder_format(builder, "Content-Type: multipart/alternative; boundary=\"%s\"\r\n\r\n", boundary);
    put_part(builder, boundary, "text/plain", mail->text);
    put_part(builder, boundary, "text/html", mail->html);
    ph_builder_format(builder, "--%s--\r\n", boundary);
    return ph_builder_ok(builder) ? 0 : -ENOMEM;
}
