/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sockets as log sources: made where only root can write, with senders' credentials, removed when
 * the configuration names them no more. Needs root.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "enforcer/sources/audit.h"
#include "enforcer/sources/listeners.h"

static char dir[64];

static struct {
	struct ipc_source source;
	int fd; /* dup */
	unsigned int calls;
	char text[IPC_TEXT_MAX];
} given;

static struct conf *conf_with(const char *name)
{
	char text[512], error[INI_ERROR_MAX] = "";
	struct conf *conf;

	(void)snprintf(text, sizeof(text),
		       "[source auth-log]\nenabled=no\n[source journal]\nenabled=no\n"
		       "[source s]\nsyslog=%s/%s\nfilters=sshd\nenabled=%s\n",
		       dir, name, name[0] ? "yes" : "no");
	assert_int_equal(conf_new(&conf), 0);
	if (conf_add_text(conf, "t", text, strlen(text), error) || conf_finish(conf, error))
		fail_msg("%s", error);
	return conf;
}

static int on_source(const struct ipc_source *source, int fd, void *arg)
{
	(void)arg;
	given.source = *source;
	given.fd = dup(fd);
	given.calls++;
	return 0;
}

static void on_state(uint32_t id, enum ipc_source_state state, const char *text, void *arg)
{
	(void)arg;
	assert_int_equal(id, given.source.id);
	assert_int_equal(state, SOURCE_REFUSED);
	text_copy(given.text, sizeof(given.text), text);
}

static int setup(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/bailiff-listen-XXXXXX");
	memset(&given, 0, sizeof(given));
	given.fd = -1;
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	if (given.fd >= 0)
		(void)close(given.fd);
	return rmdir(dir);
}

static void test_sender_is_known(void **state)
{
	_cleanup_(listeners_freep) struct listeners *l = NULL;
	_cleanup_(conf_freep) struct conf *conf = NULL, *none = NULL;
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	char control[CMSG_SPACE(sizeof(struct ucred))] __attribute__((aligned(8)));
	char bytes[64];
	struct iovec part = { bytes, sizeof(bytes) };
	struct msghdr head = { .msg_iov = &part,
			       .msg_iovlen = 1,
			       .msg_control = control,
			       .msg_controllen = sizeof(control) };
	struct ucred sender = { .pid = 0 };
	const struct cmsghdr *c;
	struct stat st;
	int fd;

	(void)state;
	if (geteuid())
		skip();
	conf = conf_with("log");
	assert_int_equal(listeners_new(&l), 0);
	listeners_conf(l, conf);
	assert_int_equal(listeners_setup(l, conf, 7, on_source, NULL), 0);
	assert_int_equal(given.source.id, 7);
	assert_int_equal(given.source.kind, IPC_SOURCE_SYSLOG);
	assert_int_equal(listeners_count(l), 1);
	listeners_states(l, on_state, NULL);
	assert_string_equal(given.text, "");
	(void)snprintf(at.sun_path, sizeof(at.sun_path), "%s/log", dir);
	assert_int_equal(stat(at.sun_path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0666);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(sendto(fd, "<13>x", 5, 0, (struct sockaddr *)&at, sizeof(at)), 5);
	(void)close(fd);
	assert_int_equal(recvmsg(given.fd, &head, MSG_DONTWAIT), 5);
	c = CMSG_FIRSTHDR(&head);
	assert_true(c && c->cmsg_type == SCM_CREDENTIALS);
	if (c)
		memcpy(&sender, CMSG_DATA(c), sizeof(sender));
	assert_int_equal(sender.pid, getpid());
	/* It does not block, and goes when it is not named any more. */
	assert_int_equal(recvmsg(given.fd, &head, 0), -1);
	assert_int_equal(errno, EAGAIN);
	none = conf_with("");
	listeners_conf(l, none);
	assert_int_equal(stat(at.sun_path, &st), -1);
}

static void test_folder_of_others_is_refused(void **state)
{
	_cleanup_(listeners_freep) struct listeners *l = NULL;
	_cleanup_(conf_freep) struct conf *conf = NULL;
	char path[128];
	struct stat st;

	(void)state;
	if (geteuid())
		skip();
	conf = conf_with("log");
	assert_int_equal(chmod(dir, 0777), 0);
	assert_int_equal(listeners_new(&l), 0);
	listeners_conf(l, conf);
	assert_int_equal(listeners_setup(l, conf, 1, on_source, NULL), 0);
	/* A source all the same, so that its state is told. */
	assert_int_equal(given.calls, 1);
	listeners_states(l, on_state, NULL);
	assert_non_null(strstr(given.text, "not a folder that only root can write"));
	(void)snprintf(path, sizeof(path), "%s/log", dir);
	assert_int_equal(stat(path, &st), -1);
}

static void test_reasons_of_audit(void **state)
{
	char text[IPC_TEXT_MAX];

	(void)state;
	audit_trouble(0, 1, text, sizeof(text));
	assert_string_equal(text, "");
	audit_trouble(0, -EPERM, text, sizeof(text));
	assert_string_equal(text, "");
	audit_trouble(0, 0, text, sizeof(text));
	assert_non_null(strstr(text, "audit is off"));
	audit_trouble(-EPROTONOSUPPORT, -EPROTONOSUPPORT, text, sizeof(text));
	assert_non_null(strstr(text, "has no audit"));
	audit_trouble(-EPERM, -EPERM, text, sizeof(text));
	assert_non_null(strstr(text, "container"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_sender_is_known, setup, teardown),
		cmocka_unit_test_setup_teardown(test_folder_of_others_is_refused, setup, teardown),
		cmocka_unit_test(test_reasons_of_audit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
