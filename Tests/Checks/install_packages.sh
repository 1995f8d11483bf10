#!/bin/bash
# Installs those of the named Debian packages that are missing. Asks the network for nothing when none is.
set -euo pipefail

if ! command -v dpkg-query >/dev/null; then
  echo "make: this is not Debian; going on as if these were installed under the names they have here: $*" >&2
  exit
fi
missing=()
for package in "$@"; do
  status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" != 0 ]; then
  echo "make: these packages are missing: ${missing[*]}; install them with \`sudo apt-get install ${missing[*]}\`" >&2
  exit 1
fi
echo "Installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq -o Dpkg::Use-Pty=0 --no-install-recommends "${missing[@]}"
