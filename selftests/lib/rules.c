// SPDX-License-Identifier: GPL-2.0
#include "rules.h"
#include <linux/genetlink.h>
#include "test.h"

#define LISTING	"/proc/net/xtcp_policy"

struct rules_request rules_req;

void rules_put(int type, const void *data, size_t len)
{
	struct nlattr *attr = (void *)((char *)&rules_req + NLMSG_ALIGN(rules_req.head.nlmsg_len));

	must(rules_req.head.nlmsg_len + NLA_HDRLEN + len + 8 < sizeof(rules_req), "room in the request");
	attr->nla_type = type;
	attr->nla_len = NLA_HDRLEN + len;
	memset((char *)attr + NLA_HDRLEN, 0, NLA_ALIGN(len));
	memcpy((char *)attr + NLA_HDRLEN, data, len);
	rules_req.head.nlmsg_len = NLMSG_ALIGN(rules_req.head.nlmsg_len) + NLA_HDRLEN + NLA_ALIGN(len);
}

void rules_start(int cmd)
{
	struct genlmsghdr genl = { .cmd = cmd, .version = XTCP_GENL_VERSION };

	memset(&rules_req.head, 0, sizeof(rules_req.head));
	rules_req.head.nlmsg_len = NLMSG_LENGTH(sizeof(genl));
	rules_req.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	memcpy(NLMSG_DATA(&rules_req.head), &genl, sizeof(genl));
}

/* In the namespace of the caller. 0 or the errno of the answer. */
int rules_ask(void)
{
	int fd = generic_open(), err, size = 1 << 20;

	must(!setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), "SO_SNDBUF");
	rules_req.head.nlmsg_type = generic_family(fd, GENERIC_XTCP);
	err = rules_req.head.nlmsg_type == UINT16_MAX ? ENODEV : generic_talk(fd, &rules_req.head);
	close(fd);
	return err;
}

static void put_prefix(const char *text)
{
	const bool v6 = strchr(text, ':');
	const char *slash = strchr(text, '/');
	char plain[64];
	uint8_t len = slash ? atoi(slash + 1) : v6 ? 128 : 32;
	unsigned char octets[16];

	snprintf(plain, sizeof(plain), "%.*s", slash ? (int)(slash - text) : 60, text);
	must(inet_pton(v6 ? AF_INET6 : AF_INET, plain, octets) == 1, text);
	rules_put(XTCP_RULE_TO, octets, v6 ? 16 : 4);
	rules_put(XTCP_RULE_TO_LEN, &len, 1);
}

/* Numbers that a word can have, and the size of their attributes. */
static const struct {
	const char *name;
	int type, size;
} numbers[] = {
	{ "dport", XTCP_RULE_DPORT, 2 },
	{ "sport", XTCP_RULE_SPORT, 2 },
	{ "initcwnd", XTCP_RULE_INITCWND, 1 },
	{ "rate", XTCP_RULE_MAX_PACING_RATE, 8 },
	{ "rto_min_us", XTCP_RULE_RTO_MIN_US, 4 },
	{ "rto_max_ms", XTCP_RULE_RTO_MAX_MS, 4 },
	{ "delack_max_us", XTCP_RULE_DELACK_MAX_US, 4 },
	{ "user_timeout_ms", XTCP_RULE_USER_TIMEOUT, 4 },
	{ "keepalive", XTCP_RULE_KEEPALIVE, 1 },
	{ "keepidle", XTCP_RULE_KEEPIDLE, 4 },
	{ "keepintvl", XTCP_RULE_KEEPINTVL, 4 },
	{ "keepcnt", XTCP_RULE_KEEPCNT, 1 },
	{ "cgroup", XTCP_RULE_CGROUP, 8 },
	{ "blackbox", XTCP_RULE_BLACKBOX, 1 },
};

/* Where the last octets of 64 bits begin that count. */
#define LAST(size)	(__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? sizeof(uint64_t) - (size) : 0)

static void put_word(const char *word)
{
	const char *value = strchr(word, '=') + 1;
	uint64_t number = strtoull(value, NULL, 0);

	if (!strncmp(word, "to=", 3)) {
		put_prefix(value);
		return;
	}
	if (!strncmp(word, "cc=", 3)) {
		rules_put(XTCP_RULE_CONGESTION, value, strlen(value) + 1);
		return;
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(numbers); i++)
		if (strlen(numbers[i].name) == (size_t)(value - word - 1) &&
		    !strncmp(word, numbers[i].name, value - word - 1)) {
			rules_put(numbers[i].type, (const char *)&number + LAST(numbers[i].size), numbers[i].size);
			return;
		}
	must(false, word);
}

/* A rule of words with spaces between them. */
void rules_put_rule(const char *text)
{
	const unsigned int at = NLMSG_ALIGN(rules_req.head.nlmsg_len);
	char copy[256], *word, *rest = NULL;

	rules_put(XTCP_POLICY_RULE | NLA_F_NESTED, "", 0);
	snprintf(copy, sizeof(copy), "%s", text);
	for (word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		put_word(word);
	((struct nlattr *)((char *)&rules_req + at))->nla_len = rules_req.head.nlmsg_len - at;
}

static void put_address(unsigned char *at, const char *text)
{
	char mapped[64];

	snprintf(mapped, sizeof(mapped), "%s%s", strchr(text, ':') ? "" : "::ffff:", text);
	must(inet_pton(AF_INET6, mapped, at) == 1, text);
}

int rules_add_path(const char *from, const char *to, unsigned int ifindex, unsigned int cwnd, unsigned int age)
{
	struct xtcp_path path = { .ifindex = ifindex, .cwnd = cwnd, .rtt_us = 20000, .age = age };

	put_address(path.from, from);
	put_address(path.to, to);
	rules_start(XTCP_CMD_PATHS_ADD);
	rules_put(XTCP_PATHS_PATH, &path, sizeof(path));
	return rules_ask();
}

/* Rules with semicolons between them. */
int rules_request(int cmd, const char *text)
{
	char copy[1024], *rule, *rest = NULL;

	rules_start(cmd);
	snprintf(copy, sizeof(copy), "%s", text);
	for (rule = strtok_r(copy, ";", &rest); rule; rule = strtok_r(NULL, ";", &rest))
		rules_put_rule(rule);
	return rules_ask();
}

int rules_replace(const char *text)
{
	return rules_request(XTCP_CMD_POLICY_REPLACE, text);
}

void rules_said(const char *text)
{
	if (!strcmp(generic_said, text))
		return;
	ksft_print_msg("it says \"%s\", not \"%s\"\n", generic_said, text);
	problems++;
}

void rules_list_is(int ns, const char *text)
{
	char *is = ns_read_file(ns, LISTING);

	must(is, LISTING);
	if (strcmp(is, text)) {
		ksft_print_msg("the list is \"%s\", not \"%s\"\n", is, text);
		problems++;
	}
	free(is);
}

int rules_listed(int ns)
{
	char *is = ns_read_file(ns, LISTING), *at;
	int n = 0;

	must(is, LISTING);
	for (at = is; *at; at++)
		n += *at == '\n';
	free(is);
	return n;
}

bool rules_has_congestion(int fd, const char *name)
{
	char now[16] = "";
	socklen_t len = sizeof(now);

	if (!getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, now, &len) && !strcmp(now, name))
		return true;
	ksft_print_msg("the congestion control is %s\n", now);
	return false;
}

long rules_rate_of(int fd)
{
	unsigned int rate = 0;
	socklen_t len = sizeof(rate);

	must(!getsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, &len), "SO_MAX_PACING_RATE");
	return rate;
}

int rules_cwnd_of(int fd)
{
	return info_of(fd).tcpi_snd_cwnd;
}
