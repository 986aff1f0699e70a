/*
 * ping.c -- XEP-0199: answers pings to the host and to accounts.
 *
 * The server's own pings of quiet clients belong to the stream.
 *
 * Runs on: the host's worker, or the account's home.
 */
#include "module/module.h"

static struct step
ping(struct job *j)
{
	return iq_result(j, NULL);
}

MODULE(ping) = {
	IDENTITY(ping),
	.summary = "Answers pings",
	.xeps = XEPS({ 199, "2.0.1", XEP_COMPLETE, NULL }),
	.features = FEATURES(NS_PING),
	.account_features = FEATURES(NS_PING),
	.iqs =
		(const struct iq_handler[]){
			{ NS_PING, "ping", ON_GET, TO_HOST | TO_SELF, ping },
			END_IQS,
		},
};
