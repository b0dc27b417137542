/* The store's answers, by question and result. */
#include "relay/store_count.h"

#include "base/timestamp.h"

enum answer { FOUND, MISSING, UNAVAILABLE, ANSWER_COUNT };

static const enum counter rows[][ANSWER_COUNT] = {
	[STORE_FIND_USER] = {COUNT_store_query_user_found, COUNT_store_query_user_missing,
                             COUNT_store_query_user_unavailable},
	[STORE_FIND_USERHASH] = {COUNT_store_query_userhash_found,
                                 COUNT_store_query_userhash_missing,
                                 COUNT_store_query_userhash_unavailable},
	[STORE_LIST_SECRETS] = {COUNT_store_query_secrets_found, COUNT_store_query_secrets_missing,
                                COUNT_store_query_secrets_unavailable},
	[STORE_FIND_OAUTH_KEY] = {COUNT_store_query_oauth_key_found,
                                  COUNT_store_query_oauth_key_missing,
                                  COUNT_store_query_oauth_key_unavailable},
};

/* A realm without secrets has an empty list of them. */
static enum answer answer_of(const struct store_request *answer)
{
	bool is_empty = answer->question == STORE_LIST_SECRETS && answer->secret_count == 0;

	if (answer->result != OK && answer->result != ERR_NOT_FOUND)
		return UNAVAILABLE;
	return answer->result == OK && !is_empty ? FOUND : MISSING;
}

void store_count_answer(struct counters *counters, const struct store_request *answer,
                        uint64_t asked_us)
{
	if (counters == NULL)
		return;
	histogram_add(&counters->histogram[HISTOGRAM_store_answer], timestamp_us() - asked_us);
	if (answer->question < sizeof rows / sizeof rows[0])
		counter_add(counters, rows[answer->question][answer_of(answer)], 1);
}
