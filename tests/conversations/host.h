/* The host of a conversation: it does what worker threads do for hubs, without a socket or a clock. Answers to questions
 * are scripted; what goes to a client waits until the conversation expects it. */
#pragma once

#include "config/config.h"
#include "signaling/http_exchange.h"
#include "signaling/hub.h"
#include "signaling/json_text.h"
#include "signaling/services.h"

enum {
	HUBS_MAX = 8,
	CLIENTS_MAX = 64,
	INBOX_MAX = 4096,
	IDENTITIES_MAX = 32,
	NOTES_MAX = 512,
	HEADERS_MAX = 16,
	ROOMS_MAX = 256
};

struct client {
	char name[32];
	struct hub *hub;
	struct session *session; /* NULL: its connection is gone */
	const struct dialect *dialect;
	struct buffer *inbox[INBOX_MAX];
	unsigned count;
	bool is_stalled; /* it reads nothing: of what it was sent, the last ones have not left */
	unsigned unsent;
	bool is_closed, is_paused;
	unsigned close_code;
	char close_reason[128];
	unsigned refused; /* HTTP status of its upgrade; 0: it was taken */
	char *refusal;    /* owned: the body */
};

struct scripted { /* a proof, and whom it proves */
	char proof[256];
	struct identity identity;
	enum signaling_error error; /* OK: the identity */
};

struct note { /* something the host was told and need not answer */
	char kind[32];
	char *json; /* owned */
};

struct placed_room {
	char key[400];
	struct hub_place place;
	uint64_t generation;
};

/* What is kept of a session, as text, and whose it is; text NULL: it was taken, and not told anew yet. */
struct kept_session {
	char id[SESSION_ID_SIZE];
	uint32_t tenure;
	struct hub_place place;
	char *text; /* owned */
};

struct kept_room { /* what is kept of a room */
	char key[400], owner[USER_NAME_MAX + 1], pin[512];
	struct room_facts facts; /* its texts are these */
	char *kicked;            /* owned */
};

struct header {
	char name[64], value[8192];
};

struct host {
	struct hub_settings settings;
	struct channelling_rules *rules; /* owned */
	unsigned nodes;
	struct hub *hubs[HUBS_MAX]; /* node by node; NULL: lost */
	unsigned hub_count;
	struct tenant_counts *counts[HUBS_MAX]; /* owned: of the nodes */
	timestamp now;
	uint64_t start_wall_ms;
	struct client *clients[CLIENTS_MAX]; /* owned */
	unsigned client_count;
	struct scripted identities[IDENTITIES_MAX];
	unsigned identity_count;
	bool holds_credentials, has_credentials;
	char username[64];
	uint32_t ttl_s;
	unsigned issued; /* credentials so far: the number is behind the username */
	uint64_t held_cookies[64];
	struct hub *held_hubs[64];
	unsigned held_count;
	struct note notes[NOTES_MAX];
	unsigned note_count;
	struct placed_room rooms[ROOMS_MAX];
	unsigned room_count;
	struct kept_room kept[ROOMS_MAX];
	unsigned kept_count;
	uint64_t generation;
	bool has_no_registry;
	struct kept_session sessions[CLIENTS_MAX];
	unsigned session_count;
	bool is_lost[HUBS_MAX + 1]; /* nodes, as the others have heard */
	unsigned cut_off;           /* a node that hears no other, nor the registry; 0: none */
	struct hub_place gives;     /* where new rooms are; node 0: at who asks first */
	/* Questions what is kept of rooms, unanswered for as long as the conversation likes. */
	bool holds_recalls;
	struct held_recall {
		struct hub *hub;
		uint64_t cookie;
		char key[400];
	} recalls[16];
	unsigned recall_count;
	/* Posts from one hub to another that are on their way for as long as the conversation likes. */
	bool holds_posts;
	struct hub_place held_from, held_to;
	struct post *held_posts[64]; /* owned */
	unsigned held_post_count;
	char relay_tenant[65]; /* that takes relayed candidates alone */
	uint32_t tenant_sessions_max, tenant_rooms_max, tenant_room_capacity;
	struct signaling_services services;
	struct config *config; /* owned */
	struct turn_credentials credentials;
	char issued_name[96];
};

/* A request by HTTP, and its answer. */
struct http_exchange {
	struct host *host;
	struct hub *hub;
	enum http_method method;
	char path[1024], query[4096];
	const char *pattern; /* of its route */
	struct header headers[HEADERS_MAX];
	unsigned header_count;
	char *body; /* owned */
	char address[64];
	char subprotocol[64];
	bool is_answered, allows_origins;
	unsigned status;
	char content_type[64];
	char *answer; /* owned */
	size_t answer_len;
	struct header answer_headers[HEADERS_MAX];
	unsigned answer_header_count;
	char own[64];
	char segment[256];
};

void host_init(struct host *host);
void host_deinit(struct host *host);
bool host_start(struct host *host);                                   /* makes the hubs, once */
struct hub_place host_place_at(const struct host *host, unsigned at); /* of its hubs */
struct hub *host_hub(struct host *host, unsigned node, unsigned worker);
struct client *host_find_client(struct host *host, const char *name);
struct client *host_open(struct host *host, const char *name, struct http_exchange *exchange,
                         const struct identity *identity);
void host_input(struct host *host, struct client *client, struct slice text);
void host_close(struct host *host, struct client *client, bool is_clean);
void host_drain_client(struct host *host, struct client *client);
void host_shift(struct client *client);
void host_wait(struct host *host, timestamp ms);
void host_run(struct host *host); /* carries out what all hubs want */
void host_let_posts_go(struct host *host);
void host_forget_rooms(struct host *host); /* nothing is kept of any */
void host_let_recalls_go(struct host *host);
bool host_answer_credentials(struct host *host, bool has_some);
uint64_t host_wall_ms(const struct host *host);
const struct scripted *host_proof(const struct host *host, const char *proof);
void host_note(struct host *host, const char *kind, struct slice json);
const char *host_error_name(enum signaling_error error);

/* host_nodes.c: nodes that are lost, and what is kept of their sessions */
void host_keep_session(struct host *host, struct hub_place place, const struct hub_action *action);
void host_find_session(struct host *host, struct hub *hub, struct hub_place asker,
                       const struct hub_action *action);
void host_forget_kept(struct host *host);
void host_kill(struct host *host, unsigned node); /* nobody has heard of it yet */
void host_lose(struct host *host, unsigned node); /* kills it where it is there, and tells */
void host_cut_off(struct host *host, unsigned node);
void host_mend(struct host *host);
void host_lose_post(struct host *host, struct post *post,
                    uint32_t to); /* to a node that does not hear it */

/* exchange.c */
bool exchange_run(struct http_exchange *exchange); /* false: no route */
void exchange_deinit(struct http_exchange *exchange);
