#!/bin/sh
# The programs with what is needed to install them by hand, in one file.
#   tarball.sh FOLDER_OF_PROGRAMS VERSION ARCHIVE
set -eu
programs=$1 version=$2 archive=$3
here=$(cd "$(dirname "$0")" && pwd)
SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(date +%s)}"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
name=weft-$version
root=$folder/$name
install -D -m 0755 "$programs/weft" "$root/bin/weft"
# The local model's program, where it was built.
[ ! -f "$programs/local-llm" ] || install -m 0755 "$programs/local-llm" "$root/bin/local-llm"
install -m 0644 "$here/../LICENSE" "$here/../README.md" "$here/../CHANGELOG.md" "$root/"
cp -R "$here/../docs" "$root/docs"
mkdir -p "$root/deploy"
cp -R "$here/README.md" "$here/compose" "$here/kubernetes" "$here/postgres" "$here/systemd" "$root/deploy/"
chmod -R u=rwX,go=rX "$root"
mkdir -p "$(dirname "$archive")"
tar --create --directory "$folder" --sort=name --format=posix --numeric-owner --owner=0 --group=0 --mtime="@$SOURCE_DATE_EPOCH" \
    --pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime "$name" | gzip --no-name --best >"$archive"
echo "$archive: $(stat --format %s "$archive") bytes"
