/* An intrusive doubly linked list. A node that is in no list points at itself or is zero. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *prev;
};

#define CONTAINER_OF(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))
#define LIST_FOR_EACH(node, head)                                                         \
	for (struct list *node = (head)->next, *node##_next = node->next; node != (head); \
	     node = node##_next, node##_next = node->next)

static inline void list_init(struct list *list)
{
	list->next = list->prev = list;
}
static inline bool list_is_empty(const struct list *list)
{
	return list->next == list;
}
static inline bool list_is_linked(const struct list *node)
{
	return node->next != NULL && node->next != node;
}
static inline void list_append(struct list *list, struct list *node)
{
	node->prev = list->prev;
	node->next = list;
	list->prev->next = node;
	list->prev = node;
}
static inline void list_prepend(struct list *list, struct list *node)
{
	list_append(list->next, node);
}
static inline void list_remove(struct list *node)
{
	if (!list_is_linked(node))
		return;
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}
/* Returns the first node, still in the list; NULL when there is none. */
static inline struct list *list_first(const struct list *list)
{
	return list_is_empty(list) ? NULL : list->next;
}
