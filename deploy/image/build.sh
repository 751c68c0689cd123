#!/bin/sh
# A container image as an OCI archive, out of packages of Debian and the program, without a daemon and without a base image.
#   build.sh PROGRAM VERSION ARCHIVE
# WEFT_IMAGE_ROOT: a tar file to take in place of what mmdebstrap makes, as tests do. SOURCE_DATE_EPOCH: the time of all that is in it.
# It must never put anything into the image that can start another program: no shell, no package manager.
set -eu

program=$1 version=$2 archive=$3
here=$(cd "$(dirname "$0")" && pwd)
export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(date +%s)}"
created=$(date --utc --date "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)
case $(uname -m) in
    x86_64) architecture=amd64 ;;
    aarch64) architecture=arm64 ;;
    *) echo "build.sh: no name for the architecture $(uname -m)" >&2; exit 1 ;;
esac
case $version in
    *[!0-9A-Za-z.-]*) echo "build.sh: the version $version is no tag" >&2; exit 1 ;;
esac

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
root=$folder/root layout=$folder/layout
mkdir -p "$root" "$layout/blobs/sha256"

if [ -z "${WEFT_IMAGE_ROOT:-}" ]; then
    # The libraries that the program needs, and the certificates that it trusts. Nothing is configured, so nothing of it runs.
    WEFT_IMAGE_ROOT=$folder/debian.tar
    mmdebstrap --quiet --variant=extract --include=base-files,libc6,libgcc-s1,ca-certificates \
        "${WEFT_IMAGE_SUITE:-$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)}" "$WEFT_IMAGE_ROOT"
fi
tar --extract --file "$WEFT_IMAGE_ROOT" --directory "$root" --no-same-owner --exclude './dev/*'

# What Debian's own script would do with the certificates.
mkdir -p "$root/etc/ssl/certs"
find "$root/usr/share/ca-certificates" -name '*.crt' 2>/dev/null | LC_ALL=C sort | while read -r certificate; do
    cat "$certificate"
done >"$root/etc/ssl/certs/ca-certificates.crt"

# Programs of the packages, and what only people read; licences stay.
rm -rf "$root/bin" "$root/sbin" "$root/usr/bin" "$root/usr/sbin" "$root/etc/apt" "$root/var/lib/apt" "$root/var/cache" "$root/var/log" \
    "$root/usr/share/man" "$root/usr/share/info" "$root/usr/share/locale" "$root/usr/share/lintian" "$root/usr/lib/apt" "$root/boot" \
    "$root/etc/hostname" "$root/etc/hosts" "$root/etc/resolv.conf" "$root/home" "$root/media" "$root/mnt" "$root/srv" "$root/etc/cron.daily" "$root/etc/dpkg"
find "$root/usr/share/doc" -type f ! -name copyright -delete 2>/dev/null || true

mkdir -p "$root/usr/bin" "$root/etc" "$root/usr/share/doc/weft"
install -m 0755 "$program" "$root/usr/bin/weft"
install -m 0644 "$here/../../LICENSE" "$root/usr/share/doc/weft/copyright"
printf 'root:x:0:0:root:/:/nonexistent\nweft:x:10001:10001:Weft:/:/nonexistent\n' >"$root/etc/passwd"
printf 'root:x:0:\nweft:x:10001:\n' >"$root/etc/group"
mkdir -p "$root/tmp"
chmod 1777 "$root/tmp"
chmod 0755 "$root"

# One layer, the same bytes from the same files.
tar --create --file "$folder/layer.tar" --directory "$root" --sort=name --format=posix --numeric-owner --owner=0 --group=0 \
    --mtime="@$SOURCE_DATE_EPOCH" --pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime .
gzip --no-name --best "$folder/layer.tar" --stdout >"$folder/layer.tar.gz"

sum() { sha256sum "$1" | cut -d ' ' -f 1; }
size() { stat --format %s "$1"; }
# Puts a file among the blobs and says its digest.
blob() {
    digest=$(sum "$1")
    cp "$1" "$layout/blobs/sha256/$digest"
    echo "$digest"
}

layer=$(blob "$folder/layer.tar.gz")
cat >"$folder/config.json" <<JSON
{"created":"$created","architecture":"$architecture","os":"linux",
"config":{"User":"10001:10001","ExposedPorts":{"3000/tcp":{}},"Env":["PATH=/usr/bin","WEFT_LISTEN=0.0.0.0:3000"],
"Entrypoint":["/usr/bin/weft"],"Cmd":["serve"],"WorkingDir":"/","StopSignal":"SIGTERM",
"Labels":{"org.opencontainers.image.title":"weft","org.opencontainers.image.version":"$version","org.opencontainers.image.licenses":"Apache-2.0"}},
"rootfs":{"type":"layers","diff_ids":["sha256:$(sum "$folder/layer.tar")"]},
"history":[{"created":"$created","created_by":"deploy/image/build.sh"}]}
JSON
config=$(blob "$folder/config.json")
cat >"$folder/manifest.json" <<JSON
{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",
"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:$config","size":$(size "$folder/config.json")},
"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:$layer","size":$(size "$folder/layer.tar.gz")}]}
JSON
manifest=$(blob "$folder/manifest.json")
printf '{"imageLayoutVersion":"1.0.0"}' >"$layout/oci-layout"
cat >"$layout/index.json" <<JSON
{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[
{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:$manifest","size":$(size "$folder/manifest.json"),
"platform":{"architecture":"$architecture","os":"linux"},
"annotations":{"org.opencontainers.image.ref.name":"$version","io.containerd.image.name":"docker.io/library/weft:$version"}}]}
JSON
# Older tools read this file in place of the index.
printf '[{"Config":"blobs/sha256/%s","RepoTags":["weft:%s"],"Layers":["blobs/sha256/%s"]}]' "$config" "$version" "$layer" >"$layout/manifest.json"

mkdir -p "$(dirname "$archive")"
tar --create --file "$archive" --directory "$layout" --sort=name --format=ustar --numeric-owner --owner=0 --group=0 \
    --mtime="@$SOURCE_DATE_EPOCH" blobs index.json manifest.json oci-layout
echo "$archive: weft:$version for linux/$architecture, $(size "$folder/layer.tar.gz") bytes of layer, digest sha256:$manifest"
