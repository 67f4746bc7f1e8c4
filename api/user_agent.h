/* What kind of device and browser a viewer has, told from its User-Agent (RFC 9110 section 10.1.5), pure. For
 * statistics: a guess, and nothing is decided by it. */
#ifndef PH_API_USER_AGENT_H
#define PH_API_USER_AGENT_H

enum ph_device {
    PH_DEVICE_OTHER,
    PH_DEVICE_DESKTOP,
    PH_DEVICE_PHONE,
    PH_DEVICE_TABLET,
    PH_DEVICE_TV,
    PH_DEVICE_HEADSET,
    PH_DEVICES
};

/* "other", "desktop", "phone", "tablet", "tv", "headset" */
extern const char *const ph_device_names[PH_DEVICES];

/* NULL is nobody's. */
enum ph_device ph_user_agent_device(const char *user_agent);
/* "chrome", "edge", "firefox", "opera", "quest", "safari", "samsung" or "other"; static. */
const char *ph_user_agent_browser(const char *user_agent);

#endif
