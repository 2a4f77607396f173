//! The disk: what may wait there in files without a name, and whether there is room for it.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use super::{
    language::say,
    problem::{Kind, Problem, Result},
};

/// Where what does not fit in memory waits, and how much room is left for others.
#[derive(Clone, Debug, Default)]
pub struct Spool {
    /// The folder; the system's own unless there is one.
    pub folder: Option<PathBuf>,
    /// The file of the database, where that is on a disk of ours.
    pub database: Option<PathBuf>,
    /// How many bytes must be left when all that comes has been stored; 0 means that nobody looks.
    pub spare: u64,
}

impl Spool {
    /// A file without a name, which is gone when it is let go of, also when the process dies.
    ///
    /// # Errors
    /// When there is no room, or the folder cannot be written in.
    pub fn file(&self) -> Result<File> {
        match &self.folder {
            Some(folder) => tempfile::tempfile_in(folder),
            None => tempfile::tempfile(),
        }
        .map_err(failed)
    }

    /// Whether there is room for so many bytes.
    ///
    /// # Errors
    /// When there is not.
    pub fn room(&self, bytes: u64) -> Result<()> {
        let system = std::env::temp_dir();
        let database = self.database.as_deref().map(|file| file.parent().filter(|folder| !folder.as_os_str().is_empty()));
        let folders = [Some(self.folder.as_deref().unwrap_or(&system)), database.map(|folder| folder.unwrap_or(Path::new(".")))];
        let needed = bytes.saturating_add(self.spare);
        let is_full = folders.into_iter().flatten().filter_map(free).any(|free| free < needed);
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

/// How many bytes are free where a folder is; nothing where that cannot be told.
fn free(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// What becomes of a file that cannot be read or written.
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
    fn what_has_no_room_is_refused_before_it_comes() {
        let spool = |spare| Spool { spare, database: Some("samsyn.db".into()), ..Spool::default() };
        assert!(spool(1).room(1).is_ok());
        assert_eq!(spool(u64::MAX).room(1).err().map(|problem| problem.kind), Some(Kind::StorageFull));
        assert!(spool(0).room(u64::MAX).is_ok(), "nobody looks");
    }
}
