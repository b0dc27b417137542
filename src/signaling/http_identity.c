/* Who sent a request: the proof that came with it, looked for in headers and, where the dialect has no words of its own
 * there, in the query and in a form. */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "signaling/authority.h"
#include "signaling/net_private.h"
#include "signaling/proxies.h"
#include "signaling/user_secret.h"

struct proof {
	enum claim_kind kind;
	char text[CLAIM_PROOF_MAX + 1];
};

/* Where a proof may stand in the query or a form. Clients of the TURN REST interface say api, or key, or both. */
static const struct {
	const char *name;
	enum claim_kind kind;
} parameters[] = {
	{"token", CLAIM_BEARER}, {"jwt", CLAIM_BEARER}, {"access_token", CLAIM_BEARER},
	{"key", CLAIM_KEY},      {"api", CLAIM_KEY},
};
enum { PARAMETERS = sizeof parameters / sizeof parameters[0] };

static bool take(struct proof *proof, enum claim_kind kind, struct slice text)
{
	if (text.len == 0 || text.len > CLAIM_PROOF_MAX)
		return false;
	proof->kind = kind;
	memcpy(proof->text, text.at, text.len);
	proof->text[text.len] = '\0';
	return true;
}

/* RFC 9110 section 11.4: a scheme, whatever its case, a space, and what belongs to it. */
static bool take_authorization(struct proof *proof, struct slice value)
{
	const char *space = value.len == 0 ? NULL : memchr(value.at, ' ', value.len);

	if (space == NULL)
		return false;
	struct slice scheme = {value.at, (size_t)(space - value.at)};
	struct slice rest = {space, value.len - scheme.len};
	while (rest.len > 0 && rest.at[0] == ' ')
		rest = (struct slice){rest.at + 1, rest.len - 1};
	if (slice_equal_case(scheme, "Bearer"))
		return take(proof, CLAIM_BEARER, rest);
	return slice_equal_case(scheme, "ApiKey") && take(proof, CLAIM_KEY, rest);
}

/* Browsers let a page set no header of a WebSocket but this one: "Bearer, TOKEN". */
static bool take_subprotocol(struct proof *proof, struct slice offered)
{
	struct slice scheme, token;

	return http_next_token(&offered, &scheme) && slice_equal_case(scheme, "Bearer") &&
	       http_next_token(&offered, &token) && take(proof, CLAIM_BEARER, token);
}

static bool take_parameter(const struct http_exchange *exchange, const char *name,
                           struct proof *proof)
{
	return (http_query(exchange, name, proof->text, sizeof proof->text) ||
	        http_form(exchange, name, proof->text, sizeof proof->text)) &&
	       proof->text[0] != '\0';
}

static bool find_proof(const struct http_exchange *exchange, bool looks_into_query,
                       struct proof *proof)
{
	if (take_authorization(proof, http_header(exchange, "Authorization")) ||
	    take_authorization(proof, http_header(exchange, "X-Authorization")) ||
	    take(proof, CLAIM_KEY, http_header(exchange, "X-API-Key")) ||
	    take_subprotocol(proof, http_header(exchange, "Sec-WebSocket-Protocol")))
		return true;
	for (size_t i = 0; looks_into_query && i < PARAMETERS; i++) {
		proof->kind = parameters[i].kind;
		if (take_parameter(exchange, parameters[i].name, proof))
			return true;
	}
	return false;
}

/* One line of it: of several one might be the client's own. */
static bool take_user(const struct http_exchange *exchange, const char *header,
                      char user[USER_NAME_MAX + 1])
{
	struct slice value, other;
	size_t position = 0;

	if (!http_reader_next_header(exchange->reader, header, &position, &value) ||
	    http_reader_next_header(exchange->reader, header, &position, &other) ||
	    value.len == 0 || value.len > USER_NAME_MAX || memchr(value.at, 0, value.len) != NULL)
		return false;
	memcpy(user, value.at, value.len);
	user[value.len] = '\0';
	return true;
}

bool http_vouched_user(const struct http_exchange *exchange, char user[USER_NAME_MAX + 1])
{
	const struct worker_policy *policy = &exchange->worker->policy;
	const struct config *config = policy->services.config;

	user[0] = '\0';
	return config != NULL && config->user_header != NULL && exchange->connection != NULL &&
	       proxies_trust(policy->proxies, &exchange->connection->client) &&
	       take_user(exchange, config->user_header, user);
}

/* Whom a proxy names is a user under our own secret, for a while. */
static bool find_vouched(const struct http_exchange *exchange, struct proof *proof,
                         char name[CLAIM_NAME_MAX + 1])
{
	char user[USER_NAME_MAX + 1];

	proof->kind = CLAIM_SECRET_USER;
	return http_vouched_user(exchange, user) &&
	       user_secret_vouch(exchange->worker->policy.services.config, user,
	                         exchange->worker->wall_ms, VOUCHED_LIVES_S, name,
	                         CLAIM_NAME_MAX + 1, proof->text);
}

enum signaling_error http_find_identity(struct http_exchange *exchange, bool looks_into_query,
                                        struct identity *identity, bool *is_anybody)
{
	struct claim claim = {.kind = CLAIM_ANYBODY, .proof = "", .tenant = ""};
	char tenant[TENANT_NAME_MAX + 1], name[CLAIM_NAME_MAX + 1];
	struct proof proof;

	if (find_proof(exchange, looks_into_query, &proof))
		claim = (struct claim){.kind = proof.kind, .proof = proof.text, .tenant = ""};
	else if (find_vouched(exchange, &proof, name))
		claim = (struct claim){
			.kind = proof.kind, .proof = proof.text, .name = name, .tenant = ""};
	*is_anybody = claim.kind == CLAIM_ANYBODY;
	if (looks_into_query && http_query(exchange, "tenant", tenant, sizeof tenant))
		claim.tenant = tenant;
	enum signaling_error error =
		worker_identify(exchange->worker, &claim, &exchange->client, identity);
	bytes_wipe(proof.text, sizeof proof.text);
	return error;
}

void http_identify(struct http_exchange *exchange,
                   void (*identified)(struct http_exchange *exchange,
                                      const struct identity *identity, enum signaling_error error))
{
	struct identity identity = {0};
	bool is_anybody;
	enum signaling_error error = http_find_identity(exchange, true, &identity, &is_anybody);

	identified(exchange, error == SIGNALING_OK ? &identity : NULL, error);
}

void http_identify_claim(struct http_exchange *exchange, const struct claim *claim,
                         void (*identified)(struct http_exchange *exchange,
                                            const struct identity *identity,
                                            enum signaling_error error))
{
	struct identity identity = {0};
	enum signaling_error error =
		worker_identify(exchange->worker, claim, &exchange->client, &identity);

	identified(exchange, error == SIGNALING_OK ? &identity : NULL, error);
}
