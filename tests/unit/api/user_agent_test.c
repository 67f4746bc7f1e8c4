#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/user_agent.h"

static void devices_and_browsers_of_our_time_are_told(void **state) {
    static const struct {
        const char *text;
        enum ph_device device;
        const char *browser;
    } agents[] = {
        {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 "
         "Safari/537.36",
            PH_DEVICE_DESKTOP, "chrome"},
        {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 "
         "Safari/537.36 Edg/130.0.0.0",
            PH_DEVICE_DESKTOP, "edge"},
        {"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", PH_DEVICE_DESKTOP,
            "firefox"},
        {"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
         "Version/17.6 Safari/605.1.15",
            PH_DEVICE_DESKTOP, "safari"},
        {"Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
         "Version/17.6 Mobile/15E148 Safari/604.1",
            PH_DEVICE_PHONE, "safari"},
        {"Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
         "CriOS/130.0.0.0 Mobile/15E148 Safari/604.1",
            PH_DEVICE_PHONE, "chrome"},
        {"Mozilla/5.0 (iPad; CPU OS 12_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/128.0 "
         "Mobile/15E148 Safari/605.1.15",
            PH_DEVICE_TABLET, "firefox"},
        {"Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 "
         "Mobile Safari/537.36",
            PH_DEVICE_PHONE, "chrome"},
        {"Mozilla/5.0 (Linux; Android 13; SM-X700) AppleWebKit/537.36 (KHTML, like Gecko) "
         "SamsungBrowser/25.0 "
         "Chrome/121.0.0.0 Safari/537.36",
            PH_DEVICE_TABLET, "samsung"},
        {"Mozilla/5.0 (Linux; Android 12; Quest 3) AppleWebKit/537.36 (KHTML, like Gecko) "
         "OculusBrowser/35.0 Chrome/130.0.0.0 VR Safari/537.36",
            PH_DEVICE_HEADSET, "quest"},
        {"Mozilla/5.0 (SMART-TV; Linux; Tizen 7.0) AppleWebKit/537.36 (KHTML, like Gecko) Version/7.0 TV "
         "Safari/537.36",
            PH_DEVICE_TV, "safari"},
        {"Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/94.0 "
         "Safari/537.36",
            PH_DEVICE_TV, "chrome"},
        {"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 "
         "Safari/537.36 OPR/115.0",
            PH_DEVICE_DESKTOP, "opera"},
        {"curl/8.14.1", PH_DEVICE_OTHER, "other"},
        {"", PH_DEVICE_OTHER, "other"},
        {NULL, PH_DEVICE_OTHER, "other"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(agents) / sizeof(agents[0]); i++) {
        if (agents[i].text)
            print_message("%s\n", agents[i].text);
        assert_string_equal(
            ph_device_names[ph_user_agent_device(agents[i].text)], ph_device_names[agents[i].device]);
        assert_string_equal(ph_user_agent_browser(agents[i].text), agents[i].browser);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(devices_and_browsers_of_our_time_are_told)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
