/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What PAM answered. There is no libpam in this guest: pam_authenticate() here has its name and its
 * handle's layout, which is all that the probes know of it.
 */
#include "tests.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net.h"

/* The head of libpam's own struct pam_handle, 1.4 to 1.7. */
struct handle {
	void *before[5];
	const char *service, *user, *rhost, *ruser, *tty;
};

int pam_authenticate(struct handle *handle, int answer);

/* What it returns must not be known where it is called, or the call goes. */
__attribute__((noinline, noclone)) int pam_authenticate(struct handle *handle, int answer)
{
	__asm__ volatile("" : : "r"(handle) : "memory");
	return answer;
}

static struct handle asked = {
	.service = "vsftpd", .user = "root", .rhost = "203.0.113.9", .tty = "ftp"
};

/* libpam's texts are copies on its heap; a constant's page may not be mapped yet in a new
 * process. */
static const char *own(const char *text)
{
	return text && text != (const char *)1 ? strdup(text) : text;
}

static int ask(void *arg)
{
	asked.service = own(asked.service);
	asked.user = own(asked.user);
	asked.rhost = own(asked.rhost);
	asked.tty = own(asked.tty);
	return pam_authenticate(&asked, *(int *)arg) == *(int *)arg ? 0 : 1;
}

static int ask_as_user(void *arg)
{
	return setgid(1000) || setuid(1000) || ask(arg);
}

/* A user's own program cannot become root by its effective id alone either. */
static int ask_with_real_root(void *arg)
{
	return seteuid(1000) || ask(arg);
}

static const struct bl_event_auth *auth_of(struct fixture *f, pid_t pid)
{
	const struct event *ev;

	wait_for(pid);
	events_drain(&f->events);
	ev = events_find(&f->events, BL_EVENT_AUTH, pid, 0);
	return ev ? &ev->e->auth : NULL;
}

static void test_answers(struct fixture *f)
{
	const struct bl_event_auth *e;
	int answer = 7;
	pid_t pid = spawn_fn(ask, &answer);

	e = auth_of(f, pid);
	check(e && e->result == 7 && strcmp(e->pam_service, "vsftpd") == 0 &&
		      strcmp(e->user, "root") == 0 && strcmp(e->rhost, "203.0.113.9") == 0 &&
		      strcmp(e->tty, "ftp") == 0 && e->head.flags == 0,
	      "pam: a refusal, with what the service told");
	check(e && e->task.pid == (uint32_t)pid && e->task.euid == 0 && e->service == 0 &&
		      e->end.family == 0,
	      "pam: by whom; of no service");
	answer = 0;
	e = auth_of(f, spawn_fn(ask, &answer));
	check(e && e->result == 0, "pam: a success");
	events_forget(&f->events);
	e = auth_of(f, spawn_fn(ask_as_user, &answer));
	check(!e, "pam: what a user's own program asks is not told");
	e = auth_of(f, spawn_fn(ask_with_real_root, &answer));
	check(!e, "pam: nor with another effective user");
	check(events_count(&f->events, BL_EVENT_AUTH, 0) == 0, "pam: of nobody else either");
}

static void test_odd_texts(struct fixture *f)
{
	const struct handle usual = asked;
	const struct bl_event_auth *e;
	char longest[300];
	int answer = 10;

	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	asked.user = asked.rhost = longest;
	e = auth_of(f, spawn_fn(ask, &answer));
	check(e && strlen(e->user) == BL_PAM_NAME_MAX - 1 &&
		      e->head.flags == (BL_AUTH_USER_CUT | BL_AUTH_RHOST_CUT),
	      "pam: long texts are cut, and that is told");
	asked.user = NULL;
	asked.rhost = (const char *)1;
	asked.service = "";
	e = auth_of(f, spawn_fn(ask, &answer));
	check(e && !e->user[0] && !e->rhost[0] && !e->pam_service[0] && e->result == 10,
	      "pam: what is not there or cannot be read is empty");
	asked = usual;
}

/* In a process of a service, with its connection. */
static int serve_and_ask(void *arg)
{
	if (dup2(*(int *)arg, 0) != 0)
		return 1;
	execv(work_path("session-program"), (char *[]){ "child:pam", NULL });
	return 126;
}

static void test_of_service(struct fixture *f)
{
	uint16_t port, from;
	int listener = tcp_listen(AF_INET, "127.0.0.1", &port), client, server;
	const struct bl_event_auth *e;
	const struct event *ev;
	pid_t pid;

	client = tcp_connect(AF_INET, "127.0.0.1", "127.0.0.1", port);
	from = client >= 0 ? sock_port(client) : 0;
	server = accept(listener, NULL, NULL);
	events_forget(&f->events);
	pid = spawn_fn(serve_and_ask, &server);
	e = auth_of(f, pid);
	check(e && e->service == 9 && e->role == BL_ROLE_SESSION && e->end.peer_port == from &&
		      e->end.local_port == port,
	      "pam: asked by a service's process, with its connection");
	ev = events_find(&f->events, BL_EVENT_AUTH, pid, 0);
	check(ev && ev->ring == RING_URGENT, "pam: told at once then");
	close(server);
	close(client);
	close(listener);
}

int pam_child(void)
{
	int answer = 7;

	return ask(&answer);
}

void test_pam(struct fixture *f)
{
	/* A probe is in a file, and the service's program is a copy. */
	if (!check(sensors_pam(&f->sensors, "/proc/self/exe") == 0 &&
			   sensors_pam(&f->sensors, work_path("session-program")) == 0,
		   "pam: the probes attach")) {
		note("%s", load_error);
		return;
	}
	test_answers(f);
	test_odd_texts(f);
	test_of_service(f);
}
