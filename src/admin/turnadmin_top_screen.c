/* From above: the server, traffic with spark lines, what does not get through, threads, sessions, keys.
 * What has no room is left out from below, and lines are cut at the right. */
#include "admin/turnadmin_top_screen.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

enum { LINE_SIZE = 1024, LABEL_COLUMNS = 39, SCALE = 8 };

struct canvas {
	const struct top_screen *screen;
	FILE *file;
	unsigned used; /* lines */
};

static json_int_t number(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

static const char *text(const json_t *object, const char *name)
{
	const char *value = json_string_value(json_object_get(object, name));

	return value != NULL ? value : "";
}

/* ---- lines ---- */

static unsigned left(const struct canvas *canvas)
{
	return canvas->screen->lines - canvas->used;
}

static void end_line(struct canvas *canvas)
{
	if (canvas->screen->is_terminal)
		fputs("\x1b[K", canvas->file);
	if (++canvas->used < canvas->screen->lines || !canvas->screen->is_terminal)
		fputs(canvas->screen->is_terminal ? "\r\n" : "\n", canvas->file);
}

/* Cuts at the edge. Clients choose their names: what is not printable ASCII takes a column all the same,
 * as a question mark. Returns the columns. */
static unsigned put(struct canvas *canvas, unsigned columns, const char *format, va_list args)
{
	char line[LINE_SIZE];
	unsigned used = 0;

	vsnprintf(line, sizeof line, format, args);
	for (const char *p = line; *p != 0 && used < columns; p++, used++)
		fputc(*p >= ' ' && *p <= '~' ? *p : '?', canvas->file);
	return used;
}

__attribute__((format(printf, 2, 3))) static void line(struct canvas *canvas, const char *format,
                                                       ...)
{
	va_list args;

	if (left(canvas) == 0)
		return;
	va_start(args, format);
	put(canvas, canvas->screen->columns, format, args);
	va_end(args);
	end_line(canvas);
}

__attribute__((format(printf, 2, 3))) static void heading(struct canvas *canvas, const char *format,
                                                          ...)
{
	va_list args;

	if (left(canvas) == 0)
		return;
	if (canvas->screen->is_terminal)
		fputs("\x1b[7m", canvas->file);
	va_start(args, format);
	unsigned used = put(canvas, canvas->screen->columns, format, args);
	va_end(args);
	for (; canvas->screen->is_terminal && used < canvas->screen->columns; used++)
		fputc(' ', canvas->file);
	if (canvas->screen->is_terminal)
		fputs("\x1b[0m", canvas->file);
	end_line(canvas);
}

/* "12.3M": five columns at most, in thousands. */
static const char *short_number(json_int_t value, char room[24])
{
	static const char units[] = " kMGTPE";
	double scaled = (double)value;
	unsigned unit = 0;

	for (; scaled >= 1000 && unit + 1 < sizeof units - 1; unit++)
		scaled /= 1000;
	if (unit == 0)
		snprintf(room, 24, "%" JSON_INTEGER_FORMAT, value);
	else
		snprintf(room, 24, scaled < 99.95 ? "%.1f%c" : "%.0f%c", scaled, units[unit]);
	return room;
}

static const char *duration(json_int_t seconds, char room[32])
{
	if (seconds >= 86400)
		snprintf(room, 32, "%" JSON_INTEGER_FORMAT "d %02d:%02d", seconds / 86400,
		         (int)(seconds % 86400 / 3600), (int)(seconds % 3600 / 60));
	else
		snprintf(room, 32, "%d:%02d:%02d", (int)(seconds / 3600),
		         (int)(seconds % 3600 / 60), (int)(seconds % 60));
	return room;
}

/* ---- history ---- */

void top_history_add(struct top_history *history, const json_t *view)
{
	history->to_peers[history->next] =
		(uint64_t)number(json_object_get(view, "to_peers"), "bytes_s");
	history->to_clients[history->next] =
		(uint64_t)number(json_object_get(view, "to_clients"), "bytes_s");
	history->next = (history->next + 1) % TOP_HISTORY;
	if (history->count < TOP_HISTORY)
		history->count++;
}

/* Value of so many refreshes ago. */
static uint64_t value_ago(const struct top_history *history, const uint64_t *values, unsigned ago)
{
	return values[(history->next + TOP_HISTORY - 1 - ago) % TOP_HISTORY];
}

/* The newest at the right; the highest of those that are seen is as high as it gets. */
static void spark(struct canvas *canvas, const struct top_history *history, const uint64_t *values,
                  unsigned columns)
{
	static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	static const char *const plain[] = {" ", ".", ":", "-", "=", "+", "*", "%", "#"};
	const char *const *shapes = canvas->screen->has_unicode ? blocks : plain;
	unsigned count = history->count < columns ? history->count : columns;
	uint64_t most = 1;

	for (unsigned i = 0; i < count; i++)
		if (value_ago(history, values, i) > most)
			most = value_ago(history, values, i);
	for (unsigned i = count; i-- > 0;) {
		uint64_t value = value_ago(history, values, i);
		unsigned height = (unsigned)((double)value / (double)most * SCALE + 0.5);
		fputs(shapes[value > 0 && height == 0 ? 1 : height], canvas->file);
	}
}

/* ---- parts ---- */

static void draw_server(struct canvas *canvas)
{
	const json_t *view = canvas->screen->view;
	char up[32];

	heading(canvas, "turnstone %s  up %s  %s  %" JSON_INTEGER_FORMAT " allocations%s%s",
	        text(view, "version"), duration(number(view, "uptime"), up), text(view, "engine"),
	        number(view, "allocations"),
	        json_is_true(json_object_get(view, "draining")) ? "  DRAINING" : "",
	        canvas->screen->is_paused ? "  PAUSED" : "");
}

static void draw_direction(struct canvas *canvas, const char *label, const char *name,
                           const struct top_history *history, const uint64_t *values)
{
	const json_t *direction = json_object_get(canvas->screen->view, name);
	char bytes[24], packets[24], label_text[LABEL_COLUMNS + 1];
	unsigned columns = canvas->screen->columns;

	if (left(canvas) == 0)
		return;
	snprintf(label_text, sizeof label_text, "%-10s %6sB/s %7s packets/s", label,
	         short_number(number(direction, "bytes_s"), bytes),
	         short_number(number(direction, "packets_s"), packets));
	fprintf(canvas->file, "%-*.*s", (int)(columns < LABEL_COLUMNS ? columns : LABEL_COLUMNS),
	        (int)(columns < LABEL_COLUMNS ? columns : LABEL_COLUMNS), label_text);
	if (columns > LABEL_COLUMNS)
		spark(canvas, history, values, columns - LABEL_COLUMNS);
	end_line(canvas);
}

static void draw_setups(struct canvas *canvas)
{
	const json_t *view = canvas->screen->view;

	line(canvas,
	     "set-ups    %" JSON_INTEGER_FORMAT "/s  refused %" JSON_INTEGER_FORMAT
	     "/s  unauthorized %" JSON_INTEGER_FORMAT "/s",
	     number(view, "set_ups_s"), number(view, "refused_s"), number(view, "unauthorized_s"));
}

static void draw_drops(struct canvas *canvas)
{
	char reasons[LINE_SIZE / 2] = "none";
	const char *name;
	size_t used = 0;
	json_t *value;

	json_object_foreach(json_object_get(canvas->screen->view, "drops_s"), name,
	                    value) if (used < sizeof reasons) used +=
		(size_t)snprintf(reasons + used, sizeof reasons - used,
	                         "%s%s %" JSON_INTEGER_FORMAT "/s", used > 0 ? "  " : "", name,
	                         json_integer_value(value));
	line(canvas, "drops      %s", reasons);
}

/* A third of what is left at most, or a machine of many CPUs would hide its clients. */
static void draw_threads(struct canvas *canvas)
{
	json_t *threads = json_object_get(canvas->screen->view, "threads"), *thread;
	size_t room = left(canvas) / 3, i;
	char packets[24], bytes[24];

	if (room < 2)
		return;
	heading(canvas, "%-12s %5s %12s %10s %12s", "thread", "load", "packets/s", "bytes/s",
	        "allocations");
	json_array_foreach(threads, i, thread)
	{
		if (i + 2 > room && i + 1 < json_array_size(threads)) {
			line(canvas, "... and %zu more", json_array_size(threads) - i);
			break;
		}
		line(canvas, "%-12s %4" JSON_INTEGER_FORMAT "%% %12s %10s %12" JSON_INTEGER_FORMAT,
		     text(thread, "name"), number(thread, "cpu_pct"),
		     short_number(number(thread, "packets_s"), packets),
		     short_number(number(thread, "bytes_s"), bytes), number(thread, "allocations"));
	}
}

static void draw_session(struct canvas *canvas, const json_t *session)
{
	const json_t *to_peer = json_object_get(session, "to_peer");
	const json_t *to_client = json_object_get(session, "to_client");
	int name = canvas->screen->columns > 80 ? (int)canvas->screen->columns - 67 : 13;
	char out[24], in[24], all[24], age[32];

	line(canvas, "%-9s %-*.*s %-4s %-21s %6s %6s %6s %s", text(session, "id"), name, name,
	     text(session, "user"), text(session, "transport"), text(session, "client"),
	     short_number(number(to_peer, "bytes_s"), out),
	     short_number(number(to_client, "bytes_s"), in),
	     short_number(number(to_peer, "bytes") + number(to_client, "bytes"), all),
	     duration(number(session, "age"), age));
}

static void draw_sessions(struct canvas *canvas, unsigned most)
{
	json_t *sessions = json_object_get(canvas->screen->view, "sessions"), *session;
	int name = canvas->screen->columns > 80 ? (int)canvas->screen->columns - 67 : 13;
	size_t i;

	if (most < 2)
		return;
	heading(canvas, "%-9s %-*.*s %-4s %-21s %6s %6s %6s %s", "session", name, name, "user",
	        "by", "client", "out/s", "in/s", "bytes", "age");
	json_array_foreach(sessions, i, session) if (i + 1 < most) draw_session(canvas, session);
}

static void draw_keys(struct canvas *canvas)
{
	const struct top_screen *screen = canvas->screen;

	if (screen->problem != NULL)
		line(canvas, "%s", screen->problem);
	else
		line(canvas, "q quit  p pause  sorted by %s: r rate  b bytes  a age", screen->sort);
}

void top_draw(const struct top_screen *screen, const struct top_history *history, FILE *file)
{
	struct canvas canvas = {.screen = screen, .file = file};

	if (screen->is_terminal)
		fputs("\x1b[H", file);
	if (screen->view != NULL) {
		draw_server(&canvas);
		draw_direction(&canvas, "to peers", "to_peers", history, history->to_peers);
		draw_direction(&canvas, "to clients", "to_clients", history, history->to_clients);
		draw_setups(&canvas);
		draw_drops(&canvas);
		draw_threads(&canvas);
		draw_sessions(&canvas, left(&canvas) > 0 ? left(&canvas) - 1 : 0);
	}
	if (screen->is_terminal || screen->problem != NULL) {
		while (screen->is_terminal && left(&canvas) > 1)
			line(&canvas, "%s", "");
		draw_keys(&canvas);
	}
}
