#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Do the explorer's rules find what they are there to find? For each rule a module with one
# small defect is built, and the rule has to fail a seed of the first hundreds. The module as it
# is keeps all rules. One seed is the same run twice, octet for octet. Wrong arguments are refused.

set -u
cd "$(dirname "$0")/../.."
. scripts/kernel/vm-module.sh
only=${1-}
case $#:$only in
0: | 1:octets | 1:wire | 1:progress | 1:close | 1:end | 1:counters | 1:info | 1:state | 1:log) ;;
*) echo "Usage: scripts/check/check-explore.sh [octets|wire|progress|close|end|counters|info|state|log]" >&2; exit 2 ;;
esac
seeds=300

# Rule, file, what stands there, what the defect puts in its place: sed's s|||.
defects()
{
	cat <<-'END'
	octets|module/socket/recvmsg.c|copy_to_iter(skb->data + offset, len|copy_to_iter(skb->data + offset - (offset \&\& len == 100), len
	wire|module/base/rto.c|rto->backoff++;|rto->backoff \&= 1;
	progress|module/expiry/expiry.c|refused = xtcp_recovery_timeout(sk);|refused = xsk->tries.retransmits ? 0 : xtcp_recovery_timeout(sk);
	close|module/socket/close.c|	} else if (close_state(sk)) {|	} else if (sk->sk_state == TCP_ESTABLISHED \&\& xsk->snd.nxt != xsk->snd.write_seq) { send_rst(sk, XTCP_ABORT_UNREAD); xtcp_sock_fail(sk, 0, XTCP_ABORT_UNREAD); } else if (close_state(sk)) {
	end|module/timewait/record.c|fill_record(tw, sk, substate);|fill_record(tw, sk, TCP_FIN_WAIT2);
	counters|module/out/segment.c|XTCP_ADD_STATS(xn, TCP_MIB_RETRANSSEGS, segments);|XTCP_ADD_STATS(xn, TCP_MIB_RETRANSSEGS, 2 * segments);
	info|module/socket/status.c|info->tcpi_bytes_received = stream->bytes_received;|info->tcpi_bytes_received = stream->bytes_received + (stream->bytes_received > 5000);
	state|module/base/stream.c|kmem_cache_free(streams, tx->stream);|if ((unsigned long)tx->stream \& 0x1000) kmem_cache_free(streams, tx->stream);
	log|module/base/rto.c|rto->backoff++;|{ rto->backoff++; WARN_ON_ONCE(rto->backoff > 1); }
	END
}

image=$(vm_kernel lab) && scripts/check/selftests.sh tools || exit 1
vm_machine lab "$image"
out=$(mktemp -d build/check-explore.XXXXXX) || exit 1
trap 'rm -rf "$out"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
cp build/selftests/explore/explore "$out/"
status=0

# explored NAME: what the explorer says of the module in $out/NAME
explored()
{
	local release

	: >"$out/said"
	release=$(kernel_release "$image")
	(cd "$out/$1" && scripts/kernel/build-module.sh "${image%/*}/build" "build/$release" -s ARCH=um) || return 1
	strip -g -o "$out/$1.ko" "$out/$1/build/$release/xtcp.ko"
	"${machine[@]}" --seed 1 --memory 1G --timeout 1200 -- env XTCP_KO="$out/$1.ko" "$out/explore" 1 $seeds >"$out/said" 2>&1
}

# copied NAME: a folder with what the module is built from
copied()
{
	mkdir -p "$out/$1"
	cp -r Kbuild module include "$out/$1/"
	mkdir -p "$out/$1/selftests" "$out/$1/scripts/kernel"
	cp -r selftests/modules "$out/$1/selftests/"
	cp scripts/kernel/build-module.sh "$out/$1/scripts/kernel/"
}

# refused WORD ARGUMENT...: status 2, and a line with the word.
refused()
{
	local word=$1 said

	shift
	said=$(scripts/lab/explore.sh "$@" 2>&1)
	if [ $? -eq 2 ] && [[ $said == *"$word"* ]]; then
		echo "ok - explorer: $* is refused"
	else
		echo "not ok - explorer: $*: $said"
		status=1
	fi
}

# all but the defects
check_rest()
{
	refused "unknown option" --nosuch
	refused "not a number" --seeds 0
	refused "not a number" --only x
	refused "needs a number" --for
	refused "not both" --seeds 5 --for 5
	refused "no other range" --only 5 --from 5

	# what the network carried and what xtcp's tracepoints said, to the last digit
	scripts/lab/explore.sh --only 7 >"$out/once" 2>&1
	scripts/lab/explore.sh --only 7 >"$out/again" 2>&1
	if [ "$(wc -l <"$out/once")" -gt 50 ] && cmp -s "$out/once" "$out/again"; then
		echo "# $(wc -l <"$out/once") lines"
		echo "ok - explorer: a seed is the same run twice"
	else
		diff "$out/once" "$out/again" | head -n 20 | sed 's/^/# /'
		echo "not ok - explorer: a seed is the same run twice"
		status=1
	fi

	copied good
	if explored good; then
		tail -n 1 "$out/said"
		echo "ok - explorer: the module as it is"
	else
		grep -B 5 '^not ok' "$out/said" | head -n 40 | sed 's/^/# /'
		echo "not ok - explorer: the module as it is"
		status=1
	fi
}

[ -n "$only" ] || check_rest
while IFS='|' read -r rule file there instead; do
	[ -z "$only" ] || [ "$rule" = "$only" ] || continue
	copied "$rule"
	sed -i "s|$(sed 's/[][*.&\\]/\\&/g' <<<"$there")|$instead|" "$out/$rule/$file"
	if cmp -s "$file" "$out/$rule/$file"; then
		echo "# '$there' is not in $file"
		echo "not ok - explorer: finds the defect for $rule"
		status=1
		continue
	fi
	explored "$rule"
	found=$(grep -cE "^not ok - (seed|all of) .*: $rule: " "$out/said")
	others=$(grep -E '^not ok - (seed|all of) ' "$out/said" | grep -vcE ": $rule: ")
	if [ "$found" -gt 0 ]; then
		echo "# $found of $seeds seeds break this rule, $others break another one"
		echo "ok - explorer: finds the defect for $rule"
	else
		tail -n 5 "$out/said" | sed 's/^/# /'
		echo "not ok - explorer: finds the defect for $rule"
		status=1
	fi
done < <(defects)
exit $status
