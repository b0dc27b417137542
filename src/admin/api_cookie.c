/* The cookie of a sign-in. A browser takes one that is called __Host- only by HTTPS, for this host alone and all of its paths
 * (RFC 6265bis section 4.1.3.2): no other server of the domain can set it. Scripts do not see it, and no other site's page sends it. */
#include <stdio.h>

#include "admin/api.h"
#include "admin/console.h"
#include "base/bytes.h"

static const char *name_of(const struct console *console)
{
	return console->is_plain ? "turnstone" : "__Host-turnstone";
}

const char *api_cookie(const struct api_call *call)
{
	return http_cookie(call->http, name_of(call->console));
}

/* Without an age it ends with the browser; the sign-in itself ends in any case. */
void api_set_cookie(struct api_call *call, const char *value)
{
	char header[SIGN_IN_COOKIE_SIZE + 128];

	snprintf(header, sizeof header, "%s=%s; Path=/; HttpOnly; SameSite=Strict%s%s",
	         name_of(call->console), value != NULL ? value : "",
	         call->console->is_plain ? "" : "; Secure", value == NULL ? "; Max-Age=0" : "");
	http_set_header(call->http, "Set-Cookie", header);
	bytes_wipe(header, sizeof header);
}
