/* Load for signaling servers: ours in each of its dialects, and others that are measured beside it. One thread. Prints a JSON object.
 *
 *     signaling_load --port N --pid N --dialect NAME [--tls] --mode hold|broadcast|broker|join [options]
 *
 *     hold        --clients N [--joined]: connects them, says {"clients":N}, and holds them until standard input ends
 *     broadcast   --clients N --room M --rate R --seconds S [--size B] [--quiet K [--slow]]: R messages a second of all together, each
 *                 from one participant to the others of its room; in K rooms one participant sends nothing, nor counts as a reader,
 *                 and with --slow it reads nothing either
 *     broker      --clients N --rate R --seconds S: pairs that send each other offers
 *     join        --clients N --rate R --seconds S: with N there, R more a second, each until it is in and has credentials
 *
 * It sends to 127.0.0.1 alone, and ends by itself. */
#include "websocket_client.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
	EVENTS = 512,
	AT_ONCE = 128,       /* connections on their way */
	SETUP_LIMIT_S = 120, /* for all to be there */
	HOLD_LIMIT_S = 300,
	LATENCIES_MAX = 1 << 24, /* that are kept; later ones are not */
	SLICE_US = 250000,
	SLICES_MAX = 4096,
	SIZE_MAX_BYTES = 8192,
	CLIENTS_PER_SOURCE = 500,
	FILES_MAX = 262144,
	STAMP_LEN = 18,     /* "@@" and 16 hexadecimal digits */
	SLOW_BUFFER = 4096, /* of the socket of one that reads nothing: the server is to feel it */
};

/* What a client says, and how it knows that it is in. %r: its room, %c: its number, %p: its partner's, %t: text. */
struct dialect {
	const char *name, *path;
	const char *hello;    /* once it is open; NULL: nothing */
	const char *ready[2]; /* parts of messages that have to come; NULL: none */
	const char *send;
};
static const struct dialect dialects[] = {
	{"channelling",
         "/ws",
         "{\"Type\":\"Hello\",\"Hello\":{\"Version\":\"1.0\",\"Name\":\"%r\",\"Type\":\"Room\"}}",
         {"Welcome", "Self"},
         "{\"Type\":\"Chat\",\"Chat\":{\"To\":\"\",\"Type\":\"Chat\",\"Chat\":{\"Message\":\"%t\","
         "\"NoEcho\":true}}}"},
	{"v1", "/v1/webrtc/signal?room=%r", NULL, {"\"welcome\"", "turn-credentials"}, NULL},
	{"rpc",
         "/api",
         "{\"a\":\"join\",\"d\":{\"roomId\":\"%r\",\"bearer\":\"\",\"platform\":\"x\","
         "\"deviceName\":\"x\","
         "\"networkType\":\"wifi\",\"version\":\"1\",\"appVersion\":\"1\",\"orientation\":0,"
         "\"camera\":\"front\"}}",
         {"joinR", NULL},
         NULL},
	{"peerjs",
         "/peerjs?key=peerjs&id=c%c&token=t%c&version=1.5.4",
         NULL,
         {"OPEN", NULL},
         "{\"type\":\"OFFER\",\"dst\":\"c%p\",\"payload\":{\"type\":\"data\",\"connectionId\":"
         "\"x\",\"sdp\":\"%t\"}}"},
	{"ws", "/%r", NULL, {NULL, NULL}, "{\"type\":\"chat\",\"to\":\"\",\"text\":\"%t\"}"},
};

struct load {
	const struct dialect *dialect;
	const char *mode;
	int pid;
	unsigned clients, room, size, quiet;
	double rate, seconds;
	bool is_slow;   /* the quiet ones read nothing */
	bool is_joined; /* clients of hold say hello */
	struct client_host host;
	struct client *client;
	unsigned client_count; /* with room for those that join later */
	unsigned started, ready, lost, pending;
	uint64_t sent, delivered;
	bool is_measuring;
	uint32_t *latencies; /* us, in the order in which they came */
	size_t latency_count;
	size_t slices[SLICES_MAX]; /* where each slice of the time begins in them */
	unsigned slice_count;
	uint64_t slice_end_us;
};
static struct load load = {.clients = 100, .room = 10, .size = 200, .rate = 1000, .seconds = 5};

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void fail(const char *what)
{
	fprintf(stderr, "signaling_load: %s (%u of %u clients in, %u lost)\n", what, load.ready,
	        load.clients, load.lost);
	exit(1);
}

/* What the server costs. */

static uint64_t server_cpu_ns(void)
{
	char path[64];
	uint64_t sum = 0;
	struct dirent *entry;

	snprintf(path, sizeof path, "/proc/%d/task", load.pid);
	DIR *tasks = opendir(path);
	if (tasks == NULL)
		fail("the server is gone");
	while ((entry = readdir(tasks)) != NULL) {
		char name[384];
		unsigned long long ns = 0;
		snprintf(name, sizeof name, "%s/%s/schedstat", path, entry->d_name);
		FILE *file = entry->d_name[0] == '.' ? NULL : fopen(name, "r");
		if (file == NULL)
			continue;
		if (fscanf(file, "%llu", &ns) == 1)
			sum += ns;
		fclose(file);
	}
	closedir(tasks);
	return sum;
}

/* Texts of the dialect. */

static size_t expand(const char *form, const struct client *client, const char *text, char *to,
                     size_t size)
{
	size_t len = 0;

	for (; *form != '\0' && len + 1 < size; form++) {
		if (*form != '%') {
			to[len++] = *form;
			continue;
		}
		switch (*++form) {
		case 'r':
			len += (size_t)snprintf(to + len, size - len, "room%u",
			                        client->number / load.room);
			break;
		case 'c':
			len += (size_t)snprintf(to + len, size - len, "%u", client->number);
			break;
		case 'p':
			len += (size_t)snprintf(to + len, size - len, "%u", client->number ^ 1);
			break;
		default:
			len += (size_t)snprintf(to + len, size - len, "%s", text);
		}
	}
	to[len] = '\0';
	return len;
}

static void path_of(const struct client *client, char *path, size_t size)
{
	expand(load.dialect->path, client, "", path, size);
}

static void say_hello(struct client *client)
{
	char text[1024];

	if (load.dialect->hello == NULL)
		return;
	size_t len = expand(load.dialect->hello, client, "", text, sizeof text);
	client_send(&load.host, client, text, len);
}

/* A message of load.size bytes with the time in it. */
static void send_stamped(struct client *client)
{
	static char pad[SIZE_MAX_BYTES], text[SIZE_MAX_BYTES];
	size_t bare = expand(load.dialect->send, client, "", text, sizeof text);
	size_t wanted = load.size > bare + STAMP_LEN ? load.size - bare : STAMP_LEN;

	memset(pad, 'x', wanted);
	pad[wanted] = '\0';
	int len = snprintf(pad, sizeof pad, "@@%016" PRIx64, now_us());
	pad[len] = wanted > STAMP_LEN ? 'x' : '\0';
	client_send(&load.host, client, text,
	            expand(load.dialect->send, client, pad, text, sizeof text));
	load.sent++;
}

/* What comes. */

static void note_latency(uint64_t started_us)
{
	uint64_t now = now_us();

	if (load.latency_count == LATENCIES_MAX)
		return;
	if (now >= load.slice_end_us && load.slice_count < SLICES_MAX) {
		load.slices[load.slice_count++] = load.latency_count;
		load.slice_end_us = now + SLICE_US;
	}
	load.latencies[load.latency_count++] = (uint32_t)(now - started_us);
}

static void become_ready(struct client *client)
{
	load.ready++;
	load.pending--;
	if (load.is_measuring && strcmp(load.mode, "join") == 0)
		note_latency(client->started_us);
}

static unsigned wanted_stage(void)
{
	return (load.dialect->ready[0] != NULL ? 1 : 0) | (load.dialect->ready[1] != NULL ? 2 : 0);
}

static void opened(struct client *client)
{
	if (load.is_joined)
		say_hello(client);
	if (!load.is_joined || wanted_stage() == 0) {
		client->stage = wanted_stage();
		become_ready(client);
	}
}

static void take_delivery(const char *text, size_t len)
{
	const char *stamp = memmem(text, len, "@@", 2);
	char digits[17] = "";

	if (stamp == NULL || len - (size_t)(stamp - text) < STAMP_LEN)
		return;
	memcpy(digits, stamp + 2, 16);
	load.delivered++;
	if (load.is_measuring)
		note_latency(strtoull(digits, NULL, 16));
}

/* One in a room, in the first rooms. */
static bool is_quiet(unsigned number)
{
	return number % load.room == 0 && number / load.room < load.quiet;
}

static void message(struct client *client, const char *text, size_t len)
{
	unsigned wanted = wanted_stage();

	if (client->stage == wanted) {
		if (!is_quiet(client->number))
			take_delivery(text, len);
		return;
	}
	for (unsigned i = 0; i < 2; i++)
		if (wanted & 1u << i && memmem(text, len, load.dialect->ready[i],
		                               strlen(load.dialect->ready[i])) != NULL)
			client->stage |= 1u << i;
	if (client->stage == wanted)
		become_ready(client);
}

static void lost(struct client *client)
{
	load.lost++;
	if (client->stage != wanted_stage() && load.pending > 0)
		load.pending--;
}

/* Driving. */

static void turn(int timeout_ms)
{
	struct epoll_event events[EVENTS];
	int count = epoll_wait(load.host.epoll, events, EVENTS, timeout_ms);

	for (int i = 0; i < count; i++)
		client_event(&load.host, events[i].data.ptr, events[i].events);
}

static void start_one(void)
{
	struct client *client = &load.client[load.started];

	client->number = load.started++;
	load.pending++;
	load.host.receive_buffer = load.is_slow && is_quiet(client->number) ? SLOW_BUFFER : 0;
	if (!client_connect(&load.host, client, now_us()))
		fail("no connection");
}

static void set_up(unsigned count)
{
	uint64_t deadline = now_us() + SETUP_LIMIT_S * 1000000ull;

	while (load.ready < count) {
		while (load.started < count && load.pending < AT_ONCE)
			start_one();
		turn(10);
		if (load.lost > 0)
			fail("clients were lost while they connected");
		if (now_us() > deadline)
			fail("not all came in");
	}
}

static void run_for(double seconds)
{
	uint64_t end = now_us() + (uint64_t)(seconds * 1e6);

	while (now_us() < end)
		turn(1);
}

static int compare_latencies(const void *a, const void *b)
{
	const uint32_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

static uint32_t percentile_of(const uint32_t *latencies, size_t count, double part)
{
	uint32_t *sorted = malloc(count * sizeof *sorted), found = 0;

	if (count > 0 && sorted == NULL)
		fail("no memory");
	if (count > 0) {
		memcpy(sorted, latencies, count * sizeof *sorted);
		qsort(sorted, count, sizeof *sorted, compare_latencies);
		found = sorted[(size_t)(part * (double)(count - 1))];
	}
	free(sorted);
	return found;
}

static uint32_t percentile(double part)
{
	return percentile_of(load.latencies, load.latency_count, part);
}

/* The median of the slices' p99: a machine that is away for some milliseconds now and then is in few of them. */
static uint32_t usual_p99(void)
{
	uint32_t of_slice[SLICES_MAX];

	for (unsigned i = 0; i < load.slice_count; i++) {
		size_t end = i + 1 < load.slice_count ? load.slices[i + 1] : load.latency_count;
		of_slice[i] =
			percentile_of(load.latencies + load.slices[i], end - load.slices[i], 0.99);
	}
	return percentile_of(of_slice, load.slice_count, 0.50);
}

static void stop_slow_readers(void)
{
	for (unsigned i = 0; load.is_slow && i < load.clients; i++)
		if (is_quiet(i))
			client_stop_reading(&load.host, &load.client[i]);
}

/* Sends at the rate whatever comes: what is late is caught up with. */
static void send_all(double seconds)
{
	uint64_t start = now_us(), end = start + (uint64_t)(seconds * 1e6), now = start, due = 0;
	unsigned next = 0;

	for (; now < end; now = now_us()) {
		for (uint64_t until = (uint64_t)((double)(now - start) * load.rate / 1e6);
		     due < until; due++) {
			do
				next = (next + 1) % load.clients;
			while (is_quiet(next));
			send_stamped(&load.client[next]);
		}
		turn(1);
	}
}

static void print_traffic(uint64_t cpu_ns, double seconds)
{
	double cpu = (double)cpu_ns / 1e9;

	printf("{\"sent\":%" PRIu64 ",\"delivered\":%" PRIu64
	       ",\"lost_clients\":%u,\"cpu_s\":%.4f,\"seconds\":%.3f,"
	       "\"deliveries_per_cpu_s\":%.0f,\"p50_us\":%u,\"p99_us\":%u,\"usual_p99_us\":%u}\n",
	       load.sent, load.delivered, load.lost, cpu, seconds,
	       cpu > 0 ? (double)load.delivered / cpu : 0, percentile(0.50), percentile(0.99),
	       usual_p99());
}

static void measure_traffic(void)
{
	load.is_joined = true;
	set_up(load.clients);
	run_for(0.5);
	stop_slow_readers();
	send_all(0.5); /* buffers and caches are warm then */
	run_for(0.2);
	load.sent = load.delivered = 0;
	load.is_measuring = true;
	uint64_t cpu = server_cpu_ns(), start = now_us();
	send_all(load.seconds);
	run_for(0.2);
	print_traffic(server_cpu_ns() - cpu, (double)(now_us() - start) / 1e6);
}

static void hold(void)
{
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
	uint64_t end = now_us() + HOLD_LIMIT_S * 1000000ull;
	char byte;

	set_up(load.clients);
	printf("{\"clients\":%u}\n", load.clients);
	fflush(stdout);
	while (load.lost == 0 && now_us() < end &&
	       !(poll(&input, 1, 0) > 0 && read(STDIN_FILENO, &byte, 1) <= 0))
		turn(100);
	if (load.lost > 0)
		fail("clients were lost while they were idle");
}

static void measure_joins(void)
{
	unsigned joins = (unsigned)(load.rate * load.seconds);

	load.is_joined = true;
	set_up(load.clients);
	run_for(0.5);
	load.is_measuring = true;
	uint64_t cpu = server_cpu_ns(), start = now_us(),
		 limit = start + (uint64_t)((load.seconds + 10) * 1e6);
	unsigned wanted = load.clients + joins;
	while (load.ready < wanted && now_us() < limit) {
		unsigned due = (unsigned)((double)(now_us() - start) * load.rate / 1e6);
		while (load.started < wanted && load.started - load.clients < due)
			start_one();
		turn(1);
	}
	printf("{\"present\":%u,\"joins\":%u,\"in\":%u,\"lost_clients\":%u,\"cpu_us_each\":%.0f,"
	       "\"p50_us\":%u,\"p99_us\":%u}\n",
	       load.clients, joins, load.ready - load.clients, load.lost,
	       (double)(server_cpu_ns() - cpu) / 1e3 / joins, percentile(0.50), percentile(0.99));
}

static const struct dialect *find_dialect(const char *name)
{
	for (size_t i = 0; i < sizeof dialects / sizeof dialects[0]; i++)
		if (strcmp(dialects[i].name, name) == 0)
			return &dialects[i];
	fail("no such dialect");
	return NULL;
}

static void set_tls(void)
{
	load.host.tls = SSL_CTX_new(TLS_client_method());
	if (load.host.tls == NULL)
		fail("no TLS");
	SSL_CTX_set_mode(load.host.tls, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
	                                        SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(load.host.tls, SSL_SESS_CACHE_OFF);
}

static void read_options(int argc, char **argv)
{
	enum {
		PORT = 256,
		PID,
		DIALECT,
		TLS,
		MODE,
		CLIENTS,
		ROOM,
		RATE,
		SECONDS,
		SIZE,
		QUIET,
		SLOW,
		JOINED
	};
	static const struct option options[] = {
		{"port", 1, NULL, PORT},       {"pid", 1, NULL, PID},
		{"dialect", 1, NULL, DIALECT}, {"tls", 0, NULL, TLS},
		{"mode", 1, NULL, MODE},       {"clients", 1, NULL, CLIENTS},
		{"room", 1, NULL, ROOM},       {"rate", 1, NULL, RATE},
		{"seconds", 1, NULL, SECONDS}, {"size", 1, NULL, SIZE},
		{"quiet", 1, NULL, QUIET},     {"slow", 0, NULL, SLOW},
		{"joined", 0, NULL, JOINED},   {NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		unsigned number = optarg == NULL ? 0 : (unsigned)strtoul(optarg, NULL, 10);
		switch (option) {
		case PORT:
			load.host.server.sin_port = htons((uint16_t)number);
			break;
		case PID:
			load.pid = (int)number;
			break;
		case DIALECT:
			load.dialect = find_dialect(optarg);
			break;
		case TLS:
			set_tls();
			break;
		case MODE:
			load.mode = optarg;
			break;
		case CLIENTS:
			load.clients = number;
			break;
		case ROOM:
			load.room = number;
			break;
		case RATE:
			load.rate = strtod(optarg, NULL);
			break;
		case SECONDS:
			load.seconds = strtod(optarg, NULL);
			break;
		case SIZE:
			load.size = number;
			break;
		case QUIET:
			load.quiet = number;
			break;
		case SLOW:
			load.is_slow = true;
			break;
		case JOINED:
			load.is_joined = true;
			break;
		default:
			exit(2);
		}
	}
	if (load.dialect == NULL || load.mode == NULL || load.pid == 0 || load.room == 0 ||
	    load.clients == 0 || load.host.server.sin_port == 0 || load.size >= SIZE_MAX_BYTES ||
	    load.seconds > 600 || (load.quiet > 0 && load.room < 2))
		fail("an option is missing: --port, --pid, --dialect, --mode");
}

static void prepare(void)
{
	struct rlimit files = {FILES_MAX, FILES_MAX};

	/* Who may not raise the limit has what it lets one have. */
	if (setrlimit(RLIMIT_NOFILE, &files) < 0 && getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	load.client_count =
		load.clients +
		(strcmp(load.mode, "join") == 0 ? (unsigned)(load.rate * load.seconds) : 0);
	load.client = calloc(load.client_count, sizeof *load.client);
	load.latencies = malloc(LATENCIES_MAX * sizeof *load.latencies);
	load.host.epoll = epoll_create1(EPOLL_CLOEXEC);
	load.host.server.sin_family = AF_INET;
	load.host.server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	load.host.sources = load.client_count / CLIENTS_PER_SOURCE + 1;
	load.host.opened = opened;
	load.host.message = message;
	load.host.lost = lost;
	load.host.path = path_of;
	if (load.client == NULL || load.latencies == NULL || load.host.epoll < 0)
		fail("no memory");
}

int main(int argc, char **argv)
{
	read_options(argc, argv);
	prepare();
	if (strcmp(load.mode, "hold") == 0)
		hold();
	else if (strcmp(load.mode, "join") == 0)
		measure_joins();
	else if (load.dialect->send != NULL)
		measure_traffic();
	else
		fail("this dialect has no message for all of a room");
	return 0;
}
