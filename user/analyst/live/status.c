/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How log sources do: looked at once a second, told once per change.
 *
 * Figures go to bailiffd for bailiffctl status; a change of state goes to the records and to the
 * log as well. Both are bounded per second, whoever makes sources change.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "analyst/live/live.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/table.h"

/* Much more than a clock is slewed between two ticks (500 ppm: adjtimex(2)). */
#define CLOCK_STEP_NS ((int64_t)NSEC_PER_SEC)
#define CLOCK_LOOKS 4

static void stats_add(struct log_reader_stats *to, const struct log_reader *reader)
{
	struct log_reader_stats stats;

	if (!reader)
		return;
	log_reader_stats(reader, &stats);
	to->records += stats.records;
	to->bytes += stats.bytes;
	to->cut += stats.cut;
	to->replaced += stats.replaced;
	to->malformed += stats.malformed;
}

/* Bytes of a file that have not been read; of a stream that it is never empty, or 0. */
static uint64_t waiting_in(const struct live_source *source, const struct tap *tap)
{
	struct stat st;

	if (source->kind != IPC_SOURCE_FILE)
		return source->full ? WATCH_BEHIND_BYTES + 1 : 0;
	if (!tap->reader || tap->follower.fd < 0 || fstat(tap->follower.fd, &st) < 0 ||
	    st.st_size < 0 || (uint64_t)st.st_size < tap->follower.offset)
		return 0;
	return (uint64_t)st.st_size - tap->follower.offset;
}

void live_source_keep(struct live_source *source, const struct tap *tap)
{
	stats_add(&source->past, tap->reader);
	/* Rotated again before all of it was read. */
	source->skipped += waiting_in(source, tap);
}

void live_source_gaps(struct live_source *source, uint32_t gaps)
{
	if (!gaps)
		return;
	source->gaps += gaps;
	live_tell_source(source->live, source,
			 "lines may be missing: what was in it was gone before it was read");
}

static enum ipc_source_state state_of(const struct live_source *source, uint64_t records,
				      char text[IPC_TEXT_MAX])
{
	char usual[CLOCK_TEXT_MAX], quiet[CLOCK_TEXT_MAX];
	uint64_t now_ns = clock_boot_ns();

	text[0] = '\0';
	if (source->given && source->given != SOURCE_OK) {
		text_copy(text, IPC_TEXT_MAX, source->given_text);
		return (enum ipc_source_state)source->given;
	}
	if (source->failing) {
		text_copy(text, IPC_TEXT_MAX, "reading fails");
		return SOURCE_REFUSED;
	}
	if (source->tap.follower.fd < 0) {
		text_copy(text, IPC_TEXT_MAX, "its reader has ended; it is started again");
		return SOURCE_VANISHED;
	}
	if (source->watch.behind) {
		text_copy(text, IPC_TEXT_MAX,
			  "it grows faster than it is read; nothing of it is left out");
		return SOURCE_BEHIND;
	}
	if (source->watch.silent) {
		duration_format(source_watch_usual(&source->watch) / NSEC_PER_SEC, usual);
		duration_format((now_ns - source->watch.last_ns) / NSEC_PER_SEC, quiet);
		(void)snprintf(text, IPC_TEXT_MAX,
			       "no record for %s; its longest pause of late was %s", quiet, usual);
		return SOURCE_SILENT;
	}
	return records ? SOURCE_OK : SOURCE_WAITING;
}

/* Told are troubles and their ends, not that a source is still to say its first word. */
static void tell_state(struct live *live, struct live_source *source, enum ipc_source_state state,
		       const char *text, uint64_t now_ns)
{
	static const char *const word[] = {
		[SOURCE_SILENT] = "is silent",
		[SOURCE_BEHIND] = "floods",
		[SOURCE_VANISHED] = "has vanished",
		[SOURCE_REFUSED] = "is not read",
	};
	bool trouble = state != SOURCE_OK && state != SOURCE_WAITING;
	bool before = source->told && source->told != SOURCE_OK && source->told != SOURCE_WAITING;

	_Static_assert(ARRAY_SIZE(word) == SOURCE_STATE_MAX, "a word for every trouble");
	if (state == source->told)
		return;
	if (!trouble && !before) {
		source->told = state;
		return;
	}
	if (source->told_ns && now_ns - source->told_ns < LIVE_TELL_NS)
		return;
	source->told = state;
	source->told_ns = now_ns;
	if (trouble)
		live_tell_source(live, source, "%s: %s", word[state], text);
	else
		live_tell_source(live, source, "is read again, to its end");
}

static void send_status(struct live *live, struct live_source *source,
			struct ipc_source_status *status)
{
	static const uint64_t seed[2] = { 1, 2 };
	uint64_t sum = table_hash(seed, status, sizeof(*status));

	if (sum == source->sent)
		return;
	/* What does not fit now is told by the next one. */
	if (channel_send(live->parent.channel, IPC_SOURCE_STATUS, status, sizeof(*status), -1) >= 0)
		source->sent = sum;
}

static void report_state(struct live *live, struct live_source *source, uint64_t now_ns)
{
	struct log_reader_stats sum = source->past;
	struct ipc_source_status status = { .id = source->id, .kind = source->kind };
	enum ipc_source_state state;
	bool was_behind = source->watch.behind;

	stats_add(&sum, source->old.reader);
	stats_add(&sum, source->tap.reader);
	status.behind = waiting_in(source, &source->old) + waiting_in(source, &source->tap);
	source_watch_look(&source->watch, sum.records > source->looked_records, status.behind,
			  now_ns);
	source->floods += source->watch.behind && !was_behind;
	if (source->kind != IPC_SOURCE_FILE)
		status.behind = 0; /* unknown */
	if (sum.records > source->looked_records) {
		source->last_ns = now_ns;
		/* Whatever was said against it: it speaks. */
		if (source->kind == IPC_SOURCE_AUDIT)
			source->given = SOURCE_OK;
	}
	source->looked_records = sum.records;
	state = state_of(source, sum.records, status.text);
	tell_state(live, source, state, status.text, now_ns);
	status.state = state;
	status.records = sum.records;
	status.bytes = sum.bytes;
	status.cut = sum.cut;
	status.replaced = sum.replaced;
	status.malformed = sum.malformed;
	status.dropped = source->dropped;
	status.skipped = source->skipped;
	status.gaps = source->gaps;
	status.floods = source->floods;
	status.past_years = pipeline_source_past_years(live->pipeline, source->id);
	status.rotations =
		source->rotations + source->past_truncations + source->tap.follower.truncations;
	status.last_boot_ns = source->last_ns;
	text_copy(status.path, sizeof(status.path), source->path);
	send_status(live, source, &status);
}

int live_source_state(struct live *live, const struct ipc_source_state_change *message)
{
	for (unsigned int i = 0; i < live->sources; i++) {
		struct live_source *source = &live->source[i];

		if (source->id != message->id)
			continue;
		source->given = message->state;
		text_copy(source->given_text, sizeof(source->given_text), message->text);
	}
	return 0;
}

/* A moment passes between one clock's reading and the other's, a long one where this process is
 * held up: the smallest of some differences is the truest. */
static int64_t step_since(int64_t before_ns, int64_t *ret_now_ns)
{
	int64_t step_ns = 0;

	for (int i = 0; i < CLOCK_LOOKS; i++) {
		int64_t now_ns = clock_boot_to_wall_ns();
		int64_t found_ns = now_ns - before_ns;

		if (!i || llabs(found_ns) < llabs(step_ns)) {
			step_ns = found_ns;
			*ret_now_ns = now_ns;
		}
		if (llabs(step_ns) < CLOCK_STEP_NS)
			break;
	}
	return step_ns;
}

void live_look_at_clock(struct live *live)
{
	int64_t now_ns, step_ns;

	if (!live->clock_ns)
		live->clock_ns = clock_boot_to_wall_ns();
	step_ns = step_since(live->clock_ns, &now_ns);
	if (llabs(step_ns) >= CLOCK_STEP_NS) {
		live->clock_steps++;
		live->clock_step_ns = step_ns;
		live->clock_step_boot_ns = clock_boot_ns();
		live->boot_to_wall_ns = now_ns;
		pipeline_clock_step(live->pipeline, live->clock_step_boot_ns, live->clock_ns);
		log_warning("the clock was set by %lld s; what was logged before counts as of the "
			    "time that it showed then",
			    (long long)(step_ns / (int64_t)NSEC_PER_SEC));
	}
	live->clock_ns = now_ns;
	pipeline_clock(live->pipeline, now_ns);
}

/* Those that gave a line up since bailiffd was told. */
static void report_filters(struct live *live)
{
	struct filter_limits limits;

	for (uint16_t i = 0; filter_limits(pipeline_filters(live->pipeline), i, &limits); i++) {
		struct ipc_filter_status status = { .id = i + 1U,
						    .line = limits.line,
						    .limits = limits.lines };

		if (limits.lines == live->limits_sent[i])
			continue;
		text_copy(status.filter, sizeof(status.filter), limits.spec);
		text_copy(status.file, sizeof(status.file), limits.file);
		if (channel_send(live->parent.channel, IPC_FILTER_STATUS, &status, sizeof(status),
				 -1) >= 0)
			live->limits_sent[i] = limits.lines;
	}
}

void live_sources_report(struct live *live)
{
	uint64_t now_ns = clock_boot_ns();

	report_filters(live);
	for (unsigned int i = 0; i < live->sources; i++) {
		struct live_source *source = &live->source[i];
		struct log_reader_stats stats;

		if (!source->tap.reader)
			continue;
		report_state(live, source, now_ns);
		if (source->tap.follower.truncations > source->truncations) {
			source->truncations = source->tap.follower.truncations;
			live_tell_source(live, source,
					 "was emptied; what was written since is read");
		}
		log_reader_stats(source->tap.reader, &stats);
		/* Once per reader: from then on its stream vouches for nobody anyway. */
		if (stats.malformed > source->malformed && !source->malformed_told) {
			live_tell_source(live, source,
					 "is malformed: its lines vouch for nobody "
					 "until it has a new reader");
			source->malformed_told = true;
		}
		source->malformed = stats.malformed;
		if (stats.cut > source->cut) {
			/* Once a minute at most: whoever writes such lines can write many. */
			if (live->ticks % 600 == 0 || !source->cut) {
				live_tell_source(live, source, "%llu lines were cut so far",
						 (unsigned long long)stats.cut);
				source->cut = stats.cut;
			}
		}
	}
}
