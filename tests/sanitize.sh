#!/usr/bin/env bash
# The tests of the kernels, which hold the unsafe code, under AddressSanitizer (on this machine's vectors) or Miri (without).
#   tests/sanitize.sh address|miri [FILTER]
# In a crate of their own, as neither needs Candle or the window. Miri needs a nightly toolchain and its component miri;
# AddressSanitizer is in every toolchain, and RUSTC_BOOTSTRAP has it taken. The fuzzers: SANITIZER=address tests/fuzz/run.
set -euo pipefail
cd "$(dirname "$0")/.."
sources=$PWD/src crate=$PWD/target/sanitize
mkdir -p "$crate/src"
version() { sed -n "s/^$1 = /$1 = /p" Cargo.toml; }
cat >"$crate/Cargo.toml" <<TOML
[package]
name = "kernels"
version = "0.0.0"
edition = "2024"
[dependencies]
$(version gemm)
$(version pulp)
$(version rayon)
[workspace]
[profile.release]
debug-assertions = true
TOML
cp Cargo.lock "$crate/"
ln -sfn "$sources/rng.rs" "$sources/model/ops/kernels.rs" "$sources/model/ops/kernels" -t "$crate/src"
cat >"$crate/src/lib.rs" <<RUST
#![allow(dead_code, unsafe_code)]
pub mod kernels;
pub mod model {
    pub mod ops {
        pub use crate::kernels;
    }
}
pub mod rng;
RUST
cd "$crate"
case $1 in
address) RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address cargo test --release --lib --target x86_64-unknown-linux-gnu "${@:2}" ;;
# Rayon's queues need the newer model of borrows; its threads never end, which would count as leaks.
miri) MIRIFLAGS="-Zmiri-tree-borrows -Zmiri-permissive-provenance -Zmiri-ignore-leaks" cargo +nightly miri test --lib "${@:2}" ;;
*) echo "usage: tests/sanitize.sh address|miri [FILTER]" >&2 && exit 2 ;;
esac
