//! Black-box tests: the user is a client. Each test has a service of its own, on `SQLite` and on `PostgreSQL`, with a clock
//! that stands still and ids that are counted, so that answers are the same each time and on both databases.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what it expects by failing")]

mod abuse_accounts;
mod abuse_audit;
mod abuse_clients;
mod abuse_durability;
mod abuse_errors;
mod abuse_federation;
mod abuse_floods;
mod abuse_forums;
mod abuse_http;
mod abuse_limits;
mod abuse_liveness;
mod abuse_machines;
mod abuse_operations;
mod abuse_oracles;
mod abuse_overload;
mod abuse_policy;
mod abuse_privacy;
mod abuse_puppets;
mod abuse_secrecy;
mod abuse_takeovers;
mod abuse_texts;
mod abuse_tokens;
mod abuse_webhooks;
mod access;
mod assessments;
mod bad_input;
mod batch;
mod chapters;
mod concurrency;
mod conduct;
mod contract;
mod exports;
mod feed;
mod feed_checker;
mod fixtures;
mod follower;
mod forums;
mod harness;
mod house;
mod imports;
mod mandates;
mod merging;
mod policy;
mod priorities;
mod random_walk;
mod registers;
mod registry;
mod round_trip;
mod searches;
mod sources;
mod story;
mod visibility;
mod webhooks;
