/* Differences of counters. A server that began anew counts from zero: what would be less than nothing is
 * nothing. */
#include "admin/turnadmin_top_view.h"

#include <stdlib.h>
#include <string.h>

enum { MS_PER_S = 1000 };

struct span { /* between two samples */
	const json_t *before, *now;
	json_int_t ms;
};

static json_int_t member(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

static json_int_t a_second(json_int_t before, json_int_t now, json_int_t ms)
{
	return ms > 0 && now > before ? ((now - before) * MS_PER_S + ms / 2) / ms : 0;
}

/* Of one counter, in two objects of counters. */
static json_int_t rate(const json_t *before, const json_t *now, json_int_t ms, const char *name)
{
	return a_second(member(before, name), member(now, name), ms);
}

static json_int_t sum_rate(const struct span *span, const char *name)
{
	return rate(json_object_get(json_object_get(span->before, "counters"), "counters"),
	            json_object_get(json_object_get(span->now, "counters"), "counters"), span->ms,
	            name);
}

static json_t *direction(const struct span *span, const char *bytes, const char *packets)
{
	return json_pack("{s:I, s:I}", "bytes_s", sum_rate(span, bytes), "packets_s",
	                 sum_rate(span, packets));
}

/* ---- drops ---- */

struct reason {
	const char *name;
	json_int_t rate;
};

static int compare(const void *a, const void *b)
{
	const struct reason *left = a, *right = b;

	return left->rate != right->rate ? (left->rate < right->rate ? 1 : -1)
	                                 : strcmp(left->name, right->name);
}

static json_t *drops(const struct span *span)
{
	static const char prefix[] = "drop_";
	json_t *counters = json_object_get(json_object_get(span->now, "counters"), "counters");
	struct reason *reasons = calloc(json_object_size(counters) + 1, sizeof *reasons);
	json_t *object = json_object(), *value;
	const char *name;
	size_t count = 0;

	json_object_foreach(counters, name, value)
	{
		json_int_t dropped = sum_rate(span, name);
		if (reasons != NULL && dropped > 0 && strncmp(name, prefix, sizeof prefix - 1) == 0)
			reasons[count++] = (struct reason){name + sizeof prefix - 1, dropped};
	}
	if (count > 0)
		qsort(reasons, count, sizeof *reasons, compare);
	for (size_t i = 0; i < count; i++)
		json_object_set_new(object, reasons[i].name, json_integer(reasons[i].rate));
	free(reasons);
	return object;
}

static json_int_t refused(const struct span *span)
{
	static const char *const names[] = {"refused_user_quota", "refused_total_quota",
	                                    "refused_capacity"};
	json_int_t sum = 0;

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		sum += sum_rate(span, names[i]);
	return sum;
}

/* ---- threads ---- */

static const json_t *list_of(const json_t *sample, const char *answer)
{
	return json_object_get(json_object_get(sample, answer), "threads");
}

static json_t *describe_thread(const struct span *span, size_t i)
{
	const json_t *was = json_array_get(list_of(span->before, "threads"), i);
	const json_t *is = json_array_get(list_of(span->now, "threads"), i);
	const json_t *before = json_array_get(list_of(span->before, "counters"), i);
	const json_t *now = json_array_get(list_of(span->now, "counters"), i);
	json_int_t cpu = a_second(member(was, "cpu_ms"), member(is, "cpu_ms"), span->ms);

	return json_pack("{s:s, s:I, s:I, s:I, s:I}", "name",
	                 json_string_value(json_object_get(is, "name")) != NULL
	                         ? json_string_value(json_object_get(is, "name"))
	                         : "",
	                 "cpu_pct", cpu / (MS_PER_S / 100), "packets_s",
	                 rate(before, now, span->ms, "client_packets_in") +
	                         rate(before, now, span->ms, "peer_packets_in"),
	                 "bytes_s",
	                 rate(before, now, span->ms, "client_bytes_in") +
	                         rate(before, now, span->ms, "peer_bytes_in"),
	                 "allocations", member(now, "allocations_now"));
}

static json_t *threads(const struct span *span)
{
	json_t *list = json_array();

	for (size_t i = 0; i < json_array_size(list_of(span->now, "threads")); i++)
		json_array_append_new(list, describe_thread(span, i));
	return list;
}

/* ---- all of it ---- */

static void copy(json_t *view, const json_t *from, const char *name)
{
	json_object_set(view, name, json_object_get(from, name));
}

json_t *top_view(const json_t *before, const json_t *now)
{
	const struct span span = {
		.before = before,
		.now = now,
		.ms = member(json_object_get(now, "threads"), "at_ms") -
	              member(json_object_get(before, "threads"), "at_ms"),
	};
	const json_t *status = json_object_get(now, "status");
	const json_t *list = json_object_get(now, "session list");
	json_t *view = json_object();

	copy(view, status, "version");
	copy(view, status, "uptime");
	copy(view, status, "engine");
	copy(view, status, "allocations");
	json_object_set_new(view, "draining",
	                    json_boolean(json_is_object(json_object_get(status, "draining"))));
	json_object_set_new(view, "to_peers",
	                    direction(&span, "peer_bytes_out", "peer_packets_out"));
	json_object_set_new(view, "to_clients",
	                    direction(&span, "client_bytes_out", "client_packets_out"));
	json_object_set_new(view, "set_ups_s",
	                    json_integer(sum_rate(&span, "allocations_created")));
	json_object_set_new(view, "refused_s", json_integer(refused(&span)));
	json_object_set_new(view, "unauthorized_s", json_integer(sum_rate(&span, "unauthorized")));
	json_object_set_new(view, "drops_s", drops(&span));
	json_object_set_new(view, "threads", threads(&span));
	copy(view, list, "sessions");
	copy(view, list, "matched");
	return view;
}
