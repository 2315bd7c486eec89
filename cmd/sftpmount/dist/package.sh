#!/bin/sh
# package.sh ROOT VERSION MAINTAINER EPOCH adds to the tree that was installed
# below ROOT what Debian wants of a package: compressed manual pages, the
# licence, the changes, and why the program is as it is. All files are of EPOCH,
# so that the same sources make the same package.
set -eu
root=$1 version=$2 maintainer=$3 epoch=$4
doc=$root/usr/share/doc/sftpmount
mkdir -p "$doc" "$root/usr/share/lintian/overrides"
for page in "$root"/usr/share/man/man*/*; do
	if [ -L "$page" ]; then
		ln -sf "$(readlink "$page").gz" "$page.gz"
		rm "$page"
	else
		gzip -9n "$page"
	fi
done
cat >"$doc/copyright" <<-END
	Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
	Upstream-Name: sftpmount

	Files: *
	Copyright: 2026 the authors of sftpmount
	License: Apache-2.0
	 The full text is in /usr/share/common-licenses/Apache-2.0.
END
gzip -9nc CHANGELOG.md >"$doc/changelog.gz"
gzip -9n >"$doc/changelog.Debian.gz" <<-END
	sftpmount ($version-1) unstable; urgency=medium

	  * All changes are in changelog.gz.

	 -- $maintainer  $(date -u -R -d "@$epoch")
END
cat >"$root/usr/share/lintian/overrides/sftpmount" <<-END
	# Go programs are, so that they run on any system.
	sftpmount: statically-linked-binary
END
find "$root" -exec touch -h -d "@$epoch" {} +
