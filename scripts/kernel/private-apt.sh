# SPDX-License-Identifier: GPL-2.0
#
# An apt with folders of its own, for packages of another suite; sourced by the other
# scripts. Nothing is installed, and the machine's apt stays as it is. It takes only
# what the distribution's keyring has signed. The sourcing script has a die().

own=()	# what makes apt's folders our own, if they are

# private_apt SUITES FOLDER [ARCH]: from now on apt-get "${own[@]}" knows these suites alone, of the mirrors that
# this machine takes the distribution and its security updates from, if any, or of XTCP_MIRROR, and no package that is
# installed. With ARCH it is one for such a machine, and knows this machine's packages, too.
private_apt()
{
	local suite mirror mirrors dir=$2 keyring=/usr/share/keyrings/debian-archive-keyring.gpg

	[ -e "$keyring" ] || die "$keyring is missing; please install debian-archive-keyring"
	mkdir -p "$dir/lists/partial" "$dir/archives/partial" "$dir/preferences"
	: >"$dir/status"
	: >"$dir/sources.list"
	mirrors=$(. /etc/os-release && [ "${ID-}" != debian ] ||
		apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages')
	for suite in $1; do
		mirror=$(. /etc/os-release && awk -v release="${VERSION_CODENAME-}$(grep -o -- '-security$' <<<"$suite")" \
			'$1 == release { print $2; exit }' <<<"$mirrors")
		case $suite in
		*-security) [ -n "$mirror" ] || continue ;;
		*) mirror=${XTCP_MIRROR-$mirror} ;;
		esac
		[ -n "$mirror" ] || die "apt has no mirror of Debian here, so there is nothing of $suite; XTCP_MIRROR=URL names one"
		echo "deb [arch=${3:+$3,}$XTCP_ARCH signed-by=$keyring] $mirror $suite main" >>"$dir/sources.list"
	done
	own=(-o "Dir::Etc::SourceList=$dir/sources.list" -o Dir::Etc::SourceParts=-
		-o "Dir::Etc::PreferencesParts=$dir/preferences" -o "Dir::State::Lists=$dir/lists"
		-o "Dir::State::Status=$dir/status" -o "Dir::Cache::Archives=$dir/archives" -o Dir::Cache::pkgcache=
		-o Dir::Cache::srcpkgcache= -o "APT::Sandbox::User=$(id -un)" -o Debug::NoLocking=1)
	[ -z "${3-}" ] || own+=(-o "APT::Architecture=$3" -o "APT::Architectures::=$3" -o "APT::Architectures::=$XTCP_ARCH")
	apt-get -q "${own[@]}" update >&2 || die "apt-get update failed for $1"
}
