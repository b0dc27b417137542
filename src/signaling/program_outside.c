#include "signaling/program_outside.h"

#include <stdint.h>
#include <stdlib.h>

#include "process/reload_outcome.h"
#include "signaling/program.h"
#include "signaling/program_reload.h"
#include "signaling/sink.h"
#include "signaling/turn_service.h"
#include "signaling/turn_source.h"

enum { SINKS_PATIENCE_MS = 3000 /* what is left then is in their spool */ };

static const enum option_id of_sinks[] = {
	OPTION_ID_amqp_url,       OPTION_ID_amqp_exchange,    OPTION_ID_webhook_url,
	OPTION_ID_webhook_secret, OPTION_ID_webhook_give_up,  OPTION_ID_event_ca_file,
	OPTION_ID_event_spool,    OPTION_ID_event_spool_size,
};
static const enum option_id of_broker[] = {
	OPTION_ID_amqp_url,
	OPTION_ID_amqp_exchange,
	OPTION_ID_event_ca_file,
};
static const enum option_id of_service[] = {
	OPTION_ID_turn_service_url,
	OPTION_ID_turn_service_token,
	OPTION_ID_turn_service_client_id,
	OPTION_ID_turn_service_timeout,
};

static bool has_any(const struct reload_outcome *outcome, const enum option_id *ids, size_t count);
static enum err prepare_sinks(struct program *program, const struct config *config,
                              const struct reload_outcome *outcome, struct outside_change *change,
                              char problem[256]);
static enum err prepare_service(struct program *program, const struct config *config,
                                struct outside_change *change, char problem[256]);
static void on_fetched(struct mail *mail, void *receiver);

enum err outside_prepare(struct program *program, const struct config *config,
                         const struct reload_outcome *outcome, struct outside_change *change,
                         char problem[256], enum option_id *about)
{
	enum err err = OK;

	*change = (struct outside_change){.sinks = NULL};
	if (has_any(outcome, of_sinks, sizeof of_sinks / sizeof of_sinks[0])) {
		*about = OPTION_ID_webhook_url;
		err = prepare_sinks(program, config, outcome, change, problem);
	}
	if (err == OK && has_any(outcome, of_service, sizeof of_service / sizeof of_service[0])) {
		*about = OPTION_ID_turn_service_url;
		err = prepare_service(program, config, change, problem);
	}
	if (err != OK)
		outside_cancel(change);
	return err;
}

struct sinks *outside_sinks(const struct program *program, const struct outside_change *change)
{
	return change->sinks != NULL ? change->sinks : program->sinks;
}

void outside_apply(struct program *program, const struct config *config,
                   struct outside_change *change)
{
	program->sinks = outside_sinks(program, change);
	if (change->sinks_change != NULL)
		sinks_change(program->sinks, change->sinks_change);
	if (change->has_other_service) {
		outside_close_service(program);
		program->turn_service = change->service;
		program->turn_service_number++;
	}
	/* Those of the service before go on until the new one has answered; without any they are nobody's. */
	if (!turn_source_is_remote(config)) {
		turn_source_destroy(program->fetched);
		program->fetched = NULL;
	}
	*change = (struct outside_change){.sinks = NULL};
}

void outside_cancel(struct outside_change *change)
{
	sinks_destroy(change->sinks, 0);
	sinks_change_destroy(change->sinks_change);
	turn_service_destroy(change->service);
	*change = (struct outside_change){.sinks = NULL};
}

void outside_close_service(struct program *program)
{
	turn_service_destroy(program->turn_service);
	program->turn_service = NULL;
}

void outside_close_sinks(struct program *program)
{
	sinks_destroy(program->sinks, SINKS_PATIENCE_MS);
	program->sinks = NULL;
}

const char *outside_reason(enum option_id id, const struct config *config, void *context)
{
	const struct program *program = context;

	(void)config;
	return id == OPTION_ID_event_spool && program->sinks != NULL
	               ? "events are kept in the file that is open"
	               : NULL;
}

static bool has_any(const struct reload_outcome *outcome, const enum option_id *ids, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (outcome == NULL || outcome_has(outcome, ids[i]))
			return true;
	return false;
}

static enum err prepare_sinks(struct program *program, const struct config *config,
                              const struct reload_outcome *outcome, struct outside_change *change,
                              char problem[256])
{
	bool has_other_broker = has_any(outcome, of_broker, sizeof of_broker / sizeof of_broker[0]);

	if (program->sinks == NULL)
		return sinks_create(config, &change->sinks, problem);
	return sinks_prepare(program->sinks, config, has_other_broker, &change->sinks_change,
	                     problem);
}

/* It begins to fetch at once: what it fetches is delivered when the change is made, or by nobody. */
static enum err prepare_service(struct program *program, const struct config *config,
                                struct outside_change *change, char problem[256])
{
	const struct turn_service_settings settings = {
		.config = config,
		.notify = program->mailbox,
		.deliver = on_fetched,
		.context = (void *)(uintptr_t)(program->turn_service_number + 1),
	};
	enum err err;

	change->has_other_service = true;
	if (!turn_source_is_remote(config))
		return OK;
	err = turn_service_create(&settings, &change->service, problem);
	return err == OK ? turn_service_start(change->service) : err;
}

static void on_fetched(struct mail *mail, void *receiver)
{
	struct turn_service_letter *letter = CONTAINER_OF(mail, struct turn_service_letter, mail);
	struct program *program = receiver;
	bool is_of_now = program->turn_service != NULL &&
	                 (uintptr_t)letter->context == program->turn_service_number;

	turn_source_destroy(is_of_now ? program->fetched : letter->source);
	if (is_of_now)
		program->fetched = letter->source;
	free(letter);
	if (is_of_now && program->reload != NULL)
		program_reload_begin(program->reload, RELOAD_OF_STORE, "turn service", NULL);
}
