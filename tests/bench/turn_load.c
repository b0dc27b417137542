/* Loads a TURN server over UDP, TCP, TLS or DTLS and measures what that costs it: CPU time of each relayed packet and
 * each allocation, memory of an idle allocation, loss and latency. Writes one line of JSON.
 *
 * It has its own few lines of STUN and none of the server's code, so that the two cannot share a
 * mistake. Each client is an allocation with one channel, to one peer socket of this program. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "connection.h"

enum {
	BATCH = 64, /* datagrams of a system call */
	DATAGRAM_MAX = 2048,
	REQUEST_MAX = 768,
	CHANNEL = 0x4000,
	HEADER = 20,
	LATENCIES_MAX = 1 << 21,
	TRIES_MAX = 10,
};
static const uint64_t SECOND = 1000000000u, RETRY_AFTER = 500000000u;
static const uint8_t MAGIC[4] = {0x21, 0x12, 0xA4, 0x42};

enum method { ALLOCATE = 3, REFRESH = 4, CHANNEL_BIND = 9 };
enum attribute {
	USERNAME = 0x06,
	INTEGRITY = 0x08,
	ERROR_CODE = 0x09,
	CHANNEL_NUMBER = 0x0C,
	LIFETIME = 0x0D,
	PEER_ADDRESS = 0x12,
	REALM = 0x14,
	NONCE = 0x15,
	RELAYED_ADDRESS = 0x16,
	REQUESTED_TRANSPORT = 0x19,
};

enum mode { MODE_UP, MODE_DOWN, MODE_ECHO, MODE_IDLE, MODE_CHURN, MODE_COUNT /* last */ };
static const char *const MODES[MODE_COUNT] = {"up", "down", "echo", "idle", "churn"};

struct options {
	struct sockaddr_in server, peer, bind;
	const char *user, *password;
	enum mode mode;
	enum transport transport;
	int clients, size, burst;
	int set_up_window; /* clients that are set up at the same time */
	int packet_window; /* packets under way; 0: no bound */
	double seconds, rate;
	long total; /* churn: allocations to make and release */
	bool gso;
	int pids[16], pid_count; /* the server's; the first one's memory is read */
};

struct message {
	uint8_t bytes[REQUEST_MAX];
	size_t len;
};

enum state { NEW, ALLOCATING, BINDING, READY, RELEASING, RELEASED };

struct client {
	struct connection connection;
	enum state state;
	int tries;
	uint64_t deadline; /* when the request is sent again */
	struct message request;
	struct sockaddr_in relayed;
	char realm[128], nonce[256];
	size_t nonce_len;
	uint8_t key[16];
	uint64_t sequence;
};

struct load {
	struct options opt;
	struct client *clients;
	int epoll, peer_fd;
	uint64_t sent, received;
	uint32_t *latency_us;
	size_t latency_count;
};

static void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

static void die(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	fputs("turn_load: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	exit(1);
}

static uint64_t now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

/* ---- STUN ---- */

static void put16(uint8_t *at, size_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static size_t get16(const uint8_t *at)
{
	return (size_t)at[0] << 8 | at[1];
}

static void message_begin(struct message *m, enum method method)
{
	put16(m->bytes, method);
	put16(m->bytes + 2, 0);
	memcpy(m->bytes + 4, MAGIC, 4);
	for (int i = 8; i < HEADER; i++)
		m->bytes[i] = (uint8_t)random();
	m->len = HEADER;
}

static void message_put(struct message *m, enum attribute type, const void *value, size_t len)
{
	size_t padded = (len + 3) & ~(size_t)3;

	if (m->len + 4 + padded > sizeof m->bytes)
		die("a user name, realm or nonce is too long");
	put16(m->bytes + m->len, type);
	put16(m->bytes + m->len + 2, len);
	memcpy(m->bytes + m->len + 4, value, len);
	memset(m->bytes + m->len + 4 + len, 0, padded - len);
	m->len += 4 + padded;
	put16(m->bytes + 2, m->len - HEADER);
}

static void message_put_peer(struct message *m, const struct sockaddr_in *peer)
{
	uint8_t value[8] = {0, 1};

	memcpy(value + 2, &peer->sin_port, 2);
	memcpy(value + 4, &peer->sin_addr, 4);
	for (int i = 0; i < 2; i++)
		value[2 + i] ^= MAGIC[i];
	for (int i = 0; i < 4; i++)
		value[4 + i] ^= MAGIC[i];
	message_put(m, PEER_ADDRESS, value, sizeof value);
}

static void message_sign(struct message *m, const struct client *c, const struct options *opt)
{
	uint8_t mac[EVP_MAX_MD_SIZE];
	unsigned mac_len = sizeof mac;

	message_put(m, USERNAME, opt->user, strlen(opt->user));
	message_put(m, REALM, c->realm, strlen(c->realm));
	message_put(m, NONCE, c->nonce, c->nonce_len);
	put16(m->bytes + 2, m->len - HEADER + 24); /* RFC 8489 section 14.5: as if it were there */
	HMAC(EVP_sha1(), c->key, sizeof c->key, m->bytes, m->len, mac, &mac_len);
	message_put(m, INTEGRITY, mac, 20);
}

/* Finds an attribute; its value and *len, or NULL. */
static const uint8_t *attribute_find(const uint8_t *m, size_t m_len, enum attribute type,
                                     size_t *len)
{
	for (size_t at = HEADER; at + 4 <= m_len;) {
		size_t value_len = get16(m + at + 2);
		if (at + 4 + value_len > m_len)
			return NULL;
		if (get16(m + at) == type) {
			*len = value_len;
			return m + at + 4;
		}
		at += 4 + ((value_len + 3) & ~(size_t)3);
	}
	return NULL;
}

static int error_code(const uint8_t *m, size_t m_len)
{
	size_t len;
	const uint8_t *value = attribute_find(m, m_len, ERROR_CODE, &len);

	return value && len >= 4 ? (value[2] & 7) * 100 + value[3] : 0;
}

/* ---- a client and its requests ---- */

static void client_open(struct load *load, struct client *c)
{
	const struct options *opt = &load->opt;
	const char *problem;

	*c = (struct client){.state = NEW};
	if (!connection_open(&c->connection, opt->transport, &opt->server,
	                     opt->bind.sin_family ? &opt->bind : NULL, &problem))
		die("%s: %s", problem, strerror(errno));

	struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
	if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, c->connection.fd, &event))
		die("epoll: %s", strerror(errno));
}

static void client_send(struct client *c)
{
	if (c->tries++ == TRIES_MAX)
		die("no answer from the server");
	c->deadline = now() + RETRY_AFTER;
	/* What is not sent now is when it is due again. */
	(void)connection_send(&c->connection, c->request.bytes, c->request.len, 1);
}

/* Sends the request that belongs to the client's state. */
static void client_request(struct load *load, struct client *c)
{
	static const uint8_t udp[4] = {17}, channel[4] = {CHANNEL >> 8}, zero[4];
	struct message *m = &c->request;

	switch (c->state) {
	case ALLOCATING:
		message_begin(m, ALLOCATE);
		message_put(m, REQUESTED_TRANSPORT, udp, sizeof udp);
		break;
	case BINDING:
		message_begin(m, CHANNEL_BIND);
		message_put(m, CHANNEL_NUMBER, channel, sizeof channel);
		message_put_peer(m, &load->opt.peer);
		break;
	default:
		message_begin(m, REFRESH);
		message_put(m, LIFETIME, zero, sizeof zero);
		break;
	}
	if (c->nonce_len > 0)
		message_sign(m, c, &load->opt);
	c->tries = 0;
	client_send(c);
}

static void client_learn(struct load *load, struct client *c, const uint8_t *m, size_t m_len)
{
	char text[512];
	size_t realm_len = 0, nonce_len = 0;
	const uint8_t *realm = attribute_find(m, m_len, REALM, &realm_len);
	const uint8_t *nonce = attribute_find(m, m_len, NONCE, &nonce_len);

	if (!realm || !nonce || realm_len >= sizeof c->realm || nonce_len > sizeof c->nonce)
		die("a 401 or 438 without a realm and a nonce that fit");
	memcpy(c->realm, realm, realm_len);
	c->realm[realm_len] = 0;
	memcpy(c->nonce, nonce, nonce_len);
	c->nonce_len = nonce_len;
	int len = snprintf(text, sizeof text, "%s:%s:%s", load->opt.user, c->realm,
	                   load->opt.password);
	if (len < 0 || (size_t)len >= sizeof text ||
	    !EVP_Digest(text, (size_t)len, c->key, NULL, EVP_md5(), NULL))
		die("no key from user, realm and password");
}

static void client_learn_relayed(struct client *c, const uint8_t *m, size_t m_len)
{
	size_t len;
	const uint8_t *value = attribute_find(m, m_len, RELAYED_ADDRESS, &len);
	uint8_t plain[6];

	if (!value || len != 8)
		die("no relayed IPv4 address");
	for (int i = 0; i < 2; i++)
		plain[i] = value[2 + i] ^ MAGIC[i];
	for (int i = 0; i < 4; i++)
		plain[2 + i] = value[4 + i] ^ MAGIC[i];
	c->relayed.sin_family = AF_INET;
	memcpy(&c->relayed.sin_port, plain, 2);
	memcpy(&c->relayed.sin_addr, plain + 2, 4);
}

/* Takes the response to the client's request. true: the client came to the end of what it had to
 * do, which is READY or RELEASED. */
static bool client_response(struct load *load, struct client *c, const uint8_t *m, size_t m_len)
{
	int error = error_code(m, m_len);

	/* RFC 8656 section 8.2: of a Refresh that was sent again the second finds no allocation. */
	if (c->state == READY || c->state == RELEASED)
		return false;
	if (error == 401 || error == 438) {
		client_learn(load, c, m, m_len);
		client_request(load, c);
		return false;
	}
	if (error == 437 && c->state == ALLOCATING) { /* the port's last allocation lives on */
		connection_close(&c->connection);
		client_open(load, c);
		c->state = ALLOCATING;
		client_request(load, c);
		return false;
	}
	if (error && !(error == 437 && c->state == RELEASING))
		die("request %d was refused with %d", (int)get16(c->request.bytes), error);
	if (c->state == ALLOCATING) {
		client_learn_relayed(c, m, m_len);
		c->state = load->opt.mode == MODE_CHURN ? READY : BINDING;
		if (c->state == BINDING)
			client_request(load, c);
		return c->state == READY;
	}
	c->state = c->state == BINDING ? READY : RELEASED;
	return true;
}

/* Reads what came for a client that waits for a response. */
static bool client_read(struct load *load, struct client *c)
{
	const uint8_t *m;

	for (size_t len; (len = connection_receive(&c->connection, &m)) > 0;)
		if (len >= HEADER && memcmp(m + 8, c->request.bytes + 8, 12) == 0)
			return client_response(load, c, m, len);
	return false;
}

static void resend_late(struct client *clients, int count)
{
	uint64_t time = now();

	for (int i = 0; i < count; i++) {
		struct client *c = &clients[i];
		bool waits = c->state == ALLOCATING || c->state == BINDING || c->state == RELEASING;
		if (waits && time > c->deadline)
			client_send(c);
	}
}

static void client_begin(struct load *load, struct client *c, enum state state)
{
	c->state = state;
	client_request(load, c);
}

/* Takes all clients through the requests that begin in a state, window of them at a time. */
static void drive(struct load *load, enum state first)
{
	int begun = 0, done = 0, total = load->opt.clients;

	while (done < total) {
		struct epoll_event events[BATCH];
		while (begun < total && begun - done < load->opt.set_up_window) {
			struct client *c = &load->clients[begun++];
			if (first == ALLOCATING)
				client_open(load, c);
			client_begin(load, c, first);
		}
		int n = epoll_wait(load->epoll, events, BATCH, 50);
		for (int i = 0; i < n; i++)
			done += client_read(load, events[i].data.ptr);
		if (n <= 0)
			resend_late(load->clients, begun);
	}
}

/* Makes and releases allocations over and over until total were made. */
static void churn(struct load *load)
{
	long made = load->opt.clients, released = 0;

	for (int i = 0; i < load->opt.clients; i++) {
		client_open(load, &load->clients[i]);
		client_begin(load, &load->clients[i], ALLOCATING);
	}
	while (released < load->opt.total) {
		struct epoll_event events[BATCH];
		int n = epoll_wait(load->epoll, events, BATCH, 50);
		for (int i = 0; i < n; i++) {
			struct client *c = events[i].data.ptr;
			if (!client_read(load, c))
				continue;
			if (c->state == READY) {
				client_begin(load, c, RELEASING);
			} else if (released++, made < load->opt.total) {
				made++;
				client_begin(load, c, ALLOCATING);
			}
		}
		if (n <= 0)
			resend_late(load->clients, load->opt.clients);
	}
}

/* ---- what the server uses ---- */

static uint64_t process_cpu_ns(int pid)
{
	char path[320];
	uint64_t sum = 0;
	unsigned long long value;

	snprintf(path, sizeof path, "/proc/%d/task", pid);
	DIR *tasks = opendir(path);
	if (!tasks)
		return 0;
	for (struct dirent *task; (task = readdir(tasks));) {
		snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", pid, task->d_name);
		FILE *file = task->d_name[0] == '.' ? NULL : fopen(path, "r");
		if (!file)
			continue;
		if (fscanf(file, "%llu", &value) == 1)
			sum += value;
		fclose(file);
	}
	closedir(tasks);
	return sum;
}

static uint64_t server_cpu_ns(const struct options *opt)
{
	uint64_t sum = 0;

	for (int i = 0; i < opt->pid_count; i++)
		sum += process_cpu_ns(opt->pids[i]);
	return sum;
}

static long server_rss_kb(const struct options *opt)
{
	char path[64], line[256];
	long kb = 0;

	if (opt->pid_count == 0)
		return 0;
	snprintf(path, sizeof path, "/proc/%d/status", opt->pids[0]);
	FILE *file = fopen(path, "r");
	while (file && fgets(line, sizeof line, file))
		if (sscanf(line, "VmRSS: %ld", &kb) == 1)
			break;
	if (file)
		fclose(file);
	return kb;
}

/* ---- data ---- */

/* Every payload begins with the time at which it was sent. */
static void count_received(struct load *load, const uint8_t *payload)
{
	uint64_t sent_at;

	load->received++;
	if ((load->received & 15) != 0 || load->latency_count == LATENCIES_MAX)
		return;
	memcpy(&sent_at, payload, sizeof sent_at);
	load->latency_us[load->latency_count++] = (uint32_t)((now() - sent_at) / 1000);
}

struct batch {
	struct mmsghdr headers[BATCH];
	struct iovec vectors[BATCH];
	struct sockaddr_in addresses[BATCH];
	uint8_t bytes[BATCH][DATAGRAM_MAX];
};

static void batch_init(struct batch *b, bool with_addresses)
{
	for (int i = 0; i < BATCH; i++) {
		b->vectors[i] = (struct iovec){b->bytes[i], DATAGRAM_MAX};
		b->headers[i].msg_hdr = (struct msghdr){
			.msg_iov = &b->vectors[i],
			.msg_iovlen = 1,
			.msg_name = with_addresses ? &b->addresses[i] : NULL,
			.msg_namelen = with_addresses ? sizeof b->addresses[i] : 0,
		};
	}
}

/* Takes what waits at a socket; skip bytes come before each payload. The peer echoes it when asked
 * to, which counts when the echo arrives. */
static void drain(struct load *load, int fd, size_t skip, bool echo)
{
	static struct batch b;

	for (int n = BATCH; n == BATCH;) {
		batch_init(&b, echo);
		n = recvmmsg(fd, b.headers, BATCH, MSG_DONTWAIT, NULL);
		for (int i = 0; i < n; i++) {
			b.vectors[i].iov_len = b.headers[i].msg_len;
			if (!echo && b.headers[i].msg_len == skip + (size_t)load->opt.size)
				count_received(load, b.bytes[i] + skip);
		}
		if (echo && n > 0)
			sendmmsg(fd, b.headers, (unsigned)n, MSG_DONTWAIT);
	}
}

/* The same for a connection that frames or decrypts. */
static void drain_connection(struct load *load, struct connection *connection)
{
	const uint8_t *m;

	for (size_t len; (len = connection_receive(connection, &m)) > 0;)
		if (len == 4 + (size_t)load->opt.size)
			count_received(load, m + 4);
}

static int send_segmented(int fd, uint8_t *bytes, size_t segment, int count)
{
	union {
		char space[CMSG_SPACE(sizeof(uint16_t))];
		struct cmsghdr header;
	} control = {.space = {0}};
	struct iovec vector = {bytes, segment * (size_t)count};
	struct msghdr header = {.msg_iov = &vector,
	                        .msg_iovlen = 1,
	                        .msg_control = control.space,
	                        .msg_controllen = sizeof control.space};
	uint16_t size = (uint16_t)segment;

	control.header.cmsg_level = IPPROTO_UDP;
	control.header.cmsg_type = UDP_SEGMENT;
	control.header.cmsg_len = CMSG_LEN(sizeof size);
	memcpy(CMSG_DATA(&control.header), &size, sizeof size);
	return sendmsg(fd, &header, MSG_DONTWAIT) < 0 ? 0 : count;
}

/* A client sends a burst over its channel. */
static void send_up(struct load *load, struct client *c)
{
	static uint8_t bytes[BATCH * DATAGRAM_MAX];
	struct mmsghdr headers[BATCH] = {0};
	struct iovec vectors[BATCH];
	size_t size = (size_t)load->opt.size, segment = 4 + size;
	int n = load->opt.burst;
	uint64_t time = now();

	for (int i = 0; i < n; i++) {
		uint8_t *m = bytes + (size_t)i * segment;
		put16(m, CHANNEL);
		put16(m + 2, size);
		memcpy(m + 4, &time, 8);
		memcpy(m + 12, &c->sequence, 8);
		c->sequence++;
		vectors[i] = (struct iovec){m, segment};
		headers[i].msg_hdr = (struct msghdr){.msg_iov = &vectors[i], .msg_iovlen = 1};
	}
	if (load->opt.transport != UDP)
		n = connection_send(&c->connection, bytes, segment, n);
	else if (load->opt.gso && n > 1)
		n = send_segmented(c->connection.fd, bytes, segment, n);
	else
		n = sendmmsg(c->connection.fd, headers, (unsigned)n, MSG_DONTWAIT);
	load->sent += n > 0 ? (uint64_t)n : 0;
}

/* The peer sends n packets, a burst to each relayed address from client at on. */
static void send_down(struct load *load, int at, int n)
{
	static struct batch b;
	uint64_t time = now();

	batch_init(&b, true);
	for (int i = 0; i < n; i++) {
		b.addresses[i] =
			load->clients[(at + i / load->opt.burst) % load->opt.clients].relayed;
		b.vectors[i].iov_len = (size_t)load->opt.size;
		memcpy(b.bytes[i], &time, 8);
	}
	n = sendmmsg(load->peer_fd, b.headers, (unsigned)n, MSG_DONTWAIT);
	load->sent += n > 0 ? (uint64_t)n : 0;
}

/* Sends up to a batch of what is due; returns the client whose turn is next. */
static int send_due(struct load *load, int at, uint64_t due)
{
	const struct options *opt = &load->opt;
	int n = due - load->sent < BATCH ? (int)(due - load->sent) : BATCH;

	n = (n + opt->burst - 1) / opt->burst * opt->burst;
	if (opt->mode == MODE_DOWN) {
		send_down(load, at, n);
		return (at + n / opt->burst) % opt->clients;
	}
	for (int i = 0; i < n; i += opt->burst) {
		send_up(load, &load->clients[at]);
		at = (at + 1) % opt->clients;
	}
	return at;
}

static void receive_all(struct load *load)
{
	struct epoll_event events[256];
	enum mode mode = load->opt.mode;

	if (mode != MODE_DOWN)
		drain(load, load->peer_fd, 0, mode == MODE_ECHO);
	if (mode == MODE_UP)
		return;
	int n = epoll_wait(load->epoll, events, 256, 0);
	for (int i = 0; i < n; i++) {
		struct client *c = events[i].data.ptr;
		if (load->opt.transport == UDP)
			drain(load, c->connection.fd, 4, false);
		else
			drain_connection(load, &c->connection);
	}
}

/* With a window of packets under way, those that do not come in a fifth of a second are lost. */
static bool window_is_full(struct load *load, uint64_t *lost, uint64_t *full_since)
{
	uint64_t under_way = load->sent - load->received - *lost;

	if (load->opt.packet_window == 0 || under_way < (uint64_t)load->opt.packet_window) {
		*full_since = 0;
		return false;
	}
	if (*full_since == 0)
		*full_since = now();
	if (now() - *full_since > SECOND / 5)
		*lost += under_way;
	return true;
}

static void relay_for(struct load *load)
{
	uint64_t begin = now(), end = begin + (uint64_t)(load->opt.seconds * 1e9);
	uint64_t lost = 0, full_since = 0;
	int at = 0;

	for (uint64_t time; (time = now()) < end;) {
		uint64_t due = load->opt.rate > 0
		                       ? (uint64_t)(load->opt.rate * (double)(time - begin) / 1e9)
		                       : UINT64_MAX;
		if (!window_is_full(load, &lost, &full_since) && load->sent < due)
			at = send_due(load, at, due);
		receive_all(load);
	}
}

/* What is still under way, until nothing has come for a while. Streams hold a lot of it; what a server
 * has not relayed after two seconds counts as lost. */
static void receive_rest(struct load *load)
{
	uint64_t begin = now(), last = begin, received = load->received;

	while (now() - last < SECOND / 10 && now() - begin < 2 * SECOND) {
		for (int i = 0; i < load->opt.clients; i++)
			connection_flush(&load->clients[i].connection);
		receive_all(load);
		if (load->received != received)
			last = now();
		received = load->received;
	}
}

/* ---- options and report ---- */

static struct sockaddr_in address_parse(const char *text, int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	char ip[64];
	const char *colon = strchr(text, ':');

	if (colon)
		port = atoi(colon + 1);
	snprintf(ip, sizeof ip, "%.*s", (int)(colon ? colon - text : (int)strlen(text)), text);
	if (inet_pton(AF_INET, ip, &address.sin_addr) != 1)
		die("%s is no IPv4 address", text);
	address.sin_port = htons((uint16_t)port);
	return address;
}

static enum mode mode_parse(const char *text)
{
	for (int i = 0; i < MODE_COUNT; i++)
		if (strcmp(text, MODES[i]) == 0)
			return (enum mode)i;
	die("no such mode: %s", text);
}

static enum transport transport_parse(const char *text)
{
	for (int i = 0; i < TRANSPORT_COUNT; i++)
		if (strcmp(text, TRANSPORTS[i]) == 0)
			return (enum transport)i;
	die("no such transport: %s", text);
}

static void usage(void)
{
	die("usage: turn_load --server IP:PORT --mode up|down|echo|idle|churn --clients N\n"
	    "  --size BYTES --seconds S --rate PACKETS/S --burst N [--gso] --window PACKETS\n"
	    "  --transport udp|tcp|tls|dtls --setup-window CLIENTS --total ALLOCATIONS "
	    "--server-pid PID (may repeat)\n"
	    "  --user U --password P --peer IP --bind IP");
}

static void options_take(struct options *opt, int option, const char *text)
{
	switch (option) {
	case 's':
		opt->server = address_parse(text, 3478);
		break;
	case 'P':
		opt->peer = address_parse(text, 0);
		break;
	case 'B':
		opt->bind = address_parse(text, 0);
		break;
	case 'u':
		opt->user = text;
		break;
	case 'w':
		opt->password = text;
		break;
	case 'c':
		opt->clients = atoi(text);
		break;
	case 'l':
		opt->size = atoi(text);
		break;
	case 't':
		opt->seconds = atof(text);
		break;
	case 'r':
		opt->rate = atof(text);
		break;
	case 'm':
		opt->mode = mode_parse(text);
		break;
	case 'T':
		opt->transport = transport_parse(text);
		break;
	case 'b':
		opt->burst = atoi(text);
		break;
	case 'g':
		opt->gso = true;
		break;
	case 'W':
		opt->packet_window = atoi(text);
		break;
	case 'S':
		opt->set_up_window = atoi(text);
		break;
	case 'n':
		opt->total = atol(text);
		break;
	case 'p':
		if (opt->pid_count < 16)
			opt->pids[opt->pid_count++] = atoi(text);
		break;
	default:
		usage();
	}
}

static void options_parse(struct options *opt, int argc, char **argv)
{
	static const struct option names[] = {
		{"server", 1, NULL, 's'},     {"peer", 1, NULL, 'P'},
		{"bind", 1, NULL, 'B'},       {"user", 1, NULL, 'u'},
		{"password", 1, NULL, 'w'},   {"clients", 1, NULL, 'c'},
		{"size", 1, NULL, 'l'},       {"seconds", 1, NULL, 't'},
		{"rate", 1, NULL, 'r'},       {"mode", 1, NULL, 'm'},
		{"burst", 1, NULL, 'b'},      {"gso", 0, NULL, 'g'},
		{"window", 1, NULL, 'W'},     {"setup-window", 1, NULL, 'S'},
		{"transport", 1, NULL, 'T'},  {"total", 1, NULL, 'n'},
		{"server-pid", 1, NULL, 'p'}, {NULL, 0, NULL, 0}};

	*opt = (struct options){.user = "u",
	                        .password = "p",
	                        .clients = 100,
	                        .size = 160,
	                        .burst = 1,
	                        .seconds = 5,
	                        .set_up_window = 1,
	                        .total = 10000};
	opt->server = address_parse("127.0.0.1", 3478);
	opt->peer = address_parse("127.0.0.1", 0);
	for (int option; (option = getopt_long(argc, argv, "", names, NULL)) != -1;)
		options_take(opt, option, optarg);
	if (opt->clients < 1 || opt->set_up_window < 1 || opt->burst < 1 || opt->burst > BATCH ||
	    opt->size < 16 || opt->size > 1400 || opt->size % 4 != 0)
		usage();
}

static void peer_open(struct load *load)
{
	int big = 8 << 20;
	socklen_t len = sizeof load->opt.peer;

	load->peer_fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (setsockopt(load->peer_fd, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof big))
		setsockopt(load->peer_fd, SOL_SOCKET, SO_RCVBUF, &big, sizeof big);
	if (bind(load->peer_fd, (struct sockaddr *)&load->opt.peer, len) ||
	    getsockname(load->peer_fd, (struct sockaddr *)&load->opt.peer, &len))
		die("the peer's socket: %s", strerror(errno));
}

static void load_init(struct load *load)
{
	struct rlimit files = {1 << 18, 1 << 18};

	setrlimit(RLIMIT_NOFILE, &files); /* not root: what there is must do */
	load->epoll = epoll_create1(EPOLL_CLOEXEC);
	load->clients = calloc((size_t)load->opt.clients, sizeof *load->clients);
	load->latency_us = calloc(LATENCIES_MAX, sizeof *load->latency_us);
	if (load->epoll < 0 || !load->clients || !load->latency_us)
		die("out of memory");
	peer_open(load);
}

static int compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static uint32_t percentile(const struct load *load, double part)
{
	if (load->latency_count == 0)
		return 0;
	return load->latency_us[(size_t)((double)(load->latency_count - 1) * part)];
}

static void report_relay(struct load *load, uint64_t begin, uint64_t cpu)
{
	double seconds = (double)(now() - begin) / 1e9, lost;
	uint64_t received = load->received;
	double relayed = (double)received * (load->opt.mode == MODE_ECHO ? 2 : 1);

	cpu = server_cpu_ns(&load->opt) - cpu;
	receive_rest(load);
	lost = (double)load->sent - (double)load->received;
	qsort(load->latency_us, load->latency_count, sizeof *load->latency_us, compare_u32);
	printf("\"offered_pps\":%.0f,\"relayed_pps\":%.0f,\"loss_pct\":%.3f,\"mbit_s\":%.1f,"
	       "\"server_ns_per_packet\":%.0f,\"server_cpu_pct\":%.1f,"
	       "\"lat_us\":{\"p50\":%u,\"p90\":%u,\"p99\":%u,\"p999\":%u}}\n",
	       (double)load->sent / seconds, relayed / seconds,
	       load->sent ? 100 * lost / (double)load->sent : 0.0,
	       (double)received * load->opt.size * 8 / seconds / 1e6,
	       relayed > 0 ? (double)cpu / relayed : 0.0, (double)cpu / seconds / 1e7,
	       percentile(load, .5), percentile(load, .9), percentile(load, .99),
	       percentile(load, .999));
}

static void run(struct load *load)
{
	const struct options *opt = &load->opt;
	long rss = server_rss_kb(opt);
	uint64_t cpu = server_cpu_ns(opt), begin = now();

	if (opt->mode == MODE_CHURN)
		churn(load);
	else
		drive(load, ALLOCATING);

	double count = opt->mode == MODE_CHURN ? (double)opt->total : (double)opt->clients;
	double seconds = (double)(now() - begin) / 1e9;
	long rss_now = server_rss_kb(opt);
	printf("{\"transport\":\"%s\",\"mode\":\"%s\",\"clients\":%d,\"size\":%d,\"burst\":%d,"
	       "\"setup_per_s\":%.0f,"
	       "\"setup_cpu_us\":%.1f,\"rss_kb\":%ld,\"rss_bytes_per_client\":%.0f,",
	       TRANSPORTS[opt->transport], MODES[opt->mode], opt->clients, opt->size, opt->burst,
	       count / seconds, (double)(server_cpu_ns(opt) - cpu) / 1e3 / count, rss_now,
	       (double)(rss_now - rss) * 1024 / opt->clients);
	cpu = server_cpu_ns(opt);
	begin = now();
	if (opt->mode == MODE_IDLE)
		usleep((useconds_t)(opt->seconds * 1e6));
	else if (opt->mode != MODE_CHURN)
		relay_for(load);
	report_relay(load, begin, cpu);
	/* A stream's allocation is released with it, and its requests would wait behind what is under way. */
	if (opt->mode != MODE_CHURN && !transport_is_stream(opt->transport))
		drive(load, RELEASING);
}

int main(int argc, char **argv)
{
	struct load load = {0};

	options_parse(&load.opt, argc, argv);
	load_init(&load);
	run(&load);
	for (int i = 0; i < load.opt.clients; i++)
		connection_close(&load.clients[i].connection);
	close(load.peer_fd);
	close(load.epoll);
	free(load.clients);
	free(load.latency_us);
	return 0;
}
