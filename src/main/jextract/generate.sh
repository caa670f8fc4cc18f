#!/usr/bin/env bash
# Generates the Java bindings of the C ABI, and their whitelist, from native/include/oft/c_api.h and
# the headers beneath it.
#
# usage: generate.sh JEXTRACT COMMIT    write oft.includes and the package internal.ffm
#        generate.sh JEXTRACT --check   write nothing; exit 1 with a diff if they are out of date
#
# JEXTRACT is the program, built from github.com/openjdk/jextract at COMMIT. Take dd32493be8c8: the
# output of later revisions calls SymbolLookup.findOrThrow, which JDK 22 lacks.
set -euo pipefail

fail() {
  echo "generate.sh: $1" >&2
  exit 2
}

[[ $# -eq 2 ]] || fail "usage: generate.sh JEXTRACT COMMIT|--check"
jextract=$(type -P "$1") || fail "'$1' is no program; give the path of jextract"
jextract=$(realpath -s "$jextract")
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."  # bindings quote the header's path as it is given

include=native/include
header=$include/oft/c_api.h
includes=src/main/jextract/oft.includes
package=io.github.oft4j.internal.ffm
bindings=src/main/java/${package//.//}
[[ -f $header ]] || fail "no $header; run from a whole checkout"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
new_includes=$work/oft.includes
new_bindings=$work/java/${package//.//}

if [[ $2 == --check ]]; then
  [[ -f $bindings/OftC.java ]] || fail "no bindings in $bindings; run generate.sh JEXTRACT COMMIT"
  commit=$(sed -n '1s|.* openjdk/jextract ||p' "$bindings/OftC.java")
else
  commit=$2
fi

# The whitelist: what the headers themselves declare, but for their structs, which are opaque.
"$jextract" --include-dir "$include" --dump-includes "$work/dump" "$header" 2> "$work/log" ||
  fail "$(< "$work/log")"
awk -v header="/${header%.h}" \
  'index($0, header) && /^--include-(constant|function|typedef) / { print $1, $2 }' \
  "$work/dump" | LC_ALL=C sort > "$new_includes"

# No --library: symbols are looked up in what System.load has loaded. Where jextract cannot bind a
# symbol it warns, leaves it out and exits with 0.
"$jextract" --include-dir "$include" "@$new_includes" --target-package "$package" \
  --header-class-name OftC --output "$work/java" "$header" 2> "$work/log" || fail "$(< "$work/log")"
! grep -q warning: "$work/log" || fail "$(< "$work/log")"
read -r hash _ < <(LC_ALL=C; cat "$header" "${header%.h}"/*.h | sha256sum)
sed -i "1i // $header sha256:$hash, openjdk/jextract $commit" "$new_bindings"/*.java

if [[ $2 == --check ]]; then
  diff -u "$includes" "$new_includes" && diff -ru "$bindings" "$new_bindings"
else
  cp "$new_includes" "$includes"
  rm -rf "$bindings"
  mkdir -p "$bindings"
  cp "$new_bindings"/*.java "$bindings"
fi
