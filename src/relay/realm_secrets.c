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

static struct realm_secrets *create(const char *realm, const struct secret *secrets, size_t count)
{
	struct realm_secrets *created = malloc(sizeof *created + count * sizeof secrets[0]);

	if (created == NULL)
		return NULL;
	created->realm = strdup(realm);
	created->uses = calloc(count + 1, sizeof created->uses[0]);
	if (created->realm == NULL || created->uses == NULL) {
		free(created->uses);
		free(created->realm);
		free(created);
		return NULL;
	}
	created->count = count;
	memcpy(created->secrets, secrets, count * sizeof secrets[0]);
	return created;
}

enum err secrets_table_set(struct secrets_table *table, const char *realm,
                           const struct secret *secrets, size_t count)
{
	struct realm_secrets *old = find(table, realm), *created = create(realm, secrets, count);

	if (old != NULL && created != NULL)
		secret_uses_take_over(created->uses, secrets, count, old->uses, old->secrets,
		                      old->count);
	if (old == NULL && table->count == REALM_SECRETS_MAX)
		old = CONTAINER_OF(list_first(&table->realms), struct realm_secrets, node);
	if (old != NULL)
		remove_realm(table, old);
	if (created == NULL)
		return ERR_NO_MEMORY;
	list_append(&table->realms, &created->node);
	table->count++;
	return OK;
}

/* Both are few. Who is compared with whom is seen by nobody. */
void secret_uses_take_over(struct secret_use *uses, const struct secret *secrets, size_t count,
                           const struct secret_use *uses_before,
                           const struct secret *secrets_before, size_t count_before)
{
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < count_before; j++)
			if (strcmp(secrets[i].text, secrets_before[j].text) == 0)
				uses[i] = uses_before[j];
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
	free(secrets->uses);
	free(secrets->realm);
	free(secrets);
}
