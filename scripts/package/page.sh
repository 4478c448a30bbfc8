#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
#   scripts/package/page.sh PROGRAM
#
# The manual page of a program of scripts/tools: what it says with --help, but not what ss and nstat
# say behind it. Paragraphs are filled, what is indented or has columns stays as it is.

set -eu -o pipefail
name=${1##*/}
export LC_ALL=C.UTF-8 COLUMNS=100
"$1" --help 2>/dev/null | sed '/^Usage: /,$d' | awk -v RS= -v name="$name" '
	function roff(text) {
		gsub(/\\/, "\\e", text)
		gsub(/-/, "\\-", text)
		gsub(/\n\./, "\n\\\\\\&.", text)
		return text
	}
	NR == 1 { usage = roff($0); next }
	NR == 2 {
		what = $0
		gsub(/\n/, " ", what)
		sub(/[.:]( .*)?$/, "", what)
		printf ".\\\" made by scripts/package/page.sh\n.TH %s 1\n.SH NAME\n%s \\- %s\n", toupper(name), name, roff(what)
		printf ".SH SYNOPSIS\n.nf\n%s\n.fi\n.SH DESCRIPTION\n", usage
	}
	{ print (NR > 2 ? ".PP\n" : "") (/\n |^ |  / ? ".nf\n" roff($0) "\n.fi" : roff($0)) }
	END { printf ".SH SEE ALSO\nxtcp(1), xtcp(7)\n" }'
