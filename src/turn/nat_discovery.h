/* NAT behaviour discovery (RFC 5780) beside Binding: where the answer comes from and goes to, and
 * which other address of ours a client may try. Private to the folder. */
#pragma once

#include "turn/request.h"

/* Adds to the message's unknown attributes those of RFC 5780 and RFC 3489 that this server does not
 * understand in it: all of them but in a Binding request, CHANGE-REQUEST where there is no second
 * address. */
void nat_discovery_add_unknown(struct request *request);

/* Reads CHANGE-REQUEST, RESPONSE-PORT and PADDING, and says in the request where the answer leaves
 * from and where to. STUN_BAD_REQUEST for what does not go together (RFC 5780 section 6.1) or only
 * goes by UDP. */
int nat_discovery_read(struct request *request);

/* Write what RFC 5780 section 6.1 adds to a Binding response, or RFC 3489 section 8.1 to one of its
 * own. */
void nat_discovery_put(struct request *request);
void nat_discovery_put_rfc3489(struct request *request);
