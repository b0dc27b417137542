/* Relaying enforced: candidates that are not relayed are taken out of what passes, so that no client learns the
 * other's address. Pure functions.
 *
 * What passes in a room that takes relayed candidates alone:
 *   offers and answers   with the SDP written anew (relay_only_sdp), and those of their other members that the dialects know and
 *                        that name no address. Without an SDP that can be parsed they do not pass
 *   candidates           relayed ones, written anew (relay_only_candidate); the empty one that ends them
 *   all others           as they are, unless a candidate or an SDP is hidden in them: they do not pass then
 * The same holds for what participants say of themselves (attributes) and call themselves (aliases). Addresses that are part of neither
 * stay theirs to tell. Nor can a client be caught that calls a candidate relayed which is not: it gives away what it wants to. */
#pragma once

#include <stdbool.h>

#include "base/slice.h"
#include "signaling/event.h"
#include "signaling/text.h"

/* Gives the message without them: filtered's slices lie within out, or, where nothing had to go, within message. False: nothing
 * of it may pass. Members that stay are byte for byte what they were. */
bool relay_only_filter(const struct message *message, struct text *out, struct message *filtered);

/* Append what may pass of a decoded SDP (RFC 8866), or of a decoded candidate (RFC 8839 section 5.1: "candidate:..."). False: none
 * of it; what was appended is not to be used. */
bool relay_only_sdp(struct slice sdp, struct text *out);
bool relay_only_candidate(struct slice candidate, struct text *out);

/* Whether a candidate or an SDP is hidden anywhere in a JSON value; in a decoded text. */
bool relay_only_hides(struct slice value);
bool relay_only_hides_in_text(struct slice plain);
/* Appends a JSON object but for the members that hide one. */
void relay_only_attributes(struct slice attributes, struct text *out);

/* Whether a decoded text names an IPv4 or IPv6 address other than 0.0.0.0 and ::, or a multicast DNS name. */
bool relay_only_names_address(struct slice text);
