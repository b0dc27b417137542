/* TURN credentials as pages take them. The v1/webrtc API has words of its own for them; the others had none, and say what a page hands to
 * its RTCPeerConnection as it is. */
#pragma once

#include "signaling/event.h"
#include "signaling/text.h"

/* Write members of an object that is open. */
/* "iceServers", as RTCConfiguration has them (WebRTC section 4.2.1), and "ttl", in seconds. Of the zone that is best for this client: more
 * servers would make it slow. */
void ice_servers_put(struct text *text, const struct turn_credentials *turn);
/* "zones" [{id, label, labels, prio, uris}] and "geo_uri", where there are some: for pages in which a person chooses. */
void ice_servers_put_zones(struct text *text, const struct turn_credentials *turn);
