/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The programs that contain sessions and accounts: of each kind the best that works.
 *
 * Attaching proves nothing (an LSM program attaches, and is never called, where lsm= does not name
 * bpf), so each is tried on a child of our own, and goes again unless it refused. What an earlier
 * life pinned stays until the new one is pinned in its place.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "enforcer/hooks/hooks.h"

/* What a row's program refuses; 0: it is none of these. */
static uint32_t proof_of(const struct hook *hook)
{
	static const struct {
		const char *finding;
		uint32_t proof;
	} proofs[] = {
		{ "containment, exec", PROOF_EXEC },	   { "containment, fork", PROOF_FORK },
		{ "containment, connect", PROOF_CONNECT }, { "containment, socket", PROOF_SOCKET },
		{ "containment, user ids", PROOF_CRED },   { "containment, ptrace", PROOF_PTRACE },
	};

	for (size_t i = 0; hook->at == HOOK_AT_REFUSING && i < ARRAY_SIZE(proofs); i++)
		if (!strcmp(proofs[i].finding, hook->finding))
			return proofs[i].proof;
	return 0;
}

/* Which of its finding's alternatives a row is, best first. */
static unsigned int rank_of(size_t row)
{
	unsigned int rank = 0;

	while (row > 0 && !strcmp(hook_table[row - 1].finding, hook_table[row].finding)) {
		row--;
		rank++;
	}
	return rank;
}

int hooks_count_verdicts(int any_fd, int64_t by)
{
	uint32_t zero = 0;
	struct bl_any any;

	if (bpf_map_lookup_elem(any_fd, &zero, &any) < 0)
		return -errno;
	any.verdicts += (uint64_t)by;
	return bpf_map_update_elem(any_fd, &zero, &any, BPF_ANY) < 0 ? -errno : 0;
}

static uint64_t count_keys(int fd)
{
	uint64_t key = 0, next = 0, count = 0;
	bool first = true;

	while (count < BL_SESSIONS_MAX * 2U &&
	       bpf_map_get_next_key(fd, first ? NULL : &key, &next) == 0) {
		key = next;
		first = false;
		count++;
	}
	return count;
}

/* An earlier life may have ended between an entry and its count. */
static int recount(const struct hooks *hooks)
{
	int sessions = hooks_map(hooks, "bl_verdicts"), uids = hooks_map(hooks, "bl_uids");
	int fd = hooks_map(hooks, "bl_any");
	struct bl_any any = {};
	uint32_t zero = 0;

	if (sessions < 0 || uids < 0 || fd < 0)
		return -ENOENT;
	any.verdicts = count_keys(sessions) + count_keys(uids);
	return bpf_map_update_elem(fd, &zero, &any, BPF_ANY) < 0 ? -errno : 0;
}

static void detach(struct hooks *hooks, size_t row)
{
	(void)bpf_link__destroy(hooks->link[row]);
	hooks->link[row] = NULL;
	hooks->attached[row] = false;
}

/* Attaches this rank's programs for what is not proven yet; number of them. */
static unsigned int attach_rank(struct hooks *hooks, unsigned int rank, uint32_t proven,
				int error[HOOKS_MAX])
{
	unsigned int count = 0;

	for (size_t i = 0; i < hook_count; i++) {
		const struct hook *hook = &hook_table[i];
		struct bpf_program *program;

		if (hook->at != HOOK_AT_REFUSING || rank_of(i) != rank || proven & proof_of(hook) ||
		    error[i] < 0 || !hooks->object[hook->object])
			continue;
		program = bpf_object__find_program_by_name(hooks->object[hook->object],
							   hook->program);
		hooks->link[i] = program ? bpf_program__attach(program) : NULL;
		if (!hooks->link[i]) {
			error[i] = program ? -errno : -ENOENT;
			continue;
		}
		hooks->attached[i] = true;
		count++;
	}
	return count;
}

static uint32_t keep_rank(struct hooks *hooks, const struct hooks_target *target, unsigned int rank,
			  int bits, int error[HOOKS_MAX])
{
	uint32_t kept = 0;

	for (size_t i = 0; i < hook_count; i++) {
		const struct hook *hook = &hook_table[i];
		int r = 0;

		if (hook->at != HOOK_AT_REFUSING || rank_of(i) != rank || !hooks->attached[i])
			continue;
		if (bits < 0)
			r = bits;
		else if (!((uint32_t)bits & proof_of(hook)))
			r = -ENOTSUP;
		else if (target->pin_dir)
			r = pins_keep_link(target->pin_dir, hook->program, hooks->link[i]);
		if (r < 0) {
			log_debug("%s is attached and refuses nothing: %s", hook->program,
				  strerror(-r));
			error[i] = r;
			detach(hooks, i);
			continue;
		}
		kept |= proof_of(hook);
	}
	return kept;
}

static void drop_others(const struct hooks *hooks, const struct hooks_target *target)
{
	for (size_t i = 0; target->pin_dir && i < hook_count; i++)
		if (hook_table[i].at == HOOK_AT_REFUSING && !hooks->attached[i] &&
		    hooks_works(hooks, hook_table[i].finding))
			pins_drop_link(target->pin_dir, hook_table[i].program);
}

void hooks_contain(struct hooks *hooks, const struct hooks_target *target, int error[HOOKS_MAX])
{
	uint32_t proven = 0;

	if (!hooks->object[HOOK_VERDICT] || recount(hooks) < 0)
		return;
	for (unsigned int rank = 0; rank < 3; rank++) {
		int bits;

		if (attach_rank(hooks, rank, proven, error) == 0)
			continue;
		bits = hooks_prove(hooks_map(hooks, "bl_uids"), hooks_map(hooks, "bl_any"),
				   hooks->life);
		proven |= keep_rank(hooks, target, rank, bits, error);
	}
	for (size_t i = 0; i < hook_count; i++)
		if (hook_table[i].at == HOOK_AT_REFUSING && !hooks->attached[i] && error[i] == 0)
			error[i] = -EALREADY;
	drop_others(hooks, target);
}
