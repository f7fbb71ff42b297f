/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Clients of the status socket.
 *
 * No queue of our own: what the kernel's socket buffer does not take now, a watcher misses
 * (counted, told) and a question's answer continues when epoll says so. An answer is a list of row
 * ids; rows are read as they are sent.
 */
#include "recorder/status.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"
#include "recorder/check.h"
#include "recorder/ecs.h"

enum client_state {
	CLIENT_FREE,
	CLIENT_ASKING,
	CLIENT_WATCHING,
	CLIENT_ANSWERED, /* rows are being sent */
};

struct client {
	struct status *status;
	struct loop_source *source;
	int fd;
	enum client_state state;
	uint64_t deadline_ns; /* boot; of a watcher: none */
	uint64_t skipped; /* objects not sent since the last notice */
	struct store_ref *refs;
	size_t count;
	size_t next;
	uint64_t files; /* set aside when the rows were found: ids are of that file */
};

struct status {
	struct loop *loop;
	struct store *store;
	int listen_fd;
	struct loop_source *listen_source;
	struct status_stats stats;
	uint32_t watchers;
	status_watchers_fn on_watchers; /* NULL: nobody asks */
	void *arg;
	struct buf out;
	char host[IPC_NAME_MAX * 2];
	struct client client[STATUS_CLIENTS_MAX];
};

int status_new(struct status **ret, struct loop *loop, struct store *store)
{
	struct status *status = calloc(1, sizeof(*status));

	if (!status)
		return -ENOMEM;
	status->loop = loop;
	status->store = store;
	status->listen_fd = -1;
	status->out.max = STATUS_JSON_MAX;
	for (size_t i = 0; i < STATUS_CLIENTS_MAX; i++) {
		status->client[i].status = status;
		status->client[i].fd = -1;
	}
	*ret = status;
	return 0;
}

void status_on_watchers(struct status *status, status_watchers_fn fn, void *arg)
{
	status->on_watchers = fn;
	status->arg = arg;
}

static void count_watchers(struct status *status, int change)
{
	status->watchers += (uint32_t)change;
	if (status->on_watchers)
		status->on_watchers(status->watchers, status->arg);
}

static void end_client(struct client *client)
{
	const bool watched = client->state == CLIENT_WATCHING;

	if (client->source)
		client->source = loop_remove(client->source);
	if (client->fd >= 0)
		(void)close(client->fd);
	free(client->refs);
	client->refs = NULL;
	client->fd = -1;
	client->state = CLIENT_FREE;
	if (watched)
		count_watchers(client->status, -1);
}

static void close_listener(struct status *status)
{
	if (status->listen_source)
		status->listen_source = loop_remove(status->listen_source);
	if (status->listen_fd >= 0)
		(void)close(status->listen_fd);
	status->listen_fd = -1;
}

struct status *status_free(struct status *status)
{
	if (!status)
		return NULL;
	status->on_watchers = NULL;
	for (size_t i = 0; i < STATUS_CLIENTS_MAX; i++)
		end_client(&status->client[i]);
	close_listener(status);
	buf_done(&status->out);
	free(status);
	return NULL;
}

void status_set_host(struct status *status, const char *host)
{
	text_copy(status->host, sizeof(status->host), host);
}

/* 0, or -errno; -EAGAIN: not now. */
static int send_object(int fd, const char *object, size_t len)
{
	if (send(fd, object, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	return 0;
}

static void refuse(struct status *status, int fd, const char *why)
{
	struct json_writer w;

	status->stats.refused++;
	buf_clear(&status->out);
	json_begin(&w, &status->out);
	json_object(&w, NULL);
	json_string(&w, "error", why);
	json_end_object(&w);
	(void)send_object(fd, status->out.data, status->out.len);
}

static void put_row(struct status *status, const struct store_row *row)
{
	buf_clear(&status->out);
	if (row->outcome)
		ecs_outcome(&status->out, status->host, &row->as_outcome, row->wall_ns,
			    row->until_wall_ns);
	else
		ecs_record(&status->out, status->host, &row->record, row->wall_ns);
}

static uint64_t files_set_aside(const struct status *status)
{
	struct store_stats stats;

	store_stats(status->store, &stats);
	return stats.set_aside;
}

/* Sends what the client takes now. A row that was pruned or damaged meanwhile is left out. */
static void send_rows(struct client *client)
{
	struct status *status = client->status;

	for (size_t sent = 0; sent < STATUS_TURN_MAX; sent++) {
		struct store_row row;
		int r;

		if (client->next == client->count) {
			end_client(client);
			return;
		}
		r = -EIO;
		if (files_set_aside(status) == client->files)
			r = store_get(status->store, &client->refs[client->next], &row);
		if (r == -EIO) {
			refuse(status, client->fd, "the records cannot be read any more");
			end_client(client);
			return;
		}
		if (!r) {
			put_row(status, &row);
			r = send_object(client->fd, status->out.data, status->out.len);
			if (r == -EAGAIN)
				return;
			if (r < 0) {
				end_client(client);
				return;
			}
		}
		client->next++;
		client->deadline_ns = clock_boot_ns() + STATUS_STALL_NS;
	}
}

static const char *find_error(int error)
{
	if (error == -ETIME)
		return "there are too many records to look through; ask for a shorter time";
	if (error == -ENOMEM)
		return "there is not enough memory to answer";
	return "the records cannot be read; bailiff-recorder's messages say why";
}

static int on_writable(struct loop_source *source, int fd, uint32_t events, void *arg)
{
	struct client *client = arg;

	(void)source;
	(void)fd;
	if (events & (EPOLLHUP | EPOLLERR))
		end_client(client);
	else
		send_rows(client);
	return 0;
}

static int answer(struct client *client, const struct status_request *request)
{
	struct status *status = client->status;
	int r;

	r = store_find(status->store, request, &client->refs, &client->count);
	if (r < 0) {
		refuse(status, client->fd, find_error(r));
		return r;
	}
	client->next = 0;
	client->files = files_set_aside(status);
	client->state = CLIENT_ANSWERED;
	client->deadline_ns = clock_boot_ns() + STATUS_STALL_NS;
	client->source = loop_remove(client->source);
	return loop_add_io(status->loop, client->fd, EPOLLOUT, on_writable, client,
			   &client->source);
}

static int take_request(struct client *client)
{
	struct status_request request = { 0 };
	char bytes[sizeof(request) + 1];
	const char *error;
	ssize_t n;

	n = recv(client->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return -ECONNRESET;
	if (check_request(bytes, (size_t)n, &request, &error) < 0) {
		refuse(client->status, client->fd, error);
		return -EPROTO;
	}
	if (request.op != STATUS_WATCH)
		return answer(client, &request);
	client->state = CLIENT_WATCHING;
	client->skipped = 0;
	count_watchers(client->status, 1);
	return 0;
}

/* A watcher has nothing more to say: what comes from it is its end, or an error. */
static int on_readable(struct loop_source *source, int fd, uint32_t events, void *arg)
{
	struct client *client = arg;

	(void)source;
	(void)fd;
	(void)events;
	if (client->state != CLIENT_ASKING || take_request(client) < 0)
		end_client(client);
	return 0;
}

void status_connect(struct status *status, int fd, uint64_t now_boot_ns)
{
	_cleanup_close_ int owned = fd;
	struct client *client = NULL;
	struct ucred peer = { .pid = 0 };
	socklen_t len = sizeof(peer);

	for (size_t i = 0; !client && i < STATUS_CLIENTS_MAX; i++)
		if (status->client[i].state == CLIENT_FREE)
			client = &status->client[i];
	if (!client) {
		refuse(status, fd, "too many clients; end a bailiffctl watch and ask again");
		return;
	}
	/* Only for the message: who may ask is the socket's mode. */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0)
		log_debug("status client: pid %d, uid %u", (int)peer.pid, (unsigned int)peer.uid);
	if (loop_add_io(status->loop, fd, EPOLLIN, on_readable, client, &client->source) < 0)
		return;
	client->fd = TAKE_FD(owned);
	client->state = CLIENT_ASKING;
	client->deadline_ns = now_boot_ns + STATUS_ASK_NS;
	status->stats.accepted++;
}

static int on_connection(struct loop_source *source, int fd, uint32_t events, void *arg)
{
	struct status *status = arg;
	int client_fd;

	(void)source;
	(void)events;
	client_fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (client_fd >= 0)
		status_connect(status, client_fd, clock_boot_ns());
	return 0;
}

int status_listen(struct status *status, int fd)
{
	_cleanup_close_ int owned = fd;
	int r;

	close_listener(status);
	r = loop_add_io(status->loop, fd, EPOLLIN, on_connection, status, &status->listen_source);
	if (r < 0)
		return r;
	status->listen_fd = TAKE_FD(owned);
	return 0;
}

static void tell_skipped(struct client *client)
{
	struct status *status = client->status;
	int r;

	buf_clear(&status->out);
	ecs_skipped(&status->out, status->host, client->skipped, clock_wall_ns());
	r = send_object(client->fd, status->out.data, status->out.len);
	if (!r)
		client->skipped = 0;
}

void status_publish(struct status *status, const char *object, size_t len)
{
	for (size_t i = 0; i < STATUS_CLIENTS_MAX; i++) {
		struct client *client = &status->client[i];
		int r = -EAGAIN;

		if (client->state != CLIENT_WATCHING)
			continue;
		if (client->skipped)
			tell_skipped(client);
		if (!client->skipped)
			r = send_object(client->fd, object, len);
		if (r == -EAGAIN || r == -ENOBUFS) {
			client->skipped++;
			status->stats.skipped++;
		} else if (r < 0) {
			end_client(client);
		}
	}
}

void status_tick(struct status *status, uint64_t now_boot_ns)
{
	for (size_t i = 0; i < STATUS_CLIENTS_MAX; i++) {
		struct client *client = &status->client[i];

		if (client->state == CLIENT_WATCHING && client->skipped)
			tell_skipped(client);
		if ((client->state == CLIENT_ASKING || client->state == CLIENT_ANSWERED) &&
		    now_boot_ns >= client->deadline_ns) {
			status->stats.refused++;
			end_client(client);
		}
	}
}

void status_stats(const struct status *status, struct status_stats *ret)
{
	*ret = status->stats;
	ret->clients = 0;
	ret->watchers = status->watchers;
	for (size_t i = 0; i < STATUS_CLIENTS_MAX; i++)
		ret->clients += status->client[i].state != CLIENT_FREE;
}
