/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a new child is told first. Everything the analyst will ever see of the file system comes
 * to it here, as open descriptors.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "enforcer/agent.h"
#include "enforcer/files.h"
#include "enforcer/sockets/sockets.h"

static bool send_hello(const struct agent *agent, struct child *child)
{
	struct ipc_hello hello = {
		.version = IPC_VERSION,
		.mode = agent->conf->mode,
		.boot_to_wall_ns = (uint64_t)clock_boot_to_wall_ns(),
		.signals = agent->conf->signals,
	};

	if (gethostname(hello.host, sizeof(hello.host)) < 0)
		text_copy(hello.host, sizeof(hello.host), "localhost");
	hello.host[sizeof(hello.host) - 1] = '\0';
	return child_send(child, IPC_HELLO, &hello, sizeof(hello), -1);
}

static bool send_exempt(const struct agent *agent)
{
	size_t count;
	const struct exempt_net *net = exempt_list(agent->exempt, &count);

	for (size_t i = 0; i < count; i++) {
		struct ipc_exempt message = {
			.family = net[i].net.family,
			.prefix = net[i].net.prefix,
			.why = (uint8_t)net[i].why,
		};

		memcpy(message.addr, net[i].net.bytes, sizeof(message.addr));
		if (!child_send(agent->analyst, IPC_EXEMPT, &message, sizeof(message), -1))
			return false;
	}
	return true;
}

static bool send_services(const struct agent *agent)
{
	for (size_t i = 0; i < agent->conf->services; i++) {
		const struct conf_service *service = &agent->conf->service[i];
		struct ipc_service message = {
			.id = service->id,
			.max_tries = service->max_tries,
			.sensed = hooks_service_sensed(agent->hooks, service->id),
			.forks = service->files[BL_ROLE_SESSION] || service->files[BL_ROLE_GAIN],
			.proxied = service->proxied,
			.has_writer = service->writer_uid != 0,
			.writer_uid = service->writer_uid,
		};

		memcpy(message.ports, service->ports, sizeof(message.ports));
		text_copy(message.name, sizeof(message.name), service->name);
		if (!child_send(agent->analyst, IPC_SERVICE, &message, sizeof(message), -1))
			return false;
	}
	return true;
}

#define CONNECTIONS_MAX 8192 /* told of at most */

struct connections {
	const struct agent *agent;
	struct ipc_connections message;
	uint32_t told;
};

static bool is_watched(const struct conf *conf, uint16_t port)
{
	for (size_t i = 0; i < conf->services; i++)
		for (size_t p = 0; p < ARRAY_SIZE(conf->service[i].ports); p++)
			if (port && conf->service[i].ports[p] == port)
				return true;
	return false;
}

static int connections_flush(struct connections *connections)
{
	struct ipc_connections *message = &connections->message;
	bool sent = child_send(connections->agent->analyst, IPC_CONNECTIONS, message,
			       sizeof(*message), -1);

	message->count = 0;
	return sent ? 0 : -EPIPE;
}

static int connection_add(const struct socket_found *found, void *arg)
{
	struct connections *connections = arg;
	struct ipc_connections *message = &connections->message;

	if (!is_watched(connections->agent->conf, found->end.local_port))
		return 0;
	if (connections->told++ == CONNECTIONS_MAX)
		return 1;
	message->end[message->count++] = found->end;
	return message->count == ARRAY_SIZE(message->end) ? connections_flush(connections) : 0;
}

/*
 * The sensors are at work by now: what is not told here, they saw or will see. Theirs are all
 * namespaces, so these are, too: what a container's service says of a connection would be forged.
 */
static bool send_connections(const struct agent *agent)
{
	struct connections connections = { .agent = agent };
	_cleanup_close_ int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = sockets_each(connection_add, &connections);

	if (!r)
		r = proc < 0 ? -errno : sockets_each_space(proc, connection_add, &connections);
	if (r == -EPIPE)
		return false;
	connections.message.complete = r == 0;
	return connections_flush(&connections) == 0;
}

static int send_file(const struct agent *agent, enum ipc_file_role role, const char *name, int fd)
{
	struct ipc_file message = { .role = role };

	if (strlen(name) >= sizeof(message.name)) {
		log_error("%s: the path is too long; not read", name);
		return 0;
	}
	text_copy(message.name, sizeof(message.name), name);
	return child_send(agent->analyst, IPC_FILE, &message, sizeof(message), fd) ? 0 : -EPIPE;
}

/* A filter is known by its name below the folder: include lines say it so. */
static int send_filter(const char *name, const char *path, int fd, void *arg)
{
	(void)path;
	return send_file(arg, IPC_FILE_FILTER, name, fd);
}

static int send_rule(const char *name, const char *path, int fd, void *arg)
{
	(void)name;
	return send_file(arg, IPC_FILE_RULE, path, fd);
}

static int send_source(const struct ipc_source *source, int fd, void *arg)
{
	const struct agent *agent = arg;
	struct ipc_source message = *source;

	return child_send(agent->analyst, IPC_SOURCE, &message, sizeof(message), fd) ? 0 : -EPIPE;
}

static bool send_ring(const struct agent *agent, enum ipc_ring_which which)
{
	struct ipc_ring message = { .which = which };
	int fd = hooks_ring_fd(agent->hooks, which, &message.size);

	if (fd < 0) {
		(void)log_error_errno(fd, "there is no ring %d", which);
		return true;
	}
	return child_send(agent->analyst, IPC_RING, &message, sizeof(message), fd);
}

static bool send_plain(struct child *child, enum ipc_kind kind, int fd)
{
	struct ipc_plain message = { .head = { 0 } };

	return child_send(child, kind, &message, sizeof(message), fd);
}

/* In the order that bailiff/ipc.h gives. Every false has been logged by child_send. */
int setup_analyst(void *arg)
{
	struct agent *agent = arg;
	int r;

	if (!send_hello(agent, agent->analyst) || !send_exempt(agent) || !send_services(agent) ||
	    !send_connections(agent))
		return -EPIPE;
	r = files_each((const char(*)[PATH_MAX])agent->places.filters, send_filter, agent);
	if (!r)
		r = files_each((const char(*)[PATH_MAX])agent->places.rules, send_rule, agent);
	if (!r)
		r = sources_setup(agent->sources, send_source, agent);
	if (!r && agent->journal)
		r = journalctl_setup(agent->journal, agent->conf, sources_files(agent->sources) + 1,
				     sources_read_wall_ns(agent->sources), clock_wall_ns(),
				     send_source, agent);
	if (!r)
		r = listeners_setup(agent->listeners, agent->conf,
				    sources_files(agent->sources) + 1 +
					    (agent->journal ? journalctl_count(agent->journal) : 0),
				    send_source, agent);
	if (r)
		return r;
	if (!send_ring(agent, IPC_RING_URGENT) || !send_ring(agent, IPC_RING_EVENTS) ||
	    !send_plain(agent->analyst, IPC_NOTIFY, sources_notify_fd(agent->sources)))
		return -EPIPE;
	children_connect(agent);
	if (!send_plain(agent->analyst, IPC_START, -1))
		return -EPIPE;
	sources_started(agent->sources);
	sources_states(agent->sources, true, clock_boot_ns(), agent_source_state, agent);
	listeners_states(agent->listeners, agent_source_state, agent);
	agent->canary_told = false;
	return 0;
}

int setup_recorder(void *arg)
{
	struct agent *agent = arg;

	if (!send_hello(agent, agent->recorder) ||
	    !send_plain(agent->recorder, IPC_LISTEN, agent->status_fd))
		return -EPIPE;
	children_connect(agent);
	return 0;
}
