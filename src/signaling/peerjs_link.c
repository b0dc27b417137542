/* Calls to participants of other dialects: PeerJS's clients tell calls apart by a connectionId, which the other side never gets to see. */
#include <string.h>

#include "base/bytes.h"
#include "signaling/peerjs.h"

static struct peerjs_link *find(struct peerjs *own, const char *peer)
{
	for (unsigned i = 0; i < PEERJS_LINKS; i++)
		if (peer[0] != '\0' && strcmp(own->links[i].peer, peer) == 0)
			return &own->links[i];
	return NULL;
}

void peerjs_link_keep(struct peerjs *own, const char *peer, struct slice connection, bool is_data)
{
	struct peerjs_link *link = find(own, peer);

	if (connection.len > PEERJS_CONNECTION_MAX)
		return;
	if (link == NULL)
		link = &own->links[own->next_link++ % PEERJS_LINKS];
	if (text_copy(link->peer, sizeof link->peer, peer) != OK)
		return;
	memcpy(link->connection, connection.at, connection.len);
	link->connection[connection.len] = '\0';
	link->is_data = is_data;
}

void peerjs_link_forget(struct peerjs *own, const char *peer)
{
	struct peerjs_link *link = find(own, peer);

	if (link != NULL)
		link->peer[0] = '\0';
}

const struct peerjs_link *peerjs_link_find(const struct peerjs *own, const char *peer)
{
	return find((struct peerjs *)own, peer);
}
