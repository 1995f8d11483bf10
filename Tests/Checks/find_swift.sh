#!/bin/bash
# Prints the path of `swift`, or nothing. Looks where a login shell of the given user, who may have called sudo, finds it.
set -u
user=${1:-}

if found=$(command -v swift); then
  echo "$found"
  exit
fi
places=(/opt/swift*/usr/bin /usr/local/swift*/usr/bin /usr/libexec/swift/*/bin "$HOME"/.local/share/swiftly/toolchains/*/usr/bin)
if [ -n "$user" ]; then
  home=$(getent passwd "$user" | cut -d: -f6)
  places+=("$home"/.local/share/swiftly/toolchains/*/usr/bin)
fi
for place in "${places[@]}"; do
  if [ -x "$place/swift" ]; then
    echo "$place/swift"
    exit
  fi
done
if [ -n "$user" ] && [ "$(id -u)" = 0 ]; then
  runuser -l "$user" -c 'command -v swift' 2>/dev/null
fi
exit 0
