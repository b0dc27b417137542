/* New allocations that are made elsewhere: error 300 with ALTERNATE-SERVER (RFC 8489 section 10), and
 * 508 from a server that drains and knows no other. What exists already stays. Private to the
 * folder. */
#pragma once

#include "turn/request.h"

/* What is to be said to an Allocate before it is looked at any closer: STUN_NO_ERROR, 300, or 508.
 * RFC 8656 section 7.2 allows the redirection at any point. */
int redirect(struct request *request);

/* The same for a request without integrity, whose answer needs none. Who signs his request discards
 * an answer that is not signed (RFC 8489 section 9.2.5): he is authenticated first. So is who has to be
 * told another name for a certificate. */
int redirect_stranger(struct request *request);

/* Writes what redirect() chose into the answer, as the world knows it. */
void redirect_put(struct request *request);
