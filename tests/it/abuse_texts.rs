//! Texts, times and claims that are not what they seem.
