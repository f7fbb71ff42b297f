/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One child process for as long as bailiffd lives.
 *
 * The channel is freed only when the process is gone, in the callback of its pidfd: handlers run
 * within channel_receive and may come here by way of a full queue.
 */
#include "enforcer/child.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/log.h"
#include "privsep/privsep.h"

enum life {
	LIFE_NONE = 1,
	LIFE_STARTING, /* until READY */
	LIFE_READY,
	LIFE_ENDING, /* told to, or killed; waits for the pidfd */
};

struct child {
	struct loop *loop;
	struct child_spec spec;
	enum life life;
	bool wanted;
	bool planned; /* this end is ours, not a failure */
	struct privsep_child process;
	struct channel *channel;
	struct loop_source *channel_watch, *process_watch;
	uint64_t started_ns, due_ns, end_ns;
	unsigned int silent; /* ticks without a heartbeat: a suspended machine has none */
	unsigned int failures; /* early ends in a row */
	uint32_t restarts;
	unsigned int lines; /* that may be passed on now */
	unsigned int lines_dropped;
};

unsigned int child_pause_s(unsigned int failures)
{
	unsigned int pause;

	if (failures <= 1)
		return 0;
	pause = failures > 6 ? CHILD_PAUSE_MAX_S : 1U << (failures - 2);
	return pause < CHILD_PAUSE_MAX_S ? pause : CHILD_PAUSE_MAX_S;
}

int child_new(struct child **ret, struct loop *loop, const struct child_spec *spec)
{
	struct child *child = calloc(1, sizeof(*child));

	if (!child)
		return -ENOMEM;
	child->loop = loop;
	child->spec = *spec;
	child->life = LIFE_NONE;
	child->process.pidfd = child->process.channel_fd = -1;
	*ret = child;
	return 0;
}

bool child_running(const struct child *child)
{
	return child->life != LIFE_NONE;
}

bool child_ready(const struct child *child)
{
	return child->life == LIFE_READY;
}

uint32_t child_restarts(const struct child *child)
{
	return child->restarts;
}

static void send_signal(const struct child *child, int signo)
{
	if (child->process.pidfd >= 0)
		(void)syscall(SYS_pidfd_send_signal, child->process.pidfd, signo, NULL, 0);
}

static void kill_child(struct child *child)
{
	child->channel_watch = loop_remove(child->channel_watch);
	child->life = LIFE_ENDING;
	child->end_ns = UINT64_MAX;
	send_signal(child, SIGKILL);
}

/* What it was sent before still reaches it; then it reads the end. */
static void ask_to_end(struct child *child)
{
	if (child->life != LIFE_STARTING && child->life != LIFE_READY)
		return;
	(void)channel_flush(child->channel);
	(void)shutdown(channel_fd(child->channel), SHUT_WR);
	child->life = LIFE_ENDING;
	child->end_ns = clock_boot_ns() + CHILD_END_S * NSEC_PER_SEC;
}

static void forget_process(struct child *child)
{
	child->channel_watch = loop_remove(child->channel_watch);
	child->process_watch = loop_remove(child->process_watch);
	child->channel = channel_free(child->channel);
	if (child->process.pidfd >= 0)
		(void)close(child->process.pidfd);
	if (child->process.channel_fd >= 0)
		(void)close(child->process.channel_fd);
	child->process = (struct privsep_child){ .pidfd = -1, .channel_fd = -1 };
	child->life = LIFE_NONE;
}

struct child *child_free(struct child *child)
{
	if (!child)
		return NULL;
	if (child->life != LIFE_NONE) {
		kill_child(child);
		(void)waitpid(child->process.pid, NULL, 0);
		forget_process(child);
	}
	free(child);
	return NULL;
}

static void plan_restart(struct child *child, uint64_t now)
{
	unsigned int pause;

	if (!child->wanted)
		return;
	if (child->planned) {
		child->due_ns = now;
		return;
	}
	if (now - child->started_ns >= CHILD_STEADY_S * NSEC_PER_SEC)
		child->failures = 0;
	child->failures++;
	child->restarts++;
	pause = child_pause_s(child->failures);
	if (pause)
		log_warning("%s is started again in %u s", child->spec.name, pause);
	child->due_ns = now + pause * NSEC_PER_SEC;
}

static void tell_end(const struct child *child, int status)
{
	int level = child->planned ? LOG_DEBUG : LOG_ERR;

	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		log_write(level, "%s made a system call that it may not make and was killed",
			  child->spec.name);
	else if (WIFSIGNALED(status))
		log_write(level, "%s was killed by signal %d (%s)", child->spec.name,
			  WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		log_write(level, "%s ended with status %d", child->spec.name, WEXITSTATUS(status));
}

static int on_process(struct loop_source *source, int fd, uint32_t events, void *arg)
{
	struct child *child = arg;
	uint64_t now = clock_boot_ns();
	int status = 0;

	(void)source;
	(void)fd;
	(void)events;
	if (waitpid(child->process.pid, &status, WNOHANG) != child->process.pid)
		return 0;
	/* Its last words may say why. */
	if (child->life != LIFE_ENDING && child->channel)
		(void)channel_receive(child->channel);
	tell_end(child, status);
	forget_process(child);
	plan_restart(child, now);
	child->planned = false;
	if (child->spec.ended)
		child->spec.ended(child->spec.arg);
	if (child->wanted && child->due_ns <= now)
		child_start(child);
	return 0;
}

static void watch_channel(struct child *child)
{
	uint32_t events = EPOLLIN | (channel_pending(child->channel) ? EPOLLOUT : 0);

	if (child->channel_watch)
		(void)loop_set_events(child->channel_watch, events);
}

static int on_channel(struct loop_source *source, int fd, uint32_t events, void *arg)
{
	struct child *child = arg;
	int r = 0;

	(void)source;
	(void)fd;
	if (events & EPOLLOUT)
		r = channel_flush(child->channel);
	if (!r)
		r = channel_receive(child->channel);
	if (r < 0) {
		log_error("%s: %s; it is killed", child->spec.name,
			  channel_error(child->channel)[0] ? channel_error(child->channel)
							   : strerror(-r));
		kill_child(child);
	} else if (r == CHANNEL_CLOSED) {
		child->channel_watch = loop_remove(child->channel_watch);
		ask_to_end(child);
	} else if (child->life == LIFE_STARTING || child->life == LIFE_READY) {
		watch_channel(child);
	}
	return 0;
}

static int begin_life(struct child *child)
{
	int r = privsep_spawn(child->spec.argv, &child->process);

	if (r < 0) {
		child->process = (struct privsep_child){ .pidfd = -1, .channel_fd = -1 };
		return log_error_errno(r, "%s cannot be started", child->spec.argv[0]);
	}
	child->life = LIFE_STARTING;
	r = loop_add_io(child->loop, child->process.pidfd, EPOLLIN, on_process, child,
			&child->process_watch);
	if (!r)
		r = channel_new(&child->channel, child->process.channel_fd, child->spec.name,
				child->spec.rules, child->spec.arg);
	if (!r) {
		child->process.channel_fd = -1;
		r = loop_add_io(child->loop, channel_fd(child->channel), EPOLLIN, on_channel, child,
				&child->channel_watch);
	}
	if (!r)
		r = child->spec.setup(child->spec.arg);
	if (r < 0)
		(void)log_error_errno(r, "%s cannot be set up", child->spec.name);
	return r;
}

void child_start(struct child *child)
{
	int r;

	child->wanted = true;
	if (child->life != LIFE_NONE)
		return;
	child->due_ns = 0;
	child->started_ns = clock_boot_ns();
	child->silent = 0;
	child->lines = CHILD_LINES_BURST;
	r = begin_life(child);
	if (!r)
		return;
	if (child->life == LIFE_NONE) {
		plan_restart(child, child->started_ns);
		/* Not at once: what failed now fails the same way in the same second. */
		if (child->due_ns <= child->started_ns)
			child->due_ns = child->started_ns + NSEC_PER_SEC;
	} else if (!child->process_watch) {
		/* Nobody would be told of its end. */
		kill_child(child);
		(void)waitpid(child->process.pid, NULL, 0);
		forget_process(child);
		plan_restart(child, child->started_ns + NSEC_PER_SEC);
	} else {
		kill_child(child);
	}
}

void child_replace(struct child *child)
{
	child->wanted = true;
	if (child->life == LIFE_NONE) {
		child->failures = 0;
		child_start(child);
		return;
	}
	child->planned = true;
	ask_to_end(child);
}

void child_stop(struct child *child)
{
	child->wanted = false;
	child->planned = true;
	ask_to_end(child);
}

void child_tick(struct child *child, uint64_t now)
{
	child->lines += CHILD_LINES_PER_S;
	if (child->lines > CHILD_LINES_BURST)
		child->lines = CHILD_LINES_BURST;
	if (child->lines_dropped && child->lines > CHILD_LINES_BURST / 2) {
		log_warning("%s: %u more lines were not passed on", child->spec.name,
			    child->lines_dropped);
		child->lines_dropped = 0;
	}
	switch (child->life) {
	case LIFE_NONE:
		if (child->wanted && child->due_ns && child->due_ns <= now)
			child_start(child);
		break;
	case LIFE_STARTING:
		if (now - child->started_ns < CHILD_READY_S * NSEC_PER_SEC)
			break;
		log_error("%s was not ready after %d s; it is killed", child->spec.name,
			  CHILD_READY_S);
		kill_child(child);
		break;
	case LIFE_READY:
		if (!child->spec.heartbeats || ++child->silent <= CHILD_SILENT_S)
			break;
		log_error("%s said nothing for %d s; it is killed", child->spec.name,
			  CHILD_SILENT_S);
		kill_child(child);
		break;
	case LIFE_ENDING:
		if (child->end_ns <= now)
			kill_child(child);
		break;
	}
}

bool child_send(struct child *child, uint32_t kind, void *message, size_t len, int fd)
{
	int r;

	if (!child || !child->channel || child->life == LIFE_ENDING)
		return false;
	r = channel_send(child->channel, kind, message, len, fd);
	if (!r) {
		watch_channel(child);
		return true;
	}
	/* EPIPE: it is gone already, which the pidfd tells. */
	if (r != -EPIPE)
		(void)log_error_errno(r, "%s takes no more messages; it is killed",
				      child->spec.name);
	kill_child(child);
	return false;
}

void child_is_ready(struct child *child)
{
	if (child->life == LIFE_STARTING)
		child->life = LIFE_READY;
	child->silent = 0;
}

void child_is_alive(struct child *child)
{
	child->silent = 0;
}

int child_log(struct child *child, const struct ipc_log *message)
{
	int level = (int)(message->level & LOG_PRIMASK);

	if (!memchr(message->text, '\0', sizeof(message->text)) || message->level > LOG_DEBUG)
		return -EPROTO;
	if (!child->lines) {
		child->lines_dropped++;
		return 0;
	}
	child->lines--;
	/* Only bailiffd itself has emergencies. */
	log_write(level < LOG_ERR ? LOG_ERR : level, "%s: %s", child->spec.name, message->text);
	return 0;
}
