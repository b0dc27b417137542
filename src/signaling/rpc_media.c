/* The pictures that suit a room: the more there are in it, the smaller they are. */
#include <stdio.h>

#include "signaling/json_text.h"
#include "signaling/rpc.h"

struct picture {
	unsigned width, height, rate;
};
static const struct picture largest[] = {
	[RPC_MEDIA_JOIN] = {640, 580, 30},
	[RPC_MEDIA_LEAVE] = {480, 360, 25},
};
enum { RATE_MIN = 10 };

/* The protocol's numbers are strings. */
static void put_range(struct text *text, const char *name, unsigned min, unsigned max)
{
	char digits[12];

	json_name(text, name);
	json_open(text, '{');
	snprintf(digits, sizeof digits, "%u", min);
	json_member_string(text, "min", slice_of(digits));
	snprintf(digits, sizeof digits, "%u", max);
	json_member_string(text, "max", slice_of(digits));
	json_close(text, '}');
}

/* Two columns from the third peer on, and as many rows as it takes. */
static struct picture picture_among(struct picture most, unsigned peers)
{
	if (peers > 1)
		most.height /= (peers + peers % 2) / 2;
	if (peers > 2)
		most.width /= 2;
	return most;
}

void rpc_put_media(struct text *text, enum rpc_media_occasion occasion, unsigned peers)
{
	struct picture picture = picture_among(largest[occasion], peers);

	json_open(text, '{');
	json_member_bool(text, "audio", true);
	json_name(text, "video");
	json_open(text, '{');
	put_range(text, "width", picture.width / 3, picture.width);
	put_range(text, "height", picture.height / 3, picture.height);
	put_range(text, "frameRate", RATE_MIN, picture.rate);
	json_close(text, '}');
	json_close(text, '}');
}
