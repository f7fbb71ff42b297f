/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What lock and release share: they send a request and tell what bailiffd made of it, in its own
 * sentence.
 */
#ifndef CTL_OPERATE_H
#define CTL_OPERATE_H

#include <bailiff/control.h>

#include "base/buf.h"
#include "ctl/ctl.h"

int operate(const struct ctl_args *args, struct control_request *request);

/* The answer as JSON, one line. */
void operate_put_json(struct buf *out, const struct control_request *request,
		      const struct control_reply *reply);
/* The answer in a sentence, without newline. */
void operate_put_text(struct buf *out, const struct control_request *request,
		      const struct control_reply *reply);

#endif
