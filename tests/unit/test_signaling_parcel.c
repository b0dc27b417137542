/* Facts: their names, their copies, and what a webhook gets. */
#include "signaling/parcel.h"

#include "signaling/json_text.h"
#include "tap.h"

static struct fact fact_of(const char *room)
{
	return (struct fact){
		.key = "room.join",
		.tenant = "default",
		.room = room,
		.sequence = 7,
		.wall_ms = 1700000000123,
		.body = SLICE("{\"roomSize\":2}"),
	};
}

static void names(void)
{
	char name[FACT_NAME_SIZE], other[FACT_NAME_SIZE], room[201];
	struct fact fact = fact_of("blue");

	fact_name(&fact, name);
	is_text(name, "default/blue/7/1700000000123", "tenant, room, number, time");
	fact = fact_of("a/b \r\nX: y");
	fact_name(&fact, name);
	is_text(name, "default/a%2Fb%20%0D%0AX:%20y/7/1700000000123",
	        "what is not plain is escaped");
	memset(room, '\xff', 200);
	room[200] = '\0';
	fact = fact_of(room);
	fact_name(&fact, name);
	ok(strlen(name) < 255 && strncmp(name, "default/~", 9) == 0, "a long name is a digest: %s",
	   name);
	room[199] = 'x';
	fact_name(&fact, other);
	ok(strcmp(name, other) != 0, "of another name another one");
}

static void copies(void)
{
	char room[] = "blue";
	struct fact fact = fact_of(room);
	struct parcel *parcel = parcel_create(&fact);

	room[0] = 'X';
	is_text(parcel->fact.room, "blue", "a parcel keeps its own texts");
	ok(slice_is(parcel->fact.body, "{\"roomSize\":2}"), "and its body");
	ok(fact_size(&parcel->fact) == fact_size(&fact), "and counts for as much");
	parcel_destroy(parcel);
	fact.body = (struct slice){0};
	parcel = parcel_create(&fact);
	ok(parcel->fact.body.len == 0, "an empty body is one");
	parcel_destroy(parcel);
}

static void envelopes(void)
{
	struct fact fact = fact_of("a \"b\"");
	struct text text;

	text_init(&text, 0);
	fact_write(&fact, true, &text);
	is_int(json_check(text_slice(&text)), OK, "the envelope is JSON");
	ok(json_string_is(json_member(text_slice(&text), "room"), "a \"b\""), "room");
	ok(json_is_true(json_member(text_slice(&text), "redelivered")), "redelivered");
	ok(slice_is(json_member(text_slice(&text), "sequence"), "7"), "sequence");
	ok(slice_is(json_path(text_slice(&text), "data", "roomSize", NULL), "2"), "data");
	text_deinit(&text);
}

int main(void)
{
	names();
	copies();
	envelopes();
	return tap_end();
}
