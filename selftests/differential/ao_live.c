// SPDX-License-Identifier: GPL-2.0
/* Keys of TCP-AO of listeners and connections. */
#include "ao_calls.h"
#include "lib/test.h"

#define NOBODY		65534

static long long count(const char *name)
{
	return counter_now(calls.ns, calls.stack == XTCP ? "/proc/net/xtcp_netstat" : "/proc/net/netstat", name);
}

/* A listener has no key that counts first. */
void ao_calls_of_listener(void)
{
	struct tcp_ao_info_opt info;
	struct aoopt_key k = ao_calls_key(1, 2);
	struct tcp_ao_del cmd;
	int fd = ao_calls_listener();

	k.set_current = true;
	GIVES(aoopt_add(fd, &k), EINVAL);
	k.set_current = false;
	k.set_rnext = true;
	GIVES(aoopt_add(fd, &k), EINVAL);
	GIVES(ao_calls_add(fd, 1, 2), 0);
	GIVES(ao_calls_set_info(fd, &(struct tcp_ao_info_opt) { .set_current = 1, .current_key = 1 }), EINVAL);
	GIVES(ao_calls_set_info(fd, &(struct tcp_ao_info_opt) { .set_rnext = 1, .rnext = 2 }), EINVAL);
	info = aoopt_info(fd);
	HOLDS(!info.set_current && !info.set_rnext);
	aoopt_fill_del(&cmd, &k);
	cmd.set_current = 1;
	GIVES(ao_calls_set(fd, TCP_AO_DEL_KEY, &cmd, sizeof(cmd)), EINVAL);
	cmd.set_current = 0;
	cmd.del_async = 1;
	GIVES(ao_calls_set(fd, TCP_AO_DEL_KEY, &cmd, sizeof(cmd)), 0);
	HOLDS(!ao_calls_nr_keys(fd));
	GIVES(ao_calls_add(fd, 1, 2), 0);
	GIVES(ao_calls_del(fd, 1, 2), 0);
	close(fd);
}

static void open_pair(int lfd, int *client, int *server)
{
	GIVES(stack_connect(*client, calls.addr, stack_port(lfd)), 0);
	*server = calls.fine ? accept4(lfd, NULL, NULL, SOCK_CLOEXEC) : -1;
	HOLDS(*server >= 0);
}

void ao_calls_pair(void)
{
	const long long good = count("TcpExt:TCPAOGood"), bad = count("TcpExt:TCPAOBad");
	struct tcp_ao_getsockopt keys[8];
	struct tcp_ao_info_opt info;
	struct aoopt_key k = ao_calls_key(3, 4);
	int lfd = ao_calls_listener(), client = ao_calls_socket(), server;

	GIVES(ao_calls_add(lfd, 2, 1), 0);
	GIVES(ao_calls_add(lfd, 4, 3), 0);
	k.addr = calls.other;
	GIVES(aoopt_add(lfd, &k), 0);
	GIVES(ao_calls_set_info(lfd, &(struct tcp_ao_info_opt) { .ao_required = 1, .accept_icmps = 1 }), 0);
	k = ao_calls_key(5, 6);
	k.addr = calls.other;
	GIVES(aoopt_add(client, &k), 0);
	GIVES(ao_calls_add(client, 1, 2), 0);
	k = ao_calls_key(3, 4);
	k.set_current = true;
	k.set_rnext = true;
	GIVES(aoopt_add(client, &k), 0);
	open_pair(lfd, &client, &server);
	if (!calls.fine)
		goto out;
	/* SYN, SYN-ACK, ACK */
	HOLDS(count("TcpExt:TCPAOGood") == good + 3 && count("TcpExt:TCPAOBad") == bad);
	info = aoopt_info(client);
	HOLDS(info.current_key == 3 && info.rnext == 4 && info.pkt_good == 1 && !info.ao_required);
	/* a child has the listener's keys for its peer, and those first that the SYN had */
	info = aoopt_info(server);
	HOLDS(info.set_current && info.current_key == 4 && info.set_rnext && info.rnext == 3);
	HOLDS(info.ao_required && info.accept_icmps);
	HOLDS(aoopt_keys(server, keys, 8) == 2);
	/* connect() has forgotten the keys of others */
	HOLDS(aoopt_keys(client, keys, 8) == 2);
	HOLDS(keys[0].sndid == 3 && keys[0].is_current && keys[0].is_rnext && keys[0].pkt_good == 1);
	HOLDS(keys[1].sndid == 1 && !keys[1].is_current && !keys[1].pkt_good);
	/* keys of others are none of its business any more */
	k = ao_calls_key(5, 6);
	k.addr = calls.other;
	GIVES(aoopt_add(client, &k), EINVAL);
	GIVES(aoopt_add(server, &k), EINVAL);
	GIVES(ao_calls_set_md5(client, calls.addr), EKEYREJECTED);
	GIVES(ao_calls_del(client, 3, 4), EBUSY);
	GIVES(ao_calls_del(client, 1, 2), 0);
	GIVES(ao_calls_add(client, 1, 2), 0);
	GIVES(ao_calls_set_info(client, &(struct tcp_ao_info_opt) {
		.set_current = 1, .current_key = 1, .set_rnext = 1, .rnext = 2,
	}), 0);
	HOLDS(stack_carries(client, server, 1000) && stack_carries(server, client, 1000));
	/* which has told the other end, and that asks for its first key still */
	info = aoopt_info(server);
	HOLDS(info.current_key == 2 && info.rnext == 3);
	HOLDS(aoopt_info(client).current_key == 3);
	GIVES(ao_calls_del(client, 3, 4), EBUSY);
	GIVES(ao_calls_set_info(server, &(struct tcp_ao_info_opt) { .set_rnext = 1, .rnext = 1, .ao_required = 1 }), 0);
	HOLDS(stack_carries(server, client, 1000) && stack_carries(client, server, 1000));
	HOLDS(aoopt_info(client).current_key == 1);
	GIVES(ao_calls_del(client, 3, 4), 0);
	GIVES(ao_calls_del(server, 4, 3), 0);
	HOLDS(count("TcpExt:TCPAOBad") == bad);
out:
	close_each(server, client, lfd);
}

/* What has begun without TCP-AO goes on without, although a listener has keys for others. */
void ao_calls_unsigned(void)
{
	struct tcp_ao_info_opt info;
	struct aoopt_key k = ao_calls_key(1, 1);
	int lfd = ao_calls_listener(), client = ao_calls_socket(), server;

	k.addr = calls.other;
	GIVES(aoopt_add(lfd, &k), 0);
	/* keys, and none for this peer */
	GIVES(aoopt_add(client, &k), 0);
	GIVES(stack_connect(client, calls.addr, stack_port(lfd)), EKEYREJECTED);
	close(client);
	client = ao_calls_socket();
	open_pair(lfd, &client, &server);
	if (!calls.fine)
		goto out;
	GIVES(ao_calls_get_info(client, &info), ENOENT);
	GIVES(ao_calls_get_info(server, &info), ENOENT);
	GIVES(ao_calls_add(client, 1, 1), EISCONN);
	GIVES(ao_calls_del(client, 1, 1), EISCONN);
	GIVES(ao_calls_set_info(server, &(struct tcp_ao_info_opt) { .ao_required = 1 }), EISCONN);
	HOLDS(stack_carries(client, server, 1000));
out:
	close_each(server, client, lfd);
}

/* A SYN that lacks a MAC, or has one, is dropped and counted; the client gets no answer. */
static void try_refused(bool required, const char *at_listener, const char *at_client, const char *counter)
{
	const long long before = count(counter);
	int lfd = ao_calls_listener(), client = ao_calls_socket();
	struct aoopt_key k = ao_calls_key(1, 1);

	k.text = at_listener;
	if (at_listener)
		GIVES(aoopt_add(lfd, &k), 0);
	if (required)
		GIVES(ao_calls_set_info(lfd, &(struct tcp_ao_info_opt) { .ao_required = 1 }), 0);
	k.text = at_client;
	if (at_client)
		GIVES(aoopt_add(client, &k), 0);
	must(!fcntl(client, F_SETFL, O_NONBLOCK), "O_NONBLOCK");
	GIVES(stack_connect(client, calls.addr, stack_port(lfd)), EINPROGRESS);
	HOLDS(WAIT_FOR(count(counter) > before, STACK_DEADLINE_MS));
	HOLDS(fcntl(lfd, F_SETFL, O_NONBLOCK) == 0);
	GIVES(accept(lfd, NULL, NULL), EAGAIN);
	close_each(client, lfd);
}

void ao_calls_refused(void)
{
	try_refused(false, "secret", NULL, "TcpExt:TCPAORequired");
	try_refused(true, NULL, NULL, "TcpExt:TCPAORequired");
	try_refused(false, "secret", "other", "TcpExt:TCPAOBad");
	try_refused(false, NULL, "secret", "TcpExt:TCPAOKeyNotFound");
}

/* Both kinds of keys for one peer, which only a prefix that comes later can bring about. */
void ao_calls_with_md5(void)
{
	struct aoopt_key k = ao_calls_key(1, 1);
	int fd = ao_calls_socket(), lfd = ao_calls_listener();

	GIVES(ao_calls_set_info(fd, &(struct tcp_ao_info_opt) { 0 }), 0);
	GIVES(ao_calls_set_md5(fd, calls.other), 0);
	k.addr = calls.addr;
	GIVES(aoopt_add(fd, &k), 0);
	/* MD5 for another host does not matter, and is gone then */
	GIVES(aoopt_add(lfd, &(struct aoopt_key) { .addr = calls.addr, .sndid = 1, .rcvid = 1 }), 0);
	GIVES(stack_connect(fd, calls.addr, stack_port(lfd)), 0);
	GIVES(ao_calls_set_md5(fd, calls.addr), EKEYREJECTED);
	close_each(fd, lfd);
}

/*
 * A connection that MD5 signs has no TCP-AO any more, whatever its socket had before: no key can be added, and chosen
 * for what is sent but not for what is asked for.
 */
static void try_by_md5(bool of_another, bool stays)
{
	struct aoopt_key k = {
		.addr = ao_calls_is_v6() ? "::" : "0.0.0.0", .prefix = AOOPT_ALL, .sndid = 1, .rcvid = 1,
	};
	struct aoopt_key another = { .addr = calls.other, .sndid = 2, .rcvid = 2 };
	int lfd = ao_calls_listener(), client = ao_calls_socket(), server;
	struct tcp_ao_info_opt info;

	GIVES(ao_calls_set_md5(lfd, calls.addr), 0);
	GIVES(ao_calls_set_md5(client, calls.addr), 0);
	if (of_another)
		GIVES(aoopt_add(client, &another), 0);
	else
		GIVES(ao_calls_set_info(client, &(struct tcp_ao_info_opt) { 0 }), 0);
	open_pair(lfd, &client, &server);
	if (!stays)
		GIVES(ao_calls_drop_md5(client, calls.addr), 0);
	k.set_current = true;
	GIVES(aoopt_add(client, &k), EISCONN);
	k.set_current = false;
	GIVES(aoopt_add(client, &k), EISCONN);
	GIVES(ao_calls_set_info(client, &(struct tcp_ao_info_opt) { .ao_required = 1 }), EISCONN);
	GIVES(aoopt_del(client, &another), EISCONN);
	GIVES(ao_calls_get_info(client, &info), ENOENT);
	HOLDS(!stays || (stack_carries(client, server, 1000) && stack_carries(server, client, 1000)));
	close_each(server, client, lfd);
}

void ao_calls_by_md5(void)
{
	try_by_md5(false, true);
	try_by_md5(true, true);
	try_by_md5(false, false);
	try_by_md5(true, false);
}

/* Keys of other peers go when a SYN goes out: a connect() that finds no port leaves them. */
void ao_calls_no_port(void)
{
	int lfd = ao_calls_listener(), first = ao_calls_socket(), second = ao_calls_socket(), server;
	struct aoopt_key k = { .addr = calls.other, .sndid = 3, .rcvid = 3 };
	union stack_addr at = stack_addr(calls.addr, 0);
	socklen_t len = sizeof(at);

	must(!stack_set(first, SOL_SOCKET, SO_REUSEADDR, 1), "SO_REUSEADDR");
	must(!stack_set(second, SOL_SOCKET, SO_REUSEADDR, 1), "SO_REUSEADDR");
	GIVES(ao_calls_add(lfd, 2, 1), 0);
	GIVES(ao_calls_add(first, 1, 2), 0);
	GIVES(ao_calls_add(second, 1, 2), 0);
	GIVES(aoopt_add(second, &k), 0);
	GIVES(bind(first, &at.sa, stack_addr_len(&at)), 0);
	GIVES(getsockname(first, &at.sa, &len), 0);
	GIVES(bind(second, &at.sa, len), 0);
	open_pair(lfd, &first, &server);
	GIVES(stack_connect(second, calls.addr, stack_port(lfd)), EADDRNOTAVAIL);
	HOLDS(ao_calls_nr_keys(second) == 2);
	close_each(server, second, first, lfd);
}

static bool in_time_wait(int port, int peer_port)
{
	return rows_state(calls.ns, sides_listing(calls.stack, calls.addr), port, peer_port) == TCP_TIME_WAIT;
}

/*
 * A connect() without the right key fails before it takes the place of a TIME-WAIT. Kernel TCP has ended that by then.
 */
void ao_calls_record(void)
{
	int lfd = ao_calls_listener(), first = ao_calls_socket(), second = ao_calls_socket(), server;
	const struct aoopt_key k = { .addr = calls.other, .sndid = 3, .rcvid = 3 };
	union stack_addr at = stack_addr(calls.addr, 0);
	socklen_t len = sizeof(at);
	int port, peer_port;

	must(!stack_set(first, SOL_SOCKET, SO_REUSEADDR, 1) &&
	     !stack_set(second, SOL_SOCKET, SO_REUSEADDR, 1), "SO_REUSEADDR");
	GIVES(bind(first, &at.sa, stack_addr_len(&at)), 0);
	GIVES(getsockname(first, &at.sa, &len), 0);
	open_pair(lfd, &first, &server);
	port = stack_port(first);
	peer_port = stack_port(lfd);
	shutdown(first, SHUT_WR);
	HOLDS(stack_at_end(server));
	close_each(server, first);
	HOLDS(WAIT_FOR(in_time_wait(port, peer_port), STACK_DEADLINE_MS));
	GIVES(aoopt_add(second, &k), 0);
	GIVES(bind(second, &at.sa, len), 0);
	GIVES(stack_connect(second, calls.addr, peer_port), EKEYREJECTED);
	HOLDS(in_time_wait(port, peer_port) == (calls.stack == XTCP));
	HOLDS(ao_calls_nr_keys(second) == 1);
	/* the socket is as it was: with the right key it takes the place */
	GIVES(ao_calls_add(lfd, 2, 1), 0);
	GIVES(ao_calls_add(second, 1, 2), 0);
	open_pair(lfd, &second, &server);
	HOLDS(!in_time_wait(port, peer_port) && stack_port(second) == port);
	HOLDS(calls.fine && stack_carries(second, server, 1000));
	close_each(server, second, lfd);
}

/* What a socket had chosen before listen() means nothing there, and del_async removes it. */
void ao_calls_async(void)
{
	struct aoopt_key k = ao_calls_key(1, 2);
	struct tcp_ao_info_opt info;
	struct tcp_ao_del cmd;
	int fd = ao_calls_socket();

	k.set_current = true;
	k.set_rnext = true;
	GIVES(aoopt_add(fd, &k), 0);
	GIVES(listen(fd, 1), 0);
	GIVES(ao_calls_del(fd, 1, 2), EBUSY);
	aoopt_fill_del(&cmd, &k);
	cmd.del_async = 1;
	GIVES(ao_calls_set(fd, TCP_AO_DEL_KEY, &cmd, sizeof(cmd)), 0);
	HOLDS(!ao_calls_nr_keys(fd));
	info = aoopt_info(fd);
	HOLDS(!info.set_current && !info.set_rnext);
	GIVES(ao_calls_add(fd, 1, 2), 0);
	GIVES(ao_calls_del(fd, 1, 2), 0);
	close(fd);
}

/* Everybody may have keys, as many as net.core.optmem_max allows. */
void ao_calls_limit(void)
{
	int fd = ao_calls_socket(), n, err = 0;

	must(!seteuid(NOBODY), "seteuid");
	for (n = 0; n < 256 && !err; n++)
		err = ao_calls_add(fd, n, n) ? errno : 0;
	must(!seteuid(0), "seteuid");
	HOLDS(err == ENOMEM || (n == 256 && !err));
	HOLDS(n > 10);
	ksft_print_msg("%s: %d keys, %s\n", stack_name(calls.stack), n, err ? strerrorname_np(err) : "no end");
	GIVES(ao_calls_del(fd, 0, 0), 0);
	GIVES(ao_calls_add(fd, 0, 0), 0);
	close(fd);
}

/* After the end of a connection the keys are there; another connect() uses them. */
void ao_calls_again(void)
{
	int lfd = ao_calls_listener(), client = ao_calls_socket(), server;
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	GIVES(ao_calls_add(lfd, 2, 1), 0);
	GIVES(ao_calls_add(client, 1, 2), 0);
	open_pair(lfd, &client, &server);
	close(server);
	GIVES(connect(client, &none, sizeof(none)), 0);
	HOLDS(ao_calls_nr_keys(client) == 1);
	open_pair(lfd, &client, &server);
	HOLDS(calls.fine && stack_carries(client, server, 1000));
	close_each(server, client, lfd);
}
