/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Time zones as log lines write them. An abbreviation is a fixed offset: that is what it says, and
 * rules of summer time need files that a sandboxed process cannot open. Where one abbreviation is
 * used in several places it has the meaning that fail2ban gives it.
 */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "analyst/evidence/date.h"
#include "base/cleanup.h"

static const struct {
	int16_t minutes; /* east of UTC */
	const char *names; /* each with a blank behind it */
} zones[] = {
	{ 0, "Z UTC GMT WET EGST " },
	{ 60, "A CET WEST WAT " },
	{ 120, "B CEST CAT EET SAST WAST " },
	{ 180, "C EEST EAT MSK IDT " },
	{ 210, "IRST " },
	{ 240, "D MSD AMT AZT GET GST MUT SAMT " },
	{ 270, "AFT IRDT " },
	{ 300, "E PKT AMST AZST MVT TJT TMT UZT YEKT " },
	{ 345, "NPT " },
	{ 360, "F ALMT BTT KGT NOVT OMST YEKST " },
	{ 390, "MMT CCT " },
	{ 420, "G ICT WIB KRAT NOVST OMSST HOVT " },
	{ 480, "H HKT SGT PHT MYT AWST ULAT WITA IRKT KRAST " },
	{ 540, "I JST KST WIT AWDT IRKST YAKT " },
	{ 570, "ACST " },
	{ 600, "K AEST PGT VLAT YAKST " },
	{ 630, "ACDT LHST " },
	{ 660, "L AEDT NCT MAGT VLAST " },
	{ 690, "NFT " },
	{ 720, "M NZST FJT MHT PETT TVT " },
	{ 780, "NZDT FJST " },
	{ -60, "N AZOT CVT EGT " },
	{ -120, "O FNT PMDT UYST WGST BRST " },
	{ -150, "NDT " },
	{ -180, "P ADT ART BRT CLST GFT PYST SRT UYT WGT " },
	{ -210, "NST " },
	{ -240, "Q AST EDT CLT BOT GYT PYT " },
	{ -300, "R EST CDT COT ECT PET " },
	{ -360, "S CST MDT GALT " },
	{ -420, "T MST PDT " },
	{ -480, "U PST AKDT " },
	{ -540, "V AKST HADT GAMT " },
	{ -570, "MART " },
	{ -600, "W HST HAST CKT TAHT " },
	{ -660, "X SST NUT " },
	{ -720, "Y " },
};

static bool zone_word(const char *text, size_t len, int32_t *ret_s)
{
	for (size_t i = 0; i < ARRAY_SIZE(zones); i++) {
		for (const char *name = zones[i].names; *name; name += strcspn(name, " ") + 1) {
			if (strcspn(name, " ") == len && !strncasecmp(name, text, len)) {
				*ret_s = zones[i].minutes * 60;
				return true;
			}
		}
	}
	return false;
}

/* +hh, +hhmm, +hh:mm */
static bool zone_offset(const char *text, size_t len, int32_t *ret_s)
{
	unsigned int digit[4] = { 0 };
	size_t count = 0;

	for (size_t i = 1; i < len; i++) {
		if (text[i] == ':' && i == 3)
			continue;
		if (count == 4 || text[i] < '0' || text[i] > '9')
			return false;
		digit[count++] = (unsigned int)(text[i] - '0');
	}
	if ((count != 2 && count != 4) || digit[0] > 1)
		return false;
	*ret_s = (int32_t)((digit[0] * 10 + digit[1]) * 3600 + (digit[2] * 10 + digit[3]) * 60) *
		 (*text == '-' ? -1 : 1);
	return true;
}

int date_zone_parse(const char *text, size_t len, int32_t *ret_zone_s)
{
	int32_t word = 0, offset = 0;
	size_t letters = 0;

	while (letters < len && (unsigned char)((text[letters] | 0x20) - 'a') < 26)
		letters++;
	if (!len || (letters && !zone_word(text, letters, &word)))
		return -EINVAL;
	if (letters < len && ((text[letters] != '+' && text[letters] != '-') ||
			      !zone_offset(text + letters, len - letters, &offset)))
		return -EINVAL;
	*ret_zone_s = word + offset;
	return 0;
}
