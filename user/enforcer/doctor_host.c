/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * doctor: facts about the host. Everything here only reads.
 */
#include "enforcer/doctor.h"

#include <errno.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "enforcer/session/cgroups.h"
#include "enforcer/sources/audit.h"

#define BPFFS "/sys/fs/bpf"
#define BPFFS_MAGIC 0xcafe4a11
#define TEXT_MAX 4096

static void kernel(struct findings *findings)
{
	struct utsname name;

	if (uname(&name) == 0)
		findings_put(findings, FINDING_OK, "kernel",
			     "%s (nothing is decided by this number)", name.release);
	if (access("/sys/kernel/btf/vmlinux", R_OK) == 0)
		findings_put(findings, FINDING_OK, "kernel type information",
			     "/sys/kernel/btf/vmlinux is there");
	else
		findings_put(
			findings, FINDING_MISSING, "kernel type information",
			"/sys/kernel/btf/vmlinux is missing (CONFIG_DEBUG_INFO_BTF): no program "
			"can be loaded");
}

static void lsm(struct findings *findings)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (file_read("/sys/kernel/security/lsm", TEXT_MAX, &text, &len) < 0)
		findings_put(findings, FINDING_OK, "security modules",
			     "not readable (securityfs is not mounted); nothing here needs them");
	else
		findings_put(findings, FINDING_OK, "security modules",
			     "%s (nothing here needs bpf "
			     "among them)",
			     text);
}

static void cgroups(struct findings *findings)
{
	char path[256];

	if (cgroup_mount(path, sizeof(path)) < 0)
		findings_put(findings, FINDING_MISSING, "cgroup v2",
			     "not mounted: connecting out to a locked address is not refused, "
			     "sessions are stopped and killed process by process");
	else
		findings_put(findings, FINDING_OK, "cgroup v2", "mounted at %s", path);
}

static void bpffs(struct findings *findings)
{
	struct statfs fs;

	if (statfs(BPFFS, &fs) == 0 && (unsigned int)fs.f_type == BPFFS_MAGIC)
		findings_put(findings, FINDING_OK, "bpf file system", "mounted at " BPFFS);
	else
		findings_put(findings, FINDING_OK, "bpf file system",
			     "not mounted at " BPFFS "; bailiffd mounts it in enforce mode");
}

static void programs(struct findings *findings)
{
	if (access("/usr/bin/journalctl", X_OK) == 0 || access("/bin/journalctl", X_OK) == 0)
		findings_put(findings, FINDING_OK, "journal", "journalctl is there");
	else
		findings_put(findings, FINDING_DEGRADED, "journal",
			     "journalctl is missing: only log files are read");
	if (access("/run/systemd/sessions", F_OK) == 0 &&
	    access("/run/dbus/system_bus_socket", F_OK) == 0)
		findings_put(findings, FINDING_OK, "logind",
			     "sessions have scopes of their own and can be frozen as a whole");
	else
		findings_put(findings, FINDING_DEGRADED, "logind",
			     "not running: a session has no scope, its processes are stopped and "
			     "killed one by one");
}

static bool reads_audit(const struct conf *conf)
{
	for (size_t i = 0; i < conf->sources; i++)
		if (conf->source[i].audit)
			return true;
	return false;
}

static void audit(const struct conf *conf, struct findings *findings)
{
	int enabled = audit_enabled(), r;
	_cleanup_close_ int fd = -1;
	char trouble[IPC_TEXT_MAX] = "";

	if (!reads_audit(conf)) {
		if (enabled < 0)
			findings_put(findings, FINDING_OK, "audit",
				     "not there (%s); it is not needed", strerror(-enabled));
		else
			findings_put(findings, FINDING_OK, "audit",
				     "%s; it is not needed and left as it is",
				     enabled ? "on" : "off");
	} else {
		r = audit_open(&fd);
		audit_trouble(r, enabled, trouble, sizeof(trouble));
		if (trouble[0])
			findings_put(findings, FINDING_MISSING, "audit", "%s", trouble);
		else
			findings_put(findings, FINDING_OK, "audit", "%s, its records can be read",
				     enabled > 0 ? "on" : "there");
	}
	if (access("/proc/self/loginuid", R_OK) < 0)
		findings_put(
			findings, FINDING_MISSING, "login uid",
			"/proc/self/loginuid is missing (CONFIG_AUDIT): sessions are not known");
	else
		findings_put(findings, FINDING_OK, "login uid", "the kernel keeps one per session");
}

void doctor_host(const struct conf *conf, struct findings *findings)
{
	kernel(findings);
	lsm(findings);
	cgroups(findings);
	bpffs(findings);
	audit(conf, findings);
	programs(findings);
}
