/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How a congestion control that is a module of its own and its build find each other: by an event
 * on the notifier chain netevent, as builds do (interpose.c). Two cannot export one symbol.
 */
#ifndef XTCP_OUTSIDE_H
#define XTCP_OUTSIDE_H

#include <linux/jhash.h>

#include "generated/layout.h"

#include "base/sender.h"

/* Stays as it is: a module of another layout has to be told so. */
#define XTCP_CONG_OFFER	0x78746341

/*
 * struct xtcp_cong_offer - what a module has, and gets. The first three fields stay as they are
 * @replaces: if another module has the name, this one takes its place: those who use that one change
 *	when the parameter renew of the build is written (netns.c)
 */
struct xtcp_cong_offer {
	const char *build;	/* the module's name of that build */
	struct module *owner;
	u32 layout;		/* xtcp_cong_layout() */
	const struct xtcp_cong_ops *ops;
	const struct xtcp_cong_helpers *helpers;	/* set by the build before anybody can use @ops */
	bool replaces;
};

/* The build's functions that are not inline and that an algorithm may call. */
struct xtcp_cong_helpers {
	struct module *owner;	/* the build, held by the algorithm's module, which puts it after the last call */
	void (*remove)(const struct xtcp_cong_ops *ops);	/* nobody can find the algorithm any more */
	u32 (*initial)(const struct sock *sk);
	void (*grow)(struct sock *sk, u32 delivered, u32 *counted);
	struct xtcp_alpha_sent (*text_sent)(const struct sock *sk);
	u32 (*pipe_octets)(const struct sock *sk);
};

/*
 * A fingerprint of what an algorithm reads and writes: all headers (XTCP_HEADERS, their checksum, is
 * made by Kbuild), and what the kernel's configuration makes of them.
 */
static inline u32 xtcp_cong_layout(void)
{
	static const u32 sizes[] = {
		sizeof(struct sock), sizeof(struct xtcp_sender), sizeof(struct xtcp_stream),
		sizeof(struct xtcp_sample), sizeof(struct xtcp_cong_ops), sizeof(struct xtcp_cong_helpers),
		offsetof(struct xtcp_sender, stream), offsetof(struct xtcp_sender, cong),
		offsetof(struct xtcp_stream, cong), offsetof(struct xtcp_cong_stream, private),
	};

	return jhash2(sizes, ARRAY_SIZE(sizes), XTCP_HEADERS);
}

#endif /* XTCP_OUTSIDE_H */
