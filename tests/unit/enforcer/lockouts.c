/* SPDX-License-Identifier: GPL-2.0-only */
/* Policy of lockouts over a made-up kernel: outcomes, ends, restarts. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "enforcer/lockouts/lockouts.h"

#define SEC NSEC_PER_SEC
#define FAKE_MAX 8192

/* ---- the kernel that is none ---- */

static struct {
	struct lockout_item item[FAKE_MAX];
	size_t items;
	struct bl_session session[8]; /* tag = place + 1 */
	size_t sessions;
	uint64_t boot, wall;
	uint32_t to_cut;
	int put_error, remove_error;
	uint32_t puts, batches, cuts, cut_nets;
	struct {
		struct ipc_subject subject;
		struct bl_verdict verdict;
	} contained[8];
	size_t verdicts;
	int verdict_error;
} fake;

static struct lockout_item *fake_find(const struct ipc_subject *subject)
{
	for (size_t i = 0; i < fake.items; i++)
		if (!memcmp(&fake.item[i].subject, subject, sizeof(*subject)))
			return &fake.item[i];
	return NULL;
}

static int fake_put(const struct lockout_item *item, void *arg)
{
	struct lockout_item *old = fake_find(&item->subject);

	(void)arg;
	fake.puts++;
	if (fake.put_error)
		return fake.put_error;
	if (!old) {
		assert_true(fake.items < FAKE_MAX);
		old = &fake.item[fake.items++];
	}
	*old = *item;
	return 0;
}

static int fake_put_many(const struct lockout_item *item, size_t count, void *arg)
{
	fake.batches++;
	assert_true(count > 0 && count <= LOCKOUTS_BATCH);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(item[i].subject.family, item[0].subject.family);
		assert_int_equal(fake_put(&item[i], arg), 0);
	}
	return 0;
}

static int fake_get(const struct ipc_subject *subject, struct bl_lock *ret, void *arg)
{
	const struct lockout_item *item = fake_find(subject);

	(void)arg;
	if (!item)
		return -ENOENT;
	*ret = item->lock;
	return 0;
}

static int fake_remove(const struct ipc_subject *subject, void *arg)
{
	struct lockout_item *item = fake_find(subject);

	(void)arg;
	if (fake.remove_error)
		return fake.remove_error;
	if (item)
		*item = fake.item[--fake.items];
	return 0;
}

static int fake_each(lockout_item_fn fn, void *fn_arg, void *arg)
{
	(void)arg;
	for (size_t i = 0; i < fake.items; i++) {
		int r = fn(&fake.item[i], fn_arg);

		if (r)
			return r;
	}
	return 0;
}

/* Two entries at a time, so that a walk takes several calls. */
static int fake_some(int family, struct lockout_cursor *cursor, lockout_item_fn fn, void *fn_arg,
		     void *arg)
{
	struct lockout_item found[2];
	size_t at = cursor->begun ? cursor->token : 0, count = 0;

	(void)arg;
	for (; at < fake.items && count < 2; at++)
		if (fake.item[at].subject.family == family)
			found[count++] = fake.item[at];
	*cursor = (struct lockout_cursor){ .token = (uint32_t)at, .begun = at < fake.items };
	for (size_t i = 0; i < count; i++) {
		int r = fn(&found[i], fn_arg);

		if (r < 0)
			return r;
	}
	return cursor->begun;
}

static int fake_verdict_find(const struct ipc_subject *subject)
{
	for (size_t i = 0; i < fake.verdicts; i++)
		if (!memcmp(&fake.contained[i].subject, subject, sizeof(*subject)))
			return (int)i;
	return -ENOENT;
}

static int fake_verdict_put(const struct ipc_subject *subject, const struct bl_verdict *verdict,
			    void *arg)
{
	int at = fake_verdict_find(subject);

	(void)arg;
	if (fake.verdict_error)
		return fake.verdict_error;
	if (at < 0) {
		assert_true(fake.verdicts < ARRAY_SIZE(fake.contained));
		at = (int)fake.verdicts++;
	}
	fake.contained[at].subject = *subject;
	fake.contained[at].verdict = *verdict;
	return 0;
}

static int fake_verdict_get(const struct ipc_subject *subject, struct bl_verdict *ret, void *arg)
{
	int at = fake_verdict_find(subject);

	(void)arg;
	if (at < 0)
		return at;
	*ret = fake.contained[at].verdict;
	return 0;
}

static int fake_verdict_remove(const struct ipc_subject *subject, void *arg)
{
	int at = fake_verdict_find(subject);

	(void)arg;
	if (fake.remove_error)
		return fake.remove_error;
	if (at >= 0)
		fake.contained[at] = fake.contained[--fake.verdicts];
	return 0;
}

static int fake_verdict_each(lockout_verdict_fn fn, void *fn_arg, void *arg)
{
	(void)arg;
	for (size_t i = 0; i < fake.verdicts; i++) {
		int r = fn(&fake.contained[i].subject, &fake.contained[i].verdict, fn_arg);

		if (r)
			return r;
	}
	return 0;
}

static int fake_cut(const struct addr *nets, size_t count, uint32_t *ret_cut, void *arg)
{
	(void)arg;
	assert_true(count > 0 && count <= LOCKOUTS_CUT_MAX);
	for (size_t i = 0; i < count; i++)
		assert_true(nets[i].family == AF_INET || nets[i].family == AF_INET6);
	fake.cuts++;
	fake.cut_nets += (uint32_t)count;
	*ret_cut = fake.to_cut;
	return 0;
}

static int fake_session(uint64_t tag, struct bl_session *ret, void *arg)
{
	(void)arg;
	if (tag == 0 || tag > fake.sessions)
		return -ENOENT;
	*ret = fake.session[tag - 1];
	return 0;
}

static int fake_sessions(lockout_session_fn fn, void *fn_arg, void *arg)
{
	(void)arg;
	for (size_t i = 0; i < fake.sessions; i++) {
		int r = fn(i + 1, &fake.session[i], fn_arg);

		if (r)
			return r;
	}
	return 0;
}

static uint64_t fake_boot(void *arg)
{
	(void)arg;
	return fake.boot;
}

static uint64_t fake_wall(void *arg)
{
	(void)arg;
	return fake.wall;
}

static const struct lockout_backend backend = {
	.put = fake_put,
	.put_many = fake_put_many,
	.get = fake_get,
	.remove = fake_remove,
	.each = fake_each,
	.some = fake_some,
	.cut = fake_cut,
	.session = fake_session,
	.sessions = fake_sessions,
	.verdict_put = fake_verdict_put,
	.verdict_get = fake_verdict_get,
	.verdict_remove = fake_verdict_remove,
	.verdict_each = fake_verdict_each,
	.boot_ns = fake_boot,
	.wall_ns = fake_wall,
};

/* ---- around it ---- */

static char dir[64];
static struct conf *conf;
static struct lockouts *lockouts;
static struct ipc_outcome told[64];
static size_t tellings;
static uint8_t boot_id[STATE_BOOT_ID] = { 1 };

static void tell(const struct ipc_outcome *outcome, void *arg)
{
	(void)arg;
	if (tellings < 64)
		told[tellings] = *outcome;
	tellings++;
}

static void start(bool dry)
{
	assert_int_equal(
		lockouts_open_with(&lockouts, conf, &backend, dry, -1, boot_id, tell, NULL), 0);
}

static void restart(void)
{
	lockouts = lockouts_free(lockouts);
	start(false);
}

static int setup(void **unused)
{
	char error[INI_ERROR_MAX];

	(void)unused;
	memset(&fake, 0, sizeof(fake));
	tellings = 0;
	fake.boot = 1000 * SEC;
	fake.wall = 1700000000 * SEC;
	boot_id[0] = 1;
	(void)snprintf(dir, sizeof(dir), "/tmp/unit-lockouts-XXXXXX");
	assert_non_null(mkdtemp(dir));
	assert_int_equal(conf_new(&conf), 0);
	assert_int_equal(conf_finish(conf, error), 0);
	free(conf->state_dir);
	conf->state_dir = strdup(dir);
	conf->mode = MODE_ENFORCE;
	conf->max_lockouts = 100;
	conf->lockouts_per_minute = 60;
	conf->longest_lockout_s = 86400;
	conf->operator_lockout_s = 3600;
	start(false);
	return 0;
}

static int teardown(void **unused)
{
	char command[128];

	(void)unused;
	lockouts = lockouts_free(lockouts);
	conf = conf_free(conf);
	(void)snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

static struct ipc_subject address(const char *text)
{
	struct ipc_subject s = { .kind = SUBJECT_ADDRESS };
	struct addr a;

	assert_int_equal(addr_parse(text, strlen(text), &a), 0);
	s.family = a.family;
	s.prefix = a.prefix;
	memcpy(s.addr, a.bytes, sizeof(s.addr));
	return s;
}

static struct ipc_outcome decide(struct ipc_subject subject, uint32_t action, uint32_t seconds)
{
	static uint32_t number;
	struct ipc_decision decision = {
		.subject = subject,
		.action = action,
		.seconds = seconds,
		.decision = ++number,
		.rule = "ssh-failures",
		.reason = "5 failed tries in 10 minutes",
	};
	struct ipc_outcome outcome;

	assert_int_equal(lockouts_decide(lockouts, &decision, &outcome), 0);
	assert_int_equal(outcome.decision, number);
	return outcome;
}

static struct control_reply operate(uint32_t op, struct ipc_subject subject, bool force)
{
	struct control_request request = {
		.op = op, .subject = subject, .force = force, .reason = "as the operator says"
	};
	struct control_reply ret = {};

	lockouts_operator(lockouts, &request, "alice (uid 0)", getpid(), &ret);
	return ret;
}

/* ---- tests ---- */

static void locked_until_it_ends(void **unused)
{
	struct ipc_outcome o;
	struct ipc_status status = {};
	uint64_t next;

	(void)unused;
	fake.to_cut = 3;
	o = decide(address("192.0.2.1"), ACTION_LOCK, 600);
	assert_int_equal(o.result, OUTCOME_APPLIED);
	assert_true(o.until_boot_ns == 1600 * SEC);
	assert_string_equal(o.rule, "ssh-failures");
	assert_string_equal(o.text, "5 failed tries in 10 minutes; 3 of its connections cut");
	assert_int_equal(fake.items, 1);
	assert_true(fake.item[0].lock.expires_boot_ns == 1600 * SEC);
	lockouts_status(lockouts, &status);
	assert_int_equal(status.lockouts_address, 1);

	fake.item[0].lock.refused = 17;
	fake.boot = 1600 * SEC - 1;
	next = lockouts_tick(lockouts, fake.boot);
	assert_true(next == 1600 * SEC);
	assert_int_equal(tellings, 0);
	fake.boot = next;
	(void)lockouts_tick(lockouts, fake.boot);
	assert_int_equal(tellings, 1);
	assert_int_equal(told[0].result, OUTCOME_EXPIRED);
	assert_int_equal(told[0].refused, 17);
	assert_int_equal(told[0].decision, o.decision);
	assert_string_equal(told[0].rule, "ssh-failures");
	assert_int_equal(fake.items, 0);
}

static struct bl_lock *lock_of(const struct ipc_subject *subject)
{
	static struct bl_lock none;
	struct lockout_item *item = fake_find(subject);

	assert_non_null(item);
	return item ? &item->lock : &none;
}

static struct tamper compare(void)
{
	struct tamper tamper = {};

	/* Two rounds: whatever the first call goes on with, each table is walked once. */
	lockouts_tamper(lockouts, fake.boot, &tamper);
	lockouts_tamper(lockouts, fake.boot, &tamper);
	return tamper;
}

static uint64_t total(const struct tamper *tamper)
{
	uint64_t sum = 0;

	for (int i = 0; i < TAMPER_MAX; i++)
		sum += tamper->seen[i];
	return sum;
}

static void what_others_do_to_the_table(void **unused)
{
	struct ipc_subject gone = address("192.0.2.2"), changed = address("2001:db8:1::");
	struct lockout_item foreign = { .subject = address("198.51.100.9"),
					.lock.expires_boot_ns = 5000 * SEC,
					.lock.locked_boot_ns = 1 };
	struct tamper t;

	(void)unused;
	changed.prefix = 64; /* what is locked of it */
	t = compare();
	assert_int_equal(total(&t), 0);
	(void)decide(address("192.0.2.1"), ACTION_LOCK, 600);
	(void)decide(gone, ACTION_LOCK, 600);
	(void)decide(address("192.0.2.3"), ACTION_LOCK, 600);
	(void)decide(changed, ACTION_LOCK, 600);
	(void)decide(address("2001:db8:2::"), ACTION_LOCK, 900);
	(void)decide(address("192.0.2.1"), ACTION_LOCK, 700);
	t = compare();
	assert_int_equal(total(&t), 0);

	/* Taken out: in force again, for as long as it was to be. */
	assert_int_equal(fake_remove(&gone, NULL), 0);
	t = compare();
	assert_int_equal(t.seen[TAMPER_GONE], 1);
	assert_int_equal(total(&t), 1);
	assert_int_equal(t.failed, 0);
	assert_true(lock_of(&gone)->expires_boot_ns == 1600 * SEC);
	t = compare();
	assert_int_equal(total(&t), 0);

	/* Made shorter: as it was, and what it has refused still counts. */
	lock_of(&changed)->expires_boot_ns = fake.boot;
	lock_of(&changed)->refused = 7;
	t = compare();
	assert_int_equal(t.seen[TAMPER_CHANGED], 1);
	assert_int_equal(total(&t), 1);
	assert_true(lock_of(&changed)->expires_boot_ns == 1600 * SEC);
	assert_int_equal(lock_of(&changed)->refused, 7);

	/* Put in: nobody decided it, nobody could release it. */
	assert_int_equal(fake_put(&foreign, NULL), 0);
	t = compare();
	assert_int_equal(t.seen[TAMPER_ADDED], 1);
	assert_int_equal(total(&t), 1);
	assert_null(fake_find(&foreign.subject));

	/* All of it at once. */
	fake.items = 0;
	t = compare();
	assert_int_equal(t.seen[TAMPER_GONE], 5);
	assert_int_equal(fake.items, 5);

	/* What cannot be put back is told each time. */
	assert_int_equal(fake_remove(&gone, NULL), 0);
	fake.put_error = -E2BIG;
	t = compare();
	assert_true(t.seen[TAMPER_GONE] >= 1 && t.failed == t.seen[TAMPER_GONE]);
	assert_int_equal(t.error, -E2BIG);
	fake.put_error = 0;
	t = compare();
	assert_int_equal(t.seen[TAMPER_GONE], 1);
	assert_int_equal(t.failed, 0);
}

static void ends_and_releases_are_no_tampering(void **unused)
{
	struct lockout_item lapsed = { .subject = address("198.51.100.9"),
				       .lock.expires_boot_ns = 1 };
	struct tamper t;

	(void)unused;
	(void)decide(address("192.0.2.1"), ACTION_LOCK, 60);
	(void)decide(address("192.0.2.2"), ACTION_LOCK, 600);
	(void)operate(CONTROL_RELEASE, address("192.0.2.2"), false);
	t = compare();
	assert_int_equal(total(&t), 0);
	fake.boot += 61 * SEC;
	t = compare();
	assert_int_equal(total(&t), 0);
	(void)lockouts_tick(lockouts, fake.boot);
	t = compare();
	assert_int_equal(total(&t), 0);
	assert_int_equal(fake.items, 0);
	/* One that is over refuses nothing; it is only cleared away. */
	assert_int_equal(fake_put(&lapsed, NULL), 0);
	t = compare();
	assert_int_equal(total(&t), 0);
	assert_int_equal(fake.items, 0);
	(void)decide(address("192.0.2.1"), ACTION_LOCK, 600);
	restart();
	t = compare();
	assert_int_equal(total(&t), 0);
}

static void again_makes_it_longer_never_shorter(void **unused)
{
	struct ipc_outcome o;

	(void)unused;
	(void)decide(address("192.0.2.1"), ACTION_LOCK, 600);
	fake.item[0].lock.refused = 5;
	fake.boot += 10 * SEC;
	o = decide(address("192.0.2.1"), ACTION_LOCK, 60);
	assert_int_equal(o.result, OUTCOME_APPLIED);
	assert_true(o.until_boot_ns == 1600 * SEC);
	assert_int_equal(fake.puts, 1);
	o = decide(address("192.0.2.1"), ACTION_LOCK, 900);
	assert_true(o.until_boot_ns == 1910 * SEC);
	assert_int_equal(fake.items, 1);
	assert_true(fake.item[0].lock.locked_boot_ns == 1000 * SEC);
	assert_int_equal(fake.item[0].lock.refused, 5);
	/* Longer than allowed is cut to what is allowed. */
	o = decide(address("192.0.2.1"), ACTION_LOCK, 86400 * 30);
	assert_true(o.until_boot_ns == fake.boot + 86400 * SEC);
}

static void refusals(void **unused)
{
	const struct exempt_net exempt = { .net = { AF_INET, 24, { 198, 51, 100 } },
					   .why = EXEMPT_CONFIGURED };
	struct ipc_status status = {};
	struct ipc_outcome o;

	(void)unused;
	assert_int_equal(lockouts_exempt(lockouts, &exempt, 1), 0);
	fake.sessions = 1;
	fake.session[0] = (struct bl_session){
		.auid = 0, .audit_session = 7, .end = { AF_INET, 5000, 22, 0, { 192, 0, 2, 8 }, {} }
	};
	o = decide(address("198.51.100.9"), ACTION_LOCK, 600);
	assert_int_equal(o.result, OUTCOME_EXEMPT);
	assert_non_null(strstr(o.text, "bailiff.conf"));
	o = decide(address("127.0.0.1"), ACTION_LOCK, 600);
	assert_int_equal(o.result, OUTCOME_EXEMPT);
	o = decide(address("192.0.2.8"), ACTION_LOCK, 600);
	assert_int_equal(o.result, OUTCOME_LAST_WAY_IN);
	o = decide((struct ipc_subject){ .kind = SUBJECT_SESSION, .id = 1 }, ACTION_LOCK, 600);
	assert_int_equal(o.result, OUTCOME_LAST_WAY_IN);
	o = decide((struct ipc_subject){ .kind = SUBJECT_USER, .id = 0 }, ACTION_LOCK, 600);
	assert_int_equal(o.result, OUTCOME_LAST_WAY_IN);
	o = decide((struct ipc_subject){ .kind = SUBJECT_USER, .id = 1000 }, ACTION_FREEZE, 600);
	assert_int_equal(o.result, OUTCOME_FAILED);
	o = decide((struct ipc_subject){ .kind = SUBJECT_SESSION, .id = 99 }, ACTION_LOCK, 600);
	assert_int_equal(o.result, OUTCOME_FAILED);
	o = decide(address("192.0.2.9"), ACTION_FREEZE, 600);
	assert_int_equal(o.result, OUTCOME_FAILED);
	o = decide(address("192.0.2.9"), ACTION_LOCK, 0);
	assert_int_equal(o.result, OUTCOME_FAILED);
	o = decide(address("192.0.2.9"), 77, 600);
	assert_int_equal(o.result, OUTCOME_FAILED);
	o = decide((struct ipc_subject){ .kind = 200 }, ACTION_LOCK, 600);
	assert_int_equal(o.result, OUTCOME_FAILED);
	fake.put_error = -E2BIG;
	o = decide(address("192.0.2.9"), ACTION_LOCK, 600);
	assert_int_equal(o.result, OUTCOME_FAILED);
	assert_int_equal(fake.items, 0);
	assert_int_equal(fake.cuts, 0);
	lockouts_status(lockouts, &status);
	assert_int_equal(status.lockouts_address, 0);
	assert_int_equal(status.refused_limit, 5);
}

static void number_and_rate(void **unused)
{
	struct ipc_outcome o = {};
	char text[32];

	(void)unused;
	for (int i = 0; i < 60; i++) {
		(void)snprintf(text, sizeof(text), "192.0.2.%d", i);
		o = decide(address(text), ACTION_LOCK, 6000);
		assert_row(o.result == OUTCOME_APPLIED, text);
	}
	o = decide(address("192.0.2.60"), ACTION_LOCK, 6000);
	assert_int_equal(o.result, OUTCOME_LIMIT);
	assert_int_equal(fake.items, 60);
	fake.boot += 60 * SEC;
	for (int i = 60; i < 100; i++) {
		(void)snprintf(text, sizeof(text), "192.0.2.%d", i);
		o = decide(address(text), ACTION_LOCK, 6000);
		assert_row(o.result == OUTCOME_APPLIED, text);
	}
	fake.boot += 60 * SEC;
	o = decide(address("192.0.2.100"), ACTION_LOCK, 6000);
	assert_int_equal(o.result, OUTCOME_LIMIT);
	assert_non_null(strstr(o.text, "100 addresses"));
	/* One that is there already may be made longer. */
	o = decide(address("192.0.2.1"), ACTION_LOCK, 8000);
	assert_int_equal(o.result, OUTCOME_APPLIED);
	assert_int_equal(fake.items, 100);
}

static void storm_is_cut_together(void **unused)
{
	char text[32];

	(void)unused;
	conf->lockouts_per_minute = 10000;
	conf->max_lockouts = 1000;
	lockouts_conf(lockouts, conf);
	for (int i = 0; i < 40; i++) {
		(void)snprintf(text, sizeof(text), "192.0.2.%d", i);
		assert_int_equal(decide(address(text), ACTION_LOCK, 600).result, OUTCOME_APPLIED);
	}
	/* The first at once, the others with the next tick that is late enough. */
	assert_int_equal(fake.cuts, 1);
	assert_int_equal(fake.cut_nets, 1);
	assert_true(lockouts_tick(lockouts, fake.boot) == fake.boot + LOCKOUTS_CUT_NS);
	assert_int_equal(fake.cuts, 1);
	fake.boot += LOCKOUTS_CUT_NS;
	(void)lockouts_tick(lockouts, fake.boot);
	assert_int_equal(fake.cuts, 2);
	assert_int_equal(fake.cut_nets, 40);
	/* More than fit into one look do not wait. */
	for (int i = 40; i < 140; i++) {
		(void)snprintf(text, sizeof(text), "192.0.2.%d", i);
		(void)decide(address(text), ACTION_LOCK, 600);
	}
	assert_int_equal(fake.cuts, 3);
	assert_int_equal(fake.cut_nets, 40 + 64);
	fake.boot += LOCKOUTS_CUT_NS;
	(void)lockouts_tick(lockouts, fake.boot);
	assert_int_equal(fake.cut_nets, 140);
}

static void observe_touches_nothing(void **unused)
{
	struct ipc_outcome o;

	(void)unused;
	lockouts = lockouts_free(lockouts);
	conf->mode = MODE_OBSERVE;
	start(true);
	o = decide(address("192.0.2.1"), ACTION_LOCK, 600);
	assert_int_equal(o.result, OUTCOME_OBSERVED);
	o = decide(address("127.0.0.1"), ACTION_LOCK, 600);
	assert_int_equal(o.result, OUTCOME_EXEMPT);
	assert_int_equal(operate(CONTROL_LOCK, address("192.0.2.1"), true).result,
			 OUTCOME_OBSERVED);
	assert_int_equal(fake.puts + fake.cuts, 0);
}

static void operator_locks_and_releases(void **unused)
{
	const struct exempt_net exempt = { .net = { AF_INET, 24, { 198, 51, 100 } },
					   .why = EXEMPT_CONFIGURED };
	struct control_reply r;

	(void)unused;
	assert_int_equal(lockouts_exempt(lockouts, &exempt, 1), 0);
	r = operate(CONTROL_LOCK, address("198.51.100.9"), true);
	assert_int_equal(r.error, -EPERM);
	assert_int_equal(r.result, OUTCOME_EXEMPT);
	r = operate(CONTROL_LOCK, address("127.0.0.9"), false);
	assert_int_equal(r.error, -EPERM);
	r = operate(CONTROL_LOCK, address("127.0.0.9"), true);
	assert_int_equal(r.error, 0);
	assert_int_equal(r.count, 1);
	assert_string_equal(r.text, "127.0.0.9 is locked out: as the operator says");
	assert_string_equal(told[2].who, "alice (uid 0)");
	assert_true(told[2].until_boot_ns == 4600 * SEC);
	/* Exempt by nature, but forced by a person: it is not undone when the list changes. */
	assert_int_equal(lockouts_exempt(lockouts, &exempt, 1), 0);
	assert_int_equal(fake.items, 1);
	r = operate(CONTROL_RELEASE, address("127.0.0.8"), false);
	assert_int_equal(r.error, -ENOENT);
	fake.item[0].lock.refused = 4;
	r = operate(CONTROL_RELEASE, address("127.0.0.9"), false);
	assert_int_equal(r.error, 0);
	assert_int_equal(r.result, OUTCOME_RELEASED);
	assert_int_equal(told[3].result, OUTCOME_RELEASED);
	assert_int_equal(told[3].refused, 4);
	assert_string_equal(told[3].who, "alice (uid 0)");
	assert_int_equal(fake.items, 0);
	/* A /64 is found by any address in it. */
	r = operate(CONTROL_LOCK, address("2001:db8::5"), false);
	assert_string_equal(r.text, "2001:db8::/64 is locked out: as the operator says");
	r = operate(CONTROL_RELEASE, address("2001:db8::6"), false);
	assert_int_equal(r.error, 0);
}

static void release_everything(void **unused)
{
	struct control_reply r;
	char text[32];

	(void)unused;
	for (int i = 0; i < 50; i++) {
		(void)snprintf(text, sizeof(text), "192.0.2.%d", i);
		(void)decide(address(text), ACTION_LOCK, 6000);
	}
	r = operate(CONTROL_RELEASE, (struct ipc_subject){}, false);
	assert_int_equal(r.error, 0);
	assert_int_equal(r.count, 50);
	assert_int_equal(fake.items, 0);
	assert_int_equal(tellings, 50);
	restart();
	assert_int_equal(fake.items, 0);
}

static void release_that_fails_is_told(void **unused)
{
	struct control_reply r;

	(void)unused;
	(void)decide(address("192.0.2.1"), ACTION_LOCK, 600);
	fake.remove_error = -EPERM;
	r = operate(CONTROL_RELEASE, address("192.0.2.1"), false);
	assert_int_equal(r.error, -EPERM);
	assert_int_equal(r.result, OUTCOME_FAILED);
	assert_int_equal(tellings, 0);
	fake.remove_error = 0;
	r = operate(CONTROL_RELEASE, address("192.0.2.1"), false);
	assert_int_equal(r.error, 0);
}

static void becomes_exempt(void **unused)
{
	const struct exempt_net exempt = { .net = { AF_INET, 32, { 192, 0, 2, 1 } },
					   .why = EXEMPT_OWN };

	(void)unused;
	(void)decide(address("192.0.2.1"), ACTION_LOCK, 600);
	(void)decide(address("192.0.2.2"), ACTION_LOCK, 600);
	assert_int_equal(lockouts_exempt(lockouts, &exempt, 1), 0);
	assert_int_equal(tellings, 1);
	assert_int_equal(told[0].result, OUTCOME_RELEASED);
	assert_string_equal(told[0].who, "bailiffd");
	assert_int_equal(fake.items, 1);
}

static int one_lockout(const struct control_lockout *lockout, void *arg)
{
	*(struct control_lockout *)arg = *lockout;
	return 7;
}

static void restart_in_the_same_boot(void **unused)
{
	struct control_lockout lockout;

	(void)unused;
	(void)decide(address("192.0.2.1"), ACTION_LOCK, 600);
	(void)operate(CONTROL_LOCK, address("2001:db8::1"), false);
	fake.item[0].lock.refused = 3;
	fake.boot += 100 * SEC;
	fake.wall = 0; /* the wall clock is of no account within a boot */
	restart();
	/* The kernel has them: nothing is written over its counters. */
	assert_int_equal(fake.puts, 2);
	assert_int_equal(fake.item[0].lock.refused, 3);
	/* Only one of them is lost from the kernel: that one is put back. */
	fake.items = 1;
	restart();
	assert_int_equal(fake.items, 2);
	assert_int_equal(fake.batches, 1);
	assert_true(fake.item[1].lock.expires_boot_ns == 4600 * SEC);
	assert_int_equal(fake.item[1].subject.family, AF_INET6);
	(void)operate(CONTROL_RELEASE, address("192.0.2.1"), false);
	restart();
	assert_int_equal(fake.items, 1);
	assert_int_equal(lockouts_each(lockouts, one_lockout, &lockout), 7);
	assert_string_equal(lockout.who, "alice (uid 0)");
	assert_string_equal(lockout.reason, "as the operator says");
}

/* No process of this machine has that uid, so that nobody's is looked at twice. */
#define NOBODYS_UID 4294900001U

static struct ipc_subject user(uint64_t uid)
{
	return (struct ipc_subject){ .kind = SUBJECT_USER, .id = uid };
}

static void user_means_his_sessions(void **unused)
{
	struct ipc_outcome o;

	(void)unused;
	fake.sessions = 4;
	fake.session[0] = (struct bl_session){ .auid = NOBODYS_UID, .audit_session = 4294900001U };
	fake.session[1] = (struct bl_session){ .auid = 1000, .audit_session = 4294900002U };
	fake.session[2] = (struct bl_session){ .auid = NOBODYS_UID, .audit_session = 4294900003U };
	/* Born inside the first one, with no peer of its own: that one takes it along. */
	fake.session[3] = (struct bl_session){ .auid = NOBODYS_UID,
					       .audit_session = 4294900004U,
					       .parent_session = 1 };
	o = decide(user(NOBODYS_UID), ACTION_TERMINATE, 600);
	assert_int_equal(o.result, OUTCOME_APPLIED);
	assert_int_equal(o.subject.kind, SUBJECT_USER);
	assert_int_equal(o.subject.id, NOBODYS_UID);
	assert_string_equal(o.text, "2 of its 2 login sessions");
	/* The account is not locked out: its sessions were done away with. */
	assert_true(o.until_boot_ns == 0);
	assert_int_equal(tellings, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(told[i].subject.kind, SUBJECT_SESSION);
		assert_int_equal(told[i].subject.id, i ? 3 : 1);
		assert_int_equal(told[i].result, OUTCOME_APPLIED);
		assert_int_equal(told[i].decision, o.decision);
		assert_string_equal(told[i].rule, "ssh-failures");
		assert_true(told[i].until_boot_ns == fake.boot + 600 * SEC);
	}
}

/* Of logins that a session made over a connection of its own, and of jobs that it wrote. */
static void joined_ones_and_who_is_spared(void **unused)
{
	const struct bl_session joined = {
		.audit_session = 4294900002U,
		.parent_session = 1,
		.end.family = AF_INET,
		.flags = BL_SESSION_JOINED,
	};
	struct session_ids ids;

	(void)unused;
	fake.sessions = 5;
	fake.session[0] = (struct bl_session){ .auid = NOBODYS_UID, .audit_session = 4294900001U };
	for (size_t i = 1; i < 5; i++)
		fake.session[i] = joined;
	fake.session[1].auid = NOBODYS_UID;
	fake.session[2].auid = 0;
	fake.session[3].auid = NOBODYS_UID + 1;
	fake.session[4].auid = NOBODYS_UID + 2;
	conf->exempt_uid[0] = NOBODYS_UID + 2;
	conf->exempt_user[0] = strdup("nobody-here");
	conf->exempt_users = 1;
	lockouts_conf(lockouts, conf);
	assert_int_equal(lockouts_session_ids(lockouts, 1, &ids), 0);
	assert_int_equal(ids.count, 3);
	assert_int_equal(ids.id[0].tag, 1);
	assert_int_equal(ids.id[1].tag, 2);
	assert_int_equal(ids.id[2].tag, 4);
	for (size_t i = 1; i < 5; i++) {
		fake.session[i].flags = i % 2 ? BL_SESSION_AT : BL_SESSION_CRON;
		fake.session[i].end.family = 0;
	}
	assert_int_equal(lockouts_session_ids(lockouts, 1, &ids), 0);
	assert_int_equal(ids.count, 3);
	assert_int_equal(ids.id[1].tag, 2);
	assert_int_equal(ids.id[2].tag, 4);
	/* What it is asked for itself is decided elsewhere (limits_session). */
	assert_int_equal(lockouts_session_ids(lockouts, 3, &ids), 0);
	assert_int_equal(ids.count, 1);
}

static void user_who_is_spared(void **unused)
{
	struct ipc_outcome o;

	(void)unused;
	o = decide(user(NOBODYS_UID), ACTION_TERMINATE, 600);
	assert_int_equal(o.result, OUTCOME_FAILED);
	assert_string_equal(o.text, "has no login session now");
	o = decide(user(BL_UNSET), ACTION_TERMINATE, 600);
	assert_int_equal(o.result, OUTCOME_FAILED);
	o = decide(user(1ULL << 32), ACTION_TERMINATE, 600);
	assert_int_equal(o.result, OUTCOME_FAILED);
	fake.sessions = 1;
	fake.session[0] = (struct bl_session){ .auid = 0, .audit_session = 4294900001U };
	o = decide(user(0), ACTION_TERMINATE, 600);
	assert_int_equal(o.result, OUTCOME_LAST_WAY_IN);
	assert_int_equal(tellings, 0);
	conf->exempt_uid[0] = NOBODYS_UID;
	conf->exempt_user[0] = strdup("nobody-here");
	conf->exempt_users = 1;
	lockouts_conf(lockouts, conf);
	fake.session[0].auid = NOBODYS_UID;
	o = decide(user(NOBODYS_UID), ACTION_TERMINATE, 600);
	assert_int_equal(o.result, OUTCOME_EXEMPT);
	assert_non_null(strstr(o.text, "has a login session that "));
	assert_int_equal(tellings, 1);
	assert_int_equal(told[0].result, OUTCOME_EXEMPT);
}

static void user_is_only_observed(void **unused)
{
	struct ipc_outcome o;

	(void)unused;
	lockouts = lockouts_free(lockouts);
	start(true);
	fake.sessions = 1;
	fake.session[0] = (struct bl_session){ .auid = NOBODYS_UID, .audit_session = 4294900001U };
	o = decide(user(NOBODYS_UID), ACTION_TERMINATE, 600);
	assert_int_equal(o.result, OUTCOME_OBSERVED);
	assert_int_equal(tellings, 1);
	assert_int_equal(told[0].result, OUTCOME_OBSERVED);
	assert_int_equal(lockouts->jobs, 0);
}

static void session_is_contained_first(void **unused)
{
	struct ipc_subject session = { .kind = SUBJECT_SESSION, .id = 1 };
	struct ipc_subject stray = { .kind = SUBJECT_SESSION, .id = 7 };
	struct ipc_outcome o;

	(void)unused;
	fake.sessions = 1;
	fake.session[0] = (struct bl_session){ .auid = NOBODYS_UID, .audit_session = 4294900001U };
	o = decide(session, ACTION_FREEZE, 600);
	assert_int_equal(o.result, OUTCOME_APPLIED);
	assert_int_equal(fake.verdicts, 1);
	assert_memory_equal(&fake.contained[0].subject, &session, sizeof(session));
	/* It shall go on undamaged when it is released. */
	assert_int_equal(fake.contained[0].verdict.flags, BL_VERDICT_ALL & ~BL_VERDICT_FORK);
	assert_int_equal(fake.contained[0].verdict.decision, o.decision);
	assert_true(fake.contained[0].verdict.expires_boot_ns == o.until_boot_ns);
	/* What another life left and nobody explains goes; what is explained stays, counts too. */
	fake.contained[0].verdict.refused = 41;
	fake.contained[1].subject = stray;
	fake.contained[1].verdict.expires_boot_ns = UINT64_MAX;
	fake.verdicts = 2;
	fake.session[0].born_boot_ns = 1;
	restart();
	assert_int_equal(fake.verdicts, 1);
	assert_int_equal(fake.contained[0].verdict.refused, 41);
	tellings = 0;
	assert_int_equal(operate(CONTROL_RELEASE, session, false).error, 0);
	assert_int_equal(fake.verdicts, 0);
	assert_int_equal(tellings, 1);
	assert_int_equal(told[0].refused, 41);
	/* A full table: told as a limit, and the session is frozen all the same. */
	fake.verdict_error = -ENOSPC;
	lockouts->refused_limit = 0;
	assert_int_equal(decide(session, ACTION_FREEZE, 600).result, OUTCOME_APPLIED);
	assert_int_equal(lockouts->refused_limit, 1);
	assert_int_equal(fake.verdicts, 0);
}

static void user_is_locked_out(void **unused)
{
	struct control_lockout lockout;
	struct control_reply reply;
	struct ipc_outcome o;

	(void)unused;
	o = decide(user(NOBODYS_UID), ACTION_LOCK, 600);
	assert_int_equal(o.result, OUTCOME_APPLIED);
	assert_true(o.until_boot_ns == fake.boot + 600 * SEC);
	assert_string_equal(o.text, "5 failed tries in 10 minutes; it has no login session now");
	assert_int_equal(fake.verdicts, 1);
	assert_int_equal(fake.contained[0].subject.id, NOBODYS_UID);
	assert_int_equal(fake.contained[0].verdict.flags, BL_VERDICT_ALL);
	assert_int_equal(lockouts_each(lockouts, one_lockout, &lockout), 7);
	assert_int_equal(lockout.subject.kind, SUBJECT_USER);
	assert_string_equal(lockout.rule, "ssh-failures");
	/* After a reboot the tables are empty, the file is not. */
	(void)lockouts_tick(lockouts, fake.boot);
	lockouts = lockouts_free(lockouts);
	fake.verdicts = 0;
	fake.boot = 20 * SEC;
	fake.wall += 100 * SEC;
	boot_id[0] = 2;
	start(false);
	assert_int_equal(fake.verdicts, 1);
	assert_true(fake.contained[0].verdict.expires_boot_ns == 520 * SEC);
	reply = operate(CONTROL_RELEASE, user(NOBODYS_UID), false);
	assert_int_equal(reply.error, 0);
	assert_int_equal(fake.verdicts, 0);
	restart();
	assert_int_equal(fake.verdicts, 0);
	/* It ends by itself as well. */
	(void)decide(user(NOBODYS_UID), ACTION_LOCK, 600);
	assert_int_equal(fake.verdicts, 1);
	(void)lockouts_tick(lockouts, fake.boot + 601 * SEC);
	assert_int_equal(fake.verdicts, 0);
	assert_int_equal(ledger_total(lockouts->ledger), 0);
}

static void user_who_is_not_locked_out(void **unused)
{
	struct control_reply reply;

	(void)unused;
	reply = operate(CONTROL_LOCK, user(0), true);
	assert_int_equal(reply.error, -EPERM);
	assert_non_null(strstr(reply.text, "is root"));
	conf->exempt_uid[0] = NOBODYS_UID;
	conf->exempt_user[0] = strdup("nobody-here");
	conf->exempt_users = 1;
	lockouts_conf(lockouts, conf);
	reply = operate(CONTROL_LOCK, user(NOBODYS_UID), true);
	assert_int_equal(reply.result, OUTCOME_EXEMPT);
	assert_int_equal(fake.verdicts, 0);
	fake.verdict_error = -ENOSPC;
	reply = operate(CONTROL_LOCK, user(NOBODYS_UID + 1), false);
	assert_int_equal(reply.result, OUTCOME_LIMIT);
	assert_int_equal(ledger_total(lockouts->ledger), 0);
}

static void user_and_his_frozen_session(void **unused)
{
	struct ipc_subject session = { .kind = SUBJECT_SESSION, .id = 1 };

	(void)unused;
	lockouts->ladder = LADDER_FREEZE;
	fake.sessions = 1;
	fake.session[0] = (struct bl_session){ .auid = NOBODYS_UID, .audit_session = 4294900001U };
	assert_int_equal(operate(CONTROL_LOCK, user(NOBODYS_UID), false).result, OUTCOME_APPLIED);
	assert_int_equal(fake.verdicts, 2);
	assert_non_null(ledger_get(lockouts->ledger, &session));
	assert_int_equal(operate(CONTROL_RELEASE, user(NOBODYS_UID), false).error, 0);
	assert_null(ledger_get(lockouts->ledger, &session));
	assert_int_equal(fake.verdicts, 0);
}

static const struct ipc_subject session_one = { .kind = SUBJECT_SESSION, .id = 1 };

static void one_session(void)
{
	fake.sessions = 1;
	fake.session[0] = (struct bl_session){ .auid = NOBODYS_UID,
					       .audit_session = 4294900001U,
					       .born_boot_ns = 1 };
}

static uint32_t step_now(void)
{
	const struct ledger_entry *entry = ledger_get(lockouts->ledger, &session_one);

	return entry ? entry->action : 0;
}

static void ladder_climbs_by_time(void **unused)
{
	uint64_t began = fake.boot;

	(void)unused;
	one_session();
	conf->session_ladder = LADDER_QUARANTINE;
	conf->session_next_s = 600;
	lockouts_conf(lockouts, conf);
	assert_int_equal(decide(session_one, ACTION_LOCK, 86400).result, OUTCOME_APPLIED);
	assert_int_equal(step_now(), ACTION_QUARANTINE);
	/* What runs goes on; that takes forks. */
	assert_int_equal(fake.contained[0].verdict.flags, BL_VERDICT_ALL & ~BL_VERDICT_FORK);
	fake.boot = began + 599 * SEC;
	(void)lockouts_tick(lockouts, fake.boot);
	assert_int_equal(step_now(), ACTION_QUARANTINE);
	assert_int_equal(tellings, 0);
	fake.boot = began + 600 * SEC;
	(void)lockouts_tick(lockouts, fake.boot);
	assert_int_equal(step_now(), ACTION_FREEZE);
	assert_int_equal(fake.contained[0].verdict.flags, BL_VERDICT_ALL & ~BL_VERDICT_FORK);
	assert_int_equal(tellings, 1);
	assert_int_equal(told[0].action, ACTION_FREEZE);
	assert_int_equal(told[0].result, OUTCOME_APPLIED);
	assert_string_equal(told[0].rule, "ssh-failures");
	assert_string_equal(told[0].text, "next step after 10m (session_next)");
	/* The clock of the step is in the file: a restart neither forgets nor begins anew. */
	fake.boot = began + 1100 * SEC;
	restart();
	assert_int_equal(step_now(), ACTION_FREEZE);
	(void)lockouts_tick(lockouts, began + 1199 * SEC);
	assert_int_equal(step_now(), ACTION_FREEZE);
	fake.boot = began + 1200 * SEC;
	(void)lockouts_tick(lockouts, fake.boot);
	assert_int_equal(step_now(), ACTION_TERMINATE);
	assert_int_equal(told[tellings - 1].action, ACTION_TERMINATE);
	assert_int_equal(fake.contained[0].verdict.flags, BL_VERDICT_ALL);
}

/* One that does not end is given up, and keeps its place until it is gone. */
static void copies_are_not_waited_for(void **unused)
{
	struct session_report report = { .arg = lockouts };
	struct session_ids ids = { .tag = 1, .count = 1 };
	struct session_job *job;

	(void)unused;
	one_session();
	ids.id[0].tag = 1;
	ids.id[0].auid = NOBODYS_UID;
	ids.id[0].audit_session = 4294900001U;
	assert_int_equal(session_job_new(&job, -1, &ids, ACTION_FREEZE, &report), 0);
	for (size_t i = 0; i < LOCKOUTS_COPIES_MAX; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			(void)pause();
			_exit(0);
		}
		assert_true(pid > 0);
		lockouts->copy[i] = (struct lockout_copy){ .pid = pid, .tag = 1 + i };
	}
	lockouts->copy[0].began_ns = fake.boot - SEC;
	lockouts->copy[0].processes = 7;
	assert_false(lockouts_written(job, 0, lockouts));
	assert_int_equal(tellings, 0);
	lockouts->copy[0].began_ns = fake.boot - 60 * SEC;
	assert_true(lockouts_written(job, 0, lockouts));
	assert_int_equal(tellings, 1);
	assert_string_equal(told[0].text,
			    "no snapshot of its 7 processes: given up after 60000 ms");
	assert_true(lockouts->copy[0].given_up && lockouts->copy[0].pid);
	/* No job is there for the others. */
	for (int tries = 0; tries < 3000; tries++) {
		const struct timespec pause = { .tv_nsec = 10000000 };
		size_t left = 0;

		lockouts_reap_copies(lockouts);
		for (size_t i = 0; i < LOCKOUTS_COPIES_MAX; i++)
			left += lockouts->copy[i].pid != 0;
		if (!left)
			break;
		(void)nanosleep(&pause, NULL);
	}
	for (size_t i = 0; i < LOCKOUTS_COPIES_MAX; i++)
		assert_int_equal(lockouts->copy[i].pid, 0);
	session_job_free(job);
}

/* What the kernel, the file and the scopes say, where bailiffd died within a step. */
static void ladder_after_a_restart(void **unused)
{
	const uint32_t may_fork = BL_VERDICT_ALL & ~BL_VERDICT_FORK;
	struct ledger_entry note = { .subject = session_one };

	(void)unused;
	one_session();
	conf->session_ladder = LADDER_QUARANTINE;
	lockouts_conf(lockouts, conf);
	assert_int_equal(decide(session_one, ACTION_LOCK, 86400).result, OUTCOME_APPLIED);
	/* The table is lost. */
	fake.verdicts = 0;
	restart();
	assert_int_equal(step_now(), ACTION_QUARANTINE);
	assert_int_equal(fake.verdicts, 1);
	assert_int_equal(fake.contained[0].verdict.flags, may_fork);
	assert_true(fake.contained[0].verdict.expires_boot_ns == fake.boot + 86400 * SEC);
	/* About to be ended, and no record of that. */
	fake.contained[0].verdict.flags = BL_VERDICT_ALL;
	restart();
	assert_int_equal(step_now(), ACTION_QUARANTINE);
	assert_int_equal(fake.contained[0].verdict.flags, may_fork);
	/* Frozen, and no record of that: it is not left so under another name. */
	assert_int_not_equal(lockouts_write(lockouts, &note, STATE_FROZEN, "", "/s/1.scope"),
			     STATE_NONE);
	restart();
	assert_int_equal(step_now(), ACTION_FREEZE);
	assert_int_equal(operate(CONTROL_HOLD, session_one, false).error, 0);
	restart();
	assert_int_equal(step_now(), ACTION_FREEZE);
}

static void ladder_held_and_thawed(void **unused)
{
	struct control_lockout lockout;
	struct control_reply reply;

	(void)unused;
	one_session();
	conf->session_next_s = 600;
	lockouts_conf(lockouts, conf);
	assert_int_equal(decide(session_one, ACTION_FREEZE, 1000).result, OUTCOME_APPLIED);
	assert_int_equal(lockouts_each(lockouts, one_lockout, &lockout), 7);
	assert_int_equal(lockout.next, ACTION_TERMINATE);
	assert_true(lockout.next_wall_ns == fake.wall + 600 * SEC);
	assert_int_equal(lockout.held, 0);
	reply = operate(CONTROL_HOLD, session_one, false);
	assert_int_equal(reply.error, 0);
	assert_string_equal(reply.text, "session 1 is held in the freezer, at most for 1d");
	assert_int_equal(tellings, 1);
	assert_int_equal(told[0].action, ACTION_FREEZE);
	assert_true(told[0].who[0] != '\0');
	/* Neither time nor a rule moves it; its end is the last that there is. */
	fake.boot += 5000 * SEC;
	fake.wall += 5000 * SEC;
	(void)lockouts_tick(lockouts, fake.boot);
	assert_int_equal(step_now(), ACTION_FREEZE);
	assert_int_equal(decide(session_one, ACTION_TERMINATE, 600).result, OUTCOME_APPLIED);
	assert_int_equal(step_now(), ACTION_FREEZE);
	restart();
	assert_int_equal(lockouts_each(lockouts, one_lockout, &lockout), 7);
	assert_int_equal(lockout.held, 1);
	assert_int_equal(lockout.next, 0);
	assert_true(fake.contained[0].verdict.expires_boot_ns ==
		    fake.boot - 5000 * SEC + 86400 * SEC);
	reply = operate(CONTROL_THAW, session_one, false);
	assert_int_equal(reply.error, 0);
	assert_int_equal(step_now(), ACTION_QUARANTINE);
	assert_int_equal(fake.contained[0].verdict.flags, BL_VERDICT_ALL & ~BL_VERDICT_FORK);
	assert_int_equal(operate(CONTROL_THAW, session_one, false).error, -EINVAL);
	(void)lockouts_tick(lockouts, fake.boot + 700 * SEC);
	assert_int_equal(step_now(), ACTION_QUARANTINE);
	/* An operator's word moves it, and then it is held no more; back there is no way. */
	assert_int_equal(operate(CONTROL_LOCK, session_one, false).error, 0);
	assert_int_equal(step_now(), ACTION_TERMINATE);
	assert_int_equal(operate(CONTROL_HOLD, session_one, false).error, -EBUSY);
	assert_int_equal(operate(CONTROL_THAW, session_one, false).error, -EINVAL);
	assert_int_equal(operate(CONTROL_HOLD, user(1000), false).error, -EINVAL);
	assert_int_equal(operate(CONTROL_RELEASE, session_one, false).error, 0);
	assert_int_equal(operate(CONTROL_HOLD, session_one, false).error, -ENOENT);
}

static void ladder_without_verdicts(void **unused)
{
	struct control_request request = { .op = CONTROL_LOCK,
					   .subject = session_one,
					   .action = ACTION_QUARANTINE };
	struct control_reply reply = {};

	(void)unused;
	one_session();
	fake.verdict_error = -EOPNOTSUPP;
	lockouts_operator(lockouts, &request, "root", 0, &reply);
	assert_int_equal(reply.result, OUTCOME_FAILED);
	assert_int_equal(step_now(), 0);
	/* A rule gets more than it asked for, not less. */
	assert_int_equal(decide(session_one, ACTION_QUARANTINE, 600).result, OUTCOME_APPLIED);
	assert_int_equal(step_now(), ACTION_FREEZE);
	assert_int_equal(operate(CONTROL_THAW, session_one, false).error, -EOPNOTSUPP);
	assert_int_equal(step_now(), ACTION_FREEZE);
	assert_int_equal(operate(CONTROL_HOLD, session_one, false).error, 0);
}

static void restart_after_a_reboot(void **unused)
{
	struct control_lockout lockout;

	(void)unused;
	(void)decide(address("192.0.2.1"), ACTION_LOCK, 600);
	(void)decide(address("192.0.2.2"), ACTION_LOCK, 100);
	fake.session[0] = (struct bl_session){ .auid = 1000, .audit_session = 7 };
	(void)lockouts_tick(lockouts, fake.boot);
	lockouts = lockouts_free(lockouts);
	fake.items = 0;
	fake.boot = 20 * SEC;
	fake.wall += 200 * SEC;
	boot_id[0] = 2;
	start(false);
	assert_int_equal(fake.items, 1);
	assert_true(fake.item[0].lock.expires_boot_ns == 420 * SEC);
	assert_int_equal(lockouts_each(lockouts, one_lockout, &lockout), 7);
	assert_string_equal(lockout.rule, "ssh-failures");
	assert_true(lockout.until_wall_ns == fake.wall + 400 * SEC);
}

static void clock_set_back_does_not_prolong(void **unused)
{
	(void)unused;
	(void)decide(address("192.0.2.1"), ACTION_LOCK, 600);
	/* 250 s of it are served, in three boots whose wall clock begins at 1970. */
	for (uint8_t boot = 2; boot < 5; boot++) {
		fake.boot += 83 * SEC;
		lockouts = lockouts_free(lockouts);
		fake.items = 0;
		fake.boot = 10 * SEC;
		fake.wall = 10 * SEC;
		boot_id[0] = boot;
		start(false);
		assert_int_equal(fake.items, 1);
	}
	assert_true(fake.item[0].lock.expires_boot_ns <= (10 + 600 - 3 * 83) * SEC);
	assert_true(fake.item[0].lock.expires_boot_ns >= (10 + 600 - 3 * 84) * SEC);
}

/* Whoever sets the clock ahead, and reboots, ends no lockout; nor does it last longer. */
static void clock_set_ahead_does_not_shorten(void **unused)
{
	(void)unused;
	(void)decide(address("192.0.2.1"), ACTION_LOCK, 600);
	for (uint8_t round = 0; round < 2; round++) {
		/* Once while bailiffd runs, once while it does not. */
		fake.wall += 365ULL * 86400 * SEC;
		if (round)
			restart();
		(void)lockouts_tick(lockouts, fake.boot);
		lockouts = lockouts_free(lockouts);
		fake.items = 0;
		fake.boot = 10 * SEC;
		fake.wall += 100 * SEC;
		boot_id[0] = (uint8_t)(2 + round);
		start(false);
		assert_int_equal(fake.items, 1);
		assert_true(fake.item[0].lock.expires_boot_ns == (510ULL - 100ULL * round) * SEC);
	}
}

static void found_in_the_kernel_only(void **unused)
{
	struct control_lockout lockout;
	char path[128];

	(void)unused;
	(void)decide(address("192.0.2.1"), ACTION_LOCK, 600);
	lockouts = lockouts_free(lockouts);
	(void)snprintf(path, sizeof(path), "%s/%s", dir, STATE_FILE);
	assert_int_equal(unlink(path), 0);
	start(false);
	assert_int_equal(lockouts_each(lockouts, one_lockout, &lockout), 7);
	assert_non_null(strstr(lockout.reason, "not known"));
	assert_int_equal(operate(CONTROL_RELEASE, address("192.0.2.1"), false).error, 0);
}

static void file_does_not_grow_without_end(void **unused)
{
	(void)unused;
	for (int i = 0; i < 3000; i++) {
		assert_int_equal(operate(CONTROL_LOCK, address("192.0.2.1"), false).error, 0);
		assert_int_equal(operate(CONTROL_RELEASE, address("192.0.2.1"), false).error, 0);
		(void)lockouts_tick(lockouts, fake.boot);
	}
	assert_true(state_records(lockouts->state) < 4200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(locked_until_it_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(what_others_do_to_the_table, setup, teardown),
		cmocka_unit_test_setup_teardown(ends_and_releases_are_no_tampering, setup,
						teardown),
		cmocka_unit_test_setup_teardown(again_makes_it_longer_never_shorter, setup,
						teardown),
		cmocka_unit_test_setup_teardown(refusals, setup, teardown),
		cmocka_unit_test_setup_teardown(number_and_rate, setup, teardown),
		cmocka_unit_test_setup_teardown(storm_is_cut_together, setup, teardown),
		cmocka_unit_test_setup_teardown(observe_touches_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(operator_locks_and_releases, setup, teardown),
		cmocka_unit_test_setup_teardown(release_everything, setup, teardown),
		cmocka_unit_test_setup_teardown(release_that_fails_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(becomes_exempt, setup, teardown),
		cmocka_unit_test_setup_teardown(restart_in_the_same_boot, setup, teardown),
		cmocka_unit_test_setup_teardown(user_means_his_sessions, setup, teardown),
		cmocka_unit_test_setup_teardown(joined_ones_and_who_is_spared, setup, teardown),
		cmocka_unit_test_setup_teardown(user_who_is_spared, setup, teardown),
		cmocka_unit_test_setup_teardown(user_is_only_observed, setup, teardown),
		cmocka_unit_test_setup_teardown(session_is_contained_first, setup, teardown),
		cmocka_unit_test_setup_teardown(user_is_locked_out, setup, teardown),
		cmocka_unit_test_setup_teardown(user_who_is_not_locked_out, setup, teardown),
		cmocka_unit_test_setup_teardown(user_and_his_frozen_session, setup, teardown),
		cmocka_unit_test_setup_teardown(ladder_climbs_by_time, setup, teardown),
		cmocka_unit_test_setup_teardown(copies_are_not_waited_for, setup, teardown),
		cmocka_unit_test_setup_teardown(ladder_after_a_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(ladder_held_and_thawed, setup, teardown),
		cmocka_unit_test_setup_teardown(ladder_without_verdicts, setup, teardown),
		cmocka_unit_test_setup_teardown(restart_after_a_reboot, setup, teardown),
		cmocka_unit_test_setup_teardown(clock_set_back_does_not_prolong, setup, teardown),
		cmocka_unit_test_setup_teardown(clock_set_ahead_does_not_shorten, setup, teardown),
		cmocka_unit_test_setup_teardown(found_in_the_kernel_only, setup, teardown),
		cmocka_unit_test_setup_teardown(file_does_not_grow_without_end, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
