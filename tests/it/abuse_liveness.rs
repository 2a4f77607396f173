//! The service lives through a database that stops, turns read-only or waits.
