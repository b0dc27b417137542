/* "secret uses": each thread tells what it has counted, by marks; the sums are what the server knows since its start. While a secret is
 * replaced by another, the use of the old one is seen to end. */
#include "relay/secret_requests.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/bytes.h"
#include "control/message.h"
#include "relay/credentials.h"
#include "relay/main_thread.h"
#include "relay/realm_secrets.h"
#include "relay/thread.h"

struct part { /* what a thread has of a realm */
	struct part *next;
	bool is_configured;
	char realm[TURN_REALM_MAX + 1];
	size_t count;
	struct secret_use uses[];
};

struct gathering {          /* the parts of one thread */
	struct part *parts; /* owned */
	bool lacks_memory;
};

struct survey {
	struct circular circular;
	struct control_request *request;
	bool is_of_one;
	char realm[TURN_REALM_MAX + 1];
	size_t thread_count;
	struct gathering of_thread[];
};

static void gather(struct circular *circular, struct relay_thread *thread);
static void answer(struct circular *circular);
static void survey_free(struct survey *survey);

static struct survey *survey_create(struct control_request *request, const struct relay *relay)
{
	struct survey *survey =
		calloc(1, sizeof *survey + relay->thread_count * sizeof survey->of_thread[0]);

	if (survey == NULL)
		return NULL;
	survey->circular = (struct circular){.run = gather, .done = answer};
	survey->request = request;
	survey->thread_count = relay->thread_count;
	return survey;
}

static bool get_realm(struct control_request *request, struct survey *survey)
{
	const char *realm = NULL;

	if (!control_get_text(request, "realm", &realm))
		return false;
	survey->is_of_one = realm != NULL;
	if (realm == NULL || text_copy(survey->realm, sizeof survey->realm, realm) == OK)
		return true;
	control_refuse(request, "realm: it is longer than %d bytes", TURN_REALM_MAX);
	return false;
}

void secret_uses(struct control_request *request, void *context)
{
	struct main_thread *main_thread = context;
	struct survey *survey = survey_create(request, main_thread->relay);

	if (survey == NULL) {
		control_refuse(request, "%s", err_string(ERR_NO_MEMORY));
	} else if (!get_realm(request, survey) || main_thread_refuses(main_thread, request)) {
		survey_free(survey);
	} else if (circular_begin(&main_thread->circulars, &survey->circular) != OK) {
		survey_free(survey);
		control_refuse(request, "%s", err_string(ERR_NO_MEMORY));
	}
}

static void survey_free(struct survey *survey)
{
	for (size_t i = 0; i < survey->thread_count; i++)
		while (survey->of_thread[i].parts != NULL) {
			struct part *part = survey->of_thread[i].parts;
			survey->of_thread[i].parts = part->next;
			free(part);
		}
	free(survey);
}

/* ---- on each thread ---- */

static void keep(const struct credentials_uses *told, void *context)
{
	struct gathering *gathering = context;
	struct part *part = malloc(sizeof *part + told->count * sizeof part->uses[0]);

	if (part == NULL || text_copy(part->realm, sizeof part->realm, told->realm) != OK) {
		free(part);
		gathering->lacks_memory = true;
		return;
	}
	part->is_configured = told->is_configured;
	part->count = told->count;
	memcpy(part->uses, told->uses, told->count * sizeof part->uses[0]);
	part->next = gathering->parts;
	gathering->parts = part;
}

static void gather(struct circular *circular, struct relay_thread *thread)
{
	struct survey *survey = CONTAINER_OF(circular, struct survey, circular);

	credentials_tell_uses(thread->credentials, survey->is_of_one ? survey->realm : NULL, keep,
	                      &survey->of_thread[thread->index]);
}

/* ---- on the main thread ---- */

static json_t *describe(const struct part *part, const struct secret_use *use)
{
	return json_pack("{s:o, s:s, s:i, s:n, s:s}", "realm", control_text(part->realm), "mark",
	                 use->mark, "uses", 0, "last_used", "source",
	                 part->is_configured ? "configuration" : "store");
}

static void add_use(json_t *object, const struct secret_use *use)
{
	json_int_t count = json_integer_value(json_object_get(object, "uses"));
	json_int_t last = json_integer_value(json_object_get(object, "last_used"));

	json_object_set_new(object, "uses", json_integer(count + (json_int_t)use->count));
	if ((json_int_t)use->last_s > last)
		json_object_set_new(object, "last_used", json_integer((json_int_t)use->last_s));
}

/* One that the configuration and the store both have is told as two, for to remove one of them is to remove half. */
static void add_part(json_t *list, json_t *by_name, const struct part *part)
{
	char name[TURN_REALM_MAX + SECRET_MARK_SIZE + 2];

	for (size_t i = 0; i < part->count; i++) {
		const struct secret_use *use = &part->uses[i];
		snprintf(name, sizeof name, "%c%s%s", part->is_configured ? 'c' : 's', use->mark,
		         part->realm);
		json_t *object = json_object_get(by_name, name);
		if (object == NULL) {
			object = describe(part, use);
			json_array_append_new(list, object);
			json_object_set(by_name, name, object);
		}
		add_use(object, use);
	}
}

static json_t *describe_all(const struct survey *survey)
{
	json_t *list = json_array(), *by_name = json_object();

	for (size_t i = 0; i < survey->thread_count; i++)
		for (const struct part *part = survey->of_thread[i].parts; part != NULL;
		     part = part->next)
			add_part(list, by_name, part);
	json_decref(by_name);
	return json_pack("{s:o}", "secrets", list);
}

static void answer(struct circular *circular)
{
	struct survey *survey = CONTAINER_OF(circular, struct survey, circular);
	bool lacks_memory = false;

	for (size_t i = 0; i < survey->thread_count; i++)
		lacks_memory |= survey->of_thread[i].lacks_memory;
	if (lacks_memory)
		control_refuse(survey->request, "%s", err_string(ERR_NO_MEMORY));
	else
		control_answer(survey->request, describe_all(survey));
	survey_free(survey);
}
