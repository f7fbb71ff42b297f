/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stage 3, evidence: from log text to claims, from claims and connections to attempts.
 *
 *   source bytes -> log record (reader.c, journal.c) -> claim (filter*.c) -> attempt (witness*.c)
 *
 * Log text is written by attackers. A claim is what a text says; it counts only with a witness from
 * the session stage (witness*.c), or attested where the service has no sensor.
 */
#ifndef ANALYST_EVIDENCE_H
#define ANALYST_EVIDENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bailiff/ipc.h>

#include "analyst/session/session.h"
#include "base/addr.h"
#include "base/cleanup.h"

#define EVIDENCE_LINE_MAX 8192 /* bytes of a log record that filters see; more is cut, counted */
#define EVIDENCE_ERROR_MAX 256

/* ---- log records (reader.c, journal.c) ---- */

/* What the transport vouches for; nothing of it comes from the text. */
struct log_origin {
	bool trusted; /* journal with its _-fields: the members below are facts */
	uint32_t pid; /* 0 = unknown */
	uint32_t uid;
	bool has_uid;
	char exe[128]; /* "" = unknown, which is not trusted either */
	char unit[64];
};

/* What tells when a record was written. */
enum log_age {
	LOG_FRESH, /* its arrival: it was read as it was written */
	LOG_STAMPED, /* the transport's own stamp (the journal's) */
	LOG_NEW_FILE, /* its text's stamp, else its arrival: in a file that was just found */
	LOG_BACKLOG, /* its text's stamp alone: it was there before anybody read the file */
};

struct syslog_line;
struct audit_record;
struct log_datagram;

struct log_record {
	uint32_t source; /* ipc_source.id */
	/* Ascending within the reader, and never another reader's: several filters then share the
	 * work. 0 = none */
	uint64_t number;
	uint64_t arrived_ns; /* boot time of reading */
	uint64_t said_wall_ns; /* the journal's stamp; 0: look for one in the text */
	enum log_age age;
	struct log_origin origin;
	const char *text; /* one line, no newline, valid UTF-8, no NUL; borrowed */
	size_t len;
	bool ascii; /* all of text is; false: nobody looked */
	/* Where it came by datagram: origin is then made by syslog_origin, who knows the sender's
	 * program. NULL else. Borrowed. */
	const struct syslog_line *syslog;
	const struct log_datagram *sender;
	const struct audit_record *audit; /* where it is an audit record; its type: linux/audit.h */
	uint16_t audit_type;
};

/* One datagram of a syslog socket; pid and uid are the kernel's (SCM_CREDENTIALS). */
struct log_datagram {
	const char *bytes;
	size_t len;
	bool cut; /* it was longer */
	uint32_t pid, uid;
	uint64_t near_wall_ns; /* now, for stamps without a year */
};

typedef int (*log_record_fn)(const struct log_record *record, void *arg);

/*
 * Bytes of one source to records. Lines end at \n (a \r before it goes); a rest without newline
 * waits (at most EVIDENCE_LINE_MAX bytes of it are kept, the rest of an over-long line is dropped
 * and counted); NUL and invalid UTF-8 become U+FFFD; empty lines make no record.
 * A journal stream that was malformed once vouches for nobody any more (origin.trusted is false)
 * until log_reader_restart: what looks like an entry may be text inside somebody's message.
 */
struct log_reader;
enum log_format { LOG_LINES = 1, LOG_JOURNAL_EXPORT, LOG_DATAGRAMS };

struct log_reader_stats {
	uint64_t records, bytes, cut, replaced, malformed;
};

int log_reader_new(struct log_reader **ret, uint32_t source, enum log_format format);
struct log_reader *log_reader_free(struct log_reader *reader);
DEFINE_CLEANUP(log_reader_free, struct log_reader *)
/* fn's nonzero ends and is returned. */
int log_reader_feed(struct log_reader *reader, const void *bytes, size_t len, uint64_t now_ns,
		    log_record_fn fn, void *arg);
/* The same for LOG_DATAGRAMS: a syslog message; the payload of an audit message of that type, of
 * which only those about logins make a record. */
int log_reader_datagram(struct log_reader *reader, const struct log_datagram *datagram,
			uint64_t now_ns, log_record_fn fn, void *arg);
int log_reader_audit(struct log_reader *reader, uint16_t type, const void *bytes, size_t len,
		     uint64_t now_ns, log_record_fn fn, void *arg);
/* The file has ended, perhaps without a newline: what waits for one is a line all the same. */
int log_reader_finish(struct log_reader *reader, uint64_t now_ns, log_record_fn fn, void *arg);
void log_reader_restart(
	struct log_reader *reader); /* a new file: a waiting rest is dropped, counted as cut */
/* Of the lines that end from now on; LOG_FRESH in the beginning. No matter for a journal. */
void log_reader_age(struct log_reader *reader, enum log_age age);
void log_reader_stats(const struct log_reader *reader, struct log_reader_stats *ret);

#define LOG_TAIL_MAX 64 /* bytes before the offset that are known again */

/* Follows one file by pread from an offset: end of file, truncation (the file is shorter, or what
 * stands before the offset is not what was read: begins anew), at most max bytes a call. Returns
 * bytes read, 0 at the end, -errno; where fn ended it, what fn returned (-ECANCELED for a
 * positive value), and the rest of the piece read is lost. */
struct log_follower {
	int fd;
	uint64_t offset;
	uint64_t truncations;
	/* Lines that end before this were there already: they are of the age given. After a
	 * truncation those found then are LOG_NEW_FILE. */
	uint64_t old_until;
	enum log_age old_age;
	size_t tail_len; /* 0: nothing was read so far */
	char tail[LOG_TAIL_MAX];
};
int log_follow(struct log_follower *follower, struct log_reader *reader, size_t max,
	       uint64_t now_ns, log_record_fn fn, void *arg);

/*
 * The stamp that a line begins with, for a log that no filter reads: ISO 8601, or "Nov 24 10:00:00"
 * with or without a year. 0: none. See filter_stamp, which knows all others.
 */
uint64_t log_stamp(const char *text, size_t len, uint64_t near_wall_ns);

/* ---- filters (filter*.c): fail2ban's filter format ---- */

enum claim_result {
	CLAIM_FAILURE = 1,
	CLAIM_SUCCESS, /* <F-MLFGAINED> */
	CLAIM_NOFAIL, /* informs only */
	CLAIM_RESULT_MAX,
};

#define CLAIM_FILTER_PAM UINT16_MAX /* no filter's: the kernel saw PAM refuse a try */

struct claim {
	enum claim_result result;
	struct addr addr; /* family 0: the line has none (yet) */
	uint16_t port; /* <F-PORT>, 0 = none */
	uint32_t pid; /* origin's where trusted, else the text's, 0 = none */
	bool pid_trusted;
	uint32_t count; /* 1, or N of "message repeated N times", <F-COUNT>N</F-COUNT> */
	uint32_t source;
	uint16_t filter; /* index in the set */
	uint16_t form; /* index of the failregex: lines of one form are different tries */
	uint64_t arrived_ns;
	uint64_t said_wall_ns; /* the stamp in the text, 0 = none; informs, never decides */
	bool past_year; /* it has no year, and was taken for one of an earlier year */
	bool accepted; /* the administrator lets this filter's lines count without a witness */
	bool relayed; /* about another host: this kernel is not asked */
	struct log_origin origin;
	char user[IPC_USER_MAX];
	char line[IPC_LINE_MAX]; /* up to its NUL */
};

enum filter_outcome {
	FILTER_NOMATCH = 1,
	FILTER_IGNORED, /* ignoreregex */
	FILTER_NOFAIL, /* matched, informs only; claim filled */
	FILTER_FAILURE, /* claim filled */
	FILTER_SUCCESS, /* claim filled */
};

struct filter_set; /* the files, then the compiled filters */

int filter_set_new(struct filter_set **ret);
struct filter_set *filter_set_free(struct filter_set *set);
DEFINE_CLEANUP(filter_set_free, struct filter_set *)

/* Both before the first load. seed: outsiders choose the keys of the joined lines. clock:
 * CLOCK_REALTIME - CLOCK_BOOTTIME, to put stamps without a year (0 where arrived_ns is wall
 * time). */
void filter_set_seed(struct filter_set *set, const uint64_t seed[2]);
void filter_set_clock(struct filter_set *set, int64_t boot_to_wall_ns);
/* Told of what loads but is suspicious: "FILE:LINE: option: what"; and once of a filter whose
 * matches are given up again and again. */
void filter_set_on_warning(struct filter_set *set, void (*fn)(const char *text, void *arg),
			   void *arg);

/* Adds a file below filter.d: name "sshd.conf", "sshd.d/x.conf", "common.conf". A later file of
 * the same name replaces the earlier one. Copies text. */
int filter_set_add_file(struct filter_set *set, const char *name, const char *text, size_t len);

/* Compiles NAME or NAME[param=value,…]; ret_index is what claims carry. On failure error holds
 * "FILE:LINE: option: reason"; -ENODATA: there is no failregex at all. Loading the same spec again
 * gives the same index. */
int filter_set_load(struct filter_set *set, const char *spec, uint16_t *ret_index,
		    char error[EVIDENCE_ERROR_MAX]);
const char *filter_name(const struct filter_set *set, uint16_t index);
/* Lines that its expressions were given up on; of the last one, where it stands. */
struct filter_limits {
	uint64_t lines;
	const char *spec, *file; /* borrowed */
	unsigned int line;
};
/* false: there is no such filter. */
bool filter_limits(const struct filter_set *set, uint16_t index, struct filter_limits *ret);
/* How many failregex. */
unsigned int filter_expressions(const struct filter_set *set, uint16_t index);

enum filter_kind { FILTER_FAILREGEX, FILTER_PREFREGEX, FILTER_IGNOREREGEX, FILTER_KIND_MAX };

/* One expression; text is as written, variables filled in. For filter test and check. */
struct filter_form {
	const char *file;
	unsigned int line;
	const char *text;
	bool anchored;
	bool jit;
	uint64_t matches, limit, spent_ns, tried;
};
/* The n-th of a kind, from 0; -ENOENT: there are not so many. */
int filter_expression(const struct filter_set *set, uint16_t index, enum filter_kind kind,
		      unsigned int n, struct filter_form *ret);
/* The same of a claim's failregex. */
int filter_form(const struct filter_set *set, uint16_t index, uint16_t form,
		struct filter_form *ret);
/* The rest of it; texts are borrowed, NULL = none. */
struct filter_about {
	unsigned int failregex, ignoreregex;
	bool prefregex;
	bool joins; /* lines by <F-MLFID> */
	const char *journalmatch, *datepattern;
};
int filter_about(const struct filter_set *set, uint16_t index, struct filter_about *ret);

/* What a file calls <name-<param>> or <section_<param>/x> with more than one meaning: a value of a
 * parameter, such as a mode, for each that is defined. fn's nonzero ends and is returned. */
typedef int (*filter_variant_fn)(const char *param, const char *value, void *arg);
int filter_set_variants(struct filter_set *set, const char *name, filter_variant_fn fn, void *arg,
			char error[EVIDENCE_ERROR_MAX]);
/* How many files of the set include this one by name; ret_first: one of them, borrowed. */
unsigned int filter_set_includers(struct filter_set *set, const char *file, const char **ret_first);

/* With a clock here, spent_ns and tried are kept. */
void filter_set_timer(struct filter_set *set, uint64_t (*now_ns)(void));

/* Which part of a line was taken for what. */
enum filter_part_kind {
	FILTER_PART_KEY, /* <F-MLFID>: what lines of one connection share */
	FILTER_PART_ID,
	FILTER_PART_ADDR,
	FILTER_PART_PORT,
	FILTER_PART_USER,
	FILTER_PART_COUNT,
	FILTER_PART_MARK, /* <F-NOFAIL>, <F-MLFFORGET>, <F-MLFGAINED> */
	FILTER_PART_KIND_MAX,
};

#define FILTER_PARTS_MAX 16

struct filter_trace {
	const char *text; /* as the expressions saw it; valid until the next match */
	size_t len;
	int form; /* failregex that matched, -1 = none */
	int ignore; /* ignoreregex that did */
	bool prefixed; /* prefregex did */
	size_t begin, end; /* what the failregex took; of text, as all places here */
	unsigned int parts;
	struct filter_part {
		enum filter_part_kind kind;
		size_t begin, end;
	} part[FILTER_PARTS_MAX];
};
/* Filled by each filter_match from now on; borrowed. NULL: no longer. */
void filter_set_trace(struct filter_set *set, struct filter_trace *trace);

/*
 * The wall time that a record says of itself: its own stamp, else the date in its text by the
 * filter's datepattern (without one, by the built-in layouts). Without a zone that is local time
 * (call tzset() before a sandbox closes), unless the filter is loaded as
 * NAME[logtimezone=UTC+0100]. Without a year it is in the last year that is not a day ahead of
 * near_wall_ns, without a day on the last day whose time is not ahead of it. last_wall_ns, the
 * stamp before it in the same log (0 = unknown), tells which hour it is where a clock set back
 * passes one twice. 0: it says none.
 */
uint64_t filter_stamp(struct filter_set *set, uint16_t index, const struct log_record *record,
		      uint64_t near_wall_ns, uint64_t last_wall_ns);

/* An audit record needs no filter: its members are what a filter would find. IGNORED: no try. */
enum filter_outcome audit_claim(const struct log_record *record, struct claim *ret);
/* The file that the record's program says it runs. */
const char *audit_said_exe(const struct log_record *record);
/* Whose words a datagram is: see syslog_origin (syslog.h). exe: the sender's program as the kernel
 * saw it start, "" = unknown. */
void datagram_origin(const struct log_record *record, const char *exe, uint32_t relay_uid,
		     struct log_origin *ret);

/* record->arrived_ns ages the joined lines (<F-MLFID>). The claim is filled for NOFAIL, FAILURE,
 * SUCCESS. */
enum filter_outcome filter_match(struct filter_set *set, uint16_t index,
				 const struct log_record *record, struct claim *ret);

struct filter_stats {
	uint64_t records, matches, ignored, joined_refused;
	uint64_t regex_limit; /* lines that an expression was given up on */
	uint32_t interpreted; /* expressions that run without JIT: about ten times slower */
};
void filter_stats(const struct filter_set *set, struct filter_stats *ret);

/* ---- PAM (pam.c) ---- */

/* A try that PAM refused a process of root's, as a claim whose writer is known. false: none. */
bool claim_from_auth(const struct bl_event_auth *auth, const struct session_table *sessions,
		     struct claim *ret);

/* ---- witnesses (witness*.c): claims and connections to attempts ---- */

#define WITNESS_HOLD_NS (5ULL * 1000000000) /* a claim waits this long for its connection */
#define WITNESS_CLAIMS_MAX 4096 /* held at once */
#define WITNESS_CONNECTIONS_MAX 8192 /* with claims or a fresh outcome */
#define WITNESS_PEERS_MAX 32768 /* connected to services without a sensor, lately */
/* A line may come so long after its connection closed. */
#define WITNESS_CLOSED_NS (30ULL * 1000000000)
/* A connection whose opening nobody saw is taken to be possible for so long: servers end what does
 * not log in after 1 to 5 minutes. */
#define WITNESS_OLDER_NS (600ULL * 1000000000)

#define ATTEMPT_TOLD_MAX 6

/* An earlier line about the same try, at a service without a sensor (attempt_join.h). */
struct attempt_told {
	uint32_t source;
	uint16_t filter;
	uint16_t service; /* id, 0 = none: the filter's name stands for it */
	enum trust trust;
	bool accepted;
};

/* Which witness, or which contradiction: what attempt_text makes a sentence of. */
enum attempt_note {
	ATTEMPT_UNSAID,
	ATTEMPT_SEEN, /* the kernel saw the connection that a login line is about */
	ATTEMPT_OPEN, /* it saw this connection, whose outcome is open */
	ATTEMPT_LOGGED_IN, /* it saw this connection log in */
	ATTEMPT_ENDED, /* it saw this connection end without a login */
	ATTEMPT_PROCESS, /* it saw this program (detail) in a session */
	ATTEMPT_CONTRADICTED, /* detail says by what */
	ATTEMPT_UNSENSED, /* no sensor for this service */
	ATTEMPT_CONNECTED, /* the same, but it saw the address connected to it at that time */
	ATTEMPT_UNSURE, /* the same, and it saw no connection, but knows them in part only */
	ATTEMPT_UNWITNESSED,
	ATTEMPT_PROXIED, /* the service's proxy told the address */
	ATTEMPT_PROXY, /* the address is a proxy's own */
	ATTEMPT_FAILED_SILENTLY, /* the kernel alone: a failed connection without a line so far */
	ATTEMPT_FAILED_BY_PAM, /* the same, and the kernel saw PAM refuse a try */
	ATTEMPT_FAILED_TOLD, /* the same, and lines told of it */
	ATTEMPT_SUCCEEDED, /* the kernel alone: a connection that logged in */
	ATTEMPT_NOTE_MAX,
};

/*
 * What evidence comes to. tries > 0 counts toward those rules whose least trust it reaches (forged
 * reaches none); tries = 0 only informs: a claim about a connection whose outcome is still open, a
 * line that tells of a try already counted. Pointers are borrowed for the call; where the witness
 * stage made it, only told and origin can be NULL.
 */
struct attempt {
	struct ipc_subject subject; /* address (prefix 128 or 32), or session for sudo, su */
	uint64_t at_ns; /* boot */
	enum trust trust;
	uint32_t tries; /* new tries that this tells of */
	uint32_t again; /* tries that told[] told of: new to a rule that takes none of them */
	uint32_t told_count;
	const struct attempt_told *told; /* borrowed */
	uint32_t pid;
	uint64_t connection; /* number, 0 = none */
	uint64_t session;
	uint32_t source; /* ipc_source.id of the line, 0 = the kernel alone */
	uint16_t filter; /* claim's, where there is a line */
	uint16_t service; /* id, 0 = none */
	uint16_t peer_port;
	uint16_t local_port;
	bool success; /* an authenticated connection; tries = 0 */
	bool accepted; /* CLAIMED, and counts as if it were attested: as configured */
	bool guessed; /* user is whom somebody says to be, at a service that lets people in */
	bool relayed; /* the line is another host's */
	enum attempt_note note;
	const char *service_name;
	const char *user;
	const char *line; /* the claim's line, "" for the kernel alone */
	const char *detail; /* of the note */
	const struct log_origin *origin; /* who wrote the line, NULL = there is none */
};

/* Sentences are for people: most attempts of a flood are counted and never shown. */
void attempt_text(const struct attempt *attempt, char ret_text[IPC_TEXT_MAX]);

struct witness_service {
	uint16_t id;
	uint16_t max_tries;
	uint16_t ports[8]; /* 0 = unused */
	bool sensed;
	bool forks; /* lines of one process tell of one connection */
	bool proxied; /* its peers are proxies: the log alone tells who is behind them */
	char name[IPC_NAME_MAX];
};

struct witness;
int witness_new(struct witness **ret, const uint64_t seed[2]);
struct witness *witness_free(struct witness *witness);
DEFINE_CLEANUP(witness_free, struct witness *)
int witness_add_service(struct witness *witness, const struct witness_service *service);
/*
 * A source is read that vouches for who wrote a line (the journal). From now on a line whose writer
 * is unknown adds no try to a connection, not even to one that failed, and is not told of: anybody
 * may have written it, and a true one comes from that source too. The connection itself still
 * counts.
 */
void witness_expect_writers(struct witness *witness);

typedef void (*attempt_fn)(const struct attempt *attempt, void *arg);

/*
 * What the configuration says of a claim's source changes what is asked:
 * - claim.relayed (another host's line), and a service that is proxied: no connection or process of
 *   this kernel is held against it, so it is at best attested (relayed: claimed). The connections
 *   of a proxied service count nothing, whatever becomes of them, and the peers they come from are
 *   remembered (WITNESS_PROXIES_MAX): a claim of that service, or of a filter that is no service's
 *   (pam), about one of them counts nothing.
 * - claim.accepted: where nothing better is known of it than its text, the attempt says accepted.
 *   One that the kernel contradicts stays forged.
 */
#define WITNESS_PROXIES_MAX 256

/* A claim of a filter bound to service (0: to none: pam, sudo, su; filter is then shown as its
 * service's name). trust is that of the claim's source: ATTESTED where the journal or the file's
 * owner vouches for it, else CLAIMED. */
void witness_claim(struct witness *witness, const struct session_table *sessions,
		   const struct claim *claim, uint16_t service, const char *filter,
		   enum trust trust, uint64_t now_ns, attempt_fn fn, void *arg);
/* A change that the session stage reported. */
void witness_change(struct witness *witness, const struct session_table *sessions,
		    const struct session_change *change, uint64_t now_ns, attempt_fn fn, void *arg);
/* Time passes: held claims that found no witness come out as unwitnessed. */
void witness_tick(struct witness *witness, const struct session_table *sessions, uint64_t now_ns,
		  attempt_fn fn, void *arg);

/*
 * For services without a sensor but with ports: a claim about an address counts only if that was
 * connected to one of the ports then, or up to WITNESS_CLOSED_NS before; one without is forged,
 * once it has waited WITNESS_HOLD_NS. A claim that is attested is then witnessed. Attested it stays
 * where the connection may be one that is not known (WITNESS_OLDER_NS after the first event, or
 * after events were lost), or where nobody was ever seen at the service's ports.
 */
void witness_connection(struct witness *witness, const struct session_table *sessions,
			const struct bl_event_connection *event, attempt_fn fn, void *arg);
/* One of those that were there before the sensor, and: these were all. */
void witness_was_there(struct witness *witness, const struct bl_endpoint *end, uint64_t now_ns);
void witness_all_were_told(struct witness *witness, uint64_t now_ns);

struct witness_stats {
	uint64_t claims, witnessed, attested, unwitnessed, forged, refused;
	uint64_t unvouched; /* about a connection, by an unknown writer, where writers are known */
};
void witness_stats(const struct witness *witness, struct witness_stats *ret);

#endif
