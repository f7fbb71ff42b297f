/* SPDX-License-Identifier: GPL-2.0-only */
/* Private to replay*.c: one run of bailiffctl replay. */
#ifndef ANALYST_REPLAY_H
#define ANALYST_REPLAY_H

#include "analyst/offline.h"

#define REPLAY_LOGS_MAX 64
#define REPLAY_FOLDERS_MAX 16
#define REPLAY_ACCOUNTS_MAX 64
#define REPLAY_LOCKOUTS_MAX 65536
#define REPLAY_QUEUE_MAX 256 /* decisions of one item */

struct replay_options {
	const char *log[REPLAY_LOGS_MAX];
	unsigned int logs;
	const char *rules[REPLAY_FOLDERS_MAX];
	unsigned int rule_folders;
	const char *events;
	const char *filters;
	const char *conf;
	const char *trust;
	struct replay_account {
		uint32_t uid;
		char name[IPC_USER_MAX];
	} account[REPLAY_ACCOUNTS_MAX];
	unsigned int accounts;
	bool json;
};

struct replay_lockout {
	uint64_t until_ns;
	struct decision decision;
};

struct replay {
	struct replay_options options;
	struct replay_conf conf;
	struct pipeline *pipeline;
	struct replay_input *input;
	const char *service_names[REPLAY_SERVICES_MAX + 1];
	struct sensor_names names;
	struct decision queue[REPLAY_QUEUE_MAX];
	unsigned int queued;
	struct replay_lockout **lockout; /* REPLAY_LOCKOUTS_MAX; a heap, the first to end on top */
	unsigned int lockouts;
	uint64_t now_ns;
	unsigned long decisions, refused;
	struct buf out;
};

/* Everything between the options and the first item. enum offline_code. */
int replay_setup(struct replay *replay);

/* The pipeline's sink. */
void replay_on_decision(const struct decision *decision, void *arg);
/* Prints what was decided meanwhile and applies it, as bailiffd would at once. */
void replay_take_decisions(struct replay *replay);
/* Ends, in order of time, the lockouts that are over by then. */
void replay_end_lockouts(struct replay *replay, uint64_t now_ns);

#endif
