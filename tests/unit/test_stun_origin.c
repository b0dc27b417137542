/* Origins in the form that coturn's turnadmin writes into its tables. */
#include "tap.h"

#include <string.h>

#include "stun/origin.h"

static void is_normal(const char *text, const char *expected)
{
	char normal[STUN_ORIGIN_MAX + 1];

	is_int(stun_origin_normalise((const uint8_t *)text, strlen(text), normal), OK, "%s", text);
	is_text(normal, expected, "is %s", expected);
}

static void test_forms(void)
{
	is_normal("http://example.org", "http://example.org:80");
	is_normal("HTTPS://Example.ORG", "https://example.org:443");
	is_normal("https://example.org:8443", "https://example.org:8443");
	is_normal("https://example.org:08443", "https://example.org:8443");
	is_normal("https://example.org:", "https://example.org:443");
	is_normal("https://example.org:0", "https://example.org:443");
	is_normal("https://example.org/call?room=1#top", "https://example.org:443");
	is_normal("https://anna:secret@example.org/", "https://example.org:443");
	is_normal("https://[2001:DB8::1]", "https://[2001:db8::1]:443");
	is_normal("https://[2001:db8::1]:99", "https://[2001:db8::1]:99");
	is_normal("svn+ssh://example.org", "svn+ssh://example.org:22");
	is_normal("app://local", "app://local");
	is_normal("chrome-extension://abc", "chrome-extension://abc");
	is_normal("turns://example.org", "turns://example.org:5349");
}

/* What cannot be taken apart is compared as it is. */
static void test_no_uri(void)
{
	is_normal("Null", "Null");
	is_normal("example.org", "example.org");
	is_normal("://example.org", "://example.org");
	is_normal("1http://Example.org", "1http://Example.org");
	is_normal("http:///Path", "http:///Path");
	is_normal("http://:80", "http://:80");
	is_normal("http://Example.org:65536", "http://Example.org:65536");
	is_normal("http://Example.org:99999999999999999999",
	          "http://Example.org:99999999999999999999");
	is_normal("http://Example.org:8x", "http://Example.org:8x");
}

static void test_limits(void)
{
	char normal[STUN_ORIGIN_MAX + 1];
	uint8_t text[STUN_ORIGIN_MAX + 1] = {0};

	is_int(stun_origin_normalise(text, 0, normal), ERR_INVALID, "nothing is no origin");
	memset(text, 'a', sizeof text);
	is_int(stun_origin_normalise(text, STUN_ORIGIN_MAX, normal), OK, "255 bytes are");
	is_int(strlen(normal), STUN_ORIGIN_MAX, "and stay");
	is_int(stun_origin_normalise(text, STUN_ORIGIN_MAX + 1, normal), ERR_INVALID,
	       "256 are too many");
	is_text(normal, "", "and leave nothing");
	memcpy(text, "http://", 7);
	is_int(stun_origin_normalise(text, STUN_ORIGIN_MAX, normal), ERR_INVALID,
	       "as are 255 that a port makes longer");
	is_text(normal, "", "which leave nothing either");
	is_int(stun_origin_normalise(text, STUN_ORIGIN_MAX - 3, normal), OK,
	       "a port that just fits");
	is_int(strlen(normal), STUN_ORIGIN_MAX, "fits");
	is_int(stun_origin_normalise((const uint8_t *)"a\0b", 3, normal), ERR_INVALID,
	       "a zero is no text");
	is_int(stun_origin_normalise((const uint8_t *)"a\nb", 3, normal), ERR_INVALID,
	       "nor is a line's end");
}

int main(void)
{
	test_forms();
	test_no_uri();
	test_limits();
	return tap_end();
}
