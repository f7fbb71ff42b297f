/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Loading and attaching, and what became of it.
 *
 * Order: sensors' objects, the lockout object, reconciliation of what an earlier life left in
 * pinned maps, then attaching. So no program runs on a map that is not yet right.
 */
#include "enforcer/hooks/hooks.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "enforcer/session/cgroups.h"
#include "enforcer/sockets/sockets.h"

int hooks_map(const struct hooks *hooks, const char *name)
{
	for (size_t i = 0; hooks && i < hooks->maps; i++)
		if (!strcmp(hooks->map[i].name, name))
			return hooks->map[i].fd;
	return -ENOENT;
}

bool hooks_map_adopted(const struct hooks *hooks, const char *name)
{
	for (size_t i = 0; i < hooks->maps; i++)
		if (!strcmp(hooks->map[i].name, name))
			return hooks->map[i].adopted;
	return false;
}

bool hooks_works(const struct hooks *hooks, const char *finding)
{
	size_t attached = 0, rows = 0;
	bool part = false;

	for (size_t i = 0; hooks && i < hook_count; i++) {
		if (strcmp(hook_table[i].finding, finding) != 0)
			continue;
		rows++;
		attached += hooks->attached[i];
		part = hook_table[i].part;
	}
	return part ? rows > 0 && attached == rows : attached > 0;
}

static int attach_section(struct hooks *hooks, size_t row, struct bpf_program *program)
{
	hooks->link[row] = bpf_program__attach(program);
	return hooks->link[row] ? 0 : -errno;
}

static int attach_kept(struct hooks *hooks, size_t row, const struct hooks_target *target,
		       struct bpf_program *program)
{
	int r = attach_section(hooks, row, program);

	if (r == 0 && target->pin_dir)
		r = pins_keep_link(target->pin_dir, hook_table[row].program, hooks->link[row]);
	return r;
}

int hook_attach_place(struct hooks *hooks, size_t row, const struct bpf_program *program,
		      int cgroup_fd)
{
	enum hook_at at = hook_table[row].at;
	_cleanup_close_ int netns = -1;
	int place = cgroup_fd, fd;

	if (at == HOOK_AT_NETNS) {
		netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
		if (netns < 0)
			return -errno;
		place = netns;
	}
	if (place < 0)
		return -ENOENT;
	fd = pins_put_link(hooks->pin_dir, hook_table[row].program, program, at, place);
	if (fd < 0)
		return fd;
	base_closep(&hooks->link_fd[row]);
	hooks->link_fd[row] = fd;
	return 0;
}

static bool group_attached(const struct hooks *hooks, size_t row)
{
	for (size_t i = 0; i < hook_count; i++)
		if (hooks->attached[i] && !strcmp(hook_table[i].finding, hook_table[row].finding))
			return true;
	return false;
}

static int attach_row(struct hooks *hooks, size_t row, const struct hooks_target *target)
{
	const struct hook *hook = &hook_table[row];
	struct bpf_program *program =
		bpf_object__find_program_by_name(hooks->object[hook->object], hook->program);

	if (!program)
		return -ENOENT;
	switch (hook->at) {
	case HOOK_AT_KEPT:
		return attach_kept(hooks, row, target, program);
	case HOOK_AT_REFUSING:
		return -EOPNOTSUPP; /* hooks_contain's */
	case HOOK_AT_SECTION:
		/* An alternative whose better one works is not needed. */
		if (!hook->part && group_attached(hooks, row))
			return -EALREADY;
		return attach_section(hooks, row, program);
	case HOOK_AT_ITERATOR:
		return 0;
	case HOOK_AT_PAM:
	case HOOK_AT_PAM_RETURN:
		return hook_pam_attach(hooks, row, program);
	case HOOK_AT_NETNS:
	case HOOK_AT_CGROUP:
		return hook_attach_place(hooks, row, program, target->cgroup_fd);
	case HOOK_AT_STYLE:
	case HOOK_AT_MAX:
		break;
	}
	return -EINVAL;
}

static bool wanted(const struct hooks_target *target, enum hook_object object)
{
	if (object == HOOK_VERDICT)
		return target->verdicts;
	return object == HOOK_LOCKOUT ? target->lockout : target->sensors;
}

/* The finding that begins with this row. */
static void put_finding(struct hooks *hooks, size_t first, const int error[HOOKS_MAX])
{
	bool works = hooks_works(hooks, hook_table[first].finding);
	const struct hook *hook;
	size_t row = first;

	/* The row that tells: one that is attached if it works, else one that is not. */
	while (hooks->attached[row] != works)
		row++;
	hook = &hook_table[row];
	if (works)
		findings_put(&hooks->findings, FINDING_OK, hook->finding, "%s", hook->works);
	else
		findings_put(&hooks->findings, hook->without, hook->finding, "%s (%s: %s)",
			     hook->costs, hook->program, strerror(-error[row]));
}

static void attach_all(struct hooks *hooks, const struct hooks_target *target, int error[HOOKS_MAX])
{
	for (size_t i = 0; i < hook_count; i++) {
		enum hook_at at = hook_table[i].at;

		if (!wanted(target, hook_table[i].object) || at == HOOK_AT_STYLE ||
		    at == HOOK_AT_REFUSING || !hook_wanted(hooks, i))
			continue;
		if (error[i] == 0 && hooks->object[hook_table[i].object])
			error[i] = attach_row(hooks, i, target);
		hooks->attached[i] = error[i] == 0;
	}
	if (target->verdicts)
		hooks_contain(hooks, target, error);
	for (size_t i = 0; i < hook_count; i++)
		if (wanted(target, hook_table[i].object) && hook_table[i].at != HOOK_AT_STYLE &&
		    hook_wanted(hooks, i) &&
		    (i == 0 || strcmp(hook_table[i - 1].finding, hook_table[i].finding) != 0))
			put_finding(hooks, i, error);
}

static void load_all(struct hooks *hooks, const struct hooks_target *target, int error[HOOKS_MAX])
{
	for (int which = 0; which < HOOK_OBJECT_MAX; which++) {
		int r;

		if (!wanted(target, (enum hook_object)which))
			continue;
		r = hook_object_load(hooks, (enum hook_object)which, target->pin_dir, error);
		if (r == 0)
			continue;
		for (size_t i = 0; i < hook_count; i++)
			if (hook_table[i].object == (enum hook_object)which && error[i] == 0)
				error[i] = r;
	}
}

static void put_other_findings(struct hooks *hooks, const struct hooks_target *target)
{
	int r;

	if (target->sensors)
		findings_put(&hooks->findings, FINDING_OK, "session tags", "%s",
			     hooks->task_storage
				     ? "kept with each task (task storage)"
				     : "kept in a table of 65,536 tasks, which was made at start");
	if (!target->lockout) {
		if (access(BL_PIN_LINKS, F_OK) == 0)
			findings_put(&hooks->findings, FINDING_DEGRADED, "earlier lockouts",
				     "lockouts made in enforce mode are still in force until they "
				     "expire; bailiffd --clear ends them");
		return;
	}
	r = sockets_probe_destroy();
	if (r == 0)
		findings_put(&hooks->findings, FINDING_OK, "lockout, established",
			     "established connections of a locked address are cut");
	else
		findings_put(&hooks->findings, FINDING_DEGRADED, "lockout, established",
			     "established connections of a locked address go on (SOCK_DESTROY: %s)",
			     strerror(-r));
}

int hooks_load_at(const struct conf *conf, const struct hooks_target *target, struct hooks **ret)
{
	struct hooks_target own = *target;
	_cleanup_(hooks_freep) struct hooks *hooks = calloc(1, sizeof(*hooks));
	int error[HOOKS_MAX] = {};

	if (!hooks)
		return -ENOMEM;
	for (size_t i = 0; i < HOOKS_MAX; i++)
		hooks->link_fd[i] = -1;
	hooks->dry = !target->lockout;
	hooks->cgroup_fd =
		target->cgroup_fd < 0 ? -1 : fcntl(target->cgroup_fd, F_DUPFD_CLOEXEC, 3);
	hooks->life = (uint32_t)(clock_boot_ns() / NSEC_PER_MSEC) | 1;
	hooks->signals = conf->signals;
	hook_quiet();
	/* Without a place for pins lockouts hold as long as this process: told by a finding. */
	if (own.pin_dir && pins_prepare(own.pin_dir, &hooks->findings) < 0)
		own.pin_dir = NULL;
	text_copy(hooks->pin_dir, sizeof(hooks->pin_dir), own.pin_dir ? own.pin_dir : "");
	hooks->task_storage = target->sensors && hook_probe_task_storage();
	load_all(hooks, &own, error);
	if (target->sensors) {
		hooks_reconcile(hooks);
		(void)hooks_services(hooks, conf);
	}
	attach_all(hooks, &own, error);
	/* Once more: what is watched depends on what is attached. */
	if (target->sensors)
		(void)hooks_services(hooks, conf);
	put_other_findings(hooks, &own);
	if (target->sensors && !hooks_works(hooks, "exec events")) {
		for (uint32_t i = 0; i < hooks->findings.count; i++)
			if (hooks->findings.finding[i].state != FINDING_OK)
				log_error("%s: %s", hooks->findings.finding[i].name,
					  hooks->findings.finding[i].text);
		return -EOPNOTSUPP;
	}
	*ret = TAKE_PTR(hooks);
	return 0;
}

int hooks_load(const struct conf *conf, bool dry, struct hooks **ret)
{
	_cleanup_close_ int cgroup = dry ? -1 : cgroup_open_root();
	struct hooks_target target = {
		.cgroup_fd = cgroup,
		.pin_dir = dry ? NULL : BL_PIN_DIR,
		.sensors = true,
		.lockout = !dry,
		.verdicts = !dry,
	};

	return hooks_load_at(conf, &target, ret);
}

struct hooks *hooks_free(struct hooks *hooks)
{
	if (!hooks)
		return NULL;
	for (size_t i = 0; i < HOOKS_MAX; i++) {
		(void)bpf_link__destroy(hooks->link[i]);
		/* A pinned link stays attached when its descriptor goes. */
		base_closep(&hooks->link_fd[i]);
	}
	hook_guard_done(hooks);
	base_closep(&hooks->cgroup_fd);
	hook_netns_done(hooks);
	for (int i = 0; i < HOOK_OBJECT_MAX; i++)
		if (hooks->object[i])
			bpf_object__close(hooks->object[i]);
	for (size_t i = 0; i < hooks->maps; i++)
		base_closep(&hooks->map[i].fd);
	free(hooks->file);
	free(hooks->peer);
	free(hooks->watch);
	free(hooks);
	return NULL;
}

int hooks_ring_fd(const struct hooks *hooks, enum ipc_ring_which which, uint32_t *ret_size)
{
	int fd = hooks_map(hooks, which == IPC_RING_URGENT ? "bl_urgent" : "bl_events");
	struct bpf_map_info info = {};
	uint32_t len = sizeof(info);

	if (fd < 0)
		return -ENOENT;
	if (bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		return -errno;
	*ret_size = info.max_entries;
	return fd;
}

int hooks_counters(const struct hooks *hooks, uint64_t ret_count[BL_COUNT_MAX])
{
	int cpus = libbpf_num_possible_cpus();
	int fd = hooks_map(hooks, "bl_counters");
	_cleanup_free_ uint64_t *value = NULL;

	memset(ret_count, 0, BL_COUNT_MAX * sizeof(*ret_count));
	if (fd < 0)
		return 0;
	if (cpus <= 0)
		return cpus < 0 ? cpus : -EINVAL;
	value = calloc((size_t)cpus, sizeof(*value));
	if (!value)
		return -ENOMEM;
	for (uint32_t i = 0; i < BL_COUNT_MAX; i++) {
		if (bpf_map_lookup_elem(fd, &i, value) < 0)
			return -errno;
		for (int cpu = 0; cpu < cpus; cpu++)
			ret_count[i] += value[cpu];
	}
	return 0;
}

static uint64_t skipped_runs(const struct hooks *hooks, const struct hook *hook)
{
	const struct bpf_program *program =
		bpf_object__find_program_by_name(hooks->object[hook->object], hook->program);
	struct bpf_prog_info info = {};
	uint32_t len = sizeof(info);

	if (!program || bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &len) < 0)
		return 0;
	return info.recursion_misses;
}

uint64_t hooks_skipped(const struct hooks *hooks)
{
	bool again = hooks && hooks_works(hooks, "skipped execs");
	uint64_t skipped = 0;

	for (size_t i = 0; hooks && i < hook_count; i++) {
		const struct hook *hook = &hook_table[i];

		if (!hooks->attached[i] || !hooks->object[hook->object])
			continue;
		/* What bl_exec misses bl_exec_again tells. */
		if (!again || strcmp(hook->program, "bl_exec") != 0)
			skipped += skipped_runs(hooks, hook);
	}
	return skipped;
}

int hooks_findings(const struct hooks *hooks, finding_fn fn, void *arg)
{
	for (uint32_t i = 0; i < hooks->findings.count; i++) {
		int r = fn(&hooks->findings.finding[i], arg);

		if (r)
			return r;
	}
	return 0;
}

uint32_t hooks_degraded(const struct hooks *hooks)
{
	return findings_degraded(&hooks->findings);
}
