/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a contained task tries. "Ran" is told by the program itself: its first instruction is one
 * that traps, so SIGILL means that an instruction of it was executed, and nothing else does.
 */
#include "verdict.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRAP_AT 0x400000UL
#define REFUSED_CODE 97 /* of a child whose execve said EPERM */

bool trap_make(void)
{
	static const unsigned char ud2[] = { 0x0f, 0x0b };
	struct {
		Elf64_Ehdr head;
		Elf64_Phdr load;
		unsigned char code[sizeof(ud2)];
	} file = {
		.head = {
			.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
				     EV_CURRENT },
			.e_type = ET_EXEC,
			.e_machine = EM_X86_64,
			.e_version = EV_CURRENT,
			.e_phoff = sizeof(Elf64_Ehdr),
			.e_ehsize = sizeof(Elf64_Ehdr),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = 1,
		},
		.load = {
			.p_type = PT_LOAD,
			.p_flags = PF_R | PF_X,
			.p_vaddr = TRAP_AT,
			.p_paddr = TRAP_AT,
			.p_align = 0x1000,
		},
	};
	int fd = open(work_path("trap"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	bool good;

	memcpy(file.code, ud2, sizeof(ud2));
	file.load.p_filesz = file.load.p_memsz = sizeof(file);
	file.head.e_entry = TRAP_AT + offsetof(__typeof__(file), code);
	good = fd >= 0 && write(fd, &file, sizeof(file)) == (ssize_t)sizeof(file);
	close(fd);
	return good;
}

/* ---- loading --------------------------------------------------------------------------------- */

static const char *const programs[METHOD_MAX][6] = {
	[METHOD_LSM] = { "bl_exec_lsm", "bl_fork_lsm", "bl_conn_lsm", "bl_sock_lsm", "bl_cred_lsm",
			 "bl_trace_lsm" },
	[METHOD_FMOD_RET] = { "bl_exec_mod", "bl_fork_mod", "bl_conn_mod", "bl_sock_mod",
			      "bl_cred_mod", "bl_trace_mod" },
	[METHOD_KILL] = { "bl_exec_kill" },
};

static int attach(struct verdicts *v, const char *name)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(v->obj, name);
	struct bpf_link *link = prog ? bpf_program__attach(prog) : NULL;

	if (!link)
		return prog ? -errno : -ENOENT;
	v->links[v->n_links++] = link;
	return 0;
}

int verdicts_load(struct verdicts *ret, const struct fixture *f, enum method method)
{
	struct verdicts v = { .obj = object_open("lockout_session") };
	int r;

	if (!v.obj)
		return -errno;
	r = object_prepare(v.obj, f->sensors.exec, &f->options);
	if (!r)
		r = bpf_object__load(v.obj);
	for (size_t i = 0; !r && i < 6 && programs[method][i]; i++)
		r = attach(&v, programs[method][i]);
	if (!r)
		r = attach(&v, "bl_keep");
	if (r) {
		verdicts_unload(&v);
		return r;
	}
	v.sessions = bpf_object__find_map_fd_by_name(v.obj, "bl_verdicts");
	v.uids = bpf_object__find_map_fd_by_name(v.obj, "bl_uids");
	v.any = bpf_object__find_map_fd_by_name(v.obj, "bl_any");
	v.counters = bpf_object__find_map_fd_by_name(v.obj, "bl_counters");
	*ret = v;
	return 0;
}

void verdicts_unload(struct verdicts *v)
{
	while (v->n_links > 0)
		bpf_link__destroy(v->links[--v->n_links]);
	bpf_object__close(v->obj);
	v->obj = NULL;
}

/* ---- inside ---------------------------------------------------------------------------------- */

static char *const trap_argv[] = { "trap", NULL };
static char *const no_env[] = { NULL };
static const char *trap_path;

static void exec_trap(void)
{
	execve(trap_path, trap_argv, no_env);
	_exit(errno == EPERM ? REFUSED_CODE : 1);
}

static void tally(struct tried *t, int status)
{
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGILL)
		t->ran++;
	else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		t->killed++;
	else if (WIFEXITED(status) && WEXITSTATUS(status) == REFUSED_CODE)
		t->refused++;
	else
		t->other++;
}

static void *exec_in_thread(void *arg)
{
	exec_trap();
	return arg;
}

/* The status of the process that execs is handed on by whoever waited for it. */
static void hand_on(int status)
{
	struct tried t = { 0 };

	tally(&t, status);
	if (t.ran)
		(void)raise(SIGILL);
	if (t.killed)
		(void)raise(SIGKILL);
	_exit(t.refused ? REFUSED_CODE : 1);
}

static void act(enum try_what what)
{
	pthread_t thread;
	pid_t pid;

	if (what == TRY_THREAD) {
		if (pthread_create(&thread, NULL, exec_in_thread, NULL))
			_exit(1);
		for (;;)
			pause();
	}
	if (what == TRY_NESTED && loginuid_write(1001))
		_exit(1);
	if (what == TRY_UNSET && loginuid_write((unsigned int)-1))
		_exit(1);
	if (what == TRY_DAEMON || what == TRY_UNSET) {
		(void)setsid();
		pid = fork();
		if (pid)
			hand_on(wait_for(pid));
	}
	exec_trap();
}

/* posix_spawn() is vfork and exec; a refused exec is its error, a killed one is a process that
 * ended. */
static void vfork_trap(struct tried *t)
{
	pid_t pid;
	int r = posix_spawn(&pid, trap_path, NULL, NULL, trap_argv, no_env);

	if (r == EPERM)
		t->refused++;
	else if (r)
		t->other++;
	else
		tally(t, wait_for(pid));
}

static void try_spawn(struct tried *t, enum try_what what, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		pid_t pid;

		if (what == TRY_VFORK) {
			vfork_trap(t);
			continue;
		}
		pid = fork();
		if (pid == 0)
			act(what);
		if (pid < 0)
			t->other++;
		else
			tally(t, wait_for(pid));
	}
}

static void try_exec(struct tried *t, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		execve(trap_path, trap_argv, no_env);
		if (errno == EPERM)
			t->refused++;
		else
			t->other++;
	}
}

static void *nothing(void *arg)
{
	return arg;
}

static int try_ptrace(void)
{
	pid_t pid = fork();
	int r;

	if (pid == 0) {
		for (;;)
			pause();
	}
	if (pid < 0)
		return errno;
	r = ptrace(PTRACE_SEIZE, pid, NULL, NULL) ? errno : 0;
	(void)kill(pid, SIGKILL);
	(void)wait_for(pid);
	return r;
}

static int try_one(enum try_what what)
{
	struct sockaddr_un nobody = { .sun_family = AF_UNIX, .sun_path = "/nobody/listens" };
	pthread_t thread;
	int fd, r = 0;
	pid_t pid;

	switch (what) {
	case TRY_FORK:
		pid = fork();
		if (pid == 0)
			_exit(0);
		return pid < 0 ? errno : (wait_for(pid), 0);
	case TRY_MAKE_THREAD:
		r = pthread_create(&thread, NULL, nothing, NULL);
		return r ? r : pthread_join(thread, NULL);
	case TRY_CONNECT:
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		r = connect(fd, (struct sockaddr *)&nobody, sizeof(nobody)) ? errno : 0;
		close(fd);
		return r;
	case TRY_SOCKET:
	case TRY_UNIX_SOCKET:
		fd = socket(what == TRY_SOCKET ? AF_INET : AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (fd < 0)
			return errno;
		close(fd);
		return 0;
	case TRY_CRED:
		if (seteuid(3000))
			return errno;
		return seteuid(0) ? errno : 0;
	case TRY_PTRACE:
		return try_ptrace();
	case TRY_EXEC:
	case TRY_SPAWN:
	case TRY_VFORK:
	case TRY_THREAD:
	case TRY_DAEMON:
	case TRY_NESTED:
	case TRY_UNSET:
	case TRY_MAX:
		break;
	}
	return EINVAL;
}

struct request {
	enum try_what what;
	unsigned int n;
};

static int serve(int in, int out, uid_t uid)
{
	unsigned int audit_session;
	struct request request;

	if (loginuid_write(1000))
		return 1;
	audit_session = proc_number("/proc/self/sessionid");
	if (uid && (setgid(uid) || setuid(uid)))
		return 1;
	if (write(out, &audit_session, sizeof(audit_session)) != sizeof(audit_session))
		return 1;
	while (read(in, &request, sizeof(request)) == sizeof(request)) {
		struct tried t = { 0 };

		if (request.what == TRY_EXEC)
			try_exec(&t, request.n);
		else if (request.what <= TRY_UNSET)
			try_spawn(&t, request.what, request.n);
		else
			t.error = try_one(request.what);
		if (write(out, &t, sizeof(t)) != sizeof(t))
			return 1;
	}
	return 0;
}

/* ---- outside --------------------------------------------------------------------------------- */

bool worker_start(struct worker *ret, const struct fixture *f, uid_t uid)
{
	unsigned int audit_session;
	int in[2], out[2];
	struct worker w;

	trap_path = work_path("trap");
	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		return check(false, "a worker's pipes");
	w = (struct worker){ .pid = fork(), .to = in[1], .from = out[0] };
	if (w.pid == 0) {
		static char path[1024];

		(void)snprintf(path, sizeof(path), "%s", trap_path);
		trap_path = path;
		close(in[1]);
		close(out[0]);
		_exit(serve(in[0], out[1], uid));
	}
	close(in[0]);
	close(out[1]);
	*ret = w;
	if (read(w.from, &audit_session, sizeof(audit_session)) != sizeof(audit_session) ||
	    bpf_map_lookup_elem(sensors_map(&f->sensors, "bl_audit"), &audit_session, &ret->tag))
		return check(false, "a worker in a session of its own");
	return true;
}

struct tried worker_try(const struct worker *w, enum try_what what, unsigned int n)
{
	struct request request = { what, n };
	struct tried t = { .other = n ? n : 1, .error = -1 };

	if (write(w->to, &request, sizeof(request)) != sizeof(request) ||
	    read(w->from, &t, sizeof(t)) != sizeof(t))
		note("the worker is gone: %s", strerror(errno));
	return t;
}

void worker_stop(const struct worker *w)
{
	close(w->to);
	close(w->from);
	(void)kill(w->pid, SIGKILL);
	(void)wait_for(w->pid);
}
