#!/usr/bin/env bash
# Fuzzes one target after the other, each for some seconds.
#
#   fuzz/run.sh                      all, 60 seconds each
#   fuzz/run.sh SECONDS TARGET ...   some
#
# Needs a nightly toolchain and cargo-fuzz. What is found on the way stays in fuzz/target/found, what fails
# in fuzz/artifacts. Memory is bounded: a decoder that believes a length it has read fails.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# The sanitizer takes SQLite's globals, which only C has compiled, for defined twice.
export ASAN_OPTIONS=detect_odr_violation=0${ASAN_OPTIONS:+:$ASAN_OPTIONS}

seconds=${1:-60}
targets=("${@:2}")
if [ ${#targets[@]} -eq 0 ]; then
  mapfile -t targets < <(cargo +nightly fuzz list)
fi

for target in "${targets[@]}"; do
  echo "== $target"
  mkdir -p "fuzz/target/found/$target"
  # The first directory takes what is found; the seeds are only read.
  cargo +nightly fuzz run "$target" "fuzz/target/found/$target" "fuzz/corpus/$target" -- \
    -max_total_time="$seconds" -max_len=8192 -timeout=10 -malloc_limit_mb=16 -print_final_stats=1
done
