#!/usr/bin/env bash
# Fuzzes every target for a while, two at a time: fuzz.sh [SECONDS_EACH] [TARGET…]. Needs nightly Rust and g++.
# `cargo +nightly fuzz run --sanitizer none TARGET` does the same for one of them.
set -eu
cd "$(dirname "$0")"
seconds=${1:-300}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(ls fuzz_targets/*.rs | sed 's|.*/||; s|\.rs$||' | grep -v shared)
# Couler itself has no unsafe code, so coverage is wanted and no sanitizer.
export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=4"
# With a target named, the flags are not those of build scripts.
triple=$(rustc +nightly -vV | sed -n "s/^host: //p")
nice -n 10 cargo +nightly build --release --quiet --bins --target "$triple"
mkdir -p work/seeds
python3 seeds.py
fuzz() {
    mkdir -p "work/$1" "work/seeds/$1" "corpus/$1" "artifacts/$1"
    local started log="work/$1.log"
    started=$(date +%s)
    nice -n 19 bash -c 'time -p "$@"' fuzz "target/$triple/release/$1" "work/$1" "corpus/$1" "work/seeds/$1" \
        -max_total_time="$seconds" -timeout=10 -rss_limit_mb=3000 -max_len=4000 -print_final_stats=1 \
        -artifact_prefix="artifacts/$1/" >"$log" 2>&1 && ended=well || ended=FAILED
    echo "$1: $ended after $(($(date +%s) - started)) s, $(grep -E '^(user|stat::number_of_executed|stat::average_exec)' "$log" | tr '\n' ' ')"
}
export -f fuzz
export seconds triple
printf '%s\n' "${targets[@]}" | xargs -P 2 -I {} bash -c 'fuzz {}'
