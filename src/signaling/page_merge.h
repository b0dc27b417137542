/* One page of many parts: what each hub has of it (hub_page.c), in the order of the keys. */
#pragma once

#include <stddef.h>

#include <jansson.h>

/* Returns {"matched": N, "total": N, ITEMS: [...], "next": KEY or null} with at most limit rows, which have lost their keys; NULL:
 * no memory. A page that follows begins behind next. */
json_t *page_merge(const json_t *parts, const char *items, size_t limit);
