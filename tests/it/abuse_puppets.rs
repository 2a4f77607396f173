//! Nobody reaches through another account what they may not reach themselves.
