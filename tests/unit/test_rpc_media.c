/* The RPC dialect's userMediaConfiguration, for each number of peers. */
#include "signaling/rpc.h"
#include "tap.h"

#define CONFIGURATION(width_min, width, height_min, height, rate)                            \
	"{\"audio\":true,\"video\":{\"width\":{\"min\":\"" #width_min "\",\"max\":\"" #width \
	"\"},\"height\":{\"min\":\"" #height_min "\",\"max\":\"" #height                     \
	"\"},\"frameRate\":{\"min\":\"10\",\"max\":\"" #rate "\"}}}"

/* clang-format off */
static const struct {
	unsigned peers;
	const char *on_join, *on_leave;
} rows[] = {
	{0, CONFIGURATION(213, 640, 193, 580, 30), CONFIGURATION(160, 480, 120, 360, 25)},
	{1, CONFIGURATION(213, 640, 193, 580, 30), CONFIGURATION(160, 480, 120, 360, 25)},
	{2, CONFIGURATION(213, 640, 193, 580, 30), CONFIGURATION(160, 480, 120, 360, 25)},
	{3, CONFIGURATION(106, 320, 96, 290, 30),  CONFIGURATION(80, 240, 60, 180, 25)},
	{4, CONFIGURATION(106, 320, 96, 290, 30),  CONFIGURATION(80, 240, 60, 180, 25)},
	{5, CONFIGURATION(106, 320, 64, 193, 30),  CONFIGURATION(80, 240, 40, 120, 25)},
	{6, CONFIGURATION(106, 320, 64, 193, 30),  CONFIGURATION(80, 240, 40, 120, 25)},
	{7, CONFIGURATION(106, 320, 48, 145, 30),  CONFIGURATION(80, 240, 30, 90, 25)},
	{8, CONFIGURATION(106, 320, 48, 145, 30),  CONFIGURATION(80, 240, 30, 90, 25)},
};
/* clang-format on */

static bool is_written(enum rpc_media_occasion occasion, unsigned peers, const char *expected)
{
	struct text text;
	bool is_same;

	text_init(&text, 0);
	rpc_put_media(&text, occasion, peers);
	is_same = slice_is(text_slice(&text), expected);
	text_deinit(&text);
	return is_same;
}

int main(void)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		ok(is_written(RPC_MEDIA_JOIN, rows[i].peers, rows[i].on_join), "a join to %u peers",
		   rows[i].peers);
		ok(is_written(RPC_MEDIA_LEAVE, rows[i].peers, rows[i].on_leave),
		   "a leave that leaves %u", rows[i].peers);
	}
	ok(!is_written(RPC_MEDIA_JOIN, 9, rows[8].on_join), "nine peers need another row");
	return tap_end();
}
