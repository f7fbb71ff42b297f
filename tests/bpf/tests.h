/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The groups of checks. Each but lockout's and ring's takes loaded and attached sensors.
 */
#ifndef TESTS_BPF_TESTS_H
#define TESTS_BPF_TESTS_H

#include "child.h"
#include "events.h"
#include "load.h"
#include "tap.h"

struct fixture {
	struct sensors sensors;
	struct events events;
	struct sensor_options options;
};

/* False, with a failed check, if the sensors do not load or the rings cannot be read. */
bool fixture_open(struct fixture *f, const struct sensor_options *options);
void fixture_close(struct fixture *f);

void test_exec(struct fixture *f);
void test_exec_files(struct fixture *f);
void test_processes(struct fixture *f);
void test_sessions(struct fixture *f);
void test_late_sessions(bool task_storage);
void test_tables_full(bool task_storage);
void test_net(struct fixture *f);
void test_peer(struct fixture *f);
/* quiet: nothing else runs on this machine, so exact counts may be asked for. */
void test_ring(bool task_storage, bool quiet);
void test_lockout(void);

/* Registers a file as a service's. */
int service_add(const struct fixture *f, const char *path, uint16_t service, enum bl_role role);
int port_add(const struct fixture *f, uint16_t port, uint16_t service);

/* A listening TCP socket on a loopback address; port is what it got. */
int tcp_listen(int family, const char *addr, uint16_t *ret_port);
int tcp_connect(int family, const char *from, const char *to, uint16_t port);
uint16_t sock_port(int fd);

#endif
