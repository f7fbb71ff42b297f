/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Log bytes through the reader and the shipped filters. The first byte chooses how they are cut
 * into reads: that changes nothing. Run from the tree's root.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "analyst/evidence/evidence.h"
#include "analyst/filter_test.h"
#include "base/table.h"
#include "base/utf8.h"

#define FILTERS 5

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Two sets, because joined lines are state: each reads the same records in the same order. */
static struct filter_set *sets[2];
static uint16_t filters[FILTERS];

struct pass {
	struct filter_set *set;
	int before; /* what every byte of a claim is before it is filled: it must not come out */
	uint64_t sum; /* of all that came out */
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char *const specs[FILTERS] = { "sshd", "sshd[mode=aggressive,publickey=any]",
						    "pam", "sudo", "su" };
	char error[EVIDENCE_ERROR_MAX];

	(void)argc;
	(void)argv;
	for (int i = 0; i < 2; i++) {
		if (filter_set_new(&sets[i]) || filter_folder_add(sets[i], "user/analyst/filters"))
			abort();
		for (int f = 0; f < FILTERS; f++) {
			if (filter_set_load(sets[i], specs[f], &filters[f], error)) {
				(void)fprintf(stderr, "%s\n", error);
				abort();
			}
		}
	}
	return 0;
}

static void check_claim(const struct claim *claim, enum filter_outcome outcome)
{
	const int family = claim->addr.family;

	if ((family != 0 && family != AF_INET && family != AF_INET6) || !claim->count ||
	    claim->count > 1000 || !memchr(claim->user, '\0', sizeof(claim->user)) ||
	    !memchr(claim->line, '\0', sizeof(claim->line)) || claim->pid_trusted)
		abort();
	if ((int)claim->result != (outcome == FILTER_FAILURE   ? CLAIM_FAILURE
				   : outcome == FILTER_SUCCESS ? CLAIM_SUCCESS
							       : CLAIM_NOFAIL))
		abort();
}

static int on_record(const struct log_record *record, void *arg)
{
	static const uint64_t seed[2] = { 1, 2 };
	struct pass *pass = arg;
	struct claim claim;

	if (!record->len || record->len > EVIDENCE_LINE_MAX ||
	    !utf8_valid(record->text, record->len) || memchr(record->text, '\0', record->len) ||
	    memchr(record->text, '\n', record->len))
		abort();
	pass->sum = pass->sum * 31 + table_hash(seed, record->text, record->len);
	for (int f = 0; f < FILTERS; f++) {
		enum filter_outcome outcome;

		memset(&claim, pass->before, sizeof(claim));
		outcome = filter_match(pass->set, filters[f], record, &claim);
		pass->sum = pass->sum * 31 + outcome;
		if (outcome == FILTER_NOMATCH || outcome == FILTER_IGNORED)
			continue;
		check_claim(&claim, outcome);
		pass->sum =
			pass->sum * 31 +
			table_hash(seed, &claim, offsetof(struct claim, line) + strlen(claim.line));
	}
	return 0;
}

static uint64_t run(int set, const uint8_t *data, size_t size, size_t piece)
{
	struct pass pass = { .set = sets[set], .before = set ? 0x55 : 0xaa };
	struct log_reader *reader;

	if (log_reader_new(&reader, 1, LOG_LINES))
		abort();
	while (size) {
		size_t len = size < piece ? size : piece;

		if (log_reader_feed(reader, data, len, 1, on_record, &pass))
			abort();
		data += len;
		size -= len;
	}
	log_reader_free(reader);
	return pass.sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	if (run(0, data + 1, size - 1, SIZE_MAX) != run(1, data + 1, size - 1, 1U + data[0]))
		abort();
	return 0;
}
