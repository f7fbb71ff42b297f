/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Expressions that stand in the jail itself. They become a filter of the jail's own name that
 * begins with the jail's filter and changes those options, as fail2ban does; %(known/failregex)s is
 * then what the included filter has.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "analyst/import/import.h"

#define OWN_MAX (128 * 1024)

static const char *const own_options[] = {
	"prefregex", "failregex", "ignoreregex", "datepattern", "maxlines",
};

/*
 * What a jail knows of these before its first file is what its filter says, which is not read yet:
 * it stays as it is written, and is filled in where it will stand.
 */
int import_own_prepare(struct import *import)
{
	for (unsigned int i = 0; i < import->config.options; i++) {
		const struct config_option *option = &import->config.option[i];
		struct config_value *last = option->value;
		bool own = false;

		for (size_t j = 0; j < ARRAY_SIZE(own_options); j++)
			own = own || !strcmp(option->name, own_options[j]);
		if (!own)
			continue;
		while (last->known)
			last = last->known;
		last->known = calloc(1, sizeof(*last));
		if (!last->known ||
		    asprintf(&last->known->text, "%%%%(known/%s)s", option->name) < 0) {
			last->known = config_value_free(last->known);
			return -ENOMEM;
		}
	}
	return 0;
}

/* A % of an expression is doubled, one of %(known/NAME)s is not. */
static void put_escaped(struct buf *out, const char *text, const char *name)
{
	char known[CONFIG_NAME_MAX + 16];
	size_t len = (size_t)snprintf(known, sizeof(known), "%%(known/%s)s", name);

	while (*text) {
		if (!strncmp(text, known, len)) {
			buf_puts(out, known);
			text += len;
			continue;
		}
		if (*text == '%')
			buf_putc(out, '%');
		buf_putc(out, *text);
		if (*text++ == '\n')
			buf_puts(out, "    ");
	}
}

/* false: the jail has none. */
static bool options_put(struct import *import, struct import_jail *jail, struct buf *out)
{
	struct import_value value;
	bool any = false;

	for (size_t i = 0; i < ARRAY_SIZE(own_options); i++) {
		if (!import_ask(import, jail, own_options[i], NOTE_REFUSED, &value))
			continue;
		if (value.text[0]) {
			buf_printf(out, "# %s:%u\n%s = ",
				   value.place.file ? value.place.file : "jail.conf",
				   value.place.line, own_options[i]);
			put_escaped(out, value.text, own_options[i]);
			buf_putc(out, '\n');
			any = true;
		}
		import_value_done(&value);
	}
	return any;
}

int import_own(struct import *import, struct import_jail *jail, struct filter_spec *spec)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(OWN_MAX);
	char text[IPC_FILTER_MAX], name[IPC_PATH_MAX], error[EVIDENCE_ERROR_MAX] = "";
	struct filter_spec own = *spec;
	uint16_t index;
	int r;

	buf_puts(&out, "# Made by: bailiffctl import fail2ban\n");
	if (spec->name[0])
		buf_printf(&out, "[INCLUDES]\nbefore = %s.conf\n", spec->name);
	buf_puts(&out, "[Definition]\n");
	if (!options_put(import, jail, &out) || jail->refused)
		return 0;
	if (jail->shipped && !strcmp(spec->name, "sshd")) {
		import_note(&jail->notes, NOTE_LOST, &jail->place,
			    "the jail's own expressions are not needed: the kernel tells of every "
			    "connection that ends without a login");
		return 0;
	}
	text_copy(own.name, sizeof(own.name), jail->own);
	if (out.cut || !import_spec_text(&own, text)) {
		import_note(&jail->notes, NOTE_REFUSED, &jail->place,
			    "the jail's own expressions, or its filter's parameters, are too long");
		jail->refused = true;
		return 0;
	}
	(void)snprintf(name, sizeof(name), "%s.conf", jail->own);
	r = filter_set_add_file(import->set, name, out.data, out.len);
	if (r < 0)
		return r;
	if (filter_set_load(import->set, text, &index, error) < 0) {
		import_note(&jail->notes, NOTE_REFUSED, &jail->place,
			    "bailiff refuses the jail's own expressions: %s", error);
		jail->refused = true;
		return 0;
	}
	(void)snprintf(name, sizeof(name), "filter.d/%s.conf", jail->own);
	r = import_output_add(import, name, out.data, out.len);
	if (r < 0)
		return r;
	import_note(&jail->notes, NOTE_INFO, &jail->place,
		    "its own expressions become the filter %s", jail->own);
	jail->shipped = false;
	*spec = own;
	return 0;
}
