//! No file that is imported drowns the service.
