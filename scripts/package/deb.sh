#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# make deb: xtcp-dkms and xtcp-tools, in build/deb. The version is that of the module; as long as it
# is not tagged, one before it that grows with each commit; packages of earlier ones are removed.
# VERSION in the environment is another one, beside those that are there; DEBFULLNAME and DEBEMAIL say
# who packages it.

set -eu
[[ $# -eq 0 || $* = --version ]] || { echo "scripts/package/deb.sh takes no arguments" >&2; exit 2; }
cd "$(dirname "$0")/../.."

fail()
{
	echo "deb: $*" >&2
	exit 1
}

# version: 0.1, or 0.1~541.g4711abc
version()
{
	local number

	number=$(sed -nE 's/^MODULE_VERSION\("(.*)"\);$/\1/p' module/main.c)
	if [ -e .git ] && [ "$(git describe --tags --exact-match 2>/dev/null)" != "v$number" ]; then
		number+="~$(git rev-list --count HEAD).g$(git rev-parse --short HEAD)"
	fi
	echo "$number"
}

# changelog VERSION: what module/CHANGELOG.md says of the newest one
changelog()
{
	local when

	when=$(git log -1 --format=%cD 2>/dev/null) || when=$(date -R -r module/CHANGELOG.md)
	echo "xtcp ($1) UNRELEASED; urgency=medium"
	echo
	awk '/^## / { if (at++) exit; next } at && /^- / { print item; item = substr($0, 3) } at && /^  [^ ]/ { item = item " " $0 }
		END { print item }' module/CHANGELOG.md | sed '/^$/d; s/  */ /g' | while IFS= read -r item; do
		printf '%s\n' "$item" | fold -s -w 74 | sed 's/ *$//; 1s/^/  * /; 2,$s/^/    /'
	done
	echo
	echo " -- $maintainer  $when"
}

# kernels: what Kbuild takes, as a pattern: from 6.1 to the newest that xtcp was tried on
kernels()
{
	local newest

	newest=$(sed -n 's/^tried := .* //p' Kbuild)
	printf '^(6\.[1-9][0-9]*%s|%s\.(%s))[.-]' "$(seq -s '' -f '|%g\.[0-9]+' 7 $((${newest%.*} - 1)))" \
		"${newest%.*}" "$(seq -s '|' 0 "${newest#*.}")"
}

maintainer="${DEBFULLNAME:-The xtcp developers} <${DEBEMAIL:-xtcp@example.org}>"
beside=${VERSION-}
VERSION=${VERSION:-$(version)}
if [ "${1-}" = --version ]; then
	echo "$VERSION"
	exit
fi
[[ $VERSION =~ ^[0-9][0-9a-z.~+]*$ ]] || fail "'$VERSION' is no version"
work=build/deb/xtcp-$VERSION
rm -rf "$work"
# who says build/deb/*.deb means one version
[ -n "$beside" ] || rm -f build/deb/xtcp*_*.{deb,changes,buildinfo}
mkdir -p "$work"
cp -a Kbuild include module scripts "$work/"
find "$work" -name __pycache__ -prune -exec rm -r {} +
cp -a scripts/package/debian "$work/debian"
mkdir "$work/debian/source"
echo "3.0 (native)" >"$work/debian/source/format"
sed -i "s/^Maintainer: .*/Maintainer: $maintainer/" "$work/debian/control"
# what modinfo and the kernel's log say
sed -i "s/^MODULE_VERSION(.*/MODULE_VERSION(\"$VERSION\");/" "$work/module/main.c"
changelog "$VERSION" >"$work/debian/changelog"
sed -i "s/@kernels@/$(kernels | sed 's/\\/&&/g')/" "$work/debian/xtcp-dkms.dkms"
export DEB_BUILD_OPTIONS="nocheck noautodbgsym ${DEB_BUILD_OPTIONS-}"
# -d: scripts/kernel/deps.sh has looked for what is needed, which is not all of build-essential
(cd "$work" && dpkg-buildpackage -d -b -us -uc >../log 2>&1) || { tail -n 20 build/deb/log >&2; fail "all of it is in build/deb/log"; }
rm -rf "$work"
ls build/deb/*_"$VERSION"_*.deb
