// SPDX-License-Identifier: GPL-2.0
/* lib/ao.c and lib/mac.c against the vectors of RFC 2202, RFC 4493 and RFC 9235 (SYN, SYN-ACK, first text). */
#include "../lib/ao.h"
#include "../lib/mac.h"
#include "unit.h"
#include <string.h>

#define SECRET	"testvector"

/* Return: how many octets the hex has. */
static size_t octets(const char *hex, uint8_t *out)
{
	unsigned int octet;
	size_t n = 0;

	for (; sscanf(hex, "%2x", &octet) == 1; hex += 2) {
		hex += strspn(hex, " ");
		out[n++] = octet;
	}
	return n;
}

static bool same(const uint8_t *got, const char *hex)
{
	uint8_t want[64];

	return !memcmp(got, want, octets(hex, want));
}

UNIT(hmac_sha1, "HMAC-SHA-1 (RFC 2202)")
{
	uint8_t key[80], data[80], out[MAC_SHA1_LEN];

	memset(key, 0x0b, 20);
	mac_hmac_sha1(key, 20, "Hi There", 8, out);
	UNIT_CHECK(same(out, "b617318655057264e28bc0b6fb378c8ef146be00"));
	mac_hmac_sha1("Jefe", 4, "what do ya want for nothing?", 28, out);
	UNIT_CHECK(same(out, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"));
	memset(key, 0xaa, 20);
	memset(data, 0xdd, 50);
	mac_hmac_sha1(key, 20, data, 50, out);
	UNIT_CHECK(same(out, "125d7342b9ac11cd91a39af48aa17b4f63f175d3"));
	memset(key, 0xaa, 80);
	mac_hmac_sha1(key, 80, "Test Using Larger Than Block-Size Key - Hash Key First", 54, out);
	UNIT_CHECK(same(out, "aa4ae5e15272d00e95705637ce8a3b55ed402112"));
}

UNIT(aes_cmac, "AES-128-CMAC (RFC 4493)")
{
	static const struct { size_t len; const char *mac; } cases[] = {
		{ 0, "bb1d6929e95937287fa37d129b756746" },
		{ 16, "070a16b46b4d4144f79bdd9dd04a287c" },
		{ 40, "dfa66747de9ae63030ca32611497c827" },
		{ 64, "51f0bebf7e3b9d92fc49741779363cfe" },
	};
	uint8_t key[16], data[64], out[MAC_CMAC_LEN];

	octets("2b7e151628aed2a6abf7158809cf4f3c", key);
	octets("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51 "
	       "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710", data);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		mac_aes_cmac(key, data, cases[i].len, out);
		UNIT_CHECK(same(out, cases[i].mac));
	}
}

/* A section: SYN, SYN-ACK and first text at ISN + 1, each without IP, with its MAC; and the traffic key. */
#define SEGMENTS 3

struct vector {
	const char *section;
	int ip;
	enum ao_algorithm algorithm;
	bool no_options;
	struct {
		const char *segment, *traffic_key;
	} of[SEGMENTS];
};

static const struct { const char *client, *server; } hosts[] = {
	[4] = { "0a0b0c0d", "ac1b1c1d" },
	[6] = { "fd000000000000000000000000000001", "fd000000000000000000000000000002" },
};

#define OPEN4	"ffffffffffffffffffffffffffffffff00430104dabf00b40a0b0c0d26020601040001000102"
#define OPEN6	"ffffffffffffffffffffffffffffffff00430104fde800b40101017926020601040001000102"
#define TEXT4	OPEN4 "0280000202020002024200020641040000dabf02084006006400010100"
#define TEXT6	OPEN6 "0280000202020002024200020641040000fde802084006006400010100"

static const struct vector vectors[] = {
	{ "4.1", 4, AO_HMAC_SHA1, false, {
		{
			"e9d700b3fbfbab5a00000000e002ffffcac40000020405b4010303080402080a00155ab7000000001d103d54 "
			"2ee437c6f8ede6d7c4d602e7",
			"6d63ef1b02fe1509d4b1402707fd7b0416abb74f",
		},
		{
			"00b3e9d711c14261fbfbab5be012ffff37760000020405b4010303080402080a84a50beb00155ab71d10543d "
			"eeab0fe24c3010815116b3be",
			"d9e217e4834a80ca2f3fd8de2e41b8e6797fea96",
		},
		{
			"e9d700b3fbfbab5b11c14262c0180104a16200000101080a00155ac184a50beb1d103d547064cf998cc6c315 "
			"c2c2e2bf" TEXT4,
			"d2e59c65ffc7b1a39347656463b70edc24a13d71",
		},
	} },
	{ "4.2", 4, AO_HMAC_SHA1, true, {
		{
			"ff1200b3cb0efbee00000000e002ffff541f0000020405b4010303080402080a00024cce000000001d103d54 "
			"80af3cfeb85368937b8f9ec2",
			"30eaa1560cf0be57dab5c045229fb10a423cd7ea",
		},
		{
			"00b3ff12acd5b5e1cb0efbefe012ffff388e0000020405b4010303080402080a576772f300024cce1d10543d "
			"09306f9acea63a8c68cb9a70",
			"b5b2896bb3664e8176b0edc6e799524101a8307f",
		},
		{
			"ff1200b3cb0efbefacd5b5e2c01801046c4500000101080a00024cce576772f31d103d54710608cc696c03a2 "
			"71c93aa5" TEXT4,
			"f3db1793d7910ecd806c34f155ea1f00345953e3",
		},
	} },
	{ "5.1", 4, AO_AES_CMAC, false, {
		{
			"c4fa00b3787a1ddf00000000e002ffff5a0f0000020405b4010303080402080a00017ed0000000001d103d54 "
			"e477e99c8040765498e55091",
			"f5b8b3d5f34fdbb6eb8d4ab9660e60e3",
		},
		{
			"00b3c4fafadd6de9787a1de0e012fffff3f20000020405b4010303080402080a93f4e9e800017ed01d10543d "
			"d6ada7bc4cdd536d1769db5f",
			"4bc7571a486f3264bbd888474066b4b1",
		},
		{
			"c4fa00b3787a1de0fadd6deac0180104950500000101080a00017ed093f4e9e81d103d5477412742fa4dc433 "
			"eff0973e" TEXT4,
			"8c8ae0e8371ec5cbb97ea79d90418391",
		},
	} },
	{ "5.2", 4, AO_AES_CMAC, true, {
		{
			"da1c00b3389bed7100000000e002ffff70bf0000020405b4010303080402080a000185e1000000001d103d54 "
			"c44e60cb31f7c0b1de3d2749",
			"2cdbae1392c49449fa92c4509735d50e",
		},
		{
			"00b3da1cd3844a6f389bed72e012ffffe4450000020405b4010303080402080ace459838000185e11d10543d "
			"3a6abb207e49b1be7136db90",
			"3ce67a551869506b6347b633c50a624a",
		},
		{
			"da1c00b3389bed72d3844a70c0180104885100000101080a000185e1ce4598381d103d547585e9e9d5c3ec85 "
			"7b96f837" TEXT4,
			"035bc400a341ffe595f59f58005006ca",
		},
	} },
	{ "6.1", 6, AO_HMAC_SHA1, false, {
		{
			"f7e400b3176a833f00000000e002ffff47210000020405a0010303080402080a0041d087000000001d103d54 "
			"9033ec3d7334b64c5edd039f",
			"625ec09d575836edc9b6428418bbf06989a361bb",
		},
		{
			"00b3f7e43f51994b176a8340e012ffffbfec0000020405a0010303080402080abd33129b0041d0871d10543d "
			"f1cba346c3526163f71f1f55",
			"e4a37ada2a0afca8711434913fe138c771ebcb4a",
		},
		{
			"f7e400b3176a83403f51994cc0180100329c00000101080a0041d091bd33129b1d103d54bf0805feb4ac7b16 "
			"3d6fcdf2" TEXT6,
			"1ed82975f4ea444c61580c5bd90dbd61bbc91b7e",
		},
	} },
	{ "6.2", 6, AO_HMAC_SHA1, true, {
		{
			"c6cd00b3020c1e6900000000e002ffffa41a0000020405a0010303080402080a009db95b000000001d103d54 "
			"885698b0530ed4d5a15f8346",
			"31a3faf69effae52931b7f845467315c270a4edc",
		},
		{
			"00b3c6cdeba3734d020c1e6ae012ffff774d0000020405a0010303080402080a5ec99b70009db95b1d10543d "
			"3c546bad9743f12df8b8010d",
			"405108947f996575e7bdbc26d40216a2c7fa91bd",
		},
		{
			"c6cd00b3020c1e6aeba3734ec018010083e600000101080a009db9655ec99b701d103d5448bd093b1924e001 "
			"192f5bf0" TEXT6,
			"b34eed6a9396a669f1c4f4f57618f3656f52c7ab",
		},
	} },
	{ "7.1", 6, AO_AES_CMAC, false, {
		{
			"f85a00b3193cccec00000000e002ffffde5d0000020405a0010303080402080a13e4ab99000000001d103d54 "
			"59b588107481ac6dc3927040",
			"fa5a2108882d39d0c71929175ab1b7b8",
		},
		{
			"00b3f85aa6744ecb193cccede012ffffeabb0000020405a0010303080402080a71daabc813e4ab991d10543d "
			"dc2843a84e78a6bcfdc5ed80",
			"cf1b1e225e06a63616764a067b46f4b1",
		},
		{
			"f85a00b3193ccceda6744eccc0180100328000000101080a13e4aba371daabc81d103d547b6a455c0d4f5f01 "
			"835baab3" TEXT6,
			"6174c3557abed27574dba37185f00300",
		},
	} },
	{ "7.2", 6, AO_AES_CMAC, true, {
		{
			"f28800b3b01da74a00000000e002ffff75ff0000020405a0010303080402080a14275b3b000000001d103d54 "
			"3d45b4342de8bb1530847898",
			"a94f511263e4093d35dd818c13bbbf53",
		},
		{
			"00b3f288a6246145b01da74be012ffffa70c0000020405a0010303080402080a1782245b14275b3b1d10543d "
			"1d01f6c87c6f93acffa9d4b5",
			"92dea5bbc78b1d9f5b2952e9cd30642a",
		},
		{
			"f28800b3b01da74ba6246146c0180100c36d00000101080a14275b4f1782245b1d103d54290cf414ccb47a33 "
			"3276e7f8" TEXT6,
			"4fb2086e402c679079ed65d4bf97693d",
		},
	} },
};

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

/* Where in the TCP header the option is; 0: nowhere. */
static unsigned int find_option(const uint8_t *tcp)
{
	unsigned int i = 20;

	while (i < (tcp[12] >> 4) * 4u && tcp[i] != AO_KIND)
		i += tcp[i] == 1 ? 1 : tcp[i + 1];
	return i < (tcp[12] >> 4) * 4u ? i : 0;
}

/* What is in the segment is its MAC, and that of no other segment. */
static void try_mac(const struct ao_key *key, const struct ao_ends *ends, const uint8_t *t, size_t len)
{
	const unsigned int at = find_option(t) + AO_HEADER;
	uint8_t mac[AO_MOST_MAC];

	ao_mac(key, ends, 0, t, len, at, AO_NONE, mac);
	UNIT_CHECK(!memcmp(mac, t + at, AO_USUAL_MAC));
	ao_mac(key, ends, 1, t, len, at, AO_NONE, mac);
	UNIT_CHECK(memcmp(mac, t + at, AO_USUAL_MAC));
	ao_mac(key, ends, 0, t, len, at, ao_header_at(ends->ip) + 15, mac);
	UNIT_CHECK(memcmp(mac, t + at, AO_USUAL_MAC));
}

static void try(const struct ao_key *key, int ip, const char *segment, const char *traffic_key)
{
	uint8_t client[16], server[16], t[256], derived[AO_MOST_MAC];
	const size_t len = octets(segment, t);
	struct ao_ends ends = { .ip = ip, .sport = t[0] << 8 | t[1], .dport = t[2] << 8 | t[3] };
	const bool from_client = ends.dport == 179;

	octets(hosts[ip].client, client);
	octets(hosts[ip].server, server);
	ends.src = from_client ? client : server;
	ends.dst = from_client ? server : client;
	ends.src_isn = get32(t + 4) - !(t[13] & 2);
	ends.dst_isn = t[13] & 16 ? get32(t + 8) - 1 : 0;
	ao_traffic_key(key, &ends, derived);
	UNIT_CHECK(same(derived, traffic_key));
	UNIT_CHECK(find_option(t));
	try_mac(key, &ends, t, len);
}

UNIT(tcp_ao, "segments of RFC 9235")
{
	struct ao_key key;

	for (const struct vector *v = vectors; v < vectors + sizeof(vectors) / sizeof(*vectors); v++) {
		key = (struct ao_key) {
			.algorithm = v->algorithm, .octets = SECRET, .len = strlen(SECRET), .mac_len = AO_USUAL_MAC,
			.no_options = v->no_options,
		};
		for (size_t i = 0; i < SEGMENTS; i++)
			try(&key, v->ip, v->of[i].segment, v->of[i].traffic_key);
	}
}

UNIT(extension, "sequence number extension")
{
	UNIT_CHECK(!ao_sne(0xffffff00, 0xffffffff));
	UNIT_CHECK(ao_sne(0xffffff00, 0) == 1);
	UNIT_CHECK(ao_sne(0xffffff00, 0x70000000) == 1);
	UNIT_CHECK(!ao_sne(5, 0x7fffffff));
	UNIT_CHECK(ao_sne(5, 4) == 0);
	UNIT_CHECK(ao_sne(0, 0xffffffff) == 0xffffffff);
}

UNIT_MAIN
