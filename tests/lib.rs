//! Black-box tests of the running service; see `it/main.rs`.
