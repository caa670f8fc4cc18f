#!/usr/bin/env bash
# The border, read off the library's symbol table: its C symbols are the functions of the headers,
# the plain C tests call each of them, and all else that it shows is C++ of namespace oft.
#
# usage: check_exports.sh LIBRARY HEADERS C_TEST...    HEADERS: the folder of the C ABI
set -euo pipefail
export LC_ALL=C

library=$1 headers=$2
shift 2
failed=0

expect_empty() {
  if [[ -n $2 ]]; then
    printf '%s:\n%s\n' "$1" "$2"
    failed=1
  fi
}

exported=$(nm --dynamic --defined-only --format=posix "$library" | cut -d ' ' -f 1 | sort -u)
c_symbols=$(grep -v '^_Z' <<< "$exported")
cpp_symbols=$(grep '^_Z' <<< "$exported" | c++filt)
declared=$(cat "$headers"/*.h | tr '\n' ' ' | grep -oE 'OFT_API [^;(]*\(' |
  grep -oE 'oft_[a-z0-9_]+ *\($' | tr -d ' (' | sort -u)
called=$(grep -ohE '\boft_[a-z0-9_]+ *\(' "$@" | tr -d ' (' | sort -u)

expect_empty "exported, but not in $headers" "$(comm -13 <(echo "$declared") <(echo "$c_symbols"))"
expect_empty "in $headers, but not exported" "$(comm -23 <(echo "$declared") <(echo "$c_symbols"))"
expect_empty "called by no C test" "$(comm -23 <(echo "$declared") <(echo "$called"))"
expect_empty "C++ beyond namespace oft" \
  "$(grep -vE '^((typeinfo|typeinfo name|vtable) for )?oft::' <<< "$cpp_symbols" || true)"

echo "$(wc -l <<< "$declared") C functions, $(wc -l <<< "$cpp_symbols") C++ symbols exported"
exit $failed
