//! What is sent over a connection, and how much of it, disturbs nobody else.
