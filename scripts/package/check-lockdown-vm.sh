# SPDX-License-Identifier: GPL-2.0
#
# make package-check, in the virtual machine: under lockdown=integrity, as with Secure Boot, and under
# lockdown=confidentiality, with a module that DKMS has signed by a key that the kernel does not know.

. /root/check/check-lib-vm.sh

signed()
{
	modinfo -F signer xtcp | grep -q .
}

# refused COMMAND...: modprobe or insmod
refused()
{
	"$@" 2>&1 | grep -q 'Operation not permitted'
}

# says_why: the kernel says it at most ten times in five seconds, and a boot under confidentiality has used them up
says_why()
{
	local until=$((SECONDS + 60))

	until dmesg | grep -q 'Lockdown: modprobe: unsigned module loading is restricted'; do
		[ "$SECONDS" -lt "$until" ] && refused modprobe xtcp || return 1
	done
}

mode=$(grep -o 'lockdown=[a-z]*' /proc/cmdline)
check "the kernel has booted with $mode" sh -c "dmesg | grep -q 'Kernel is locked down'"
check "DKMS has signed the module" signed
check "modprobe: not permitted" refused modprobe xtcp
check "the kernel's log says why" says_why
check "insmod: not permitted" refused insmod "$(modinfo -n xtcp)"
# what strip leaves has no signature
check "nor is one without a signature" sh -c 'strip -g -o /tmp/unsigned.ko "$(modinfo -n xtcp)" && ! modinfo -F signer /tmp/unsigned.ko | grep -q .'
check "insmod of that: not permitted" refused insmod /tmp/unsigned.ko
check "xtcp_run says that the module does not load" \
	sh -c 'xtcp_run curl http://127.0.0.1/ 2>&1 | grep -q "^xtcp_run: the xtcp module is installed, but does not load"'
check "a socket finds no family" sh -c \
	'python3 -c "import socket; socket.socket(25, socket.SOCK_STREAM, 0)" 2>&1 | grep -q "Address family not supported"'
check "kernel TCP is as before" sh -c 'nginx && curl -s --max-time 20 http://127.0.0.1/ | grep -q nginx'
