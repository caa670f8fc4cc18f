#!/usr/bin/env bash
# Builds liboft for NVIDIA devices in build/cuda, against libtorch and CUDA libraries that pip brings
# into the user's cache, once.
#
#   native/cuda/build.sh [argument of cmake --build]...
#
# nvcc is $CUDACXX, that of $CUDA_HOME, that of the PATH or that of /usr/local/cuda.
set -euo pipefail

version=2.14.1
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
libtorch=${XDG_CACHE_HOME:-$HOME/.cache}/oft4j/libtorch-$version-cuda

fail() {
  printf 'native/cuda/build.sh: %s\n' "$*" >&2
  exit 1
}

find_nvcc() {
  local candidate
  for candidate in "${CUDACXX:-}" "${CUDA_HOME:+$CUDA_HOME/bin/nvcc}" "$(command -v nvcc)" \
    /usr/local/cuda/bin/nvcc; do
    if [[ -n $candidate && -x $candidate ]]; then
      printf '%s\n' "$candidate"
      return
    fi
  done
  fail "there is no nvcc: install the CUDA toolkit, version 13, or set CUDACXX to its bin/nvcc"
}

# The libraries that the wheel of torch asks for, without its Python packages.
cuda_requirements() {
  python3 - "$1" << 'EOF'
import importlib.metadata
import sys

(torch,) = importlib.metadata.distributions(name="torch", path=[sys.argv[1]])
for requirement in torch.requires:
    if requirement.startswith(("cuda-toolkit", "nvidia-")):
        print(requirement.split(";")[0].strip())
EOF
}

fetch_libtorch() {
  local part=$libtorch.part requirements
  local pip=(python3 -m pip install --quiet --disable-pip-version-check --retries 0 --no-compile
    --only-binary :all: --target "$part")
  printf 'fetching libtorch %s for CUDA into %s, once (4.5 GB)\n' "$version" "$libtorch"
  rm -rf "$part" "$libtorch"
  "${pip[@]}" --no-deps "torch==$version"
  [[ -f $part/torch/lib/libtorch_cuda.so ]] ||
    fail "pip brought a torch $version without CUDA: name an index that has it by PIP_INDEX_URL"
  requirements=$(cuda_requirements "$part")
  mapfile -t requirements <<< "$requirements"
  "${pip[@]}" "${requirements[@]}"
  touch "$part/complete"
  mv "$part" "$libtorch"
}

nvcc=$(find_nvcc)
mkdir -p "$(dirname "$libtorch")"
exec 9> "$libtorch.lock"
flock 9
[[ -f $libtorch/complete ]] || fetch_libtorch
flock -u 9

cd "$root"
cmake --preset cuda -DCMAKE_CUDA_COMPILER="$nvcc" -DCMAKE_PREFIX_PATH="$libtorch/torch"
cmake --build --preset cuda "$@"
