/* How a session is named, and which a filter lets through. */
#include "relay/session_filter.h"

#include "tap.h"

static void test_ids(void)
{
	static const struct {
		const char *text;
		uint64_t id; /* 0: it is none */
	} rows[] = {
		{"0.1", 1},
		{"3.17", UINT64_C(3) << 48 | 17},
		{"65535.281474976710655", UINT64_MAX},
		{"003000000000000017", UINT64_C(3) << 48 | 17},
		{"000000000000000001", 1},
		{"1", 1},
		{"", 0},
		{"0", 0},
		{"0.0", 0},
		{"1.", 0},
		{".1", 0},
		{"1.2.3", 0},
		{"1.-2", 0},
		{"-1.2", 0},
		{" 1.2", 0},
		{"1.2 ", 0},
		{"65536.1", 0},
		{"0.281474976710656", 0},
		{"99999999999999999999999", 0},
		{"0x1.2", 0},
	};
	char text[SESSION_ID_SIZE];

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint64_t id = 0;
		bool is_one = session_id_parse(rows[i].text, &id) == OK;
		ok(is_one == (rows[i].id != 0) && id == rows[i].id, "\"%s\"", rows[i].text);
	}
	is_text(session_id_format(UINT64_C(3) << 48 | 17, text), "3.17", "written as in the log");
	is_text(session_id_format(UINT64_MAX, text), "65535.281474976710655", "the longest");
}

static bool fits(const struct session_filter *filter, const struct turn_session *session)
{
	return session_filter_fits(filter, 2, session, NULL);
}

static void test_filter(void)
{
	struct five_tuple tuple = {.transport = TRANSPORT_TLS};
	struct turn_session session = {.id = 7,
	                               .username = "1700000000:anna",
	                               .realm = "r",
	                               .origin = "",
	                               .tuple = &tuple};
	const struct session_filter any = {.transport = -1, .thread = -1};
	struct session_filter filter = any;

	ok(addr_parse("192.0.2.5", 4000, &tuple.client) == OK, "a client");
	ok(fits(&any, &session), "no condition");
	filter.user_part = "anna";
	ok(fits(&filter, &session), "a part of the name");
	filter.user = "anna";
	ok(!fits(&filter, &session), "which is not the name");
	filter = any;
	filter.has_client = true;
	ok(addr_range_parse("192.0.2.0/24", &filter.client) == OK && fits(&filter, &session),
	   "a net, whatever the port");
	ok(addr_range_parse("2001:db8::/32", &filter.client) == OK && !fits(&filter, &session),
	   "another family");
	filter = any;
	filter.thread = 1;
	ok(!fits(&filter, &session), "another thread");
	filter = any;
	filter.transport = TRANSPORT_UDP;
	ok(!fits(&filter, &session), "another transport");
	filter = any;
	filter.origin = "https://example.org";
	ok(!fits(&filter, &session), "an origin that it does not have");
	filter = any;
	filter.id = 7;
	ok(fits(&filter, &session), "its id");
	filter.realm = "R";
	ok(!fits(&filter, &session), "all conditions have to fit");
}

int main(void)
{
	test_ids();
	test_filter();
	return tap_end();
}
