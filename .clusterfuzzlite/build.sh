#!/bin/bash -eu
# What the engine calls: builds every target, and lays seeds and dictionaries beside it.
cd "$SRC/corsuite"
cargo fuzz build -O
for target in $(cargo fuzz list); do
  if [ "$target" = empty ]; then continue; fi
  cp "fuzz/target/x86_64-unknown-linux-gnu/release/$target" "$OUT/"
  (cd "fuzz/seeds/$target" && zip -q -r "$OUT/${target}_seed_corpus.zip" .)
  if [ -f "fuzz/dictionaries/$target.dict" ]; then
    cp "fuzz/dictionaries/$target.dict" "$OUT/"
  fi
done
