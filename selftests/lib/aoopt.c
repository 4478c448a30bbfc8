// SPDX-License-Identifier: GPL-2.0
#include "aoopt.h"
#include "test.h"

/* Return: how many bits the address has. */
static int fill_address(struct __kernel_sockaddr_storage *ss, const char *text)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)ss;

	if (strchr(text, ':')) {
		sin6->sin6_family = AF_INET6;
		inet_pton(AF_INET6, text, &sin6->sin6_addr);
		return IN6_IS_ADDR_V4MAPPED(&sin6->sin6_addr) ? 32 : 128;
	}
	sin->sin_family = AF_INET;
	inet_pton(AF_INET, text, &sin->sin_addr);
	return 32;
}

static uint8_t prefix_of(const struct aoopt_key *key, int bits)
{
	return key->prefix == AOOPT_ALL ? 0 : key->prefix ? key->prefix : bits;
}

void aoopt_fill(struct tcp_ao_add *cmd, const struct aoopt_key *key)
{
	const char *text = key->text ? key->text : "secret";

	memset(cmd, 0, sizeof(*cmd));
	cmd->prefix = prefix_of(key, fill_address(&cmd->addr, key->addr));
	strcpy(cmd->alg_name, key->algorithm ? key->algorithm : AOOPT_SHA1);
	cmd->ifindex = key->ifindex;
	cmd->set_current = key->set_current;
	cmd->set_rnext = key->set_rnext;
	cmd->sndid = key->sndid;
	cmd->rcvid = key->rcvid;
	cmd->maclen = key->maclen;
	cmd->keyflags = key->keyflags;
	cmd->keylen = strlen(text);
	memcpy(cmd->key, text, cmd->keylen);
}

int aoopt_add(int fd, const struct aoopt_key *key)
{
	struct tcp_ao_add cmd;

	aoopt_fill(&cmd, key);
	return setsockopt(fd, IPPROTO_TCP, TCP_AO_ADD_KEY, &cmd, sizeof(cmd));
}

void aoopt_fill_del(struct tcp_ao_del *cmd, const struct aoopt_key *key)
{
	memset(cmd, 0, sizeof(*cmd));
	cmd->prefix = prefix_of(key, fill_address(&cmd->addr, key->addr));
	cmd->sndid = key->sndid;
	cmd->rcvid = key->rcvid;
	cmd->keyflags = key->keyflags & TCP_AO_KEYF_IFINDEX;
	cmd->ifindex = key->ifindex;
}

int aoopt_del(int fd, const struct aoopt_key *key)
{
	struct tcp_ao_del cmd;

	aoopt_fill_del(&cmd, key);
	return setsockopt(fd, IPPROTO_TCP, TCP_AO_DEL_KEY, &cmd, sizeof(cmd));
}

struct tcp_ao_info_opt aoopt_info(int fd)
{
	struct tcp_ao_info_opt info = { 0 };
	socklen_t len = sizeof(info);

	must(!getsockopt(fd, IPPROTO_TCP, TCP_AO_INFO, &info, &len), "TCP_AO_INFO");
	return info;
}

int aoopt_keys(int fd, struct tcp_ao_getsockopt *keys, int room)
{
	socklen_t len = sizeof(*keys);

	memset(keys, 0, room * sizeof(*keys));
	keys->nkeys = room;
	keys->get_all = 1;
	return getsockopt(fd, IPPROTO_TCP, TCP_AO_GET_KEYS, keys, &len) ? -1 : (int)keys->nkeys;
}

bool aoopt_kernel_has(void)
{
	static int has = -1;
	struct aoopt_key key = { .addr = "127.0.0.1", .sndid = 1, .rcvid = 1 };
	int fd;

	if (has < 0) {
		fd = socket(AF_INET, SOCK_STREAM, 0);
		has = !aoopt_add(fd, &key);
		must(has || errno == ENOPROTOOPT, "TCP_AO_ADD_KEY");
		close(fd);
	}
	return has;
}

int md5_set_for(int fd, const char *peer, const char *text, int prefix, int device)
{
	const bool simple = prefix < 0 && device < 0;
	struct tcp_md5sig cmd = {
		.tcpm_flags = (prefix < 0 ? 0 : TCP_MD5SIG_FLAG_PREFIX) | (device < 0 ? 0 : TCP_MD5SIG_FLAG_IFINDEX),
		.tcpm_prefixlen = prefix < 0 ? 0 : prefix,
		.tcpm_ifindex = device < 0 ? 0 : device,
		.tcpm_keylen = text ? strlen(text) : 0,
	};

	fill_address(&cmd.tcpm_addr, peer);
	if (text)
		memcpy(cmd.tcpm_key, text, cmd.tcpm_keylen);
	return setsockopt(fd, IPPROTO_TCP, simple ? TCP_MD5SIG : TCP_MD5SIG_EXT, &cmd, sizeof(cmd));
}

int md5_set(int fd, const char *peer, const char *text)
{
	return md5_set_for(fd, peer, text, -1, -1);
}
