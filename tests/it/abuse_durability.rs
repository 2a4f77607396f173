//! What is acknowledged is kept, whatever the disk does.
