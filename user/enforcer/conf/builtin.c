/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What holds without a configuration file.
 *
 * bailiff.conf as it is installed shows the same, commented out; a unit test compares the two.
 */
#include "enforcer/conf/conf.h"

/*
 * sshd: OpenSSH before 9.8 executes /usr/sbin/sshd anew for each connection, later ones
 * sshd-session, and from 10.0 sshd-auth before authentication. Debian keeps those two in
 * /usr/lib/openssh, Fedora in /usr/libexec/openssh; a path that is not there does no harm.
 */
const char conf_builtin[] =
	"[bailiff]\n"
	"mode = observe\n"
	"exempt =\n"
	"exempt_users =\n"
	"session_ladder = terminate\n"
	"session_next = never\n"
	"snapshot = yes\n"
	"snapshot_max = 256\n"
	"style = refuse\n"
	"on_failure = keep\n"
	"guard = no\n"
	"signals = module-load bpf-load kexec-load privilege-gain setuid-file trace login-file "
	"startup-file exec-memfd exec-deleted exec-writable exec-tmpfs service-shell\n"
	"operator_lockout = 1h\n"
	"longest_lockout = 30d\n"
	"max_lockouts = 100000\n"
	"lockouts_per_minute = 600\n"
	"state_dir = /var/lib/bailiff\n"
	"run_dir = /run/bailiff\n"
	"analyst_user = bailiff-analyst\n"
	"recorder_user = bailiff-recorder\n"
	"journal_user = bailiff-journal\n"
	"fallback_uid = 64710\n"
	"\n"
	"[service sshd]\n"
	"session = /usr/lib/openssh/sshd-session /usr/libexec/openssh/sshd-session /usr/sbin/sshd\n"
	"preauth = /usr/lib/openssh/sshd-auth /usr/libexec/openssh/sshd-auth\n"
	"check = /usr/sbin/unix_chkpwd\n"
	"ports = 22\n"
	"max_tries = 6\n"
	"\n"
	"[service sudo]\n"
	"gain = /usr/bin/sudo\n"
	"max_tries = 3\n"
	"\n"
	"[service su]\n"
	"gain = /usr/bin/su\n"
	"max_tries = 1\n"
	"\n"
	"[source auth-log]\n"
	"file = /var/log/auth.log\n"
	"filters = sshd pam sudo su\n"
	"\n"
	"[source journal]\n"
	"journal = yes\n"
	"match = SYSLOG_FACILITY=4 SYSLOG_FACILITY=10\n"
	"filters = sshd pam sudo su\n";
