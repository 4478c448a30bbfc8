#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What gets installed says what the programs and the module say, and goes as it came:
# the parameters of the module in modprobe.conf and xtcp.7, the manual pages' form; an
# installation below an empty folder leaves it empty.
# Every line that it prints is something wrong.

set -u
cd "$(dirname "$0")/../.."
here=scripts/package

# differ NAME NAME: of two lists on descriptors 3 and 4
differ()
{
	diff /dev/fd/3 /dev/fd/4 | sed -n "s|^<|only in $1:|p; s|^>|only in $2:|p"
}

parameters()
{
	grep -rhoE '^module_param_(named\(\w+|cb\((family|protocol))' module | sed 's/.*(//' | sort
}

check_parameters()
{
	differ "the module" $here/modprobe.conf 3< <(parameters) \
		4< <(sed -nE 's/^# options xtcp (\w+)=.*/\1/p' $here/modprobe.conf | sort)
	differ "the module" $here/xtcp.7 3< <(parameters) \
		4< <(sed -n '/^\.SH MODULE PARAMETERS/,/^\.SH FILES/s/^\\fB\([a-z_]*\)\\fR$/\1/p' $here/xtcp.7 | sort)
	differ "the module" module/INSTALLING.md 3< <(parameters) \
		4< <(sed -n '/^| parameter of/,/^$/s/^| `\([a-z_]*\)=.*/\1/p' module/INSTALLING.md | sort)
	# as modprobe reads it, when every # is gone that may go
	grep -vE '^(#( [A-Z0-9/a-z].*)?)?$' $here/modprobe.conf | sed 's|^|'$here'/modprobe.conf: not a comment: |'
}

check_page()
{
	mandoc -T lint -W warning $here/xtcp.7
	# what macros make of C, and what only installing fills in
	mandoc -T ascii $here/xtcp.7 | col -b | grep -nE '^ *[=;]+$|;;|=$|@[a-z]+@' | sed "s|^|$here/xtcp.7, as it is shown: |"
	mandoc -T ascii $here/xtcp.7 | col -b | sed -n '/^SYNOPSIS/,/^DESC/p' |
		grep -q '= socket(AF_XTCP, SOCK_STREAM, XTCPPROTO_IPV4);$' || echo "$here/xtcp.7: no call in its SYNOPSIS"
}

# tree DIR: what is in it
tree()
{
	(cd "$1" && find . ! -path . | LC_ALL=C sort)
}

check_goes()
{
	local dir before word program

	dir=$(mktemp -d "${TMPDIR:-/tmp}/xtcp-install.XXXXXX") || return
	echo 'int x;' | gcc -g -x c -c -o "$dir/xtcp.ko" -
	for word in 1.2.3 4.5.6; do
		mkdir -p "$dir/$word/include/generated"
		echo "#define UTS_RELEASE \"$word\"" >"$dir/$word/include/generated/utsrelease.h"
	done
	mkdir -p "$dir/root/usr/local/bin"
	: >"$dir/root/usr/local/bin/other"
	before=$(tree "$dir/root")
	install_as()
	{
		DESTDIR=$dir/root scripts/package/install.sh "$@" 2>&1 | grep -v '^Installed'
	}
	install_as install "$dir/xtcp.ko" "$dir/1.2.3"
	install_as install "$dir/xtcp.ko" "$dir/4.5.6"
	for word in lib/modules/{1.2.3,4.5.6}/updates/xtcp.ko usr/local/{bin/xtcp_run,lib/xtcp/xtcp_run.so,include/linux/xtcp.h}; do
		[ -s "$dir/root/$word" ] || echo "make install: no $word"
	done
	grep -noE '\]\([^)#]*/[^)]*\)' "$dir"/root/usr/local/share/doc/xtcp/*.md | grep -v '(https\?://' |
		sed "s|^$dir/root|installed: a link into the sources: |"
	for word in scripts/tools/xtcp*; do
		mandoc -T lint -W error "$dir/root/usr/local/share/man/man1/${word##*/}.1"
	done
	for word in "$dir"/root/usr/local/bin/*; do
		case ${word##*/} in
		other) ;;
		xtcp_run) "$word" --name xtcp_nosuch true 2>&1 | grep -q 'module is not loaded: ' || echo "${word##*/}, installed: does not ask for the module" ;;
		xtcp-blackbox | xtcp-holders | xtcp-ladder | xtcp-paths | xtcp-plot | xtcp-policy | xtcp-service | xtcp-trace | xtcp-upgrade | xtcp-watch | xtcp-why)
			"$word" --help 2>&1 | grep -q '^Says why rmmod\|^  -h, --help' || echo "${word##*/}, installed: does not run" ;;
		xtcp)
			"$word" --version | grep -qxF "xtcp $(sed -nE 's/^MODULE_VERSION\("(.*)"\);$/\1/p' module/main.c)" ||
				echo "xtcp, installed: no version"
			for program in ss nstat watch ladder plot why holders upgrade blackbox policy cong service; do
				"$word" $program --help 2>&1 | grep -q "^xtcp-$program " || echo "xtcp $program, installed: does not run"
			done
			"$word" tour 2>&1 | grep -q 'the tour is in the sources' || echo "xtcp tour, installed: no sentence" ;;
		esac
	done
	install_as uninstall
	diff <(echo "$before") <(tree "$dir/root") | sed -n 's/^>/make uninstall leaves:/p; s/^</make uninstall takes:/p'
	install_as uninstall | grep -q '^uninstall: nothing is installed there' || echo "make uninstall, twice: no sentence"
	rm -rf "$dir"
}

check_parameters
check_page
check_goes
