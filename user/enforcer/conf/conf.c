/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bailiff.conf as a whole: which files are read in which order, and what only shows once all are.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "enforcer/conf/keys.h"

#define DROPINS_MAX 256

static void service_done(struct conf_service *service)
{
	for (int role = 0; role < BL_ROLE_MAX; role++)
		while (service->files[role])
			free(service->file[role][--service->files[role]]);
	free(service->where);
}

static void source_done(struct conf_source *source)
{
	free(source->path);
	free(source->syslog);
	free(source->match);
	free(source->accept);
	free(source->accept_where);
	free(source->where);
}

struct conf *conf_free(struct conf *conf)
{
	if (!conf)
		return NULL;
	for (size_t i = 0; i < conf->services; i++)
		service_done(&conf->service[i]);
	for (size_t i = 0; i < conf->sources; i++)
		source_done(&conf->source[i]);
	while (conf->exempt_users)
		free(conf->exempt_user[--conf->exempt_users]);
	free(conf->state_dir);
	free(conf->run_dir);
	free(conf->analyst_user);
	free(conf->recorder_user);
	free(conf->journal_user);
	free(conf->where);
	free(conf);
	return NULL;
}

int conf_new(struct conf **ret)
{
	_cleanup_(conf_freep) struct conf *conf = calloc(1, sizeof(*conf));
	struct conf_reading reading = { .file = "built-in defaults", .builtin = true };
	char error[INI_ERROR_MAX] = "";
	int r;

	if (!conf)
		return -ENOMEM;
	reading.conf = conf;
	r = ini_parse(reading.file, conf_builtin, strlen(conf_builtin), conf_take_entry, &reading,
		      error);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(conf);
	return 0;
}

int conf_add_text(struct conf *conf, const char *name, const char *text, size_t len,
		  char error[INI_ERROR_MAX])
{
	struct conf_reading reading = { .conf = conf, .file = name };

	return ini_parse(name, text, len, conf_take_entry, &reading, error);
}

static void drop_disabled(struct conf *conf)
{
	size_t kept = 0;

	for (size_t i = 0; i < conf->services; i++) {
		if (conf->service[i].disabled) {
			service_done(&conf->service[i]);
			continue;
		}
		if (kept != i)
			conf->service[kept] = conf->service[i];
		conf->service[kept].id = (uint16_t)(kept + 1);
		kept++;
	}
	conf->services = kept;

	kept = 0;
	for (size_t i = 0; i < conf->sources; i++) {
		if (conf->source[i].disabled) {
			source_done(&conf->source[i]);
			continue;
		}
		if (kept != i)
			conf->source[kept] = conf->source[i];
		kept++;
	}
	conf->sources = kept;
}

static const struct conf_service *service_named(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->services; i++)
		if (!strcmp(conf->service[i].name, name))
			return &conf->service[i];
	return NULL;
}

/* One of its filters has that name: NAME or NAME[...]. */
static bool source_filters(const struct conf_source *source, const char *name)
{
	size_t len = strlen(name);

	for (uint32_t i = 0; i < source->filters; i++)
		if (!strncmp(source->filter[i], name, len) &&
		    (!source->filter[i][len] || source->filter[i][len] == '['))
			return true;
	return false;
}

static int account_find(const char *name, uid_t *ret)
{
	const struct passwd *user = getpwnam(name);

	if (!user)
		return -ENOENT;
	*ret = user->pw_uid;
	return 0;
}

static uint32_t program_files(const struct conf_service *service)
{
	uint32_t files = 0;

	for (int role = 0; role < BL_ROLE_MAX; role++)
		files += service->files[role];
	return files;
}

/* Virtual hosts and the like: whose a connection is, its log alone tells. */
static bool may_share(const struct conf_service *a, const struct conf_service *b)
{
	return !program_files(a) && !program_files(b) && a->proxied == b->proxied;
}

static int finish_services(struct conf *conf, char error[INI_ERROR_MAX])
{
	for (size_t i = 0; i < conf->services; i++) {
		struct conf_service *a = &conf->service[i];

		if (!program_files(a) && !a->ports[0] && !a->writer[0])
			return conf_wrong(error,
					  "%s: [service %s] has neither a program file nor a port",
					  a->where, a->name);
		if (a->writer[0] && account_find(a->writer, &a->writer_uid) < 0)
			return conf_wrong(error, "%s: there is no account '%s'", a->where,
					  a->writer);
		/* Connections to it are told of as one service's, where that matters. */
		for (size_t j = 0; j < i; j++)
			for (size_t p = 0; p < CONF_PORTS_MAX && a->ports[p]; p++)
				for (size_t q = 0; q < CONF_PORTS_MAX; q++)
					if (a->ports[p] == conf->service[j].ports[q] &&
					    !may_share(a, &conf->service[j]))
						return conf_wrong(error,
								  "%s: port %u belongs to [service "
								  "%s] already",
								  a->where, a->ports[p],
								  conf->service[j].name);
	}
	return 0;
}

/* An application that only writes a log needs no section of its own. */
static int finish_service(struct conf *conf, struct conf_source *source, char error[INI_ERROR_MAX])
{
	const struct conf_service *known = service_named(conf, source->service);
	struct conf_service *added;

	source->service_id = known ? known->id : 0;
	if (known || !source->service[0])
		return 0;
	if (conf->services == CONF_SERVICES_MAX)
		return conf_wrong(error, "%s: more than %d services", source->where,
				  CONF_SERVICES_MAX);
	added = &conf->service[conf->services];
	*added = (struct conf_service){
		.id = (uint16_t)(conf->services + 1),
		.max_tries = 1,
		.where = strdup(source->where),
	};
	if (!added->where)
		return -ENOMEM;
	text_copy(added->name, sizeof(added->name), source->service);
	source->service_id = added->id;
	conf->services++;
	return 0;
}

static int finish_sources(struct conf *conf, char error[INI_ERROR_MAX])
{
	for (size_t i = 0; i < conf->sources; i++) {
		struct conf_source *source = &conf->source[i];
		int r;

		if (source->journal + source->audit + !!source->path + !!source->syslog != 1)
			return conf_wrong(
				error,
				"%s: [source %s] needs one of file = PATH, journal = yes, "
				"syslog = PATH and audit = yes",
				source->where, source->name);
		if (source->audit && source->filters)
			return conf_wrong(error, "%s: audit records are understood without filters",
					  source->where);
		if (!source->audit && !source->filters)
			return conf_wrong(
				error,
				"%s: [source %s] has no filters, so nothing would be read from it",
				source->where, source->name);
		if (!source->path && source->service[0])
			return conf_wrong(error,
					  "%s: service is for files; the journal, a socket and "
					  "audit tell by themselves who wrote",
					  source->where);
		if (!source->path && !source->syslog && source->owner[0])
			return conf_wrong(error, "%s: owner is for files and syslog sockets",
					  source->where);
		if (!source->journal && source->match)
			return conf_wrong(error, "%s: match is for the journal", source->where);
		/* What has no program or port of its own to watch needs no section. */
		if (source->service[0] && !service_named(conf, source->service) &&
		    !source_filters(source, source->service))
			return conf_wrong(error,
					  "%s: '%s' is neither a [service NAME] nor one of the "
					  "source's filters",
					  source->where, source->service);
		r = finish_service(conf, source, error);
		if (r < 0)
			return r;
		if (source->relayed && source->service[0])
			return conf_wrong(error,
					  "%s: [source %s] is relayed: no service of this host "
					  "vouches for another host's lines",
					  source->where, source->name);
		r = conf_accept(conf, source, error);
		if (r < 0)
			return r;
		source->owner_uid = 0;
		if (source->owner[0] && account_find(source->owner, &source->owner_uid) < 0)
			return conf_wrong(error, "%s: there is no account '%s'", source->where,
					  source->owner);
	}
	return 0;
}

/* An account that does not exist here is no error: one configuration serves many hosts. */
static void finish_exempt_users(struct conf *conf)
{
	for (size_t i = 0; i < conf->exempt_users; i++) {
		const char *name = conf->exempt_user[i];
		const struct passwd *user = getpwnam(name);

		if (user)
			conf->exempt_uid[i] = user->pw_uid;
		else if (strlen(name) <= 9 && strspn(name, "0123456789") == strlen(name))
			conf->exempt_uid[i] = (uid_t)strtoul(name, NULL, 10);
	}
}

int conf_finish(struct conf *conf, char error[INI_ERROR_MAX])
{
	int r;

	drop_disabled(conf);
	r = finish_services(conf, error);
	if (r < 0)
		return r;
	r = finish_sources(conf, error);
	if (r < 0)
		return r;
	if (conf->operator_lockout_s > conf->longest_lockout_s)
		return conf_wrong(error, "%s: operator_lockout is longer than longest_lockout",
				  conf->where);
	if (!strcmp(conf->analyst_user, conf->recorder_user) ||
	    !strcmp(conf->analyst_user, conf->journal_user) ||
	    !strcmp(conf->recorder_user, conf->journal_user))
		return conf_wrong(error,
				  "%s: analyst_user, recorder_user and journal_user must be three "
				  "different accounts",
				  conf->where);
	finish_exempt_users(conf);
	return 0;
}

bool conf_reloadable(const struct conf *a, const struct conf *b, char error[INI_ERROR_MAX])
{
	const char *key = NULL;

	if (a->mode != b->mode)
		key = "mode";
	else if (strcmp(a->state_dir, b->state_dir))
		key = "state_dir";
	else if (strcmp(a->run_dir, b->run_dir))
		key = "run_dir";
	else if (strcmp(a->analyst_user, b->analyst_user))
		key = "analyst_user";
	else if (strcmp(a->recorder_user, b->recorder_user))
		key = "recorder_user";
	else if (a->guard != b->guard)
		key = "guard";
	else if (a->fallback_uid != b->fallback_uid)
		key = "fallback_uid";
	else if (a->signals != b->signals)
		key = "signals";
	if (key)
		(void)conf_wrong(error,
				 "a new %s needs a restart (systemctl restart bailiffd); lockouts "
				 "stay in force meanwhile",
				 key);
	return !key;
}

static int read_file(struct conf *conf, const char *path, char error[INI_ERROR_MAX])
{
	struct conf_reading reading = { .conf = conf, .file = path };
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		int r = -errno;

		(void)conf_wrong(error, "%s: %s", path, strerror(-r));
		return r;
	}
	if (!S_ISREG(st.st_mode))
		return conf_wrong(error, "%s: is not a regular file", path);
	return ini_parse_fd(path, fd, conf_take_entry, &reading, error);
}

static int is_dropin(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && len > 5 && !strcmp(entry->d_name + len - 5, ".conf");
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int read_dropins(struct conf *conf, const char *path, char error[INI_ERROR_MAX])
{
	_cleanup_free_ char *dir = NULL;
	struct dirent **entry = NULL;
	int count, r = 0;

	if (asprintf(&dir, "%s.d", path) < 0)
		return -ENOMEM;
	count = scandir(dir, &entry, is_dropin, by_name);
	if (count < 0) {
		r = -errno;
		if (r == -ENOENT)
			return 0;
		(void)conf_wrong(error, "%s: %s", dir, strerror(-r));
		return r;
	}
	if (count > DROPINS_MAX)
		r = conf_wrong(error, "%s: more than %d files", dir, DROPINS_MAX);
	for (int i = 0; i < count; i++) {
		_cleanup_free_ char *file = NULL;

		if (!r && asprintf(&file, "%s/%s", dir, entry[i]->d_name) < 0)
			r = -ENOMEM;
		else if (!r)
			r = read_file(conf, file, error);
		free(entry[i]);
	}
	free(entry);
	return r;
}

int conf_load(const char *path, bool must_exist, struct conf **ret, char error[INI_ERROR_MAX])
{
	_cleanup_(conf_freep) struct conf *conf = NULL;
	int r;

	(void)conf_wrong(error, "%s: out of memory", path);
	r = conf_new(&conf);
	if (r < 0)
		return r;
	r = read_file(conf, path, error);
	if (r < 0 && (r != -ENOENT || must_exist))
		return r;
	r = read_dropins(conf, path, error);
	if (r < 0)
		return r;
	r = conf_finish(conf, error);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(conf);
	return 0;
}
