/*
 * version.c -- XEP-0092: which software this is.
 *
 * The operating system is not told: it helps nobody but attackers.
 *
 * Runs on: the host's worker.
 */
#include "module/module.h"

static struct step
version(struct job *j)
{
	struct xml *query = xml_new(j->arena, NS_VERSION, "query");

	xml_add_text(j->arena, query, NS_VERSION, "name", "Bongsu");
	xml_add_text(j->arena, query, NS_VERSION, "version", PACKAGE_VERSION);
	return iq_result(j, query);
}

MODULE(version) = {
	IDENTITY(version),
	.summary = "Tells the name and version of the software",
	.xeps = XEPS({ 92, "1.1", XEP_COMPLETE, NULL }),
	.features = FEATURES(NS_VERSION),
	.iqs =
		(const struct iq_handler[]){
			{ NS_VERSION, "query", ON_GET, TO_HOST, version },
			END_IQS,
		},
};
