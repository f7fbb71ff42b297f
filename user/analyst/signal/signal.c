/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an event says of a deed, and in which words.
 *
 * Names of files, programs and modules are the actor's choice: they are text to show, nothing here
 * decides by them but whether a program is a shell, which errs towards silence.
 */
#include "analyst/signal/signal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bailiff/lockout.h>

#include "analyst/sensor/sensor.h"
#include "base/table.h"

struct rate_key {
	uint64_t session;
	uint32_t uid; /* 0 within a session */
	uint32_t what;
};

struct rate {
	uint64_t since_ns;
	uint64_t count;
};

struct signals {
	struct table *rates;
	uint32_t wanted;
	uint64_t refused;
};

int signals_new(struct signals **ret, const uint64_t seed[2])
{
	_cleanup_(signals_freep) struct signals *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->wanted = SIGNALS_ALL;
	r = table_new(&s->rates, sizeof(struct rate_key), sizeof(struct rate), SIGNAL_RATES_MAX,
		      seed);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(s);
	return 0;
}

struct signals *signals_free(struct signals *s)
{
	if (!s)
		return NULL;
	table_free(s->rates);
	free(s);
	return NULL;
}

void signals_want(struct signals *s, uint32_t wanted)
{
	s->wanted = wanted;
}

uint64_t signals_refused(const struct signals *s)
{
	return s->refused + table_evicted(s->rates);
}

/* ---- signals with a record of their own ---- */

static const char *const write_words[] = {
	[0] = "written",
	[BL_WRITE_OPEN] = "opened for writing",
	[BL_WRITE_RENAME] = "replaced",
	[BL_WRITE_LINK] = "linked",
	[BL_WRITE_SYMLINK] = "made a symbolic link",
};
_Static_assert(sizeof(write_words) / sizeof(write_words[0]) == BL_WRITE_MAX, "words");

/* The last parts of the path; the first of them has a slash before it only at a file system's
 * root. */
static void path_text(const struct bl_event_signal *e, char *to, size_t size)
{
	bool root = !strcmp(e->folder, "/");
	bool below = !strcmp(e->above, "/");

	if (root)
		(void)snprintf(to, size, "/%s", e->name);
	else if (below)
		(void)snprintf(to, size, "/%s/%s", e->folder, e->name);
	else
		(void)snprintf(to, size, "%s/%s/%s", e->above, e->folder, e->name);
}

static void object_text(const struct bl_event_signal *e, char *to, size_t size)
{
	const char *how = write_words[e->detail < BL_WRITE_MAX ? e->detail : 0];
	char path[BL_SIGNAL_NAME_MAX + 2 * BL_SIGNAL_FOLDER_MAX + 4];

	path_text(e, path, sizeof(path));
	switch ((enum bl_signal)e->what) {
	case BL_SIGNAL_MODULE:
		(void)snprintf(to, size, "%s", e->name);
		break;
	case BL_SIGNAL_BPF:
		(void)snprintf(to, size, "%s (type %u)", e->name[0] ? e->name : "without a name",
			       e->detail);
		break;
	case BL_SIGNAL_KEXEC:
		(void)snprintf(to, size, "another kernel is handed in");
		break;
	case BL_SIGNAL_GAIN:
		(void)snprintf(to, size, "%s%s%s of root's without an exec",
			       e->detail & BL_GAIN_UID ? "a user id" : "",
			       (e->detail & BL_GAIN_UID) && (e->detail & BL_GAIN_CAPS) ? " and "
										       : "",
			       e->detail & BL_GAIN_CAPS ? "capabilities" : "");
		break;
	case BL_SIGNAL_SETID:
		(void)snprintf(to, size, "%s of uid %u gets mode %04o", path, e->other_uid,
			       e->detail & 07777);
		break;
	case BL_SIGNAL_TRACE:
		(void)snprintf(to, size, "process %u (%s) of uid %u", e->other_pid, e->name,
			       e->other_uid);
		break;
	case BL_SIGNAL_LOGIN_FILE:
	case BL_SIGNAL_STARTUP_FILE:
		(void)snprintf(to, size, "%s %s", path, how);
		break;
	case BL_SIGNAL_DERIVED:
	case BL_SIGNAL_EXEC_DELETED:
	case BL_SIGNAL_EXEC_WRITABLE:
	case BL_SIGNAL_EXEC_TMPFS:
	case BL_SIGNAL_SERVICE_SHELL:
	case BL_SIGNAL_MAX:
		to[0] = '\0';
	}
}

static void signal_make(struct signal *signal, enum bl_signal what, const struct bl_task *task,
			uint64_t at_ns)
{
	*signal = (struct signal){
		.what = what,
		.at_ns = at_ns,
		.session = task->session,
		.pid = task->pid,
		.uid = task->uid,
	};
}

static void of_record(const struct bl_event_signal *e, struct signal *signal)
{
	char object[200];

	signal_make(signal, (enum bl_signal)e->what, &e->task, e->head.boot_ns);
	object_text(e, object, sizeof(object));
	(void)snprintf(signal->text, sizeof(signal->text), "%s: %s, by %s",
		       sensor_signal_names[e->what], object, e->comm);
}

/* ---- signals made of an exec ---- */

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool is_shell(const char *exe)
{
	static const char *const shells[] = {
		"sh",	"bash",	 "dash",    "zsh", "ksh",  "ksh93", "mksh", "csh",  "tcsh",
		"fish", "rbash", "busybox", "ash", "posh", "yash",  "pwsh", "sash", "static-sh",
	};

	for (size_t i = 0; i < ARRAY_SIZE(shells); i++)
		if (!strcmp(last_part(exe), shells[i]))
			return true;
	return false;
}

/* login.defs of Debian and Fedora: SYS_UID_MAX 999; nobody; systemd's dynamic users. */
static bool is_service_account(uint32_t uid)
{
	return (uid > 0 && uid < 1000) || uid == 65534 || (uid >= 61184 && uid <= 65519);
}

/*
 * Whoever has a login uid came by a login, by cron or by at. What pid 1 starts is what a unit says
 * (ExecStart=/bin/sh …).
 */
static bool is_service_shell(const struct bl_event_exec *e)
{
	return !e->task.session && e->task.auid == BL_UNSET && e->task.ppid > 1 &&
	       is_service_account(e->task.uid) && is_shell(e->exe);
}

static bool rate_allows(struct signals *s, const struct bl_task *task, enum bl_signal what,
			uint64_t at_ns)
{
	struct rate_key key = { .session = task->session, .what = what };
	struct rate *rate;
	void *value;

	if (!task->session)
		key.uid = task->uid;
	if (table_put(s->rates, &key, &value) != TABLE_FOUND)
		((struct rate *)value)->since_ns = at_ns;
	rate = value;
	if (at_ns - rate->since_ns >= BL_SIGNAL_WINDOW_NS && at_ns > rate->since_ns)
		*rate = (struct rate){ .since_ns = at_ns };
	if (++rate->count <= BL_SIGNAL_BURST)
		return true;
	s->refused++;
	return false;
}

static unsigned int of_exec(struct signals *s, const struct bl_event_exec *e,
			    struct signal ret[SIGNAL_PER_EVENT])
{
	const struct {
		enum bl_signal what;
		bool is;
		const char *text;
	} made[] = {
		{ BL_SIGNAL_EXEC_MEMFD, e->head.flags & BL_EXEC_MEMFD, "runs from memory alone" },
		{ BL_SIGNAL_EXEC_DELETED, e->head.flags & BL_EXEC_DELETED,
		  "runs from a file that is deleted" },
		{ BL_SIGNAL_EXEC_WRITABLE, e->head.flags & BL_EXEC_WRITABLE_DIR,
		  "lies in a folder that everybody may write" },
		{ BL_SIGNAL_EXEC_TMPFS, e->head.flags & BL_EXEC_TMPFS, "lies on a tmpfs" },
		{ BL_SIGNAL_SERVICE_SHELL, is_service_shell(e), "started by a service" },
	};
	unsigned int count = 0;

	/* A service's own odd files are no login's matter. */
	if (!e->task.session && !made[ARRAY_SIZE(made) - 1].is)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(made) && count < SIGNAL_PER_EVENT; i++) {
		struct signal *signal = &ret[count];

		if (!made[i].is || !(s->wanted & 1U << made[i].what) ||
		    !rate_allows(s, &e->task, made[i].what, e->head.boot_ns))
			continue;
		signal_make(signal, made[i].what, &e->task, e->head.boot_ns);
		(void)snprintf(signal->text, sizeof(signal->text), "%s: %.180s %s",
			       sensor_signal_names[made[i].what], e->exe, made[i].text);
		count++;
	}
	return count;
}

unsigned int signals_of(struct signals *s, const union bl_event *event,
			struct signal ret[SIGNAL_PER_EVENT])
{
	if (event->head.kind == BL_EVENT_EXEC)
		return of_exec(s, &event->exec, ret);
	if (event->head.kind != BL_EVENT_SIGNAL)
		return 0;
	of_record(&event->signal, ret);
	return 1;
}
