/* Datagrams sorted. Whose socket they came from is left to udp.c and udp_endpoint.c. */
#include "listeners/datagrams.h"

#include "listeners/demux.h"

static enum demux sort(const struct datagrams *datagrams, const struct packet *packet);
static void deliver(struct datagrams *datagrams, struct path *path, struct packet *packets,
                    size_t n);

enum err datagrams_init(struct datagrams *datagrams, const struct listener_host *host,
                        const struct transport_addr *server, bool serve_udp)
{
	datagrams->host = host;
	datagrams->server = *server;
	datagrams->serve_udp = serve_udp;
	for (size_t i = 0; i < DATAGRAMS_BATCH; i++) {
		datagrams->tuples[i].server = *server;
		datagrams->tuples[i].transport = TRANSPORT_UDP;
	}
	return host->dtls != NULL ? dtls_server_create(host, server, &datagrams->dtls) : OK;
}

enum err datagrams_serve_dtls(struct datagrams *datagrams)
{
	return datagrams->dtls != NULL
	               ? OK
	               : dtls_server_create(datagrams->host, &datagrams->server, &datagrams->dtls);
}

void datagrams_deinit(struct datagrams *datagrams)
{
	dtls_server_destroy(datagrams->dtls);
}

/* Messages that follow each other make a run, and a run is one call. */
void datagrams_input(struct datagrams *datagrams, struct path *path, struct io_socket *socket,
                     struct packet *packets, size_t n)
{
	size_t first = 0;

	for (size_t i = 0; i < n; i++) {
		enum demux kind = sort(datagrams, &packets[i]);

		if (kind == DEMUX_STUN || kind == DEMUX_CHANNEL_DATA) {
			datagrams->tuples[i - first].client = packets[i].src;
			if (i - first + 1 < DATAGRAMS_BATCH)
				continue;
			deliver(datagrams, path, packets + first, DATAGRAMS_BATCH);
		} else {
			deliver(datagrams, path, packets + first, i - first);
			if (kind == DEMUX_DTLS)
				dtls_server_input(datagrams->dtls, socket, &packets[i]);
			else
				counter_add_for(datagrams->host->counters, TRANSPORT_UDP,
				                COUNT_drop_malformed, 1);
		}
		first = i + 1;
	}
	deliver(datagrams, path, packets + first, n - first);
}

static enum demux sort(const struct datagrams *datagrams, const struct packet *packet)
{
	enum demux kind = packet->len > 0 ? demux_datagram(packet->data[0]) : DEMUX_UNKNOWN;
	bool is_served = kind == DEMUX_DTLS ? datagrams->dtls != NULL : datagrams->serve_udp;

	return is_served ? kind : DEMUX_UNKNOWN;
}

static void deliver(struct datagrams *datagrams, struct path *path, struct packet *packets,
                    size_t n)
{
	const struct listener_host *host = datagrams->host;

	if (n > 0)
		host->input(host->context, path, datagrams->tuples, packets, n);
}
