/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What lockouts of addresses cost bailiffd, in CPU time of this process, kernel side included.
 *
 * The real programs are attached to a network namespace and a cgroup of this process's own, and
 * nothing is pinned, so the host notices nothing. "alone" and "storm" are lockouts_decide: checks,
 * the map, the record in the state file, the search for open connections to cut; of root's
 * sessions, which only the sensors know, there are none. "restore" is what a start after a reboot
 * does.
 *
 * usage: lockout ENTRIES DIR CGROUP    DIR is an empty folder for the state file.
 * Prints NAME VALUE UNIT.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "enforcer/hooks/hooks.h"
#include "enforcer/lockouts/lockouts.h"

#define SAMPLES 41
#define PER_SAMPLE 100
#define PER_SLOW_SAMPLE 10 /* of what takes a millisecond */
#define FIRST_ADDR 0x0a000000U /* 10.0.0.0 */
#define SAMPLE_ADDR 0x0b000000U
#define ALONE_ADDR 0x0c000000U
#define STORM 4000

static uint64_t cpu_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void must(int r, const char *what)
{
	if (r >= 0)
		return;
	(void)fprintf(stderr, "lockout: %s: %s\n", what, strerror(-r));
	exit(1);
}

static struct ipc_subject subject_of(uint32_t address)
{
	struct ipc_subject subject = { .kind = SUBJECT_ADDRESS, .family = AF_INET, .prefix = 32 };

	for (int i = 0; i < 4; i++)
		subject.addr[i] = (uint8_t)(address >> (24 - 8 * i));
	return subject;
}

static struct lockout_item item_of(uint32_t address)
{
	uint64_t now = clock_boot_ns();

	return (struct lockout_item){ .subject = subject_of(address),
				      .lock.locked_boot_ns = now,
				      .lock.expires_boot_ns = now + 3600 * NSEC_PER_SEC };
}

static void ignore(const struct ipc_outcome *outcome, void *arg)
{
	(void)outcome;
	(void)arg;
}

static int no_sessions(lockout_session_fn fn, void *fn_arg, void *arg)
{
	(void)fn;
	(void)fn_arg;
	(void)arg;
	return 0;
}

/* A kernel that takes everything: to write a state file of any length. */
static int accept_put(const struct lockout_item *item, void *arg)
{
	(void)item;
	(void)arg;
	return 0;
}

static int accept_many(const struct lockout_item *item, size_t count, void *arg)
{
	(void)item;
	(void)count;
	(void)arg;
	return 0;
}

static int accept_each(lockout_item_fn fn, void *fn_arg, void *arg)
{
	(void)fn;
	(void)fn_arg;
	(void)arg;
	return 0;
}

static int accept_cut(const struct addr *nets, size_t count, uint32_t *ret_cut, void *arg)
{
	(void)nets;
	(void)count;
	(void)arg;
	*ret_cut = 0;
	return 0;
}

static void decide(struct lockouts *lockouts, uint32_t address)
{
	struct ipc_decision decision = {
		.subject = subject_of(address),
		.action = ACTION_LOCK,
		.seconds = 3600,
		.decision = address,
		.rule = "ssh-guessing",
		.reason = "5 failures within 10m",
	};
	struct ipc_outcome outcome;

	must(lockouts_decide(lockouts, &decision, &outcome), "a lockout");
	if (outcome.result != OUTCOME_APPLIED) {
		(void)fprintf(stderr, "lockout: not applied: %s\n", outcome.text);
		exit(1);
	}
}

static struct lockouts *open_lockouts(const struct conf *conf, const struct lockout_backend *kernel)
{
	static const uint8_t boot_id[STATE_BOOT_ID] = "a boot";
	struct lockouts *lockouts;

	must(lockouts_open_with(&lockouts, conf, kernel, false, -1, boot_id, ignore, NULL), "open");
	return lockouts;
}

/* The addresses are really in the map, or the figure is worth nothing. */
static void check_there(const struct lockout_backend *kernel, uint32_t address)
{
	struct ipc_subject subject = subject_of(address);
	struct bl_lock lock;

	must(kernel->get(&subject, &lock, kernel->arg), "an address that should be locked out");
}

static double median_us(uint64_t sample[SAMPLES], int per)
{
	uint64_t median;

	qsort(sample, SAMPLES, sizeof(sample[0]), compare);
	median = sample[SAMPLES / 2];
	return (double)median / per / 1e3;
}

static void measure_put(const struct lockout_backend *kernel, const char *name)
{
	uint64_t sample[SAMPLES];
	uint32_t address = SAMPLE_ADDR;

	for (int s = 0; s < SAMPLES; s++) {
		uint64_t began;

		began = cpu_ns();
		for (int i = 0; i < PER_SAMPLE; i++, address++) {
			struct lockout_item item = item_of(address);

			must(kernel->put(&item, kernel->arg), "put");
		}
		sample[s] = cpu_ns() - began;
	}
	check_there(kernel, address - 1);
	while (address-- > SAMPLE_ADDR) {
		struct ipc_subject subject = subject_of(address);

		must(kernel->remove(&subject, kernel->arg), "remove");
	}
	printf("%s %.2f us\n", name, median_us(sample, PER_SAMPLE));
}

/* In a namespace without any connection: what the kernel's walk through its table costs. */
static void measure_cut(const struct lockout_backend *kernel)
{
	const struct addr net = { .family = AF_INET, .prefix = 32, .bytes = { 11, 0, 0, 1 } };
	uint64_t sample[SAMPLES];
	uint32_t cut = 0;

	for (int s = 0; s < SAMPLES; s++) {
		uint64_t began = cpu_ns();

		for (int i = 0; i < PER_SLOW_SAMPLE; i++)
			must(kernel->cut(&net, 1, &cut, kernel->arg), "search of connections");
		sample[s] = cpu_ns() - began;
	}
	printf("cut %.1f us\n", median_us(sample, PER_SLOW_SAMPLE));
}

/* One that comes alone looks for its connections at once. */
static void measure_alone(struct lockouts *lockouts, const struct lockout_backend *kernel)
{
	const struct timespec quiet = { .tv_nsec = LOCKOUTS_CUT_NS + 10 * NSEC_PER_MSEC };
	uint64_t sample[SAMPLES];

	for (uint32_t s = 0; s < SAMPLES; s++) {
		uint64_t began;

		(void)nanosleep(&quiet, NULL);
		began = cpu_ns();
		decide(lockouts, ALONE_ADDR + s);
		sample[s] = cpu_ns() - began;
	}
	check_there(kernel, ALONE_ADDR + SAMPLES - 1);
	printf("alone %.1f us\n", median_us(sample, 1));
}

/* Many at a time share a look; the last look is in the figure. */
static void measure_storm(struct lockouts *lockouts, const struct lockout_backend *kernel)
{
	uint64_t began = cpu_ns();

	for (uint32_t i = 0; i < STORM; i++)
		decide(lockouts, SAMPLE_ADDR + i);
	(void)lockouts_cut_waiting(lockouts, clock_boot_ns() + LOCKOUTS_CUT_NS);
	printf("storm %.1f us\n", (double)(cpu_ns() - began) / STORM / 1e3);
	check_there(kernel, SAMPLE_ADDR + STORM - 1);
}

static struct hooks *load_hooks(const struct conf *conf, const char *cgroup)
{
	struct hooks_target target = { .lockout = true };
	_cleanup_close_ int fd = open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct hooks *hooks;

	must(fd < 0 ? -errno : 0, cgroup);
	must(unshare(CLONE_NEWNET) < 0 ? -errno : 0, "a network namespace of its own");
	target.cgroup_fd = fd;
	must(hooks_load_at(conf, &target, &hooks), "the lockout programs");
	if (!hooks_works(hooks, "lockout, incoming")) {
		(void)fprintf(stderr, "lockout: this kernel does not run bl_lookup\n");
		exit(1);
	}
	return hooks;
}

static void write_state(const struct conf *conf, uint32_t entries)
{
	struct lockout_backend accept = lockouts_kernel(NULL);
	struct lockouts *lockouts;

	accept.put = accept_put;
	accept.put_many = accept_many;
	accept.each = accept_each;
	accept.cut = accept_cut;
	accept.sessions = no_sessions;
	lockouts = open_lockouts(conf, &accept);
	for (uint32_t i = 0; i < entries; i++)
		decide(lockouts, FIRST_ADDR + i);
	lockouts_free(lockouts);
}

static void measure_many(const struct lockout_backend *kernel, uint32_t entries)
{
	_cleanup_free_ struct lockout_item *item = calloc(LOCKOUTS_BATCH, sizeof(*item));
	uint64_t spent = 0;

	must(item ? 0 : -ENOMEM, "memory");
	for (uint32_t i = 0; i < entries;) {
		uint32_t count = 0;
		uint64_t began;

		while (count < LOCKOUTS_BATCH && i < entries)
			item[count++] = item_of(FIRST_ADDR + i++);
		began = cpu_ns();
		must(kernel->put_many(item, count, kernel->arg), "a batch");
		spent += cpu_ns() - began;
	}
	check_there(kernel, FIRST_ADDR + entries - 1);
	printf("many %.2f s\n", (double)spent / 1e9);
}

int main(int argc, char **argv)
{
	_cleanup_(hooks_freep) struct hooks *hooks = NULL;
	struct lockout_backend kernel;
	char error[INI_ERROR_MAX];
	struct lockouts *lockouts;
	struct conf *conf;
	uint32_t entries;
	uint64_t began;

	if (argc != 4) {
		(void)fprintf(stderr, "usage: lockout ENTRIES DIR CGROUP\n");
		return 2;
	}
	entries = (uint32_t)strtoul(argv[1], NULL, 10);
	if (entries == 0 || entries > BL_LOCK_MAX - STORM - SAMPLES * PER_SAMPLE) {
		(void)fprintf(stderr, "lockout: 1 to %d entries\n",
			      BL_LOCK_MAX - STORM - SAMPLES * PER_SAMPLE);
		return 2;
	}
	must(conf_new(&conf), "configuration");
	must(conf_finish(conf, error), "configuration");
	free(conf->state_dir);
	conf->state_dir = strdup(argv[2]);
	conf->mode = MODE_ENFORCE;
	conf->max_lockouts = BL_LOCK_MAX;
	conf->lockouts_per_minute = 60000000;

	hooks = load_hooks(conf, argv[3]);
	kernel = lockouts_kernel(hooks);
	kernel.sessions = no_sessions;
	measure_put(&kernel, "put-empty");
	write_state(conf, entries);

	began = cpu_ns();
	lockouts = open_lockouts(conf, &kernel);
	printf("restore %.2f s\n", (double)(cpu_ns() - began) / 1e9);
	check_there(&kernel, FIRST_ADDR);
	check_there(&kernel, FIRST_ADDR + entries - 1);
	measure_put(&kernel, "put-full");
	measure_cut(&kernel);
	measure_alone(lockouts, &kernel);
	measure_storm(lockouts, &kernel);
	lockouts_free(lockouts);

	/* The map alone, in a second table. */
	hooks = hooks_free(hooks);
	hooks = load_hooks(conf, argv[3]);
	kernel = lockouts_kernel(hooks);
	measure_many(&kernel, entries);
	conf_free(conf);
	return 0;
}
