//! Nothing tells more than the answer does.
