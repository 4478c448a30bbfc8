// SPDX-License-Identifier: GPL-2.0
/*
 * net.xtcp.migrate_req and signatures: a half-open connection with TCP-AO (RFC 5925) or an MD5
 * signature (RFC 2385) moves to an heir that has the key, has none, or gets it later.
 *
 * Member 1 ends, member 0 inherits. An entry remembers that its SYN had TCP-AO, so nothing leaves unsigned for it. It
 * does not remember a signature by MD5: the keys of the heir decide alone, as in kernel TCP.
 */
#include <string.h>
#include "lib/wire.h"

#define BACKLOG		8
#define CONN_PORT	30001	/* odd: for member 1 */
#define ISS		1000000
/* Longer than the first timeout of a SYN-ACK, 1 s; the second one ends after 3 s. */
#define PAST_FIRST	"pass 1500;"

struct pair {
	struct wire *w;
	struct wire_members m;
	struct wire_counters before;
};

static int at(struct pair *p, int i, const char *script)
{
	int err;

	p->w->c.lfd = p->m.fd[i];
	err = wire_script_run(p->w, script);
	p->w->c.lfd = -1;	/* the row closes it */
	return err;
}

struct moved {
	const char *key;	/* of member 1, which gets the SYN and ends */
	const char *heirs_key;	/* NULL: none */
	const char *script;	/* at the heir */
	const char *counters;
};

static int run(struct wire *w)
{
	const struct moved *r = w->row->with;
	static struct pair p;
	int err;

	memset(&p, 0, sizeof(p));
	p.w = w;
	err = wire_tun_sysctl(w, "migrate_req", "1") || wire_members_open(w, &p.m, 2, BACKLOG) ||
	      wire_members_choose_by_port(w, &p.m);
	wire_members_use(w, CONN_PORT, ISS);
	err = err || wire_counter_read(w, &p.before) || at(&p, 1, r->key) ||
	      at(&p, 1, "< S 0 <mss 1000>; > S. 0 ack 1") || (r->heirs_key && at(&p, 0, r->heirs_key));
	if (!err)
		wire_members_end(&p.m, 1);
	err = err || at(&p, 0, r->script) || wire_counter_check(w, &p.before, r->counters);
	wire_members_end_all(&p.m);
	return err ? -1 : 0;
}

#define AO_MEMBER	"mktlistener 22 11 secret"
#define AO_BOTH		"ao 11 22 secret;" AO_MEMBER
#define AO_OTHER	"mktlistener 44 33 secret"
#define MD5_MEMBER	"md5listener secret"
#define MD5_BOTH	"key secret;" MD5_MEMBER
#define MOVED(...)	.run = run, .with = &(const struct moved){ __VA_ARGS__ }

static const struct wire_row rows[] = {
	/* Its timeout, a SYN that comes again and a third ACK draw nothing; an ACK without TCP-AO makes no child. */
	{ "ao_the_heir_never_had_a_key", "RFC 5925 7.4",
		MOVED(AO_BOTH, NULL,
		      PAST_FIRST "none; < S 0 <mss 1000>; none; < . 1 ack 1; none; < . 1 ack 1 unsigned; none",
		      "TCPMigrateReqSuccess=1 TCPMigrateReqFailure=0 OutSegs=1 TCPSynRetrans=0 RetransSegs=0 "
		      "TCPAOKeyNotFound=2 TCPAORequired=0 TCPAOBad=0 ListenDrops=1 OutRsts=0 PassiveOpens=0") },
	{ "ao_the_heir_has_another_key", "RFC 5925 7.4",
		MOVED(AO_BOTH, AO_OTHER, PAST_FIRST "none; < . 1 ack 1; none",
		      "TCPMigrateReqSuccess=1 TCPAOKeyNotFound=1 TCPSynRetrans=0 OutRsts=0 PassiveOpens=0") },
	{ "ao_the_heir_gets_the_key", "RFC 5925 7.4",
		MOVED(AO_BOTH, NULL, PAST_FIRST "none;" AO_MEMBER "; >@4000 S. 0 ack 1; < . 1 ack 1; accept;"
		      "< P. N(10) ack S; skim; read 10; write 5; > P. S(5) ack N",
		      "TCPMigrateReqSuccess=1 TCPSynRetrans=1 TCPAOKeyNotFound=0 PassiveOpens=1") },
	{ "md5_the_heir_has_the_key", "RFC 2385 2.0",
		MOVED(MD5_BOTH, MD5_MEMBER, ">@4000 S. 0 ack 1; < . 1 ack 1 unsigned; none; < . 1 ack 1; accept;"
		      "write 5; > P. S(5) ack N",
		      "TCPMigrateReqSuccess=1 TCPSynRetrans=1 TCPMD5NotFound=1 PassiveOpens=1") },
	/* The peer knows that no SYN-ACK without a signature is for it. */
	{ "md5_the_heir_has_no_key", "RFC 2385 2.0",
		MOVED(MD5_BOTH, NULL, "key none; >@4000 S. 0 ack 1; key secret; < . 1 ack 1; none",
		      "TCPMigrateReqSuccess=1 TCPSynRetrans=1 TCPMD5Unexpected=1 OutRsts=0 PassiveOpens=0") },
	/* The SYN had no signature. */
	{ "md5_the_heir_alone_has_a_key", "RFC 2385 2.0",
		MOVED("key none", MD5_MEMBER, "key secret; >@4000 S. 0 ack 1; < . 1 ack 1 unsigned; none",
		      "TCPMigrateReqSuccess=1 TCPSynRetrans=1 TCPMD5NotFound=1 OutRsts=0 PassiveOpens=0") },
};

WIRE_MAIN_XTCP(rows)
