/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How a locked address is refused: as if nobody listened, or in silence.
 *
 * bl_ingress is only attached where silence is asked for, because every received packet pays for
 * it. It is attached before bl_lookup is told to let pass, and removed after bl_lookup refuses
 * again: at no time does neither of them.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "enforcer/hooks/hooks.h"

#define FINDING "lockout, silent"

static size_t row_of_ingress(void)
{
	size_t row = 0;

	while (hook_table[row].at != HOOK_AT_STYLE)
		row++;
	return row;
}

static int tell(struct hooks *hooks, enum bl_style style)
{
	int fd = hooks_map(hooks, "bl_style");
	uint32_t zero = 0, value = style;

	if (fd < 0)
		return fd;
	if (bpf_map_update_elem(fd, &zero, &value, BPF_ANY) < 0)
		return -errno;
	hooks->style = style;
	return 0;
}

static void detach(struct hooks *hooks, size_t row)
{
	base_closep(&hooks->link_fd[row]);
	hooks->link_fd[row] = -1;
	hooks->attached[row] = false;
	/* Also what an earlier life has left. */
	pins_drop_link(hooks->pin_dir, hook_table[row].program);
}

static int attach(struct hooks *hooks, size_t row, int cgroup_fd)
{
	const struct bpf_program *program = bpf_object__find_program_by_name(
		hooks->object[HOOK_LOCKOUT], hook_table[row].program);
	int r;

	if (!program || bpf_program__fd(program) < 0)
		return -EOPNOTSUPP;
	r = hook_attach_place(hooks, row, program, cgroup_fd);
	hooks->attached[row] = r == 0;
	return r;
}

int hooks_style_at(struct hooks *hooks, enum lockout_style style, int cgroup_fd)
{
	size_t row = row_of_ingress();
	int r = 0;

	if (hooks->dry || !hooks->object[HOOK_LOCKOUT])
		return 0;
	if (style == STYLE_SILENT && !hooks->attached[row])
		r = attach(hooks, row, cgroup_fd);
	if (r == 0)
		r = tell(hooks, style == STYLE_SILENT ? BL_STYLE_SILENT : BL_STYLE_REFUSE);
	if (r < 0)
		(void)tell(hooks, BL_STYLE_REFUSE);
	if (style != STYLE_SILENT || r < 0)
		detach(hooks, row);
	if (r < 0)
		findings_put(&hooks->findings, FINDING_DEGRADED, FINDING,
			     "locked addresses are answered that nobody listens, not dropped as "
			     "style = silent asks (%s: %s)",
			     hook_table[row].program, strerror(-r));
	else
		findings_put(
			&hooks->findings, FINDING_OK, FINDING, "%s",
			style == STYLE_SILENT
				? "packets of a locked address are dropped; each packet pays for it"
				: "not asked for: a locked address is told that nobody listens");
	return r;
}

int hooks_style(struct hooks *hooks, const struct conf *conf)
{
	return hooks_style_at(hooks, conf->style, hooks->cgroup_fd);
}
