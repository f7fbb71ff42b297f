/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What bailiffd does and then ends: --check, --doctor, --clear.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include <bailiff/words.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"
#include "enforcer/accepted.h"
#include "enforcer/agent.h"
#include "enforcer/sources/positions.h"

int agent_load_conf(const struct options *options, struct conf **ret)
{
	const char *path =
		options->config ? options->config : BAILIFF_SYSCONFDIR "/bailiff/bailiff.conf";
	char error[INI_ERROR_MAX];

	if (!conf_load(path, options->config != NULL, ret, error))
		return 0;
	log_error("%s", error);
	return EXIT_CONFIGURATION;
}

static int print_accepted(const struct control_finding *finding, void *arg)
{
	(void)arg;
	return printf("bailiffd: %s: %s\n", finding->name, finding->text) < 0 ? -EIO : 0;
}

int agent_check(const struct options *options)
{
	_cleanup_(conf_freep) struct conf *conf = NULL;
	int r = agent_load_conf(options, &conf);

	if (r)
		return r;
	(void)printf("bailiffd: the configuration is valid: mode %s, %zu services, %zu log "
		     "sources, %zu exempt nets, %zu exempt users\n",
		     bl_word_mode((uint32_t)conf->mode), conf->services, conf->sources,
		     conf->exempts, conf->exempt_users);
	for (size_t i = 0; i < conf->exempt_users; i++)
		if (conf->exempt_uid[i] == (uid_t)-1)
			(void)printf("bailiffd: exempt user '%s' does not exist on this host\n",
				     conf->exempt_user[i]);
	(void)accepted_each(conf, print_accepted, NULL);
	return EXIT_ENDED;
}

/* ---- --doctor ---- */

struct doctor {
	bool json;
	unsigned int incomplete;
};

static const char *const state_names[] = {
	[FINDING_OK] = "ok",
	[FINDING_DEGRADED] = "degraded",
	[FINDING_MISSING] = "missing",
};
_Static_assert(ARRAY_SIZE(state_names) == FINDING_STATE_MAX, "a name per state");

static int print_finding(const struct control_finding *finding, void *arg)
{
	struct doctor *doctor = arg;
	_cleanup_(buf_done) struct buf out = BUF_INIT(4096);
	struct json_writer writer;
	const char *state;

	if (finding->state < FINDING_OK || finding->state >= FINDING_STATE_MAX)
		return -EINVAL;
	state = state_names[finding->state];
	doctor->incomplete += finding->state != FINDING_OK;
	if (doctor->json) {
		json_begin(&writer, &out);
		json_object(&writer, NULL);
		json_string(&writer, "name", finding->name);
		json_string(&writer, "state", state);
		json_string(&writer, "text", finding->text);
		json_end_object(&writer);
	} else {
		buf_printf(&out, "%-22s %-9s ", finding->name, state);
		buf_put_safe(&out, finding->text, strlen(finding->text));
	}
	return puts(out.data ? out.data : "") < 0 ? -EIO : 0;
}

int agent_doctor(const struct options *options)
{
	_cleanup_(conf_freep) struct conf *conf = NULL;
	struct doctor doctor = { .json = options->json };
	int r = agent_load_conf(options, &conf);

	if (r)
		return r;
	if (geteuid() != 0) {
		log_error("--doctor needs root: it tries out what the kernel loads");
		return EXIT_RIGHTS;
	}
	r = doctor_probe(conf, print_finding, &doctor);
	if (r < 0) {
		(void)log_error_errno(r, "the probe failed");
		return EXIT_TROUBLE;
	}
	return doctor.incomplete ? EXIT_INCOMPLETE : EXIT_ENDED;
}

/* ---- --clear ---- */

int agent_clear(const struct options *options)
{
	_cleanup_(conf_freep) struct conf *conf = NULL;
	_cleanup_close_ int lock = -1;
	struct stat st;
	int r = agent_load_conf(options, &conf);

	if (r)
		return r;
	if (geteuid() != 0) {
		log_error("--clear needs root");
		return EXIT_RIGHTS;
	}
	/* A running bailiffd would write its state again; one that never ran has no folder. */
	if (!stat(conf->run_dir, &st)) {
		r = agent_lock(conf->run_dir, &lock);
		if (r < 0)
			return r == -EBUSY ? EXIT_RUNNING : EXIT_TROUBLE;
	}
	r = hooks_clear();
	if (r < 0) {
		(void)log_error_errno(r, "what is pinned in the kernel cannot be removed");
		return EXIT_TROUBLE;
	}
	r = lockouts_clear(conf);
	if (r < 0 && r != -ENOENT) {
		(void)log_error_errno(r, "the lockouts in %s cannot be removed", conf->state_dir);
		return EXIT_TROUBLE;
	}
	(void)puts("bailiffd: no lockout is in force any more, nothing is pinned");
	return EXIT_ENDED;
}
