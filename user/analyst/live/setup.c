/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What bailiffd and the recorder may say, and what becomes of it.
 *
 * bailiffd is trusted, but its messages are checked all the same: an error there must not become
 * one here. Set-up messages come in the order of ipc.h; exemptions and a recorder may come later,
 * too. The recorder is no more trusted than this process: what it says only feeds counters, and
 * makes this process tell it more.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "analyst/live/live.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"

#define TERMINATED(array) (memchr((array), '\0', sizeof(array)) != NULL)

static int refuse(const char *what)
{
	log_error("bailiffd sent %s", what);
	return -EPROTO;
}

/* Nothing but HELLO comes first, and the filters are compiled before the sandbox closes. */
static int check_phase(const struct live *live, const char *what)
{
	if (!live->hello || live->started)
		return refuse(what);
	return 0;
}

static int on_hello(void *arg, const void *message, int fd)
{
	const struct ipc_hello *hello = message;
	struct live *live = arg;

	(void)fd;
	if (hello->version != IPC_VERSION)
		return refuse("a version of the messages that this program does not speak");
	live->hello = true;
	live->boot_to_wall_ns = (int64_t)hello->boot_to_wall_ns;
	pipeline_clock(live->pipeline, live->boot_to_wall_ns);
	pipeline_want_signals(live->pipeline, hello->signals);
	return 0;
}

static int on_exempt(void *arg, const void *message, int fd)
{
	const struct ipc_exempt *exempt = message;
	struct live *live = arg;
	struct addr net = { .family = exempt->family, .prefix = exempt->prefix };
	int r;

	(void)fd;
	if (!live->hello)
		return refuse("an exemption before its greeting");
	if (exempt->why >= EXEMPT_WHY_MAX || !((net.family == AF_INET && net.prefix <= 32) ||
					       (net.family == AF_INET6 && net.prefix <= 128)))
		return refuse("an exemption that is none");
	memcpy(net.bytes, exempt->addr, sizeof(net.bytes));
	r = pipeline_add_exempt(live->pipeline, &net, (enum exempt_why)exempt->why);
	/* bailiffd keeps to the whole list; here it only gives a decision its reason sooner. */
	if (r == -E2BIG)
		log_warning("too many exempt nets: the last ones are known to bailiffd alone");
	return r == -E2BIG ? 0 : r;
}

static int on_service(void *arg, const void *message, int fd)
{
	const struct ipc_service *service = message;
	struct live *live = arg;
	int r = check_phase(live, "a service out of order");

	(void)fd;
	if (r < 0)
		return r;
	if (!service->id || !TERMINATED(service->name) || !service->name[0])
		return refuse("a service without number or name");
	if (service->id <= LIVE_SERVICES_MAX) {
		text_copy(live->service_name[service->id], IPC_NAME_MAX, service->name);
		live->service[service->id] = live->service_name[service->id];
	}
	r = pipeline_add_service(live->pipeline, service);
	return r == -E2BIG ? refuse("more services than can be watched") : r;
}

static int on_connections(void *arg, const void *message, int fd)
{
	const struct ipc_connections *known = message;
	struct live *live = arg;
	uint64_t now_ns = clock_boot_ns();
	int r = check_phase(live, "connections out of order");

	(void)fd;
	if (r < 0)
		return r;
	if (known->count > ARRAY_SIZE(known->end))
		return refuse("more connections than a message holds");
	for (uint32_t i = 0; i < known->count; i++)
		pipeline_was_there(live->pipeline, &known->end[i], now_ns);
	if (known->complete)
		pipeline_all_were_told(live->pipeline, now_ns);
	return 0;
}

/* fail2ban's includes name files by their place below filter.d. */
static const char *filter_file_name(const char *path)
{
	static const char *const folders[] = { "/filter.d/", "/filters/" };
	const char *slash;

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		const char *at = strstr(path, folders[i]);

		if (at)
			return at + strlen(folders[i]);
	}
	slash = path[0] == '/' ? strrchr(path, '/') : NULL;
	return slash ? slash + 1 : path;
}

static int file_add(struct live *live, const struct ipc_file *file, const char *text, size_t len)
{
	char error[RULES_ERROR_MAX];
	int r;

	switch ((enum ipc_file_role)file->role) {
	case IPC_FILE_FILTER:
		return filter_set_add_file(pipeline_filters(live->pipeline),
					   filter_file_name(file->name), text, len);
	case IPC_FILE_RULE:
		r = pipeline_add_rule(live->pipeline, file->name, text, len, error);
		if (r < 0) {
			log_error("%s", error);
			live->refused++;
		} else if (pipeline_rule_shortcoming(live->pipeline)) {
			log_warning("%s: %s", file->name,
				    pipeline_rule_shortcoming(live->pipeline));
		}
		return r == -ENOMEM ? r : 0;
	case IPC_FILE_ROLE_MAX:
		break;
	}
	return refuse("a file that is neither filter nor rule");
}

static int on_file(void *arg, const void *message, int fd)
{
	const struct ipc_file *file = message;
	struct live *live = arg;
	_cleanup_close_ int owned = fd;
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = check_phase(live, "a file out of order");

	if (r < 0)
		return r;
	if (!TERMINATED(file->name))
		return refuse("a file without a name");
	if (++live->files > LIVE_FILES_MAX)
		return refuse("more filter and rule files than can be read");
	r = file_read_fd(owned, LIVE_FILE_SIZE_MAX, &text, &len);
	if (r < 0) {
		(void)log_error_errno(r, "%s", file->name);
		live->refused++;
		return 0;
	}
	return file_add(live, file, text, len);
}

static int on_source(void *arg, const void *message, int fd)
{
	const struct ipc_source *source = message;
	struct live *live = arg;
	_cleanup_close_ int owned = fd;
	int r = check_phase(live, "a log source out of order");

	if (r < 0)
		return r;
	if (!source->id || !source->kind || source->kind >= IPC_SOURCE_KIND_MAX ||
	    source->filters > ARRAY_SIZE(source->filter) || !TERMINATED(source->path) ||
	    !TERMINATED(source->name))
		return refuse("a log source that is none");
	for (size_t i = 0; i < ARRAY_SIZE(source->filter); i++)
		if (!TERMINATED(source->filter[i]))
			return refuse("a filter name without an end");
	return live_source_add(live, source, TAKE_FD(owned));
}

static int on_source_fd(void *arg, const void *message, int fd)
{
	struct live *live = arg;

	if (!live->started) {
		(void)close(fd);
		return refuse("another file for a source that is not being read yet");
	}
	return live_source_switch(live, message, fd);
}

static int on_source_state(void *arg, const void *message, int fd)
{
	const struct ipc_source_state_change *change = message;

	(void)fd;
	if (!change->state || change->state >= SOURCE_STATE_MAX || !TERMINATED(change->text))
		return refuse("a source's state that is none");
	return live_source_state(arg, change);
}

static int on_ring(void *arg, const void *message, int fd)
{
	const struct ipc_ring *ring = message;
	struct live *live = arg;
	_cleanup_close_ int owned = fd;
	int r = check_phase(live, "a ring out of order");

	if (r < 0)
		return r;
	if (!ring->which || ring->which >= IPC_RING_WHICH_MAX || live->ring_fd[ring->which] >= 0)
		return refuse("a ring that is unknown or came twice");
	live->ring_fd[ring->which] = TAKE_FD(owned);
	live->ring_size[ring->which] = ring->size;
	return 0;
}

static int on_notify(void *arg, const void *message, int fd)
{
	struct live *live = arg;
	_cleanup_close_ int owned = fd;
	int r = check_phase(live, "a notify descriptor out of order");

	(void)message;
	if (r < 0)
		return r;
	live->notify_fd = TAKE_FD(owned);
	return 0;
}

/* A recorder that was restarted comes with a new socket; the old one is dead. */
static int on_peer(void *arg, const void *message, int fd)
{
	struct live *live = arg;

	(void)message;
	peer_close(&live->recorder);
	pipeline_tell_execs(live->pipeline, false, 0);
	live->history = 0;
	return peer_open(live, &live->recorder, fd, "bailiff-recorder", live_recorder_rules);
}

static int on_start(void *arg, const void *message, int fd)
{
	struct live *live = arg;
	int r = check_phase(live, "its start signal out of order");

	(void)message;
	(void)fd;
	if (r >= 0)
		live->started = true;
	return r;
}

static int on_outcome(void *arg, const void *message, int fd)
{
	const struct ipc_outcome *outcome = message;
	struct live *live = arg;

	(void)fd;
	if (!outcome->result || outcome->result >= OUTCOME_RESULT_MAX ||
	    outcome->subject.kind >= SUBJECT_MAX)
		return refuse("an outcome that is none");
	pipeline_outcome(live->pipeline, outcome);
	return 0;
}

static int on_account(void *arg, const void *message, int fd)
{
	const struct ipc_account *account = message;
	struct live *live = arg;

	(void)fd;
	if (!TERMINATED(account->name))
		return refuse("an account's name without an end");
	pipeline_account(live->pipeline, account->uid, account->name);
	return 0;
}

/* Writing into it must not hold up everything else. */
static int on_tap(void *arg, const void *message, int fd)
{
	struct live *live = arg;
	_cleanup_close_ int owned = fd;
	int flags = fcntl(owned, F_GETFL);

	(void)message;
	if (!live->started)
		return refuse("a recording before its start signal");
	if (flags < 0 || !(flags & O_NONBLOCK) || (flags & O_ACCMODE) == O_RDONLY)
		return refuse("a recording that cannot be written or would block");
	live_end_recording(live, 0);
	event_tap_open(&live->recording, TAKE_FD(owned), clock_boot_to_wall_ns());
	return 0;
}

static int on_canary(void *arg, const void *message, int fd)
{
	const struct ipc_canary *canary = message;
	struct live *live = arg;
	unsigned int known = live->execs < LIVE_EXECS_MAX ? live->execs : LIVE_EXECS_MAX;

	(void)fd;
	live->canary_wanted = canary->pid;
	/* Its event may have come first. */
	for (unsigned int i = 0; i < known; i++)
		if (live->exec_pid[i] == canary->pid)
			live->canary_seen = canary->pid;
	return 0;
}

const struct channel_rule live_parent_rules[] = {
	{ IPC_HELLO, sizeof(struct ipc_hello), CHANNEL_ONCE, on_hello },
	{ IPC_EXEMPT, sizeof(struct ipc_exempt), 0, on_exempt },
	{ IPC_SERVICE, sizeof(struct ipc_service), 0, on_service },
	{ IPC_CONNECTIONS, sizeof(struct ipc_connections), 0, on_connections },
	{ IPC_FILE, sizeof(struct ipc_file), CHANNEL_FD, on_file },
	{ IPC_SOURCE, sizeof(struct ipc_source), CHANNEL_FD, on_source },
	{ IPC_RING, sizeof(struct ipc_ring), CHANNEL_FD, on_ring },
	{ IPC_NOTIFY, sizeof(struct ipc_plain), CHANNEL_FD | CHANNEL_ONCE, on_notify },
	{ IPC_PEER, sizeof(struct ipc_plain), CHANNEL_FD, on_peer },
	/* What comes after it is for a process whose inputs are open. */
	{ IPC_START, sizeof(struct ipc_plain), CHANNEL_ONCE | CHANNEL_LAST, on_start },
	{ IPC_SOURCE_FD, sizeof(struct ipc_source_fd), CHANNEL_FD, on_source_fd },
	{ IPC_SOURCE_STATE, sizeof(struct ipc_source_state_change), 0, on_source_state },
	{ IPC_OUTCOME, sizeof(struct ipc_outcome), 0, on_outcome },
	{ IPC_CANARY, sizeof(struct ipc_canary), 0, on_canary },
	{ IPC_TAP, sizeof(struct ipc_plain), CHANNEL_FD, on_tap },
	{ IPC_ACCOUNT, sizeof(struct ipc_account), 0, on_account },
	{ 0, 0, 0, NULL },
};

/* ---- the recorder ---- */

static int on_history(void *arg, const void *message, int fd)
{
	const struct ipc_history *history = message;
	const struct ipc_subject *subject = &history->subject;
	struct live *live = arg;

	(void)fd;
	if (++live->history > LIVE_HISTORY_MAX)
		return -EPROTO;
	if (subject->kind == SUBJECT_ADDRESS && subject->family != AF_INET &&
	    subject->family != AF_INET6)
		return -EPROTO;
	if (!subject->kind || subject->kind >= SUBJECT_MAX)
		return -EPROTO;
	pipeline_history(live->pipeline, history, clock_boot_ns(), live->boot_to_wall_ns);
	return 0;
}

static int on_history_end(void *arg, const void *message, int fd)
{
	struct live *live = arg;

	(void)message;
	(void)fd;
	log_info("%u addresses are remembered from before", live->history);
	return 0;
}

/* bailiffd's own programs are left out: in scripts/run it stands in the session of who watches. */
static int on_watchers(void *arg, const void *message, int fd)
{
	const struct ipc_watchers *watchers = message;
	struct live *live = arg;

	(void)fd;
	pipeline_tell_execs(live->pipeline, watchers->count > 0, (uint32_t)getppid());
	return 0;
}

const struct channel_rule live_recorder_rules[] = {
	{ IPC_HISTORY, sizeof(struct ipc_history), 0, on_history },
	{ IPC_HISTORY_END, sizeof(struct ipc_plain), CHANNEL_ONCE, on_history_end },
	{ IPC_WATCHERS, sizeof(struct ipc_watchers), 0, on_watchers },
	{ 0, 0, 0, NULL },
};

/* ---- the end of it ---- */

/* What a filter says at loading, and later of itself when it is too slow. */
static void on_filter_warning(const char *text, void *arg)
{
	(void)arg;
	log_warning("%s", text);
}

void live_watch_filters(struct live *live)
{
	filter_set_on_warning(pipeline_filters(live->pipeline), on_filter_warning, NULL);
}

int live_check_setup(struct live *live)
{
	struct filter_stats filters;
	bool urgent = live->ring_fd[IPC_RING_URGENT] >= 0;
	bool events = live->ring_fd[IPC_RING_EVENTS] >= 0;

	if (urgent != events)
		return refuse("one ring without the other");
	if (!urgent)
		log_warning("there are no kernel events: claims of logs have no witness");
	filter_stats(pipeline_filters(live->pipeline), &filters);
	if (filters.interpreted)
		log_warning("%u expressions run interpreted, about ten times slower: the system "
			    "refuses memory that becomes executable",
			    filters.interpreted);
	if (!live->sources)
		log_info("there are no log sources: kernel events alone are judged");
	return 0;
}

void live_count_ready(struct live *live, struct ipc_ready *ret)
{
	struct filter_set *set = pipeline_filters(live->pipeline);

	for (uint16_t i = 0; filter_name(set, i)[0]; i++) {
		ret->filters++;
		ret->expressions += filter_expressions(set, i);
	}
	ret->rules = pipeline_rules(live->pipeline);
	ret->refused = live->refused;
}
