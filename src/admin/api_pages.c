/* Who is of all realms, or names a tenant, is answered what turnsignal answers. For a realm's administrator its tenants are asked for one
 * after the other until the page is full: "next" is TENANT:PLACE then, the place within the rows of that tenant. */
#include "admin/api_pages.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/api_path.h"
#include "admin/api_tenants.h"
#include "control/message.h"

enum {
	LIMIT_DEFAULT = 100,
	LIMIT_MAX = 500,
	LIMIT_OF_SIGNALING = 256, /* as many as it gives at once */
	TENANTS_AT_ONCE = 32,     /* with many that have nothing the page ends before it is full */
};

struct paging {
	struct api_call *call;
	const struct api_pages *pages;
	json_t *filters; /* owned */
	json_int_t limit;
	const char *after;             /* of the query; NULL: the first page */
	json_t *rows, *missing, *next; /* owned */
};

/* A text of the query for people; what is missing stays NULL. False: it was refused. */
static bool get_text(struct api_call *call, const char *name, const char **text)
{
	*text = http_query(call->http, name);
	if (*text == NULL || api_text_is_plain(*text))
		return true;
	api_refuse(call, 400, "bad-member", "%s: give a text without control characters", name);
	return false;
}

static bool read_filters(struct paging *paging)
{
	const size_t max = sizeof paging->pages->filters / sizeof paging->pages->filters[0];
	const char *text;

	for (size_t i = 0; i < max && paging->pages->filters[i] != NULL; i++) {
		const char *name = paging->pages->filters[i];
		if (!get_text(paging->call, name, &text))
			return false;
		if (text != NULL && text[0] != '\0')
			json_object_set_new(paging->filters, name, json_string(text));
	}
	return true;
}

static bool read_query(struct paging *paging, const char **tenant)
{
	paging->limit = LIMIT_DEFAULT;
	paging->after = http_query(paging->call->http, "after");
	if (!api_query_number(paging->call, "limit", 1, LIMIT_MAX, &paging->limit) ||
	    !get_text(paging->call, "tenant", tenant) || !read_filters(paging))
		return false;
	if (paging->limit > LIMIT_OF_SIGNALING)
		paging->limit = LIMIT_OF_SIGNALING;
	return true;
}

/* NULL: it was refused. */
static json_t *ask(struct paging *paging, const char *tenant, const char *after, size_t have)
{
	json_t *arguments = json_copy(paging->filters);

	if (tenant[0] != '\0')
		json_object_set_new(arguments, "tenant", json_string(tenant));
	if (after != NULL && after[0] != '\0')
		json_object_set_new(arguments, "after", control_text(after));
	json_object_set_new(arguments, "limit", json_integer(paging->limit - (json_int_t)have));
	return api_ask(paging->call, API_SIGNALING, paging->pages->request, arguments);
}

/* How many there are of all tenants is for who sees them all. */
static void answer_as_it_is(struct paging *paging, const char *tenant)
{
	json_t *page = ask(paging, tenant, paging->after, 0);

	if (page == NULL)
		return;
	if (paging->call->who.realm[0] != '\0')
		json_object_del(page, "total");
	api_answer(paging->call, page);
}

/* ---- of a realm ---- */

static void add_missing(json_t *missing, const json_t *names)
{
	const json_t *name, *there;
	size_t i, j;

	json_array_foreach(names, i, name)
	{
		bool is_there = false;
		json_array_foreach(missing, j, there) is_there |= json_equal(there, name) != 0;
		if (!is_there)
			json_array_append(missing, (json_t *)(uintptr_t)name);
	}
}

static void set_next(struct paging *paging, const char *tenant, const char *place)
{
	json_decref(paging->next);
	paging->next = json_sprintf("%s:%s", tenant, place);
}

/* The rest of the rows of a tenant, as far as the page has room. False: it was refused. */
static bool add_rows(struct paging *paging, const char *tenant, const char *after)
{
	json_t *page = ask(paging, tenant, after, json_array_size(paging->rows));
	const char *next = json_string_value(json_object_get(page, "next"));

	if (page == NULL)
		return false;
	json_array_extend(paging->rows, json_object_get(page, paging->pages->items));
	add_missing(paging->missing, json_object_get(page, "missing"));
	if (next != NULL)
		set_next(paging, tenant, next);
	json_decref(page);
	return true;
}

/* Splits "next" of the page before into a tenant and a place within its rows; without one it is the first of all. */
static const char *read_place(const struct paging *paging, char tenant[STORE_TENANT_MAX + 1])
{
	const char *colon = paging->after == NULL ? NULL : strchr(paging->after, ':');
	size_t len = colon == NULL ? 0 : (size_t)(colon - paging->after);

	tenant[0] = '\0';
	if (colon == NULL || len > STORE_TENANT_MAX)
		return "";
	memcpy(tenant, paging->after, len);
	tenant[len] = '\0';
	return colon + 1;
}

static bool add_tenants(struct paging *paging, const struct api_tenants *tenants)
{
	char begin[STORE_TENANT_MAX + 1];
	const char *place = read_place(paging, begin);
	size_t i = 0, asked = 0;

	while (i < tenants->count && strcmp(tenants->name[i], begin) < 0)
		i++;
	for (; i < tenants->count && json_is_null(paging->next); i++) {
		const char *name = tenants->name[i];
		bool is_full = json_array_size(paging->rows) >= (size_t)paging->limit;
		if (is_full || asked++ == TENANTS_AT_ONCE)
			set_next(paging, name, "");
		else if (!add_rows(paging, name, strcmp(name, begin) == 0 ? place : NULL))
			return false;
	}
	return true;
}

static void answer_of_realm(struct paging *paging)
{
	struct api_tenants tenants;

	if (!api_take_tenants(paging->call, &tenants))
		return;
	paging->rows = json_array();
	paging->missing = json_array();
	paging->next = json_null();
	if (add_tenants(paging, &tenants))
		api_answer(paging->call,
		           json_pack("{s:O, s:O, s:O}", paging->pages->items, paging->rows, "next",
		                     paging->next, "missing", paging->missing));
	api_give_tenants(&tenants);
	json_decref(paging->rows);
	json_decref(paging->missing);
	json_decref(paging->next);
}

void api_answer_page(struct api_call *call, const struct api_pages *pages)
{
	struct paging paging = {.call = call, .pages = pages, .filters = json_object()};
	const char *tenant = NULL;

	if (read_query(&paging, &tenant)) {
		if (tenant == NULL)
			tenant = "";
		if (tenant[0] == '\0' && call->who.realm[0] != '\0')
			answer_of_realm(&paging);
		else if (api_may_tenant(call, tenant))
			answer_as_it_is(&paging, tenant);
	}
	json_decref(paging.filters);
}
