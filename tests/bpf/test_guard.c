/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guard: what it refuses to whom, what it leaves alone, and that it ends with its links.
 *
 * This process stands for bailiffd, a child of it for one of its parts. Who asks is another child:
 * what may be done to it is another matter, but it has no more right than any process of root's.
 */
#include "tests.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bailiff/guard.h>

#define FOLDER "/sys/fs/bpf/guarded"
#define ASIDE "/sys/fs/bpf/aside"

struct guard {
	struct bpf_object *object;
	struct bpf_link *link[8];
	unsigned int links;
	int map, foreign; /* guarded, and not */
	int cgroup, own_link;
	char cgroup_path[64];
	pid_t part;
	pid_t owner;
};

static struct guard g;

/* ---- strangers ---- */

/* What the function answers in another process. */
static int by_stranger(int (*fn)(void))
{
	int status, answer[2], r = -ECHILD;
	pid_t pid;

	if (pipe(answer) < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		r = fn();
		_exit(write(answer[1], &r, sizeof(r)) != sizeof(r));
	}
	(void)waitpid(pid, &status, 0);
	close(answer[1]);
	if (read(answer[0], &r, sizeof(r)) != sizeof(r))
		r = -EIO;
	close(answer[0]);
	return r;
}

static uint32_t map_id(int fd)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &len) ? 0 : info.id;
}

static int opens(int map, uint32_t flags)
{
	LIBBPF_OPTS(bpf_get_fd_by_id_opts, opts, .open_flags = flags);
	int fd = bpf_map_get_fd_by_id_opts(map_id(map), &opts), r = fd < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return r;
}

static int open_write(void)
{
	return opens(g.map, 0);
}

static int open_read(void)
{
	return opens(g.map, BPF_F_RDONLY);
}

static int open_foreign(void)
{
	return opens(g.foreign, 0);
}

static int open_pin(void)
{
	int fd = bpf_obj_get(FOLDER "/map"), r = fd < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return r;
}

/* By a descriptor that it has: the pin of a link can be opened by root. */
static int detach_link(void)
{
	int fd = bpf_obj_get(FOLDER "/link"), r;

	if (fd < 0)
		return -errno;
	r = bpf_link_detach(fd) ? -errno : 0;
	close(fd);
	return r;
}

static int pass_program(void)
{
	const struct bpf_insn pass[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_CGROUP_INET4_CONNECT);

	return bpf_prog_load(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "pass", "GPL", pass, 2, &opts);
}

static int update_link(void)
{
	int fd = bpf_obj_get(FOLDER "/link"), program = pass_program(), r;

	if (fd < 0 || program < 0)
		return -EBADF;
	r = bpf_link_update(fd, program, NULL) ? -errno : 0;
	close(program);
	close(fd);
	return r;
}

static int detach_foreign(void)
{
	int fd = bpf_obj_get(ASIDE "/link"), r;

	if (fd < 0)
		return -errno;
	r = bpf_link_detach(fd) ? -errno : 0;
	close(fd);
	return r;
}

static int unlink_pin(void)
{
	return unlink(FOLDER "/map") ? -errno : 0;
}

static int unlink_aside(void)
{
	return unlink(ASIDE "/map") ? -errno : 0;
}

static int rename_out(void)
{
	return rename(FOLDER "/map", ASIDE "/taken") ? -errno : 0;
}

static int rename_over(void)
{
	return rename(ASIDE "/map", FOLDER "/map") ? -errno : 0;
}

static int rename_folder(void)
{
	return rename(FOLDER, "/sys/fs/bpf/elsewhere") ? -errno : 0;
}

static int send(pid_t pid, int signal)
{
	return kill(pid, signal) ? -errno : 0;
}

static int stop_owner(void)
{
	return send(g.owner, SIGSTOP);
}

static int kill_owner(void)
{
	return send(g.owner, SIGKILL);
}

static int abort_part(void)
{
	return send(g.part, SIGABRT);
}

static int is_there(void)
{
	return send(g.owner, 0);
}

static int end_part(void)
{
	return send(g.part, SIGTERM);
}

static int trace_part(void)
{
	if (ptrace(PTRACE_SEIZE, g.part, NULL, NULL))
		return -errno;
	(void)ptrace(PTRACE_DETACH, g.part, NULL, NULL);
	return 0;
}

/* Its memory for writing is the same right as tracing it. */
static int write_memory(void)
{
	char path[32];
	int fd, r;

	(void)snprintf(path, sizeof(path), "/proc/%d/mem", g.part);
	fd = open(path, O_RDWR | O_CLOEXEC);
	r = fd < 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	return r;
}

static int read_status(void)
{
	char path[32], c;
	int fd, r;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", g.part);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	r = fd >= 0 && read(fd, &c, 1) == 1 ? 0 : -EIO;
	if (fd >= 0)
		close(fd);
	return r;
}

static int abort_itself(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		(void)signal(SIGABRT, SIG_DFL);
		abort();
	}
	return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT
		       ? 0
		       : -EIO;
}

/* ---- the place ---- */

static int wait_to_be_ended(void *arg)
{
	(void)arg;
	(void)signal(SIGTERM, SIG_DFL);
	for (;;)
		(void)pause();
	return 0;
}

static bool place_open(void)
{
	int foreign_link, program = pass_program();

	(void)mkdir("/sys/fs/bpf", 0700);
	g.owner = getpid();
	(void)snprintf(g.cgroup_path, sizeof(g.cgroup_path), "/sys/fs/cgroup/guard-%d", g.owner);
	g.map = bpf_map_create(BPF_MAP_TYPE_HASH, "guarded", 4, 4, 4, NULL);
	g.foreign = bpf_map_create(BPF_MAP_TYPE_HASH, "foreign", 4, 4, 4, NULL);
	if (program < 0 || g.map < 0 || g.foreign < 0 || mkdir(g.cgroup_path, 0755) ||
	    mkdir(FOLDER, 0700) || mkdir(ASIDE, 0700))
		return false;
	g.cgroup = open(g.cgroup_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	g.own_link = bpf_link_create(program, g.cgroup, BPF_CGROUP_INET4_CONNECT, NULL);
	foreign_link = bpf_link_create(program, g.cgroup, BPF_CGROUP_INET4_CONNECT, NULL);
	if (bpf_obj_pin(g.map, FOLDER "/map") || bpf_obj_pin(g.own_link, FOLDER "/link") ||
	    bpf_obj_pin(g.foreign, ASIDE "/map") || bpf_obj_pin(foreign_link, ASIDE "/link"))
		return false;
	close(foreign_link);
	close(program);
	g.part = spawn_fn(wait_to_be_ended, NULL);
	return g.part > 0;
}

static void place_close(void)
{
	(void)unlink(FOLDER "/map");
	(void)unlink(FOLDER "/link");
	(void)unlink(ASIDE "/map");
	(void)unlink(ASIDE "/link");
	(void)unlink(ASIDE "/taken");
	(void)rmdir(FOLDER);
	(void)rmdir(ASIDE);
	close(g.own_link);
	close(g.cgroup);
	close(g.map);
	close(g.foreign);
	(void)rmdir(g.cgroup_path);
}

static bool guard_names(int ids, int dirs)
{
	struct bl_guard_key map = { .kind = BL_GUARD_MAP, .id = map_id(g.map) };
	struct bl_guard_key link = { .kind = BL_GUARD_LINK };
	struct bpf_link_info info = { 0 };
	struct bl_file_key folder = { 0 };
	uint32_t len = sizeof(info);
	uint8_t one = 1;
	struct stat st;

	if (bpf_obj_get_info_by_fd(g.own_link, &info, &len) || stat(FOLDER, &st))
		return false;
	link.id = info.id;
	folder.ino = st.st_ino;
	folder.dev = (uint32_t)(major(st.st_dev) << 20 | minor(st.st_dev));
	return !bpf_map_update_elem(ids, &map, &one, BPF_ANY) &&
	       !bpf_map_update_elem(ids, &link, &one, BPF_ANY) &&
	       !bpf_map_update_elem(dirs, &folder, &one, BPF_ANY);
}

static int guard_load(bool more_arguments)
{
	struct bpf_program *program;
	int r;

	g.object = object_open("guard");
	if (!g.object)
		return -errno;
	bpf_object__for_each_program(program, g.object)
	{
		const char *name = bpf_program__name(program);

		if (!strcmp(name, "bl_guard_bpf") || !strcmp(name, "bl_guard_bpf4"))
			(void)bpf_program__set_autoload(program, !strcmp(name, "bl_guard_bpf4") ==
									 more_arguments);
	}
	r = bpf_object__load(g.object);
	if (r) {
		bpf_object__close(g.object);
		g.object = NULL;
	}
	return r;
}

static int guard_attach(void)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, g.object)
	{
		if (bpf_program__fd(program) < 0)
			continue;
		g.link[g.links] = bpf_program__attach(program);
		if (!g.link[g.links])
			return -errno;
		g.links++;
	}
	return 0;
}

static void guard_detach(void)
{
	while (g.links)
		(void)bpf_link__destroy(g.link[--g.links]);
}

static bool lsm_has_bpf(void)
{
	char text[256] = "";
	int fd = open("/sys/kernel/security/lsm", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	return n > 0 && strstr(text, "bpf") != NULL;
}

/* ---- what it does ---- */

struct row {
	const char *what;
	int (*fn)(void);
};

/* In an order in which none takes from the next what it needs. */
static const struct row refused[] = {
	{ "opening a guarded map for writing", open_write },
	{ "by its pin, too", open_pin },
	{ "detaching a guarded link", detach_link },
	{ "another program for it", update_link },
	{ "removing a pin", unlink_pin },
	{ "moving a pin away", rename_out },
	{ "moving another over it", rename_over },
	{ "moving the folder", rename_folder },
	{ "SIGSTOP to the owner", stop_owner },
	{ "SIGKILL to the owner", kill_owner },
	{ "SIGABRT to its child", abort_part },
	{ "tracing its child", trace_part },
	{ "writing its child's memory", write_memory },
};

static const struct row allowed[] = {
	{ "opening a guarded map for reading", open_read },
	{ "opening another's map", open_foreign },
	{ "detaching another's link", detach_foreign },
	{ "removing another's pin", unlink_aside },
	{ "asking whether the owner is there", is_there },
	{ "reading about its child", read_status },
};

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

static void test_refusals(int guard_map)
{
	struct bl_guard guard;
	uint32_t zero = 0;
	int status;

	for (size_t i = 0; i < ROWS(refused); i++) {
		int r = by_stranger(refused[i].fn);

		check(r == -EPERM || (r == -EACCES && refused[i].fn == write_memory),
		      "refused: %s (%d)", refused[i].what, r);
	}
	check(!bpf_map_lookup_elem(guard_map, &zero, &guard) && guard.refused >= ROWS(refused),
	      "refusals are counted");
	for (size_t i = 0; i < ROWS(allowed); i++) {
		int r = by_stranger(allowed[i].fn);

		check(r == 0, "allowed: %s (%d)", allowed[i].what, r);
	}
	check(abort_itself() == 0, "a child of the owner may still abort()");
	check(open_write() == 0, "the owner opens its map for writing");
	check(update_link() == 0, "it gives its link another program");
	check(unlink_pin() == 0 && bpf_obj_pin(g.map, FOLDER "/map") == 0, "it renews a pin");
	check(by_stranger(end_part) == 0 && wait_for(g.part) >= 0,
	      "anybody with the right may ask for an orderly end");
	g.part = spawn_fn(wait_to_be_ended, NULL);
	check(send(g.part, SIGKILL) == 0 && waitpid(g.part, &status, 0) == g.part,
	      "the owner kills its child");
	g.part = -1;
}

void test_guard(bool wanted)
{
	struct bl_guard guard = { .tgid = (uint32_t)getpid() };
	uint32_t zero = 0;
	int map, r;

	if (!lsm_has_bpf()) {
		if (wanted)
			check(false, "the kernel runs LSM programs");
		else
			skip("guard", "bpf is not in lsm=");
		return;
	}
	if (!check(place_open(), "there is something to guard"))
		goto out;
	/* Whoever asks here gets what the guard refuses later. */
	check(by_stranger(open_write) == 0 && by_stranger(update_link) == 0,
	      "without a guard root may");
	r = guard_load(true);
	if (r)
		r = guard_load(false);
	if (!check(r == 0, "it loads")) {
		note("%s: %s", strerror(-r), load_error);
		goto out;
	}
	map = bpf_object__find_map_fd_by_name(g.object, "bl_guard");
	if (!check(!bpf_map_update_elem(map, &zero, &guard, BPF_ANY) &&
			   guard_names(bpf_object__find_map_fd_by_name(g.object, "bl_guard_ids"),
				       bpf_object__find_map_fd_by_name(g.object, "bl_guard_dirs")),
		   "it is told what to guard") ||
	    !check(guard_attach() == 0, "it attaches"))
		goto out;
	test_refusals(map);
	guard_detach();
	/* An LSM program that is detached may run until a grace period is over. */
	for (int i = 0; i < 100 && by_stranger(open_write) != 0; i++)
		(void)usleep(50000);
	check(by_stranger(open_write) == 0 && by_stranger(unlink_pin) == 0,
	      "it ends with its links");
out:
	guard_detach();
	if (g.object)
		bpf_object__close(g.object);
	if (g.part > 0) {
		(void)kill(g.part, SIGKILL);
		(void)wait_for(g.part);
	}
	place_close();
}
