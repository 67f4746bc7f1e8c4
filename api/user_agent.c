#include "api/user_agent.h"

#include <stddef.h>
#include <string.h>

const char *const ph_device_names[PH_DEVICES] = {"other", "desktop", "phone", "tablet", "tv", "headset"};

/* Browsers name those they descend from, so the first mark that is found decides. */
static const struct {
    const char *mark, *browser;
} browsers[] = {
    {"OculusBrowser/", "quest"},
    {"SamsungBrowser/", "samsung"},
    {"Edg/", "edge"},
    {"EdgA/", "edge"},
    {"EdgiOS/", "edge"},
    {"Edge/", "edge"},
    {"OPR/", "opera"},
    {"OPT/", "opera"},
    {"FxiOS/", "firefox"},
    {"Firefox/", "firefox"},
    {"CriOS/", "chrome"},
    {"Chrome/", "chrome"},
    {"Chromium/", "chrome"},
    {"Safari/", "safari"},
};

/* Two marks, both of which have to be there (NULL: one is enough) and one that must not. */
static const struct {
    const char *mark, *also, *without;
    enum ph_device device;
} devices[] = {
    {"OculusBrowser/", NULL, NULL, PH_DEVICE_HEADSET},
    {"Quest", "VR", NULL, PH_DEVICE_HEADSET},
    {"PicoBrowser/", NULL, NULL, PH_DEVICE_HEADSET},
    {"SmartTV", NULL, NULL, PH_DEVICE_TV},
    {"SMART-TV", NULL, NULL, PH_DEVICE_TV},
    {"Smart TV", NULL, NULL, PH_DEVICE_TV},
    {"AppleTV", NULL, NULL, PH_DEVICE_TV},
    {"GoogleTV", NULL, NULL, PH_DEVICE_TV},
    {"BRAVIA", NULL, NULL, PH_DEVICE_TV},
    {"Web0S", NULL, NULL, PH_DEVICE_TV},
    {"CrKey", NULL, NULL, PH_DEVICE_TV},
    {"AFT", "Android", "Mobile", PH_DEVICE_TV},
    {"iPad", NULL, NULL, PH_DEVICE_TABLET},
    {"Tablet", NULL, NULL, PH_DEVICE_TABLET},
    {"Android", NULL, "Mobile", PH_DEVICE_TABLET},
    {"iPhone", NULL, NULL, PH_DEVICE_PHONE},
    {"iPod", NULL, NULL, PH_DEVICE_PHONE},
    {"Mobile", NULL, NULL, PH_DEVICE_PHONE},
    {"Windows NT", NULL, NULL, PH_DEVICE_DESKTOP},
    {"Macintosh", NULL, NULL, PH_DEVICE_DESKTOP},
    {"CrOS", NULL, NULL, PH_DEVICE_DESKTOP},
    {"X11", NULL, NULL, PH_DEVICE_DESKTOP},
};

enum ph_device ph_user_agent_device(const char *user_agent) {
    for (size_t i = 0; user_agent && i < sizeof(devices) / sizeof(devices[0]); i++) {
        if (strstr(user_agent, devices[i].mark) &&
            (!devices[i].also || strstr(user_agent, devices[i].also)) &&
            (!devices[i].without || !strstr(user_agent, devices[i].without)))
            return devices[i].device;
    }
    return PH_DEVICE_OTHER;
}

const char *ph_user_agent_browser(const char *user_agent) {
    for (size_t i = 0; user_agent && i < sizeof(browsers) / sizeof(browsers[0]); i++) {
        if (strstr(user_agent, browsers[i].mark))
            return browsers[i].browser;
    }
    return "other";
}
