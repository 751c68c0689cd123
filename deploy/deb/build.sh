#!/bin/sh
# A package for Debian: the program, its services, its settings.
#   build.sh PROGRAM VERSION PACKAGE
# It is for the release of Debian that it is built on, or newer: the program needs the C library of where it was linked.
set -eu
program=$1 version=$2 package=$3
here=$(cd "$(dirname "$0")" && pwd)
export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(date +%s)}"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
root=$folder/root
mkdir -p "$root/DEBIAN"

install -D -m 0755 "$program" "$root/usr/bin/weft"
for unit in weft-web.service weft-work@.service weft-migrate.service; do
    install -D -m 0644 "$here/../systemd/$unit" "$root/usr/lib/systemd/system/$unit"
done
install -D -m 0640 "$here/../systemd/weft.env" "$root/etc/weft/weft.env"
install -D -m 0644 "$here/copyright" "$root/usr/share/doc/weft/copyright"
gzip --no-name --best --stdout "$here/../../CHANGELOG.md" >"$root/usr/share/doc/weft/CHANGELOG.md.gz"
chmod 0644 "$root/usr/share/doc/weft/CHANGELOG.md.gz"
find "$root" -type d -exec chmod 0755 {} +

libc=$(dpkg-query --show --showformat '${Version}' libc6 | sed 's/-.*//')
cat >"$root/DEBIAN/control" <<CONTROL
Package: weft
Version: $version
Architecture: $(dpkg --print-architecture)
Maintainer: The Weft maintainers <maintainers@weft.invalid>
Installed-Size: $(du --summarize --apparent-size --block-size=1024 "$root/usr" | cut -f 1)
Depends: libc6 (>= $libc), libgcc-s1, ca-certificates, adduser
Recommends: postgresql
Section: web
Priority: optional
Description: workflows of AI agents that people stay in control of
 Admins draw a workflow on a canvas; users start it, watch it live, stop it
 where a person must look, and edit, reject or retry what an agent wrote.
 Every result is a version with its lineage, in Postgres.
CONTROL
echo /etc/weft/weft.env >"$root/DEBIAN/conffiles"
install -m 0755 "$here/postinst" "$here/prerm" "$here/postrm" "$root/DEBIAN/"
find "$root" -exec touch --no-dereference --date "@$SOURCE_DATE_EPOCH" {} +
mkdir -p "$(dirname "$package")"
dpkg-deb --build --root-owner-group -Zzstd "$root" "$package"
