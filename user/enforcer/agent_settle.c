/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bailiffd --settle: started by its unit when bailiffd has failed for good (OnFailure=).
 *
 * It waits for the ends of lockouts, and goes when there is a bailiffd again: that one knows more.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "enforcer/agent.h"
#include "enforcer/lockouts/settle.h"
#include "enforcer/session/cgroups.h"

#define LOOK_NS NSEC_PER_SEC

/* A connection that the kernel makes for a listening socket; nothing is said on it. */
static bool bailiffd_runs(const char *run_dir)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)snprintf(to.sun_path, sizeof(to.sun_path), "%s/control", run_dir);
	return fd >= 0 && (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 || errno == EAGAIN);
}

static int settle_all(struct settle *settle, const struct conf *conf, int root_fd)
{
	uint64_t next = 0;
	int failed = 0;

	while (!bailiffd_runs(conf->run_dir)) {
		struct timespec pause = { .tv_sec = LOOK_NS / NSEC_PER_SEC };
		int r = settle_step(settle, conf->on_failure, root_fd, clock_boot_ns, &next);

		if (r < 0)
			failed = r;
		if (next == UINT64_MAX)
			return failed;
		(void)nanosleep(&pause, NULL);
	}
	log_info("bailiffd runs: what is frozen is its concern");
	return failed;
}

int agent_settle(const struct options *options)
{
	_cleanup_(conf_freep) struct conf *conf = NULL;
	_cleanup_close_ int cgroup = -1;
	_cleanup_free_ struct settle *settle = malloc(sizeof(*settle));
	int r = agent_load_conf(options, &conf);

	if (r)
		return r;
	if (geteuid() != 0) {
		log_error("--settle needs root");
		return EXIT_RIGHTS;
	}
	if (!settle)
		return EXIT_TROUBLE;
	cgroup = cgroup_open_root();
	r = bailiffd_runs(conf->run_dir) ? 0 : settle_read(settle, conf->state_dir);
	if (r < 0) {
		(void)log_error_errno(r, "the lockouts in %s cannot be read", conf->state_dir);
		return EXIT_TROUBLE;
	}
	return settle_all(settle, conf, cgroup) < 0 ? EXIT_TROUBLE : EXIT_ENDED;
}
