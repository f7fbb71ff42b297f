/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The recorder's life as a process: sandbox, loop, end. What it logs goes to bailiffd from here on.
 */
#include <string.h>

#include "base/log.h"
#include "privsep/privsep.h"
#include "recorder/recorder.h"

/* log_write's sink: bailiffd prints it under our name. What its queue does not take is dropped. */
static void send_log(void *arg, int level, const char *text)
{
	struct recorder *recorder = arg;
	struct ipc_log message = { .level = (uint32_t)level };

	if (!recorder->parent.channel)
		return;
	text_copy(message.text, sizeof(message.text), text);
	(void)channel_send(recorder->parent.channel, IPC_LOG, &message, sizeof(message), -1);
	(void)link_update(&recorder->parent);
}

static int on_signal(struct loop_source *source, const struct signalfd_siginfo *info, void *arg)
{
	struct recorder *recorder = arg;

	(void)source;
	(void)info;
	loop_stop(recorder->loop, 0);
	return 0;
}

static int serve(struct recorder *recorder, const char *folder)
{
	struct ipc_ready ready = { .head = { 0 } };
	sigset_t signals;
	bool active;
	int r;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	r = loop_add_signals(recorder->loop, &signals, on_signal, recorder, NULL);
	if (r < 0)
		return log_error_errno(r, "signals");
	r = privsep_sandbox(PRIVSEP_RECORDER, folder, &active);
	if (r < 0)
		return log_error_errno(r, "the sandbox cannot be closed");
	r = channel_send(recorder->parent.channel, IPC_READY, &ready, sizeof(ready), -1);
	if (r < 0)
		return log_error_errno(r, "bailiffd cannot be told that all is ready");
	r = link_update(&recorder->parent);
	if (r < 0)
		return r;
	return loop_run(recorder->loop);
}

int recorder_run(struct recorder *recorder, const char *folder)
{
	int r;

	log_set_sink(send_log, recorder);
	r = serve(recorder, folder);
	log_set_sink(NULL, NULL);
	return r;
}
