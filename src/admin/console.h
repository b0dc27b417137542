/* turnconsole: what its parts share. Made at the start and never changed; what changes is inside of its parts, which have
 * their own locks. */
#pragma once

#include <pthread.h>

#include "admin/history.h"
#include "admin/http.h"
#include "admin/sign_in.h"
#include "admin/web_files.h"
#include "config/config.h"
#include "store/store.h"

struct console {
	const struct config *config;
	const char *relay_socket, *signaling_socket; /* control sockets; "" : none */
	struct sign_in *sign_in;
	struct history *history;
	struct web_files *files;             /* pages */
	struct http_server *https, *metrics; /* NULL: it is off */
	pthread_mutex_t store_lock;
	struct store *store;        /* NULL: away; under store_lock */
	pthread_mutex_t ready_lock; /* one asks whether the relay is there, and then the next */
	const char *relay_state;    /* static; NULL: not asked yet; under ready_lock */
	timestamp relay_asked_at;
	bool is_plain; /* HTTP without TLS, for reverse proxies: the cookie has no __Host- then */
};

/* Takes the store, which others then wait for; NULL: it is away. Opens it anew where its file was replaced or Redis was away. */
struct store *console_take_store(struct console *console);
void console_release_store(struct console *console);
