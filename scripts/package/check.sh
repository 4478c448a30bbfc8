#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# make package-check: README.md's three lines are followed in a new Debian, from the sources on. Then
# packages that are made here are looked at by lintian, installed in another new Debian and used in
# virtual machines whose root that is: the module loads by itself, a server and its clients talk, an
# upgrade and a removal under open sockets, services of systemd, lockdown, a kernel update, make
# install in place of the packages. Needs root, since it mounts and changes root; all of that is in a
# mount namespace and a folder of its own.
# Each target of make finds what it is asked for on a minimal Debian, and installs what it needs. make demo runs on
# Debian 13, and where Containerfile has been followed, with a container's few rights.
# README.md's lines are followed word by word, from the sources of a commit, where make and sudo are. apt installs both
# packages in less than 60 s of a processor. A socket loads the module only where the package's line for that is taken;
# root's xtcp_run loads it, and another user's says who may. nginx under xtcp_run serves its page to curl and to
# xtcp_run curl; nginx is a service of systemd by the documentation's drop-in, reloaded, and with its families
# restricted; a static program is a service by xtcp_run. Upgrade and removal: what they say, and that nothing is left.
# The kernel update is to 6.12, for which DKMS builds. Lockdown: both kinds, before the module is loaded and after. What
# make install and make uninstall do, in a machine that boots with Secure Boot, and the names in modprobe.conf and the
# manual pages: check-files.sh.
# Prints TAP; the last line counts.

set -u
[ $# -eq 0 ] || { echo "scripts/package/check.sh takes no arguments" >&2; exit 2; }
cd "$(dirname "$0")/../.."
. scripts/kernel/cache.sh
. scripts/kernel/kernel.sh
. scripts/package/fresh-root.sh

series=6.12	# of the kernel update
firmware=()
[ "$XTCP_ARCH" != amd64 ] ||
	firmware=(--firmware /usr/share/OVMF/OVMF_CODE_4M.secboot.fd,/usr/share/OVMF/OVMF_VARS_4M.snakeoil.fd)

# verdict NAME STATUS: what was said meanwhile is in $work/log
verdict()
{
	if [ "$2" = 0 ]; then
		echo "ok - package: $1"
	else
		tail -n 40 "$work/log" | sed 's/^/# /'
		echo "not ok - package: $1"
	fi
}

# machine RELEASE APPEND SCRIPT [OPTION]...: its TAP lines come out
machine()
{
	scripts/vm/vm.sh --root "$work/root" --kernel "$work/root/boot/vmlinuz-$1" --timeout 2400 --append "$2" "${@:4}" -- \
		bash "/root/check/$3" 2>&1 | tee "$work/log"
	[ "${PIPESTATUS[0]}" -eq 0 ] || verdict "the machine for $3" 1
}

release_of()
{
	ls "$work/root/boot" | sed -n "s/^vmlinuz-\($1\..*\)/\1/p" | sort -V | tail -n 1
}

# install_packages: as a user does, downloads included. The bound is on what the processors do, for
# others may be at work here.
install_packages()
{
	local status spent TIMEFORMAT='%R %U %S'

	inside "$work/root" apt-get -q update >"$work/log" 2>&1
	{ time inside "$work/root" sh -c 'apt-get -q -y --no-install-recommends install /root/check/old/*.deb' \
		>>"$work/log" 2>&1; } 2>"$work/time"
	status=$?
	verdict "apt installs both, with what they need" $status
	read -ra spent <"$work/time"
	echo "# in ${spent[0]} s; the processors worked ${spent[1]} s for it, and the kernel ${spent[2]} s"
	awk '{ exit !($2 + $3 < 60) }' "$work/time"
	verdict "in less than 60 s of a processor" $?
	built_for "$(release_of 6.1)"
}

# built_for RELEASE: DKMS has, and its log begins and ends with the build
built_for()
{
	local file log

	# some kernels have theirs compressed
	file=$(compgen -G "$work/root/lib/modules/$1/updates/dkms/xtcp.ko*")
	verdict "DKMS has built the module for $1" $?
	log=$(compgen -G "$work/root/var/lib/dkms/xtcp/$old/$1/*/log/make.log") &&
		echo "# in $(($(stat -c %Y "$log") - $(date -d "$(sed -n 2p "$log")" +%s))) s"
	[ "$(modinfo -F version "${file:-none}")" = "$old" ]
	verdict "modinfo says version $old" $?
}

# own_algorithm: README.md's, by the example
own_algorithm()
{
	inside "$work/root" sh -c 'cd /usr/src && mkdir xtcp-cong-aimd-1 && cp /root/check/cong_aimd.c xtcp-cong-aimd-1 &&
		cp /usr/share/doc/xtcp-tools/examples/dkms.conf xtcp-cong-aimd-1 && dkms install xtcp-cong-aimd/1 -k "$1"' sh \
		"$(release_of 6.1)" >"$work/log" 2>&1
	verdict "DKMS builds a congestion control of one's own" $?
}

update_kernel()
{
	inside "$work/root" apt-get -q -y --no-install-recommends install "linux-image-$series-$XTCP_ARCH" "linux-headers-$series-$XTCP_ARCH" >"$work/log" 2>&1
	verdict "a kernel update goes through" $?
	built_for "$(release_of $series)"
	# one newer than any that it was tried on: there are but headers, of another name
	mkdir "$work/root/lib/modules/100.0.0-untried"
	ln -s "$(inside "$work/root" readlink -f "/lib/modules/$(release_of 6.1)/build")" "$work/root/lib/modules/100.0.0-untried/build"
	inside "$work/root" /etc/kernel/header_postinst.d/dkms 100.0.0-untried >"$work/log" 2>&1 &&
		[ ! -e "$work/root/lib/modules/100.0.0-untried/updates" ]
	verdict "so does one to a kernel newer than any that xtcp was tried on, without xtcp" $?
	rm -r "$work/root/lib/modules/100.0.0-untried"
}

# packages VERSION FOLDER
packages()
{
	VERSION=$1 scripts/package/deb.sh >"$work/log" 2>&1
	verdict "make deb" $?
	mkdir -p "$work/root/root/check/$2"
	cp build/deb/*_"$1"_*.deb "$work/root/root/check/$2/"
}

# new_debian NAME: in $work/root, with what the machine runs
new_debian()
{
	mkdir "$work/$1" "$work/$1.work"
	mount -t overlay -o "lowerdir=$base,upperdir=$work/$1,workdir=$work/$1.work" overlay "$work/root" >"$work/log" 2>&1 ||
		{ verdict "an overlay for $1" 1; exit 1; }
	mkdir "$work/root/root/check"
	cp scripts/package/check-*-vm.sh "$work/root/root/check/"
	sed -e '1,/^```c$/d' README.md | sed '/^```/,$d' >"$work/root/root/check/cong_aimd.c"
}

# sources: those of now, as a release has them
sources()
{
	mkdir "$work/root/root/xtcp"
	git archive HEAD | tar -x -C "$work/root/root/xtcp"
}

# by_readme: as README.md says, word by word; apt does not ask whether it may, and a Debian is
# larger than this one, which lacks make and sudo
by_readme()
{
	local lines line

	mapfile -t lines < <(sed -n '/^## Install it$/,/^## /s/^    //p' README.md)
	[ "${#lines[@]}" -eq 3 ]
	verdict "README.md installs by three lines" $?
	new_debian readme
	sources
	mounts "$work/root"
	echo 'APT::Get::Assume-Yes "true";' >"$work/root/etc/apt/apt.conf.d/yes"
	inside "$work/root" apt-get -q update >"$work/log" 2>&1 && inside "$work/root" apt-get -q install make sudo >>"$work/log" 2>&1
	verdict "apt installs make and sudo" $?
	for line in "${lines[@]:0:2}"; do
		line=$(sed 's/ *#.*//' <<<"$line")
		inside "$work/root" sh -c "cd /root/xtcp && $line" >"$work/log" 2>&1
		verdict "in a new Debian: $line" $?
	done
	echo "${lines[2]}" >"$work/root/root/check/line"
	settle
	machine "$(release_of 6.1)" "" check-readme-vm.sh
	umount "$work/root"
}

check_all()
{
	new_debian packages
	packages "$old" old
	lintian --allow-root --fail-on error,warning "build/deb/xtcp_${old}_$XTCP_ARCH.changes" >"$work/log" 2>&1
	verdict "lintian has nothing to say" $?
	packages "$new" new
	mounts "$work/root"
	install_packages
	own_algorithm
	inside "$work/root" apt-get -q -y --no-install-recommends install systemd \
		haproxy memcached openssh-server postgresql redis-server >"$work/log" 2>&1
	verdict "apt installs systemd and services" $?
	settle
	machine "$(release_of 6.1)" "" check-use-vm.sh
	machine "$(release_of 6.1)" "" check-service-vm.sh
	machine "$(release_of 6.1)" "lockdown=integrity" check-lockdown-vm.sh
	machine "$(release_of 6.1)" "lockdown=confidentiality" check-lockdown-vm.sh
	mounts "$work/root"
	update_kernel
	settle
	machine "$(release_of $series)" "" check-update-vm.sh
	mounts "$work/root"
	install_by_make "$(release_of 6.1)"
	settle
	machine "$(release_of 6.1)" "" check-make-vm.sh "${firmware[@]}"
}

# install_by_make RELEASE: after the packages have gone. Kernel and module are signed by a key that the firmware knows, which
# Debian's package has for such tests.
install_by_make()
{
	local kdir=/lib/modules/$1/build kernel=$work/root/boot/vmlinuz-$1 known=/usr/share/ovmf/PkKek-1-snakeoil

	sources
	openssl rsa -in "$known.key" -passin pass:snakeoil -out "$work/root/root/key.pem" >"$work/log" 2>&1 &&
		openssl x509 -in "$known.pem" -outform DER -out "$work/root/root/key.der" &&
		sbsign --key "$work/root/root/key.pem" --cert "$known.pem" --output "$kernel" "$kernel" >>"$work/log" 2>&1
	verdict "the kernel is signed" $?
	inside "$work/root" sh -c "dkms remove xtcp-cong-aimd/1 --all && rm -r /usr/src/xtcp-cong-aimd-1" >"$work/log" 2>&1
	verdict "DKMS lets a congestion control go" $?
	inside "$work/root" sh -c "apt-get -q -y purge xtcp-dkms xtcp-tools && cd /root/xtcp && make KDIR=$kdir &&
		make install KDIR=$kdir SIGN_KEY=/root/key.pem SIGN_CERT=/root/key.der" >>"$work/log" 2>&1
	verdict "make install" $?
}

# each_target: on a minimal Debian of its own each group of targets looks up what it is asked for, and installs what it needs
each_target()
{
	local group target

	minimal bookworm
	while read -r group target; do
		over bookworm "$group"
		inside "$work/root" sh -c "apt-get -q update && cd /root/xtcp && make $target needs-$group &&
			[ -z \"\$(scripts/kernel/deps.sh --missing $group)\" ]" </dev/null >"$work/log" 2>&1 &&
			! grep -E ': (command )?not found' "$work/log"
		verdict "on a minimal Debian: make $target needs-$group" $?
		away "$group"
	done <<-END
		demo asked-demo
		tour asked-tour
		check asked-check asked-check-quick
		lab asked-ab asked-explore asked-lab CC2=bbr
		check-rest asked-matrix asked-bench asked-soak asked-debug-kernel
		coverage asked-coverage
		programs asked-programs
		arm64
		package
		package-check
	END
}

# minimal SUITE: a Debian with git and make, in $work/SUITE, for overlays
minimal()
{
	debootstrap --variant=minbase --include=ca-certificates,gpgv,git,make "$1" "$work/$1" "$mirror" >"$work/log" 2>&1
	verdict "debootstrap makes a minimal $1" $?
}

# over SUITE NAME: $work/root is a new one of these
over()
{
	mkdir "$work/$2" "$work/$2.work"
	mount -t overlay -o "lowerdir=$work/$1,upperdir=$work/$2,workdir=$work/$2.work" overlay "$work/root" >"$work/log" 2>&1 ||
		{ verdict "an overlay for $2" 1; exit 1; }
	sources
	mounts "$work/root"
}

# away NAME
away()
{
	umount -l "$work/root/tmp" "$work/root/dev" "$work/root/proc" "$work/root"
	rm -rf --one-file-system "${work:?}/$1" "$work/$1.work"
}

# elsewhere: make demo on the next Debian, and in a container: Containerfile's lines by hand, and the rights that docker gives
elsewhere()
{
	local line

	minimal trixie
	over trixie next
	sed -i 's/bookworm/trixie/' "$work"/root/etc/apt/sources.list.d/debian*
	inside "$work/root" sh -c "apt-get -q update && cd /root/xtcp && make demo" </dev/null >"$work/log" 2>&1
	verdict "on Debian 13: make demo" $?
	away next
	over bookworm container
	mv "$work/root/root/xtcp" "$work/root/xtcp"
	while read -r line; do
		inside "$work/root" sh -c "cd /xtcp && $line" </dev/null >"$work/log" 2>&1
		verdict "in a container: $line" $?
	done < <(sed -n 's/^RUN //p' scripts/package/Containerfile)
	inside "$work/root" setpriv --bounding-set=-all,+chown,+dac_override,+fowner,+fsetid,+kill,+setgid,+setuid,+setpcap \
		sh -c "cd /xtcp && make demo" </dev/null >"$work/log" 2>&1
	verdict "in a container: make demo" $?
	away container
}

# settle: what only apt wanted is not in the machine's way
settle()
{
	umount -l "$work/root/tmp" "$work/root/dev" "$work/root/proc"
	rm "$work/root/usr/sbin/policy-rc.d"
}

[ "$(id -u)" = 0 ] || { echo "package-check: needs root, to mount and to change root" >&2; exit 1; }
if [ -z "${XTCP_PACKAGE_NAMESPACE-}" ]; then
	XTCP_PACKAGE_NAMESPACE=1 exec unshare --mount --propagation private "$0"
fi
base=$(scripts/package/fresh-root.sh) || exit 1
old=$(scripts/package/deb.sh --version)
new=$old+next
work=$(mktemp -d "$XTCP_CACHE/package.XXXXXX")
at_end 'umount -l "$work/root" 2>/dev/null; rm -rf --one-file-system "$work"'
chmod 755 "$work"
mkdir "$work/root"
mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | head -n 1)
{ each_target; elsewhere; by_readme; check_all; } | tee "$work/tap"
failed=$(grep -c '^not ok' "$work/tap")
echo "$(grep -c '^ok' "$work/tap") passed, $failed failed"
[ "$failed" -eq 0 ]
