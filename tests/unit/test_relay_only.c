/* Relaying enforced: what passes of candidates, SDPs and the messages around them. */
#include "tap.h"

#include "signaling/json_text.h"
#include "signaling/relay_only.h"

#define LINE(text) text "\r\n"
#define HEAD       LINE("v=0") LINE("o=- 4611 2 IN IP4 0.0.0.0") LINE("s=-") LINE("t=0 0")

static void test_addresses(void)
{
	static const struct {
		const char *text;
		bool names_one;
	} rows[] = {
		{"", false},
		{"192.168.1.5", true},
		{"x192.168.1.5y", true},
		{"at 10.0.0.1:5000.", true},
		{"0.0.0.0", false},
		{"1.2.3", false},
		{"1.2.3.", false},
		{"1.2.3.999 x", true}, /* 1.2.3.99 is one */
		{"999.1.2.3", true},   /* 99.1.2.3 is one */
		{"256.256.256.256", false},
		{"300.0.0.0", false},
		{"v1.2.3.x", false},
		{"::", false},
		{"::1", true},
		{"2001:db8::5", true},
		{"[2001:db8::5]:443", true},
		{"2001:db8:1:2:3:4:5:6", true},
		{"2001:db8:1:2:3:4:5:6:5000", true},
		{"FE80::1%eth0", true},
		{":2001:db8::5.", true},
		{"::ffff:192.0.2.1", true},
		{"12:30:45", false},
		{"aa:bb:cc:dd:ee:ff", false},
		{"urn:ietf:params:rtp-hdrext:sdes:mid", false},
		{"sha-256 "
	         "AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:"
	         "01:23:45:67:89",
	         false},
		{"sha-1 AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01", false},
		{"3c5f5b1e-9d3c.local", true},
		{"A.LOCAL", true},
		{"a.local:9", true},
		{"a.localhost", false},
		{".local", false},
		{"a.local2", false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		ok(relay_only_names_address(slice_of(rows[i].text)) == rows[i].names_one,
		   "\"%s\" %s", rows[i].text, rows[i].names_one ? "names an address" : "does not");
}

static void candidate_is(const char *candidate, const char *want)
{
	struct text out;

	text_init(&out, 0);
	bool passes = relay_only_candidate(slice_of(candidate), &out);
	text_put_char(&out, '\0');
	if (want == NULL)
		ok(!passes, "does not pass: %s", candidate);
	else
		is_text(passes ? out.at : "", want, "passes: %s", candidate);
	text_deinit(&out);
}

static void test_candidates(void)
{
#define RELAY "candidate:1 1 udp 41885439 198.51.100.7 50000 typ relay"
	static const char relay[] = RELAY " raddr 0.0.0.0 rport 0";
	candidate_is(RELAY, relay);
	candidate_is("a=" RELAY, relay);
	candidate_is(RELAY "\r\n", relay);
	candidate_is(RELAY "\n", relay);
	candidate_is(RELAY " raddr 203.0.113.9 rport 4711", relay);
	candidate_is(RELAY " raddr 2001:db8::9 rport 4711", relay);
	candidate_is(RELAY " raddr 203.0.113.9 rport 4711 generation 0 ufrag aB+/ network-cost 50",
	             RELAY " raddr 0.0.0.0 rport 0 generation 0 ufrag aB+/ network-cost 50");
	candidate_is(RELAY " note 203.0.113.9 x-203.0.113.9 1 generation 0",
	             RELAY " raddr 0.0.0.0 rport 0 generation 0");
	candidate_is(RELAY " x-host 3232235781 RADDR my-home rport 7 tcptype so",
	             RELAY " raddr 0.0.0.0 rport 0 tcptype so");
	candidate_is("candidate:1 1  UDP 41885439 2001:db8::7 50000  typ relay raddr ::1 rport 1",
	             "candidate:1 1 UDP 41885439 2001:db8::7 50000 typ relay raddr :: rport 0");
	candidate_is("candidate:1 1 tcp 1 198.51.100.7 9 typ relay tcptype active",
	             "candidate:1 1 tcp 1 198.51.100.7 9 typ relay raddr 0.0.0.0 rport 0 tcptype "
	             "active");

	static const char *const gone[] = {
		"candidate:1 1 udp 2122260223 192.168.1.5 50000 typ host",
		"candidate:1 1 udp 2122260223 3c5f5b1e-9d3c.local 50000 typ host generation 0",
		"candidate:1 1 udp 2122260223 2001:db8::5 50000 typ host",
		"candidate:1 1 tcp 1518280447 192.168.1.5 9 typ host tcptype active",
		"candidate:1 1 udp 1686052607 203.0.113.9 50000 typ srflx raddr 192.168.1.5 rport "
		"50000",
		"candidate:1 1 udp 1845501695 203.0.113.9 50000 typ prflx raddr 192.168.1.5 rport "
		"50000",
		"candidate:1 1 udp 1 192.168.1.5 50000 typ host typ relay",
		"candidate:1 1 udp 1 192.168.1.5 50000 typ RELAY",
		"candidate:1 1 udp 1 3c5f5b1e-9d3c.local 50000 typ relay",
		"candidate:1 1 udp 1 turn.example.org 50000 typ relay",
		"candidate:192.168.1.5 1 udp 1 198.51.100.7 50000 typ relay",
		"candidate:1 257 udp 1 198.51.100.7 50000 typ relay",
		"candidate:1 1 192.168.1.5 1 198.51.100.7 50000 typ relay",
		"candidate:1 1 udp 4294967296 198.51.100.7 50000 typ relay",
		"candidate:1 1 udp -1 198.51.100.7 50000 typ relay",
		"candidate:1 1 udp 1 198.51.100.7 65536 typ relay",
		"candidate:1 1 udp 1 198.51.100.7 5x typ relay",
		"candidate:1 1 udp 1 198.51.100.7 50000 typ",
		"candidate:1 1 udp 1 198.51.100.7 50000 typ relay raddr",
		RELAY "\r\na=candidate:1 1 udp 1 192.168.1.5 50000 typ host",
		RELAY "\ra=x:192.168.1.5",
		RELAY " \tx 1",
		"Candidate:1 1 udp 1 198.51.100.7 50000 typ relay",
		"candidate:",
		"",
		" " RELAY,
		"192.168.1.5",
	};
	for (size_t i = 0; i < sizeof gone / sizeof gone[0]; i++)
		candidate_is(gone[i], NULL);
}

static void sdp_is(const char *sdp, const char *want, const char *what)
{
	struct text out;

	text_init(&out, 0);
	bool passes = relay_only_sdp(slice_of(sdp), &out);
	text_put_char(&out, '\0');
	if (want == NULL)
		ok(!passes, "does not pass: %s", what);
	else
		is_text(passes ? out.at : "(does not pass)", want, "%s", what);
	text_deinit(&out);
}

/* One line behind a head. */
static void line_is(const char *line, const char *want)
{
	char sdp[512], wanted[512];

	snprintf(sdp, sizeof sdp, HEAD "%s\r\n", line);
	snprintf(wanted, sizeof wanted, HEAD "%s%s", want == NULL ? "" : want,
	         want == NULL || *want == '\0' ? "" : "\r\n");
	sdp_is(sdp, want == NULL ? NULL : wanted, line);
}

static void test_sdp_lines(void)
{
	line_is("c=IN IP4 192.168.1.5", "c=IN IP4 0.0.0.0");
	line_is("c=IN IP6 2001:db8::5", "c=IN IP4 0.0.0.0");
	line_is("c=", "c=IN IP4 0.0.0.0");
	line_is("m=audio 50000 UDP/TLS/RTP/SAVPF 111 0", "m=audio 9 UDP/TLS/RTP/SAVPF 111 0");
	line_is("m=audio 50000/2 RTP/AVP 0", "m=audio 9 RTP/AVP 0");
	line_is("m=video 0 UDP/TLS/RTP/SAVPF 96", "m=video 0 UDP/TLS/RTP/SAVPF 96");
	line_is("m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
	        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel");
	line_is("m=192.168.1.5 9 UDP 0", NULL);
	line_is("m=audio 9", NULL);
	line_is("a=rtcp:50001 IN IP4 192.168.1.5", "a=rtcp:9 IN IP4 0.0.0.0");
	line_is("a=rtcp:50001", "a=rtcp:9 IN IP4 0.0.0.0");
	line_is("a=rtcp-mux", "a=rtcp-mux");
	line_is("a=rtcp-fb:96 nack pli", "a=rtcp-fb:96 nack pli");
	line_is("a=remote-candidates:1 198.51.100.7 50000", "");
	line_is("a=end-of-candidates", "a=end-of-candidates");
	line_is("a=candidate:1 1 udp 2122260223 192.168.1.5 50000 typ host", "");
	line_is("a=candidate:x", "");
	line_is("a=" RELAY " raddr 203.0.113.9 rport 9", "a=" RELAY " raddr 0.0.0.0 rport 0");
	line_is("a= candidate:1 1 udp 1 192.168.1.5 50000 typ host", "");
	line_is("a=Candidate:1 1 udp 1 192.168.1.5 50000 typ host", "");
	line_is("a=CANDIDATE:1 1 udp 1 my-home.example.org 50000 typ host", "");
	line_is("a= candidate:1 1 udp 1 my-home.example.org 50000 typ host", "");
	line_is("a=candidate :1 1 udp 1 my-home.example.org 50000 typ host", "");
	line_is("a=candidate:1 1 udp 1 my-home.example.org 50000 typ host", "");
	line_is("a=candidate:1 1 udp 1 3c5f5b1e-9d3c.local 50000 typ host", "");
	line_is("a=candidate:1 1 tcp 1 192.168.1.5 9 typ host tcptype active", "");
	line_is("a=candidate:1 1 udp 1 2001:db8::5 50000 typ host", "");
	line_is("a=candidate:1 1 udp 1 ::ffff:192.168.1.5 50000 TYP host", "");
	line_is("a=candidates", "a=candidates");
	line_is("a=Remote-Candidates:1 my-home.example.org 50000", "");
	line_is("a=RTCP:50001 IN IP4 my-home.example.org", "a=rtcp:9 IN IP4 0.0.0.0");
	line_is("a=rtcp:50001 IN IP6 2001:db8::5", "a=rtcp:9 IN IP4 0.0.0.0");
	line_is("o=- 1 1 IN IP6 2001:db8::5", "o=- 1 1 IN IP4 0.0.0.0");
	line_is("o=- 1 1 IN IP4 my-home.example.org", "o=- 1 1 IN IP4 0.0.0.0");
	line_is("c=IN IP4 my-home.example.org", "c=IN IP4 0.0.0.0");
	line_is("C=IN IP4 192.168.1.5", NULL);
	line_is("a=x-unknown:192.168.1.5", "");
	line_is("a=alt:1 1 : aB cD 3c5f5b1e.local 50000", "");
	line_is("a=source-filter: incl IN IP6 * 2001:db8::5", "");
	line_is("a=ice-ufrag:aB+/", "a=ice-ufrag:aB+/");
	line_is("a=ice-options:trickle", "a=ice-options:trickle");
	line_is("a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level",
	        "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level");
	line_is("a=fingerprint:sha-256 "
	        "AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:"
	        "67:89:AB:CD:EF:01:23:45:67:89",
	        "a=fingerprint:sha-256 "
	        "AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:"
	        "67:89:AB:CD:EF:01:23:45:67:89");
	line_is("i=call me at 192.168.1.5", "");
	line_is("u=http://192.168.1.5/", "");
	line_is("e=me@[2001:db8::5]", "");
	line_is("p=+1 617 555-6011", "p=+1 617 555-6011");
	line_is("k=clear:192.168.1.5", "");
	line_is("b=AS:500", "b=AS:500");
	line_is("b=192.168.1.5", NULL);
	line_is("s=from 192.168.1.5", "s=-");
	line_is("o=- 1 1 IN IP4 192.168.1.5", "o=- 1 1 IN IP4 0.0.0.0");
	line_is("o=me@192.168.1.5 1 1 IN IP6 ::1", "o=- 1 1 IN IP4 0.0.0.0");
	line_is("o=mozilla...THIS_IS_SDPARTA-99.0 8444 0 IN IP4 0.0.0.0",
	        "o=mozilla...THIS_IS_SDPARTA-99.0 8444 0 IN IP4 0.0.0.0");
	line_is("o=- 192.168.1.5 1 IN IP4 0.0.0.0", NULL);
	line_is("o=- 1 1 IN IP4", NULL);
	line_is("x=1", NULL);
	line_is("A=candidate:1 1 udp 1 192.168.1.5 1 typ host", NULL);
	line_is(" a=x", NULL);
	line_is("a", NULL);
	line_is("a=x\ra=candidate:1 1 udp 1 192.168.1.5 1 typ host", NULL);
	line_is("a=x\v", NULL);
	line_is("a=x\x7F", NULL);
}

static void test_sdp_ends(void)
{
	sdp_is("v=0\no=- 1 1 IN IP4 10.0.0.1\ns=-\nt=0 0\n",
	       LINE("v=0") LINE("o=- 1 1 IN IP4 0.0.0.0") LINE("s=-") LINE("t=0 0"),
	       "LF ends lines");
	sdp_is("v=0\r\ns=-\na=candidate:1 1 udp 1 10.0.0.1 1 typ host\ns=x",
	       LINE("v=0") LINE("s=-") LINE("s=x"), "both in one, and none at the end");
	sdp_is("v=0\r\n\r\ns=-\r\n\r\n", LINE("v=0") LINE("s=-"), "empty lines go");
	sdp_is("v=0\ra=candidate:1 1 udp 1 10.0.0.1 1 typ host\r\n", NULL, "CR alone");
	sdp_is("v=0\r\r\ns=-\r\n", NULL, "CR twice");
	sdp_is("v=0\n\ra=candidate:1 1 udp 1 10.0.0.1 1 typ host\r\n", NULL, "LF and CR");
	sdp_is("v=0\xE2\x80\xA8"
	       "a=candidate:1 1 udp 1 10.0.0.1 1 typ host\r\n",
	       NULL, "a line separator of Unicode");
	sdp_is(HEAD LINE("a=candidate:1 1 udp 1 10.0.0.1 1 typ host") LINE("a=" RELAY)
	               LINE("m=audio 5004 RTP/AVP 0")
	                       LINE("a=candidate:2 1 udp 1 10.0.0.1 1 typ host"),
	       HEAD LINE("a=" RELAY " raddr 0.0.0.0 rport 0") LINE("m=audio 9 RTP/AVP 0"),
	       "candidates of the session, and of the media");
	sdp_is("", NULL, "nothing");
	sdp_is("hello", NULL, "no SDP");
	sdp_is("o=- 1 1 IN IP4 0.0.0.0\r\n", NULL, "the version comes first");
}

static bool filter(enum message_kind kind, const char *payload, const char *candidate_path,
                   struct text *out, struct message *filtered)
{
	struct slice whole = slice_of(payload), inner = whole;
	if (candidate_path != NULL)
		inner = json_member(whole, candidate_path);
	struct message message = {
		.kind = kind,
		.payload = whole,
		.sdp_type = json_member(inner, "type"),
		.sdp = json_member(inner, "sdp"),
		.candidate = json_member(inner, "candidate"),
		.sdp_mid = json_member(inner, "sdpMid"),
		.sdp_mline_index = json_member(inner, "sdpMLineIndex"),
		.username_fragment = json_member(inner, "usernameFragment"),
		.text = json_member(inner, "text"),
	};
	text_clear(out);
	return json_check(whole) == OK && relay_only_filter(&message, out, filtered);
}

static void payload_is(enum message_kind kind, const char *payload, const char *path,
                       const char *want, const char *what)
{
	struct message filtered;
	struct text out;

	text_init(&out, 0);
	bool passes = filter(kind, payload, path, &out, &filtered);
	if (want == NULL)
		ok(!passes, "does not pass: %s", what);
	else if (!ok(passes && slice_is(filtered.payload, want), "%s", what))
		printf("# got " SLICE_FORMAT "\n", SLICE_PRINTF(filtered.payload));
	text_deinit(&out);
}

#define SDP_IN                                                                                   \
	"\"v=0\\r\\no=- 1 1 IN IP4 10.0.0.1\\r\\ns=-\\r\\na=\\u0063andidate:1 1 udp 1 10.0.0.1 " \
	"1 typ host\\r\\na=" RELAY "\\r\\n\""
#define SDP_OUT                                                                            \
	"\"v=0\\r\\no=- 1 1 IN IP4 0.0.0.0\\r\\ns=-\\r\\na=" RELAY " raddr 0.0.0.0 rport " \
	"0\\r\\n\""

static void test_offers(void)
{
	payload_is(MESSAGE_OFFER, "{\"sdp\":" SDP_IN "}", NULL, "{\"sdp\":" SDP_OUT "}",
	           "an SDP, with escapes");
	payload_is(MESSAGE_ANSWER, " { \"type\" : \"answer\" , \"sdp\" : " SDP_IN " } ", NULL,
	           " { \"type\" : \"answer\" , \"sdp\" : " SDP_OUT " } ",
	           "around it all stays byte for byte");
	payload_is(MESSAGE_OFFER,
	           "{\"To\":\"X\",\"Type\":\"Offer\",\"Offer\":{\"type\":\"offer\",\"sdp\":" SDP_IN
	           ",\"_conference\":\"c\",\"_token\":\"t\"}}",
	           "Offer",
	           "{\"To\":\"X\",\"Type\":\"Offer\",\"Offer\":{\"type\":\"offer\",\"sdp\":" SDP_OUT
	           ",\"_conference\":\"c\",\"_token\":\"t\"}}",
	           "the channelling form");
	payload_is(MESSAGE_OFFER,
	           "{\"sdp\":{\"type\":\"offer\",\"sdp\":" SDP_IN
	           "},\"type\":\"media\",\"connectionId\":\"mc_1\",\"metadata\":{\"n\":[1,\"a\"]}}",
	           "sdp",
	           "{\"sdp\":{\"type\":\"offer\",\"sdp\":" SDP_OUT
	           "},\"type\":\"media\",\"connectionId\":\"mc_1\",\"metadata\":{\"n\":[1,\"a\"]}}",
	           "PeerJS's form");
	payload_is(MESSAGE_OFFER,
	           "{\"ip\":\"10.0.0.1\",\"sdp\":" SDP_IN ",\"to\":\"10.0.0.1\",\"a\":1 }", NULL,
	           "{\"sdp\":" SDP_OUT ",\"a\":1 }", "unknown members, and addresses, go");
	payload_is(MESSAGE_OFFER, "{\"sdp\":\"leak\",\"x\":{},\"sdp\":" SDP_IN "}", NULL,
	           "{\"sdp\":" SDP_OUT "}", "a member that is there twice passes once");
	payload_is(MESSAGE_OFFER,
	           "{\"metadata\":{\"a\":[{\"10.0.0.1\":0}]},\"label\":[\"\\u0031\\u0030.0.0.1\"],"
	           "\"browser\":\"\\u0000\",\"sdp\":" SDP_IN "}",
	           NULL, "{\"sdp\":" SDP_OUT "}", "addresses in names, arrays and escapes");
	payload_is(MESSAGE_OFFER,
	           "{\"sdp\":" SDP_IN ",\"candidate\":\"candidate:1 1 udp 1 10.0.0.1 1 typ host\","
	           "\"candidates\":[\"10.0.0.1\"]}",
	           NULL, "{\"sdp\":" SDP_OUT "}", "candidates beside the SDP");
	payload_is(MESSAGE_OFFER, "{\"sdp\":" SDP_IN ",\"\\u0073dp\":\"v=0\\r\\nx=10.0.0.1\"}",
	           NULL, NULL, "a second SDP, its name with escapes: a browser takes the last");
	payload_is(MESSAGE_OFFER, "{\"type\":\"offer\"}", NULL, NULL, "an offer without an SDP");
	payload_is(MESSAGE_OFFER, "{\"sdp\":17}", NULL, NULL, "an SDP that is a number");
	payload_is(MESSAGE_OFFER, "{\"sdp\":\"v=0\\r\\nx=1\"}", NULL, NULL, "an SDP that is none");
	payload_is(MESSAGE_OFFER, "{\"sdp\":\"v=0\\u0000\"}", NULL, NULL, "an end in the middle");
}

static void test_trickled(void)
{
	static const char host[] =
		"{\"candidate\":\"candidate:1 1 udp 1 10.0.0.1 1 typ host\",\"sdpMid\":\"0\"}";
	payload_is(MESSAGE_CANDIDATE, host, NULL, NULL, "a host candidate");
	payload_is(MESSAGE_CANDIDATE,
	           "{\"candidate\":\"" RELAY " raddr 10.0.0.1 rport 1\",\"sdpMid\":\"0\","
	           "\"sdpMLineIndex\":0,\"usernameFragment\":\"ab\",\"address\":\"10.0.0.1\"}",
	           NULL,
	           "{\"candidate\":\"" RELAY " raddr 0.0.0.0 rport 0\",\"sdpMid\":\"0\","
	           "\"sdpMLineIndex\":0,\"usernameFragment\":\"ab\"}",
	           "a relayed candidate");
	payload_is(MESSAGE_CANDIDATE, "{\"to\":\"X\",\"candidate\":{\"candidate\":\"" RELAY "\"}}",
	           "candidate",
	           "{\"to\":\"X\",\"candidate\":{\"candidate\":\"" RELAY
	           " raddr 0.0.0.0 rport 0\"}}",
	           "a candidate in an object");
	payload_is(MESSAGE_END_OF_CANDIDATES, "{\"candidate\":\"\",\"sdpMid\":\"0\"}", NULL,
	           "{\"candidate\":\"\",\"sdpMid\":\"0\"}", "the end of candidates");
	payload_is(MESSAGE_CANDIDATE, "{\"candidate\":null}", NULL, "{\"candidate\":null}",
	           "null ends them");
	payload_is(MESSAGE_END_OF_CANDIDATES, "{\"completed\":true,\"x\":\"10.0.0.1\"}", NULL,
	           "{\"completed\":true}", "no candidate ends them");
	payload_is(MESSAGE_END_OF_CANDIDATES, "{\"x\":1}", NULL, "{}", "nothing is left");
	payload_is(MESSAGE_END_OF_CANDIDATES, "{}", NULL, "{}", "nothing there");
	payload_is(MESSAGE_CANDIDATE,
	           "{\"candidate\":\"" RELAY
	           "\",\"candidate\":\"candidate:1 1 udp 1 10.0.0.1 1 typ host\"}",
	           NULL, NULL, "a second candidate: a browser takes the last");
	payload_is(MESSAGE_CANDIDATE,
	           "{\"candidate\":\"" RELAY
	           "\",\"\\u0063andidate\":\"candidate:1 1 udp 1 10.0.0.1 1 typ host\"}",
	           NULL, NULL, "its name with escapes");
	payload_is(MESSAGE_CANDIDATE,
	           "{\"candidate\":\"candidate:1 1 udp 1 10.0.0.1 1 typ "
	           "host\",\"\\u0063andidate\":\"" RELAY "\"}",
	           NULL, "{\"\\u0063andidate\":\"" RELAY " raddr 0.0.0.0 rport 0\"}",
	           "the one that it does not take goes");
	payload_is(MESSAGE_END_OF_CANDIDATES,
	           "{\"completed\":true,\"candidate\":\"candidate:1 1 udp 1 10.0.0.1 1 typ host\"}",
	           NULL, NULL, "a host candidate that is called the end of them");
	payload_is(MESSAGE_CANDIDATE,
	           "{\"candidate\":\"" RELAY
	           "\",\"usernameFragment\":\"10.0.0.1\",\"sdpMid\":{\"a\":"
	           "\"[2001:db8::5]\"},\"sdpMLineIndex\":[\"3c5f5b1e.local\"],\"relatedAddress\":"
	           "\"10.0.0.1\",\"foundation\":\"x\"}",
	           NULL, "{\"candidate\":\"" RELAY " raddr 0.0.0.0 rport 0\"}",
	           "addresses in the other members of a candidate");
	payload_is(MESSAGE_CANDIDATE, "{\"candidate\":17}", NULL, NULL, "a number");
	payload_is(MESSAGE_CANDIDATE, "{\"candidate\":{\"candidate\":{}}}", "candidate", NULL,
	           "an object");
}

static void test_parts_move(void)
{
	struct message filtered;
	struct text out;

	text_init(&out, 0);
	ok(filter(MESSAGE_CANDIDATE,
	          "{\"ip\":\"10.0.0.1\",\"sdpMid\":\"0\",\"candidate\":\"" RELAY "\","
	          "\"sdpMLineIndex\":0,\"usernameFragment\":\"10.0.0.1\"}",
	          NULL, &out, &filtered),
	   "passes");
	ok(slice_is(filtered.candidate, "\"" RELAY " raddr 0.0.0.0 rport 0\""), "candidate");
	ok(slice_is(filtered.sdp_mid, "\"0\""), "sdpMid");
	ok(slice_is(filtered.sdp_mline_index, "0"), "sdpMLineIndex");
	ok(slice_is_empty(filtered.username_fragment), "a part that goes is not there");
	ok(filtered.candidate.at > out.at && filtered.candidate.at < out.at + out.len,
	   "parts lie within what was written");
	ok(filter(MESSAGE_OFFER, "{\"type\":\"offer\",\"sdp\":" SDP_IN "}", NULL, &out,
	          &filtered) &&
	           slice_is(filtered.sdp, SDP_OUT) && slice_is(filtered.sdp_type, "\"offer\""),
	   "SDP and its type");
	text_deinit(&out);
}

static void test_others(void)
{
	static const struct {
		const char *payload;
		bool passes;
	} rows[] = {
		{"{\"Message\":\"my address is 10.0.0.1\"}", true},
		{"\"\"", true},
		{"{\"Message\":\"a candidate: me\"}", true},
		{"{\"m\":{\"candidate\":\"candidate:1 1 udp 1 10.0.0.1 1 typ host\"}}", false},
		{"[\"{\\\"c\\\":\\\"candidate:1 1 udp 1 10.0.0.1 1 typ host\\\"}\"]", false},
		{"{\"m\":\"v=0\\r\\no=- 1 1 IN IP4 10.0.0.1\\r\\nm=audio 9 X 0\\r\\n\"}", false},
	};
	static const enum message_kind kinds[] = {MESSAGE_BYE, MESSAGE_CHAT, MESSAGE_CONFERENCE,
	                                          MESSAGE_TEXT};
	for (size_t k = 0; k < 4; k++)
		for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
			payload_is(kinds[k], rows[i].payload, NULL,
			           rows[i].passes ? rows[i].payload : NULL, rows[i].payload);
}

int main(void)
{
	test_addresses();
	test_candidates();
	test_sdp_lines();
	test_sdp_ends();
	test_offers();
	test_trickled();
	test_parts_move();
	test_others();
	return tap_end();
}
