/* Secrets by realm, in a list: a server has few realms, and is asked once in a while, as the cache in
 * front answers the rest. */
#include "relay/realm_secrets.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

static struct realm_secrets *find(const struct secrets_table *table, const char *realm);
static void remove_realm(struct secrets_table *table, struct realm_secrets *secrets);

void secrets_table_init(struct secrets_table *table)
{
	table->count = 0;
	list_init(&table->realms);
}

void secrets_table_deinit(struct secrets_table *table)
{
	struct list *node;

	while ((node = list_first(&table->realms)) != NULL)
		remove_realm(table, CONTAINER_OF(node, struct realm_secrets, node));
}

const struct realm_secrets *secrets_table_find(const struct secrets_table *table, const char *realm)
{
	return find(table, realm);
}

enum err secrets_table_set(struct secrets_table *table, const char *realm,
                           const struct secret *secrets, size_t count)
{
	struct realm_secrets *old = find(table, realm), *created;

	if (old == NULL && table->count == REALM_SECRETS_MAX)
		old = CONTAINER_OF(list_first(&table->realms), struct realm_secrets, node);
	if (old != NULL)
		remove_realm(table, old);
	created = malloc(sizeof *created + count * sizeof secrets[0]);
	if (created == NULL)
		return ERR_NO_MEMORY;
	created->realm = strdup(realm);
	if (created->realm == NULL) {
		free(created);
		return ERR_NO_MEMORY;
	}
	created->count = count;
	memcpy(created->secrets, secrets, count * sizeof secrets[0]);
	list_append(&table->realms, &created->node);
	table->count++;
	return OK;
}

static struct realm_secrets *find(const struct secrets_table *table, const char *realm)
{
	LIST_FOR_EACH (node, &table->realms) {
		struct realm_secrets *secrets = CONTAINER_OF(node, struct realm_secrets, node);
		if (strcmp(secrets->realm, realm) == 0)
			return secrets;
	}
	return NULL;
}

static void remove_realm(struct secrets_table *table, struct realm_secrets *secrets)
{
	list_remove(&secrets->node);
	table->count--;
	bytes_wipe(secrets->secrets, secrets->count * sizeof secrets->secrets[0]);
	free(secrets->realm);
	free(secrets);
}
