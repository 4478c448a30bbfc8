#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# QEMU's e1000e and vmxnet3 offer TSO, and where their other side takes no large packets (-netdev hubport, socket, stream,
# user) they do not cut what the guest gives them into TCP segments: they cut one large segment into IP fragments, which the
# receiver has to put together. e1000 of the same QEMU cuts segments.
#
# Seen with QEMU 7.2 and Linux 6.1 of Debian 12, which this script unpacks into a folder of its own. Two cards of one guest
# are joined, kernel TCP sends 4 MB from one network namespace to the other, and the receiver's IP says whether fragments
# came. It needs apt, and takes two minutes without KVM. It prints what is below, or fails.

set -eu
qemu=1:7.2+dfsg-7+deb12u18+b3 kernel=6.1.0-50-amd64
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/debs/partial" "$work/sys" "$work/guest/m" "$work/guest/dev"
: >"$work/none"
apt-get -qq -y -o APT::Sandbox::User=root -o Dir::State::Status="$work/none" -o Dir::Cache::archives="$work/debs" \
	-o Debug::NoLocking=1 --download-only --no-install-recommends install "qemu-system-x86=$qemu" "linux-image-$kernel" \
	busybox-static >/dev/null
for deb in "$work"/debs/*.deb; do
	dpkg-deb -x "$deb" "$work/sys"
done
find "$work/sys/lib/modules" \( -name e1000.ko -o -name e1000e.ko -o -name vmxnet3.ko -o -name ptp.ko -o -name pps_core.ko \) \
	-exec cp {} "$work/guest/m/" \;
cp "$work/sys/bin/busybox" "$work/guest/"
cat >"$work/guest/init" <<'END'
#!/busybox sh
b=/busybox
$b mkdir /proc
$b mount -t proc proc /proc
$b mount -t devtmpfs dev /dev
for module in pps_core ptp e1000 e1000e vmxnet3; do $b insmod /m/$module.ko 2>/dev/null; done
$b unshare -n $b sh -c 'echo >/ready; while [ ! -e /go ]; do $0 usleep 10000; done
	$0 ip addr add 10.0.0.2/24 dev eth1; $0 ip link set eth1 up; $0 mkfifo /hold; $0 nc -l -p 7 <>/hold | $0 wc -c >/dev/ttyS1
	$0 awk "/^Ip: [0-9]/ { print (\$16 > 0) ? \"has\" : \"no\", \"fragments\" }" /proc/net/snmp >/dev/ttyS1
	$0 reboot -f' $b &
while [ ! -e /ready ]; do $b usleep 10000; done
$b ip link set eth1 netns $!
echo >/go
$b ip addr add 10.0.0.1/24 dev eth0
$b ip link set eth0 up
until $b dd if=/dev/zero bs=65536 count=64 2>/dev/null | $b nc 10.0.0.2 7; do $b usleep 100000; done
$b sleep 1000
END
chmod 755 "$work/guest/init"
(cd "$work/guest" && find . | ./busybox cpio -o -H newc 2>/dev/null) >"$work/initramfs"
for model in e1000 vmxnet3 e1000e; do
	echo "$model:"
	LD_LIBRARY_PATH=$work/sys/usr/lib/x86_64-linux-gnu:$work/sys/lib/x86_64-linux-gnu timeout 100 \
		"$work/sys/usr/bin/qemu-system-x86_64" -L "$work/sys/usr/share/qemu" -L "$work/sys/usr/share/seabios" \
		-nodefaults -no-user-config -no-reboot -display none -m 512 -accel tcg -cpu max -serial "file:$work/console" -serial stdio \
		-kernel "$work/sys/boot/vmlinuz-$kernel" -initrd "$work/initramfs" -append "console=ttyS0 quiet panic=-1" \
		-netdev hubport,id=a,hubid=1 -device "$model,netdev=a,mac=52:54:00:00:00:01,romfile=" \
		-netdev hubport,id=b,hubid=1 -device "$model,netdev=b,mac=52:54:00:00:00:02,romfile=" </dev/null 2>/dev/null | tr -d '\r'
done | tee "$work/said"
diff "$work/said" - <<'END'
e1000:
4194304
no fragments
vmxnet3:
4194304
has fragments
e1000e:
4194304
has fragments
END
