/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a log record is worth: who vouches for its writer, and when it happened that it tells of.
 */
#include "analyst/pipeline_inside.h"
#include "base/clock.h"

#define LATE_NS (60ULL * NSEC_PER_SEC) /* between writing and reading, on a busy machine */

static bool is_writer(const struct pipeline *p, uint16_t service, uint32_t uid)
{
	for (unsigned int i = 0; service && i < p->services; i++)
		if (p->service[i].id == service)
			return p->service[i].has_writer && p->service[i].writer_uid == uid;
	return false;
}

enum trust pipeline_trust(const struct pipeline *p, const struct source *source, uint16_t service,
			  const struct log_record *record)
{
	const struct log_origin *origin = &record->origin;

	/* What vouches for it is another host's, and so are its processes. */
	if (source->relayed)
		return TRUST_CLAIMED;
	if (!origin->trusted)
		return source->attested ? TRUST_ATTESTED : TRUST_CLAIMED;
	/* A program may call itself what it likes; what root says, or the service's own account, of
	 * a known program, counts. */
	if (!origin->has_uid || !origin->exe[0])
		return TRUST_CLAIMED;
	return !origin->uid || is_writer(p, service, origin->uid) ? TRUST_ATTESTED : TRUST_CLAIMED;
}

uint64_t pipeline_stamp(const struct pipeline *p, const struct log_record *record,
			uint64_t near_wall_ns, uint64_t last_wall_ns)
{
	const struct source *source = pipeline_source(p, record->source);
	uint64_t stamp_ns = 0;

	for (unsigned int i = 0; source && !stamp_ns && i < source->filters; i++)
		stamp_ns = filter_stamp(p->filters, source->filter[i].filter, record, near_wall_ns,
					last_wall_ns);
	return stamp_ns;
}

static uint64_t longest_window(const struct pipeline *p)
{
	uint64_t longest = 0;

	for (unsigned int i = 0; i < p->rules.count; i++)
		if (p->rules.rule[i].window_ns > longest)
			longest = p->rules.rule[i].window_ns;
	return longest;
}

/*
 * Boot time of a stamp; may lie before this boot. A stamp that by today's clock is older than the
 * last time that the clock was set was written by the clock before.
 */
static int64_t stamp_boot_ns(const struct pipeline *p, uint64_t said_wall_ns)
{
	int64_t at_ns = (int64_t)said_wall_ns - p->boot_to_wall_ns;

	for (unsigned int i = p->steps; i > 0 && at_ns < (int64_t)p->step[i - 1].at_ns; i--) {
		at_ns = (int64_t)said_wall_ns - p->step[i - 1].boot_to_wall_ns;
		/* Of a time that the clock jumped over. */
		if (at_ns > (int64_t)p->step[i - 1].at_ns)
			return (int64_t)p->step[i - 1].at_ns;
	}
	return at_ns;
}

/*
 * When it happened that a record tells of, in boot time; 0: too long ago to be counted, or nobody
 * knows. A line that is read as it is written happens now, whatever its stamp says: the stamp is
 * text, and clocks are set wrong. Only what is read later has nothing else to go by.
 */
uint64_t pipeline_happened_ns(const struct pipeline *p, const struct log_record *record,
			      uint64_t said_wall_ns)
{
	uint64_t now_ns = record->arrived_ns, age_ns;
	int64_t at_ns;

	if (record->age == LOG_FRESH)
		return now_ns;
	if (!said_wall_ns)
		return record->age == LOG_NEW_FILE ? now_ns : 0;
	at_ns = stamp_boot_ns(p, said_wall_ns);
	age_ns = at_ns < (int64_t)now_ns ? (uint64_t)((int64_t)now_ns - at_ns) : 0;
	if (age_ns < LATE_NS)
		return now_ns;
	/* Before this boot there is no boot time to give it. */
	return age_ns <= longest_window(p) && age_ns < now_ns ? now_ns - age_ns : 0;
}
