// SPDX-License-Identifier: GPL-2.0
/*
 * xtcp_boxnote_key is on while a namespace wants boxes or a connection has one. Each change of the
 * key patches kernel code, which disturbs all processors. Any user can create a namespace, and can
 * write its net.xtcp.blackbox and give boxes to its connections. This must not cause many patches.
 * So a user can only turn the key on; settle() turns the key off, at most once a second. No user
 * can prolong the time for which key_lock is held: its holders copy nothing from or to a program.
 */
#include "sight/boxkey.h"

#include <linux/jump_label.h>
#include <linux/mutex.h>
#include <linux/workqueue.h>

#include "base/net.h"
#include "sight/blackbox.h"

static DEFINE_MUTEX(key_lock);		/* guards xtcp_boxnote_key and @wanting */
/*
 * how many namespaces want boxes, plus how many requests keep xtcp_boxnote_key on at present
 * (xtcp_boxkey_hold()); also read without key_lock
 */
static unsigned int wanting;
/* boxes of connections that have not ended; boxes_lock (blackbox.c) guards it */
static unsigned int boxes_live;

static void settle(struct work_struct *work)
{
	mutex_lock(&key_lock);
	if (!wanting && !READ_ONCE(boxes_live))
		static_branch_disable(&xtcp_boxnote_key);
	mutex_unlock(&key_lock);
}

static DECLARE_DELAYED_WORK(settling, settle);

/**
 * xtcp_boxkey_want() - react to a write to net.xtcp.blackbox, to a new policy table, or to the end
 * of a namespace
 * @xn: the namespace
 * @ends: true: the namespace ends, and nobody writes the sysctl or the table any more; false: the
 *	sysctl or the table was written
 *
 * Context: process, may sleep.
 */
void xtcp_boxkey_want(struct xtcp_net *xn, bool ends)
{
	bool wants;

	mutex_lock(&key_lock);
	/* if several writers come here, the last one to take the lock reads the final values */
	wants = !ends && (READ_ONCE(xn->sysctl.blackbox[0]) || READ_ONCE(xn->blackbox_ruled));
	if (wants != xn->blackbox_wanted) {
		xn->blackbox_wanted = wants;
		WRITE_ONCE(wanting, wants ? wanting + 1 : wanting - 1);
		if (wants)
			static_branch_enable(&xtcp_boxnote_key);
		else if (!wanting)
			schedule_delayed_work(&settling, HZ);
	}
	mutex_unlock(&key_lock);
}

/**
 * xtcp_boxkey_hold() - turn xtcp_boxnote_key on, and keep it on until xtcp_boxkey_release() is
 * called
 *
 * Between the two calls, a request of an administrator gives a box to a connection. From then on,
 * this box keeps the key on.
 *
 * Context: process, may sleep.
 */
void xtcp_boxkey_hold(void)
{
	mutex_lock(&key_lock);
	WRITE_ONCE(wanting, wanting + 1);
	static_branch_enable(&xtcp_boxnote_key);
	mutex_unlock(&key_lock);
}

/**
 * xtcp_boxkey_release() - undo xtcp_boxkey_hold()
 *
 * Context: process, may sleep.
 */
void xtcp_boxkey_release(void)
{
	mutex_lock(&key_lock);
	WRITE_ONCE(wanting, wanting - 1);
	if (!wanting)
		schedule_delayed_work(&settling, HZ);
	mutex_unlock(&key_lock);
}

/**
 * xtcp_boxkey_given() - note that a connection has got a box, which keeps xtcp_boxnote_key on
 *
 * Context: softirq or process. Lock: boxes_lock (blackbox.c), held.
 */
void xtcp_boxkey_given(void)
{
	WRITE_ONCE(boxes_live, boxes_live + 1);
}

/**
 * xtcp_boxkey_taken() - note that a connection with a box has ended, or has lost its box
 *
 * Context: softirq or process. Lock: boxes_lock (blackbox.c), held.
 */
void xtcp_boxkey_taken(void)
{
	WRITE_ONCE(boxes_live, boxes_live - 1);
	if (!boxes_live && !READ_ONCE(wanting))
		schedule_delayed_work(&settling, HZ);
}

/**
 * xtcp_boxkey_exit() - wait until xtcp_boxnote_key does not change any more
 *
 * Context: process, module exit.
 */
void xtcp_boxkey_exit(void)
{
	cancel_delayed_work_sync(&settling);
}
