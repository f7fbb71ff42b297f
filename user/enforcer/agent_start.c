/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What bailiffd does once, with all rights: folders, lock, sockets, BPF programs; then it gives up
 * what it will not need again.
 *
 * It keeps CAP_SETUID, CAP_SETGID and CAP_SETPCAP, so that a child that died can be started anew
 * under its own account. A server that forks for it would need the same three and one more socket;
 * and who holds CAP_BPF, CAP_PERFMON and CAP_KILL has little to gain from them.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "enforcer/agent.h"
#include "privsep/privsep.h"

#define DESCRIPTORS 8192 /* files of rules and filters wait in a queue while a child starts */

/* What each is for; all else goes, from the bounding set too. */
static const int kept_caps[] = {
	CAP_BPF, /* maps, links, programs at a reload; 5.8 */
	CAP_PERFMON, /* reloading tracing programs */
	CAP_NET_ADMIN, /* SOCK_DESTROY, sk_lookup and cgroup links */
	CAP_KILL, /* a locked session's processes; logind asks for it, too */
	CAP_DAC_READ_SEARCH, /* log files of any owner */
	CAP_SYS_PTRACE, /* which namespaces others are in; it attaches to nobody */
	CAP_SETUID, /* children under their accounts ... */
	CAP_SETGID,
	CAP_SETPCAP, /* ... without a bounding set */
	CAP_AUDIT_READ, /* last: a socket for audit records after a reload, if they are read */
};

/* ---- folders and the lock ---- */

static int make_folder(const char *path, mode_t mode)
{
	struct stat st;

	if (mkdir(path, mode) < 0 && errno != EEXIST)
		return log_error_errno(-errno, "%s cannot be made", path);
	if (lstat(path, &st) < 0)
		return log_error_errno(-errno, "%s", path);
	/* Whoever can exchange what is in it could be answered in our place. */
	if (!S_ISDIR(st.st_mode) || st.st_uid != 0 || (st.st_mode & (S_IWGRP | S_IWOTH))) {
		log_error("%s is not a folder that only root can write", path);
		return -EPERM;
	}
	return 0;
}

/* The recorder's own folder. Files of a former account go along: a run from a build tree may have
 * come before the accounts were made. */
static int give_folder(const char *path, const struct helper_ids *ids, gid_t readers)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (mkdir(path, 0750) < 0 && errno != EEXIST)
		return log_error_errno(-errno, "%s cannot be made", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return log_error_errno(-errno, "%s", path);
	if (st.st_uid != 0 && st.st_uid != ids->uid)
		log_warning("%s belonged to uid %u; files in it that bailiff-recorder cannot use "
			    "must be given to uid %u by hand",
			    path, st.st_uid, ids->uid);
	if (fchown(fd, ids->uid, readers) < 0 || fchmod(fd, 0750) < 0)
		return log_error_errno(-errno, "%s cannot be given to uid %u", path, ids->uid);
	return 0;
}

int agent_lock(const char *run_dir, int *ret_fd)
{
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/lock", run_dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return log_error_errno(-errno, "%s cannot be opened", path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK)
			return log_error_errno(-errno, "%s cannot be locked", path);
		log_error("another bailiffd is running (it holds %s)", path);
		return -EBUSY;
	}
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* ---- sockets ---- */

static int listen_at(const char *dir, const char *name, mode_t mode, gid_t group, int *ret)
{
	_cleanup_close_ int fd = -1;
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int n = snprintf(at.sun_path, sizeof(at.sun_path), "%s/%s", dir, name);
	mode_t mask;
	int r;

	if (n < 0 || (size_t)n >= sizeof(at.sun_path))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* We hold the lock: what is there is a dead one's. */
	if (unlink(at.sun_path) < 0 && errno != ENOENT)
		return -errno;
	mask = umask(0177);
	r = bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0 ? -errno : 0;
	(void)umask(mask);
	if (r < 0)
		return r;
	if ((group != (gid_t)-1 && chown(at.sun_path, 0, group) < 0) ||
	    chmod(at.sun_path, mode) < 0 || listen(fd, 64) < 0)
		return -errno;
	*ret = TAKE_FD(fd);
	return 0;
}

static int open_sockets(struct agent *agent, gid_t readers)
{
	int r = listen_at(agent->conf->run_dir, "control", 0600, (gid_t)-1, &agent->control_fd);

	if (!r)
		r = listen_at(agent->conf->run_dir, "status", 0660, readers, &agent->status_fd);
	if (r < 0)
		return log_error_errno(r, "sockets in %s", agent->conf->run_dir);
	return 0;
}

/* ---- accounts ---- */

static void find_account(const char *name, uint32_t fallback, char to[IPC_USER_MAX],
			 struct helper_ids *ret)
{
	if (helper_account(name, fallback, ret) == 1) {
		log_info("account %s does not exist: uid %u is used instead", name, fallback);
		(void)snprintf(to, IPC_USER_MAX, "%u", fallback);
		return;
	}
	text_copy(to, IPC_USER_MAX, name);
}

/* ---- order ---- */

static int prepare_files(struct agent *agent)
{
	struct helper_ids ids;
	gid_t readers = (gid_t)-1;
	const struct conf *conf = agent->conf;
	int r;

	r = make_folder(conf->run_dir, 0755);
	if (r < 0)
		return EXIT_TROUBLE;
	r = agent_lock(conf->run_dir, &agent->lock_fd);
	if (r < 0)
		return r == -EBUSY ? EXIT_RUNNING : EXIT_TROUBLE;
	r = make_folder(conf->state_dir, 0755);
	if (r < 0)
		return EXIT_TROUBLE;
	if (helper_group("adm", &readers) < 0)
		readers = 0;
	find_account(conf->analyst_user, conf->fallback_uid, agent->analyst_user, &ids);
	find_account(conf->recorder_user, conf->fallback_uid + 1, agent->recorder_user, &ids);
	(void)snprintf(agent->recorder_dir, sizeof(agent->recorder_dir), "%s/recorder",
		       conf->state_dir);
	r = give_folder(agent->recorder_dir, &ids, readers);
	if (!r)
		r = open_sockets(agent, readers);
	return r < 0 ? EXIT_TROUBLE : 0;
}

static int prepare_kernel(struct agent *agent)
{
	const struct conf *conf = agent->conf;
	const struct exempt_net *nets;
	size_t count;
	int r = exempt_new(&agent->exempt, conf);

	if (r < 0) {
		(void)log_error_errno(r, "own addresses and gateways cannot be found out");
		return EXIT_TROUBLE;
	}
	r = hooks_load(conf, conf->mode == MODE_OBSERVE, &agent->hooks);
	if (r < 0) {
		(void)log_error_errno(r,
				      "the kernel gives no events; bailiffd --doctor tells more");
		return EXIT_KERNEL;
	}
	(void)hooks_style(agent->hooks, conf);
	r = hooks_namespaces(agent->hooks);
	if (r < 0)
		log_warning_errno(r, "network namespaces");
	r = hooks_guard(agent->hooks, conf);
	if (r < 0)
		log_warning_errno(r, "guard = yes: there is no guard");
	r = hooks_takeover(agent->hooks);
	if (r < 0)
		log_warning_errno(r, "login sessions that were there before cannot be taken over");
	r = lockouts_open(&agent->lockouts, conf, agent->hooks, agent_outcome, agent);
	if (!r) {
		nets = exempt_list(agent->exempt, &count);
		r = lockouts_exempt(agent->lockouts, nets, count);
	}
	if (r < 0) {
		(void)log_error_errno(r, "lockouts");
		return EXIT_TROUBLE;
	}
	return 0;
}

static void on_file_switch(const struct ipc_source_fd *to, int fd, void *arg)
{
	const struct agent *agent = arg;
	struct ipc_source_fd message = *to;

	(void)child_send(agent->analyst, IPC_SOURCE_FD, &message, sizeof(message), fd);
}

static void on_journal_switch(uint32_t id, int fd, void *arg)
{
	const struct ipc_source_fd to = { .id = id, .how = IPC_ROTATED_RESTARTED };

	on_file_switch(&to, fd, arg);
}

static int prepare_sources(struct agent *agent)
{
	int r = sources_new(&agent->sources, agent->conf, on_file_switch, agent);

	if (r < 0) {
		(void)log_error_errno(r, "log sources");
		return EXIT_TROUBLE;
	}
	r = sources_restore(agent->sources, agent->conf->state_dir);
	if (r < 0 && r != -ENOENT)
		log_warning_errno(r, "%s/positions is not used; log files are read from their ends",
				  agent->conf->state_dir);
	r = listeners_new(&agent->listeners);
	if (r < 0) {
		(void)log_error_errno(r, "log sources");
		return EXIT_TROUBLE;
	}
	listeners_conf(agent->listeners, agent->conf);
	if (agent->options->no_journal)
		return 0;
	if (!journalctl_program()) {
		log_info("there is no journalctl: the journal is not read");
		return 0;
	}
	r = journalctl_new(&agent->journal, agent->loop, on_journal_switch, agent);
	if (r < 0) {
		(void)log_error_errno(r, "journal");
		return EXIT_TROUBLE;
	}
	return 0;
}

int agent_prepare(struct agent *agent)
{
	struct rlimit files = { DESCRIPTORS, DESCRIPTORS };
	char error[PATH_MAX + 256];
	int r;

	if (geteuid() != 0) {
		log_error("bailiffd needs root: it loads BPF programs and starts its parts under "
			  "their own accounts");
		return EXIT_RIGHTS;
	}
	r = places_find(&agent->places, agent->options, error, sizeof(error));
	if (r < 0) {
		log_error("%s", error);
		return EXIT_TROUBLE;
	}
	(void)umask(0022);
	(void)setrlimit(RLIMIT_NOFILE, &files);
	agent->started_boot_ns = clock_boot_ns();
	r = prepare_files(agent);
	if (!r)
		r = prepare_kernel(agent);
	if (!r)
		r = prepare_sources(agent);
	return r;
}

static bool reads_audit(const struct conf *conf)
{
	for (size_t i = 0; i < conf->sources; i++)
		if (conf->source[i].audit)
			return true;
	return false;
}

int agent_rights(struct agent *agent)
{
	bool audit = reads_audit(agent->conf) && privsep_has_cap(CAP_AUDIT_READ);
	int r = privsep_keep_caps(kept_caps, ARRAY_SIZE(kept_caps) - !audit);

	if (r < 0)
		return log_error_errno(r, "capabilities cannot be given up");
	r = privsep_sandbox(PRIVSEP_ENFORCER, NULL, &agent->sandboxed);
	if (r < 0)
		return log_error_errno(r, "the system call filter cannot be set");
	return 0;
}
