//! The disk: temporary files without a name, and the check that there is room for them.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use super::{
    language::say,
    problem::{Kind, Problem, Result},
};

/// The place of temporary files for data that does not fit in memory.
#[derive(Clone, Debug, Default)]
pub struct Spool {
    /// The folder of the files; the system's folder for temporary files when none is given.
    pub folder: Option<PathBuf>,
    /// The file of the database, when that is on a local disk.
    pub database: Option<PathBuf>,
    /// The number of bytes that must remain free after the data has been stored; 0 means that free space is not checked.
    pub spare: u64,
}

impl Spool {
    /// Creates a file without a name. It is deleted when it is closed, also when the process dies.
    ///
    /// # Errors
    /// When the disk is full (507), or the folder cannot be written to (500).
    pub fn file(&self) -> Result<File> {
        match &self.folder {
            Some(folder) => tempfile::tempfile_in(folder),
            None => tempfile::tempfile(),
        }
        .map_err(failed)
    }

    /// Checks that there is room for a number of bytes, in the folder and where the database is.
    ///
    /// # Errors
    /// When there is not (507).
    pub fn require_room(&self, bytes: u64) -> Result<()> {
        let system = std::env::temp_dir();
        let database = self.database.as_deref().map(|file| file.parent().filter(|folder| !folder.as_os_str().is_empty()));
        let folders = [Some(self.folder.as_deref().unwrap_or(&system)), database.map(|folder| folder.unwrap_or(Path::new(".")))];
        let needed = bytes.saturating_add(self.spare);
        let is_full = folders.into_iter().flatten().filter_map(free_bytes).any(|free| free < needed);
        if self.spare > 0 && is_full {
            let mebibytes = needed.div_ceil(1 << 20);
            return Err(Problem::new(Kind::StorageFull).detail(say!(
                "Det finns inte plats på disken för det här: {mebibytes} MiB behöver vara lediga. Ingenting har sparats. Kontakta driften, och försök igen när det finns plats.",
                "There is no room on the disk for this: {mebibytes} MiB must be free. Nothing was saved. Contact the operator, and try again when there is room."
            )));
        }
        Ok(())
    }
}

/// Returns the number of free bytes on the disk of a folder; `None` when the system does not say.
fn free_bytes(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Returns the problem for a temporary file that cannot be read or written: a full disk (507), or a fault of ours (500).
#[must_use]
pub fn failed(error: io::Error) -> Problem {
    if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
        return Problem::new(Kind::StorageFull);
    }
    Problem::internal(&format_args!("a file that waits could not be read or written: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_without_room_on_the_disk_is_refused_before_it_arrives() {
        let spool = |spare| Spool { spare, database: Some("samsyn.db".into()), ..Spool::default() };
        assert!(spool(1).require_room(1).is_ok());
        assert_eq!(spool(u64::MAX).require_room(1).err().map(|problem| problem.kind), Some(Kind::StorageFull));
        assert!(spool(0).require_room(u64::MAX).is_ok(), "free space is not checked");
    }
}
