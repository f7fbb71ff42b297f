/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pins, links and settings of the lockout programs as bailiffd made them, or made so again.
 *
 * The descriptors that bailiffd holds are what is true: an object lives as long as they do,
 * whatever becomes of its name. A tracing link has no detach operation (bpf_tracing_link_lops, 5.5
 * to 6.12), so of sensors there is nothing to look at that the canary does not tell better, and of
 * the programs that contain sessions only the pins. A program in
 * another network namespace is attached again by the next look at namespaces, without a word:
 * whether the namespace ended or somebody detached it, the link shows alike.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "enforcer/hooks/hooks.h"

#define FINDING "tampering"

static const char *const what_names[] = {
	[TAMPER_PIN] = "pins removed or exchanged",
	[TAMPER_LINK] = "programs detached or exchanged",
	[TAMPER_SETTING] = "settings changed",
	[TAMPER_GONE] = "lockouts taken out",
	[TAMPER_CHANGED] = "lockouts changed",
	[TAMPER_ADDED] = "lockouts put in",
};
_Static_assert(ARRAY_SIZE(what_names) == TAMPER_MAX, "a name per kind");

/* r: what putting it right came to. */
static void add(struct tamper *tamper, enum tamper_what what, int r)
{
	tamper->seen[what]++;
	if (r < 0) {
		tamper->failed++;
		tamper->error = r;
	}
}

static const struct bpf_program *program_of(const struct hooks *hooks, const char *name)
{
	return bpf_object__find_program_by_name(hooks->object[HOOK_LOCKOUT], name);
}

static uint32_t program_id(const struct bpf_program *program)
{
	struct bpf_prog_info info = {};
	uint32_t len = sizeof(info);

	return bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &len) < 0 ? 0 : info.id;
}

static bool detached(const struct bpf_link_info *info)
{
	/* cgroup_bpf_link_auto_detach and the netns link's detach leave 0 (5.8, 5.9). */
	return info->type == BPF_LINK_TYPE_NETNS ? info->netns.netns_ino == 0
						 : info->cgroup.cgroup_id == 0;
}

static int attach_again(struct hooks *hooks, size_t row, const struct bpf_program *program)
{
	int r = hook_attach_place(hooks, row, program, hooks->cgroup_fd);

	hooks->attached[row] = r == 0;
	return r;
}

static void look_at_link(struct hooks *hooks, size_t row, struct tamper *tamper)
{
	const struct bpf_program *program = program_of(hooks, hook_table[row].program);
	struct bpf_link_info info = {};
	uint32_t len = sizeof(info);
	int r;

	if (!program || bpf_obj_get_info_by_fd(hooks->link_fd[row], &info, &len) < 0)
		return;
	if (detached(&info))
		add(tamper, TAMPER_LINK, attach_again(hooks, row, program));
	else if (info.prog_id != program_id(program))
		add(tamper, TAMPER_LINK,
		    bpf_link_update(hooks->link_fd[row], bpf_program__fd(program), NULL) < 0
			    ? -errno
			    : 0);
	if (!hooks->pin_dir[0])
		return;
	r = pins_keep(hooks->pin_dir, "links", hook_table[row].program, hooks->link_fd[row]);
	if (r)
		add(tamper, TAMPER_PIN, r);
}

/* Of tracing and LSM programs, which are attached as long as their link is. */
static void look_at_kept(const struct hooks *hooks, size_t row, struct tamper *tamper)
{
	int r;

	if (!hooks->pin_dir[0] || !hooks->link[row])
		return;
	r = pins_keep(hooks->pin_dir, "links", hook_table[row].program,
		      bpf_link__fd(hooks->link[row]));
	if (r)
		add(tamper, TAMPER_PIN, r);
}

static void look_at_space(struct hooks *hooks, const struct hook_netns *space,
			  struct tamper *tamper)
{
	const struct bpf_program *program = program_of(hooks, "bl_lookup");
	struct bpf_link_info info = {};
	uint32_t len = sizeof(info);
	char name[32];
	int r;

	if (!program || bpf_obj_get_info_by_fd(space->link_fd, &info, &len) < 0 || detached(&info))
		return;
	if (info.prog_id != program_id(program))
		add(tamper, TAMPER_LINK,
		    bpf_link_update(space->link_fd, bpf_program__fd(program), NULL) < 0 ? -errno
											: 0);
	if (!hooks->pin_dir[0])
		return;
	hook_netns_pin(space->ino, name);
	r = pins_keep(hooks->pin_dir, "links", name, space->link_fd);
	if (r)
		add(tamper, TAMPER_PIN, r);
}

/* With bl_style at "silent" and no bl_ingress attached a locked address would walk in. */
static void look_at_style(struct hooks *hooks, struct tamper *tamper)
{
	int fd = hooks_map(hooks, "bl_style");
	uint32_t zero = 0, value;

	if (fd < 0 || bpf_map_lookup_elem(fd, &zero, &value) < 0 || value == hooks->style)
		return;
	add(tamper, TAMPER_SETTING,
	    bpf_map_update_elem(fd, &zero, &hooks->style, BPF_ANY) < 0 ? -errno : 0);
}

void hooks_tamper(struct hooks *hooks, struct tamper *tamper)
{
	hook_guard_refresh(hooks);
	if (hooks->dry || !hooks->object[HOOK_LOCKOUT])
		return;
	for (size_t i = 0; i < hook_count; i++) {
		if (hook_table[i].object == HOOK_LOCKOUT && hooks->link_fd[i] >= 0)
			look_at_link(hooks, i, tamper);
		if (hook_table[i].at == HOOK_AT_KEPT || hook_table[i].at == HOOK_AT_REFUSING)
			look_at_kept(hooks, i, tamper);
	}
	for (size_t i = 0; i < hooks->spaces; i++)
		look_at_space(hooks, &hooks->space[i], tamper);
	look_at_style(hooks, tamper);
	for (size_t i = 0; hooks->pin_dir[0] && i < hooks->maps; i++) {
		int r = 0;

		if (hook_pinned_map(hooks->map[i].name))
			r = pins_keep(hooks->pin_dir, "maps", hooks->map[i].name, hooks->map[i].fd);
		if (r)
			add(tamper, TAMPER_PIN, r);
	}
}

static void put_what(const struct tamper *tamper, char *ret, size_t size)
{
	size_t len = 0;

	*ret = '\0';
	for (int i = 0; i < TAMPER_MAX; i++) {
		int n;

		if (tamper->seen[i] == 0)
			continue;
		n = snprintf(ret + len, size - len, "%s%llu %s", len ? ", " : "",
			     (unsigned long long)tamper->seen[i], what_names[i]);
		if (n < 0 || (size_t)n >= size - len)
			return;
		len += (size_t)n;
	}
}

int hooks_tampered(struct hooks *hooks, const struct tamper *tamper)
{
	struct tamper *all = &hooks->tampered;
	uint64_t now = 0, ever = 0;
	char text[200];

	if (hooks->dry || !hooks->object[HOOK_LOCKOUT])
		return 0;
	for (int i = 0; i < TAMPER_MAX; i++) {
		now += tamper->seen[i];
		all->seen[i] += tamper->seen[i];
		ever += all->seen[i];
	}
	if (now == 0 && ever > 0)
		return 0;
	if (now == 0) {
		findings_put(&hooks->findings, FINDING_OK, FINDING,
			     "pins, programs and lockouts in the kernel are as bailiffd made them");
		return 0;
	}
	all->failed = tamper->failed;
	put_what(tamper, text, sizeof(text));
	if (tamper->failed)
		log_error("by somebody else's hand: %s; %llu of it could not be put right (%s)",
			  text, (unsigned long long)tamper->failed, strerror(-tamper->error));
	else
		log_error("by somebody else's hand: %s; put right", text);
	put_what(all, text, sizeof(text));
	findings_put(&hooks->findings, FINDING_DEGRADED, FINDING,
		     "by others since bailiffd started: %s; %s", text,
		     tamper->failed ? "not all of it could be put right" : "put right");
	return 1;
}
