/* Pages of what turnsignal has: of all tenants, of one, or of those of a realm, one tenant after the other. */
#pragma once

#include "admin/api.h"

struct api_pages {
	const char *request, *items; /* "room list", "rooms" */
	const char *filters[4];      /* what else of the query is asked for; NULL: no more */
};

/* Answers with the page that limit, after, tenant and the filters of the query tell. */
void api_answer_page(struct api_call *call, const struct api_pages *pages);
