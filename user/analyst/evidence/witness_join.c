/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Several lines tell of the same try ("invalid user", PAM's failure, "failed password"), but two
 * lines of one form from one source do not: the tries of a connection are the largest count of any
 * one form.
 */
#include <string.h>

#include "analyst/evidence/witness.h"
#include "base/buf.h"
#include "base/clock.h"

#define JOIN_NS (600ULL * NSEC_PER_SEC) /* a pid in old text may be another process by then */

struct follow *follow_get(struct witness *w, const struct follow_key *key, uint64_t now_ns)
{
	struct follow *follow;
	void *value;

	(void)table_put(w->follows, key, &value);
	follow = value;
	if (!key->connection && follow->touched_ns && now_ns - follow->touched_ns > JOIN_NS &&
	    now_ns > follow->touched_ns)
		memset(follow, 0, sizeof(*follow));
	follow->touched_ns = now_ns;
	return follow;
}

void follow_add(struct follow *follow, const struct claim *claim)
{
	struct form *form = NULL;
	uint32_t i;

	for (i = 0; i < follow->forms; i++) {
		form = &follow->form[i];
		if (form->source == claim->source && form->filter == claim->filter &&
		    form->form == claim->form)
			break;
	}
	if (i == follow->forms && i < WITNESS_FORMS_MAX) {
		form = &follow->form[follow->forms++];
		*form = (struct form){
			.source = claim->source,
			.filter = claim->filter,
			.form = claim->form,
		};
	}
	if (form && form->count < UINT32_MAX - claim->count)
		form->count += claim->count;
}

static uint32_t follow_told(const struct follow *follow)
{
	uint32_t most = 0;

	for (uint32_t i = 0; i < follow->forms; i++)
		if (follow->form[i].count > most)
			most = follow->form[i].count;
	return most;
}

enum attempt_note follow_tellers(const struct follow *follow)
{
	enum attempt_note note = ATTEMPT_FAILED_SILENTLY;

	for (uint32_t i = 0; i < follow->forms; i++) {
		if (follow->form[i].filter != CLAIM_FILTER_PAM)
			return ATTEMPT_FAILED_TOLD;
		note = ATTEMPT_FAILED_BY_PAM;
	}
	return note;
}

static uint32_t clamp(uint32_t value, uint32_t least, uint32_t most)
{
	return value < least ? least : value > most ? most : value;
}

uint32_t follow_count(struct follow *follow, uint32_t least, uint32_t most)
{
	uint32_t total = clamp(follow_told(follow), least, most ? most : 1);
	uint32_t new = total > follow->counted ? total - follow->counted : 0;

	follow->counted += new;
	return new;
}
